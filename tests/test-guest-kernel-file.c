/*
 * tests/test-guest-kernel-file.c - the call frame information in the file that is made of an arm64
 * kernel: guest/kernel.h, linux_kernel_maker() and linux_kernel_room().
 */
#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

#include "guest/kernel.h"
#include "tests/cfi.h"
#include "tests/test-util.h"

#define TEXT 0xffff800008010000ull
#define VECTORS (TEXT + 0x800)
#define ENTRY (TEXT + 0x1000)
#define TEXT_END (TEXT + 0x5000)
#define INIT (TEXT + 0x6000)
#define INIT_END (INIT + 0x100)
#define ROOM 352
enum { LR = 30, SP = 31 };

/* What the kernel has in memory; @init: it has not given away what it boots with. */
typedef struct Image {
	uint8_t bytes[INIT_END - TEXT];
	bool init;
} Image;

static size_t read_image(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const Image *image = opaque;
	uint64_t end = image->init ? INIT_END : TEXT_END;

	if (addr < TEXT || addr >= end)
		return 0;
	len = MIN(len, end - addr);
	memcpy(buf, image->bytes + (addr - TEXT), len);
	return len;
}

static void put_insns(Image *image, uint64_t addr, const uint32_t *insns, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t insn = GUINT32_TO_LE(insns[i]);

		memcpy(image->bytes + (addr - TEXT) + 4 * i, &insn, 4);
	}
}

static void fill(Image *image)
{
	/* add x21, sp, #352; mrs x22, elr_el1; stp x22, x23, [sp, #256]; bl */
	static const uint32_t entry[] = {0x910583f5, 0xd5384036, 0xa9105ff6, 0x94000010};
	/* sub sp, sp, #96; bl */
	static const uint32_t init[] = {0xd10183ff, 0x94000010};

	put_insns(image, ENTRY, entry, G_N_ELEMENTS(entry));
	put_insns(image, INIT, init, G_N_ELEMENTS(init));
}

static void add_symbols(LinuxSymbols *symbols)
{
	static const struct {
		uint64_t addr;
		const char *name;
	} rows[] = {
		{TEXT, "_stext"},	  {VECTORS, "vectors"}, {ENTRY, "el1h_64_irq"},
		{ENTRY + 16, "leaf"},	  {TEXT_END, "_etext"}, {INIT, "_sinittext"},
		{INIT_END, "_einittext"},
	};

	for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++)
		linux_symbols_add(symbols, rows[n].addr, 'T', rows[n].name, strlen(rows[n].name));
	linux_symbols_sort(symbols);
}

/* .debug_frame of the file, which is closed. Caller unrefs. */
static GByteArray *frames_in(int fd)
{
	GByteArray *frames = g_byte_array_new();
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	size_t names;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	g_assert_cmpint(elf_getshdrstrndx(elf, &names), ==, 0);
	while ((scn = elf_nextscn(elf, scn))) {
		const Elf_Data *data = elf_getdata(scn, NULL);

		g_assert_nonnull(gelf_getshdr(scn, &header));
		if (g_str_equal(elf_strptr(elf, names, header.sh_name), ".debug_frame"))
			g_byte_array_append(frames, data->d_buf, data->d_size);
	}
	elf_end(elf);
	close(fd);
	return frames;
}

static GByteArray *make_frames(Image *image, unsigned *ret_room)
{
	static const LinuxAbi abi = {.has_records = true};
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	char banner[] = "Linux version 6.1.0";
	LinuxKernel kernel = {
		.memory = {.read = read_image, .opaque = image},
		.machine = EM_AARCH64,
		.banner = banner,
		.symbols = symbols,
		.has_kallsyms = true,
	};
	int fd;

	add_symbols(symbols);
	*ret_room = linux_kernel_room(&kernel);
	fd = linux_maker_end(linux_kernel_maker(&kernel, &abi, notes), &error);
	g_assert_no_error(error);
	g_assert_cmpstr(notes->str, ==, "");
	return frames_in(fd);
}

static CfiRow row_at(const GByteArray *frames, uint64_t pc)
{
	CfiRow row;

	g_assert_true(cfi_find(frames->data, frames->len, pc, &row));
	return row;
}

/* What an exception saves is found, and who has called an interrupted leaf. */
static void test_exception(void)
{
	g_autofree Image *image = g_new0(Image, 1);
	g_autoptr(GByteArray) frames = NULL;
	unsigned room;
	CfiRow row;

	fill(image);
	frames = make_frames(image, &room);
	g_assert_cmpuint(room, ==, ROOM);
	row = row_at(frames, ENTRY + 12);
	g_assert_true(row.is_signal);
	g_assert_cmpint(row.cfa.offset, ==, ROOM);
	g_assert_cmpint(row.regs[LR].offset, ==, 256 - ROOM);
	row = row_at(frames, ENTRY + 16);
	g_assert_cmpint(row.regs[LR].how, ==, CFI_VAL_EXPRESSION);
	g_assert_false(cfi_find(frames->data, frames->len, INIT, &row));
}

/* While the kernel boots, what it boots with has frames, too. */
static void test_init(void)
{
	g_autofree Image *image = g_new0(Image, 1);
	g_autoptr(GByteArray) frames = NULL;
	unsigned room;
	CfiRow row;

	fill(image);
	image->init = true;
	frames = make_frames(image, &room);
	row = row_at(frames, INIT + 4);
	g_assert_cmpuint(row.cfa.reg, ==, SP);
	g_assert_cmpint(row.cfa.offset, ==, 96);
	g_assert_cmpint(row.regs[LR].how, ==, CFI_VAL_EXPRESSION);
}

/* A kernel of which nobody knows how its exceptions come has frames for its functions. */
static void test_no_entry(void)
{
	g_autofree Image *image = g_new0(Image, 1);
	g_autoptr(GByteArray) frames = NULL;
	unsigned room;

	frames = make_frames(image, &room);
	g_assert_cmpuint(room, ==, 0);
	g_assert_cmpint(row_at(frames, ENTRY).regs[LR].how, ==, CFI_UNSET);
}

static const TestCase cases[] = {
	{"exception", test_exception},
	{"init", test_init},
	{"no-entry", test_no_entry},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-kernel-file", cases);
}
