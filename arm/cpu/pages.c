/*
 * arm/cpu/pages.c - stretches of what page tables map. See pages.h.
 */
#include "arm/cpu/pages.h"
#include "arm/cpu/bits.h"

#include <inttypes.h>

/* The halves: up to here, and from here on. */
#define LOW_LAST ((1ull << 55) - 1)
#define HIGH_START (~LOW_LAST)

static void look(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, ArmSpan *ret)
{
	if (addr > LOW_LAST && addr < HIGH_START)
		*ret = (ArmSpan){.start = addr, .last = HIGH_START - 1};
	else
		arm_look(root, read, opaque, addr, ret);
}

static bool can_execute(const ArmSpan *span)
{
	return span->kernel_execute || span->user_execute;
}

static bool is_alike(const ArmSpan *a, const ArmSpan *b)
{
	return a->mapped == b->mapped && a->user == b->user && a->writable == b->writable &&
	       can_execute(a) == can_execute(b);
}

/* Joins what is alike behind *run to it, at most @max spans; returns how many there were. */
static unsigned extend(const ArmRoot *root, ArmPhysRead read, void *opaque, unsigned max,
		       ArmSpan *run)
{
	unsigned n = 0;
	ArmSpan next;

	while (n < max && run->last != UINT64_MAX) {
		look(root, read, opaque, run->last + 1, &next);
		if (!is_alike(run, &next))
			break;
		run->last = next.last;
		n++;
	}
	return n;
}

void arm_region(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, GdbRegion *ret)
{
	ArmSpan run;

	look(root, read, opaque, addr, &run);
	extend(root, read, opaque, ARM_REGION_MAX_SPANS - 1, &run);
	*ret = (GdbRegion){
		.start = run.start,
		.last = run.last,
		.mapped = run.mapped,
		.read = run.mapped,
		.write = run.writable,
		.execute = can_execute(&run),
	};
}

/* ---- The monitor's texts ---- */

static void add_run(const ArmSpan *run, GString *out)
{
	uint64_t end = run->last + 1;

	/* A run that ends with the last address ends at 2^64, so that END - START is the size. */
	g_string_append_printf(out, "%016" PRIx64 "-%s%016" PRIx64 " %016" PRIx64 " %cr%c%c\n",
			       run->start, end ? "" : "1", end, end - run->start,
			       run->user ? 'u' : '-', run->writable ? 'w' : '-',
			       can_execute(run) ? 'x' : '-');
}

static void add_page(const ArmSpan *page, GString *out)
{
	const struct {
		bool set;
		char name;
	} flags[] = {
		{page->user, 'U'},
		{page->writable, 'W'},
		{page->kernel_execute, 'X'},
		{page->user_execute, 'x'},
		{page->desc & ARM_DESC_AF, 'A'},
		{!(page->desc & ARM_DESC_NG), 'G'},
		{page->desc & ARM_DESC_CONTIGUOUS, 'C'},
	};

	g_string_append_printf(out, "%016" PRIx64 ": %016" PRIx64 " %016" PRIx64 " ", page->start,
			       page->gpa, page->last - page->start + 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
		g_string_append_c(out, flags[i].set ? flags[i].name : '-');
	g_string_append_c(out, '\n');
}

/* @joined: runs, not pages. */
static void show(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t from,
		 unsigned max_lines, bool joined, GString *out)
{
	unsigned n = 0, lines = 0;
	ArmSpan span = {.last = from - 1};

	if (!(root->sctlr & ARM_SCTLR_M)) {
		g_string_append(out, "MMU disabled\n");
		return;
	}
	do {
		from = span.last + 1;
		if (n++ >= ARM_SHOW_MAX_SPANS || lines >= max_lines) {
			g_string_append_printf(
				out, "(there is more: go on with `info %s 0x%" PRIx64 "`)\n",
				joined ? "mem" : "tlb", from);
			return;
		}
		look(root, read, opaque, from, &span);
		if (joined)
			n += extend(root, read, opaque, ARM_SHOW_MAX_SPANS - n, &span);
		if (span.mapped) {
			(joined ? add_run : add_page)(&span, out);
			lines++;
		}
	} while (span.last != UINT64_MAX);
}

void arm_show_mem(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out)
{
	show(root, read, opaque, from, max_lines, true, out);
}

void arm_show_tlb(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out)
{
	show(root, read, opaque, from, max_lines, false, out);
}
