/*
 * tests/test-copies.c - the sentences of kvm/copies.h, with a trap of one byte and of four.
 */
#include <string.h>

#include "kvm/copies.h"

#define PAGE KVM_COPIES_PAGE

static const uint8_t trap1[] = {0xcc}, trap4[] = {0x00, 0x00, 0x20, 0xd4};

/* Some bytes that differ; the trap nowhere. */
static void fill(uint8_t *page, uint8_t seed)
{
	for (unsigned i = 0; i < PAGE; i++)
		page[i] = (i * 7 + i / 256 + seed) % 0xcc;
}

static void put(uint8_t *page, unsigned offset, const uint8_t *trap, size_t len)
{
	memcpy(page + offset, trap, len);
}

static void check_trap(const uint8_t *trap, size_t len)
{
	g_autoptr(KvmCopies) copies = kvm_copies_new(trap, len);
	uint8_t own[PAGE], now[PAGE], saved[8];
	uint64_t gpa = 0;

	fill(own, 1);
	memcpy(now, own, PAGE);
	put(now, 0x100, trap, len);
	g_assert_false(kvm_copies_any(copies));
	g_assert_false(kvm_copies_match(copies, now, 0x100, saved, &gpa));
	kvm_copies_note(copies, own, 0x100, 0x5100);
	g_assert_true(kvm_copies_any(copies));
	g_assert_true(kvm_copies_match(copies, now, 0x100, saved, &gpa));
	g_assert_cmpmem(saved, len, own + 0x100, len);
	g_assert_cmphex(gpa, ==, 0x5100);
	/* At another place of the page, and in a page that differs in one byte, it is not ours. */
	g_assert_false(kvm_copies_match(copies, now, 0x104, saved, &gpa));
	now[PAGE - 1]++;
	g_assert_false(kvm_copies_match(copies, now, 0x100, saved, &gpa));
	kvm_copies_clear(copies);
	g_assert_false(kvm_copies_any(copies));
	now[PAGE - 1]--;
	g_assert_false(kvm_copies_match(copies, now, 0x100, saved, &gpa));
}

static void test_match(void)
{
	check_trap(trap1, sizeof(trap1));
	check_trap(trap4, sizeof(trap4));
}

/* A copy has those patches that were in the page when it was made. */
static void test_some_of_them(void)
{
	g_autoptr(KvmCopies) copies = kvm_copies_new(trap1, 1);
	static const unsigned offsets[] = {0, 0x20, PAGE - 1};
	uint8_t own[PAGE], now[PAGE], saved[8];
	uint64_t gpa;
	unsigned n;

	fill(own, 2);
	for (unsigned i = 0; i < 3; i++)
		kvm_copies_note(copies, own, offsets[i], 0x7000 + offsets[i]);
	for (unsigned set = 1; set < 8; set++) {
		memcpy(now, own, PAGE);
		for (unsigned i = 0; i < 3; i++) {
			if (set & 1 << i)
				put(now, offsets[i], trap1, 1);
		}
		for (unsigned i = 0; i < 3; i++) {
			if (!(set & 1 << i))
				continue;
			g_assert_true(kvm_copies_match(copies, now, offsets[i], saved, &gpa));
			g_assert_cmphex(saved[0], ==, own[offsets[i]]);
			g_assert_cmphex(gpa, ==, 0x7000 + offsets[i]);
		}
	}
	g_assert_cmphex(kvm_copies_offsets(copies, &n)[2], ==, PAGE - 1);
	g_assert_cmpuint(n, ==, 3);
}

/* Which patch it was: the last one that was noted. The same one again is no new one. */
static void test_again(void)
{
	g_autoptr(KvmCopies) copies = kvm_copies_new(trap1, 1);
	uint8_t own[PAGE], now[PAGE], saved[8];
	uint64_t gpa;
	unsigned n;

	fill(own, 3);
	for (unsigned i = 0; i < 2 * KVM_COPIES_MAX; i++)
		kvm_copies_note(copies, own, 0x44, 0x1044);
	kvm_copies_note(copies, own, 0x44, 0x2044);
	memcpy(now, own, PAGE);
	put(now, 0x44, trap1, 1);
	g_assert_true(kvm_copies_match(copies, now, 0x44, saved, &gpa));
	g_assert_cmphex(gpa, ==, 0x2044);
	kvm_copies_offsets(copies, &n);
	g_assert_cmpuint(n, ==, 1);
}

/* The guest's own trap under a patch, and a patch that does not fit the page, are not kept. */
static void test_not_kept(void)
{
	g_autoptr(KvmCopies) copies = kvm_copies_new(trap4, sizeof(trap4));
	uint8_t own[PAGE];

	fill(own, 4);
	kvm_copies_note(copies, own, PAGE - 2, 0x1ffe);
	put(own, 0x10, trap4, sizeof(trap4));
	kvm_copies_note(copies, own, 0x10, 0x1010);
	g_assert_false(kvm_copies_any(copies));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/copies/match", test_match);
	g_test_add_func("/copies/some-of-them", test_some_of_them);
	g_test_add_func("/copies/again", test_again);
	g_test_add_func("/copies/not-kept", test_not_kept);
	return g_test_run();
}
