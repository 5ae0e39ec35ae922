/*
 * guest/module-file.c - a file for gdb of all that is known of a module.
 */
#include "guest/module.h"
#include "guest/orc.h"
#include "guest/records.h"

#include <string.h>

#define ORC_MAX (16u * 1024 * 1024)
#define ORC_ENTRY_SIZE 6u
#define CODE_MAX (16u * 1024 * 1024) /* all that has frames */

/* ---- Where its sections are ---- */

/* Of .text.unlikely, .init.text, .plt and so on. */
static bool is_code_name(const char *name)
{
	return strstr(name, "text") || strstr(name, "plt");
}

static void add_part(GArray *parts, const char *name, bool code, const LinuxPiece *piece,
		     uint64_t start)
{
	LinuxPart part = {name, {start, piece->base + piece->size}, code};

	if (part.range.end > start)
		g_array_append_val(parts, part);
}

/* As in enum mod_mem_type; before it, what a module keeps, and what init had. */
static void add_pieces(GArray *parts, const LinuxModule *module)
{
	static const char *const many[] = {".text",	     ".data",	   ".rodata",
					   ".ro_after_init", ".init.text", ".init.data",
					   ".init.rodata"};
	static const char *const two[] = {".text", ".init.text"};
	const char *const *names = module->n_pieces > G_N_ELEMENTS(two) ? many : two;

	G_STATIC_ASSERT(G_N_ELEMENTS(many) == LINUX_PIECES);
	for (unsigned i = 0; i < module->n_pieces; i++) {
		const LinuxPiece *piece = &module->pieces[i];

		if (piece->base)
			add_part(parts, names[i], is_code_name(names[i]), piece, piece->base);
	}
}

static int compare_parts(const void *a, const void *b)
{
	uint64_t one = ((const LinuxPart *)a)->range.start;
	uint64_t other = ((const LinuxPart *)b)->range.start;

	return one < other ? -1 : one > other;
}

/* Each ends where the next one begins; of those at one address the last stays. */
static void end_parts(GArray *parts)
{
	LinuxPart *all = (LinuxPart *)(void *)parts->data;
	unsigned n = 0;

	for (unsigned i = 0; i < parts->len; i++) {
		if (i + 1 < parts->len)
			all[i].range.end = MIN(all[i].range.end, all[i + 1].range.start);
		if (all[i].range.start < all[i].range.end)
			all[n++] = all[i];
	}
	g_array_set_size(parts, n);
}

GArray *linux_module_parts(const LinuxModule *module, const GArray *sections)
{
	GArray *parts = g_array_new(FALSE, FALSE, sizeof(LinuxPart));

	for (unsigned i = 0; i < sections->len; i++) {
		const LinuxSection *section = &g_array_index(sections, LinuxSection, i);
		const LinuxPiece *piece = linux_module_piece(module, section->addr);

		if (piece)
			add_part(parts, section->name, is_code_name(section->name), piece,
				 section->addr);
	}
	if (!parts->len)
		add_pieces(parts, module);
	g_array_sort(parts, compare_parts);
	end_parts(parts);
	return parts;
}

/* ---- How its frames are unwound ---- */

static GByteArray *frames_of_orc(const LinuxModules *modules, const LinuxModule *module)
{
	const LinuxKernel *kernel = linux_modules_kernel(modules);
	LinuxModuleOrc where;
	LinuxRange ranges[LINUX_PIECES];
	LinuxOrc orc = {.release = kernel->release, .ranges = ranges};
	g_autoptr(GByteArray) ips = NULL, entries = NULL, hash = NULL;

	linux_module_orc(modules, module, &where);
	if (!where.n)
		return NULL;
	ips = linux_read_block(&kernel->memory, where.ips, where.n * (uint64_t)sizeof(uint32_t),
			       ORC_MAX, "ORC", NULL);
	entries = linux_read_block(&kernel->memory, where.entries,
				   where.n * (uint64_t)ORC_ENTRY_SIZE, ORC_MAX, "ORC", NULL);
	hash = linux_kernel_orc_hash(kernel);
	if (!ips || !entries)
		return NULL;
	for (unsigned i = 0; i < module->n_pieces; i++) {
		const LinuxPiece *piece = &module->pieces[i];

		if (piece->base)
			ranges[orc.n_ranges++] = (LinuxRange){.start = piece->base,
							      .end = piece->base + piece->size};
	}
	orc.ips = ips;
	orc.ips_addr = where.ips;
	orc.entries = entries;
	orc.hash = hash ? hash->data : NULL;
	return linux_orc_frames(&orc, NULL);
}

static GByteArray *frames_of_records(const LinuxModules *modules, const LinuxSymbols *symbols,
				     const GArray *parts)
{
	const LinuxKernel *kernel = linux_modules_kernel(modules);
	Bytes frames = {0};
	uint64_t left = CODE_MAX;
	unsigned room = linux_kernel_room(kernel);

	for (unsigned i = 0; i < parts->len; i++) {
		const LinuxPart *part = &g_array_index(parts, LinuxPart, i);
		g_autoptr(GByteArray) code = NULL;

		if (!part->code)
			continue;
		code = linux_read_block(&kernel->memory, part->range.start,
					part->range.end - part->range.start, left, part->name,
					NULL);
		if (!code)
			continue;
		left -= code->len;
		linux_records_frames(symbols, part->range.start, code, room, &frames);
	}
	return bytes_end(&frames);
}

/* ---- The file ---- */

static LinuxTypes *types_of(LinuxModules *modules, const LinuxModule *module)
{
	const LinuxKernel *kernel = linux_modules_kernel(modules);
	g_autoptr(GByteArray) raw = NULL;
	LinuxPiece btf;

	if (!kernel->types || !linux_module_btf(modules, module, &btf))
		return NULL;
	raw = linux_read_block(&kernel->memory, btf.base, btf.size, LINUX_TYPES_MAX, "BTF", NULL);
	return raw ? linux_types_new(raw->data, raw->len, kernel->types, NULL) : NULL;
}

typedef struct Source {
	LinuxModules *modules;
	LinuxModule module;
	const LinuxAbi *abi;
	GArray *sections, *parts;
	LinuxSymbols *symbols;
	LinuxTypes *types;
	GByteArray *frames;
	char *name;
} Source;

static bool read_parts(Source *source, GError **error)
{
	source->sections = linux_module_sections(source->modules, &source->module);
	source->parts = linux_module_parts(&source->module, source->sections);
	if (source->parts->len)
		return true;
	g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT, "the module %s has no memory",
		    source->module.name);
	return false;
}

static void read_rest(Source *source)
{
	const LinuxModule *module = &source->module;

	source->symbols = linux_symbols_new();
	source->types = types_of(source->modules, module);
	linux_module_symbols(source->modules, module, source->symbols);
	linux_symbols_sort(source->symbols);
	source->frames =
		source->abi->has_records
			? frames_of_records(source->modules, source->symbols, source->parts)
			: frames_of_orc(source->modules, module);
	/* Not as a structure may be called: gdb takes a file's name for that of a scope. */
	source->name = g_strconcat(module->name, ".ko", NULL);
}

static bool read_module(void *opaque, LinuxProgram *program, GError **error)
{
	Source *source = opaque;
	const LinuxPiece *first = &source->module.pieces[0];

	if (!read_parts(source, error))
		return false;
	read_rest(source);
	*program = (LinuxProgram){
		.machine = linux_modules_kernel(source->modules)->machine,
		.symbols = source->symbols,
		.types = source->types,
		.frames = source->frames,
		.args = source->abi->args,
		.n_args = source->abi->n_args,
		.name = source->name,
		.parts = (const LinuxPart *)(const void *)source->parts->data,
		.n_parts = source->parts->len,
		.segment = {first->base, first->base + first->size},
	};
	return true;
}

static void source_free(void *opaque)
{
	Source *source = opaque;

	g_clear_pointer(&source->parts, g_array_unref);
	g_clear_pointer(&source->sections, g_array_unref);
	g_clear_pointer(&source->symbols, linux_symbols_free);
	g_clear_pointer(&source->types, linux_types_free);
	g_clear_pointer(&source->frames, g_byte_array_unref);
	g_free(source->name);
	g_free(source);
}

LinuxMaker *linux_module_maker(LinuxModules *modules, const LinuxModule *module,
			       const LinuxAbi *abi)
{
	static const LinuxMakerOps ops = {read_module, source_free};
	Source *source = g_new0(Source, 1);

	*source = (Source){.modules = modules, .module = *module, .abi = abi};
	return linux_maker_new(&ops, source);
}
