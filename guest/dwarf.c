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
	bytes_put(&unit->info, MIN(type->size, 16), 1);
	bytes_put(&unit->info, encoding_of(unit, type), 1);
}

/* A BTF array of none is a flexible one. */
static void add_array(DwarfUnit *unit, uint32_t id, const struct btf_type *type, bool hollow)
{
	const struct btf_array *array = btf_array(type);

	dwarf_begin(unit, ROW_ARRAY, 0, hollow ? 0 : array->type);
	if (btf__resolve_size(unit->btf, id) > 0) {
		dwarf_begin(unit, ROW_COUNT, 0, 0);
		bytes_uleb(&unit->info, array->nelems);
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
		bytes_put(&unit->info, bits, 1);
	bytes_uleb(&unit->info, bits ? offset : offset / 8);
}

static void add_composite(DwarfUnit *unit, const struct btf_type *type, bool hollow)
{
	dwarf_begin(unit, btf_is_struct(type) ? ROW_STRUCT : ROW_UNION, type->name_off, 0);
	bytes_put(&unit->info, type->size, 4);
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
		bytes_sleb(&unit->info, value);
	else
		bytes_uleb(&unit->info, value);
}

static void add_enum(DwarfUnit *unit, const struct btf_type *type)
{
	bool is_signed = btf_kflag(type);

	dwarf_begin(unit, ROW_ENUM, type->name_off, 0);
	bytes_put(&unit->info, type->size, 4);
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
	for (uint32_t id = 1; id < unit->n_types && unit->info.len < LINUX_DWARF_MAX; id++) {
		unit->offsets[id] = unit->info.len;
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
static void set_length_at(Bytes *section, uint32_t start)
{
	uint32_t len = GUINT32_TO_LE((uint32_t)(section->len - start - sizeof(len)));

	memcpy(section->data + start, &len, sizeof(len));
}

static void set_length(Bytes *section)
{
	set_length_at(section, 0);
}

/* The header of location and range lists (section 7.28 and 7.29). */
#define LISTS_HEADER 12u

uint32_t dwarf_begin_unit(DwarfUnit *unit, DwarfRow row, const char *name)
{
	uint32_t start = unit->info.len;

	bytes_put(&unit->info, 0, 4);
	bytes_put(&unit->info, DWARF_VERSION, 2);
	bytes_put(&unit->info, UNIT_COMPILE, 1);
	bytes_put(&unit->info, ADDRESS_SIZE, 1);
	bytes_put(&unit->info, 0, 4); /* where the abbreviations begin */
	dwarf_begin(unit, row, 0, 0);
	bytes_string(&unit->info, PRODUCER);
	bytes_put(&unit->info, LANGUAGE_C11, 1);
	bytes_string(&unit->info, name);
	return start;
}

void dwarf_end_unit(DwarfUnit *unit, uint32_t start)
{
	dwarf_end(unit);
	set_length_at(&unit->info, start);
}

static void begin_lists(Bytes *lists)
{
	bytes_put(lists, 0, 4);
	bytes_put(lists, DWARF_VERSION, 2);
	bytes_put(lists, ADDRESS_SIZE, 1);
	bytes_put(lists, 0, 1);
	bytes_put(lists, 0, 4); /* no table of offsets */
}

#define RLE_END_OF_LIST 0x00u
#define RLE_START_LENGTH 0x07u

/* Where the unit's code is: that of a module lies among that of others. */
static GByteArray *make_ranges(const LinuxDwarfSource *source)
{
	Bytes ranges = {0};

	begin_lists(&ranges);
	for (unsigned i = 0; i < source->n_code; i++) {
		bytes_put(&ranges, RLE_START_LENGTH, 1);
		bytes_put(&ranges, source->code[i].start, 8);
		bytes_uleb(&ranges, source->code[i].end - source->code[i].start);
	}
	bytes_put(&ranges, RLE_END_OF_LIST, 1);
	set_length(&ranges);
	return bytes_end(&ranges);
}

/* Which addresses the unit is about (section 6.1.2). */
static GByteArray *make_aranges(const LinuxDwarfSource *source)
{
	Bytes aranges = {0};

	bytes_put(&aranges, 0, 4);
	bytes_put(&aranges, 2, 2);
	bytes_put(&aranges, 0, 4);
	bytes_put(&aranges, ADDRESS_SIZE, 1);
	bytes_put(&aranges, 0, 1);
	bytes_put(&aranges, 0, 4); /* to a multiple of 16 */
	for (unsigned i = 0; i < source->n_code; i++) {
		bytes_put(&aranges, source->code[i].start, 8);
		bytes_put(&aranges, source->code[i].end - source->code[i].start, 8);
	}
	bytes_put(&aranges, 0, 8);
	bytes_put(&aranges, 0, 8);
	set_length(&aranges);
	return bytes_end(&aranges);
}

static void write_unit(DwarfUnit *unit)
{
	uint32_t start = dwarf_begin_unit(unit, ROW_UNIT, unit->source->name);

	bytes_put(&unit->info, 0, 8); /* what addresses count from */
	bytes_put(&unit->info, LISTS_HEADER, 4);
	begin_lists(&unit->lists);
	add_types(unit);
	dwarf_functions(unit);
	dwarf_variables(unit);
	dwarf_end_unit(unit, start);
	set_length(&unit->lists);
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
	bool too_long;

	linux_types_strings(source->types, &unit.names_len);
	dwarf->abbrev = dwarf_abbrev();
	dwarf->rnglists = make_ranges(source);
	dwarf->aranges = make_aranges(source);
	if (linux_types_first(source->types) > 1) {
		bytes_put(&unit.strings, 0, 1);
		unit.names = names;
	}
	write_unit(&unit);
	too_long = MAX(unit.info.len, unit.strings.len) >= LINUX_DWARF_MAX;
	if (!too_long)
		dwarf_resolve(&unit);
	dwarf->info = bytes_end(&unit.info);
	dwarf->loclists = bytes_end(&unit.lists);
	dwarf->strings = unit.names ? bytes_end(&unit.strings) : NULL;
	if (too_long) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_DAMAGED,
			    "the kernel's types (BTF): too long for gdb");
		return NULL;
	}
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
