/*
 * guest/symbols.c - a table of symbols, by address and by name.
 */
#include "guest/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "guest/hash.h"

#define ROWS_MAX (1024u * 1024)
#define NAMES_MAX (64u * 1024 * 1024)

typedef struct Size {
	uint64_t addr, size;
} Size;

struct LinuxSymbols {
	GArray *rows;	     /* of LinuxSymbol */
	GString *names;	     /* one after the other, each with its NUL */
	GHashTable *by_name; /* from a name in @names to the first row that has it; or NULL */
	GHashTable *shared;  /* names that several rows have; or NULL */
	GArray *sizes;	     /* of Size: the few that are known */
};

LinuxSymbols *linux_symbols_new(void)
{
	LinuxSymbols *symbols = g_new0(LinuxSymbols, 1);

	symbols->rows = g_array_new(FALSE, FALSE, sizeof(LinuxSymbol));
	symbols->names = g_string_new(NULL);
	symbols->sizes = g_array_new(FALSE, FALSE, sizeof(Size));
	g_string_append_c(symbols->names, '\0');
	return symbols;
}

void linux_symbols_free(LinuxSymbols *symbols)
{
	if (!symbols)
		return;
	g_array_unref(symbols->rows);
	g_string_free(symbols->names, TRUE);
	g_array_unref(symbols->sizes);
	g_clear_pointer(&symbols->by_name, g_hash_table_unref);
	g_clear_pointer(&symbols->shared, g_hash_table_unref);
	g_free(symbols);
}

static bool is_visible(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] >= 0x7f)
			return false;
	}
	return true;
}

bool linux_symbols_add(LinuxSymbols *symbols, uint64_t addr, char type, const char *name,
		       size_t len)
{
	LinuxSymbol row = {.addr = addr, .name = symbols->names->len, .type = type};

	if (!len || !is_visible(name, len) || symbols->rows->len >= ROWS_MAX ||
	    len >= NAMES_MAX - symbols->names->len)
		return false;
	g_string_append_len(symbols->names, name, len);
	g_string_append_c(symbols->names, '\0');
	g_array_append_val(symbols->rows, row);
	return true;
}

/* Names lie in the order in which they were added. */
static int by_addr(const void *a, const void *b)
{
	const LinuxSymbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void add_name(LinuxSymbols *symbols, const LinuxSymbol *row)
{
	char *name = symbols->names->str + row->name;
	const LinuxSymbol *first = g_hash_table_lookup(symbols->by_name, name);

	if (first)
		g_hash_table_add(symbols->shared, name);
	/* Names lie in the order in which they were added. */
	if (!first || row->name < first->name)
		g_hash_table_replace(symbols->by_name, name, (void *)row);
}

void linux_symbols_sort(LinuxSymbols *symbols)
{
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);

	if (n)
		qsort(symbols->rows->data, n, sizeof(LinuxSymbol), by_addr);
	g_clear_pointer(&symbols->by_name, g_hash_table_unref);
	g_clear_pointer(&symbols->shared, g_hash_table_unref);
	symbols->by_name = g_hash_table_new(linux_name_hash, g_str_equal);
	symbols->shared = g_hash_table_new(linux_name_hash, g_str_equal);
	for (unsigned i = 0; i < n; i++)
		add_name(symbols, &rows[i]);
}

const LinuxSymbol *linux_symbols_rows(const LinuxSymbols *symbols, unsigned *ret_n)
{
	if (ret_n)
		*ret_n = symbols->rows->len;
	return (const LinuxSymbol *)(const void *)symbols->rows->data;
}

const char *linux_symbols_names(const LinuxSymbols *symbols, size_t *ret_len)
{
	*ret_len = symbols->names->len;
	return symbols->names->str;
}

const char *linux_symbols_name(const LinuxSymbols *symbols, const LinuxSymbol *symbol)
{
	return symbols->names->str + symbol->name;
}

bool linux_symbols_find(const LinuxSymbols *symbols, const char *name, uint64_t *ret_addr)
{
	const LinuxSymbol *found = g_hash_table_lookup(symbols->by_name, name);

	if (found)
		*ret_addr = found->addr;
	return found;
}

const LinuxSymbol *linux_symbols_named(const LinuxSymbols *symbols, const char *name)
{
	return g_hash_table_contains(symbols->shared, name)
		       ? NULL
		       : g_hash_table_lookup(symbols->by_name, name);
}

/* How many lie at @addr or before it (@or_at), or only before it. */
static unsigned n_before(const LinuxSymbols *symbols, uint64_t addr, bool or_at)
{
	unsigned low = 0, high;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &high);

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (rows[mid].addr < addr || (or_at && rows[mid].addr == addr))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const LinuxSymbol *linux_symbols_at(const LinuxSymbols *symbols, uint64_t addr)
{
	const LinuxSymbol *rows = linux_symbols_rows(symbols, NULL);
	unsigned n = n_before(symbols, addr, true);

	return n ? &rows[n_before(symbols, rows[n - 1].addr, false)] : NULL;
}

void linux_symbols_set_size(LinuxSymbols *symbols, uint64_t addr, uint64_t size)
{
	Size known = {addr, size};

	/* All are looked at for each symbol. */
	if (symbols->sizes->len < LINUX_SIZES_MAX)
		g_array_append_val(symbols->sizes, known);
}

static uint64_t known_end(const LinuxSymbols *symbols, uint64_t addr)
{
	for (unsigned i = 0; i < symbols->sizes->len; i++) {
		const Size *known = &g_array_index(symbols->sizes, Size, i);

		if (known->addr == addr && known->size <= UINT64_MAX - addr)
			return addr + known->size;
	}
	return UINT64_MAX;
}

#define ALIASES 8u

uint64_t linux_symbols_end(const LinuxSymbols *symbols, const LinuxSymbol *symbol)
{
	unsigned n;
	const LinuxSymbol *rows = linux_symbols_rows(symbols, &n);
	size_t at = symbol - rows, far = at + ALIASES;
	uint64_t next;

	/* Few have one address, but a guest may say that all have. */
	while (at < n && at < far && rows[at].addr == symbol->addr)
		at++;
	if (at < n && rows[at].addr == symbol->addr)
		at = n_before(symbols, symbol->addr, true);
	next = at < n ? rows[at].addr : UINT64_MAX;
	return MIN(next, known_end(symbols, symbol->addr));
}

void linux_symbols_set_data(LinuxSymbols *symbols, uint64_t start, uint64_t end)
{
	for (guint i = 0; i < symbols->rows->len; i++) {
		LinuxSymbol *row = &g_array_index(symbols->rows, LinuxSymbol, i);

		if (row->addr >= start && row->addr < end && linux_symbol_is_code(row))
			row->type = g_ascii_isupper(row->type) ? 'D' : 'd';
	}
}

bool linux_symbol_is_code(const LinuxSymbol *symbol)
{
	return strchr("tTwW", symbol->type) && symbol->type;
}
