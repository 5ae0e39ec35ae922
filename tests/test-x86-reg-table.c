/*
 * Tests of the x86 register rows as a table and as a description: numbers, sizes, types, sources.
 */
#include <linux/kvm.h>
#include <string.h>

#include "x86/kvm/reg-access.h"

#define HAS_ALL (X86_HAS_XSAVE | X86_HAS_AVX | X86_HAS_AVX512 | X86_HAS_PKEYS)

static const X86XsaveLayout layout = {
	.offset = {[X86_XC_AVX] = 576,
		   [X86_XC_OPMASK] = 832,
		   [X86_XC_ZMM_HI256] = 896,
		   [X86_XC_HI16_ZMM] = 1408,
		   [X86_XC_PKRU] = 2432},
	.size = {[X86_XC_X87] = 512,
		 [X86_XC_SSE] = 512,
		 [X86_XC_AVX] = 256,
		 [X86_XC_OPMASK] = 64,
		 [X86_XC_ZMM_HI256] = 512,
		 [X86_XC_HI16_ZMM] = 1024,
		 [X86_XC_PKRU] = 8},
};

typedef struct Fixture {
	X86Msr msrs[X86_N_MSRS];
	GdbRegSet *set;
} Fixture;

/* A guest that has everything. */
static void set_up(Fixture *fix, gconstpointer data)
{
	(void)data;
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		fix->msrs[i].present = true;
	fix->set = x86_reg_set_new(HAS_ALL, fix->msrs);
}

static void tear_down(Fixture *fix, gconstpointer data)
{
	(void)data;
	gdb_reg_set_free(fix->set);
}

/* ---- The table ---- */

/* QEMU's g: these names and sizes in this order, 608 bytes. */
static void test_g_layout(Fixture *fix, gconstpointer data)
{
	static const char names[] =
		"rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags "
		"cs ss ds es fs gs fs_base gs_base k_gs_base cr0 cr2 cr3 cr4 cr8 efer "
		"st0 st1 st2 st3 st4 st5 st6 st7 fctrl fstat ftag fiseg fioff foseg fooff fop "
		"xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 xmm8 xmm9 xmm10 xmm11 xmm12 xmm13 xmm14 "
		"xmm15 mxcsr";
	g_auto(GStrv) list = g_strsplit(names, " ", -1);

	(void)data;
	g_assert_cmpuint(g_strv_length(list), ==, X86_NUM_G);
	for (unsigned i = 0; i < X86_NUM_G; i++) {
		const GdbReg *reg = gdb_reg_set_by_num(fix->set, i);
		unsigned bits = i < 17	 ? 64
				: i < 24 ? 32
				: i < 33 ? 64
				: i < 41 ? 80
				: i < 49 ? 32
					 : 128;

		g_assert_nonnull(reg);
		g_assert_cmpstr(reg->name, ==, list[i]);
		g_assert_cmpuint(reg->bits, ==, i == 65 ? 32 : bits);
	}
	g_assert_cmpuint(gdb_reg_set_g_count(fix->set), ==, X86_NUM_G);
	g_assert_cmpuint(gdb_reg_set_g_bytes(fix->set), ==, 608);
	g_assert_cmpstr(gdb_reg_set_pc(fix->set)->name, ==, "rip");
}

/* The bytes of its source that a row stands for, as [from, to). */
static void extent(const GdbReg *reg, uint64_t *from, uint64_t *to)
{
	uint64_t bytes = reg->source == X86_FROM_X87_WORD ? 2 : gdb_reg_bytes(reg);

	*from = *to = reg->id;
	if (reg->source == X86_FROM_SELECTOR || reg->source == X86_FROM_BASE ||
	    reg->source == X86_FROM_LIMIT || reg->source == X86_FROM_MSR ||
	    reg->source == X86_FROM_XCR)
		bytes = 1;
	*to += bytes;
}

static void test_no_source_twice(Fixture *fix, gconstpointer data)
{
	unsigned n;
	const GdbReg *const *rows = gdb_reg_set_rows(fix->set, &n);
	uint64_t from, to, from2, to2;

	(void)data;
	for (unsigned i = 0; i < n; i++) {
		extent(rows[i], &from, &to);
		g_assert_cmpuint(rows[i]->source, <, X86_N_SOURCES);
		for (unsigned j = 0; j < i; j++) {
			extent(rows[j], &from2, &to2);
			if (rows[i]->source == rows[j]->source && from < to2 && from2 < to)
				g_error("%s and %s overlap", rows[i]->name, rows[j]->name);
			g_assert_cmpstr(rows[i]->name, !=, rows[j]->name);
		}
		/* Else no vCPU would have it. */
		if (rows[i]->source == X86_FROM_MSR)
			g_assert_cmpuint(x86_msr_slot(rows[i]->id), <, X86_N_MSRS);
	}
}

/* 66-81 are QEMU's r16-r31. */
static void test_numbers_kept_free(Fixture *fix, gconstpointer data)
{
	(void)data;
	for (unsigned i = 66; i <= 81; i++)
		g_assert_null(gdb_reg_set_by_num(fix->set, i));
	for (unsigned i = 82; i <= 209; i++)
		g_assert_nonnull(gdb_reg_set_by_num(fix->set, i));
}

static void test_expedited(Fixture *fix, gconstpointer data)
{
	unsigned n;
	const unsigned *nums = gdb_reg_set_expedited(fix->set, &n);
	g_autoptr(GString) names = g_string_new(NULL);

	(void)data;
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(names, "%s ", gdb_reg_set_by_num(fix->set, nums[i])->name);
	g_assert_cmpstr(names->str, ==, "rip rsp rbp eflags cs ");
}

/* ---- The description ---- */

typedef struct XmlCheck {
	GdbRegSet *set;
	GHashTable *types; /* of the feature that is being read */
	GHashTable *nums;
	GHashTable *features;
} XmlCheck;

static bool is_builtin(const char *type)
{
	static const char *const builtin[] = {
		"bool",	  "int8",   "int16",	   "int32",	  "int64",    "int128",	  "uint8",
		"uint16", "uint32", "uint64",	   "uint128",	  "code_ptr", "data_ptr", "int",
		"float",  "long",   "ieee_single", "ieee_double", "i387_ext", NULL,
	};

	return g_strv_contains(builtin, type);
}

static const char *attribute(const char **names, const char **values, const char *name)
{
	for (unsigned i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	return NULL;
}

static void check_reg(XmlCheck *check, const char **names, const char **values)
{
	const char *type = attribute(names, values, "type");
	unsigned num = g_ascii_strtoull(attribute(names, values, "regnum"), NULL, 10);
	const GdbReg *reg = gdb_reg_set_by_num(check->set, num);

	g_assert_nonnull(reg);
	g_assert_cmpstr(reg->name, ==, attribute(names, values, "name"));
	g_assert_cmpuint(reg->bits, ==,
			 g_ascii_strtoull(attribute(names, values, "bitsize"), NULL, 10));
	g_assert_cmpstr(reg->type, ==, type);
	g_assert_cmpstr(reg->group, ==, attribute(names, values, "group"));
	if (!is_builtin(type) && !g_hash_table_contains(check->types, type))
		g_error("%s has the unknown type %s", reg->name, type);
	g_assert_true(g_hash_table_add(check->nums, GUINT_TO_POINTER(num + 1)));
}

static void check_element(GMarkupParseContext *context, const char *element, const char **names,
			  const char **values, gpointer data, GError **error)
{
	XmlCheck *check = data;
	const char *id = attribute(names, values, "id");
	const char *type = attribute(names, values, "type");

	(void)context, (void)error;
	if (strcmp(element, "feature") == 0) {
		g_hash_table_remove_all(check->types);
		g_hash_table_add(check->features, g_strdup(attribute(names, values, "name")));
	}
	if (strcmp(element, "reg") == 0)
		check_reg(check, names, values);
	else if (type && !is_builtin(type) && !g_hash_table_contains(check->types, type))
		g_error("%s uses the unknown type %s", element, type);
	if (id)
		g_assert_true(g_hash_table_add(check->types, g_strdup(id)));
}

/* Parses the description of @set, compares it with the rows; returns the names of the features. */
static GHashTable *check_xml(GdbRegSet *set)
{
	static const GMarkupParser parser = {.start_element = check_element};
	g_autoptr(GHashTable) types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) nums = g_hash_table_new(NULL, NULL);
	GHashTable *features = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	XmlCheck check = {set, types, nums, features};
	g_autoptr(GMarkupParseContext) context =
		g_markup_parse_context_new(&parser, 0, &check, NULL);
	g_autoptr(GError) error = NULL;
	unsigned n;

	g_markup_parse_context_parse(context, gdb_reg_set_xml(set), -1, &error);
	g_assert_no_error(error);
	g_assert_true(g_markup_parse_context_end_parse(context, &error));
	gdb_reg_set_rows(set, &n);
	g_assert_cmpuint(g_hash_table_size(nums), ==, n);
	return features;
}

static void test_xml_equals_rows(Fixture *fix, gconstpointer data)
{
	g_autoptr(GHashTable) features = check_xml(fix->set);

	(void)data;
	for (const X86Feature *feature = x86_features; feature->name; feature++)
		g_assert_true(g_hash_table_contains(features, feature->name));
}

static void test_xml_by_feature(Fixture *fix, gconstpointer data)
{
	(void)data;
	for (unsigned has = 0; has <= HAS_ALL; has++) {
		g_autoptr(GdbRegSet) set = x86_reg_set_new(has, fix->msrs);
		g_autoptr(GHashTable) features = check_xml(set);

		g_assert_cmpint(!!(has & X86_HAS_AVX), ==,
				g_hash_table_contains(features, "org.gnu.gdb.i386.avx"));
		g_assert_cmpint(!!(has & X86_HAS_AVX512), ==,
				g_hash_table_contains(features, "org.gnu.gdb.i386.avx512"));
		g_assert_cmpint(!!(has & X86_HAS_PKEYS), ==,
				g_hash_table_contains(features, "org.gnu.gdb.i386.pkeys"));
		g_assert_cmpuint(gdb_reg_set_g_bytes(set), ==, 608);
	}
}

/* An MSR that the vCPU does not have has no row; k_gs_base stays, g needs it. */
static void test_absent_msr(Fixture *fix, gconstpointer data)
{
	X86Msr none[X86_N_MSRS] = {0};
	g_autoptr(GdbRegSet) set = x86_reg_set_new(HAS_ALL, none);

	(void)fix, (void)data;
	g_hash_table_unref(check_xml(set));
	g_assert_null(gdb_reg_set_by_name(set, "lstar"));
	g_assert_null(gdb_reg_set_by_name(set, "tsc"));
	g_assert_nonnull(gdb_reg_set_by_name(set, "k_gs_base"));
	g_assert_cmpuint(gdb_reg_set_g_bytes(set), ==, 608);
}

/* QEMU's g of its 32-bit target: 50 registers, gdb's names and order. */
static void test_i386(Fixture *fix, gconstpointer data)
{
	static const char names[] =
		"eax ecx edx ebx esp ebp esi edi eip eflags cs ss ds es fs gs fs_base gs_base "
		"k_gs_base cr0 cr2 cr3 cr4 cr8 efer st0 st1 st2 st3 st4 st5 st6 st7 "
		"fctrl fstat ftag fiseg fioff foseg fooff fop "
		"xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 mxcsr";
	g_auto(GStrv) list = g_strsplit(names, " ", -1);
	g_autoptr(GdbRegSet) set = x86_i386_set_new(HAS_ALL, fix->msrs);
	g_autoptr(GHashTable) features = check_xml(set);
	unsigned n;
	const GdbReg *const *rows = gdb_reg_set_rows(set, &n);

	(void)data;
	g_assert_cmpstr(gdb_reg_set_architecture(set)->name, ==, "i386");
	g_assert_cmpuint(gdb_reg_set_g_count(set), ==, g_strv_length(list));
	for (unsigned i = 0; list[i]; i++) {
		g_assert_cmpuint(rows[i]->num, ==, i);
		g_assert_cmpstr(rows[i]->name, ==, list[i]);
	}
	/* 25 and 8 of 4 bytes, 8 of 10, 8 of 16, mxcsr */
	g_assert_cmpuint(gdb_reg_set_g_bytes(set), ==, 25 * 4 + 8 * 10 + 8 * 4 + 8 * 16 + 4);
	g_assert_cmpstr(gdb_reg_set_pc(set)->name, ==, "eip");
	for (unsigned i = 0; i < n; i++) {
		bool pointer = g_str_has_suffix(rows[i]->type, "_ptr");

		g_assert_true(!pointer || rows[i]->bits == 32);
	}
	g_assert_nonnull(gdb_reg_set_by_name(set, "ymm7h"));
	g_assert_null(gdb_reg_set_by_name(set, "ymm8h"));
	g_assert_null(gdb_reg_set_by_name(set, "xmm8"));
	g_assert_null(gdb_reg_set_by_name(set, "r8"));
	g_assert_cmpuint(gdb_reg_set_by_name(set, "dr7")->bits, ==, 32);
	g_assert_cmpuint(gdb_reg_set_by_name(set, "pat")->bits, ==, 64);
	g_assert_false(g_hash_table_contains(features, "org.gnu.gdb.i386.segments"));
	g_assert_null(strstr(gdb_reg_set_xml(set), "size=\"8\""));
	for (unsigned i = 0, n_nums = 1; i < n_nums; i++)
		g_assert_nonnull(gdb_reg_set_by_num(set, gdb_reg_set_expedited(set, &n_nums)[i]));
}

static void test_guest_is_i386(void)
{
	struct kvm_cpuid_entry2 cpuid[] = {
		{.function = 1},
		{.function = 0x80000001, .edx = 1u << 29},
	};

	g_assert_false(x86_guest_is_i386(cpuid, 2));
	g_assert_true(x86_guest_is_i386(cpuid, 1));
	g_assert_false(x86_guest_is_i386(cpuid, 0)); /* nobody has said anything */
	cpuid[1].edx = 0;
	g_assert_true(x86_guest_is_i386(cpuid, 2));
}

static void test_guest_has(void)
{
	struct kvm_cpuid_entry2 cpuid[] = {
		{.function = 1, .ecx = 1u << 26},
		{.function = 7, .ecx = 1u << 3},
		{.function = 0xd, .index = 1, .eax = ~0u},
		{.function = 0xd, .index = 0, .eax = 0x2e7},
	};
	X86XsaveLayout none = {0}, no_avx = layout;

	g_assert_cmphex(x86_guest_has(cpuid, 4, &layout), ==, HAS_ALL);
	g_assert_cmphex(x86_guest_has(cpuid, 4, &none), ==, X86_HAS_XSAVE);
	no_avx.size[X86_XC_AVX] = 0;
	g_assert_cmphex(x86_guest_has(cpuid, 4, &no_avx), ==, X86_HAS_XSAVE | X86_HAS_PKEYS);
	g_assert_cmphex(x86_guest_has(cpuid, 3, &layout), ==, X86_HAS_XSAVE);
	g_assert_cmphex(x86_guest_has(cpuid, 0, &layout), ==, 0);
	cpuid[1].ecx = 0;
	g_assert_cmphex(x86_guest_has(cpuid, 4, &layout), ==, HAS_ALL & ~X86_HAS_PKEYS);
	cpuid[3].eax = 0x67; /* k0-7 and zmm_hi256 without hi16_zmm */
	g_assert_cmphex(x86_guest_has(cpuid, 4, &layout), ==, X86_HAS_XSAVE | X86_HAS_AVX);
	cpuid[0].ecx = 0;
	g_assert_cmphex(x86_guest_has(cpuid, 4, &layout), ==, 0);
}

#define ADD(name, function)                                                                        \
	g_test_add("/x86-rows/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("g-layout", test_g_layout);
	ADD("no-source-twice", test_no_source_twice);
	ADD("numbers-kept-free", test_numbers_kept_free);
	ADD("expedited", test_expedited);
	ADD("xml-equals-rows", test_xml_equals_rows);
	ADD("xml-by-feature", test_xml_by_feature);
	ADD("absent-msr", test_absent_msr);
	ADD("i386", test_i386);
	g_test_add_func("/x86-rows/guest-is-i386", test_guest_is_i386);
	g_test_add_func("/x86-rows/guest-has", test_guest_has);
	return g_test_run();
}
