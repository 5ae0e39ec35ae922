/*
 * tests/test-arm-sysregs.c - names of system registers (arm/cpu/sysregs.h), encodings of Arm ARM
 * D23.3.
 */
#include <glib.h>

#include "arm/cpu/sysregs.h"

static const struct {
	uint16_t encoding;
	const char *name, *alias;
} rows[] = {
	{ARM_ENCODING(3, 0, 1, 0, 0), "SCTLR_EL1", "SCTLR"},
	{ARM_ENCODING(3, 0, 12, 0, 0), "VBAR_EL1", "VBAR"},
	{ARM_ENCODING(3, 0, 1, 0, 2), "CPACR_EL1", "CPACR"},
	{ARM_ENCODING(3, 0, 2, 0, 1), "TTBR1_EL1", NULL},
	{ARM_ENCODING(3, 0, 2, 0, 2), "TCR_EL1", NULL},
	{ARM_ENCODING(3, 0, 10, 3, 0), "AMAIR_EL1", "AMAIR0"},
	{ARM_ENCODING(3, 3, 13, 0, 2), "TPIDR_EL0", NULL},
	{ARM_ENCODING(2, 0, 0, 3, 4), "DBGBVR3_EL1", NULL},
	{ARM_ENCODING(2, 0, 0, 15, 5), "DBGBCR15_EL1", NULL},
	{ARM_ENCODING(2, 0, 0, 0, 6), "DBGWVR0_EL1", NULL},
	{ARM_ENCODING(2, 0, 0, 1, 7), "DBGWCR1_EL1", NULL},
	{ARM_ENCODING(2, 0, 0, 2, 2), "MDSCR_EL1", NULL},
	{ARM_ENCODING(3, 3, 14, 8, 0), "PMEVCNTR0_EL0", NULL},
	{ARM_ENCODING(3, 3, 14, 11, 6), "PMEVCNTR30_EL0", NULL},
	{ARM_ENCODING(3, 3, 14, 12, 7), "PMEVTYPER7_EL0", NULL},
	{ARM_ENCODING(3, 3, 14, 15, 7), "PMCCFILTR_EL0", NULL},
	/* KVM's exchanged timer ids */
	{ARM_ENCODING(3, 3, 14, 3, 2), "CNTVCT_EL0", NULL},
	{ARM_ENCODING(3, 3, 14, 0, 2), "CNTV_CVAL_EL0", NULL},
	{ARM_ENCODING(3, 0, 0, 3, 7), "S3_0_C0_C3_7", NULL},
};

static void test_names(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_cmpstr(arm_sysreg_name(rows[i].encoding), ==, rows[i].name);
		g_assert_cmpstr(arm_sysreg_alias(rows[i].encoding), ==, rows[i].alias);
	}
}

static void add_names(GHashTable *names, unsigned first, unsigned n)
{
	for (unsigned encoding = first; encoding < first + n; encoding++) {
		const char *name = arm_sysreg_name(encoding), *alias = arm_sysreg_alias(encoding);

		g_assert_nonnull(name);
		g_assert_true(g_hash_table_add(names, (gpointer)name));
		if (alias != NULL)
			g_assert_true(g_hash_table_add(names, (gpointer)alias));
	}
}

/*
 * Every encoding has a name, and no two have the same: names are API. Not all 64 Ki here, since
 * GLib never gives back an interned name, but those with numbered names and the busiest without.
 */
static void test_unique(void)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

	add_names(names, ARM_ENCODING(2, 0, 0, 0, 0), 128);
	add_names(names, ARM_ENCODING(3, 0, 0, 0, 0), 512);
	add_names(names, ARM_ENCODING(3, 3, 8, 0, 0), 1024);
}

static void test_types(void)
{
	g_assert_cmpstr(arm_sysreg_type(ARM_ENCODING(3, 0, 1, 0, 0)), ==, "sctlr_flags");
	g_assert_cmpstr(arm_sysreg_type(ARM_ENCODING(3, 0, 2, 0, 0)), ==, "int");
	g_assert_cmpstr(arm_sysreg_type(ARM_ENCODING(3, 0, 12, 0, 0)), ==, "int");
	g_assert_cmpstr(arm_sysreg_type(ARM_ENCODING(1, 0, 0, 0, 0)), ==, "int");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm-sysregs/names", test_names);
	g_test_add_func("/arm-sysregs/unique", test_unique);
	g_test_add_func("/arm-sysregs/types", test_types);
	return g_test_run();
}
