/*
 * guest/dwarf-unit.c - writes numbers, abbreviations and references of DWARF 5.
 */
#include "guest/dwarf-unit.h"

#include <bpf/btf.h>
#include <linux/btf.h>
#include <string.h>

#include "guest/type-graph.h"

/* ---- Abbreviations ---- */

enum {
	AT_LOCATION = 0x02,
	AT_NAME = 0x03,
	AT_BYTE_SIZE = 0x0b,
	AT_BIT_SIZE = 0x0d,
	AT_LOW_PC = 0x11,
	AT_HIGH_PC = 0x12,
	AT_LANGUAGE = 0x13,
	AT_CONST_VALUE = 0x1c,
	AT_PRODUCER = 0x25,
	AT_PROTOTYPED = 0x27,
	AT_COUNT = 0x37,
	AT_MEMBER_LOCATION = 0x38,
	AT_DECLARATION = 0x3c,
	AT_ENCODING = 0x3e,
	AT_EXTERNAL = 0x3f,
	AT_TYPE = 0x49,
	AT_RANGES = 0x55,
	AT_DATA_BIT_OFFSET = 0x6b,
};

enum {
	FORM_ADDR = 0x01,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_DATA1 = 0x0b,
	FORM_FLAG = 0x0c,
	FORM_SDATA = 0x0d,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_REF4 = 0x13,
	FORM_SEC_OFFSET = 0x17,
	FORM_EXPRLOC = 0x18,
	FORM_PRESENT = 0x19,
};

typedef struct Row {
	uint8_t tag, children;
	uint8_t attributes[16]; /* what it is, its form, and so on */
} Row;

#define NAME AT_NAME, FORM_STRP
#define TYPE AT_TYPE, FORM_REF4

/* Where a row has a name or a type, these come first. */
static const Row rows[N_DWARF_ROWS] = {
	[ROW_UNIT] = {0x11,
		      1,
		      {AT_PRODUCER, FORM_STRING, AT_LANGUAGE, FORM_DATA1, AT_NAME, FORM_STRING,
		       AT_LOW_PC, FORM_ADDR, AT_RANGES, FORM_SEC_OFFSET}},
	[ROW_FILE] = {0x11,
		      1,
		      {AT_PRODUCER, FORM_STRING, AT_LANGUAGE, FORM_DATA1, AT_NAME, FORM_STRING}},
	[ROW_BASE] = {0x24, 0, {NAME, AT_BYTE_SIZE, FORM_DATA1, AT_ENCODING, FORM_DATA1}},
	[ROW_POINTER] = {0x0f, 0, {TYPE}},
	[ROW_CONST] = {0x26, 0, {TYPE}},
	[ROW_VOLATILE] = {0x35, 0, {TYPE}},
	[ROW_RESTRICT] = {0x37, 0, {TYPE}},
	[ROW_TYPEDEF] = {0x16, 0, {NAME, TYPE}},
	[ROW_ARRAY] = {0x01, 1, {TYPE}},
	[ROW_COUNT] = {0x21, 0, {AT_COUNT, FORM_UDATA}},
	[ROW_NO_COUNT] = {0x21, 0, {0}},
	[ROW_STRUCT] = {0x13, 1, {NAME, AT_BYTE_SIZE, FORM_DATA4}},
	[ROW_UNION] = {0x17, 1, {NAME, AT_BYTE_SIZE, FORM_DATA4}},
	[ROW_STRUCT_NAME] = {0x13, 0, {NAME, AT_DECLARATION, FORM_PRESENT}},
	[ROW_UNION_NAME] = {0x17, 0, {NAME, AT_DECLARATION, FORM_PRESENT}},
	[ROW_MEMBER] = {0x0d, 0, {NAME, TYPE, AT_MEMBER_LOCATION, FORM_UDATA}},
	[ROW_BITS] = {0x0d,
		      0,
		      {NAME, TYPE, AT_BIT_SIZE, FORM_DATA1, AT_DATA_BIT_OFFSET, FORM_UDATA}},
	[ROW_ENUM] = {0x04, 1, {NAME, AT_BYTE_SIZE, FORM_DATA4}},
	[ROW_UNSIGNED] = {0x28, 0, {NAME, AT_CONST_VALUE, FORM_UDATA}},
	[ROW_SIGNED] = {0x28, 0, {NAME, AT_CONST_VALUE, FORM_SDATA}},
	[ROW_PROTO] = {0x15, 1, {TYPE, AT_PROTOTYPED, FORM_PRESENT}},
	[ROW_PARAM] = {0x05, 0, {NAME, TYPE}},
	[ROW_PARAM_AT] = {0x05, 0, {NAME, TYPE, AT_LOCATION, FORM_SEC_OFFSET}},
	[ROW_MORE] = {0x18, 0, {0}},
	[ROW_FUNCTION] = {0x2e,
			  1,
			  {NAME, TYPE, AT_EXTERNAL, FORM_FLAG, AT_PROTOTYPED, FORM_PRESENT,
			   AT_LOW_PC, FORM_ADDR, AT_HIGH_PC, FORM_DATA4}},
	[ROW_VARIABLE] = {0x34, 0, {NAME, TYPE, AT_EXTERNAL, FORM_FLAG, AT_LOCATION, FORM_EXPRLOC}},
	[ROW_GLOBAL] = {0x34,
			0,
			{TYPE, AT_NAME, FORM_STRING, AT_EXTERNAL, FORM_FLAG, AT_LOCATION,
			 FORM_EXPRLOC}},
};

/* Each row has a code for with and without a name, and with and without a type. */
#define N_VARIANTS 4u
#define NO_NAME 1u
#define NO_TYPE 2u

static unsigned code_of(DwarfRow row, unsigned variant)
{
	return 1 + row * N_VARIANTS + variant;
}

static void add_abbrev(Bytes *abbrev, const Row *row, unsigned code, unsigned variant)
{
	bytes_uleb(abbrev, code);
	bytes_uleb(abbrev, row->tag);
	bytes_put(abbrev, row->children, 1);
	for (const uint8_t *at = row->attributes; at[0]; at += 2) {
		if (!(variant & NO_NAME && at[0] == AT_NAME && at[1] == FORM_STRP) &&
		    !(variant & NO_TYPE && at[0] == AT_TYPE))
			bytes_append(abbrev, at, 2);
	}
	bytes_put(abbrev, 0, 2);
}

GByteArray *dwarf_abbrev(void)
{
	Bytes abbrev = {0};

	for (unsigned row = 0; row < N_DWARF_ROWS; row++) {
		for (unsigned variant = 0; variant < N_VARIANTS; variant++)
			add_abbrev(&abbrev, &rows[row], code_of(row, variant), variant);
	}
	bytes_put(&abbrev, 0, 1);
	return bytes_end(&abbrev);
}

/* ---- Rows ---- */

static bool row_has(const Row *row, unsigned attribute, unsigned form)
{
	for (const uint8_t *at = row->attributes; at[0]; at += 2) {
		if (at[0] == attribute && at[1] == form)
			return true;
	}
	return false;
}

/* Tags say what a pointer is for; DWARF does not have them. */
static uint32_t without_tags(const DwarfUnit *unit, uint32_t type)
{
	while (type < unit->n_types && unit->parts[type] == TYPE_WHOLE) {
		const struct btf_type *tag = btf__type_by_id(unit->btf, type);

		if (!btf_is_type_tag(tag))
			break;
		type = tag->type;
	}
	return type;
}

/* void, where BTF has no such type. */
static uint32_t written(const DwarfUnit *unit, uint32_t type)
{
	type = without_tags(unit, type);
	if (!type || type >= unit->n_types || unit->parts[type] == TYPE_NONE ||
	    btf_is_type_tag(btf__type_by_id(unit->btf, type)))
		return 0;
	return type;
}

/* Where @name, an offset in BTF, is among the names of the unit's own; 0 when they are too long. */
static uint32_t own_name(DwarfUnit *unit, uint32_t name)
{
	gpointer key = GUINT_TO_POINTER(name);
	uint32_t at = GPOINTER_TO_UINT(g_hash_table_lookup(unit->names, key));

	/* Names may lie in each other, so there may be far more of them than of BTF. */
	if (!at && unit->strings.len < LINUX_DWARF_MAX) {
		at = unit->strings.len;
		bytes_string(&unit->strings, btf__name_by_offset(unit->btf, name));
		g_hash_table_insert(unit->names, key, GUINT_TO_POINTER(at));
	}
	return at;
}

/* @to: a number of BTF, which is less than this bit; or an offset of the unit, with it; 0: void. */
#define OWN (1u << 31)

static void begin(DwarfUnit *unit, DwarfRow row, uint32_t name, uint32_t to)
{
	bool named = name && name < unit->names_len && row_has(&rows[row], NAME);
	uint32_t at;

	bytes_uleb(&unit->info, code_of(row, (named ? 0 : NO_NAME) | (to ? 0 : NO_TYPE)));
	if (named)
		bytes_put(&unit->info, unit->names ? own_name(unit, name) : name, 4);
	if (!to)
		return;
	at = unit->info.len;
	g_array_append_val(unit->references, at);
	bytes_put(&unit->info, to, 4);
}

void dwarf_begin(DwarfUnit *unit, DwarfRow row, uint32_t name, uint32_t type)
{
	begin(unit, row, name, row_has(&rows[row], TYPE) ? written(unit, type) : 0);
}

void dwarf_begin_own(DwarfUnit *unit, DwarfRow row, uint32_t offset)
{
	begin(unit, row, 0, OWN | offset);
}

void dwarf_end(DwarfUnit *unit)
{
	bytes_put(&unit->info, 0, 1);
}

void dwarf_resolve(DwarfUnit *unit)
{
	for (guint i = 0; i < unit->references->len; i++) {
		uint8_t *at = unit->info.data + g_array_index(unit->references, uint32_t, i);
		uint32_t type;

		memcpy(&type, at, sizeof(type));
		type = GUINT32_FROM_LE(type);
		type = type & OWN ? type & ~OWN : unit->offsets[type];
		type = GUINT32_TO_LE(type);
		memcpy(at, &type, sizeof(type));
	}
}
