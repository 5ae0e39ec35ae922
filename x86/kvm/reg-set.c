/*
 * x86/kvm/reg-set.c - which of the register rows a guest has, as a set for the protocol.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "x86/cpu/bits.h"
#include "x86/kvm/i386.h"
#include "x86/kvm/reg-access.h"
#include "xml/resources.h"

#define MAX_CPUID_ENTRIES 256 /* KVM takes no more */

static struct kvm_cpuid_entry2 find_leaf(const struct kvm_cpuid_entry2 *entries, unsigned n,
					 uint32_t function)
{
	for (unsigned i = 0; i < n; i++)
		if (entries[i].function == function && entries[i].index == 0)
			return entries[i];
	return (struct kvm_cpuid_entry2){0};
}

unsigned x86_guest_has(const struct kvm_cpuid_entry2 *entries, unsigned n,
		       const X86XsaveLayout *layout)
{
	const uint64_t avx = 1u << X86_XC_AVX, pkru = 1u << X86_XC_PKRU;
	const uint64_t avx512 =
		1u << X86_XC_OPMASK | 1u << X86_XC_ZMM_HI256 | 1u << X86_XC_HI16_ZMM;
	uint64_t components = find_leaf(entries, n, 0xd).eax;
	unsigned has = X86_HAS_XSAVE;

	if (!(find_leaf(entries, n, 1).ecx & X86_CPUID_1_ECX_XSAVE))
		return 0;
	for (unsigned i = 0; i < X86_XC_N; i++)
		if (!layout->size[i])
			components &= ~(1ull << i);
	if (components & avx)
		has |= X86_HAS_AVX;
	if ((components & (avx | avx512)) == (avx | avx512))
		has |= X86_HAS_AVX512;
	if (components & pkru && find_leaf(entries, n, 7).ecx & X86_CPUID_7_ECX_PKU)
		has |= X86_HAS_PKEYS;
	return has;
}

bool x86_guest_is_i386(const struct kvm_cpuid_entry2 *entries, unsigned n)
{
	return n && !(find_leaf(entries, n, 0x80000001).edx & X86_CPUID_EXT1_EDX_LONG_MODE);
}

static bool msr_present(const X86Msr *msrs, uint64_t index)
{
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		if (x86_msr_index[i] == index)
			return msrs[i].present;
	return false;
}

/* The text stays as long as the program: it is part of it. */
static const char *types_text(const char *name)
{
	g_autofree char *path = g_strdup_printf("/org/vmgdb/xml/%s.xml", name);
	g_autoptr(GBytes) bytes = g_resource_lookup_data(vmgdb_get_resource(), path, 0, NULL);

	g_assert(bytes);
	return g_bytes_get_data(bytes, NULL);
}

/* One of the two descriptions that are made of the table. */
typedef struct Shape {
	const GdbArchitecture *architecture;
	unsigned n_g, pc;
	const unsigned *expedited;
	unsigned n_expedited;
	const GdbRegHint *hints;
	const unsigned *n_hints;
	/* As x86_i386_row(), x86_i386_feature() and x86_i386_types(). */
	bool (*row)(const GdbReg *row, GdbReg *ret);
	const char *(*feature)(const char *name);
	const char *(*types)(const char *text);
} Shape;

static bool same_row(const GdbReg *row, GdbReg *ret)
{
	*ret = *row;
	return true;
}

static const char *same_text(const char *text)
{
	return text;
}

static void add_feature(GdbRegSet *set, const Shape *shape, const X86Feature *feature,
			const X86Msr *msrs)
{
	g_autofree GdbReg *rows = g_new(GdbReg, feature->n_rows);
	GdbFeature present = {.name = shape->feature(feature->name), .rows = rows};

	if (!present.name)
		return;
	if (feature->types)
		present.types = shape->types(types_text(feature->types));
	for (unsigned i = 0; i < feature->n_rows; i++) {
		GdbReg *row = &rows[present.n_rows];

		if (shape->row(&feature->rows[i], row) &&
		    (row->source != X86_FROM_MSR || row->num < shape->n_g ||
		     msr_present(msrs, row->id)))
			present.n_rows++;
	}
	gdb_reg_set_add(set, &present);
}

static GdbRegSet *make(const Shape *shape, unsigned has, const X86Msr *msrs)
{
	GdbRegSet *set = gdb_reg_set_new(shape->architecture, shape->n_g, shape->pc);

	for (const X86Feature *feature = x86_features; feature->name; feature++)
		if ((feature->needs & has) == feature->needs)
			add_feature(set, shape, feature, msrs);
	gdb_reg_set_expedite(set, shape->expedited, shape->n_expedited);
	gdb_reg_set_hint(set, shape->hints, *shape->n_hints);
	return set;
}

GdbRegSet *x86_reg_set_new(unsigned has, const X86Msr *msrs)
{
	/* What gdb looks at after each step, so that it need not send g. */
	static const unsigned expedited[] = {
		X86_NUM_RIP, X86_NUM_RSP, X86_NUM_RBP, X86_NUM_EFLAGS, X86_NUM_CS,
	};
	static const Shape shape = {
		&x86_64_architecture,
		X86_NUM_G,
		X86_NUM_RIP,
		expedited,
		G_N_ELEMENTS(expedited),
		x86_hints,
		&x86_n_hints,
		same_row,
		same_text,
		same_text,
	};

	return make(&shape, has, msrs);
}

GdbRegSet *x86_i386_set_new(unsigned has, const X86Msr *msrs)
{
	static const unsigned expedited[] = {
		X86_I386_NUM_EIP,    X86_I386_NUM_ESP, X86_I386_NUM_EBP,
		X86_I386_NUM_EFLAGS, X86_I386_NUM_CS,
	};
	static const Shape shape = {
		&x86_i386_architecture,	 X86_I386_NUM_G, X86_I386_NUM_EIP,  expedited,
		G_N_ELEMENTS(expedited), x86_i386_hints, &x86_i386_n_hints, x86_i386_row,
		x86_i386_feature,	 x86_i386_types,
	};

	return make(&shape, has, msrs);
}

GdbRegSet *arch_reg_set(ArchVcpu *vcpu, const GdbArchitecture *description, GError **error)
{
	struct {
		uint32_t nent, padding;
		struct kvm_cpuid_entry2 entries[MAX_CPUID_ENTRIES];
	} cpuid = {.nent = MAX_CPUID_ENTRIES}; /* struct kvm_cpuid2 with room */
	unsigned has;
	bool i386;

	if (!x86_fetch(vcpu, X86_MSRS, error))
		return NULL;
	if (ioctl(vcpu->fd, KVM_GET_CPUID2, &cpuid) != 0) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_GET_CPUID2: %s",
			    g_strerror(errno));
		return NULL;
	}
	i386 = description ? description == &x86_i386_architecture
			   : x86_guest_is_i386(cpuid.entries, cpuid.nent);
	has = x86_guest_has(cpuid.entries, cpuid.nent, &vcpu->xsave_layout);
	return i386 ? x86_i386_set_new(has, vcpu->msrs) : x86_reg_set_new(has, vcpu->msrs);
}
