/*
 * tests/test-guest-types.c - the sentences of guest/types.h, with BTF that libbpf writes, and with
 * that of this machine's kernel where there is one.
 */
#include <bpf/btf.h>
#include <linux/btf.h>
#include <string.h>

#include "guest/memory.h"
#include "guest/types.h"

#include "tests/test-util.h"

static LinuxTypes *types_of(const struct btf *btf, const LinuxTypes *base)
{
	g_autoptr(GError) error = NULL;
	uint32_t len;
	const void *raw = btf__raw_data(btf, &len);
	LinuxTypes *types = linux_types_new(raw, len, base, &error);

	g_assert_no_error(error);
	g_assert_nonnull(types);
	return types;
}

/*
 * struct inner { int a; char text[12]; };
 * struct outer { long id; union { void *p; struct inner; }; const volatile inner_t in;
 *                int low : 3; int flexible[]; };
 */
static struct btf *make_btf(void)
{
	struct btf *btf = btf__new_empty();
	int i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int l = btf__add_int(btf, "long int", 8, BTF_INT_SIGNED);
	int c = btf__add_int(btf, "char", 1, BTF_INT_CHAR);
	int text = btf__add_array(btf, i, c, 12), none = btf__add_array(btf, i, i, 0);
	int inner = btf__add_struct(btf, "inner", 16), either, volatile_, outer;

	btf__add_field(btf, "a", i, 0, 0);
	btf__add_field(btf, "text", text, 32, 0);
	either = btf__add_union(btf, NULL, 16);
	btf__add_field(btf, "p", btf__type_cnt(btf), 0, 0);
	btf__add_field(btf, NULL, inner, 0, 0);
	btf__add_ptr(btf, 0);
	volatile_ = btf__add_volatile(btf, btf__add_typedef(btf, "inner_t", inner));
	outer = btf__add_struct(btf, "outer", 44);
	btf__add_field(btf, "id", l, 0, 0);
	btf__add_field(btf, NULL, either, 64, 0);
	btf__add_field(btf, "in", outer + 1, 192, 0);
	btf__add_field(btf, "low", i, 320, 3);
	btf__add_field(btf, "flexible", none, 352, 0);
	g_assert_cmpint(btf__add_const(btf, volatile_), ==, outer + 1);
	return btf;
}

static void assert_member(const LinuxTypes *types, const char *type, const char *path,
			  uint32_t offset, uint32_t size)
{
	LinuxMember found = {0};

	g_assert_true(linux_types_member(types, type, path, &found));
	g_assert_cmpuint(found.offset, ==, offset);
	g_assert_cmpuint(found.size, ==, size);
}

static void test_members(void)
{
	struct btf *btf = make_btf();
	g_autoptr(LinuxTypes) types = types_of(btf, NULL);
	LinuxMember found;
	uint32_t size = 0;

	assert_member(types, "outer", "id", 0, 8);
	assert_member(types, "outer", "p", 8, 8);
	assert_member(types, "outer", "a", 8, 4);
	assert_member(types, "outer", "text", 12, 12);
	assert_member(types, "outer", "in", 24, 16);
	assert_member(types, "outer", "in.a", 24, 4);
	assert_member(types, "outer", "in.text", 28, 12);
	assert_member(types, "outer", "flexible", 44, 0);
	g_assert_true(linux_types_size(types, "outer", &size));
	g_assert_cmpuint(size, ==, 44);
	g_assert_false(linux_types_size(types, "oute", &size));
	g_assert_false(linux_types_size(types, "inner_t", &size));
	/* Bit fields; what is not there; a path into what is no structure, and one with no end. */
	g_assert_false(linux_types_member(types, "outer", "low", &found));
	g_assert_false(linux_types_member(types, "outer", "i", &found));
	g_assert_false(linux_types_member(types, "outer", "idx", &found));
	g_assert_false(linux_types_member(types, "none", "id", &found));
	g_assert_false(linux_types_member(types, "outer", "id.a", &found));
	g_assert_false(linux_types_member(types, "outer", "in.", &found));
	g_assert_false(linux_types_member(types, "outer", "", &found));
	btf__free(btf);
}

static void test_split(void)
{
	struct btf *kernel = make_btf();
	g_autoptr(LinuxTypes) base = types_of(kernel, NULL);
	struct btf *module = btf__new_empty_split(kernel);
	g_autoptr(LinuxTypes) types = NULL;
	const char *strings;
	size_t len = 0, under = 0;

	btf__add_struct(module, "toy", 48);
	btf__add_field(module, "count", 1, 0, 0);
	btf__add_field(module, "box", btf__find_by_name(kernel, "outer"), 32, 0);
	/* Another one of the kernel's name. */
	btf__add_struct(module, "inner", 8);
	btf__add_field(module, "own", 1, 32, 0);
	types = types_of(module, base);
	g_assert_cmpuint(linux_types_first(base), ==, 1);
	g_assert_cmpuint(linux_types_first(types), ==, btf__type_cnt(kernel));
	assert_member(types, "toy", "box.in.text", 32, 12);
	assert_member(types, "inner", "own", 4, 4);
	assert_member(base, "inner", "text", 4, 12);
	linux_types_strings(base, &under);
	strings = linux_types_strings(types, &len);
	g_assert_cmpmem(strings + under, len - under, "toy\0count\0box\0own", 18);
	g_assert_cmpstr(strings + 1, ==, "int");
	btf__free(module);
	btf__free(kernel);
}

/* ---- Lies ---- */

/* A structure that has itself for an unnamed member, often; types that are themselves. */
static void test_cycles(void)
{
	struct btf *btf = btf__new_empty();
	g_autoptr(LinuxTypes) types = NULL;
	LinuxMember found;
	int64_t began = test_cpu_time();

	btf__add_struct(btf, "self", 8);
	for (unsigned i = 0; i < 1000; i++)
		btf__add_field(btf, NULL, 1, 0, 0);
	btf__add_typedef(btf, "t", 2);
	btf__add_struct(btf, "user", 8);
	btf__add_field(btf, "t", 2, 0, 0);
	btf__add_field(btf, "far", 77, 0, 0);
	types = types_of(btf, NULL);
	g_assert_false(linux_types_member(types, "self", "a", &found));
	g_assert_false(linux_types_member(types, "user", "t", &found));
	g_assert_false(linux_types_member(types, "user", "t.a", &found));
	g_assert_false(linux_types_member(types, "user", "far", &found));
	g_assert_cmpint(test_cpu_time() - began, <, 1000000);
	btf__free(btf);
}

/* Members that lie behind the end of their structure, or are longer than memory. */
static void test_outside(void)
{
	struct btf *btf = btf__new_empty();
	int i = btf__add_int(btf, "int", 4, 0);
	int big = btf__add_array(btf, i, i, UINT32_MAX);
	g_autoptr(LinuxTypes) types = NULL;
	LinuxMember found;

	btf__add_struct(btf, "s", 8);
	btf__add_field(btf, "last", i, 32, 0);
	btf__add_field(btf, "behind", i, 40, 0);
	btf__add_field(btf, "big", big, 0, 0);
	types = types_of(btf, NULL);
	assert_member(types, "s", "last", 4, 4);
	g_assert_false(linux_types_member(types, "s", "behind", &found));
	g_assert_false(linux_types_member(types, "s", "big", &found));
	btf__free(btf);
}

/* What the section of @btf is like after @change; its error, as far as @ends with. */
typedef void (*Change)(struct btf_header *header, uint8_t *rest, size_t *len);

static void long_header(struct btf_header *header, uint8_t *rest G_GNUC_UNUSED, size_t *len)
{
	header->hdr_len = *len + 4;
}

static void other_end(struct btf_header *header, uint8_t *rest G_GNUC_UNUSED,
		      size_t *len G_GNUC_UNUSED)
{
	header->magic = GUINT16_SWAP_LE_BE(header->magic);
}

static void cut_off(struct btf_header *header, uint8_t *rest G_GNUC_UNUSED,
		    size_t *len G_GNUC_UNUSED)
{
	header->type_len -= 4;
}

static void short_of(struct btf_header *header G_GNUC_UNUSED, uint8_t *rest G_GNUC_UNUSED,
		     size_t *len)
{
	*len -= 1;
}

static void new_kind(struct btf_header *header, uint8_t *rest, size_t *len G_GNUC_UNUSED)
{
	rest[header->type_off + 7] = 30;
}

static void no_kind(struct btf_header *header, uint8_t *rest, size_t *len G_GNUC_UNUSED)
{
	rest[header->type_off + 7] = 0;
}

static void escape(struct btf_header *header, uint8_t *rest, size_t *len G_GNUC_UNUSED)
{
	rest[header->str_off + 1] = '\x1b';
}

static void no_nul(struct btf_header *header, uint8_t *rest, size_t *len G_GNUC_UNUSED)
{
	rest[header->str_off + header->str_len - 1] = 'a';
}

static const struct {
	Change change;
	const char *error;
} lies[] = {
	{long_header, "the kernel's types (BTF): a header of *bytes"},
	{other_end, "the kernel's types (BTF): magic 0x9feb, version 1 are unknown"},
	{cut_off, "the kernel's types (BTF): the last type is cut off"},
	{short_of, "the kernel's types (BTF): the header names bytes behind the end"},
	{new_kind, "the kernel's types (BTF): types of kind 30 are unknown"},
	{no_kind, "the kernel's types (BTF): types of kind 0 are unknown"},
	{escape, "the kernel's types (BTF): a name has the byte 0x1b in it"},
	{no_nul, "the kernel's types (BTF): names without a NUL"},
};

static void test_damaged(void)
{
	struct btf *btf = make_btf();
	uint32_t raw_len;
	const void *raw = btf__raw_data(btf, &raw_len);

	for (unsigned i = 0; i < G_N_ELEMENTS(lies); i++) {
		g_autofree uint8_t *copy = g_memdup2(raw, raw_len);
		struct btf_header header;
		g_autoptr(GError) error = NULL;
		size_t len = raw_len;

		memcpy(&header, copy, sizeof(header));
		lies[i].change(&header, copy + sizeof(header), &len);
		memcpy(copy, &header, sizeof(header));
		g_assert_null(linux_types_new(copy, len, NULL, &error));
		g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
		g_test_message("%s", error->message);
		g_assert_true(g_pattern_match_simple(lies[i].error, error->message));
	}
	btf__free(btf);
}

/* One name for many types is looked at as often as there are types. */
static void test_long_names(void)
{
	const unsigned len = 1024 * 1024, n = LINUX_TYPES_MAX / len;
	g_autofree char *name = g_strnfill(len, 'n');

	for (unsigned more = 0; more < 2; more++) {
		struct btf *btf = btf__new_empty();
		g_autoptr(LinuxTypes) types = NULL;
		g_autoptr(GError) error = NULL;
		uint32_t raw_len;
		const void *raw;

		for (unsigned i = 0; i < n - 1 + more; i++)
			btf__add_struct(btf, name, 4);
		raw = btf__raw_data(btf, &raw_len);
		types = linux_types_new(raw, raw_len, NULL, &error);
		g_assert_cmpint(types != NULL, ==, !more);
		if (more)
			g_assert_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED);
		btf__free(btf);
	}
}

/* ---- A real one ---- */

static void test_this_kernel(void)
{
	g_autofree char *data = NULL;
	g_autoptr(LinuxTypes) types = NULL;
	g_autoptr(GError) error = NULL;
	LinuxMember comm, next;
	uint32_t task = 0;
	gsize len = 0;

	if (!g_file_get_contents("/sys/kernel/btf/vmlinux", &data, &len, NULL)) {
		g_test_skip("this machine's kernel has no /sys/kernel/btf/vmlinux");
		return;
	}
	types = linux_types_new(data, len, NULL, &error);
	g_assert_no_error(error);
	g_assert_true(linux_types_size(types, "task_struct", &task));
	g_assert_cmpuint(task, >, 1000);
	g_assert_true(linux_types_member(types, "task_struct", "comm", &comm));
	g_assert_cmpuint(comm.size, ==, 16);
	g_assert_true(linux_types_member(types, "task_struct", "tasks.next", &next));
	g_assert_cmpuint(next.size, ==, 8);
	g_assert_cmpuint(next.offset, <, task);
}

static const TestCase cases[] = {
	{"members", test_members},	   {"split", test_split},
	{"cycles", test_cycles},	   {"outside", test_outside},
	{"damaged", test_damaged},	   {"long-names", test_long_names},
	{"this-kernel", test_this_kernel}, {0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-types", cases);
}
