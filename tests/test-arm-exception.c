/*
 * tests/test-arm-exception.c - arm/cpu/exception.h: exception entry by the rules of the Arm ARM.
 */
#include <glib.h>
#include <string.h>

#include "arm/cpu/exception.h"

#define PC 0xffff800010080000ull
#define VBAR 0xffff800010011000ull
#define VBAR_EL2 0xffff000040000800ull

#define SPAN (1ull << 23)
#define DSSBS (1ull << 44)
#define SPINTMASK (1ull << 62)

#define BRK 0xf2000800ull

/* PSTATE: N Z C V 31:28, TCO 25, DIT 24, UAO 23, PAN 22, SS 21, IL 20, ALLINT 13, SSBS 12, BTYPE
 * 11:10, D A I F 9:6, M 4:0 (0 EL0, 4 EL1t, 5 EL1h, 9 EL2h, 0x10 AArch32 user). */
typedef struct Row {
	const char *name;
	uint64_t pstate;
	unsigned target_el;
	uint64_t sctlr;
	ArmExtensions ext;
	bool host, exlocken;
	uint64_t expected;
	uint64_t offset;
} Row;

#define PLAIN                                                                                      \
	{                                                                                          \
		0                                                                                  \
	}
#define PAN                                                                                        \
	{                                                                                          \
		.pan = true                                                                        \
	}
#define SSBS                                                                                       \
	{                                                                                          \
		.ssbs = true                                                                       \
	}
#define MTE                                                                                        \
	{                                                                                          \
		.mte = true                                                                        \
	}
#define NMI                                                                                        \
	{                                                                                          \
		.nmi = true                                                                        \
	}
#define GCS                                                                                        \
	{                                                                                          \
		.gcs = true                                                                        \
	}
#define ALL                                                                                        \
	{                                                                                          \
		true, true, true, true, true                                                       \
	}

static const Row rows[] = {
	/* a kernel's WARN with interrupts on, as most CPUs do it */
	{"kernel", 0x60400005, 1, SPAN, ALL, false, false, 0x624023c5, 0x200},
	{"el1h", 0x00000005, 1, SPAN, PLAIN, false, false, 0x3c5, 0x200},
	{"el1t", 0x00000004, 1, SPAN, PLAIN, false, false, 0x3c5, 0x000},
	{"el0", 0x00000000, 1, SPAN, PLAIN, false, false, 0x3c5, 0x400},
	{"el0-32", 0x00000010, 1, SPAN, PLAIN, false, false, 0x3c5, 0x600},
	{"el0-thumb", 0x600f0030, 1, SPAN, PLAIN, false, false, 0x600003c5, 0x600},
	/* IT, GE, E and Q of AArch32 are not bits of the handler's PSTATE */
	{"el0-32-all", 0xfe8ffff0, 1, SPAN, PLAIN, false, false, 0xf00003c5, 0x600},
	{"masks", 0x000002c5, 1, SPAN, PLAIN, false, false, 0x3c5, 0x200},
	{"nzcv", 0xf0000005, 1, SPAN, PLAIN, false, false, 0xf00003c5, 0x200},
	{"dit", 0x01000000, 1, SPAN, PLAIN, false, false, 0x010003c5, 0x400},
	{"pan-kept", 0x00400005, 1, SPAN, PAN, false, false, 0x004003c5, 0x200},
	{"pan-off-kept", 0x00000005, 1, SPAN, PAN, false, false, 0x3c5, 0x200},
	{"pan-set", 0x00000005, 1, 0, PAN, false, false, 0x004003c5, 0x200},
	{"pan-set-el0", 0x00000000, 1, 0, PAN, false, false, 0x004003c5, 0x400},
	{"pan-not-there", 0x00000005, 1, 0, PLAIN, false, false, 0x3c5, 0x200},
	{"ssbs-set", 0x00000005, 1, SPAN | DSSBS, SSBS, false, false, 0x13c5, 0x200},
	{"ssbs-cleared", 0x00001000, 1, SPAN, SSBS, false, false, 0x3c5, 0x400},
	{"ssbs-not-there", 0x00000005, 1, SPAN | DSSBS, PLAIN, false, false, 0x3c5, 0x200},
	{"tco", 0x00000005, 1, SPAN, MTE, false, false, 0x020003c5, 0x200},
	{"tco-not-there", 0x02000005, 1, SPAN, PLAIN, false, false, 0x3c5, 0x200},
	{"allint", 0x00000005, 1, SPAN, NMI, false, false, 0x23c5, 0x200},
	{"allint-sp", 0x00002005, 1, SPAN | SPINTMASK, NMI, false, false, 0x3c5, 0x200},
	{"exlock", 0x400000005, 1, SPAN, GCS, false, true, 0x4000003c5, 0x200},
	{"exlock-off", 0x400000005, 1, SPAN, GCS, false, false, 0x3c5, 0x200},
	{"exlock-lower", 0x400000000, 1, SPAN, GCS, false, true, 0x3c5, 0x400},
	{"exlock-not-there", 0x00000005, 1, SPAN, PLAIN, false, true, 0x3c5, 0x200},
	{"uao-ss-il-btype", 0x00b00c05, 1, SPAN, ALL, false, false, 0x020023c5, 0x200},
	{"everything", 0xf3f03fc5, 1, SPAN, ALL, false, false, 0xf34023c5, 0x200},
	/* a nested guest's hypervisor */
	{"el2", 0x00000009, 2, SPAN, ALL, true, false, 0x020023c9, 0x200},
	{"el2t", 0x00000008, 2, SPAN, PLAIN, false, false, 0x3c9, 0x000},
	{"el2-host-pan", 0x00000009, 2, 0, PAN, true, false, 0x004003c9, 0x200},
	{"el2-own-pan", 0x00000009, 2, 0, PAN, false, false, 0x3c9, 0x200},
	{"el1-to-el2", 0x60000005, 2, SPAN, PLAIN, false, false, 0x600003c9, 0x400},
	{"el1t-to-el2", 0x60000004, 2, SPAN, PLAIN, false, false, 0x600003c9, 0x400},
	{"el0-to-el2-host", 0x60000000, 2, 0, PAN, true, false, 0x604003c9, 0x400},
	{"el0-32-to-el2", 0x60000010, 2, SPAN, PLAIN, false, false, 0x600003c9, 0x600},
};

static void test_entry(gconstpointer data)
{
	const Row *row = data;
	uint64_t vbar = row->target_el == 2 ? VBAR_EL2 : VBAR;
	ArmException in = {
		.pstate = row->pstate,
		.pc = PC,
		.esr = BRK,
		.far = 0x1234,
		.target_el = row->target_el,
		.vbar = vbar,
		.sctlr = row->sctlr,
		.host = row->host,
		.exlocken = row->exlocken,
		.ext = row->ext,
	};
	ArmEntry entry;

	g_assert_true(arm_exception_enter(&in, &entry));
	g_assert_cmphex(entry.elr, ==, PC);
	g_assert_cmphex(entry.spsr, ==, row->pstate);
	g_assert_cmphex(entry.esr, ==, BRK);
	g_assert_false(entry.set_far);
	g_assert_cmphex(entry.pstate, ==, row->expected);
	g_assert_cmphex(entry.pc, ==, vbar + row->offset);
}

/* What the guest's handler reads: the class for where it came from, and FAR for watchpoints. */
static void test_syndrome(void)
{
	static const struct {
		uint64_t pstate, esr, expected;
		bool set_far;
	} syndromes[] = {
		{0x05, 0xf2000800, 0xf2000800, false}, /* BRK in the kernel */
		{0x00, 0xf2000001, 0xf2000001, false}, /* BRK in a process */
		{0x30, 0xe0000042, 0xe0000042, false}, /* BKPT */
		{0x05, 0xc2000022, 0xc6000022, false}, /* breakpoint */
		{0x04, 0xc2000022, 0xc6000022, false},
		{0x00, 0xc2000022, 0xc2000022, false},
		{0x10, 0xc2000022, 0xc2000022, false},
		{0x05, 0xca000022, 0xce000022, false}, /* step */
		{0x00, 0xca000022, 0xca000022, false},
		{0x05, 0xd2000062, 0xd6000062, true}, /* watchpoint */
		{0x00, 0xd2000062, 0xd2000062, true},
		{0x00, 0x5d2000062, 0x5d2000062, true},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(syndromes); i++) {
		ArmException in = {.pstate = syndromes[i].pstate,
				   .esr = syndromes[i].esr,
				   .far = 0xffff000012345678,
				   .target_el = 1};
		ArmEntry entry;

		g_test_message("row %u", i);
		g_assert_true(arm_exception_enter(&in, &entry));
		g_assert_cmphex(entry.esr, ==, syndromes[i].expected);
		g_assert_cmpint(entry.set_far, ==, syndromes[i].set_far);
		if (entry.set_far)
			g_assert_cmphex(entry.far, ==, 0xffff000012345678);
	}
}

/* Bits 10:0 of VBAR are not part of the address. */
static void test_vbar(void)
{
	ArmException in = {.pstate = 5, .esr = BRK, .target_el = 1, .vbar = 0xffff800010011fff};
	ArmEntry entry;

	g_assert_true(arm_exception_enter(&in, &entry));
	g_assert_cmphex(entry.pc, ==, 0xffff800010011a00);
}

static void test_impossible(void)
{
	static const struct {
		uint64_t pstate;
		unsigned target_el;
	} bad[] = {
		{0x5, 0},  {0x5, 3},  {0x9, 1},	 {0xd, 2}, /* EL2 to EL1, EL3 to EL2 */
		{0x13, 1}, {0x1f, 1}, {0x33, 2},	   /* AArch32: supervisor, system */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		ArmException in = {
			.pstate = bad[i].pstate, .esr = BRK, .target_el = bad[i].target_el};
		ArmEntry entry, before;

		memset(&entry, 0x5a, sizeof(entry));
		before = entry;
		g_test_message("row %u", i);
		g_assert_false(arm_exception_enter(&in, &entry));
		g_assert_cmpmem(&entry, sizeof(entry), &before, sizeof(before));
	}
}

/* HCR_EL2.TGE is bit 27, MDCR_EL2.TDE bit 8. */
static void test_target(void)
{
	g_assert_cmpuint(arm_exception_target(0x0, 0, 0), ==, 1);
	g_assert_cmpuint(arm_exception_target(0x10, 0, 0), ==, 1);
	g_assert_cmpuint(arm_exception_target(0x5, 0, 0), ==, 1);
	g_assert_cmpuint(arm_exception_target(0x9, 0, 0), ==, 2);
	g_assert_cmpuint(arm_exception_target(0x0, 1 << 27, 0), ==, 2);
	g_assert_cmpuint(arm_exception_target(0x0, 0, 1 << 8), ==, 2);
	g_assert_cmpuint(arm_exception_target(0x5, 0, 1 << 8), ==, 2);
}

/* MDSCR_EL1: SS bit 0, KDE bit 13, MDE bit 15. */
static void test_wanted(void)
{
	const uint64_t step = 0xca000022, bp = 0xc2000022, wp = 0xd2000022;
	const uint64_t ss = 1, kde = 1 << 13, mde = 1 << 15, d = 1 << 9;

	g_assert_true(arm_exception_wanted(BRK, 0x3c5, 0, 1));
	g_assert_true(arm_exception_wanted(0xe0000042, 0x30, 0, 1));
	g_assert_false(arm_exception_wanted(0x96000046, 0, ss | mde, 1)); /* no debug exception */
	/* a process that is traced */
	g_assert_true(arm_exception_wanted(step, 0x0, ss, 1));
	g_assert_false(arm_exception_wanted(step, 0x0, mde, 1));
	g_assert_true(arm_exception_wanted(bp, 0x0, mde, 1));
	g_assert_true(arm_exception_wanted(wp, 0x10, mde, 1));
	g_assert_false(arm_exception_wanted(wp, 0x0, ss, 1));
	g_assert_true(arm_exception_wanted(wp, d, mde, 1)); /* D is about the own level */
	/* the kernel itself */
	g_assert_false(arm_exception_wanted(wp, 0x5, mde, 1));
	g_assert_true(arm_exception_wanted(wp, 0x5, mde | kde, 1));
	g_assert_false(arm_exception_wanted(wp, 0x5 | d, mde | kde, 1));
	g_assert_false(arm_exception_wanted(step, 0x5 | d, ss | kde, 1));
	g_assert_true(arm_exception_wanted(step, 0x5, ss | kde, 1));
	g_assert_true(arm_exception_wanted(wp, 0x5 | d, mde, 2));
}

/* ID_AA64MMFR1: PAN 23:20. ID_AA64PFR1: SSBS 7:4, MTE 11:8, NMI 39:36, GCS 47:44. */
static void test_extensions(void)
{
	static const struct {
		uint64_t mmfr1, pfr1;
		ArmExtensions expected;
	} ids[] = {
		{0, 0, {false, false, false, false, false}},
		{1 << 20, 0, {true, false, false, false, false}},
		{3 << 20, 0x20, {true, true, false, false, false}},
		{0, 0x300, {false, false, true, false, false}},
		{0, 1ull << 36, {false, false, false, true, false}},
		{0, 1ull << 44, {false, false, false, false, true}},
		{~(0xfull << 20), ~0x0000f0f000000ff0ull, {false, false, false, false, false}},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		ArmExtensions ext = arm_extensions(ids[i].mmfr1, ids[i].pfr1);

		g_test_message("row %u", i);
		g_assert_cmpmem(&ext, sizeof(ext), &ids[i].expected, sizeof(ext));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strconcat("/arm-exception/entry/", rows[i].name, NULL);

		g_test_add_data_func(path, &rows[i], test_entry);
	}
	g_test_add_func("/arm-exception/syndrome", test_syndrome);
	g_test_add_func("/arm-exception/vbar", test_vbar);
	g_test_add_func("/arm-exception/impossible", test_impossible);
	g_test_add_func("/arm-exception/target", test_target);
	g_test_add_func("/arm-exception/wanted", test_wanted);
	g_test_add_func("/arm-exception/extensions", test_extensions);
	return g_test_run();
}
