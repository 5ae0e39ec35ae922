/*
 * guest/kernel.c - find what a Linux kernel knows of itself, in its image.
 *
 * Symbols come first. The rest is found by them, or by its shape where the kernel has no symbols
 * for data (CONFIG_KALLSYMS_ALL is off).
 */
#include "guest/kernel.h"

#include <inttypes.h>
#include <string.h>

#include "guest/exports.h"
#include "guest/kallsyms.h"
#include "guest/layout.h"
#include "guest/variables.h"

#define BANNER "Linux version "
#define BANNER_MAX 512u
#define BTF_MAX (64u * 1024 * 1024)
#define INFO_MAX (64u * 1024)

/*
 * What looks like something at first is looked at more closely so many times. A kernel has a few
 * banners and BTFs, and thousands of pointers to pages; a guest that is full of them has none.
 */
#define CANDIDATES_MAX 4096u
#define POINTERS_MAX (256u * 1024)

/* ---- The image, range by range ---- */

/*
 * The address of the first @len bytes @what, of which @fits says that it is what is meant. Only
 * where its constants are. @left: how many may still be asked about.
 */
typedef bool (*Fits)(const LinuxMemory *memory, uint64_t addr);

static bool find_in_range(const LinuxKernel *kernel, const LinuxRange *range, const void *what,
			  size_t len, Fits fits, unsigned *left, uint64_t *ret)
{
	g_autoptr(GByteArray) block = linux_read_range(&kernel->memory, range);
	const uint8_t *at, *end;

	if (!block)
		return false;
	end = block->data + block->len;
	for (at = block->data; *left && (at = memmem(at, end - at, what, len)); at++, --*left) {
		*ret = range->start + (at - block->data);
		if (fits(&kernel->memory, *ret))
			return true;
	}
	return false;
}

static bool find_bytes(const LinuxKernel *kernel, const void *what, size_t len, Fits fits,
		       uint64_t *ret)
{
	unsigned left = CANDIDATES_MAX;

	for (unsigned i = 0; i < kernel->n_ranges; i++) {
		const LinuxRange *range = &kernel->ranges[i];

		if (linux_range_has_constants(range) &&
		    find_in_range(kernel, range, what, len, fits, &left, ret))
			return true;
	}
	return false;
}

/* ---- The banner ---- */

/*
 * Beside the whole one some kernels have another, without the number of the build. It is printed:
 * what cannot be is escaped.
 */
static char *read_banner(const LinuxMemory *memory, uint64_t addr)
{
	g_autofree char *text = linux_read_string(memory, addr, BANNER_MAX);
	const char *build = text ? strstr(text, " #") : NULL;
	g_autoptr(GString) banner = NULL;

	if (!build || !g_ascii_isdigit(build[2]) || !g_str_has_prefix(text, BANNER) ||
	    !g_ascii_isdigit(text[strlen(BANNER)]))
		return NULL;
	g_strstrip(text);
	banner = g_string_new(NULL);
	linux_text_add(banner, text, strlen(text));
	return g_string_free(g_steal_pointer(&banner), FALSE);
}

static bool fits_banner(const LinuxMemory *memory, uint64_t addr)
{
	g_autofree char *banner = read_banner(memory, addr);

	return banner != NULL;
}

static bool find_banner(LinuxKernel *kernel, GError **error)
{
	const char *release;

	if ((linux_symbols_find(kernel->symbols, "linux_banner", &kernel->banner_addr) &&
	     fits_banner(&kernel->memory, kernel->banner_addr)) ||
	    find_bytes(kernel, BANNER, strlen(BANNER), fits_banner, &kernel->banner_addr))
		kernel->banner = read_banner(&kernel->memory, kernel->banner_addr);
	if (!kernel->banner) {
		g_set_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT,
			    "what runs does not say that it is Linux");
		return false;
	}
	release = kernel->banner + strlen(BANNER);
	kernel->release = g_strndup(release, strcspn(release, " "));
	return true;
}

/* Kernels that keep symbols for functions only have none for it. */
static void add_banner(LinuxKernel *kernel)
{
	static const char name[] = "linux_banner";
	g_autofree char *text = linux_read_string(&kernel->memory, kernel->banner_addr, BANNER_MAX);
	uint64_t addr;

	if (text)
		linux_symbols_set_size(kernel->symbols, kernel->banner_addr, strlen(text) + 1);
	if (linux_symbols_find(kernel->symbols, name, &addr))
		return;
	linux_symbols_add(kernel->symbols, kernel->banner_addr, 'R', name, strlen(name));
	linux_symbols_sort(kernel->symbols);
}

/*
 * Behind these is what has no symbol, such as texts: gdb would name it after them. They are a
 * label, a number of 16 bits for each byte, and three bytes for each symbol (Linux,
 * scripts/kallsyms.c).
 */
static void set_known_sizes(LinuxKernel *kernel)
{
	static const struct {
		const char *name;
		uint32_t size, each;
	} known[] = {
		{"_etext", 1, 0},
		{"kallsyms_token_index", 512, 0},
		{"kallsyms_seqs_of_names", 0, 3},
	};
	uint64_t addr;
	uint32_t n = 0;

	if (linux_symbols_find(kernel->symbols, "kallsyms_num_syms", &addr))
		linux_read_u32(&kernel->memory, addr, &n);
	for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
		uint64_t size = known[i].size + (uint64_t)known[i].each * n;

		if (size && linux_symbols_find(kernel->symbols, known[i].name, &addr))
			linux_symbols_set_size(kernel->symbols, addr, size);
	}
}

/* ---- Types ---- */

/* struct btf_header, version 1: linux/btf.h. */
typedef struct BtfHeader {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_len, type_off, type_len, string_off, string_len;
} BtfHeader;

static const uint8_t btf_magic[] = {0x9f, 0xeb, 1, 0, sizeof(BtfHeader), 0, 0, 0, 0, 0, 0, 0};

/* The types come first, the names right behind them. */
static bool read_btf_header(const LinuxMemory *memory, uint64_t addr, uint64_t *ret_len)
{
	BtfHeader header;

	if (!linux_read(memory, addr, &header, sizeof(header)) ||
	    memcmp(&header, btf_magic, sizeof(btf_magic)))
		return false;
	*ret_len = sizeof(header) + (uint64_t)GUINT32_FROM_LE(header.string_off) +
		   GUINT32_FROM_LE(header.string_len);
	return header.string_off == header.type_len && *ret_len <= BTF_MAX;
}

/* A kernel has thousands of types; what BPF programs bring has few. */
static bool fits_btf(const LinuxMemory *memory, uint64_t addr)
{
	uint64_t len;

	return read_btf_header(memory, addr, &len) && len > BTF_MAX / 256;
}

static void find_types(LinuxKernel *kernel)
{
	g_autoptr(GByteArray) btf = NULL;
	uint64_t addr, len;

	if (!linux_symbols_find(kernel->symbols, "__start_BTF", &addr) &&
	    !find_bytes(kernel, btf_magic, sizeof(btf_magic), fits_btf, &addr))
		return;
	if (!read_btf_header(&kernel->memory, addr, &len))
		return;
	btf = linux_read_block(&kernel->memory, addr, len, BTF_MAX, "types (BTF)", NULL);
	if (btf)
		kernel->types = linux_types_new(btf->data, btf->len, NULL, NULL);
}

/* ---- VMCOREINFO ---- */

#define INFO_FIRST "OSRELEASE="

static char *read_info(const LinuxKernel *kernel, uint64_t addr)
{
	g_autofree char *text = linux_read_string(&kernel->memory, addr, INFO_MAX);

	return text && g_str_has_prefix(text, INFO_FIRST) ? g_steal_pointer(&text) : NULL;
}

/* A pointer to a page that begins like it, in what the kernel writes. */
static char *find_info_in(const LinuxKernel *kernel, const LinuxRange *range, unsigned *left)
{
	g_autoptr(GByteArray) block = linux_read_range(&kernel->memory, range);

	for (size_t at = 0; block && *left && at + 8 <= block->len; at += 8) {
		char first[sizeof(INFO_FIRST) - 1];
		uint64_t page;

		memcpy(&page, block->data + at, sizeof(page));
		page = GUINT64_FROM_LE(page);
		if (page % 4096 || page >> 48 != 0xffff)
			continue;
		--*left;
		if (linux_read(&kernel->memory, page, first, sizeof(first)) &&
		    !memcmp(first, INFO_FIRST, sizeof(first)))
			return read_info(kernel, page);
	}
	return NULL;
}

static void find_info(LinuxKernel *kernel)
{
	unsigned left = POINTERS_MAX;
	uint64_t pointer, addr;

	if (linux_symbols_find(kernel->symbols, "vmcoreinfo_data", &pointer)) {
		if (linux_read_u64(&kernel->memory, pointer, &addr))
			kernel->vmcoreinfo = read_info(kernel, addr);
		return;
	}
	for (unsigned i = 0; i < kernel->n_ranges && !kernel->vmcoreinfo; i++) {
		if (kernel->ranges[i].writable)
			kernel->vmcoreinfo = find_info_in(kernel, &kernel->ranges[i], &left);
	}
}

/* ---- A search, in pieces ---- */

/* So much is looked through in a piece. */
#define LOOK_STEP (4ull * 1024 * 1024)

struct LinuxSearch {
	LinuxKernel *kernel;
	LinuxMemory careful; /* reads by LinuxMemory.look */
	uint64_t *left;
	unsigned stage;
	GError *error;	 /* why it has failed */
	unsigned first;	 /* range to look through */
	unsigned n_seen; /* ranges that were looked through */
	bool boots;	 /* the writable ones are looked through, after the others */
	uint64_t at;	 /* in the next one; 0: at its start */
};

typedef enum Progress { PROGRESS_MORE, PROGRESS_DONE, PROGRESS_FAILED } Progress;

static Progress fail(LinuxSearch *search, const char *why)
{
	g_set_error(&search->error, LINUX_ERROR, LINUX_ERROR_ABSENT, "%s", why);
	return PROGRESS_FAILED;
}

/* Those that end behind @near come first. NULL: that were all. */
static const LinuxRange *next_range(const LinuxSearch *search)
{
	const LinuxKernel *kernel = search->kernel;

	if (search->n_seen == kernel->n_ranges)
		return NULL;
	return &kernel->ranges[(search->first + search->n_seen) % kernel->n_ranges];
}

/* Does it say its name in the next @step bytes of @range? It may begin at the end of a piece. */
static bool look_in(LinuxSearch *search, const LinuxRange *range, uint64_t step, unsigned *left)
{
	uint64_t start = search->at ? search->at : range->start;
	LinuxRange piece = {.start = start, .end = MIN(range->end, start + step)};
	const LinuxKernel looking = {.memory = search->careful};
	uint64_t addr;

	*search->left -= piece.end - start;
	search->at = piece.end - strlen(BANNER);
	if (piece.end == range->end || search->at <= start) {
		search->n_seen++;
		search->at = 0;
	}
	return find_in_range(&looking, &piece, BANNER, strlen(BANNER), fits_banner, left, &addr);
}

/* The kernel says its name. */
static Progress looked(LinuxSearch *search)
{
	for (unsigned i = 0; i < search->kernel->n_ranges; i++)
		search->kernel->ranges[i].mixed =
			search->boots && search->kernel->ranges[i].writable;
	return PROGRESS_DONE;
}

/* Nothing says so in the ranges that were looked through, or there was too much of them. */
static Progress look_further(LinuxSearch *search)
{
	if (!*search->left || (search->boots && !next_range(search)))
		return fail(search, "what runs does not say that it is Linux");
	if (!next_range(search)) {
		search->boots = true;
		search->n_seen = 0;
	}
	return PROGRESS_MORE;
}

static Progress look(LinuxSearch *search)
{
	uint64_t until = *search->left - MIN(*search->left, LOOK_STEP);
	unsigned candidates = CANDIDATES_MAX;
	const LinuxRange *range;

	while (*search->left > until && (range = next_range(search))) {
		if (range->writable != search->boots)
			search->n_seen++;
		else if (look_in(search, range, *search->left - until, &candidates))
			return looked(search);
	}
	return look_further(search);
}

static Progress read_kallsyms(LinuxSearch *search)
{
	LinuxKernel *kernel = search->kernel;

	kernel->symbols =
		linux_kallsyms_read(&kernel->memory, kernel->ranges, kernel->n_ranges, NULL);
	kernel->has_kallsyms = kernel->symbols;
	if (!kernel->symbols && search->boots)
		return fail(search, "there are no symbols (kallsyms), or not yet");
	if (!kernel->symbols) {
		kernel->symbols = linux_symbols_new();
		linux_symbols_sort(kernel->symbols);
	}
	return PROGRESS_DONE;
}

static Progress read_exports(LinuxSearch *search)
{
	LinuxKernel *kernel = search->kernel;
	uint64_t init_task;

	kernel->has_variables = linux_symbols_find(kernel->symbols, "init_task", &init_task);
	if (!kernel->has_variables &&
	    !linux_exports_add(kernel->symbols, &kernel->memory, kernel->ranges,
			       kernel->n_ranges) &&
	    !kernel->has_kallsyms)
		return fail(search, "there are no symbols (kallsyms)");
	return PROGRESS_DONE;
}

static Progress read_name(LinuxSearch *search)
{
	if (!find_banner(search->kernel, &search->error))
		return PROGRESS_FAILED;
	add_banner(search->kernel);
	return PROGRESS_DONE;
}

static Progress read_types(LinuxSearch *search)
{
	find_types(search->kernel);
	return PROGRESS_DONE;
}

static Progress read_vmcoreinfo(LinuxSearch *search)
{
	find_info(search->kernel);
	return PROGRESS_DONE;
}

static Progress read_variables(LinuxSearch *search)
{
	if (!search->kernel->has_variables)
		linux_variables_add(search->kernel);
	return PROGRESS_DONE;
}

static Progress read_modules(LinuxSearch *search)
{
	if (!search->kernel->has_variables)
		linux_variables_add_modules(search->kernel);
	set_known_sizes(search->kernel);
	return PROGRESS_DONE;
}

static Progress (*const stages[])(LinuxSearch *search) = {
	look,	    read_kallsyms,   read_exports,   read_name,
	read_types, read_vmcoreinfo, read_variables, read_modules};

LinuxSearch *linux_search_new(const LinuxMemory *memory, uint16_t machine, const LinuxRange *ranges,
			      unsigned n, uint64_t near, uint64_t *left)
{
	LinuxSearch *search = g_new0(LinuxSearch, 1);
	LinuxKernel *kernel = g_new0(LinuxKernel, 1);

	kernel->memory = *memory;
	kernel->machine = machine;
	kernel->ranges = g_memdup2(ranges, n * sizeof(*ranges));
	kernel->n_ranges = n;
	search->kernel = kernel;
	search->careful = *memory;
	if (memory->look)
		search->careful.read = memory->look;
	search->left = left;
	while (search->first < n && ranges[search->first].end <= near)
		search->first++;
	return search;
}

bool linux_search_step(LinuxSearch *search)
{
	if (search->error || search->stage == G_N_ELEMENTS(stages))
		return true;
	if (stages[search->stage](search) == PROGRESS_DONE)
		search->stage++;
	return search->error || search->stage == G_N_ELEMENTS(stages);
}

LinuxKernel *linux_search_end(LinuxSearch *search, GError **error)
{
	LinuxKernel *kernel = NULL;

	while (!linux_search_step(search))
		;
	if (search->error)
		g_propagate_error(error, g_steal_pointer(&search->error));
	else
		kernel = g_steal_pointer(&search->kernel);
	linux_search_free(search);
	return kernel;
}

void linux_search_free(LinuxSearch *search)
{
	if (!search)
		return;
	linux_kernel_free(search->kernel);
	g_clear_error(&search->error);
	g_free(search);
}

bool linux_kernel_is_there(const LinuxKernel *kernel)
{
	g_autofree char *banner = read_banner(&kernel->memory, kernel->banner_addr);

	return banner && g_str_equal(banner, kernel->banner);
}

const char *linux_kernel_find_info(LinuxKernel *kernel)
{
	if (!kernel->vmcoreinfo)
		find_info(kernel);
	return kernel->vmcoreinfo;
}

bool linux_kernel_learn(LinuxKernel *kernel)
{
	uint64_t modules;
	unsigned n;

	if (kernel->has_variables ||
	    (kernel->vmcoreinfo && linux_symbols_find(kernel->symbols, "modules", &modules)))
		return false;
	linux_kernel_find_info(kernel);
	n = linux_variables_add(kernel);
	return linux_variables_add_modules(kernel) || n;
}

void linux_kernel_free(LinuxKernel *kernel)
{
	if (!kernel)
		return;
	g_clear_pointer(&kernel->symbols, linux_symbols_free);
	g_clear_pointer(&kernel->types, linux_types_free);
	g_free(kernel->vmcoreinfo);
	g_free(kernel->banner);
	g_free(kernel->release);
	g_free(kernel->ranges);
	g_free(kernel);
}
