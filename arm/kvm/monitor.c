/*
 * arm/kvm/monitor.c - the arm64 half of the monitor: registers as QEMU prints them.
 */
#include "kvm/monitor.h"

#include <inttypes.h>
#include <string.h>

#include "arm/cpu/pages.h"
#include "arm/kvm/vcpu.h"

static void show_general(const ArmGeneral *cpu, GString *out)
{
	static const char flags[] = "NZCV";

	g_string_append_printf(out, " PC=%016" PRIx64 " ", cpu->pc);
	for (unsigned i = 0; i < ARM_N_X; i++)
		g_string_append_printf(out, "X%02u=%016" PRIx64 "%s", i, cpu->x[i],
				       (i + 2) % 3 ? " " : "\n");
	g_string_append_printf(out, " SP=%016" PRIx64 "\nPSTATE=%08x ", cpu->sp,
			       (uint32_t)cpu->pstate);
	for (unsigned i = 0; i < 4; i++)
		g_string_append_c(out, cpu->pstate >> (31 - i) & 1 ? flags[i] : '-');
	g_string_append_printf(out, " EL%u%c", (unsigned)(cpu->pstate >> 2 & 3),
			       cpu->pstate & 1 ? 'h' : 't');
}

/* The first bytes of the register @name; FALSE: this guest has none of that name. */
static bool get_named(ArchVcpu *vcpu, const GdbRegSet *set, const char *name, void *buf, size_t len)
{
	const GdbReg *reg = gdb_reg_set_by_name(set, name);
	uint8_t bytes[GDB_REG_MAX_BYTES];

	if (!reg || gdb_reg_bytes(reg) < len || !arch_read_reg(vcpu, reg, bytes, NULL))
		return false;
	memcpy(buf, bytes, len);
	return true;
}

/* With SVE the vectors are the low parts of the z registers. */
static bool get_vector(ArchVcpu *vcpu, const GdbRegSet *set, unsigned n, uint64_t *ret)
{
	char v[8], z[8];

	g_snprintf(v, sizeof(v), "v%u", n);
	g_snprintf(z, sizeof(z), "z%u", n);
	return get_named(vcpu, set, v, ret, 16) || get_named(vcpu, set, z, ret, 16);
}

static void show_vectors(ArchVcpu *vcpu, GString *out)
{
	g_autoptr(GdbRegSet) set = arch_reg_set(vcpu, NULL, NULL);
	uint32_t fpcr, fpsr;
	uint64_t value[2];

	if (!set || !get_named(vcpu, set, "fpcr", &fpcr, 4) ||
	    !get_named(vcpu, set, "fpsr", &fpsr, 4)) {
		g_string_append(out, "    FPU disabled\n");
		return;
	}
	g_string_append_printf(out, "     FPCR=%08x FPSR=%08x\n", fpcr, fpsr);
	for (unsigned i = 0; i < 32 && get_vector(vcpu, set, i, value); i++)
		g_string_append_printf(out, "Q%02u=%016" PRIx64 ":%016" PRIx64 "%s", i, value[1],
				       value[0], i % 2 ? "\n" : " ");
}

bool arch_show_registers(ArchVcpu *vcpu, unsigned index, GString *out, GError **error)
{
	ArmGeneral cpu;

	if (!arm_get_general(vcpu, &cpu, error))
		return false;
	g_string_append_printf(out, "CPU#%u\n", index);
	show_general(&cpu, out);
	show_vectors(vcpu, out);
	return true;
}

/* ---- Commands ---- */

static void show_mem(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t from,
		     GString *out)
{
	ArmRoot own;

	memcpy(&own, root->word, sizeof(own));
	arm_show_mem(&own, read, opaque, from, ARM_SHOW_MAX_LINES, out);
}

static void show_tlb(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t from,
		     GString *out)
{
	ArmRoot own;

	memcpy(&own, root->word, sizeof(own));
	arm_show_tlb(&own, read, opaque, from, ARM_SHOW_MAX_LINES, out);
}

static bool info_mem(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	return monitor_show_pages(target, place, args, out, error, show_mem);
}

static bool info_tlb(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	return monitor_show_pages(target, place, args, out, error, show_tlb);
}

static bool nmi(void *target G_GNUC_UNUSED, GdbPlace place G_GNUC_UNUSED,
		const char *args G_GNUC_UNUSED, GString *out G_GNUC_UNUSED, GError **error)
{
	g_set_error_literal(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
			    "this machine has no non-maskable interrupt: KVM gives an arm64 guest "
			    "none");
	return false;
}

const GdbMonitorCommand arch_monitor_commands[] = {
	{"info mem", "[FROM]", "show what is mapped, with its rights", info_mem,
	 GDB_MONITOR_STOPPED},
	{"info tlb", "[FROM]", "show every mapped page", info_tlb, GDB_MONITOR_STOPPED},
	{"nmi", NULL, "say that there is no non-maskable interrupt on arm64", nmi,
	 GDB_MONITOR_PAUSED},
	{0},
};
