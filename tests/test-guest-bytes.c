/*
 * tests/test-guest-bytes.c - the sentences of guest/bytes.h.
 */
#include "guest/bytes.h"

#include "tests/test-util.h"

static void assert_bytes(const GByteArray *found, const char *expected, unsigned len)
{
	g_assert_cmpmem(found->data, found->len, expected, len);
}

static void test_numbers(void)
{
	g_autoptr(GByteArray) all = NULL;
	Bytes bytes = {0};

	bytes_put(&bytes, 0x1122334455667788, 3);
	bytes_put(&bytes, 0x1122334455667788, 8);
	bytes_string(&bytes, "ab");
	bytes_string(&bytes, "");
	bytes_append(&bytes, NULL, 0);
	bytes_append(&bytes, "\xff", 1);
	all = bytes_end(&bytes);
	assert_bytes(all,
		     "\x88\x77\x66\x88\x77\x66\x55\x44\x33\x22\x11"
		     "ab\0\0\xff",
		     16);
	g_assert_cmpuint(bytes.len, ==, 0);
}

/* The examples of DWARF 5, tables 7.7 and 7.8. */
static void test_leb128(void)
{
	static const uint64_t plain[] = {2, 127, 128, 129, 12857};
	static const int64_t with_sign[] = {2, -2, 127, -127, 128, -128, 129, -129};
	g_autoptr(GByteArray) all = NULL;
	Bytes bytes = {0};

	for (unsigned i = 0; i < G_N_ELEMENTS(plain); i++)
		bytes_uleb(&bytes, plain[i]);
	for (unsigned i = 0; i < G_N_ELEMENTS(with_sign); i++)
		bytes_sleb(&bytes, with_sign[i]);
	bytes_uleb(&bytes, UINT64_MAX);
	bytes_sleb(&bytes, INT64_MIN);
	all = bytes_end(&bytes);
	assert_bytes(all,
		     "\x02\x7f\x80\x01\x81\x01\xb9\x64"
		     "\x02\x7e\xff\x00\x81\x7f\x80\x01\x80\x7f\x81\x01\xff\x7e"
		     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		     "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f",
		     8 + 14 + 10 + 10);
}

/* It grows at each length that there is, by each way to write. */
static void test_growth(void)
{
	g_autofree char *long_text = g_strnfill(1000, 'x');

	for (unsigned first = 0; first < 200; first++) {
		g_autoptr(GByteArray) all = NULL;
		Bytes bytes = {0};

		for (unsigned i = 0; i < first; i++)
			bytes_put(&bytes, i, 1);
		bytes_uleb(&bytes, UINT64_MAX);
		bytes_put(&bytes, 0x4142434445464748, 8);
		bytes_string(&bytes, long_text);
		bytes_put(&bytes, 7, 1);
		all = bytes_end(&bytes);
		g_assert_cmpuint(all->len, ==, first + 10 + 8 + 1001 + 1);
		for (unsigned i = 0; i < first; i++)
			g_assert_cmpuint(all->data[i], ==, i);
		g_assert_cmpuint(all->data[all->len - 1], ==, 7);
		g_assert_cmpmem(all->data + first + 10, 8, "HGFEDCBA", 8);
	}
}

static void test_empty(void)
{
	g_auto(Bytes) bytes = {0};
	g_autoptr(GByteArray) all = bytes_end(&bytes);

	g_assert_cmpuint(all->len, ==, 0);
	bytes_put(&bytes, 1, 1);
	bytes_clear(&bytes);
	g_assert_cmpuint(bytes.len, ==, 0);
	bytes_put(&bytes, 1, 1); /* and freed by the end of this function */
}

static const TestCase cases[] = {
	{"numbers", test_numbers},
	{"leb128", test_leb128},
	{"growth", test_growth},
	{"empty", test_empty},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-bytes", cases);
}
