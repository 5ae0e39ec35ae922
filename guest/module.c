/*
 * guest/module.c - lists modules, their sections and symbols.
 */
#include "guest/module.h"

#include <inttypes.h>
#include <string.h>

#include "guest/hash.h"
#include "guest/layout.h"

#define SYMBOLS_MAX (256u * 1024)
#define SYMBOL_NAME_MAX 512u

typedef struct ModuleFields {
	uint32_t list, name, state, refs;
	uint32_t btf_list, btf_module, btf_btf, btf_bytes, btf_len;
	uint32_t core, core_size, init, init_size; /* before 6.4 */
	uint32_t mem, mem_stride, mem_base, mem_size;
	uint32_t sects, kallsyms;
	uint32_t n_sects, attrs, attr_stride, attr_addr, attr_name; /* before 6.14 */
	uint32_t group, bin_addr, bin_name;
	uint32_t symtab, strtab, n_symtab, typetab;
	uint32_t orc_ips, orc_entries, n_orcs; /* x86 */
	uint32_t srcversion;
} ModuleFields;

#define AT(field) offsetof(ModuleFields, field)
#define OR_NONE LINUX_OPTIONAL
static const LinuxField module_fields[] = {
	{"module", {"list"}, AT(list)},
	{"module", {"name"}, AT(name)},
	{"module", {"state"}, AT(state)},
	{"module", {"refcnt", OR_NONE}, AT(refs)},
	{"btf_module", {"list", OR_NONE}, AT(btf_list)},
	{"btf_module", {"module", OR_NONE}, AT(btf_module)},
	{"btf_module", {"btf", OR_NONE}, AT(btf_btf)},
	{"btf", {"data", OR_NONE}, AT(btf_bytes)},
	{"btf", {"data_size", OR_NONE}, AT(btf_len)},
	{"module", {"core_layout.base", OR_NONE}, AT(core)},
	{"module", {"core_layout.size", OR_NONE}, AT(core_size)},
	{"module", {"init_layout.base", OR_NONE}, AT(init)},
	{"module", {"init_layout.size", OR_NONE}, AT(init_size)},
	{"module", {"mem", OR_NONE}, AT(mem)},
	{"module_memory", {"base", OR_NONE}, AT(mem_base)},
	{"module_memory", {"size", OR_NONE}, AT(mem_size)},
	{"module", {"sect_attrs", OR_NONE}, AT(sects)},
	{"module", {"kallsyms", OR_NONE}, AT(kallsyms)},
	{"module_sect_attrs", {"nsections", OR_NONE}, AT(n_sects)},
	{"module_sect_attrs", {"attrs", OR_NONE}, AT(attrs)},
	{"module_sect_attr", {"address", OR_NONE}, AT(attr_addr)},
	{"module_sect_attr", {"battr.attr.name", "name", OR_NONE}, AT(attr_name)},
	/* Since 6.14 each section is an attribute itself, and a list of pointers ends with NULL. */
	{"module_sect_attrs", {"grp.bin_attrs", "grp.bin_attrs_new", OR_NONE}, AT(group)},
	{"bin_attribute", {"private", OR_NONE}, AT(bin_addr)},
	{"bin_attribute", {"attr.name", OR_NONE}, AT(bin_name)},
	{"mod_kallsyms", {"symtab", OR_NONE}, AT(symtab)},
	{"mod_kallsyms", {"strtab", OR_NONE}, AT(strtab)},
	{"mod_kallsyms", {"num_symtab", OR_NONE}, AT(n_symtab)},
	{"mod_kallsyms", {"typetab", OR_NONE}, AT(typetab)},
	{"module", {"arch.orc_unwind_ip", OR_NONE}, AT(orc_ips)},
	{"module", {"arch.orc_unwind", OR_NONE}, AT(orc_entries)},
	{"module", {"arch.num_orcs", OR_NONE}, AT(n_orcs)},
	{"module", {"srcversion", OR_NONE}, AT(srcversion)},
};
#undef AT

struct LinuxModules {
	const LinuxKernel *kernel;
	uint64_t head;
	uint64_t btf_head; /* of the list of their BTF; 0: there is none */
	bool btf_searched;
	ModuleFields at;
};

/* ---- The layout ---- */

static void find_strides(LinuxModules *modules)
{
	ModuleFields *at = &modules->at;

	if (!linux_size(modules->kernel, "module_memory", &at->mem_stride))
		at->mem_stride = 0;
	if (!linux_size(modules->kernel, "module_sect_attr", &at->attr_stride))
		at->attr_stride = 0;
}

void linux_modules_free(LinuxModules *modules)
{
	g_free(modules);
}

/* ---- One module ---- */

/* A number at @offset from @addr; FALSE also where the kernel has no such member. */
static bool get_u32(const LinuxModules *modules, uint64_t addr, uint32_t offset, uint32_t *ret)
{
	return offset != LINUX_NO_FIELD &&
	       linux_read_u32(&modules->kernel->memory, addr + offset, ret);
}

static bool get_u64(const LinuxModules *modules, uint64_t addr, uint32_t offset, uint64_t *ret)
{
	return offset != LINUX_NO_FIELD &&
	       linux_read_u64(&modules->kernel->memory, addr + offset, ret);
}

/* A name at @addr that fits into @ret (LINUX_MODULE_NAME_LEN + 1 bytes), as it may be printed. */
static bool get_name(const LinuxModules *modules, uint64_t addr, char *ret)
{
	g_autofree char *raw =
		linux_read_string(&modules->kernel->memory, addr, LINUX_MODULE_NAME_LEN);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!raw || !*raw)
		return false;
	linux_text_add(text, raw, strlen(raw));
	return g_strlcpy(ret, text->str, LINUX_MODULE_NAME_LEN + 1) <= LINUX_MODULE_NAME_LEN;
}

static void add_piece(const LinuxModules *modules, LinuxModule *module, uint64_t addr,
		      uint32_t base_at, uint32_t size_at)
{
	LinuxPiece piece;
	uint32_t size;

	if (!get_u64(modules, addr, base_at, &piece.base) ||
	    !get_u32(modules, addr, size_at, &size))
		return;
	piece.size = size;
	module->pieces[module->n_pieces++] = piece;
}

/* How many of the pieces stay after init. */
#define KEPT 4u

static void read_pieces(const LinuxModules *modules, LinuxModule *module)
{
	const ModuleFields *at = &modules->at;
	bool many = at->mem != LINUX_NO_FIELD && at->mem_stride;

	for (unsigned i = 0; many && i < LINUX_PIECES; i++)
		add_piece(modules, module, module->addr + at->mem + (uint64_t)i * at->mem_stride,
			  at->mem_base, at->mem_size);
	if (!many) {
		add_piece(modules, module, module->addr, at->core, at->core_size);
		add_piece(modules, module, module->addr, at->init, at->init_size);
	}
	for (unsigned i = 0; i < MIN(module->n_pieces, many ? KEPT : 1); i++)
		module->size += module->pieces[i].size;
}

bool linux_module_read(const LinuxModules *modules, uint64_t addr, LinuxModule *ret)
{
	const ModuleFields *at = &modules->at;
	uint32_t state;

	*ret = (LinuxModule){.addr = addr};
	if (!get_u32(modules, addr, at->state, &state) || state > LINUX_MODULE_UNFORMED ||
	    !get_name(modules, addr + at->name, ret->name))
		return false;
	ret->state = state;
	read_pieces(modules, ret);
	/* The kernel itself holds one. */
	if (get_u32(modules, addr, at->refs, &ret->refs) && ret->refs)
		ret->refs--;
	return true;
}

bool linux_module_has_init(const LinuxModule *module)
{
	for (unsigned i = module->n_pieces > KEPT ? KEPT : 1; i < module->n_pieces; i++) {
		if (module->pieces[i].base)
			return true;
	}
	return false;
}

const LinuxPiece *linux_module_piece(const LinuxModule *module, uint64_t addr)
{
	for (unsigned i = 0; i < module->n_pieces; i++) {
		const LinuxPiece *piece = &module->pieces[i];

		if (piece->base && addr >= piece->base && addr - piece->base < piece->size)
			return piece;
	}
	return NULL;
}

/* ---- All of them ---- */

/* Is this a node of the list that is looked for? */
typedef bool IsNode(const LinuxModules *modules, uint64_t node);

/*
 * So many places that may be in a list are looked at; one that is costs as much as several of
 * them. In Debian's kernels the lists are found after 30,000.
 */
#define PLACES_MAX (256u * 1024)
#define NODE_COST 16u

/* Has its neighbours' pointers to it. */
static bool is_linked(const LinuxModules *modules, uint64_t addr, uint64_t next, uint64_t last)
{
	const LinuxMemory *memory = &modules->kernel->memory;
	uint64_t back, forth;

	return linux_read_u64(memory, next + sizeof(next), &back) && back == addr &&
	       linux_read_u64(memory, last, &forth) && forth == addr;
}

/* A module has memory, and a name that is one. */
static bool is_module(const LinuxModules *modules, uint64_t node)
{
	LinuxModule module;

	if (!linux_module_read(modules, node - modules->at.list, &module))
		return false;
	for (const char *c = module.name; *c; c++) {
		if (!g_ascii_isalnum(*c) && *c != '_')
			return false;
	}
	return module.n_pieces && module.pieces[0].base >> 48 == 0xffff &&
	       module.pieces[0].base % 4096 == 0 && module.pieces[0].size;
}

/*
 * The head of a list that is not empty: its neighbours point back to it. So do those of a node,
 * which is met first where a module lies beside the kernel's image, and seems a part of it.
 */
static bool find_head_in(const LinuxModules *modules, const LinuxRange *range, IsNode *is_node,
			 unsigned *left, uint64_t *ret)
{
	g_autoptr(GByteArray) block = linux_read_range(&modules->kernel->memory, range);

	for (size_t at = 0; block && *left && at + 16 <= block->len; at += 8) {
		uint64_t addr = range->start + at, links[2], next, last;

		memcpy(links, block->data + at, sizeof(links));
		next = GUINT64_FROM_LE(links[0]);
		last = GUINT64_FROM_LE(links[1]);
		if (next >> 48 != 0xffff || last >> 48 != 0xffff || next == addr)
			continue;
		--*left;
		if (!is_linked(modules, addr, next, last))
			continue;
		*left -= MIN(*left, NODE_COST);
		*ret = addr;
		if (is_node(modules, next) && !is_node(modules, addr))
			return true;
	}
	return false;
}

/* A list has no symbol where kallsyms has functions only: look for it in what is written. */
static bool find_head(const LinuxModules *modules, const char *symbol, IsNode *is_node,
		      uint64_t *ret)
{
	const LinuxKernel *kernel = modules->kernel;
	unsigned left = PLACES_MAX;

	if (linux_symbol(kernel, symbol, ret))
		return true;
	for (unsigned i = 0; i < kernel->n_ranges; i++) {
		if (kernel->ranges[i].writable &&
		    find_head_in(modules, &kernel->ranges[i], is_node, &left, ret))
			return true;
	}
	return false;
}

LinuxModules *linux_modules_new(const LinuxKernel *kernel, GError **error)
{
	g_autoptr(LinuxModules) modules = g_new0(LinuxModules, 1);

	modules->kernel = kernel;
	if (!linux_fields(kernel, module_fields, G_N_ELEMENTS(module_fields), &modules->at, error))
		return NULL;
	find_strides(modules);
	if (find_head(modules, "modules", is_module, &modules->head))
		return g_steal_pointer(&modules);
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT,
		    "no modules: the kernel has no symbol for their list, and none is loaded by "
		    "which it could be found");
	return NULL;
}

/* What is to be done with a node of a list; FALSE: no more. */
typedef bool VisitNode(const LinuxModules *modules, uint64_t node, void *opaque);

/* Ends where the list goes in a circle, or a node cannot be read. */
static void each_node(const LinuxModules *modules, uint64_t head, VisitNode *visit, void *opaque)
{
	g_autoptr(GHashTable) seen =
		g_hash_table_new_full(linux_number_hash, g_int64_equal, g_free, NULL);
	uint64_t node = head;

	while (linux_read_u64(&modules->kernel->memory, node, &node) && node != head) {
		if (g_hash_table_size(seen) >= LINUX_MODULES_MAX ||
		    !g_hash_table_add(seen, g_memdup2(&node, sizeof(node))) ||
		    !visit(modules, node, opaque))
			break;
	}
}

static bool add_module(const LinuxModules *modules, uint64_t node, void *opaque)
{
	GArray *list = opaque;
	LinuxModule module;

	if (!linux_module_read(modules, node - modules->at.list, &module))
		return false;
	if (module.state != LINUX_MODULE_UNFORMED)
		g_array_append_val(list, module);
	return true;
}

GArray *linux_modules_list(const LinuxModules *modules)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(LinuxModule));

	each_node(modules, modules->head, add_module, list);
	return list;
}

/* ---- Types ---- */

/* The module that a node of the kernel's list of BTF is about, and its bytes there. */
static bool read_btf(const LinuxModules *modules, uint64_t node, uint64_t *ret_module,
		     LinuxPiece *ret)
{
	const ModuleFields *at = &modules->at;
	uint64_t entry = node - at->btf_list, btf;
	uint32_t size;
	uint16_t magic;

	if (!get_u64(modules, entry, at->btf_module, ret_module) ||
	    !get_u64(modules, entry, at->btf_btf, &btf) ||
	    !get_u64(modules, btf, at->btf_bytes, &ret->base) ||
	    !get_u32(modules, btf, at->btf_len, &size) ||
	    !linux_read(&modules->kernel->memory, ret->base, &magic, sizeof(magic)))
		return false;
	ret->size = size;
	return GUINT16_FROM_LE(magic) == 0xeb9f;
}

static bool is_btf(const LinuxModules *modules, uint64_t node)
{
	LinuxPiece btf;
	uint64_t addr;

	return read_btf(modules, node, &addr, &btf) && is_module(modules, addr + modules->at.list);
}

typedef struct Wanted {
	uint64_t module;
	LinuxPiece btf;
} Wanted;

static bool take_wanted(const LinuxModules *modules, uint64_t node, void *opaque)
{
	Wanted *wanted = opaque;
	LinuxPiece btf;
	uint64_t addr;

	if (!read_btf(modules, node, &addr, &btf))
		return false;
	if (addr == wanted->module)
		wanted->btf = btf;
	return addr != wanted->module;
}

bool linux_module_btf(LinuxModules *modules, const LinuxModule *module, LinuxPiece *ret)
{
	Wanted wanted = {.module = module->addr};

	if (modules->at.btf_list == LINUX_NO_FIELD)
		modules->btf_searched = true;
	if (!modules->btf_searched &&
	    !find_head(modules, "btf_modules", is_btf, &modules->btf_head))
		modules->btf_head = 0;
	modules->btf_searched = true;
	if (modules->btf_head)
		each_node(modules, modules->btf_head, take_wanted, &wanted);
	*ret = wanted.btf;
	return ret->size;
}

/* ---- Sections ---- */

static bool add_section(const LinuxModules *modules, GArray *list, uint64_t attr, uint32_t addr_at,
			uint32_t name_at)
{
	LinuxSection section;
	uint64_t name;

	if (!get_u64(modules, attr, addr_at, &section.addr) ||
	    !get_u64(modules, attr, name_at, &name) || !get_name(modules, name, section.name))
		return false;
	g_array_append_val(list, section);
	return true;
}

/* In an array of nsections. */
static void add_counted(const LinuxModules *modules, GArray *list, uint64_t sects)
{
	const ModuleFields *at = &modules->at;
	uint32_t n;

	if (at->attrs == LINUX_NO_FIELD || !at->attr_stride ||
	    !get_u32(modules, sects, at->n_sects, &n))
		return;
	for (uint32_t i = 0; i < MIN(n, LINUX_SECTIONS_MAX); i++)
		if (!add_section(modules, list, sects + at->attrs + (uint64_t)i * at->attr_stride,
				 at->attr_addr, at->attr_name))
			return;
}

/* By pointers, up to NULL. */
static void add_pointed(const LinuxModules *modules, GArray *list, uint64_t sects)
{
	const ModuleFields *at = &modules->at;
	uint64_t pointers, attr;

	if (!get_u64(modules, sects, at->group, &pointers))
		return;
	for (unsigned i = 0; i < LINUX_SECTIONS_MAX; i++)
		if (!get_u64(modules, pointers, 8 * i, &attr) || !attr ||
		    !add_section(modules, list, attr, at->bin_addr, at->bin_name))
			return;
}

GArray *linux_module_sections(const LinuxModules *modules, const LinuxModule *module)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(LinuxSection));
	uint64_t sects;

	if (!get_u64(modules, module->addr, modules->at.sects, &sects) || !sects)
		return list;
	if (modules->at.n_sects != LINUX_NO_FIELD)
		add_counted(modules, list, sects);
	else
		add_pointed(modules, list, sects);
	return list;
}

/* ---- Symbols ---- */

/* Elf64_Sym. */
#define SYM_SIZE 24u
#define SYM_INFO 4u
#define SYM_SECTION 6u
#define SYM_VALUE 8u

/* Labels of assemblers and compilers, which the kernel itself leaves out. */
static bool is_label(const char *name)
{
	return g_str_has_prefix(name, ".L") || g_str_has_prefix(name, "L0") ||
	       (name[0] == '$' && name[1] && strchr("adtx", name[1]) &&
		(!name[2] || name[2] == '.'));
}

/* Before 5.2 the letter was in st_info. */
static char type_of(const LinuxModules *modules, uint64_t typetab, uint32_t n, uint8_t info)
{
	char type = (char)info;

	if (typetab && !linux_read(&modules->kernel->memory, typetab + n, &type, 1))
		type = '?';
	return g_ascii_isalpha(type) ? type : '?';
}

static bool add_symbol(const LinuxModules *modules, const uint8_t *sym, char type, uint64_t strtab,
		       LinuxSymbols *symbols)
{
	g_autofree char *name = NULL;
	uint32_t name_at;
	uint16_t section;
	uint64_t value;

	memcpy(&name_at, sym, sizeof(name_at));
	memcpy(&section, sym + SYM_SECTION, sizeof(section));
	memcpy(&value, sym + SYM_VALUE, sizeof(value));
	if (!section || !name_at)
		return false;
	name = linux_read_string(&modules->kernel->memory, strtab + GUINT32_FROM_LE(name_at),
				 SYMBOL_NAME_MAX);
	return name && !is_label(name) &&
	       linux_symbols_add(symbols, GUINT64_FROM_LE(value), type, name, strlen(name));
}

unsigned linux_module_symbols(const LinuxModules *modules, const LinuxModule *module,
			      LinuxSymbols *symbols)
{
	const ModuleFields *at = &modules->at;
	g_autoptr(GByteArray) syms = NULL;
	uint64_t kallsyms, symtab, strtab, typetab = 0;
	uint32_t n;
	unsigned added = 0;

	if (!get_u64(modules, module->addr, at->kallsyms, &kallsyms) || !kallsyms ||
	    !get_u64(modules, kallsyms, at->symtab, &symtab) ||
	    !get_u64(modules, kallsyms, at->strtab, &strtab) ||
	    !get_u32(modules, kallsyms, at->n_symtab, &n))
		return 0;
	get_u64(modules, kallsyms, at->typetab, &typetab);
	syms = linux_read_block(&modules->kernel->memory, symtab, (uint64_t)n * SYM_SIZE,
				(uint64_t)SYMBOLS_MAX * SYM_SIZE, "symbols", NULL);
	for (uint32_t i = 0; syms && i < n; i++) {
		const uint8_t *sym = syms->data + (size_t)i * SYM_SIZE;

		added += add_symbol(modules, sym, type_of(modules, typetab, i, sym[SYM_INFO]),
				    strtab, symbols);
	}
	return added;
}

void linux_module_orc(const LinuxModules *modules, const LinuxModule *module, LinuxModuleOrc *ret)
{
	const ModuleFields *at = &modules->at;

	if (!get_u64(modules, module->addr, at->orc_ips, &ret->ips) ||
	    !get_u64(modules, module->addr, at->orc_entries, &ret->entries) ||
	    !get_u32(modules, module->addr, at->n_orcs, &ret->n))
		ret->n = 0;
}

char *linux_module_srcversion(const LinuxModules *modules, const LinuxModule *module)
{
	uint64_t addr;

	if (!get_u64(modules, module->addr, modules->at.srcversion, &addr) || !addr)
		return NULL;
	return linux_read_string(&modules->kernel->memory, addr, LINUX_MODULE_NAME_LEN);
}

const LinuxKernel *linux_modules_kernel(const LinuxModules *modules)
{
	return modules->kernel;
}

uint64_t linux_modules_head(const LinuxModules *modules)
{
	return modules->head;
}

void linux_modules_print(const LinuxModules *modules, GString *out)
{
	static const char *const states[] = {"", " (loading)", " (unloading)", ""};
	g_autoptr(GArray) list = linux_modules_list(modules);

	g_string_append(out, "ADDRESS                SIZE  USED NAME\n");
	for (unsigned i = 0; i < list->len; i++) {
		const LinuxModule *module = &g_array_index(list, LinuxModule, i);

		g_string_append_printf(out, "0x%016" PRIx64 " %8" PRIu64 " %5u %s%s\n",
				       module->n_pieces ? module->pieces[0].base : 0, module->size,
				       module->refs, module->name, states[module->state]);
	}
}
