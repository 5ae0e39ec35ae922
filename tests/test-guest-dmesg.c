/*
 * tests/test-guest-dmesg.c - the sentences of guest/dmesg.h and guest/layout.h.
 */
#include "guest/dmesg.h"

#include <string.h>

#include "guest/layout.h"
#include "tests/guest-rig.h"
#include "tests/test-util.h"

/* ---- Linux 5.10 and later: 8 records, 256 bytes of text ---- */

#define PRB_VAR (RIG_BASE + 0x100)
#define PRB (RIG_BASE + 0x200)
#define DESCS (RIG_BASE + 0x1000)
#define INFOS (RIG_BASE + 0x2000)
#define DATA (RIG_BASE + 0x3000)
#define COUNT_BITS 3u
#define DATA_BITS 8u
#define COMMITTED 1ull
#define FINALIZED 2ull
#define REUSABLE 3ull

/* @lpos: where the next record's text goes. */
typedef struct Ring {
	GuestRig *rig;
	uint64_t id, lpos;
} Ring;

static Ring ring_new(uint64_t id, uint64_t lpos)
{
	Ring ring = {.rig = kern_new(), .id = id, .lpos = lpos};
	GuestRig *rig = ring.rig;

	kern_log_types(rig);
	kern_symbol(rig, "prb", PRB_VAR);
	kern_ready(rig);
	kern_put_u64(rig, PRB_VAR, PRB);
	kern_put_u32(rig, PRB, COUNT_BITS);
	kern_put_u64(rig, PRB + 8, DESCS);
	kern_put_u64(rig, PRB + 16, INFOS);
	kern_put_u64(rig, PRB + 24, id);
	kern_put_u64(rig, PRB + 32, id);
	kern_put_u32(rig, PRB + 48, DATA_BITS);
	kern_put_u64(rig, PRB + 56, DATA);
	return ring;
}

static void put_desc(Ring *ring, uint64_t state, uint64_t begin, uint64_t next, uint64_t ns,
		     uint16_t len)
{
	uint64_t n = ring->id & ((1u << COUNT_BITS) - 1);
	uint64_t desc = DESCS + n * 24, info = INFOS + n * 88;

	kern_put_u64(ring->rig, desc, state << 62 | ring->id);
	kern_put_u64(ring->rig, desc + 8, begin);
	kern_put_u64(ring->rig, desc + 16, next);
	kern_put_u64(ring->rig, info + 8, ns);
	kern_put_u16(ring->rig, info + 16, len);
	kern_put_u64(ring->rig, PRB + 24, ring->id);
	ring->id = (ring->id + 1) & (UINT64_MAX >> 2);
}

/* As the kernel does: a block that does not fit at the end is at the start. */
static void put_text(Ring *ring, uint64_t ns, const char *text)
{
	size_t len = strlen(text), size = (8 + len + 7) & ~7u;
	uint64_t begin = ring->lpos, at = begin % 256, next = begin + size;

	if (at + size > 256) {
		at = 0;
		next = (begin / 256 + 1) * 256 + size;
	}
	kern_put_u64(ring->rig, DATA + at, ring->id);
	kern_put(ring->rig, DATA + at + 8, text, len);
	ring->lpos = next;
	put_desc(ring, FINALIZED, begin, next, ns, len);
}

static void assert_log(GuestRig *rig, unsigned lines, const char *expected)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	g_assert_true(linux_dmesg(&rig->kernel, lines, out, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(out->str, ==, expected);
}

static void assert_damaged(GuestRig *rig, const char *message)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	g_assert_false(linux_dmesg(&rig->kernel, 0, out, &error));
	g_assert_nonnull(error);
	g_assert_cmpstr(error->message, ==, message);
	g_assert_cmpuint(out->len, ==, 0);
}

static void test_lines(void)
{
	Ring ring = ring_new(5, 0);
	g_autoptr(GuestRig) rig = ring.rig;

	put_text(&ring, 0, "Linux version 6.1.0");
	put_text(&ring, 1234567890, "two\nlines\n");
	put_text(&ring, 100000000000000, "a \033[31m tab\t, \xc3\xa4 and \xff");
	assert_log(rig, 0,
		   "[    0.000000] Linux version 6.1.0\n"
		   "[    1.234567] two\n"
		   "[    1.234567] lines\n"
		   "[100000.000000] a \\x1b[31m tab\t, \xc3\xa4 and \\xff\n");
	assert_log(rig, 2,
		   "[    1.234567] lines\n"
		   "[100000.000000] a \\x1b[31m tab\t, \xc3\xa4 and \\xff\n");
}

/* More than fits: the oldest are gone, texts wrap, and ids do. */
static void test_wrap(void)
{
	Ring ring = ring_new((UINT64_MAX >> 2) - 6, 1024 - 40);
	g_autoptr(GuestRig) rig = ring.rig;
	g_autoptr(GString) expected = g_string_new(NULL);

	for (unsigned i = 0; i < 20; i++) {
		g_autofree char *text = g_strdup_printf("line %u", i);

		if (i >= 12)
			kern_put_u64(rig, PRB + 32, (ring.id - 7) & (UINT64_MAX >> 2));
		put_text(&ring, i * 1000, text);
		if (i >= 12)
			g_string_append_printf(expected, "[    0.0000%02u] %s\n", i, text);
	}
	assert_log(rig, 0, expected->str);
}

/* A text that ends with the buffer: newer kernels put it there, and not at the start. */
static void test_to_the_end(void)
{
	Ring ring = ring_new(0, 256 - 24);
	g_autoptr(GuestRig) rig = ring.rig;

	put_text(&ring, 0, "0123456789abcdef");
	g_assert_cmpuint(ring.lpos, ==, 256);
	put_text(&ring, 0, "next");
	assert_log(rig, 0, "[    0.000000] 0123456789abcdef\n[    0.000000] next\n");
}

/* Some are being written, or were, or have lost their text. */
static void test_states(void)
{
	Ring ring = ring_new(0, 0);
	g_autoptr(GuestRig) rig = ring.rig;

	put_text(&ring, 0, "first");
	put_desc(&ring, 0, 0, 16, 0, 5);
	put_desc(&ring, REUSABLE, 0, 16, 0, 5);
	put_desc(&ring, FINALIZED, 1, 1, 0, 5);
	put_desc(&ring, FINALIZED, 3, 3, 2000, 5);
	put_desc(&ring, COMMITTED, 0, 16, 3000, 5);
	/* A record of another turn. */
	put_text(&ring, 0, "old");
	kern_put_u64(rig, DESCS + 6 * 24, FINALIZED << 62 | 14);
	assert_log(rig, 0, "[    0.000000] first\n[    0.000002] \n[    0.000003] first\n");
}

/* Nothing that a record says is believed. */
static void test_hostile_records(void)
{
	Ring ring = ring_new(0, 0);
	g_autoptr(GuestRig) rig = ring.rig;

	put_text(&ring, 0, "good");
	put_desc(&ring, FINALIZED, 0, 16, 0, 65535);	  /* longer than its block */
	put_desc(&ring, FINALIZED, 0, 4, 0, 4);		  /* no room for the id */
	put_desc(&ring, FINALIZED, 16, 0, 0, 4);	  /* backwards */
	put_desc(&ring, FINALIZED, 0, 256 * 5 + 8, 0, 4); /* many turns */
	put_desc(&ring, FINALIZED, 248, 248 + 16, 0, 4);  /* behind the end, not at the start */
	assert_log(rig, 0,
		   "[    0.000000] good\n[    0.000000] good\\x00\\x00\\x00\\x00\n"
		   "[    0.000000] \n");
	kern_put_u64(rig, PRB + 56, 0x1000);
	assert_log(rig, 0, "[    0.000000] \n");
	kern_put_u64(rig, PRB + 8, 0x1000);
	assert_log(rig, 0, "");
}

static void test_hostile_ring(void)
{
	Ring ring = ring_new(0, 0);
	g_autoptr(GuestRig) rig = ring.rig;

	put_text(&ring, 0, "good");
	kern_put_u64(rig, PRB + 24, 8);
	assert_damaged(rig, "the kernel's log: 9 records where 2^3 fit");
	kern_put_u64(rig, PRB + 24, 0);
	kern_put_u32(rig, PRB, 21);
	assert_damaged(rig, "the kernel's log: 2^21 records in 2^8 bytes");
	kern_put_u32(rig, PRB, COUNT_BITS);
	kern_put_u32(rig, PRB + 48, 64);
	assert_damaged(rig, "the kernel's log: 2^3 records in 2^64 bytes");
	kern_put_u64(rig, PRB_VAR, 0x1000);
	assert_damaged(rig, "the kernel's log: memory at 0x1000 cannot be read");
}

/* Each record says that its text is the same 60,000 bytes: no more are read than are shown. */
static void test_long_records(void)
{
	enum { BITS = 10, N = 1 << BITS };
	Ring ring = ring_new(0, 0);
	g_autoptr(GuestRig) rig = ring.rig;
	g_autoptr(GString) out = g_string_new(NULL);

	kern_put_u32(rig, PRB, BITS);
	kern_put_u32(rig, PRB + 48, 16);
	kern_put_u64(rig, PRB + 16, RIG_BASE + 0x8000);
	kern_put_u64(rig, PRB + 56, RIG_BASE + 0x20000);
	kern_put_u64(rig, PRB + 24, N - 1);
	for (uint64_t n = 0; n < N; n++) {
		kern_put_u64(rig, DESCS + n * 24, FINALIZED << 62 | n);
		kern_put_u64(rig, DESCS + n * 24 + 16, 60008);
		kern_put_u16(rig, RIG_BASE + 0x8000 + n * 88 + 16, 60000);
	}
	rig->reads = 0;
	g_assert_true(linux_dmesg(&rig->kernel, 0, out, NULL));
	g_assert_cmpuint(out->len, >, 16u * 1024 * 1024 - 4 * 60000 - 100);
	g_assert_cmpuint(out->len, <=, 16u * 1024 * 1024);
	g_assert_cmpuint(rig->reads, <, 1000);
	/* The last two. */
	rig->reads = 0;
	g_string_truncate(out, 0);
	g_assert_true(linux_dmesg(&rig->kernel, 2, out, NULL));
	g_assert_cmpuint(out->len, ==, 2 * (15 + 4 * 60000 + 1));
	g_assert_cmpuint(rig->reads, <, 50);
}

/* ---- Without BTF: VMCOREINFO ---- */

static void test_vmcoreinfo(void)
{
	Ring ring = ring_new(0, 0);
	g_autoptr(GuestRig) rig = ring.rig;

	put_text(&ring, 0, "by VMCOREINFO");
	linux_types_free(g_steal_pointer(&rig->kernel.types));
	assert_damaged(rig, "the kernel does not say where struct printk_ringbuffer.desc_ring is");
	rig->kernel.vmcoreinfo =
		g_strdup("OSRELEASE=6.1.0\nSYMBOL(prb)=ffff800010000100\n"
			 "SIZE(printk_ringbuffer)=88\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
			 "OFFSET(printk_ringbuffer.text_data_ring)=48\n"
			 "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
			 "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
			 "OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\n"
			 "OFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
			 "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
			 "SIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
			 "OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
			 "OFFSET(prb_data_ring.data)=8\n");
	assert_log(rig, 0, "[    0.000000] by VMCOREINFO\n");
}

/* It is the one that is right where there are several symbols of a name. */
static void test_symbols(void)
{
	g_autoptr(GuestRig) rig = kern_new();
	uint64_t addr = 0;
	uint32_t value;

	kern_symbol(rig, "prb", 0x1000);
	kern_ready(rig);
	g_assert_true(linux_symbol(&rig->kernel, "prb", &addr));
	g_assert_cmphex(addr, ==, 0x1000);
	rig->kernel.vmcoreinfo = g_strdup("XSYMBOL(prb)=1\nSYMBOL(prb2)=2\nSYMBOL(prb)=ffff8\n"
					  "OFFSET(a.b)=4294967295\nSIZE(c)=\nSIZE(d)=7");
	g_assert_true(linux_symbol(&rig->kernel, "prb", &addr));
	g_assert_cmphex(addr, ==, 0xffff8);
	g_assert_false(linux_symbol(&rig->kernel, "pr", &addr));
	g_assert_false(linux_offset(&rig->kernel, "a", "b", &value));
	g_assert_false(linux_size(&rig->kernel, "c", &value));
	g_assert_true(linux_size(&rig->kernel, "d", &value));
	g_assert_cmpuint(value, ==, 7);
}

/* ---- Before 5.10 ---- */

#define OLD_VARS (RIG_BASE + 0x400)
#define OLD_BUF (RIG_BASE + 0x4000)
#define OLD_LEN 256u

static GuestRig *old_new(uint32_t first, uint32_t next)
{
	GuestRig *rig = kern_new();

	kern_log_types(rig);
	kern_symbol(rig, "log_buf", OLD_VARS);
	kern_symbol(rig, "log_buf_len", OLD_VARS + 8);
	kern_symbol(rig, "log_first_idx", OLD_VARS + 12);
	kern_symbol(rig, "log_next_idx", OLD_VARS + 16);
	kern_ready(rig);
	kern_put_u64(rig, OLD_VARS, OLD_BUF);
	kern_put_u32(rig, OLD_VARS + 8, OLD_LEN);
	kern_put_u32(rig, OLD_VARS + 12, first);
	kern_put_u32(rig, OLD_VARS + 16, next);
	return rig;
}

static void put_old(GuestRig *rig, uint32_t at, uint64_t ns, uint16_t len, const char *text)
{
	kern_put_u64(rig, OLD_BUF + at, ns);
	kern_put_u16(rig, OLD_BUF + at + 8, len);
	kern_put_u16(rig, OLD_BUF + at + 10, strlen(text));
	kern_put(rig, OLD_BUF + at + 16, text, strlen(text));
}

static void test_old(void)
{
	g_autoptr(GuestRig) rig = old_new(160, 64);

	put_old(rig, 160, 1000, 32, "one");
	put_old(rig, 192, 2000, 32, "two\nand");
	put_old(rig, 224, 0, 0, "");
	put_old(rig, 0, 3000, 32, "three");
	put_old(rig, 32, 4000, 32, "0123456789abcdef");
	assert_log(rig, 0,
		   "[    0.000001] one\n[    0.000002] two\n[    0.000002] and\n"
		   "[    0.000003] three\n[    0.000004] 0123456789abcdef\n");
	assert_log(rig, 1, "[    0.000004] 0123456789abcdef\n");
}

static void test_old_hostile(void)
{
	g_autoptr(GuestRig) rig = old_new(0, 64);

	put_old(rig, 0, 0, 24, "much longer than it may");
	assert_damaged(rig, "the kernel's log: a record of 24 bytes");
	put_old(rig, 0, 0, 32, "fine");
	put_old(rig, 32, 0, 8, "");
	assert_damaged(rig, "the kernel's log: a record of 8 bytes");
	put_old(rig, 32, 0, 256, "");
	assert_damaged(rig, "the kernel's log: a record of 256 bytes");
	kern_put_u32(rig, OLD_VARS + 12, 250);
	assert_damaged(rig, "the kernel's log: a record behind its end");
	kern_put_u32(rig, OLD_VARS + 12, 0);
	put_old(rig, 0, 0, 0, "");
	assert_damaged(rig, "the kernel's log: a record of 0 bytes");
	/* In a circle that never meets the end. */
	put_old(rig, 0, 0, 64, "round");
	put_old(rig, 64, 0, 0, "");
	kern_put_u32(rig, OLD_VARS + 16, 7);
	assert_log(rig, 1, "[    0.000000] round\n");
	kern_put_u32(rig, OLD_VARS + 8, 0x7fffffff);
	assert_damaged(rig, "the kernel's log: 2147483647 bytes; at most 67108864 are expected");
}

static void test_none(void)
{
	g_autoptr(GuestRig) rig = kern_new();

	kern_ready(rig);
	assert_damaged(rig, "the kernel does not say where its log is, or not yet: it has no "
			    "VMCOREINFO");
	rig->kernel.vmcoreinfo = g_strdup("OSRELEASE=6.1.0\n");
	assert_damaged(rig, "the kernel does not say where its log is");
}

static const TestCase cases[] = {
	{"lines", test_lines},
	{"wrap", test_wrap},
	{"to-the-end", test_to_the_end},
	{"states", test_states},
	{"hostile-records", test_hostile_records},
	{"hostile-ring", test_hostile_ring},
	{"long-records", test_long_records},
	{"vmcoreinfo", test_vmcoreinfo},
	{"symbols", test_symbols},
	{"old", test_old},
	{"old-hostile", test_old_hostile},
	{"none", test_none},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-dmesg", cases);
}
