/*
 * guest/dwarf.c - writes the types of BTF as DWARF 5.
 *
 * Of version 5 for its location lists: a function's arguments are in their registers at its first
 * instruction, and who knows where later. A list for each of 100,000 parameters takes 1.3 MB; in
 * version 4 it would be 3.5 MB.
 */
#include "guest/dwarf.h"

#include <bpf/btf.h>
#include <linux/btf.h>
#include <string.h>

#include "guest/dwarf-unit.h"
#include "guest/memory.h"
#include "guest/type-graph.h"

/* ---- Types ---- */

enum {
	ATE_BOOLEAN = 2,
	ATE_FLOAT = 4,
	ATE_SIGNED = 5,
	ATE_SIGNED_CHAR = 6,
	ATE_UNSIGNED = 7,
	ATE_UNSIGNED_CHAR = 8,
};

/* BTF's bit for characters is not set by those who write it. */
static unsigned encoding_of(const DwarfUnit *unit, const struct btf_type *type)
{
	const char *name = btf__name_by_offset(unit->btf, type->name_off);

	if (btf_is_float(type))
		return ATE_FLOAT;
	if (btf_int_encoding(type) & BTF_INT_BOOL)
		return ATE_BOOLEAN;
	if (!g_strcmp0(name, "char") || !g_strcmp0(name, "signed char"))
		return ATE_SIGNED_CHAR;
	if (!g_strcmp0(name, "unsigned char"))
		return ATE_UNSIGNED_CHAR;
	return btf_int_encoding(type) & BTF_INT_SIGNED ? ATE_SIGNED : ATE_UNSIGNED;
}

static void add_base(DwarfUnit *unit, const struct btf_type *type)
{
	dwarf_begin(unit, ROW_BASE, type->name_off, 0);
	dwarf_u8(unit->info, MIN(type->size, 16));
	dwarf_u8(unit->info, encoding_of(unit, type));
}

/* A BTF array of none is a flexible one. */
static void add_array(DwarfUnit *unit, uint32_t id, const struct btf_type *type, bool hollow)
{
	const struct btf_array *array = btf_array(type);

	dwarf_begin(unit, ROW_ARRAY, 0, hollow ? 0 : array->type);
	if (btf__resolve_size(unit->btf, id) > 0) {
		dwarf_begin(unit, ROW_COUNT, 0, 0);
		dwarf_uleb(unit->info, array->nelems);
	} else {
		dwarf_begin(unit, ROW_NO_COUNT, 0, 0);
	}
	dwarf_end(unit);
}

static void add_member(DwarfUnit *unit, const struct btf_type *type, unsigned i)
{
	const struct btf_member *member = &btf_members(type)[i];
	unsigned bits = btf_member_bitfield_size(type, i);
	uint32_t offset = btf_member_bit_offset(type, i);

	dwarf_begin(unit, bits ? ROW_BITS : ROW_MEMBER, member->name_off, member->type);
	if (bits)
		dwarf_u8(unit->info, bits);
	dwarf_uleb(unit->info, bits ? offset : offset / 8);
}

static void add_composite(DwarfUnit *unit, const struct btf_type *type, bool hollow)
{
	dwarf_begin(unit, btf_is_struct(type) ? ROW_STRUCT : ROW_UNION, type->name_off, 0);
	dwarf_u32(unit->info, type->size);
	for (unsigned i = 0; i < btf_vlen(type) && !hollow; i++)
		add_member(unit, type, i);
	dwarf_end(unit);
}

static void add_name(DwarfUnit *unit, const struct btf_type *type)
{
	bool is_union = btf_is_union(type) || (btf_is_fwd(type) && btf_kflag(type));

	dwarf_begin(unit, is_union ? ROW_UNION_NAME : ROW_STRUCT_NAME, type->name_off, 0);
}

static void add_value(DwarfUnit *unit, uint32_t name, bool is_signed, int64_t value)
{
	dwarf_begin(unit, is_signed ? ROW_SIGNED : ROW_UNSIGNED, name, 0);
	if (is_signed)
		dwarf_sleb(unit->info, value);
	else
		dwarf_uleb(unit->info, value);
}

static void add_enum(DwarfUnit *unit, const struct btf_type *type)
{
	bool is_signed = btf_kflag(type);

	dwarf_begin(unit, ROW_ENUM, type->name_off, 0);
	dwarf_u32(unit->info, type->size);
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		if (btf_is_enum(type)) {
			const struct btf_enum *value = &btf_enum(type)[i];

			add_value(unit, value->name_off, is_signed,
				  is_signed ? (int64_t)value->val : (int64_t)(uint32_t)value->val);
		} else {
			const struct btf_enum64 *value = &btf_enum64(type)[i];

			add_value(unit, value->name_off, is_signed, btf_enum64_value(value));
		}
	}
	dwarf_end(unit);
}

/* The last one without a name and a type stands for "...". */
void dwarf_parameters(DwarfUnit *unit, const struct btf_type *proto, unsigned from)
{
	const struct btf_param *params = btf_params(proto);

	for (unsigned i = from; i < btf_vlen(proto); i++) {
		if (!params[i].type && i == btf_vlen(proto) - 1u)
			dwarf_begin(unit, ROW_MORE, 0, 0);
		else
			dwarf_begin(unit, ROW_PARAM, params[i].name_off, params[i].type);
	}
}

static void add_proto(DwarfUnit *unit, const struct btf_type *type, bool hollow)
{
	dwarf_begin(unit, ROW_PROTO, 0, hollow ? 0 : type->type);
	if (!hollow)
		dwarf_parameters(unit, type, 0);
	dwarf_end(unit);
}

static const uint8_t row_of_kind[] = {
	[BTF_KIND_PTR] = ROW_POINTER,	    [BTF_KIND_TYPEDEF] = ROW_TYPEDEF,
	[BTF_KIND_VOLATILE] = ROW_VOLATILE, [BTF_KIND_CONST] = ROW_CONST,
	[BTF_KIND_RESTRICT] = ROW_RESTRICT,
};

static void add_type(DwarfUnit *unit, uint32_t id, bool hollow)
{
	const struct btf_type *type = btf__type_by_id(unit->btf, id);

	switch (btf_kind(type)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
		add_base(unit, type);
		break;
	case BTF_KIND_ARRAY:
		add_array(unit, id, type, hollow);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		add_composite(unit, type, hollow);
		break;
	case BTF_KIND_FWD:
		add_name(unit, type);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		add_enum(unit, type);
		break;
	case BTF_KIND_FUNC_PROTO:
		add_proto(unit, type, hollow);
		break;
	case BTF_KIND_TYPE_TAG:
		break;
	default:
		dwarf_begin(unit, row_of_kind[btf_kind(type)], type->name_off,
			    hollow ? 0 : type->type);
	}
}

static void add_types(DwarfUnit *unit)
{
	for (uint32_t id = 1; id < unit->n_types && unit->info->len < LINUX_DWARF_MAX; id++) {
		unit->offsets[id] = unit->info->len;
		if (unit->parts[id] == TYPE_NAME)
			add_name(unit, btf__type_by_id(unit->btf, id));
		else if (unit->parts[id] != TYPE_NONE)
			add_type(unit, id, unit->parts[id] == TYPE_HOLLOW);
	}
}

/* ---- The unit ---- */

#define DWARF_VERSION 5u
#define UNIT_COMPILE 1u
#define LANGUAGE_C11 0x1du
#define ADDRESS_SIZE 8u
/*
 * gdb asks by this text whether parameters are right at a function's first instruction, so that
 * "break" need not look for the end of its prologue.
 */
#define PRODUCER "GNU C11 5.0 would write it so; written by vmgdb"

/* The length of what follows comes first, at @start. */
static void set_length_at(GByteArray *section, uint32_t start)
{
	uint32_t len = GUINT32_TO_LE((uint32_t)(section->len - start - sizeof(len)));

	memcpy(section->data + start, &len, sizeof(len));
}

static void set_length(GByteArray *section)
{
	set_length_at(section, 0);
}

/* The header of location and range lists (section 7.28 and 7.29). */
#define LISTS_HEADER 12u

uint32_t dwarf_begin_unit(DwarfUnit *unit, DwarfRow row, const char *name)
{
	uint32_t start = unit->info->len;

	dwarf_u32(unit->info, 0);
	dwarf_u16(unit->info, DWARF_VERSION);
	dwarf_u8(unit->info, UNIT_COMPILE);
	dwarf_u8(unit->info, ADDRESS_SIZE);
	dwarf_u32(unit->info, 0); /* where the abbreviations begin */
	dwarf_begin(unit, row, 0, 0);
	dwarf_string(unit->info, PRODUCER);
	dwarf_u8(unit->info, LANGUAGE_C11);
	dwarf_string(unit->info, name);
	return start;
}

void dwarf_end_unit(DwarfUnit *unit, uint32_t start)
{
	dwarf_end(unit);
	set_length_at(unit->info, start);
}

static void begin_lists(GByteArray *lists)
{
	dwarf_u32(lists, 0);
	dwarf_u16(lists, DWARF_VERSION);
	dwarf_u8(lists, ADDRESS_SIZE);
	dwarf_u8(lists, 0);
	dwarf_u32(lists, 0); /* no table of offsets */
}

#define RLE_END_OF_LIST 0x00u
#define RLE_START_LENGTH 0x07u

/* Where the unit's code is: that of a module lies among that of others. */
static GByteArray *make_ranges(const LinuxDwarfSource *source)
{
	GByteArray *ranges = g_byte_array_new();

	begin_lists(ranges);
	for (unsigned i = 0; i < source->n_code; i++) {
		dwarf_u8(ranges, RLE_START_LENGTH);
		dwarf_u64(ranges, source->code[i].start);
		dwarf_uleb(ranges, source->code[i].end - source->code[i].start);
	}
	dwarf_u8(ranges, RLE_END_OF_LIST);
	set_length(ranges);
	return ranges;
}

/* Which addresses the unit is about (section 6.1.2). */
static GByteArray *make_aranges(const LinuxDwarfSource *source)
{
	GByteArray *aranges = g_byte_array_new();

	dwarf_u32(aranges, 0);
	dwarf_u16(aranges, 2);
	dwarf_u32(aranges, 0);
	dwarf_u8(aranges, ADDRESS_SIZE);
	dwarf_u8(aranges, 0);
	dwarf_u32(aranges, 0); /* to a multiple of 16 */
	for (unsigned i = 0; i < source->n_code; i++) {
		dwarf_u64(aranges, source->code[i].start);
		dwarf_u64(aranges, source->code[i].end - source->code[i].start);
	}
	dwarf_u64(aranges, 0);
	dwarf_u64(aranges, 0);
	set_length(aranges);
	return aranges;
}

static void write_unit(DwarfUnit *unit)
{
	uint32_t start = dwarf_begin_unit(unit, ROW_UNIT, unit->source->name);

	dwarf_u64(unit->info, 0); /* what addresses count from */
	dwarf_u32(unit->info, LISTS_HEADER);
	begin_lists(unit->lists);
	add_types(unit);
	dwarf_functions(unit);
	dwarf_variables(unit);
	dwarf_end_unit(unit, start);
	set_length(unit->lists);
	dwarf_files(unit);
}

LinuxDwarf *linux_dwarf_new(const LinuxDwarfSource *source, GError **error)
{
	const struct btf *btf = linux_types_btf(source->types);
	unsigned n = btf__type_cnt(btf);
	g_autofree uint8_t *parts = type_graph_parts(source->types);
	g_autofree uint32_t *offsets = g_new0(uint32_t, n);
	g_autoptr(GArray) references = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GHashTable) names = g_hash_table_new(NULL, NULL);
	g_autoptr(LinuxDwarf) dwarf = g_new0(LinuxDwarf, 1);
	DwarfUnit unit = {.source = source,
			  .btf = btf,
			  .n_types = n,
			  .parts = parts,
			  .offsets = offsets,
			  .references = references};

	linux_types_strings(source->types, &unit.names_len);
	dwarf->info = unit.info = g_byte_array_new();
	dwarf->loclists = unit.lists = g_byte_array_new();
	dwarf->abbrev = dwarf_abbrev();
	dwarf->rnglists = make_ranges(source);
	dwarf->aranges = make_aranges(source);
	if (linux_types_first(source->types) > 1) {
		dwarf->strings = unit.strings = g_byte_array_new();
		dwarf_u8(unit.strings, 0);
		unit.names = names;
	}
	write_unit(&unit);
	if (unit.info->len >= LINUX_DWARF_MAX) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
			    "the kernel's types (BTF): too long for gdb");
		return NULL;
	}
	dwarf_resolve(&unit);
	return g_steal_pointer(&dwarf);
}

void linux_dwarf_free(LinuxDwarf *dwarf)
{
	if (!dwarf)
		return;
	g_byte_array_unref(dwarf->info);
	g_byte_array_unref(dwarf->abbrev);
	g_byte_array_unref(dwarf->loclists);
	g_byte_array_unref(dwarf->rnglists);
	g_byte_array_unref(dwarf->aranges);
	if (dwarf->strings)
		g_byte_array_unref(dwarf->strings);
	g_free(dwarf);
}
