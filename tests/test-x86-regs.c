/*
 * Tests of the x86 register rows and of reading and writing them in the cache; no KVM is used:
 * all groups are marked valid, and the vCPU's descriptor is not one.
 */
#include <linux/kvm.h>
#include <string.h>

#include "x86/regs.h"

#define HAS_ALL (X86_HAS_XSAVE | X86_HAS_AVX | X86_HAS_AVX512 | X86_HAS_PKEYS)
#define EFER_LMA (1ull << 10)

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
	ArchVcpu vcpu;
	uint8_t xsave[4096];
	GdbRegSet *set;
} Fixture;

/* A stopped 64-bit kernel. */
static void set_up(Fixture *fix, gconstpointer data)
{
	ArchVcpu *vcpu = &fix->vcpu;

	(void)data;
	vcpu->fd = -1;
	vcpu->valid = (1u << X86_N_GROUPS) - 1;
	vcpu->xsave = fix->xsave;
	vcpu->xsave_size = sizeof(fix->xsave);
	vcpu->xsave_layout = layout;
	vcpu->orig_rax = UINT64_MAX;
	vcpu->sregs.efer = EFER_LMA;
	vcpu->sregs.cs.l = 1;
	vcpu->sregs.cr0 = 0x80050033;
	vcpu->regs.rflags = 2;
	vcpu->xcrs.nr_xcrs = 1;
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		vcpu->msrs[i].present = true;
	fix->set = x86_reg_set_new(HAS_ALL, vcpu->msrs);
}

static void tear_down(Fixture *fix, gconstpointer data)
{
	(void)data;
	gdb_reg_set_free(fix->set);
}

static const GdbReg *row(Fixture *fix, const char *name)
{
	const GdbReg *reg = gdb_reg_set_by_name(fix->set, name);

	g_assert_nonnull(reg);
	return reg;
}

static uint64_t get(Fixture *fix, const char *name)
{
	uint8_t buf[GDB_REG_MAX_BYTES] = {0};
	uint64_t value;

	g_assert_true(arch_read_reg(&fix->vcpu, row(fix, name), buf, NULL));
	memcpy(&value, buf, sizeof(value));
	return value;
}

static bool put(Fixture *fix, const char *name, uint64_t value, GError **error)
{
	uint8_t buf[GDB_REG_MAX_BYTES] = {0};

	memcpy(buf, &value, sizeof(value));
	return arch_write_reg(&fix->vcpu, row(fix, name), buf, error);
}

static void put_ok(Fixture *fix, const char *name, uint64_t value)
{
	g_autoptr(GError) error = NULL;

	put(fix, name, value, &error);
	g_assert_no_error(error);
}

/* The write fails with @code, says @why, and leaves every byte of the cache as it was. */
static void put_fails(Fixture *fix, const char *name, uint64_t value, int code, const char *why)
{
	g_autoptr(GError) error = NULL;
	g_autofree ArchVcpu *before = g_memdup2(&fix->vcpu, sizeof(fix->vcpu));

	g_assert_false(put(fix, name, value, &error));
	g_assert_error(error, GDB_ERROR, code);
	if (!strstr(error->message, why))
		g_error("\"%s\" does not say \"%s\"", error->message, why);
	g_assert_cmpmem(&fix->vcpu, sizeof(fix->vcpu), before, sizeof(*before));
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
		g_autoptr(GdbRegSet) set = x86_reg_set_new(has, fix->vcpu.msrs);
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
	g_autoptr(GError) error = NULL;
	uint8_t buf[8];

	(void)data;
	g_hash_table_unref(check_xml(set));
	g_assert_null(gdb_reg_set_by_name(set, "lstar"));
	g_assert_null(gdb_reg_set_by_name(set, "tsc"));
	g_assert_nonnull(gdb_reg_set_by_name(set, "k_gs_base"));
	g_assert_cmpuint(gdb_reg_set_g_bytes(set), ==, 608);
	fix->vcpu.msrs[0].present = false;
	g_assert_false(arch_read_reg(&fix->vcpu, row(fix, "k_gs_base"), buf, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOENT);
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

/* ---- Reading and writing ---- */

static bool waits_for_flush(const GdbReg *reg)
{
	return reg->source == X86_FROM_REGS || reg->source == X86_FROM_X87_HALF ||
	       reg->source == X86_FROM_XSAVE || reg->source == X86_FROM_ORIG_RAX;
}

/* Every cached row keeps what is written, and no other row changes with it. */
static void test_each_row_alone(Fixture *fix, gconstpointer data)
{
	unsigned n;
	const GdbReg *const *rows = gdb_reg_set_rows(fix->set, &n);
	uint8_t wanted[210][32] = {{0}}, buf[32];

	(void)data;
	for (unsigned i = 0; i < n; i++) {
		g_assert_cmpuint(gdb_reg_bytes(rows[i]), <=, sizeof(buf));
		for (unsigned k = 0; k < gdb_reg_bytes(rows[i]); k++)
			wanted[i][k] = rows[i]->num + k;
		/* Not every value is legal in these: */
		if (rows[i]->num == X86_NUM_RIP)
			memset(wanted[i] + 6, 0, 2);
		if (rows[i]->num == X86_NUM_EFLAGS)
			memcpy(wanted[i], "\x46\x02\x00\x00", 4);
		if (strcmp(rows[i]->name, "mxcsr") == 0)
			memcpy(wanted[i], "\xa0\x1f\x00\x00", 4);
		if (waits_for_flush(rows[i]))
			g_assert_true(arch_write_reg(&fix->vcpu, rows[i], wanted[i], NULL));
	}
	for (unsigned i = 0; i < n; i++) {
		if (!waits_for_flush(rows[i]))
			continue;
		g_assert_true(arch_read_reg(&fix->vcpu, rows[i], buf, NULL));
		g_assert_cmpmem(buf, gdb_reg_bytes(rows[i]), wanted[i], gdb_reg_bytes(rows[i]));
	}
	g_assert_cmphex(fix->vcpu.dirty, ==, 1u << X86_REGS | 1u << X86_XSAVE);
}

static void test_values_by_name(Fixture *fix, gconstpointer data)
{
	ArchVcpu *vcpu = &fix->vcpu;

	(void)data;
	vcpu->regs.rbx = 0x1122334455667788;
	vcpu->regs.rflags = 0x246;
	vcpu->sregs.ss.selector = 0xfff8;
	vcpu->sregs.fs.base = 0x7f0000001000;
	vcpu->sregs.ds.limit = 0xffffffff;
	vcpu->sregs.ldt.selector = 0x40;
	vcpu->sregs.gdt.limit = 0x7f;
	vcpu->sregs.idt.base = 0xfffffe0000000000;
	vcpu->debugregs.db[3] = 0xdb3;
	vcpu->xcrs.xcrs[0].value = 0xe7;
	for (unsigned i = 0; i < X86_N_MSRS; i++)
		vcpu->msrs[i].value = 0x1000 + x86_msr_index[i];
	g_assert_cmphex(get(fix, "rbx"), ==, 0x1122334455667788);
	g_assert_cmphex(get(fix, "eflags"), ==, 0x246);
	g_assert_cmphex(get(fix, "ss"), ==, 0xfff8);
	g_assert_cmphex(get(fix, "fs_base"), ==, 0x7f0000001000);
	g_assert_cmphex(get(fix, "ds_limit"), ==, 0xffffffff);
	g_assert_cmphex(get(fix, "ldtr"), ==, 0x40);
	g_assert_cmphex(get(fix, "gdt_limit"), ==, 0x7f);
	g_assert_cmphex(get(fix, "idt_base"), ==, 0xfffffe0000000000);
	g_assert_cmphex(get(fix, "dr3"), ==, 0xdb3);
	g_assert_cmphex(get(fix, "xcr0"), ==, 0xe7);
	g_assert_cmphex(get(fix, "lstar"), ==, 0xc0001082);
	g_assert_cmphex(get(fix, "k_gs_base"), ==, 0xc0001102);
	g_assert_cmphex(get(fix, "pat"), ==, 0x1277);
	g_assert_cmphex(get(fix, "orig_rax"), ==, UINT64_MAX);
}

static void test_eflags(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "eflags", 0xfffdffff); /* all but VM */
	g_assert_cmphex(get(fix, "eflags"), ==, 0x3d7fd7);
	put_ok(fix, "eflags", 0);
	g_assert_cmphex(get(fix, "eflags"), ==, 2);
	put_fails(fix, "eflags", 1 << 17, GDB_ERROR_INVAL, "long mode");
	fix->vcpu.sregs.efer = 0;
	put_ok(fix, "eflags", 1 << 17 | 2);
}

static void test_rip(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "rip", 0xffffffff81000000);
	put_fails(fix, "rip", 0x800000000000, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "rip", 0xffff000000000000, GDB_ERROR_INVAL, "canonical");
	fix->vcpu.sregs.cr4 = 1 << 12; /* LA57 */
	put_ok(fix, "rip", 0xffff000000000000);
	put_fails(fix, "rip", 0x100000000000000, GDB_ERROR_INVAL, "canonical");
	fix->vcpu.sregs.cs.l = 0;
	put_fails(fix, "rip", 0x100000000, GDB_ERROR_INVAL, "64-bit mode");
	put_ok(fix, "rip", 0xfffffff0);
}

static void test_mxcsr(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "mxcsr", 0xffff);
	put_fails(fix, "mxcsr", 0x10000, GDB_ERROR_INVAL, "reserved");
}

static void test_vector_sets_present(Fixture *fix, gconstpointer data)
{
	static const struct {
		const char *name;
		unsigned component;
	} cases[] = {
		{"st3", X86_XC_X87},	     {"fctrl", X86_XC_X87},	 {"ftag", X86_XC_X87},
		{"xmm4", X86_XC_SSE},	     {"ymm5h", X86_XC_AVX},	 {"k1", X86_XC_OPMASK},
		{"zmm2h", X86_XC_ZMM_HI256}, {"xmm17", X86_XC_HI16_ZMM}, {"pkru", X86_XC_PKRU},
	};

	(void)data;
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint64_t bv = 0;

		memcpy(fix->xsave + X86_XSAVE_BV, &bv, sizeof(bv));
		fix->vcpu.dirty = 0;
		put_ok(fix, cases[i].name, 0x1235);
		memcpy(&bv, fix->xsave + X86_XSAVE_BV, sizeof(bv));
		g_assert_cmphex(bv, ==, 1ull << cases[i].component);
		g_assert_cmphex(fix->vcpu.dirty, ==, 1u << X86_XSAVE);
	}
}

/* st(0) is the top of the stack wherever TOP points; the tags go by physical register. */
static void test_x87(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_ok(fix, "fstat", 7 << 11);
	put_ok(fix, "ftag", 0x3fff);
	put_ok(fix, "st0", 0x8000000000000000);
	fix->xsave[X86_XSAVE_ST + 8] = 0xff;
	fix->xsave[X86_XSAVE_ST + 9] = 0x3f;
	g_assert_cmphex(fix->xsave[X86_XSAVE_FTW], ==, 0x80);
	g_assert_cmphex(get(fix, "ftag"), ==, 0x3fff);
	put_ok(fix, "fioff", 0x11223344);
	put_ok(fix, "fiseg", 0xffff8000);
	g_assert_cmpmem(fix->xsave + X86_XSAVE_FIP, 8, "\x44\x33\x22\x11\x00\x80\xff\xff", 8);
	/* 16-bit fields: what is above is cut, the neighbours stay. */
	put_ok(fix, "fctrl", 0xabcd037f);
	g_assert_cmphex(get(fix, "fctrl"), ==, 0x37f);
	g_assert_cmphex(get(fix, "fstat"), ==, 7 << 11);
}

/* A host with less: no place for the component, or the area is too short. */
static void test_no_component(Fixture *fix, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	uint8_t buf[32];

	(void)data;
	fix->vcpu.xsave_layout.size[X86_XC_AVX] = 0;
	g_assert_false(arch_read_reg(&fix->vcpu, row(fix, "ymm0h"), buf, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_NOENT);
	fix->vcpu.xsave_size = 2432;
	g_assert_false(arch_read_reg(&fix->vcpu, row(fix, "pkru"), buf, NULL));
	g_assert_false(arch_write_reg(&fix->vcpu, row(fix, "pkru"), buf, NULL));
}

/* Writing what is there already needs no ioctl and loads no selector. */
static void test_same_value(Fixture *fix, gconstpointer data)
{
	unsigned n;
	const GdbReg *const *rows = gdb_reg_set_rows(fix->set, &n);
	uint8_t buf[32];

	(void)data;
	fix->vcpu.sregs.fs.base = 0x1234;
	for (unsigned i = 0; i < n; i++) {
		g_assert_true(arch_read_reg(&fix->vcpu, rows[i], buf, NULL));
		g_assert_true(arch_write_reg(&fix->vcpu, rows[i], buf, NULL));
	}
	g_assert_cmphex(fix->vcpu.dirty, ==, 0);
	g_assert_cmphex(get(fix, "fs_base"), ==, 0x1234);
}

/* A refusal names the ioctl and leaves the cache as it was; descriptor -1 refuses everything. */
static void test_refusal(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_fails(fix, "cr4", 0x20, GDB_ERROR_IO, "KVM_SET_SREGS");
	put_fails(fix, "cs_limit", 0xffff, GDB_ERROR_IO, "KVM_SET_SREGS");
	put_fails(fix, "fs_base", 0x1000, GDB_ERROR_IO, "KVM_SET_SREGS");
	put_fails(fix, "dr7", 0x400, GDB_ERROR_IO, "KVM_SET_DEBUGREGS");
	put_fails(fix, "xcr0", 7, GDB_ERROR_IO, "KVM_SET_XCRS");
	put_fails(fix, "lstar", 7, GDB_ERROR_IO, "KVM_SET_MSRS");
	fix->vcpu.valid = 0;
	put_fails(fix, "rax", 7, GDB_ERROR_IO, "KVM_GET_REGS");
	put_fails(fix, "cr0", 7, GDB_ERROR_IO, "KVM_GET_SREGS");
	put_fails(fix, "dr0", 7, GDB_ERROR_IO, "KVM_GET_DEBUGREGS");
	put_fails(fix, "tsc", 7, GDB_ERROR_IO, "KVM_GET_MSRS");
	put_fails(fix, "xcr0", 7, GDB_ERROR_IO, "KVM_GET_XCRS");
	put_fails(fix, "xmm0", 7, GDB_ERROR_IO, "KVM_GET_XSAVE");
}

/* gdb restores the TSC after a function call; that must not turn the clock back. */
static void test_tsc_restored(Fixture *fix, gconstpointer data)
{
	unsigned slot = 9; /* of the TSC in x86_msr_index[] */

	(void)data;
	g_assert_cmphex(x86_msr_index[slot], ==, 0x10);
	fix->vcpu.msrs[slot].value = 1000;
	put_fails(fix, "tsc", 900, GDB_ERROR_IO, "KVM_SET_MSRS"); /* never shown: a wish */
	g_assert_cmpuint(get(fix, "tsc"), ==, 1000);
	fix->vcpu.msrs[slot].value = 5000;
	put_ok(fix, "tsc", 1000);
	g_assert_cmpuint(get(fix, "tsc"), ==, 5000);
	put_fails(fix, "tsc", 999, GDB_ERROR_IO, "KVM_SET_MSRS");
	put_fails(fix, "tsc", 5001, GDB_ERROR_IO, "KVM_SET_MSRS");
}

static void test_io_pending(void)
{
	static const struct kvm_run pending[] = {
		{.exit_reason = KVM_EXIT_IO},	     {.exit_reason = KVM_EXIT_MMIO},
		{.exit_reason = KVM_EXIT_HYPERCALL}, {.exit_reason = KVM_EXIT_X86_RDMSR},
		{.exit_reason = KVM_EXIT_X86_WRMSR},
	};
	static const struct kvm_run done[] = {
		{.exit_reason = KVM_EXIT_DEBUG},   {.exit_reason = KVM_EXIT_INTR},
		{.exit_reason = KVM_EXIT_HLT},	   {.exit_reason = KVM_EXIT_SHUTDOWN},
		{.exit_reason = KVM_EXIT_UNKNOWN},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(pending); i++)
		g_assert_true(arch_io_pending(&pending[i]));
	for (unsigned i = 0; i < G_N_ELEMENTS(done); i++)
		g_assert_false(arch_io_pending(&done[i]));
}

/* What KVM takes but the CPU would not run with. */
static void test_illegal_bases(Fixture *fix, gconstpointer data)
{
	(void)data;
	put_fails(fix, "fs_base", 1ull << 47, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "gdt_base", 1ull << 63, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "tr_base", 1ull << 48, GDB_ERROR_INVAL, "canonical");
	put_fails(fix, "ds_base", 1ull << 32, GDB_ERROR_INVAL, "32 bits");
	put_fails(fix, "cs_limit", 0x100000, GDB_ERROR_INVAL, "0xfff");
	put_fails(fix, "ss", 0x10000, GDB_ERROR_INVAL, "16 bits");
}

#define ADD(name, function)                                                                        \
	g_test_add("/x86-regs/" name, Fixture, NULL, set_up, function, tear_down)

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
	g_test_add_func("/x86-regs/guest-has", test_guest_has);
	ADD("each-row-alone", test_each_row_alone);
	ADD("values-by-name", test_values_by_name);
	ADD("eflags", test_eflags);
	ADD("rip", test_rip);
	ADD("mxcsr", test_mxcsr);
	ADD("vector-sets-present", test_vector_sets_present);
	ADD("x87", test_x87);
	ADD("no-component", test_no_component);
	ADD("same-value", test_same_value);
	ADD("refusal", test_refusal);
	ADD("illegal-bases", test_illegal_bases);
	ADD("tsc-restored", test_tsc_restored);
	g_test_add_func("/x86-regs/io-pending", test_io_pending);
	return g_test_run();
}
