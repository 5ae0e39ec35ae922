/*
 * arm/cpu/syndrome.c - see syndrome.h.
 */
#include "arm/cpu/syndrome.h"

#define ESR_EC_SHIFT 26
#define ESR_EC (0x3full << ESR_EC_SHIFT)
#define ESR_IL (1ull << 25)
#define ESR_ISS 0x1ffffffu

#define WATCH_WPT_SHIFT 18 /* six bits: the number of the watchpoint */
#define WATCH_WPTV (1u << 17)
#define WATCH_FNV (1u << 10)
#define WATCH_WNR (1u << 6)

uint64_t arm_syndrome_join(uint32_t hsr, uint32_t hsr_high, bool high_valid)
{
	return hsr | (high_valid ? (uint64_t)hsr_high << 32 : 0);
}

static ArmTrapKind trap_kind(uint8_t ec)
{
	switch (ec) {
	case ARM_EC_BREAKPOINT_LOWER:
	case ARM_EC_BREAKPOINT_SAME:
		return ARM_TRAP_BREAKPOINT;
	case ARM_EC_STEP_LOWER:
	case ARM_EC_STEP_SAME:
		return ARM_TRAP_STEP;
	case ARM_EC_WATCHPOINT_LOWER:
	case ARM_EC_WATCHPOINT_SAME:
		return ARM_TRAP_WATCHPOINT;
	case ARM_EC_BKPT32:
	case ARM_EC_BRK64:
		return ARM_TRAP_INSN;
	default:
		return ARM_TRAP_OTHER;
	}
}

ArmSyndrome arm_syndrome_decode(uint64_t esr)
{
	ArmSyndrome syndrome = {
		.ec = (esr & ESR_EC) >> ESR_EC_SHIFT,
		.il = esr & ESR_IL,
		.iss = esr & ESR_ISS,
		.watch = -1,
	};
	uint32_t iss = syndrome.iss;

	syndrome.kind = trap_kind(syndrome.ec);
	if (syndrome.kind == ARM_TRAP_WATCHPOINT) {
		syndrome.write = iss & WATCH_WNR;
		syndrome.far_valid = !(iss & WATCH_FNV);
		if (iss & WATCH_WPTV)
			syndrome.watch = iss >> WATCH_WPT_SHIFT & 0x3f;
	}
	return syndrome;
}

uint64_t arm_syndrome_route(uint64_t esr, unsigned from_el, unsigned to_el)
{
	ArmTrapKind kind = arm_syndrome_decode(esr).kind;
	uint64_t same = 1ull << ESR_EC_SHIFT;

	if (kind == ARM_TRAP_OTHER || kind == ARM_TRAP_INSN)
		return esr;
	return from_el == to_el ? esr | same : esr & ~same;
}
