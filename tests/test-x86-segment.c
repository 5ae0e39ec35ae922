/*
 * Tests of x86/cpu/segment.h: descriptors.
 */
#include <string.h>

#include "gdbstub/target.h"
#include "x86/cpu/segment.h"

static X86Segment decode(uint64_t desc)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = desc >> 8 * i;
	return x86_segment_decode(bytes, false);
}

/* Every field apart from the others: base 0x89abcdef, limit 0x12345. */
static void test_fields(void)
{
	X86Segment segment = decode(0x8951f2abcdef2345);

	g_assert_cmphex(segment.base, ==, 0x89abcdef);
	g_assert_cmphex(segment.limit, ==, 0x12345);
	g_assert_cmphex(segment.type, ==, 2);
	g_assert_cmpuint(segment.dpl, ==, 3);
	g_assert_true(segment.code_or_data && segment.present && segment.big && segment.available);
	g_assert_false(segment.long_code || segment.granular);
}

/* The segments of a 64-bit kernel. */
static void test_kernel(void)
{
	X86Segment code = decode(0x00af9b000000ffff), data = decode(0x00cf93000000ffff);

	g_assert_cmphex(code.base, ==, 0);
	g_assert_cmphex(code.limit, ==, 0xffffffff);
	g_assert_true(code.long_code && !code.big && code.granular);
	g_assert_cmphex(code.type, ==, 0xb);
	g_assert_true(data.big && !data.long_code);
	g_assert_cmpuint(data.dpl, ==, 0);
}

static void test_wide(void)
{
	static const uint8_t desc[16] = {0x67, 0x20, 0x00, 0x30, 0x00, 0x8b,
					 0x00, 0xfe, 0x78, 0x56, 0x34, 0x12};
	X86Segment segment = x86_segment_decode(desc, true);

	g_assert_cmphex(segment.base, ==, 0x12345678fe003000);
	g_assert_cmphex(segment.limit, ==, 0x2067);
	g_assert_cmphex(x86_segment_decode(desc, false).base, ==, 0xfe003000);
}

static void check(uint64_t desc, X86SegmentKind kind, const char *why)
{
	g_autoptr(GError) error = NULL;
	X86Segment segment = decode(desc);

	if (!why) {
		g_assert_true(x86_segment_check(&segment, kind, &error));
		g_assert_no_error(error);
		return;
	}
	g_assert_false(x86_segment_check(&segment, kind, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
	g_assert_nonnull(strstr(error->message, why));
}

#define CODE 0x00af9a000000ffff	     /* readable */
#define CODE_ONLY 0x00af98000000ffff /* cannot be read */
#define DATA 0x00cf92000000ffff
#define DATA_RO 0x00cf90000000ffff
#define TSS 0x0000890000000067
#define TSS_BUSY 0x00008b0000000067
#define LDT 0x0000820000000067
#define GATE 0x00008e0000000000
#define ABSENT(desc) ((desc) & ~(1ull << 47))

static void test_check(void)
{
	check(CODE, X86_SEGMENT_CODE, NULL);
	check(CODE_ONLY, X86_SEGMENT_CODE, NULL);
	check(DATA, X86_SEGMENT_CODE, "not code");
	check(TSS, X86_SEGMENT_CODE, "system segment");
	check(DATA, X86_SEGMENT_STACK, NULL);
	check(DATA_RO, X86_SEGMENT_STACK, "not writable");
	check(CODE, X86_SEGMENT_STACK, "not writable");
	check(DATA_RO, X86_SEGMENT_DATA, NULL);
	check(CODE, X86_SEGMENT_DATA, NULL);
	check(CODE_ONLY, X86_SEGMENT_DATA, "cannot be read");
	check(TSS, X86_SEGMENT_TSS, NULL);
	check(TSS_BUSY, X86_SEGMENT_TSS, NULL);
	check(LDT, X86_SEGMENT_TSS, "not a TSS");
	check(GATE, X86_SEGMENT_TSS, "not a TSS");
	check(LDT, X86_SEGMENT_LDT, NULL);
	check(TSS, X86_SEGMENT_LDT, "not an LDT");
	check(DATA, X86_SEGMENT_LDT, "code or data");
	check(ABSENT(DATA), X86_SEGMENT_DATA, "not present");
	check(ABSENT(CODE), X86_SEGMENT_CODE, "not present");
	check(0, X86_SEGMENT_DATA, "system segment");
}

static void test_loaded_type(void)
{
	X86Segment data = decode(DATA), tss = decode(TSS), ldt = decode(LDT);

	g_assert_cmphex(x86_segment_loaded_type(&data, X86_SEGMENT_STACK), ==, 3);
	g_assert_cmphex(x86_segment_loaded_type(&tss, X86_SEGMENT_TSS), ==, 11);
	g_assert_cmphex(x86_segment_loaded_type(&ldt, X86_SEGMENT_LDT), ==, 2);
}

static void test_selector(void)
{
	g_assert_true(x86_selector_is_null(3));
	g_assert_false(x86_selector_is_null(4));
	g_assert_true(x86_selector_is_local(0x0f));
	g_assert_false(x86_selector_is_local(0x0b));
	g_assert_cmphex(x86_selector_offset(0xffff), ==, 0xfff8);
	g_assert_cmphex(x86_selector_offset(0x33), ==, 0x30);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-segment/fields", test_fields);
	g_test_add_func("/x86-segment/kernel", test_kernel);
	g_test_add_func("/x86-segment/wide", test_wide);
	g_test_add_func("/x86-segment/check", test_check);
	g_test_add_func("/x86-segment/loaded-type", test_loaded_type);
	g_test_add_func("/x86-segment/selector", test_selector);
	return g_test_run();
}
