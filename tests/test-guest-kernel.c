/*
 * tests/test-guest-kernel.c - the sentences of guest/kernel.h: an image of a kernel without types.
 */
#include "guest/kernel.h"

#include <string.h>
#include <unistd.h>

#include "tests/linux-image.h"
#include "tests/test-util.h"

#define TEXT 0xffffffff81000000u
#define BASE (TEXT + 0x1000000u)
#define N_SYMBOLS 80u
#define LABEL (N_SYMBOLS - 3)
#define TABLE (N_SYMBOLS - 2)
#define NUMBER 100u
#define BANNER "Linux version 6.1.0-toy (gcc) #1 SMP\n"

/*
 * Where the banner is among symbols; @named: it is one, else the number of symbols is.
 * Caller frees.
 */
static LinuxImage *make_image(bool named, uint64_t *ret_banner)
{
	LinuxImageSymbol rows[N_SYMBOLS];
	char names[N_SYMBOLS][24];
	LinuxImage *image = NULL;
	const uint32_t number = GUINT32_TO_LE(NUMBER);
	uint64_t at = BASE;

	/* A symbol has its place in the table before the image behind it is there. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < N_SYMBOLS; i++) {
			g_snprintf(names[i], sizeof(names[i]), "sys_call_%u", i);
			rows[i] = (LinuxImageSymbol){TEXT + 16 * i, 'T', names[i]};
		}
		rows[LABEL].name = "_etext";
		rows[TABLE].name = named ? "kallsyms_token_index" : "kallsyms_seqs_of_names";
		rows[N_SYMBOLS - 1] =
			(LinuxImageSymbol){at, 'D', named ? "linux_banner" : "kallsyms_num_syms"};
		if (image)
			linux_image_free(image);
		image = linux_image_new(BASE, &linux_layouts[1], TEXT, rows, N_SYMBOLS);
		*ret_banner = linux_image_append(image, BANNER, sizeof(BANNER));
		at = linux_image_append(image, &number, sizeof(number));
		if (named)
			at = *ret_banner;
	}
	linux_image_append(image, "behind", 7);
	return image;
}

/* The image has no init_task, which each kernel has that has symbols of variables. */
static void check_missing(const LinuxKernel *kernel)
{
	g_autoptr(GString) missing = g_string_new(NULL);
	LinuxKernel whole = *kernel;

	g_assert_false(kernel->has_variables);
	linux_kernel_missing(kernel, missing);
	g_assert_true(g_str_has_prefix(missing->str, "variables: only those that"));
	g_assert_nonnull(strstr(missing->str, "no CONFIG_KALLSYMS_ALL)\nno types: "));
	whole.has_variables = true;
	g_string_truncate(missing, 0);
	linux_kernel_missing(&whole, missing);
	g_assert_cmpstr(missing->str, ==, "no types: the kernel has no BTF\n");
}

static uint64_t size_of(const LinuxKernel *kernel, const char *name)
{
	const LinuxSymbol *symbol = linux_symbols_named(kernel->symbols, name);

	return linux_symbols_end(kernel->symbols, symbol) - symbol->addr;
}

static void check_banner(bool named)
{
	uint64_t addr;
	LinuxImage *image = make_image(named, &addr);
	const LinuxRange range = {BASE, BASE + image->bytes->len, false, false};
	uint64_t left = LINUX_LOOK_MAX;
	g_autoptr(LinuxKernel) kernel = linux_search_end(
		linux_search_new(&image->memory, 62, &range, 1, TEXT, &left), NULL);
	const LinuxSymbol *symbol;

	g_assert_nonnull(kernel);
	g_assert_true(kernel->has_kallsyms);
	check_missing(kernel);
	g_assert_cmpstr(kernel->banner, ==, "Linux version 6.1.0-toy (gcc) #1 SMP");
	g_assert_cmpstr(kernel->release, ==, "6.1.0-toy");
	g_assert_cmphex(kernel->banner_addr, ==, addr);
	symbol = linux_symbols_named(kernel->symbols, "linux_banner");
	g_assert_nonnull(symbol);
	g_assert_cmphex(symbol->addr, ==, addr);
	/* With its newline and its NUL. */
	g_assert_cmphex(linux_symbols_end(kernel->symbols, symbol), ==, addr + sizeof(BANNER));
	g_assert_false(linux_symbol_is_code(symbol));
	/* What is far behind these is nobody's. */
	g_assert_cmphex(size_of(kernel, "_etext"), ==, 1);
	if (named)
		g_assert_cmphex(size_of(kernel, "kallsyms_token_index"), ==, 512);
	else
		g_assert_cmphex(size_of(kernel, "kallsyms_seqs_of_names"), ==, 3 * NUMBER);
	linux_image_free(image);
}

static void test_banner(void)
{
	check_banner(true);
}

/* CONFIG_KALLSYMS_ALL is off. */
static void test_banner_without_symbol(void)
{
	check_banner(false);
}

/* ---- A kernel that boots ---- */

/* It may write to all of its image: the banner and the tables are found there, and only there. */
static void test_boots(void)
{
	uint64_t addr, left = LINUX_LOOK_MAX;
	LinuxImage *image = make_image(true, &addr);
	const LinuxRange ranges[] = {
		{BASE, BASE + image->bytes->len, true, false},
		{BASE, BASE + 16, false, false},
	};
	g_autoptr(LinuxKernel) kernel = linux_search_end(
		linux_search_new(&image->memory, 62, ranges, 2, TEXT, &left), NULL);

	g_assert_nonnull(kernel);
	g_assert_true(kernel->has_kallsyms);
	g_assert_cmphex(kernel->banner_addr, ==, addr);
	g_assert_true(kernel->ranges[0].mixed);
	g_assert_false(kernel->ranges[1].mixed);
	linux_image_free(image);
}

/* Of one that has booted only what it does not write is looked through. */
static void test_has_booted(void)
{
	uint64_t addr, left = LINUX_LOOK_MAX;
	LinuxImage *image = make_image(true, &addr);
	const LinuxRange ranges[] = {
		{BASE + 16, BASE + 32, true, false},
		{BASE, BASE + image->bytes->len, false, false},
	};
	g_autoptr(LinuxKernel) kernel = linux_search_end(
		linux_search_new(&image->memory, 62, ranges, 2, TEXT, &left), NULL);

	g_assert_nonnull(kernel);
	g_assert_false(kernel->ranges[0].mixed || kernel->ranges[1].mixed);
	g_assert_cmpuint(left, >=, LINUX_LOOK_MAX - image->bytes->len);
	linux_image_free(image);
}

/* ---- Without kallsyms ---- */

#define EXPORTS 256u /* offset */
#define STRINGS 512u
#define TABLE_SIZE 1024u

static size_t read_table(void *opaque, uint64_t addr, void *buf, size_t len)
{
	if (addr < BASE || addr - BASE >= TABLE_SIZE)
		return 0;
	len = MIN(len, TABLE_SIZE - (addr - BASE));
	memcpy(buf, (const uint8_t *)opaque + (addr - BASE), len);
	return len;
}

/* Entries with 12 bytes and their names. */
static void put_exports(uint8_t *image, const char *const *names, unsigned n)
{
	size_t string = STRINGS + 1;

	for (unsigned i = 0; i < n; i++) {
		size_t at = EXPORTS + 12 * i;
		int32_t value = (int32_t)(TEXT + 16 * i - BASE - at),
			name = (int32_t)(string - at - 4);

		memcpy(image + at, &value, 4);
		memcpy(image + at + 4, &name, 4);
		memcpy(image + string, names[i], strlen(names[i]) + 1);
		string += strlen(names[i]) + 1;
	}
}

static LinuxKernel *find_in_table(uint8_t *image, bool writable, GError **error)
{
	const LinuxRange range = {BASE, BASE + TABLE_SIZE, writable, false};
	const LinuxMemory memory = {.read = read_table, .opaque = image};
	uint64_t left = LINUX_LOOK_MAX;

	return linux_search_end(linux_search_new(&memory, 62, &range, 1, TEXT, &left), error);
}

/* There is what it exports, and a line that says so. */
static void test_no_kallsyms(void)
{
	static const char *const names[] = {"abc", "emergency_restart", "init_task", "jiffies"};
	static const uint8_t args[] = {5};
	static const LinuxAbi abi = {args, 1, false};
	g_autofree uint8_t *image = g_malloc0(TABLE_SIZE);
	g_autoptr(LinuxKernel) kernel = NULL, none = NULL;
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	uint64_t addr;
	int fd;

	memcpy(image, BANNER, sizeof(BANNER));
	none = find_in_table(image, false, &error);
	g_assert_null(none);
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	g_assert_nonnull(strstr(error->message, "kallsyms"));
	put_exports(image, names, G_N_ELEMENTS(names));
	/* Of one that boots nobody knows yet what is code. */
	none = find_in_table(image, true, NULL);
	g_assert_null(none);
	kernel = find_in_table(image, false, NULL);
	g_assert_nonnull(kernel);
	g_assert_false(kernel->has_kallsyms);
	g_assert_true(linux_symbols_find(kernel->symbols, "jiffies", &addr));
	g_assert_cmphex(addr, ==, TEXT + 48);
	fd = linux_maker_end(linux_kernel_maker(kernel, &abi, notes), NULL);
	g_assert_cmpint(fd, >=, 0);
	close(fd);
	linux_kernel_missing(kernel, notes);
	g_assert_cmpstr(notes->str, ==,
			"only the symbols that the kernel exports: it has no kallsyms\n"
			"no types: the kernel has no BTF\n");
}

/* It is printed on the terminal of whoever debugs. */
static void test_hostile_banner(void)
{
	static const char *const names[] = {"abc", "emergency_restart", "init_task", "jiffies"};
	static const char text[] = "Linux version 6.1.0\033[2J (gcc\x9b) #1 SMP\n";
	g_autofree uint8_t *image = g_malloc0(TABLE_SIZE);
	g_autoptr(LinuxKernel) kernel = NULL;

	memcpy(image, text, sizeof(text));
	put_exports(image, names, G_N_ELEMENTS(names));
	kernel = find_in_table(image, false, NULL);
	g_assert_nonnull(kernel);
	g_assert_cmpstr(kernel->banner, ==, "Linux version 6.1.0\\x1b[2J (gcc\\x9b) #1 SMP");
	g_assert_cmpstr(kernel->release, ==, "6.1.0\\x1b[2J");
	g_assert_true(linux_kernel_is_there(kernel));
	image[20]++;
	g_assert_false(linux_kernel_is_there(kernel));
}

/* ---- What is looked at before it is known to be Linux ---- */

/* Zeros from SPACE on, but for the banner; who reads them otherwise than by looking is counted. */
#define SPACE 0xffffffff90000000u
#define SPACE_SIZE (16u * 1024 * 1024)

typedef struct Space {
	uint64_t banner;
	unsigned reads;
	uint64_t looked; /* bytes */
} Space;

static size_t look_space(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Space *space = opaque;
	const char text[] = BANNER;

	if (addr < SPACE || addr - SPACE >= SPACE_SIZE)
		return 0;
	len = MIN(len, SPACE_SIZE - (addr - SPACE));
	memset(buf, 0, len);
	for (size_t i = 0; i < sizeof(text); i++) {
		if (space->banner + i - addr < len)
			((char *)buf)[space->banner + i - addr] = text[i];
	}
	space->looked += len;
	return len;
}

static size_t read_space(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Space *space = opaque;

	space->reads++;
	return look_space(opaque, addr, buf, len);
}

/* Does it go on to read what runs there? @ret_pieces: how many it took. */
static bool looks_like_linux(Space *space, const LinuxRange *ranges, unsigned n, uint64_t near,
			     uint64_t *left, unsigned *ret_pieces)
{
	const LinuxMemory memory = {.read = read_space, .opaque = space, .look = look_space};
	g_autoptr(GError) error = NULL;
	g_autoptr(LinuxKernel) kernel = NULL;
	LinuxSearch *search = linux_search_new(&memory, 62, ranges, n, near, left);

	for (*ret_pieces = 1; !linux_search_step(search); ++*ret_pieces)
		;
	kernel = linux_search_end(search, &error);
	g_assert_null(kernel);
	g_assert_error(error, LINUX_ERROR, LINUX_ERROR_ABSENT);
	return strstr(error->message, "kallsyms");
}

/* Nothing that does not say it is Linux is read, and it takes many pieces. */
static void test_look(void)
{
	static const LinuxRange all = {SPACE, SPACE + SPACE_SIZE, false, false};
	static const LinuxRange written = {SPACE, SPACE + SPACE_SIZE, true, false};
	Space space = {0};
	uint64_t left = LINUX_LOOK_MAX;
	unsigned pieces;

	g_assert_false(looks_like_linux(&space, &all, 1, SPACE, &left, &pieces));
	g_assert_cmpuint(space.reads, ==, 0);
	g_assert_cmpuint(pieces, >=, 4);
	g_assert_cmpuint(left, <=, LINUX_LOOK_MAX - SPACE_SIZE);
	left = LINUX_LOOK_MAX;
	g_assert_false(looks_like_linux(&space, &written, 1, SPACE, &left, &pieces));
	g_assert_cmpuint(pieces, >=, 4);
	g_assert_false(looks_like_linux(&space, NULL, 0, SPACE, &left, &pieces));
	g_assert_cmpuint(space.reads, ==, 0);
}

/* It is seen at every place, also across the pieces. */
static void test_look_everywhere(void)
{
	static const LinuxRange all = {SPACE, SPACE + SPACE_SIZE, false, false};

	for (uint64_t piece = 1 << 20; piece <= SPACE_SIZE; piece *= 2) {
		for (unsigned before = 1; before <= sizeof(BANNER); before++) {
			Space space = {.banner = SPACE + piece - before};
			uint64_t left = LINUX_LOOK_MAX;
			unsigned pieces;

			if (before < sizeof(BANNER) && piece == SPACE_SIZE)
				continue;
			g_assert_true(looks_like_linux(&space, &all, 1, SPACE, &left, &pieces));
		}
	}
}

/* First behind the code, where a kernel has it; and no further than so many bytes. */
static void test_look_near(void)
{
	static const LinuxRange ranges[] = {{SPACE, SPACE + 0x400000, false, false},
					    {SPACE + 0x500000, SPACE + 0x600000, true, false},
					    {SPACE + 0x800000, SPACE + 0xc00000, false, false}};
	Space space = {.banner = SPACE + 0x900000};
	uint64_t left = 0x400000, far = 0x400000;
	unsigned pieces;

	g_assert_true(looks_like_linux(&space, ranges, 3, SPACE + 0x700000, &left, &pieces));
	g_assert_false(looks_like_linux(&space, ranges, 3, SPACE, &far, &pieces));
	g_assert_cmpuint(far, ==, 0);
	/* It has been used up: nothing more is looked at. */
	space.looked = 0;
	g_assert_false(looks_like_linux(&space, ranges, 3, SPACE + 0x700000, &far, &pieces));
	g_assert_cmpuint(space.looked, ==, 0);
}

/* ---- A guest that is full of what looks like something ---- */

/* From SPACE on it is full of @what; the table of exports is at BASE. */
#define FULL_SIZE (4u * 1024 * 1024)
typedef struct Full {
	const char *what;
	size_t len;
	uint8_t *table;
	unsigned reads;
} Full;

static size_t read_filled(void *opaque, uint64_t addr, void *buf, size_t len)
{
	Full *full = opaque;

	full->reads++;
	if (addr < SPACE)
		return read_table(full->table, addr, buf, len);
	if (addr - SPACE >= FULL_SIZE)
		return 0;
	len = MIN(len, FULL_SIZE - (addr - SPACE));
	for (size_t i = 0, at = (addr - SPACE) % full->len; i < len; i++) {
		((char *)buf)[i] = full->what[at];
		at = at + 1 == full->len ? 0 : at + 1;
	}
	return len;
}

#define POINTER "\x00\x00\x00\x90\xff\xff\xff\xff" /* to SPACE */

/* Nothing of it is looked at closely as often as it is there. */
static void test_full(void)
{
	static const char *const names[] = {"abc", "emergency_restart", "init_task", "jiffies"};
	static const struct {
		const char *what;
		size_t len;
		unsigned reads; /* at most */
	} rows[] = {
		{"Linux version 1", 16, 40000},
		{"\x9f\xeb\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00", 12, 40000},
		{POINTER, 8, 300000},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree uint8_t *image = g_malloc0(TABLE_SIZE);
		Full full = {rows[i].what, rows[i].len, image, 0};
		const LinuxMemory memory = {.read = read_filled, .opaque = &full};
		const LinuxRange ranges[] = {
			{SPACE, SPACE + FULL_SIZE, rows[i].reads > 40000, false},
			{BASE, BASE + TABLE_SIZE, false, false}};
		uint64_t left = LINUX_LOOK_MAX;

		memcpy(image, BANNER, sizeof(BANNER));
		put_exports(image, names, G_N_ELEMENTS(names));
		linux_kernel_free(linux_search_end(
			linux_search_new(&memory, 62, ranges, 2, SPACE, &left), NULL));
		g_assert_cmpuint(full.reads, <, rows[i].reads);
	}
}

/* Given up in the middle. */
static void test_search_free(void)
{
	static const LinuxRange all = {SPACE, SPACE + SPACE_SIZE, false, false};
	Space space = {0};
	uint64_t left = LINUX_LOOK_MAX;
	const LinuxMemory memory = {.read = read_space, .opaque = &space, .look = look_space};
	LinuxSearch *search = linux_search_new(&memory, 62, &all, 1, SPACE, &left);

	g_assert_false(linux_search_step(search));
	linux_search_free(search);
	linux_search_free(NULL);
}

static const TestCase cases[] = {
	{"boots", test_boots},
	{"has-booted", test_has_booted},
	{"no-kallsyms", test_no_kallsyms},
	{"hostile-banner", test_hostile_banner},
	{"look", test_look},
	{"look-everywhere", test_look_everywhere},
	{"look-near", test_look_near},
	{"full", test_full},
	{"search-free", test_search_free},
	{"banner", test_banner},
	{"banner-without-symbol", test_banner_without_symbol},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-kernel", cases);
}
