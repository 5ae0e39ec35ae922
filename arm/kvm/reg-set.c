/*
 * arm/kvm/reg-set.c - which registers a vCPU has, as a set for the protocol.
 *
 * The vector registers depend on the vCPU's longest vector, the system registers are what
 * KVM_GET_REG_LIST (KVM api.txt 4.69) lists.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "arm/cpu/sysregs.h"
#include "arm/kvm/reg-table.h"
#include "arm/kvm/vcpu.h"
#include "xml/resources.h"

#define MAX_REG_LIST 4096

/* The text stays as long as the program: it is part of it. */
static const char *types_text(const char *name)
{
	g_autofree char *path = g_strdup_printf("/org/vmgdb/xml/%s.xml", name);
	g_autoptr(GBytes) bytes = g_resource_lookup_data(vmgdb_get_resource(), path, 0, NULL);

	g_assert(bytes);
	return g_bytes_get_data(bytes, NULL);
}

static const char *numbered(const char *stem, unsigned n)
{
	g_autofree char *name = g_strdup_printf("%s%u", stem, n);

	return g_intern_string(name);
}

static void append(GArray *rows, const char *name, unsigned num, unsigned bits, const char *type,
		   const char *group, ArmSource source, uint64_t id)
{
	GdbReg row = {name, num, bits, type, group, source, id};

	g_array_append_val(rows, row);
}

static void add(GdbRegSet *set, const char *name, const char *types, const GArray *rows)
{
	GdbFeature feature = {name, types, (const GdbReg *)rows->data, rows->len};

	gdb_reg_set_add(set, &feature);
}

static void append_fp_control(GArray *rows)
{
	append(rows, "fpsr", ARM_NUM_FPSR, 32, "int", "float", ARM_FROM_ONE,
	       ARM_CORE(U32, fp_regs.fpsr));
	append(rows, "fpcr", ARM_NUM_FPCR, 32, "int", "float", ARM_FROM_ONE,
	       ARM_CORE(U32, fp_regs.fpcr));
}

static void add_fpu(GdbRegSet *set)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(GdbReg));

	for (unsigned n = 0; n < 32; n++)
		append(rows, numbered("v", n), ARM_NUM_V0 + n, 128, "aarch64v", "float",
		       ARM_FROM_ONE, ARM_CORE(U128, fp_regs.vregs[0]) + 4 * n);
	append_fp_control(rows);
	add(set, "org.gnu.gdb.aarch64.fpu", types_text("arm-fpu"), rows);
}

/* ---- SVE: gdb makes $v0, $d0 and so on of the first 128 bits itself ---- */

static void append_view(GString *xml, GString *fields, char view, unsigned bits, unsigned vq,
			const char *float_type)
{
	unsigned count = vq * 128 / bits;

	g_string_append_printf(fields, "<field name=\"%c\" type=\"svev_%c\"/>", view, view);
	if (float_type != NULL)
		g_string_append_printf(xml, "<vector id=\"svev_%cf\" type=\"%s\" count=\"%u\"/>\n",
				       view, float_type, count);
	g_string_append_printf(xml,
			       "<vector id=\"svev_%cu\" type=\"uint%u\" count=\"%u\"/>\n"
			       "<vector id=\"svev_%cs\" type=\"int%u\" count=\"%u\"/>\n"
			       "<union id=\"svev_%c\">",
			       view, bits, count, view, bits, count, view);
	if (float_type != NULL)
		g_string_append_printf(xml, "<field name=\"f\" type=\"svev_%cf\"/>", view);
	g_string_append_printf(xml,
			       "<field name=\"u\" type=\"svev_%cu\"/>"
			       "<field name=\"s\" type=\"svev_%cs\"/></union>\n",
			       view, view);
}

static const char *sve_types(unsigned vq)
{
	g_autoptr(GString) xml = g_string_new(NULL);
	g_autoptr(GString) fields = g_string_new(NULL);

	append_view(xml, fields, 'q', 128, vq, NULL);
	append_view(xml, fields, 'd', 64, vq, "ieee_double");
	append_view(xml, fields, 's', 32, vq, "ieee_single");
	append_view(xml, fields, 'h', 16, vq, "ieee_half");
	append_view(xml, fields, 'b', 8, vq, NULL);
	g_string_append_printf(xml,
			       "<union id=\"svev\">%s</union>\n"
			       "<vector id=\"svep\" type=\"uint8\" count=\"%u\"/>\n",
			       fields->str, 2 * vq);
	return g_intern_string(xml->str);
}

static void add_sve(GdbRegSet *set, unsigned vq)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(GdbReg));

	for (unsigned n = 0; n < 32; n++)
		append(rows, numbered("z", n), ARM_NUM_V0 + n, 128 * vq, "svev", "vector",
		       ARM_FROM_VECTOR, KVM_REG_ARM64_SVE_ZREG(n, 0));
	append_fp_control(rows);
	for (unsigned n = 0; n < 16; n++)
		append(rows, numbered("p", n), ARM_NUM_P0 + n, 16 * vq, "svep", "vector",
		       ARM_FROM_VECTOR, KVM_REG_ARM64_SVE_PREG(n, 0));
	append(rows, "ffr", ARM_NUM_FFR, 16 * vq, "svep", "vector", ARM_FROM_VECTOR,
	       KVM_REG_ARM64_SVE_FFR(0));
	append(rows, "vg", ARM_NUM_VG, 64, "int", "system", ARM_FROM_VG, 0);
	add(set, "org.gnu.gdb.aarch64.sve", sve_types(vq), rows);
}

/* ---- System registers ---- */

static bool is_sysreg(uint64_t id)
{
	return (id & ~(uint64_t)0xffff) == (ARM_SYS(0, 0, 0, 0, 0) & ~(uint64_t)0xffff);
}

static struct kvm_reg_list *get_list(ArchVcpu *vcpu, GError **error)
{
	g_autofree struct kvm_reg_list *list =
		g_malloc0(sizeof(*list) + MAX_REG_LIST * sizeof(list->reg[0]));

	list->n = MAX_REG_LIST;
	if (ioctl(vcpu->fd, KVM_GET_REG_LIST, list) == 0)
		return g_steal_pointer(&list);
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_GET_REG_LIST: %s", g_strerror(errno));
	return NULL;
}

/*
 * What the EL1 view of the CPU has besides: KVM keeps these among the core registers. Linux' own
 * $lx_current() shifts $SP_EL0, which gdb does not do with a pointer.
 */
static void append_core_system(GArray *rows)
{
	static const struct {
		const char *name, *type;
		uint64_t id;
	} more[] = {
		{"SP_EL0", "int", ARM_CORE(U64, regs.sp)},
		{"SP_EL1", "int", ARM_CORE(U64, sp_el1)},
		{"ELR_EL1", "int", ARM_CORE(U64, elr_el1)},
		{"SPSR_EL1", "spsr_flags", ARM_CORE(U64, spsr[0])},
		{"SPSR_ABT", "int", ARM_CORE(U64, spsr[1])},
		{"SPSR_UND", "int", ARM_CORE(U64, spsr[2])},
		{"SPSR_IRQ", "int", ARM_CORE(U64, spsr[3])},
		{"SPSR_FIQ", "int", ARM_CORE(U64, spsr[4])},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(more); i++)
		append(rows, more[i].name, ARM_NUM_SYSTEM + rows->len, 64, more[i].type, "system",
		       ARM_FROM_ONE, more[i].id);
}

static void append_sysreg(GArray *rows, uint64_t id, const char *name)
{
	unsigned bits = 8u << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
	const char *type = bits == 64 ? arm_sysreg_type((uint16_t)id) : "int";

	append(rows, name, ARM_NUM_SYSTEM + rows->len, bits, type, "system", ARM_FROM_ONE, id);
}

static void add_system(GdbRegSet *set, const struct kvm_reg_list *list)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(GdbReg));

	append_core_system(rows);
	for (uint64_t i = 0; i < list->n; i++) {
		if (is_sysreg(list->reg[i]))
			append_sysreg(rows, list->reg[i], arm_sysreg_name((uint16_t)list->reg[i]));
	}
	/* Behind them, so that the numbers of the others do not depend on the aliases. */
	for (uint64_t i = 0; i < list->n; i++) {
		const char *alias = arm_sysreg_alias((uint16_t)list->reg[i]);

		if (is_sysreg(list->reg[i]) && alias != NULL)
			append_sysreg(rows, list->reg[i], alias);
	}
	add(set, "org.qemu.gdb.arm.sys.regs", types_text("arm-system"), rows);
}

/* ---- The set ---- */

static bool has_sysreg(const struct kvm_reg_list *list, uint64_t id)
{
	for (uint64_t i = 0; i < list->n; i++) {
		if (list->reg[i] == id)
			return true;
	}
	return false;
}

static void add_tls(GdbRegSet *set, const struct kvm_reg_list *list)
{
	const uint64_t tpidr2 = ARM_SYS(3, 3, 13, 0, 5);
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(GdbReg));

	append(rows, "tpidr", ARM_NUM_TLS, 64, "data_ptr", "system", ARM_FROM_ONE,
	       ARM_SYS(3, 3, 13, 0, 2));
	if (has_sysreg(list, tpidr2))
		append(rows, "tpidr2", ARM_NUM_TLS + 1, 64, "data_ptr", "system", ARM_FROM_ONE,
		       tpidr2);
	add(set, "org.gnu.gdb.aarch64.tls", NULL, rows);
}

GdbRegSet *arch_reg_set(ArchVcpu *vcpu, const GdbArchitecture *description, GError **error)
{
	/* What gdb and lldb look at after each step, so that they need not send g. */
	static const unsigned expedited[] = {
		ARM_NUM_FP,
		ARM_NUM_SP,
		ARM_NUM_PC,
		ARM_NUM_CPSR,
	};
	g_autofree struct kvm_reg_list *list = get_list(vcpu, error);
	GdbFeature core = arm_core_feature;

	if (list == NULL)
		return NULL;
	if (description == NULL)
		description = arch_info.descriptions[0];
	GdbRegSet *set = gdb_reg_set_new(description, ARM_NUM_G, ARM_NUM_PC);
	core.types = types_text("arm-core");
	gdb_reg_set_add(set, &core);
	if (vcpu->max_vq > 0)
		add_sve(set, vcpu->max_vq);
	else
		add_fpu(set);
	/* APIAKEYLO_EL1: listed only for a vCPU with pointer authentication. */
	if (has_sysreg(list, ARM_SYS(3, 0, 2, 1, 0)))
		gdb_reg_set_add(set, &arm_pauth_feature);
	add_tls(set, list);
	add_system(set, list);
	gdb_reg_set_expedite(set, expedited, G_N_ELEMENTS(expedited));
	gdb_reg_set_hint(set, arm_hints, arm_n_hints);
	return set;
}
