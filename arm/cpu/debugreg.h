/*
 * arm/cpu/debugreg.h - call me: hardware breakpoints and watchpoints in DBGBCR/DBGBVR,
 * DBGWCR/DBGWVR.
 *
 * Owns: which registers serve which points, and which point a hit means (Arm ARM D2.8, D2.9;
 * D24.3.1 to D24.3.12). Pure: no KVM header, no state.
 *
 * One watchpoint register watches any run of bytes inside 8 aligned ones (BAS), or an aligned power
 * of two from 16 bytes to 2 GiB (MASK). Anything else is put together from several.
 */
#ifndef VMGDB_ARM_CPU_DEBUGREG_H
#define VMGDB_ARM_CPU_DEBUGREG_H

#include "arm/cpu/syndrome.h"
#include "gdbstub/target.h"

#define ARM_N_SLOTS 16 /* the architecture's limit; struct kvm_guest_debug_arch has as many */

/* Register values; those from @n_breaks and @n_watches on are 0. */
typedef struct ArmSlots {
	unsigned n_breaks, n_watches; /* in use */
	uint64_t bcr[ARM_N_SLOTS];
	uint64_t bvr[ARM_N_SLOTS];
	uint64_t wcr[ARM_N_SLOTS];
	uint64_t wvr[ARM_N_SLOTS];
} ArmSlots;

/*
 * arm_slots_encode: registers for @points, active in EL0 and EL1, of which the CPU has @n_breaks
 * and
 * @n_watches (more than ARM_N_SLOTS are not used). Execution breakpoints (GDB_BREAK_HW, and
 * GDB_BREAK_SW that sits in hardware) have kind 4, or 2 or 3 for Thumb code. Addresses lose their
 * tag: bits 63:56 become bit 55. What is the same in two points takes one register, also when one
 * is for reads and the other for writes.
 * Errors, one plain line each: INVAL (kind, alignment, no length, or it wraps), NOSPC (the message
 * says how many registers there are and how many are needed), UNSUPPORTED (the CPU has none of that
 * sort). *ret is untouched then.
 */
bool arm_slots_encode(const GdbBreak *points, unsigned n, unsigned n_breaks, unsigned n_watches,
		      ArmSlots *ret, GError **error);

/*
 * @point: index, or -1: none of ours. @addr: of a watch, the data address, inside the point. @also:
 * other watches that hold that byte, too: the CPU does not tell which of them it means.
 */
#define ARM_ALSO_MAX 3
typedef struct ArmHit {
	int point;
	uint64_t addr;
	unsigned n_also;
	struct {
		unsigned point;
		uint64_t addr;
	} also[ARM_ALSO_MAX];
} ArmHit;

/*
 * arm_slots_decode: which of @points does a breakpoint or watchpoint exception mean? @slots: made
 * from the same points. @pc: of the CPU; @far: of the exit.
 * Breakpoint: the execution point at @pc.
 * Watchpoint: of those for the kind of access (of all, if none is for it), the one nearest to @far.
 * While KVM debugs, the registers are ours, so some point must be meant: an access may begin far
 * below what is watched (16-byte and vector accesses, DC ZVA), so distance has no limit, and @addr
 * is moved into the point. For an invalid FAR the number of the watchpoint stands in, or else the
 * first point is taken. @addr has the tag that the client gave to the point.
 */
ArmHit arm_slots_decode(const ArmSlots *slots, const GdbBreak *points, unsigned n,
			const ArmSyndrome *syndrome, uint64_t pc, uint64_t far);

#endif
