/*
 * guest/kernel-file.c - a file for gdb of all that is known of a kernel.
 */
#include "guest/kernel.h"
#include "guest/orc.h"
#include "guest/program.h"
#include "guest/records.h"

#define ORC_MAX (64u * 1024 * 1024)
#define CODE_MAX (64u * 1024 * 1024)
#define ENTRIES_SIZE (16u * 1024) /* the vectors of arm64, and what they go to */

/* NULL without @error: the kernel has no such symbols. */
static GByteArray *read_between(const LinuxKernel *kernel, const char *start, const char *stop,
				size_t max, GError **error)
{
	uint64_t from, to;

	if (!linux_symbols_find(kernel->symbols, start, &from) ||
	    !linux_symbols_find(kernel->symbols, stop, &to) || to <= from)
		return NULL;
	return linux_read_block(&kernel->memory, from, to - from, max, start, error);
}

static void add_note(GString *notes, const GError *error)
{
	g_string_append_printf(notes, "no call frame information: %s\n", error->message);
}

GByteArray *linux_kernel_orc_hash(const LinuxKernel *kernel)
{
	g_autoptr(GByteArray) hash =
		read_between(kernel, "__start_orc_header", "__stop_orc_header", 64, NULL);

	return hash && hash->len >= 20 ? g_steal_pointer(&hash) : NULL;
}

/* NULL, and a line in @notes if there should be one. */
static GByteArray *frames_of_orc(const LinuxKernel *kernel, GString *notes)
{
	g_autoptr(GByteArray) ips = NULL, entries = NULL, hash = NULL;
	g_autoptr(GError) error = NULL;
	GByteArray *frames = NULL;
	LinuxOrc orc = {.release = kernel->release, .symbols = kernel->symbols};

	ips = read_between(kernel, "__start_orc_unwind_ip", "__stop_orc_unwind_ip", ORC_MAX,
			   &error);
	if (ips)
		entries = read_between(kernel, "__start_orc_unwind", "__stop_orc_unwind", ORC_MAX,
				       &error);
	if (entries &&
	    linux_symbols_find(kernel->symbols, "__start_orc_unwind_ip", &orc.ips_addr)) {
		hash = linux_kernel_orc_hash(kernel);
		orc.ips = ips;
		orc.entries = entries;
		orc.hash = hash ? hash->data : NULL;
		frames = linux_orc_frames(&orc, &error);
	}
	if (error)
		add_note(notes, error);
	return frames;
}

unsigned linux_kernel_room(const LinuxKernel *kernel)
{
	g_autoptr(GByteArray) code = NULL;
	uint64_t at;

	if (!linux_symbols_find(kernel->symbols, "vectors", &at))
		return 0;
	code = linux_read_block(&kernel->memory, at, ENTRIES_SIZE, ENTRIES_SIZE, "vectors", NULL);
	return code ? linux_records_room(code->data, code->len) : 0;
}

/* FALSE: the kernel has no such code, or not any more. */
static bool add_frames(const LinuxKernel *kernel, const char *from, const char *to, unsigned room,
		       Bytes *frames, GError **error)
{
	g_autoptr(GByteArray) code = read_between(kernel, from, to, CODE_MAX, error);
	uint64_t start;

	if (!code || !linux_symbols_find(kernel->symbols, from, &start))
		return false;
	linux_records_frames(kernel->symbols, start, code, room, frames);
	return true;
}

static GByteArray *frames_of_records(const LinuxKernel *kernel, GString *notes)
{
	unsigned room = linux_kernel_room(kernel);
	g_autoptr(GError) error = NULL;
	Bytes frames = {0};

	if (add_frames(kernel, "_stext", "_etext", room, &frames, &error)) {
		/* While the kernel boots. */
		add_frames(kernel, "_sinittext", "_einittext", room, &frames, NULL);
		return bytes_end(&frames);
	}
	if (error)
		add_note(notes, error);
	return NULL;
}

/*
 * Where nothing of the kernel's runs once its CPUs are up, but code can be fetched: gdb puts a
 * breakpoint there and lets functions return to it. gdb also ends a backtrace at the function that
 * the entry lies in: so it is one that nobody has been called from.
 */
static uint64_t find_entry(const LinuxKernel *kernel)
{
	static const char *const names[] = {"secondary_startup_64",
					    "secondary_holding_pen",
					    "secondary_entry",
					    "_stext",
					    "_text",
					    "emergency_restart"};
	uint64_t addr = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		if (linux_symbols_find(kernel->symbols, names[i], &addr))
			break;
	}
	return addr;
}

/* ---- What is not there ---- */

void linux_kernel_missing(const LinuxKernel *kernel, GString *out)
{
	if (!kernel->has_kallsyms)
		g_string_append(out,
				"only the symbols that the kernel exports: it has no kallsyms\n");
	else if (!kernel->has_variables)
		g_string_append(out, "variables: only those that the kernel exports and a few "
				     "more, as its kallsyms has functions only (no "
				     "CONFIG_KALLSYMS_ALL)\n");
	if (!kernel->types)
		g_string_append(out, "no types: the kernel has no BTF\n");
}

/* ---- The file ---- */

typedef struct Source {
	const LinuxKernel *kernel;
	const LinuxAbi *abi;
	GString *notes;
	GByteArray *frames;
	char *name;
} Source;

static bool read_kernel(void *opaque, LinuxProgram *program, G_GNUC_UNUSED GError **error)
{
	Source *source = opaque;
	const LinuxKernel *kernel = source->kernel;

	source->name = g_strdup_printf("vmlinux-%s", kernel->release);
	source->frames = source->abi->has_records ? frames_of_records(kernel, source->notes)
						  : frames_of_orc(kernel, source->notes);
	*program = (LinuxProgram){
		.machine = kernel->machine,
		.symbols = kernel->symbols,
		.types = kernel->types,
		.frames = source->frames,
		.args = source->abi->args,
		.n_args = source->abi->n_args,
		.entry = find_entry(kernel),
		.name = source->name,
	};
	return true;
}

static void source_free(void *opaque)
{
	Source *source = opaque;

	g_clear_pointer(&source->frames, g_byte_array_unref);
	g_free(source->name);
	g_free(source);
}

LinuxMaker *linux_kernel_maker(const LinuxKernel *kernel, const LinuxAbi *abi, GString *notes)
{
	static const LinuxMakerOps ops = {read_kernel, source_free};
	Source *source = g_new0(Source, 1);

	*source = (Source){kernel, abi, notes, NULL, NULL};
	return linux_maker_new(&ops, source);
}
