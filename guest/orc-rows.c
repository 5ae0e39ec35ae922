/*
 * guest/orc-rows.c - reads ORC tables. Linux has changed the layout of an entry several times.
 */
#include "guest/orc-rows.h"

#include <stdlib.h>
#include <string.h>

#include "guest/memory.h"

#define ROWS_MAX (2u * 1024 * 1024)

/* ---- Layouts of struct orc_entry: two 16-bit offsets, and 16 bits of bit fields ---- */

/* ORC_REG_...; 10 came late, with clang 20 that realigns the stack by rax. */
static const OrcPlace bases_first[16] = {
	[1] = {BASE_PREV_SP},	[2] = {BASE_REG, RDX}, [3] = {BASE_REG, RDI},
	[4] = {BASE_REG, RBP},	[5] = {BASE_REG, RSP}, [6] = {BASE_REG, R10},
	[7] = {BASE_REG, R13},	[8] = {BASE_AT, RBP},  [9] = {BASE_AT_PLUS, RSP},
	[10] = {BASE_REG, RAX},
};
static const OrcPlace bases_by_number[16] = {
	[1] = {BASE_REG, RAX}, [2] = {BASE_REG, RDX}, [3] = {BASE_REG, RSP},
	[4] = {BASE_REG, RBP}, [5] = {BASE_REG, RDI}, [6] = {BASE_REG, R10},
	[7] = {BASE_REG, R13}, [8] = {BASE_PREV_SP},  [9] = {BASE_AT_PLUS, RSP},
	[10] = {BASE_AT, RBP},
};

static const OrcType types_4_14[8] = {ORC_CALL, ORC_REGS, ORC_PARTIAL, ORC_END,
				      ORC_CALL, ORC_REGS, ORC_PARTIAL, ORC_END};
static const OrcType types_6_4[8] = {ORC_END, ORC_END, ORC_CALL, ORC_REGS, ORC_PARTIAL};

/*
 * @types: by bits 8 to 10 of the bit fields. @signal: the bit that says that the caller was
 * interrupted and did not call; 0: it was, where its registers were saved.
 * @offset_first: the offset of SP_INDIRECT belongs to sp and not to what is read there.
 */
typedef struct OrcLayout {
	const OrcPlace *bases;
	const OrcType *types;
	uint16_t signal;
	bool offset_first;
} OrcLayout;

static const OrcLayout layout_4_14 = {bases_first, types_4_14, 0, true};
static const OrcLayout layout_5_12 = {bases_first, types_4_14, 0, false};
static const OrcLayout layout_6_3 = {bases_first, types_4_14, 1u << 10, false};
static const OrcLayout layout_6_4 = {bases_first, types_6_4, 1u << 11, false};
static const OrcLayout layout_numbers = {bases_by_number, types_6_4, 1u << 11, false};

#define HASH_LEN 20u

static const struct {
	const char *hash;
	const OrcLayout *layout;
} hashes[] = {
	{"\xdb\x84\xae\xd4\x10\x3b\x31\xdd\x51\xe0\x17\xf8\xf7\x97\x83\xca\x98\x5c\x2c\x51",
	 &layout_6_3},
	{"\xfe\x5d\x32\xbf\x58\x1b\xd6\x3b\x2c\xa9\xa5\xc6\x5b\xa5\xa6\x25\xea\xb3\xfe\x24",
	 &layout_6_4},
	{"\x13\x7c\x36\xad\x76\x27\xc4\xdd\x55\x93\x21\x76\xbb\x0e\xcd\xbd\x50\x41\xfc\x82",
	 &layout_numbers},
};

/* The first release that has each; from the last one on only the hash tells. */
static const struct {
	unsigned major, minor;
	const OrcLayout *layout;
} releases[] = {
	{4, 14, &layout_4_14}, {5, 12, &layout_5_12}, {6, 3, &layout_6_3},
	{6, 4, &layout_6_4},   {7, 0, NULL},
};

static const OrcLayout *find_layout(const char *release, const uint8_t *hash)
{
	const OrcLayout *found = NULL;
	char *rest = NULL;
	unsigned long major, minor;

	for (size_t i = 0; hash && i < G_N_ELEMENTS(hashes); i++)
		if (!memcmp(hashes[i].hash, hash, HASH_LEN))
			return hashes[i].layout;
	if (!release)
		return NULL;
	major = strtoul(release, &rest, 10);
	minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	for (size_t i = 0; i < G_N_ELEMENTS(releases); i++)
		if (major > releases[i].major ||
		    (major == releases[i].major && minor >= releases[i].minor))
			found = releases[i].layout;
	return found;
}

/* ---- Rows ---- */

/* An entry that says nothing that we understand ends the backtrace, as one that is undefined. */
static OrcType row_type(const OrcLayout *layout, uint16_t fields)
{
	switch (layout->bases[fields & 15].base) {
	case BASE_NONE:
	case BASE_PREV_SP:
		return ORC_END;
	default:
		/* Before 6.4 bit 10 was another one. */
		return layout->types[fields >> 8 & 7];
	}
}

/*
 * The caller is on another stack, as behind an interrupt, and this one keeps where. gdb takes a
 * caller whose stack lies lower for damage and stops there, unless the function was interrupted.
 */
static bool is_other_stack(const OrcPlace *sp)
{
	return (sp->base == BASE_AT || sp->base == BASE_AT_PLUS) && sp->reg == RSP;
}

static OrcRow make_row(const LinuxOrc *orc, const OrcLayout *layout, uint32_t n)
{
	OrcRow row = {.order = n};
	uint16_t entry[3], fields;
	uint32_t ip;

	memcpy(&ip, orc->ips->data + 4 * (size_t)n, 4);
	row.addr = orc->ips_addr + 4 * (uint64_t)n + (uint64_t)(int32_t)GUINT32_FROM_LE(ip);
	memcpy(entry, orc->entries->data + 6 * (size_t)n, 6);
	fields = GUINT16_FROM_LE(entry[2]);
	row.sp = layout->bases[fields & 15];
	row.bp = layout->bases[fields >> 4 & 15];
	row.sp.offset = GINT16_FROM_LE(entry[0]);
	row.bp.offset = GINT16_FROM_LE(entry[1]);
	if (row.sp.base == BASE_AT_PLUS && layout->offset_first)
		row.sp.base = BASE_AT;
	row.type = row_type(layout, fields);
	row.is_signal = is_other_stack(&row.sp) ||
			(layout->signal ? fields & layout->signal : row.type >= ORC_REGS);
	return row;
}

/*
 * The kernel takes the last one of several at an address, and sorts those that mark the end of a
 * section before others.
 */
static int by_addr(const void *a, const void *b)
{
	const OrcRow *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if ((x->type == ORC_END) != (y->type == ORC_END))
		return x->type == ORC_END ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Sorted, one for each address. Until the kernel has booted a bit they are as they were built. */
static GArray *make_rows(const LinuxOrc *orc, const OrcLayout *layout)
{
	unsigned n = orc->ips->len / 4, kept = 0;
	GArray *rows = g_array_sized_new(FALSE, FALSE, sizeof(OrcRow), n);
	bool sorted = true;
	OrcRow *all;

	for (unsigned i = 0; i < n; i++) {
		OrcRow row = make_row(orc, layout, i);

		g_array_append_val(rows, row);
	}
	all = (OrcRow *)(void *)rows->data;
	for (unsigned i = 1; i < n && sorted; i++)
		sorted = by_addr(&all[i - 1], &all[i]) < 0;
	if (!sorted)
		qsort(all, n, sizeof(OrcRow), by_addr);
	for (unsigned i = 0; i < n; i++)
		if (i + 1 == n || all[i].addr != all[i + 1].addr)
			all[kept++] = all[i];
	g_array_set_size(rows, kept);
	return rows;
}

/* What has gone is left out, and a row says where it begins. */
static GArray *rows_in_ranges(const LinuxOrc *orc, const GArray *rows)
{
	GArray *kept = g_array_new(FALSE, FALSE, sizeof(OrcRow));
	const LinuxRange *in = NULL, *range;

	for (unsigned i = 0; i <= rows->len; i++, in = range) {
		const OrcRow *row = i < rows->len ? &g_array_index(rows, OrcRow, i) : NULL;
		OrcRow gone = {.is_gone = true};

		range = row ? linux_range_at(orc->ranges, orc->n_ranges, row->addr) : NULL;
		if (in && in != range) {
			gone.addr = in->end;
			g_array_append_val(kept, gone);
		}
		if (range)
			g_array_append_val(kept, *row);
	}
	return kept;
}

GArray *linux_orc_rows(const LinuxOrc *orc, GError **error)
{
	const OrcLayout *layout = find_layout(orc->release, orc->hash);

	if (!layout) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT,
			    "ORC: the layout of Linux %s is not known",
			    orc->release ? orc->release : "(unknown)");
		return NULL;
	}
	if (orc->ips->len % 4 || orc->ips->len / 4 > ROWS_MAX ||
	    orc->entries->len != (uint64_t)orc->ips->len / 4 * 6) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
			    "ORC: %u bytes of addresses and %u of entries do not go together",
			    orc->ips->len, orc->entries->len);
		return NULL;
	}
	g_autoptr(GArray) rows = make_rows(orc, layout);
	return orc->ranges ? rows_in_ranges(orc, rows) : g_steal_pointer(&rows);
}
