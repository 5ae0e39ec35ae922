/*
 * guest/dwarf-unit.h - the bytes of one compilation unit of DWARF 5 (the standard, section 7),
 * while guest/dwarf.c and guest/dwarf-symbols.c write it. Pure; not thread-safe.
 */
#ifndef VMGDB_GUEST_DWARF_UNIT_H
#define VMGDB_GUEST_DWARF_UNIT_H

#include "guest/bytes.h"
#include "guest/dwarf.h"

struct btf_type;

/* What may stand in .debug_info. */
typedef enum DwarfRow {
	ROW_UNIT,
	ROW_FILE, /* a unit without code */
	ROW_BASE,
	ROW_POINTER,
	ROW_CONST,
	ROW_VOLATILE,
	ROW_RESTRICT,
	ROW_TYPEDEF,
	ROW_ARRAY,
	ROW_COUNT,
	ROW_NO_COUNT,
	ROW_STRUCT,
	ROW_UNION,
	ROW_STRUCT_NAME,
	ROW_UNION_NAME,
	ROW_MEMBER,
	ROW_BITS,
	ROW_ENUM,
	ROW_UNSIGNED,
	ROW_SIGNED,
	ROW_PROTO,
	ROW_PARAM,
	ROW_PARAM_AT,
	ROW_MORE,
	ROW_FUNCTION,
	ROW_VARIABLE,
	ROW_GLOBAL,
	N_DWARF_ROWS,
} DwarfRow;

/*
 * @parts: see guest/type-graph.h. @offsets: where in @info each type is. @references: where in
 * @info there is a number of a type that becomes such an offset at last. @names, of a unit with
 * names of its own: offset in BTF -> offset in @strings.
 */
typedef struct DwarfUnit {
	const LinuxDwarfSource *source;
	const struct btf *btf;
	unsigned n_types;
	size_t names_len;
	uint8_t *parts;
	uint32_t *offsets;
	GArray *references;
	Bytes info, lists, strings;
	GHashTable *names;
} DwarfUnit;

/* All abbreviations. Caller unrefs. */
GByteArray *dwarf_abbrev(void);

/*
 * dwarf_begin: a row with its name (an offset in BTF; 0: none) where the row has one, and its type
 * (a number in BTF; 0: void) where it has one. The rest of its attributes is for the caller to
 * write, in the order of the table in guest/dwarf-unit.c; then its children, where it has some, and
 * dwarf_end().
 */
void dwarf_begin(DwarfUnit *unit, DwarfRow row, uint32_t name, uint32_t type);
void dwarf_end(DwarfUnit *unit);

/* dwarf_begin_own: its type is the one that @offset of the unit is, which BTF does not have. */
void dwarf_begin_own(DwarfUnit *unit, DwarfRow row, uint32_t offset);
/* dwarf_resolve: put offsets where there are numbers. */
void dwarf_resolve(DwarfUnit *unit);

/* Of guest/dwarf-symbols.c: the functions and the variables; then units of their own. */
void dwarf_functions(DwarfUnit *unit);
void dwarf_variables(DwarfUnit *unit);
void dwarf_files(DwarfUnit *unit);
/*
 * Of guest/dwarf.c: the header of a unit, and its row, which begins with who wrote it and in what;
 * returns where it begins, for dwarf_end_unit().
 */
uint32_t dwarf_begin_unit(DwarfUnit *unit, DwarfRow row, const char *name);
void dwarf_end_unit(DwarfUnit *unit, uint32_t start);
/* Of guest/dwarf.c: the parameters from @from on of the BTF_KIND_FUNC_PROTO @proto. */
void dwarf_parameters(DwarfUnit *unit, const struct btf_type *proto, unsigned from);

#endif
