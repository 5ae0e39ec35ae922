/*
 * x86/kvm/reg-table.c - the table of x86 registers. Data only.
 *
 * gdb knows the features org.gnu.gdb.i386.* by name and demands their register names (gdb manual,
 * "i386 Features"): so $ymm0, $fs_base as the TLS base and floating-point results work. Everything
 * that gdb does not know itself is in org.vmgdb.x86.system. Its group "system" also says that a
 * function call need not save and restore these; gdb for x86 overlooks both (gdb 13), see
 * write_msr() in x86/kvm/reg-access.c.
 */
#include "x86/kvm/reg-table.h"

#include <linux/kvm.h>
#include <stddef.h>

#include "x86/cpu/bits.h"
#include "x86/cpu/xsave.h"

#define ROW(name, num, bits, type, group, source, id)                                              \
	{                                                                                          \
		name, num, bits, type, group, source, id                                           \
	}

#define GPR(name, num, type)                                                                       \
	ROW(#name, num, 64, type, NULL, X86_FROM_REGS, offsetof(struct kvm_regs, name))
#define SREG(field) offsetof(struct kvm_sregs2, field)
#define SELECTOR(name, num) ROW(#name, num, 32, "int32", NULL, X86_FROM_SELECTOR, SREG(name))

#define ST(n)                                                                                      \
	ROW("st" #n, 33 + n, 80, "i387_ext", NULL, X86_FROM_XSAVE,                                 \
	    XSAVE(X86_XC_X87, X86_XSAVE_ST + 16 * n))
#define X87(name, num, width, id) ROW(name, num, 32, "int", "float", X86_FROM_X87_##width, id)

#define XSAVE(component, offset) ((uint64_t)(component) << 32 | (offset))
#define VEC(name, num, bits, type, component, offset)                                              \
	ROW(name, num, bits, type, NULL, X86_FROM_XSAVE, XSAVE(component, offset))
#define XMM(n) VEC("xmm" #n, 49 + n, 128, "vec128", X86_XC_SSE, X86_XSAVE_XMM + 16 * n)
#define YMMH(n) VEC("ymm" #n "h", 83 + n, 128, "uint128", X86_XC_AVX, 16 * n)
#define OPMASK(n) VEC("k" #n, 99 + n, 64, "uint64", X86_XC_OPMASK, 8 * n)
#define ZMMH(n) VEC("zmm" #n "h", 107 + n, 256, "v2ui128", X86_XC_ZMM_HI256, 32 * n)
#define HI(n, at) (64 * (n - 16) + at)
#define XMM16(n) VEC("xmm" #n, 107 + n, 128, "vec128", X86_XC_HI16_ZMM, HI(n, 0))
#define YMM16H(n) VEC("ymm" #n "h", 123 + n, 128, "uint128", X86_XC_HI16_ZMM, HI(n, 16))
#define ZMM16H(n) VEC("zmm" #n "h", 139 + n, 256, "v2ui128", X86_XC_HI16_ZMM, HI(n, 32))

#define SYS(name, num, bits, type, source, id) ROW(name, num, bits, type, "system", source, id)
#define CR(name, num, type) SYS(#name, num, 64, type, X86_FROM_SREGS, SREG(name))
#define DR(name, num, type, field)                                                                 \
	SYS(name, num, 64, type, X86_FROM_DEBUGREGS, offsetof(struct kvm_debugregs, field))
#define BASE(name, num, field) SYS(name, num, 64, "data_ptr", X86_FROM_BASE, SREG(field))
#define LIMIT(name, num, field) SYS(name, num, 32, "uint32", X86_FROM_LIMIT, SREG(field))
#define MSR(name, num, type, index) SYS(name, num, 64, type, X86_FROM_MSR, index)

#define UP_TO_7(M) M(0), M(1), M(2), M(3), M(4), M(5), M(6), M(7)
#define UP_TO_15(M) UP_TO_7(M), M(8), M(9), M(10), M(11), M(12), M(13), M(14), M(15)
#define FROM_16_TO_31(M)                                                                           \
	M(16), M(17), M(18), M(19), M(20), M(21), M(22), M(23), M(24), M(25), M(26), M(27), M(28), \
		M(29), M(30), M(31)

static const GdbReg core_rows[] = {
	GPR(rax, 0, "int64"),
	GPR(rbx, 1, "int64"),
	GPR(rcx, 2, "int64"),
	GPR(rdx, 3, "int64"),
	GPR(rsi, 4, "int64"),
	GPR(rdi, 5, "int64"),
	GPR(rbp, X86_NUM_RBP, "data_ptr"),
	GPR(rsp, X86_NUM_RSP, "data_ptr"),
	GPR(r8, 8, "int64"),
	GPR(r9, 9, "int64"),
	GPR(r10, 10, "int64"),
	GPR(r11, 11, "int64"),
	GPR(r12, 12, "int64"),
	GPR(r13, 13, "int64"),
	GPR(r14, 14, "int64"),
	GPR(r15, 15, "int64"),
	GPR(rip, X86_NUM_RIP, "code_ptr"),
	ROW("eflags", X86_NUM_EFLAGS, 32, "x64_eflags", NULL, X86_FROM_REGS,
	    offsetof(struct kvm_regs, rflags)),
	SELECTOR(cs, X86_NUM_CS),
	SELECTOR(ss, 19),
	SELECTOR(ds, 20),
	SELECTOR(es, 21),
	SELECTOR(fs, 22),
	SELECTOR(gs, 23),
	UP_TO_7(ST),
	X87("fctrl", 41, WORD, X86_XSAVE_FCW),
	X87("fstat", 42, WORD, X86_XSAVE_FSW),
	ROW("ftag", 43, 32, "int", "float", X86_FROM_FTAG, 0),
	X87("fiseg", 44, HALF, X86_XSAVE_FIP + 4),
	X87("fioff", 45, HALF, X86_XSAVE_FIP),
	X87("foseg", 46, HALF, X86_XSAVE_FDP + 4),
	X87("fooff", 47, HALF, X86_XSAVE_FDP),
	X87("fop", 48, WORD, X86_XSAVE_FOP),
};

static const GdbReg sse_rows[] = {
	UP_TO_15(XMM),
	ROW("mxcsr", 65, 32, "x64_mxcsr", "vector", X86_FROM_XSAVE,
	    XSAVE(X86_XC_SSE, X86_XSAVE_MXCSR)),
};

static const GdbReg segment_rows[] = {
	ROW("fs_base", 24, 64, "int64", NULL, X86_FROM_BASE, SREG(fs)),
	ROW("gs_base", 25, 64, "int64", NULL, X86_FROM_BASE, SREG(gs)),
};

/*
 * gdb with Linux knowledge writes orig_rax when it moves pc, to keep the kernel from restarting a
 * system call. A CPU has no such register: it reads as -1 ("no system call"), and what is written
 * is only given back until the vCPU runs.
 */
static const GdbReg linux_rows[] = {
	ROW("orig_rax", 82, 64, "int64", "system", X86_FROM_ORIG_RAX, 0),
};

static const GdbReg avx_rows[] = {
	UP_TO_15(YMMH),
};

static const GdbReg avx512_rows[] = {
	UP_TO_7(OPMASK),       UP_TO_15(ZMMH),	      FROM_16_TO_31(XMM16),
	FROM_16_TO_31(YMM16H), FROM_16_TO_31(ZMM16H),
};

static const GdbReg pkeys_rows[] = {
	VEC("pkru", 171, 32, "uint32", X86_XC_PKRU, 0),
};

static const GdbReg system_rows[] = {
	MSR("k_gs_base", 26, "int64", X86_MSR_KERNEL_GS_BASE),
	CR(cr0, 27, "x64_cr0"),
	CR(cr2, 28, "int64"),
	CR(cr3, 29, "x64_cr3"),
	CR(cr4, 30, "x64_cr4"),
	CR(cr8, 31, "int64"),
	CR(efer, 32, "x64_efer"),
	DR("dr0", 172, "data_ptr", db[0]),
	DR("dr1", 173, "data_ptr", db[1]),
	DR("dr2", 174, "data_ptr", db[2]),
	DR("dr3", 175, "data_ptr", db[3]),
	DR("dr6", 176, "x64_dr6", dr6),
	DR("dr7", 177, "x64_dr7", dr7),
	BASE("cs_base", 178, cs),
	LIMIT("cs_limit", 179, cs),
	BASE("ss_base", 180, ss),
	LIMIT("ss_limit", 181, ss),
	BASE("ds_base", 182, ds),
	LIMIT("ds_limit", 183, ds),
	BASE("es_base", 184, es),
	LIMIT("es_limit", 185, es),
	LIMIT("fs_limit", 186, fs),
	LIMIT("gs_limit", 187, gs),
	SYS("gdt_base", 188, 64, "data_ptr", X86_FROM_SREGS, SREG(gdt.base)),
	SYS("gdt_limit", 189, 16, "uint16", X86_FROM_SREGS, SREG(gdt.limit)),
	SYS("idt_base", 190, 64, "data_ptr", X86_FROM_SREGS, SREG(idt.base)),
	SYS("idt_limit", 191, 16, "uint16", X86_FROM_SREGS, SREG(idt.limit)),
	SYS("tr", 192, 32, "int32", X86_FROM_SELECTOR, SREG(tr)),
	BASE("tr_base", 193, tr),
	LIMIT("tr_limit", 194, tr),
	SYS("ldtr", 195, 32, "int32", X86_FROM_SELECTOR, SREG(ldt)),
	BASE("ldtr_base", 196, ldt),
	LIMIT("ldtr_limit", 197, ldt),
	MSR("star", 198, "int64", X86_MSR_STAR),
	MSR("lstar", 199, "code_ptr", X86_MSR_LSTAR),
	MSR("cstar", 200, "code_ptr", X86_MSR_CSTAR),
	MSR("fmask", 201, "int64", X86_MSR_FMASK),
	MSR("sysenter_cs", 202, "int64", X86_MSR_SYSENTER_CS),
	MSR("sysenter_esp", 203, "data_ptr", X86_MSR_SYSENTER_ESP),
	MSR("sysenter_eip", 204, "code_ptr", X86_MSR_SYSENTER_EIP),
	MSR("pat", 205, "int64", X86_MSR_PAT),
	MSR("tsc", 206, "int64", X86_MSR_TSC),
	MSR("tsc_aux", 207, "int64", X86_MSR_TSC_AUX),
	SYS("apic_base", 208, 64, "x64_apic_base", X86_FROM_SREGS, SREG(apic_base)),
};

static const GdbReg xcr_rows[] = {
	SYS("xcr0", 209, 64, "x64_xcr0", X86_FROM_XCR, 0),
};

#define ROWS(array) array, G_N_ELEMENTS(array)

const X86Feature x86_features[] = {
	{"org.gnu.gdb.i386.core", "x86-core", ROWS(core_rows), 0},
	{"org.gnu.gdb.i386.sse", "x86-sse", ROWS(sse_rows), 0},
	{"org.gnu.gdb.i386.linux", NULL, ROWS(linux_rows), 0},
	{"org.gnu.gdb.i386.segments", NULL, ROWS(segment_rows), 0},
	{"org.gnu.gdb.i386.avx", NULL, ROWS(avx_rows), X86_HAS_AVX},
	{"org.gnu.gdb.i386.avx512", "x86-avx512", ROWS(avx512_rows), X86_HAS_AVX512},
	{"org.gnu.gdb.i386.pkeys", NULL, ROWS(pkeys_rows), X86_HAS_PKEYS},
	{"org.vmgdb.x86.system", "x86-system", ROWS(system_rows), 0},
	{"org.vmgdb.x86.xcr", "x86-xcr", ROWS(xcr_rows), X86_HAS_XSAVE},
	{NULL, NULL, NULL, 0, 0},
};

#define XMM_HINT(n)                                                                                \
	{                                                                                          \
		49 + n, 17 + n, NULL                                                               \
	}
#define ST_HINT(n)                                                                                 \
	{                                                                                          \
		33 + n, 33 + n, NULL                                                               \
	}

const GdbRegHint x86_hints[] = {
	{0, 0, NULL},
	{1, 3, NULL},
	{2, 2, "arg4"},
	{3, 1, "arg3"},
	{4, 4, "arg2"},
	{5, 5, "arg1"},
	{X86_NUM_RBP, 6, "fp"},
	{X86_NUM_RSP, 7, "sp"},
	{8, 8, "arg5"},
	{9, 9, "arg6"},
	{10, 10, NULL},
	{11, 11, NULL},
	{12, 12, NULL},
	{13, 13, NULL},
	{14, 14, NULL},
	{15, 15, NULL},
	{X86_NUM_RIP, 16, "pc"},
	{X86_NUM_EFLAGS, 49, "flags"},
	{X86_NUM_CS, 51, NULL},
	{19, 52, NULL}, /* ss */
	{20, 53, NULL},
	{21, 50, NULL}, /* es */
	{22, 54, NULL},
	{23, 55, NULL},
	{24, 58, NULL}, /* fs_base */
	{25, 59, NULL},
	UP_TO_7(ST_HINT),
	UP_TO_15(XMM_HINT),
};
const unsigned x86_n_hints = G_N_ELEMENTS(x86_hints);
