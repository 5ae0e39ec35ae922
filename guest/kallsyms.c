/*
 * guest/kallsyms.c - find the tables of kallsyms by their shape, and read them.
 *
 * Where they lie:
 *
 *   before 6.4  offsets, base, number of symbols, names, markers, (6.2, 6.3: order by name,)
 *               tokens, index
 *   since 6.4   number of symbols, names, markers, tokens, index, offsets, base, order by name
 *
 * Kernels without a base have whole addresses in the place of the offsets and the base, or the
 * offsets count from where they lie. Each of these begins at a multiple of 8 bytes; by 7.2 at one
 * of 4, the number of symbols among them, which has 4 bytes then.
 */
#include "guest/kallsyms.h"

#include <string.h>

#define N_TOKENS 256u
#define TOKENS_MAX (64u * 1024) /* the index has 16 bits */
#define PER_MARKER 256u		/* each of them says where so many names begin */
#define SYMBOLS_MIN 64u
#define SYMBOLS_MAX (1024u * 1024)
#define NAME_MAX_LEN 512u	   /* KSYM_NAME_LEN is 512 since 6.1, and 128 before */
#define BUDGET (16u * 1024 * 1024) /* for all ranges; a kernel needs a few million */
#define HIT_COST 8192u		   /* of what may be tokens */

/* A piece of the kernel, and where the tables are in it. */
typedef struct Tables {
	const uint8_t *data;
	size_t len;
	uint64_t addr; /* of data[0] */
	size_t align;  /* 8 or 4 bytes: where each of the tables begins */

	size_t tokens, index; /* offsets in @data */
	uint16_t token[N_TOKENS];
	size_t names, n_symbols; /* the number is right before the names */
	size_t *budget;		 /* how many names, tokens and numbers may still be looked at */
} Tables;

static uint32_t get32(const Tables *tables, size_t at)
{
	uint32_t raw;

	memcpy(&raw, tables->data + at, sizeof(raw));
	return GUINT32_FROM_LE(raw);
}

static uint64_t get64(const Tables *tables, size_t at)
{
	uint64_t raw;

	memcpy(&raw, tables->data + at, sizeof(raw));
	return GUINT64_FROM_LE(raw);
}

/* Where the next table begins, if the last one has ended at @at. */
static size_t next_table(const Tables *tables, size_t at)
{
	return (at + tables->align - 1) & ~(tables->align - 1);
}

/* Are there @len bytes from @at on? */
static bool has(const Tables *tables, size_t at, size_t len)
{
	return at <= tables->len && len <= tables->len - at;
}

/* ---- Tokens ---- */

/* Every digit is in a name of some symbol, so each is a token of its own, in the order of ASCII. */
static const uint8_t digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";

/* Reads the index at @at, if it is one: @digit0 is where the token '0' lies. */
static bool read_index(Tables *tables, size_t at, size_t digit0)
{
	size_t next;

	if (!has(tables, at, N_TOKENS * 2))
		return false;
	for (unsigned n = 0; n < N_TOKENS; n++)
		tables->token[n] = tables->data[at + 2 * n] | tables->data[at + 2 * n + 1] << 8;
	if (tables->token['0'] > digit0)
		return false;
	tables->tokens = next = digit0 - tables->token['0'];
	/* Each token begins behind the NUL of the one before. */
	for (unsigned n = 0; n < N_TOKENS; n++) {
		const uint8_t *nul;

		if (next >= at || next - tables->tokens != tables->token[n])
			return false;
		nul = memchr(tables->data + next, '\0', at - next);
		if (!nul)
			return false;
		next = nul + 1 - tables->data;
	}
	tables->index = at;
	return true;
}

/* The index lies behind the last token. */
static bool find_index(Tables *tables, size_t digit0)
{
	size_t at = digit0;

	for (unsigned n = '0'; n < N_TOKENS; n++) {
		size_t left = MIN(tables->len - at, TOKENS_MAX - MIN(at - digit0, TOKENS_MAX));
		const uint8_t *nul = left ? memchr(tables->data + at, '\0', left) : NULL;

		if (!nul)
			return false;
		at = nul + 1 - tables->data;
	}
	return read_index(tables, next_table(tables, at), digit0);
}

/* ---- Names ---- */

/* The length of the name at *at, in tokens; *at is behind it then. 0: not a name. */
static size_t take_length(const Tables *tables, size_t *at, size_t end)
{
	size_t len;

	if (*at >= end)
		return 0;
	len = tables->data[(*at)++];
	/* Since 6.1: two bytes where one is not enough. */
	if (len & 0x80) {
		if (*at >= end)
			return 0;
		len = (len & 0x7f) | (size_t)tables->data[(*at)++] << 7;
	}
	return len <= end - *at && len <= NAME_MAX_LEN ? len : 0;
}

/* The markers at @at, of @size bytes: do they say where each group of names begins? */
static bool check_markers(const Tables *tables, size_t at, size_t size, const GArray *groups)
{
	if (!has(tables, at, groups->len * size))
		return false;
	for (unsigned n = 0; n < groups->len; n++) {
		uint64_t marker =
			size == 4 ? get32(tables, at + n * size) : get64(tables, at + n * size);

		if (marker != g_array_index(groups, uint32_t, n))
			return false;
	}
	return true;
}

/* Do the markers begin at @at, and the tokens right behind them, or the order by name between? */
static bool find_markers(Tables *tables, size_t at, const GArray *groups)
{
	for (size_t size = 4; size <= 8; size += 4) {
		size_t end = next_table(tables, at + groups->len * size);

		if (end != tables->tokens &&
		    next_table(tables, end + 3 * tables->n_symbols) != tables->tokens)
			continue;
		if (check_markers(tables, at, size, groups))
			return true;
	}
	return false;
}

/* Are the @n names from @at on such that all fits up to the tokens? */
static bool check_names(Tables *tables, size_t at, size_t n, GArray *groups)
{
	size_t next = at;

	g_array_set_size(groups, 0);
	for (size_t i = 0; i < n && *tables->budget; i++) {
		uint32_t offset = next - at;
		size_t len;

		--*tables->budget;
		if (i % PER_MARKER == 0)
			g_array_append_val(groups, offset);
		len = take_length(tables, &next, tables->tokens);
		if (!len)
			return false;
		next += len;
	}
	tables->names = at;
	tables->n_symbols = n;
	return *tables->budget && find_markers(tables, next_table(tables, next), groups);
}

/* Backwards from the tokens for a number that as many names follow. */
static bool find_names(Tables *tables)
{
	g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (size_t at = tables->tokens & -tables->align; at >= tables->align && *tables->budget;
	     at -= tables->align, --*tables->budget) {
		uint64_t n = tables->align == 8 ? get64(tables, at - 8) : get32(tables, at - 4);

		if (n >= SYMBOLS_MIN && n <= SYMBOLS_MAX && n < tables->tokens - at &&
		    check_names(tables, at, n, groups))
			return true;
	}
	return false;
}

/* ---- Addresses ---- */

/* How an address is made of what the table has. */
typedef enum Form {
	FORM_ADDRESS,  /* it is one */
	FORM_OFFSET,   /* base and offset */
	FORM_PERCPU,   /* a negative offset counts from the base; others are per-CPU and absolute */
	FORM_RELATIVE, /* from where the offset lies */
	N_FORMS,
} Form;

typedef struct Addresses {
	Form form;
	size_t at; /* of the first */
	uint64_t base;
} Addresses;

static uint64_t address_at(const Tables *tables, const Addresses *from, size_t n)
{
	uint32_t offset;

	if (from->form == FORM_ADDRESS)
		return get64(tables, from->at + 8 * n);
	offset = get32(tables, from->at + 4 * n);
	if (from->form == FORM_OFFSET)
		return from->base + offset;
	if (from->form == FORM_RELATIVE)
		return tables->addr + from->at + 4 * n + (int32_t)offset;
	return (int32_t)offset >= 0 ? offset : from->base - 1 - (int32_t)offset;
}

static bool is_kernel(uint64_t addr)
{
	return addr >> 47 == 0x1ffff || addr >> 48 == 0xffff;
}

/*
 * They ascend, and all but a few are of the kernel's half. Code comes before tables: so offsets
 * that count from a base, which cannot be read, are not taken for others.
 */
static bool check_addresses(const Tables *tables, const Addresses *from)
{
	uint64_t last = 0;
	size_t n_kernel = 0;

	if (!has(tables, from->at, tables->n_symbols * (from->form == FORM_ADDRESS ? 8 : 4)))
		return false;
	for (size_t n = 0; n < tables->n_symbols; n++) {
		uint64_t addr = address_at(tables, from, n);

		if (addr < last)
			return false;
		last = addr;
		n_kernel += is_kernel(addr);
	}
	return n_kernel > tables->n_symbols / 2 &&
	       (from->form != FORM_RELATIVE || address_at(tables, from, 0) < tables->addr);
}

/* The two places where they can lie: before the number of symbols, behind the index. */
static bool locate(const Tables *tables, Form form, bool behind, Addresses *ret)
{
	size_t n = tables->n_symbols, number = tables->names - tables->align;
	size_t bytes = next_table(tables, form == FORM_ADDRESS ? 8 * n : 4 * n);
	size_t base = form == FORM_OFFSET || form == FORM_PERCPU ? 8 : 0;

	ret->form = form;
	if (behind)
		ret->at = next_table(tables, tables->index + 2 * N_TOKENS);
	else if (number >= bytes + base)
		ret->at = number - bytes - base;
	else
		return false;
	if (!has(tables, ret->at, bytes + base))
		return false;
	ret->base = base ? get64(tables, ret->at + bytes) : 0;
	return !base || is_kernel(ret->base);
}

static bool find_addresses(const Tables *tables, Addresses *ret)
{
	for (unsigned n = 0; n < 2 * N_FORMS; n++) {
		if (locate(tables, n / 2, n % 2, ret) && check_addresses(tables, ret))
			return true;
	}
	return false;
}

/* ---- All of it ---- */

/* The name at *at without its tokens; its first character is the type. How long it is. */
static size_t expand(const Tables *tables, size_t *at, char *name, size_t size)
{
	size_t len = take_length(tables, at, tables->tokens), used = 0;

	for (size_t n = 0; n < len; n++) {
		const char *token = (const char *)tables->data + tables->tokens +
				    tables->token[tables->data[*at + n]];

		for (; *token && used < size; token++)
			name[used++] = *token;
	}
	*at += len;
	return used;
}

/*
 * The letters are those of the sections, and by 7.2 the one of data has a flag as if it were code
 * (x86). Between these two symbols there is none.
 */
static void mark_data(LinuxSymbols *symbols)
{
	uint64_t start, end;

	if (linux_symbols_find(symbols, "_sdata", &start) &&
	    linux_symbols_find(symbols, "_edata", &end))
		linux_symbols_set_data(symbols, start, end);
}

static LinuxSymbols *read_symbols(const Tables *tables, const Addresses *from)
{
	LinuxSymbols *symbols = linux_symbols_new();
	size_t at = tables->names;

	for (size_t n = 0; n < tables->n_symbols; n++) {
		char name[NAME_MAX_LEN];
		size_t len = expand(tables, &at, name, sizeof(name));

		if (len > 1)
			linux_symbols_add(symbols, address_at(tables, from, n), name[0], name + 1,
					  len - 1);
	}
	linux_symbols_sort(symbols);
	mark_data(symbols);
	return symbols;
}

/* @digit0: where the digits are. */
static bool find_tables(Tables *tables, size_t digit0, Addresses *ret)
{
	for (tables->align = 8; tables->align >= 4; tables->align -= 4) {
		if (find_index(tables, digit0) && find_names(tables) && find_addresses(tables, ret))
			return true;
	}
	return false;
}

static LinuxSymbols *find_in(Tables *tables)
{
	const uint8_t *from = tables->data, *end = tables->data + tables->len, *hit;
	Addresses addresses;

	while (tables->addr % 8 == 0 && *tables->budget > HIT_COST &&
	       (hit = memmem(from, end - from, digits, sizeof(digits)))) {
		*tables->budget -= HIT_COST;
		if (find_tables(tables, hit - tables->data, &addresses))
			return read_symbols(tables, &addresses);
		from = hit + 1;
	}
	return NULL;
}

LinuxSymbols *linux_kallsyms_read(const LinuxMemory *memory, const LinuxRange *ranges, unsigned n,
				  GError **error)
{
	size_t budget = BUDGET;

	for (unsigned i = 0; i < n; i++) {
		g_autoptr(GByteArray) block = NULL;
		Tables tables = {.addr = ranges[i].start, .budget = &budget};
		LinuxSymbols *symbols;

		if (!linux_range_has_constants(&ranges[i]))
			continue;
		block = linux_read_range(memory, &ranges[i]);
		if (!block)
			continue;
		tables.data = block->data;
		tables.len = block->len;
		symbols = find_in(&tables);
		if (symbols)
			return symbols;
	}
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT, "there are no symbols (kallsyms)");
	return NULL;
}
