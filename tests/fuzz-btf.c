/*
 * tests/fuzz-btf.c - fuzzes the BTF of a guest: whatever is in it, members are found in bounded
 * time, and what is written for gdb is DWARF of which every reference is one to a type.
 *
 * The first byte says how many bytes of the rest are a module's. The header is made to fit, so that
 * lies are told in the types rather than there.
 */
#include <linux/btf.h>
#include <string.h>
#include <unistd.h>

#include "guest/program.h"
#include "guest/types.h"
#include "guest/variables.h"
#include "tests/dwarf-reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Half of it types, or as far as they are whole, and then names. */
static GByteArray *section_of(const uint8_t *data, size_t size)
{
	struct btf_header header = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(header)};
	GByteArray *section = g_byte_array_new();

	header.type_len = header.str_off = size / 8 * 4;
	header.str_len = size - header.type_len + 2;
	g_byte_array_append(section, (const uint8_t *)&header, sizeof(header));
	g_byte_array_append(section, data, header.type_len);
	g_byte_array_append(section, (const uint8_t *)"", 1);
	g_byte_array_append(section, data + header.type_len, size - header.type_len);
	g_byte_array_append(section, (const uint8_t *)"", 1);
	return section;
}

static LinuxSymbols *symbols_of(const LinuxTypes *types)
{
	LinuxSymbols *symbols = linux_symbols_new();
	size_t len;
	const char *names = linux_types_strings(types, &len);
	static const char letters[] = "tTdDwA";

	linux_symbols_add(symbols, 0x1000, 'T', "_stext", 6);
	linux_symbols_add(symbols, 0x2000, 'T', "_etext", 6);
	linux_symbols_add(symbols, 0x9000, 'T', "_end", 4);
	for (size_t at = 1; at < len; at += strlen(names + at) + 1)
		linux_symbols_add(symbols, 0x1000 + 8 * at, letters[at % 6], names + at,
				  strlen(names + at));
	linux_symbols_sort(symbols);
	return symbols;
}

static void ask(const LinuxTypes *types)
{
	size_t len;
	const char *names = linux_types_strings(types, &len);

	for (size_t at = 1; at < MIN(len, 64); at += strlen(names + at) + 1) {
		LinuxMember member;
		uint32_t whole = 0;

		if (!linux_types_member(types, names + at, names + len / 2, &member))
			continue;
		g_assert_true(linux_types_size(types, names + at, &whole));
		g_assert_cmpuint((uint64_t)member.offset + member.size, <=, whole);
	}
}

static void make(const LinuxTypes *types)
{
	static const uint8_t args[] = {0, 1, 2, 3};
	static const LinuxCode code = {0x1000, 0x2000};
	g_autoptr(LinuxSymbols) symbols = symbols_of(types);
	LinuxDwarfSource source = {symbols, types, &code, 1, args, sizeof(args), "fuzz"};
	LinuxProgram program = {
		.machine = 1,
		.symbols = symbols,
		.types = types,
		.name = "fuzz",
		.args = args,
		.n_args = sizeof(args),
	};
	g_autoptr(GError) error = NULL;
	g_autoptr(LinuxDwarf) dwarf = linux_dwarf_new(&source, &error);
	int fd;

	g_assert_true(!dwarf == !!error);
	if (!dwarf)
		return;
	g_ptr_array_unref(dwarf_read(dwarf, types));
	fd = linux_program_write(&program, &error);
	g_assert_cmpint(fd, >=, 0);
	close(fd);
}

static size_t read_nothing(void *opaque, uint64_t addr, void *buf, size_t len)
{
	memset(buf, 0, len);
	return opaque || !addr ? 0 : len;
}

/* Those of its sections of variables that the symbols say more of. */
static void name_variables(LinuxTypes *types)
{
	LinuxRange range = {0x1000, 0x9000, true, false};
	LinuxKernel kernel = {
		.memory = {.read = read_nothing},
		.symbols = symbols_of(types),
		.types = types,
		.ranges = &range,
		.n_ranges = 1,
	};
	unsigned before, added, after;

	linux_symbols_rows(kernel.symbols, &before);
	added = linux_variables_add(&kernel);
	linux_symbols_rows(kernel.symbols, &after);
	g_assert_cmpuint(before + added, ==, after);
	linux_symbols_free(kernel.symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) kernel = NULL, own = NULL;
	g_autoptr(LinuxTypes) types = NULL, module = NULL;
	g_autoptr(GError) error = NULL;
	size_t n;

	if (size < 2)
		return 0;
	n = MIN(data[0], size - 1);
	kernel = section_of(data + 1, size - 1 - n);
	types = linux_types_new(kernel->data, kernel->len, NULL, &error);
	g_assert_true(!types == !!error);
	if (!types)
		return 0;
	ask(types);
	make(types);
	name_variables(types);
	if (!n)
		return 0;
	own = section_of(data + size - n, n);
	module = linux_types_new(own->data, own->len, types, NULL);
	if (module) {
		ask(module);
		make(module);
	}
	return 0;
}
