/*
 * tests/dwarf-reader.c - a reader of DWARF 5: the forms that guest/dwarf.c uses.
 */
#include "tests/dwarf-reader.h"

#include <string.h>

typedef struct Bytes {
	const uint8_t *data;
	size_t len, at;
} Bytes;

static uint64_t fixed(Bytes *bytes, unsigned size)
{
	uint64_t value = 0;

	g_assert_cmpuint(bytes->len - bytes->at, >=, size);
	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)bytes->data[bytes->at++] << 8 * i;
	return value;
}

static uint64_t leb(Bytes *bytes, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = fixed(bytes, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= UINT64_MAX << shift;
	return value;
}

static const char *string_at(const uint8_t *data, size_t len, size_t at)
{
	g_assert_cmpuint(at, <, len);
	g_assert_nonnull(memchr(data + at, '\0', len - at));
	return (const char *)data + at;
}

/* The abbreviation @code: where its attributes begin. */
static Bytes abbreviation(const LinuxDwarf *dwarf, uint64_t code, unsigned *ret_tag,
			  bool *ret_children)
{
	Bytes bytes = {dwarf->abbrev->data, dwarf->abbrev->len, 0};
	uint64_t at;

	while ((at = leb(&bytes, false))) {
		*ret_tag = leb(&bytes, false);
		*ret_children = fixed(&bytes, 1);
		if (at == code)
			return bytes;
		while (fixed(&bytes, 2))
			;
	}
	g_assert_not_reached();
}

typedef struct Reader {
	const LinuxDwarf *dwarf;
	const uint8_t *strings;
	size_t strings_len;
	Bytes info;
	size_t unit; /* where the one that is read begins: references count from there */
} Reader;

static uint64_t read_expression(Bytes *info)
{
	uint64_t len = leb(info, false), end = info->at + len, value;

	g_assert_cmpuint(len, ==, 9);
	g_assert_cmpuint(fixed(info, 1), ==, 3); /* DW_OP_addr */
	value = fixed(info, 8);
	g_assert_cmpuint(info->at, ==, end);
	return value;
}

static uint64_t read_value(Reader *reader, unsigned form, const char **ret_text)
{
	Bytes *info = &reader->info;

	switch (form) {
	case 0x0b: /* data1 */
	case 0x0c: /* flag */
		return fixed(info, 1);
	case 0x06: /* data4 */
	case 0x13: /* ref4 */
	case 0x17: /* sec_offset */
		return fixed(info, 4);
	case 0x01: /* addr */
	case 0x07: /* data8 */
		return fixed(info, 8);
	case 0x0d: /* sdata */
	case 0x0f: /* udata */
		return leb(info, form == 0x0d);
	case 0x08: /* string */
		*ret_text = string_at(info->data, info->len, info->at);
		info->at += strlen(*ret_text) + 1;
		return 0;
	case 0x0e: /* strp */
		*ret_text = string_at(reader->strings, reader->strings_len, fixed(info, 4));
		return 0;
	case 0x18: /* exprloc */
		return read_expression(info);
	case 0x19: /* flag_present */
		return 1;
	default:
		g_assert_not_reached();
	}
}

static DwarfEntry *read_entry(Reader *reader, unsigned *depth)
{
	DwarfEntry *entry = g_new0(DwarfEntry, 1);
	unsigned attribute, form;
	bool children = false;
	Bytes abbrev;

	entry->offset = reader->info.at;
	entry->depth = *depth;
	abbrev = abbreviation(reader->dwarf, leb(&reader->info, false), &entry->tag, &children);
	for (;;) {
		const char *text = NULL;

		attribute = fixed(&abbrev, 1);
		form = fixed(&abbrev, 1);
		if (!attribute && !form)
			break;
		g_assert_cmpuint(attribute, <, N_ATTRIBUTES);
		entry->values[attribute] = read_value(reader, form, &text);
		entry->has[attribute] = true;
		if (attribute == 0x03)
			entry->name = text;
		if (attribute == 0x49)
			entry->type_offset = reader->unit + entry->values[attribute];
	}
	*depth += children;
	return entry;
}

/* Every reference is one to the beginning of an entry that is a type. */
static void link_types(GPtrArray *entries)
{
	g_autoptr(GHashTable) by_offset = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < entries->len; i++) {
		DwarfEntry *entry = entries->pdata[i];

		g_hash_table_insert(by_offset, GUINT_TO_POINTER(entry->offset), entry);
	}
	for (guint i = 0; i < entries->len; i++) {
		DwarfEntry *entry = entries->pdata[i];

		if (!entry->type_offset)
			continue;
		entry->type = g_hash_table_lookup(by_offset, GUINT_TO_POINTER(entry->type_offset));
		g_assert_nonnull(entry->type);
		g_assert_cmpuint(entry->type->depth, ==, 1);
		g_assert_cmpuint(entry->type->tag, !=, TAG_FUNCTION);
		g_assert_cmpuint(entry->type->tag, !=, TAG_VARIABLE);
	}
}

static void read_unit(Reader *reader, GPtrArray *entries)
{
	Bytes *info = &reader->info;
	unsigned depth = 0;
	uint64_t end;

	reader->unit = info->at;
	end = fixed(info, 4);
	end += info->at;
	g_assert_cmpuint(fixed(info, 2), ==, 5);
	g_assert_cmpuint(fixed(info, 2), ==, 0x0801);
	g_assert_cmpuint(fixed(info, 4), ==, 0);
	do {
		if (info->data[info->at]) {
			g_ptr_array_add(entries, read_entry(reader, &depth));
		} else {
			info->at++;
			depth--;
		}
	} while (depth);
	g_assert_cmpuint(info->at, ==, end);
}

GPtrArray *dwarf_read(const LinuxDwarf *dwarf, const LinuxTypes *types)
{
	Reader reader = {.dwarf = dwarf, .info = {dwarf->info->data, dwarf->info->len, 0}};
	GPtrArray *entries = g_ptr_array_new_with_free_func(g_free);

	if (dwarf->strings) {
		reader.strings = dwarf->strings->data;
		reader.strings_len = dwarf->strings->len;
	} else {
		reader.strings = (const uint8_t *)linux_types_strings(types, &reader.strings_len);
	}
	while (reader.info.at < reader.info.len)
		read_unit(&reader, entries);
	link_types(entries);
	return entries;
}

static bool is_entry(const DwarfEntry *entry, unsigned tag, const char *name)
{
	return entry->tag == tag && !g_strcmp0(entry->name, name);
}

const DwarfEntry *dwarf_find(const GPtrArray *entries, unsigned tag, const char *name)
{
	for (guint i = 0; i < entries->len; i++) {
		if (is_entry(entries->pdata[i], tag, name))
			return entries->pdata[i];
	}
	return NULL;
}

unsigned dwarf_count(const GPtrArray *entries, unsigned tag, const char *name)
{
	unsigned n = 0;

	for (guint i = 0; i < entries->len; i++)
		n += is_entry(entries->pdata[i], tag, name);
	return n;
}

const DwarfEntry *dwarf_child(const GPtrArray *entries, const DwarfEntry *parent, unsigned i)
{
	guint at = 0;

	while (entries->pdata[at] != parent)
		at++;
	for (at++; at < entries->len; at++) {
		const DwarfEntry *entry = entries->pdata[at];

		if (entry->depth <= parent->depth)
			break;
		if (entry->depth == parent->depth + 1 && !i--)
			return entry;
	}
	return NULL;
}
