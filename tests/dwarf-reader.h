/*
 * tests/dwarf-reader.h - reads back the DWARF that guest/dwarf.h writes; what is no DWARF ends the
 * test.
 */
#ifndef VMGDB_TESTS_DWARF_READER_H
#define VMGDB_TESTS_DWARF_READER_H

#include "guest/dwarf.h"

/* The standard's numbers of tags and attributes, as far as the tests name them. */
enum {
	TAG_ARRAY = 0x01,
	TAG_ENUM = 0x04,
	TAG_PARAMETER = 0x05,
	TAG_MEMBER = 0x0d,
	TAG_POINTER = 0x0f,
	TAG_UNIT = 0x11,
	TAG_STRUCT = 0x13,
	TAG_PROTO = 0x15,
	TAG_TYPEDEF = 0x16,
	TAG_UNION = 0x17,
	TAG_MORE = 0x18,
	TAG_RANGE = 0x21,
	TAG_BASE = 0x24,
	TAG_CONST = 0x26,
	TAG_VALUE = 0x28,
	TAG_FUNCTION = 0x2e,
	TAG_VARIABLE = 0x34,
	TAG_VOLATILE = 0x35,
};

enum {
	AT_LOCATION = 0x02,
	AT_BYTE_SIZE = 0x0b,
	AT_BIT_SIZE = 0x0d,
	AT_LOW_PC = 0x11,
	AT_HIGH_PC = 0x12,
	AT_CONST_VALUE = 0x1c,
	AT_COUNT = 0x37,
	AT_MEMBER_LOCATION = 0x38,
	AT_DECLARATION = 0x3c,
	AT_ENCODING = 0x3e,
	AT_EXTERNAL = 0x3f,
	AT_RANGES = 0x55,
	AT_DATA_BIT_OFFSET = 0x6b,
	N_ATTRIBUTES = 0x70,
};

/* @name: NULL where it has none. @type: NULL for void. @values: 0 where it does not have one. */
typedef struct DwarfEntry {
	uint32_t offset, type_offset;
	unsigned tag, depth;
	const char *name;
	const struct DwarfEntry *type;
	uint64_t values[N_ATTRIBUTES];
	bool has[N_ATTRIBUTES];
} DwarfEntry;

/* All entries in their order. Names belong to @dwarf and @types. Caller unrefs. */
GPtrArray *dwarf_read(const LinuxDwarf *dwarf, const LinuxTypes *types);
/* The first one, NULL when there is none; how many there are. */
const DwarfEntry *dwarf_find(const GPtrArray *entries, unsigned tag, const char *name);
unsigned dwarf_count(const GPtrArray *entries, unsigned tag, const char *name);
/* The @i th child, NULL: there are less. */
const DwarfEntry *dwarf_child(const GPtrArray *entries, const DwarfEntry *parent, unsigned i);

#endif
