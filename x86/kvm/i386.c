/*
 * x86/kvm/i386.c - the description for 32-bit code, made from that for 64 bits: what a 32-bit
 * kernel has keeps its row, under gdb's name and QEMU's number, and is half as wide. Pure.
 */
#include "x86/kvm/i386.h"

#include <string.h>

/* Rows with another name or number than in x86/kvm/reg-table.c. */
static const struct {
	const char *wide, *name;
	unsigned num;
} names[] = {
	{"rax", "eax", 0},
	{"rcx", "ecx", 1},
	{"rdx", "edx", 2},
	{"rbx", "ebx", 3},
	{"rsp", "esp", X86_I386_NUM_ESP},
	{"rbp", "ebp", X86_I386_NUM_EBP},
	{"rsi", "esi", 6},
	{"rdi", "edi", 7},
	{"rip", "eip", X86_I386_NUM_EIP},
	{"eflags", "eflags", X86_I386_NUM_EFLAGS},
	{"cs", "cs", X86_I386_NUM_CS},
	{"ss", "ss", 11},
	{"ds", "ds", 12},
	{"es", "es", 13},
	{"fs", "fs", 14},
	{"gs", "gs", 15},
	{"fs_base", "fs_base", 16},
	{"gs_base", "gs_base", 17},
	{"k_gs_base", "k_gs_base", 18},
	{"cr0", "cr0", 19},
	{"cr2", "cr2", 20},
	{"cr3", "cr3", 21},
	{"cr4", "cr4", 22},
	{"cr8", "cr8", 23},
	{"efer", "efer", 24},
	{"mxcsr", "mxcsr", 49},
	{"orig_rax", "orig_eax", 82},
};

/* st0 to fop lie together in both, 33 to 48 there; so do xmm0 to xmm7. */
#define WIDE_ST0 33
#define WIDE_XMM0 49
#define WIDE_XMM8 57
#define WIDE_MXCSR 65
#define ST0 25
#define XMM0 41
#define WIDE_YMM8H 91
#define WIDE_YMM15H 98

static bool renumber(GdbReg *row)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(row->name, names[i].wide) == 0) {
			row->name = names[i].name;
			row->num = names[i].num;
			return true;
		}
	}
	if (row->num >= WIDE_XMM0 && row->num < WIDE_XMM8)
		row->num += XMM0 - WIDE_XMM0;
	else if (row->num >= WIDE_ST0 && row->num < WIDE_XMM0)
		row->num += ST0 - WIDE_ST0;
	else if (row->num <= WIDE_MXCSR) /* r8 to r15, xmm8 to xmm15 */
		return false;
	return row->num < WIDE_YMM8H || row->num > WIDE_YMM15H;
}

/* Pointers have 32 bits here, and so have the CPU's own registers; an MSR has 64 as ever. */
static void narrow(GdbReg *row)
{
	bool in_g = row->num < X86_I386_NUM_G;

	if (row->bits != 64 || (row->source == X86_FROM_XSAVE && !in_g))
		return;
	if (row->source == X86_FROM_MSR && !in_g) {
		row->type = "int64";
		return;
	}
	row->bits = 32;
	if (strcmp(row->type, "int64") == 0)
		row->type = "int32";
}

bool x86_i386_row(const GdbReg *row, GdbReg *ret)
{
	*ret = *row;
	if (!renumber(ret))
		return false;
	narrow(ret);
	return true;
}

const char *x86_i386_feature(const char *name)
{
	static const struct {
		const char *wide, *name;
	} others[] = {
		/* gdb takes its registers for those of 64-bit code. */
		{"org.gnu.gdb.i386.segments", "org.vmgdb.x86.segments"},
		{"org.gnu.gdb.i386.avx512", NULL},
		{"org.gnu.gdb.i386.pkeys", NULL},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
		if (strcmp(name, others[i].wide) == 0)
			return others[i].name;
	}
	return name;
}

const char *x86_i386_types(const char *text)
{
	g_autoptr(GString) narrowed = g_string_new(text);

	g_string_replace(narrowed, "size=\"8\"", "size=\"4\"", 0);
	g_string_replace(narrowed, "end=\"63\"", "end=\"31\"", 0);
	g_string_replace(narrowed, "end=\"51\"", "end=\"31\"", 0);
	return g_intern_string(narrowed->str);
}

#define ST_HINT(n)                                                                                 \
	{                                                                                          \
		ST0 + n, 11 + n, NULL                                                              \
	}
#define XMM_HINT(n)                                                                                \
	{                                                                                          \
		XMM0 + n, 21 + n, NULL                                                             \
	}
#define UP_TO_7(M) M(0), M(1), M(2), M(3), M(4), M(5), M(6), M(7)

const GdbRegHint x86_i386_hints[] = {
	{0, 0, NULL},
	{1, 1, NULL},
	{2, 2, NULL},
	{3, 3, NULL},
	{X86_I386_NUM_ESP, 4, "sp"},
	{X86_I386_NUM_EBP, 5, "fp"},
	{6, 6, NULL},
	{7, 7, NULL},
	{X86_I386_NUM_EIP, 8, "pc"},
	{X86_I386_NUM_EFLAGS, 9, "flags"},
	UP_TO_7(ST_HINT),
	UP_TO_7(XMM_HINT),
};
const unsigned x86_i386_n_hints = G_N_ELEMENTS(x86_i386_hints);
