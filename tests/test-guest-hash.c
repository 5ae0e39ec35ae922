/*
 * tests/test-guest-hash.c - the sentences of guest/hash.h.
 */
#include "guest/hash.h"

#include "tests/test-util.h"

#define N 4096u

/* Of @N hashes only a few fall together by chance. */
static void assert_differ(GHashTable *seen)
{
	g_assert_cmpuint(g_hash_table_size(seen), >, N - 16);
	g_hash_table_unref(seen);
}

/* Each pair of characters makes the same of g_str_hash(), which all know. */
static void test_names(void)
{
	GHashTable *seen = g_hash_table_new(NULL, NULL);
	guint known = g_str_hash("AbAbAbAbAbAbAbAbAbAbAbAb");

	for (unsigned i = 0; i < N; i++) {
		g_autoptr(GString) name = g_string_new(NULL);

		for (unsigned bit = 0; bit < 12; bit++)
			g_string_append(name, i >> bit & 1 ? "BA" : "Ab");
		g_assert_cmpuint(g_str_hash(name->str), ==, known);
		g_hash_table_add(seen, GUINT_TO_POINTER(linux_name_hash(name->str)));
	}
	assert_differ(seen);
	g_assert_cmpuint(linux_name_hash("init_task"), ==, linux_name_hash("init_task"));
}

/* Those that differ in their upper bits only are one for g_int64_hash(). */
static void test_numbers(void)
{
	const uint64_t number = 0xffff888000000000, same = number;

	g_assert_cmpuint(linux_number_hash(&number), ==, linux_number_hash(&same));
	for (unsigned shift = 0; shift <= 52; shift += 4) {
		GHashTable *seen = g_hash_table_new(NULL, NULL);

		for (uint64_t i = 0; i < N; i++) {
			uint64_t number = i << shift;

			g_hash_table_add(seen, GUINT_TO_POINTER(linux_number_hash(&number)));
		}
		assert_differ(seen);
	}
}

static const TestCase cases[] = {
	{"names", test_names},
	{"numbers", test_numbers},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-hash", cases);
}
