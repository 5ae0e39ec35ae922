/*
 * tests/test-hw-p9.c - hw/dev/p9.h: messages of 9p that are looked at and changed.
 */
#include <errno.h>
#include <string.h>

#include "hw/dev/p9.h"
#include "tests/test-util.h"

static GByteArray *message(const void *data, size_t len)
{
	return g_byte_array_append(g_byte_array_new(), data, len);
}
#define MESSAGE(...) message((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void check_bytes(const GByteArray *got, const void *want, size_t len)
{
	g_assert_cmpmem(got->data, got->len, want, len);
}

static void test_header(void)
{
	P9Header header;
	const uint8_t data[] = {0x01, 0x02, 0x03, 0x04, 104, 0x34, 0x12};
	const uint8_t small[] = {6, 0, 0, 0, 104, 0, 0};
	const uint8_t empty[] = {7, 0, 0, 0, 104, 0, 0};

	g_assert_true(p9_header(data, &header));
	g_assert_cmphex(header.size, ==, 0x04030201);
	g_assert_cmpuint(header.type, ==, 104);
	g_assert_cmphex(header.tag, ==, 0x1234);
	g_assert_false(p9_header(small, &header));
	g_assert_true(p9_header(empty, &header));
}

static void test_error(void)
{
	const uint8_t want[] = {11, 0, 0, 0, 7, 0x34, 0x12, 5, 0, 0, 0};
	uint8_t got[P9_ERROR_SIZE];

	p9_error(got, 0x1234, EIO);
	g_assert_cmpmem(got, sizeof(got), want, sizeof(want));
}

static void test_version(void)
{
	g_autoptr(GByteArray) version = MESSAGE(13, 0, 0, 0, 100, 0xff, 0xff, 0, 0, 2, 0, 0, 0);
	g_autoptr(GByteArray) cut = MESSAGE(10, 0, 0, 0, 100, 0xff, 0xff, 0, 0, 2);
	uint32_t size;

	g_assert_true(p9_limit_version(version, 0x30000));
	g_assert_true(p9_version_size(version->data, version->len, &size));
	g_assert_cmphex(size, ==, 0x20000);
	g_assert_true(p9_limit_version(version, 0x1ffff));
	g_assert_true(p9_version_size(version->data, version->len, &size));
	g_assert_cmphex(size, ==, 0x1ffff);
	g_assert_false(p9_version_size(cut->data, cut->len, &size));
	g_assert_false(p9_limit_version(cut, 1));
}

static void test_flush(void)
{
	const uint8_t data[] = {9, 0, 0, 0, 108, 1, 0, 0x34, 0x12};
	uint16_t tag;

	g_assert_true(p9_flush_tag(data, 9, &tag));
	g_assert_cmphex(tag, ==, 0x1234);
	g_assert_false(p9_flush_tag(data, 8, &tag));
}

static bool opens_to_change(uint8_t low, uint8_t high)
{
	const uint8_t data[] = {15, 0, 0, 0, 12, 1, 0, 9, 9, 9, 9, low, high, 0, 0};

	g_assert_true(p9_may_change(data, sizeof(data) - 1));
	return p9_may_change(data, sizeof(data));
}

static void test_may_change(void)
{
	/* Those of 9P2000.L that do, by their numbers in Linux's include/net/9p/9p.h. */
	static const uint8_t changes[] = {14, 16, 18, 20, 26, 32, 70, 72, 74, 76, 118, 122};
	static const uint8_t looks[] = {8,   22,  24,  30,  40,	 50,  52, 54,
					100, 102, 104, 108, 110, 116, 120};
	uint8_t data[] = {8, 0, 0, 0, 0, 1, 0, 0};

	for (unsigned i = 0; i < sizeof(changes); i++) {
		data[4] = changes[i];
		g_assert_true(p9_may_change(data, sizeof(data)));
	}
	for (unsigned i = 0; i < sizeof(looks); i++) {
		data[4] = looks[i];
		g_assert_false(p9_may_change(data, sizeof(data)));
	}
	g_assert_true(p9_may_change(data, 6));
	g_assert_false(opens_to_change(0, 0x80)); /* O_LARGEFILE */
	g_assert_true(opens_to_change(1, 0));
	g_assert_true(opens_to_change(2, 0));
	g_assert_true(opens_to_change(0, 2)); /* O_TRUNC */
}

static void test_walks_up(void)
{
	uint8_t data[] = {0, 0, 0, 0, 110, 1, 0, 1,   0, 0, 0,	 2,
			  0, 0, 0, 2, 0,   1, 0, 'a', 2, 0, '.', '.'};

	data[0] = sizeof(data);
	g_assert_true(p9_walks_up(data, sizeof(data)));
	g_assert_false(p9_walks_up(data, sizeof(data) - 1));
	data[4] = 116;
	g_assert_false(p9_walks_up(data, sizeof(data)));
	data[4] = 110;
	data[15] = 1; /* one name: "a" */
	g_assert_false(p9_walks_up(data, sizeof(data)));
	data[15] = 2;
	data[23] = 'x';
	g_assert_false(p9_walks_up(data, sizeof(data)));
	data[17] = 200; /* a name that does not end */
	g_assert_false(p9_walks_up(data, sizeof(data)));
}

static void test_makes_other(void)
{
	static const uint8_t others[] = {16, 18, 20, 70, 72, 74, 99};
	static const uint8_t of_files[] = {8, 12, 14, 26, 32, 76, 110, 116, 118, 122};
	uint8_t data[] = {15, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0};

	for (unsigned i = 0; i < sizeof(others); i++) {
		data[4] = others[i];
		g_assert_true(p9_makes_other(data, sizeof(data)));
	}
	for (unsigned i = 0; i < sizeof(of_files); i++) {
		data[4] = of_files[i];
		g_assert_false(p9_makes_other(data, sizeof(data)));
	}
}

/* fid 1, afid 2, user "me", folder "x" */
#define ATTACH(...)                                                                                \
	MESSAGE(26, 0, 0, 0, 104, 9, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 'm', 'e', 1, 0, 'x',         \
		__VA_ARGS__)

static void check_attach(GByteArray *attach, uint32_t uid, uint8_t low, uint8_t high)
{
	const uint8_t want[] = {27, 0, 0, 0, 104, 9,   0,   1,	 0,   0,   0,	 2,    0,   0,
				0,  0, 0, 4, 0,	  '/', 's', 'r', 'c', low, high, high, high};

	g_assert_true(p9_set_attach(attach, "/src", uid));
	check_bytes(attach, want, sizeof(want));
	g_byte_array_unref(attach);
}

static void test_attach(void)
{
	check_attach(ATTACH(232, 3, 3, 3), P9_NO_USER, 232, 3);
	check_attach(ATTACH(255, 255, 255, 255), P9_NO_USER, 0, 0);
	check_attach(ATTACH(232, 3, 3, 3), 5, 5, 0);
}

/* Each message that ends too early, too late, or whose strings do. */
static void test_attach_wrong(void)
{
	for (unsigned len = 0; len < 28; len++) {
		g_autoptr(GByteArray) attach = ATTACH(0, 0, 0, 0, 0, 0);
		g_autoptr(GByteArray) before = message(attach->data, len);

		g_byte_array_set_size(attach, len);
		g_assert_true(p9_set_attach(attach, "/src", 0) == (len == 26));
		if (len != 26)
			check_bytes(attach, before->data, before->len);
	}
	g_autoptr(GByteArray) attach = ATTACH(0, 0, 0, 0);
	g_autofree char *folder = g_strnfill(0x10000, '/');
	g_assert_false(p9_set_attach(attach, folder, 0));
	attach->data[16] = 0xff; /* the user's name has 65282 bytes */
	g_assert_false(p9_set_attach(attach, "/src", 0));
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"header", test_header},
		{"error", test_error},
		{"version", test_version},
		{"flush", test_flush},
		{"may-change", test_may_change},
		{"walks-up", test_walks_up},
		{"makes-other", test_makes_other},
		{"attach", test_attach},
		{"attach-wrong", test_attach_wrong},
		{0},
	};

	return test_main(argc, argv, "hw-p9", cases);
}
