/*
 * gdbstub/regs.h - register rows and sets of rows.
 *
 * A row says everything the protocol needs to know about one register. g, G, p, P, expedited
 * registers, monitor output and target.xml all read the same rows, so a register is written down
 * once. Rows are made by the owner of the target (x86/kvm/reg-table.c, arm/kvm/reg-table.c); this
 * file knows no architecture.
 */
#ifndef VMGDB_GDBSTUB_REGS_H
#define VMGDB_GDBSTUB_REGS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* The widest register any row may have, in bytes: one SME ZA row set aside, SVE's Z is 256. */
#define GDB_REG_MAX_BYTES 256

/*
 * One register. All strings are borrowed and must outlive the set (literals, or interned).
 * Values travel as bytes in target byte order, which is little-endian for every architecture here,
 * exactly (bits + 7) / 8 of them.
 */
typedef struct GdbReg {
	const char *name; /* as gdb shows it: "rax" */
	unsigned num;	  /* "regnum" of the target description; the number in p and P */
	unsigned bits;	  /* size; a multiple of 8 */
	const char *type; /* type name for the description: "int64", "data_ptr", "cr0_flags" */
	/*
	 * "general", "system", "float", "vector", or NULL for gdb's default. gdb is told not to
	 * save and restore "system" rows around a function call: that reads and writes every one of
	 * them, and would turn back clocks.
	 */
	const char *group;
	unsigned source; /* the owner's: which KVM structure or ioctl holds the value */
	uint64_t id;	 /* the owner's: offset, MSR number or one-reg id within that source */
} GdbReg;

static inline size_t gdb_reg_bytes(const GdbReg *reg)
{
	return (reg->bits + 7) / 8;
}

/* gdb_reg_number: @len bytes, at most 8, in the target's byte order, which is little-endian. */
static inline uint64_t gdb_reg_number(const uint8_t *bytes, size_t len)
{
	uint64_t number = 0;

	while (len > 0)
		number = number << 8 | bytes[--len];
	return number;
}

/*
 * A named group of rows, as gdb's features are: "org.gnu.gdb.i386.core".
 * @types: XML text of the type definitions that the rows use, placed before them; or NULL.
 */
typedef struct GdbFeature {
	const char *name;
	const char *types;
	const GdbReg *rows;
	unsigned n_rows;
} GdbFeature;

/*
 * The CPU that has the registers, as clients name it. Borrowed; must outlive the set (a literal).
 * @host_info: what qHostInfo says of it beyond triple, byte order and pointer size, each word as
 * "key:value;" (LLDB, "GDB Remote Protocol Extensions"); or NULL.
 */
typedef struct GdbArchitecture {
	const char *name;   /* gdb's: "i386:x86-64", "aarch64" */
	const char *triple; /* LLVM's: "x86_64-unknown-linux-gnu"; NULL: lldb is told none */
	unsigned pointer_bytes;
	const char *host_info;
} GdbArchitecture;

/* The registers of one target. Immutable once it is given to a server. */
typedef struct GdbRegSet GdbRegSet;

/*
 * gdb_reg_set_new: an empty set.
 * @g_count: rows numbered below this make up the g and G packets, ascending, without padding.
 * @pc_num: number of the program counter (what `c ADDR` writes).
 */
GdbRegSet *gdb_reg_set_new(const GdbArchitecture *architecture, unsigned g_count, unsigned pc_num);
void gdb_reg_set_free(GdbRegSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GdbRegSet, gdb_reg_set_free)

/*
 * gdb_reg_set_add: append a feature; its rows are copied (strings are not). Features appear in
 * target.xml in the order of these calls. A number that is already taken is a programming error.
 */
void gdb_reg_set_add(GdbRegSet *set, const GdbFeature *feature);

/*
 * gdb_reg_set_expedite: numbers to send with every stop reply, so that a client need not ask for
 * them. Replaces the earlier list.
 */
void gdb_reg_set_expedite(GdbRegSet *set, const unsigned *nums, unsigned n);

/*
 * What lldb, without knowledge of the architecture, wants to know of a register. gdb overlooks it.
 * @dwarf: its number in DWARF and .eh_frame, by the architecture's ABI.
 * @generic: "pc", "sp", "fp", "ra", "flags", "arg1" to "arg8"; or NULL.
 */
typedef struct GdbRegHint {
	unsigned num;
	unsigned dwarf;
	const char *generic;
} GdbRegHint;

/*
 * gdb_reg_set_hint: @hints are borrowed and must outlive the set. Numbers it has not are skipped.
 */
void gdb_reg_set_hint(GdbRegSet *set, const GdbRegHint *hints, unsigned n);

/* Look-ups; NULL when there is none. The row is owned by the set. */
const GdbReg *gdb_reg_set_by_num(const GdbRegSet *set, unsigned num);
const GdbReg *gdb_reg_set_by_name(const GdbRegSet *set, const char *name);
const GdbReg *gdb_reg_set_pc(const GdbRegSet *set);
/* gdb_reg_set_generic: the one with this hint: "fp". */
const GdbReg *gdb_reg_set_generic(const GdbRegSet *set, const char *generic);

/* Rows ascending by number; @ret_n receives how many. */
const GdbReg *const *gdb_reg_set_rows(const GdbRegSet *set, unsigned *ret_n);
/* The first so many of gdb_reg_set_rows() that are in g, and the bytes they take together. */
unsigned gdb_reg_set_g_count(const GdbRegSet *set);
size_t gdb_reg_set_g_bytes(const GdbRegSet *set);
const unsigned *gdb_reg_set_expedited(const GdbRegSet *set, unsigned *ret_n);
const GdbArchitecture *gdb_reg_set_architecture(const GdbRegSet *set);

/*
 * gdb_reg_set_xml: the whole target.xml as one file, features inlined, every <reg> with its
 * regnum. Built at the first call, owned by the set. gdb manual: "Target Description Format".
 * gdb_reg_set_bare_xml: the same, and it says that no system that gdb knows runs here.
 * gdb_reg_set_plain_xml: the same as the first for a client that does not know <flags>: it has
 * none, and the registers that have such a type are numbers.
 */
const char *gdb_reg_set_xml(const GdbRegSet *set);
const char *gdb_reg_set_bare_xml(const GdbRegSet *set);
const char *gdb_reg_set_plain_xml(const GdbRegSet *set);

G_END_DECLS

#endif
