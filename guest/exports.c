/*
 * guest/exports.c - find the tables of exported symbols by a name that is in each.
 */
#include "guest/exports.h"

#include <string.h>

#define ENTRIES_MAX (256u * 1024)
#define NAME_MAX_LEN 512u
#define PLACES_MAX 16u /* where a name may lie; each costs a search */

/*
 * So many bytes are looked through for all ranges, and reading an entry costs as much as this many.
 * A kernel needs a tenth of it.
 */
#define BUDGET (256u * 1024 * 1024)
#define ENTRY_COST 2048u

/* One range of the kernel. @budget: what may still be looked at. */
typedef struct Piece {
	const uint8_t *data;
	size_t len;
	uint64_t addr;
	size_t *budget;
} Piece;

static void charge(const Piece *piece, size_t cost)
{
	*piece->budget -= MIN(*piece->budget, cost);
}

typedef struct Entry {
	uint64_t value;
	const char *name;
} Entry;

static bool relative(const Piece *piece, size_t at, uint64_t *ret)
{
	int32_t distance;

	if (at > piece->len || piece->len - at < sizeof(distance))
		return false;
	memcpy(&distance, piece->data + at, sizeof(distance));
	distance = GINT32_FROM_LE(distance);
	*ret = piece->addr + at + distance;
	return true;
}

/* The names lie in the same range, and are what C calls things by. */
static const char *name_at(const Piece *piece, uint64_t addr)
{
	size_t at = addr - piece->addr, end = at;

	if (addr < piece->addr || at >= piece->len)
		return NULL;
	while (end < piece->len && end - at < NAME_MAX_LEN &&
	       (g_ascii_isalnum(piece->data[end]) || piece->data[end] == '_'))
		end++;
	return end > at && end < piece->len && !piece->data[end] ? (const char *)piece->data + at
								 : NULL;
}

static bool read_entry(const Piece *piece, size_t at, Entry *ret)
{
	uint64_t name;

	charge(piece, ENTRY_COST);
	if (!*piece->budget || !relative(piece, at, &ret->value) || !relative(piece, at + 4, &name))
		return false;
	ret->name = name_at(piece, name);
	return ret->name != NULL;
}

/* Are there entries of @size bytes on both sides of the one at @at, in the order of their names? */
static bool is_entry_size(const Piece *piece, size_t at, size_t size)
{
	Entry before, own, after;

	return at >= size && read_entry(piece, at - size, &before) && read_entry(piece, at, &own) &&
	       read_entry(piece, at + size, &after) && strcmp(before.name, own.name) < 0 &&
	       strcmp(own.name, after.name) < 0;
}

/* The next distance to @name from @start on. */
static bool find_distance(const Piece *piece, uint64_t name, size_t start, size_t *ret)
{
	size_t at;

	/* No range is longer than what 32 bits can tell. */
	for (at = start; at + 4 <= piece->len; at += 4) {
		uint32_t distance;

		memcpy(&distance, piece->data + at, sizeof(distance));
		if (GUINT32_FROM_LE(distance) == (uint32_t)(name - piece->addr - at))
			break;
	}
	charge(piece, at - start);
	*ret = at;
	return *piece->budget && at + 4 <= piece->len;
}

/* An entry whose name is at @name: its offset. */
static bool find_entry(const Piece *piece, uint64_t name, size_t *ret, size_t *ret_size)
{
	for (size_t at = 4; find_distance(piece, name, at, &at); at += 4) {
		*ret = at - 4;
		for (*ret_size = 12; *ret_size >= 8; *ret_size -= 4) {
			if (is_entry_size(piece, *ret, *ret_size))
				return true;
		}
	}
	return false;
}

/* Code has its symbol already, and kallsyms has no other. */
static bool is_new(const LinuxSymbols *symbols, const Entry *entry)
{
	const LinuxSymbol *at = linux_symbols_at(symbols, entry->value);
	uint64_t known;

	return !(at && at->addr == entry->value) &&
	       !linux_symbols_find(symbols, entry->name, &known);
}

/* The first entry of the table that has one at @at. */
static size_t first_entry(const Piece *piece, size_t at, size_t size)
{
	Entry before, entry;

	while (at >= size && read_entry(piece, at, &entry) &&
	       read_entry(piece, at - size, &before) && strcmp(before.name, entry.name) <= 0)
		at -= size;
	return at;
}

/* Where to put what is found, and what is known to be no code; @ranges NULL: everything. */
typedef struct Target {
	LinuxSymbols *symbols;
	const LinuxRange *ranges;
	unsigned n;
} Target;

#define KERNEL_HALF (1ull << 63)

static char letter_of(const Target *target, uint64_t addr)
{
	if (!target->ranges || linux_range_at(target->ranges, target->n, addr))
		return 'D';
	return addr >= KERNEL_HALF ? 'T' : 'D';
}

/* The new ones of the table that begins at @at go to @entries. */
static void read_table(const LinuxSymbols *symbols, const Piece *piece, size_t at, size_t size,
		       GArray *entries)
{
	const char *last = "";
	Entry entry;

	for (unsigned n = 0; n < ENTRIES_MAX; n++, at += size) {
		bool again;

		if (!read_entry(piece, at, &entry) || strcmp(last, entry.name) > 0)
			break;
		again = !strcmp(last, entry.name);
		last = entry.name;
		if (!again && is_new(symbols, &entry))
			g_array_append_val(entries, entry);
	}
}

static void add_entries(const Target *target, const GArray *entries)
{
	for (unsigned i = 0; i < entries->len; i++) {
		const Entry *row = &g_array_index(entries, Entry, i);

		linux_symbols_add(target->symbols, row->value, letter_of(target, row->value),
				  row->name, strlen(row->name));
	}
	if (entries->len)
		linux_symbols_sort(target->symbols);
}

/* The table that has @name, wherever else that string may lie. */
static bool find_table(const Piece *piece, const char *name, size_t *ret, size_t *ret_size)
{
	g_autofree char *whole = g_strdup_printf("_%s", name);
	const uint8_t *hit = piece->data, *end = piece->data + piece->len;

	whole[0] = '\0';
	for (unsigned n = 0; n < PLACES_MAX; n++) {
		hit = memmem(hit, end - hit, whole, strlen(name) + 2);
		if (!hit++)
			break;
		if (find_entry(piece, piece->addr + (hit - piece->data), ret, ret_size))
			return true;
	}
	return false;
}

/* One that everybody may use, and one for the GPL only: there are two tables. */
static const char *const known[] = {"init_task", "init_uts_ns"};

/* From all tables of a range; sorted once, which takes longer than the rest. */
static unsigned add_from(const Target *target, const Piece *piece)
{
	g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(Entry));
	size_t last = SIZE_MAX;

	for (unsigned k = 0; k < G_N_ELEMENTS(known); k++) {
		size_t at, size;

		if (!find_table(piece, known[k], &at, &size))
			continue;
		at = first_entry(piece, at, size);
		if (at != last) /* some kernels have but one */
			read_table(target->symbols, piece, at, size, entries);
		last = at;
	}
	add_entries(target, entries);
	return entries->len;
}

unsigned linux_exports_add(LinuxSymbols *symbols, const LinuxMemory *memory,
			   const LinuxRange *ranges, unsigned n)
{
	Target target = {symbols, NULL, n};
	unsigned added = 0, n_symbols, n_sorts = 0;
	size_t budget = BUDGET;

	linux_symbols_rows(symbols, &n_symbols);
	if (!n_symbols)
		target.ranges = ranges;
	for (unsigned i = 0; i < n && n_sorts < G_N_ELEMENTS(known); i++) {
		g_autoptr(GByteArray) block = NULL;
		unsigned more = 0;

		if (!linux_range_has_constants(&ranges[i]))
			continue;
		block = linux_read_range(memory, &ranges[i]);
		if (block)
			more = add_from(&target, &(Piece){block->data, block->len, ranges[i].start,
							  &budget});
		n_sorts += more > 0;
		added += more;
	}
	return added;
}
