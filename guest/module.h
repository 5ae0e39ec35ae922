/*
 * guest/module.h - the modules of the guest's kernel: struct module, by BTF. Pure.
 */
#ifndef VMGDB_GUEST_MODULE_H
#define VMGDB_GUEST_MODULE_H

#include "guest/kernel.h"
#include "guest/program.h"

/* In the kernel's order (enum module_state). */
typedef enum LinuxModuleState {
	LINUX_MODULE_LIVE,
	LINUX_MODULE_COMING,
	LINUX_MODULE_GOING,
	LINUX_MODULE_UNFORMED,
} LinuxModuleState;

/* A piece of memory that a module has. */
typedef struct LinuxPiece {
	uint64_t base, size;
} LinuxPiece;

#define LINUX_MODULE_NAME_LEN 64u
/* Text, data, read-only data, data that is read-only after init; then init's. */
#define LINUX_PIECES 7u

/*
 * @addr: of its struct module. @name: printable. @pieces: the first @n_pieces; those of before 6.4
 * are two: what it keeps, and what init had. @size: of all but init's. @refs: who uses it.
 */
typedef struct LinuxModule {
	uint64_t addr, size;
	LinuxPiece pieces[LINUX_PIECES];
	unsigned n_pieces;
	uint32_t refs;
	LinuxModuleState state;
	char name[LINUX_MODULE_NAME_LEN + 1];
} LinuxModule;

/*
 * linux_modules_new: how @kernel, which must outlive it, lays out its modules. NULL with @error
 * where it does not say, or can have none. Where it has no symbol for their list the first module
 * is looked for in what the kernel writes. Caller frees.
 */
typedef struct LinuxModules LinuxModules;
LinuxModules *linux_modules_new(const LinuxKernel *kernel, GError **error);
void linux_modules_free(LinuxModules *modules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinuxModules, linux_modules_free)

/* linux_module_read: the one at @addr. FALSE: it cannot be read, or has a name that is none. */
bool linux_module_read(const LinuxModules *modules, uint64_t addr, LinuxModule *ret);

/* Is the memory that its init function is in still there? */
bool linux_module_has_init(const LinuxModule *module);
/* linux_module_piece: that which @addr lies in, or NULL. */
const LinuxPiece *linux_module_piece(const LinuxModule *module, uint64_t addr);

/*
 * linux_modules_list: all, of LinuxModule, those that are not yet formed left out; the last that
 * was loaded first. A list that is damaged ends there; 4,096 at most. Caller unrefs.
 */
#define LINUX_MODULES_MAX 4096u
GArray *linux_modules_list(const LinuxModules *modules);

/*
 * linux_module_sections: of LinuxSection, in the kernel's order; empty where it does not keep them.
 * Caller unrefs.
 */
typedef struct LinuxSection {
	uint64_t addr;
	char name[LINUX_MODULE_NAME_LEN + 1];
} LinuxSection;
#define LINUX_SECTIONS_MAX 1024u
GArray *linux_module_sections(const LinuxModules *modules, const LinuxModule *module);

/*
 * linux_module_btf: where its types are, which go on from the kernel's. FALSE: it has none. They
 * are in a list of the kernel's (since 5.11); what the module itself had of them goes after its
 * init.
 */
bool linux_module_btf(LinuxModules *modules, const LinuxModule *module, LinuxPiece *ret);

/*
 * linux_module_symbols: adds the symbols that its own kallsyms has to @symbols, which is to be
 * sorted afterwards. Returns how many.
 */
unsigned linux_module_symbols(const LinuxModules *modules, const LinuxModule *module,
			      LinuxSymbols *symbols);

/*
 * linux_module_parts: where its sections are now, of LinuxPart, by address; what is not in one of
 * its pieces any more is left out. Names are those of @sections, which must outlive it, or
 * constant. Where the kernel keeps no sections they are the pieces. Caller unrefs.
 */
GArray *linux_module_parts(const LinuxModule *module, const GArray *sections);
/*
 * linux_module_maker: makes a file for gdb with all that is known of a module, in memory; it fails
 * where the module has none. @modules and @abi must outlive it.
 */
LinuxMaker *linux_module_maker(LinuxModules *modules, const LinuxModule *module,
			       const LinuxAbi *abi);

/* What the kernel has for its unwinder of a module's code (x86); @n: 0 where there is nothing. */
typedef struct LinuxModuleOrc {
	uint64_t ips, entries;
	uint32_t n;
} LinuxModuleOrc;
void linux_module_orc(const LinuxModules *modules, const LinuxModule *module, LinuxModuleOrc *ret);
/* linux_module_srcversion: a sum of its source's text; NULL where it has none. Caller frees. */
char *linux_module_srcversion(const LinuxModules *modules, const LinuxModule *module);
const LinuxKernel *linux_modules_kernel(const LinuxModules *modules);
/* linux_modules_head: the address of the kernel's variable that is the head of their list. */
uint64_t linux_modules_head(const LinuxModules *modules);

/* linux_modules_print: a line for each, below a line of headings. */
void linux_modules_print(const LinuxModules *modules, GString *out);

#endif
