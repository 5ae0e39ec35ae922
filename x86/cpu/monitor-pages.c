/*
 * x86/cpu/monitor-pages.c - `info mem` and `info tlb`. See pages.h.
 */
#include <inttypes.h>

#include "x86/cpu/pages.h"

/* The run that is being put together; size 0: none yet. */
typedef struct MemLines {
	GString *out;
	unsigned lines_left;
	uint64_t start, size;
	bool user, writable, no_execute;
} MemLines;

/* A run that ends with the last address ends at 2^64, so that END - START is the size. */
static void flush_run(MemLines *lines)
{
	uint64_t end = lines->start + lines->size;

	if (!lines->size)
		return;
	g_string_append_printf(
		lines->out, "%016" PRIx64 "-%s%016" PRIx64 " %016" PRIx64 " %cr%c%c\n",
		lines->start, end ? "" : "1", end, lines->size, lines->user ? 'u' : '-',
		lines->writable ? 'w' : '-', lines->no_execute ? '-' : 'x');
	lines->lines_left--;
	lines->size = 0;
}

static bool add_page(void *opaque, const X86Page *page)
{
	MemLines *lines = opaque;

	if (lines->size && page->addr == lines->start + lines->size && page->user == lines->user &&
	    page->writable == lines->writable && page->no_execute == lines->no_execute) {
		lines->size += page->size;
		return true;
	}
	flush_run(lines);
	if (!lines->lines_left)
		return false;
	lines->start = page->addr;
	lines->size = page->size;
	lines->user = page->user;
	lines->writable = page->writable;
	lines->no_execute = page->no_execute;
	return true;
}

static void say_more(const char *command, uint64_t next, GString *out)
{
	g_string_append_printf(out, "(there is more: go on with `%s 0x%" PRIx64 "`)\n", command,
			       next);
}

void x86_show_mem(const X86Root *root, X86PhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out)
{
	MemLines lines = {.out = out, .lines_left = max_lines};
	uint64_t next;
	bool all;

	if (!x86_has_pages(root)) {
		g_string_append(out, "PG disabled\n");
		return;
	}
	all = x86_pages(root, read, opaque, from, X86_PAGES_MAX_TABLES, add_page, &lines, &next);
	flush_run(&lines);
	if (!all)
		say_more("info mem", next, out);
}

typedef struct TlbLines {
	GString *out;
	unsigned lines_left;
} TlbLines;

static bool add_line(void *opaque, const X86Page *page)
{
	static const struct {
		uint8_t bit;
		char name;
	} bits[] = {{63, 'X'}, {8, 'G'}, {7, 'P'}, {6, 'D'}, {5, 'A'},
		    {4, 'C'},  {3, 'T'}, {2, 'U'}, {1, 'W'}};
	TlbLines *lines = opaque;

	if (!lines->lines_left)
		return false;
	lines->lines_left--;
	g_string_append_printf(lines->out, "%016" PRIx64 ": %016" PRIx64 " ", page->addr,
			       page->gpa);
	for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
		/* Bit 7 is a memory type in an entry that is no large page. */
		bool set =
			page->entry >> bits[i].bit & 1 && (bits[i].bit != 7 || page->size > 4096);

		g_string_append_c(lines->out, set ? bits[i].name : '-');
	}
	g_string_append_c(lines->out, '\n');
	return true;
}

void x86_show_tlb(const X86Root *root, X86PhysRead read, void *opaque, uint64_t from,
		  unsigned max_lines, GString *out)
{
	TlbLines lines = {out, max_lines};
	uint64_t next;

	if (!x86_has_pages(root))
		g_string_append(out, "PG disabled\n");
	else if (!x86_pages(root, read, opaque, from, X86_PAGES_MAX_TABLES, add_line, &lines,
			    &next))
		say_more("info tlb", next, out);
}
