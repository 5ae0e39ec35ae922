/*
 * tests/test-hw-x86-boot.c - x86/hw/boot.h: memory map, kernel files (also hostile ones), ACPI,
 * CPUID.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <gio/gio.h>
#include <string.h>

#include "x86/hw/cpuid.h"
#include "x86/hw/machine.h"

#define MIB (1ull << 20)

typedef GuestMemory Ram;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ram, memory_clear)

static void make_ram(Ram *ram, uint64_t mib)
{
	g_assert_true(memory_add(ram, 0, mib * MIB, NULL));
}

/* ---- E820 ---- */

static void test_e820(void)
{
	g_auto(Ram) ram = {0};
	E820Range ranges[E820_MAX];

	make_ram(&ram, 64);
	g_assert_true(memory_add(&ram, 1ull << 32, 16 * MIB, NULL));
	unsigned n = e820_build(&ram, false, ranges);
	g_assert_cmpuint(n, ==, 5);
	for (unsigned i = 0; i < n; i++) {
		g_assert_cmpuint(ranges[i].size, >, 0);
		if (i > 0)
			g_assert_cmphex(ranges[i].addr, >=,
					ranges[i - 1].addr + ranges[i - 1].size);
		/* What is called RAM is RAM. */
		if (ranges[i].type == 1)
			g_assert_nonnull(memory_span(&ram, ranges[i].addr, ranges[i].size));
	}
	g_assert_cmphex(ranges[0].size, ==, X86_EBDA);
	g_assert_cmpuint(ranges[1].type, ==, 2);
	/* The tables of ACPI are reserved. */
	g_assert_cmphex(ranges[2].addr, ==, X86_ACPI);
	g_assert_cmpuint(ranges[2].type, ==, 2);
	g_assert_cmphex(ranges[3].addr, ==, X86_HIGH);
	g_assert_cmphex(ranges[3].size, ==, 63 * MIB);
	g_assert_cmphex(ranges[4].addr, ==, 1ull << 32);
	g_assert_cmpuint(ranges[4].type, ==, 1);
	/* PCI's configuration space lies between the banks. */
	g_assert_cmpuint(e820_build(&ram, true, ranges), ==, 6);
	g_assert_cmphex(ranges[4].addr, ==, X86_PCI_ECAM);
	g_assert_cmphex(ranges[4].size, ==, PCI_ECAM_SIZE);
	g_assert_cmpuint(ranges[4].type, ==, 2);
	g_assert_cmphex(ranges[5].addr, ==, 1ull << 32);
}

/* ---- bzImage ---- */

enum { SETUP_SIZE = 512 * 3, IMAGE_SIZE = SETUP_SIZE + 8192 };

static struct setup_header good_header(void)
{
	return (struct setup_header){
		.setup_sects = 2,
		.boot_flag = 0xaa55,
		.jump = 0x6aeb, /* the header ends at 0x202 + 0x6a */
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 100,
		.pref_address = 16 * MIB,
		.init_size = 8 * MIB,
	};
}

static uint8_t *make_image(const struct setup_header *header)
{
	uint8_t *image = g_malloc0(IMAGE_SIZE);

	memcpy(image + 0x1f1, header, sizeof(*header));
	memset(image + SETUP_SIZE, 0x90, IMAGE_SIZE - SETUP_SIZE);
	return image;
}

static void test_bzimage(void)
{
	g_auto(Ram) ram = {0};
	struct setup_header header = good_header();
	g_autofree uint8_t *image = make_image(&header);
	uint8_t initrd[5000];
	X86Entry entry;
	BootInput input = {
		.kernel = image,
		.kernel_size = IMAGE_SIZE,
		.initrd = initrd,
		.initrd_size = sizeof(initrd),
		.initrd_path = "I",
		.command_line = "one two",
		.rsdp = X86_ACPI,
	};
	g_autoptr(GError) error = NULL;

	memset(initrd, 0x77, sizeof(initrd));
	make_ram(&ram, 32);
	g_assert_true(bzimage_load(&ram, &input, &entry, &error));
	g_assert_no_error(error);
	g_assert_cmpint(entry.mode, ==, X86_MODE_LONG);
	g_assert_cmphex(entry.rip, ==, X86_HIGH + 0x200);
	const struct boot_params *zero = memory_span(&ram, entry.rsi, sizeof(*zero));
	g_assert_nonnull(zero);
	g_assert_cmphex(zero->hdr.header, ==, header.header);
	g_assert_cmphex(zero->hdr.type_of_loader, ==, 0xff);
	g_assert_cmphex(zero->acpi_rsdp_addr, ==, X86_ACPI);
	g_assert_cmpuint(zero->e820_entries, >, 2);
	g_assert_cmpstr(memory_span(&ram, zero->hdr.cmd_line_ptr, 8), ==, "one two");
	g_assert_cmphex(zero->hdr.ramdisk_image, >=, 24 * MIB);
	g_assert_cmpuint(zero->hdr.ramdisk_size, ==, sizeof(initrd));
	g_assert_cmpmem(memory_span(&ram, zero->hdr.ramdisk_image, sizeof(initrd)), sizeof(initrd),
			initrd, sizeof(initrd));
	g_assert_cmpmem(memory_span(&ram, X86_HIGH, 8192), 8192, image + SETUP_SIZE, 8192);
}

typedef void (*Spoil)(struct setup_header *header);

static void spoil_flag(struct setup_header *header)
{
	header->boot_flag = 0;
}
static void spoil_magic(struct setup_header *header)
{
	header->header++;
}
static void spoil_version(struct setup_header *header)
{
	header->version = 0x20b;
}
static void spoil_bits(struct setup_header *header)
{
	header->xloadflags = 0;
}
static void spoil_low(struct setup_header *header)
{
	header->loadflags = 0;
}
static void spoil_sectors(struct setup_header *header)
{
	header->setup_sects = 255;
}
static void spoil_address(struct setup_header *header)
{
	header->pref_address = UINT64_MAX - 5;
}
static void spoil_fixed_low(struct setup_header *header)
{
	header->relocatable_kernel = 0;
	header->pref_address = 0x1000;
}

static void test_bzimage_refused(void)
{
	static const Spoil spoils[] = {spoil_flag, spoil_magic,	  spoil_version, spoil_bits,
				       spoil_low,  spoil_sectors, spoil_address, spoil_fixed_low};

	for (unsigned i = 0; i < G_N_ELEMENTS(spoils); i++) {
		struct setup_header header = good_header();
		g_autoptr(GError) error = NULL;
		BzImage parsed;

		spoils[i](&header);
		g_autofree uint8_t *image = make_image(&header);
		g_assert_false(bzimage_parse(image, IMAGE_SIZE, &parsed, &error));
		g_assert_nonnull(error);
	}
}

/* No length of the file, and no value of a header byte, makes the loader read or write outside. */
static void test_bzimage_hostile(void)
{
	struct setup_header header = good_header();
	g_autofree uint8_t *image = make_image(&header);
	g_auto(Ram) ram = {0};
	X86Entry entry;

	make_ram(&ram, 32);
	for (size_t size = 0; size < IMAGE_SIZE; size += size < 0x400 ? 1 : 97) {
		g_autofree uint8_t *cut = g_memdup2(image, size);
		BootInput input = {.kernel = cut, .kernel_size = size, .command_line = ""};

		bzimage_load(&ram, &input, &entry, NULL);
	}
	for (size_t at = 0x1f1; at < 0x1f1 + sizeof(header); at++) {
		static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
		uint8_t old = image[at];

		for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
			BootInput input = {
				.kernel = image, .kernel_size = IMAGE_SIZE, .command_line = ""};

			image[at] = values[i];
			bzimage_load(&ram, &input, &entry, NULL);
		}
		image[at] = old;
	}
}

static void check_load_error(Ram *ram, const BootInput *input, const char *named)
{
	g_autoptr(GError) error = NULL;
	X86Entry entry;

	g_assert_false(bzimage_load(ram, input, &entry, &error));
	g_assert_nonnull(strstr(error->message, named));
}

static void test_bzimage_no_room(void)
{
	struct setup_header header = good_header();
	g_autofree uint8_t *image = make_image(&header);
	g_autofree char *long_words = g_strnfill(101, 'w');
	g_autofree uint8_t *initrd = g_malloc0(9 * MIB);
	g_auto(Ram) small = {0}, ram = {0};
	BootInput input = {.kernel = image, .kernel_size = IMAGE_SIZE, .command_line = "w"};

	make_ram(&small, 16);
	make_ram(&ram, 32);
	check_load_error(&small, &input, "25 MiB");
	input.command_line = long_words;
	check_load_error(&ram, &input, "--params");
	input.command_line = "w";
	input.initrd = initrd;
	input.initrd_size = 9 * MIB;
	input.initrd_path = "big.gz";
	check_load_error(&ram, &input, "big.gz");
}

/* ---- ELF ---- */

typedef struct Elf {
	Elf64_Ehdr header;
	Elf64_Phdr load, note;
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint32_t entry;
	} pvh;
	uint8_t code[64];
} Elf;

static Elf good_elf(void)
{
	Elf elf = {
		.header =
			{
				.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
					    EV_CURRENT},
				.e_type = ET_EXEC,
				.e_machine = EM_X86_64,
				.e_phoff = offsetof(Elf, load),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = 2,
			},
		.load =
			{
				.p_type = PT_LOAD,
				.p_offset = offsetof(Elf, code),
				.p_paddr = 0x200000,
				.p_filesz = sizeof(elf.code),
				.p_memsz = 0x1000,
			},
		.note =
			{
				.p_type = PT_NOTE,
				.p_offset = offsetof(Elf, pvh),
				.p_filesz = sizeof(elf.pvh),
			},
		.pvh = {{4, 4, 18}, "Xen", 0x200010},
	};

	memset(elf.code, 0x90, sizeof(elf.code));
	return elf;
}

static bool load_elf(Ram *ram, const void *data, size_t size, X86Entry *entry, GError **error)
{
	BootInput input = {
		.kernel = data, .kernel_size = size, .command_line = "bare", .rsdp = X86_ACPI};

	return elf_load(ram, &input, entry, error);
}

static void test_elf(void)
{
	g_auto(Ram) ram = {0};
	Elf elf = good_elf();
	X86Entry entry;
	g_autoptr(GError) error = NULL;

	make_ram(&ram, 4);
	g_assert_true(load_elf(&ram, &elf, sizeof(elf), &entry, &error));
	g_assert_no_error(error);
	g_assert_cmpint(entry.mode, ==, X86_MODE_PROTECTED);
	g_assert_cmphex(entry.rip, ==, 0x200010);
	g_assert_cmpmem(memory_span(&ram, 0x200000, 64), 64, elf.code, 64);
	const uint32_t *info = memory_span(&ram, entry.rbx, 56);
	g_assert_cmphex(info[0], ==, 0x336ec578);
	uint64_t words;
	memcpy(&words, (const uint8_t *)info + 24, 8);
	g_assert_cmpstr(memory_span(&ram, words, 5), ==, "bare");
}

static void check_elf_refused(const Elf *elf)
{
	g_auto(Ram) ram = {0};
	g_autoptr(GError) error = NULL;
	X86Entry entry;

	make_ram(&ram, 4);
	g_assert_false(load_elf(&ram, elf, sizeof(*elf), &entry, &error));
	g_assert_nonnull(error);
	g_test_message("%s", error->message);
}

static void test_elf_refused(void)
{
	Elf elf = good_elf();

	elf.header.e_ident[EI_CLASS] = ELFCLASS32;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.header.e_machine = EM_AARCH64;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.pvh.head.n_type = 17;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.note.p_offset = UINT64_MAX - 3;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.load.p_filesz = 0x1001;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.load.p_offset = UINT64_MAX;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.load.p_memsz = UINT64_MAX;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.load.p_paddr = X86_BOOT_ZERO_PAGE;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.load.p_paddr = X86_ACPI;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.header.e_phoff = UINT64_MAX - 8;
	check_elf_refused(&elf);
	elf = good_elf();
	elf.header.e_phnum = 0xffff;
	check_elf_refused(&elf);
}

static void test_elf_hostile(void)
{
	Elf good = good_elf();
	g_auto(Ram) ram = {0};
	X86Entry entry;

	make_ram(&ram, 4);
	for (size_t size = 0; size < sizeof(good); size++) {
		g_autofree uint8_t *cut = g_memdup2(&good, size);

		load_elf(&ram, cut, size, &entry, NULL);
	}
	for (size_t at = 0; at < offsetof(Elf, code); at++) {
		static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

		for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
			g_autofree uint8_t *bad = g_memdup2(&good, sizeof(good));

			bad[at] = values[i];
			load_elf(&ram, bad, sizeof(good), &entry, NULL);
		}
	}
}

/* ---- Flat ---- */

static void test_flat(void)
{
	g_auto(Ram) ram = {0};
	uint8_t code[] = {0xf4, 0xeb, 0xfd};
	g_autofree uint8_t *big = g_malloc0(MIB);
	BootInput input = {.kernel = code, .kernel_size = sizeof(code), .command_line = ""};
	X86Entry entry;

	make_ram(&ram, 4);
	g_assert_true(flat_load(&ram, &input, &entry, NULL));
	g_assert_cmpint(entry.mode, ==, X86_MODE_REAL);
	g_assert_cmphex(entry.selector * 16 + entry.rip, ==, 0x10000);
	g_assert_cmpmem(memory_span(&ram, 0x10000, 3), 3, code, 3);
	input.kernel = big;
	input.kernel_size = MIB;
	g_assert_false(flat_load(&ram, &input, &entry, NULL));
}

/* ---- ACPI ---- */

static uint64_t read_le(const uint8_t *data, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, data, size);
	return value;
}

static void check_sum(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i];
	g_assert_cmphex(sum, ==, 0);
}

/* The table at guest address @addr of a blob for X86_ACPI: inside, with length and checksum. */
static const uint8_t *get_table(const GByteArray *all, uint64_t addr, const char *signature)
{
	g_assert_cmphex(addr, >=, X86_ACPI);
	g_assert_cmphex(addr + 8, <=, X86_ACPI + all->len);
	const uint8_t *table = all->data + (addr - X86_ACPI);
	uint32_t len = read_le(table + 4, 4);
	g_assert_cmpmem(table, 4, signature, 4);
	g_assert_cmpuint(addr - X86_ACPI + len, <=, all->len);
	if (strcmp(signature, "FACS") != 0)
		check_sum(table, len);
	return table;
}

static void check_acpi(unsigned n_cpus)
{
	g_autoptr(GByteArray) all = acpi_build(X86_ACPI, &(AcpiMachine){n_cpus, false, false});
	unsigned cpus = 0, ioapics = 0;

	g_assert_cmpuint(all->len, <=, X86_ACPI_MAX);
	g_assert_cmpmem(all->data, 8, "RSD PTR ", 8);
	check_sum(all->data, 20);
	check_sum(all->data, 36);
	const uint8_t *xsdt = get_table(all, read_le(all->data + 24, 8), "XSDT");
	g_assert_cmpuint(read_le(xsdt + 4, 4), ==, 36 + 2 * 8);
	const uint8_t *fadt = get_table(all, read_le(xsdt + 36, 8), "FACP");
	const uint8_t *madt = get_table(all, read_le(xsdt + 44, 8), "APIC");
	get_table(all, read_le(fadt + 40, 4), "DSDT");
	g_assert_cmphex(read_le(fadt + 40, 4), ==, read_le(fadt + 140, 8));
	get_table(all, read_le(fadt + 36, 4), "FACS");
	g_assert_cmphex(read_le(fadt + 36, 4) % 64, ==, 0);
	uint32_t len = read_le(madt + 4, 4);
	for (uint32_t at = 44; at < len; at += madt[at + 1]) {
		g_assert_cmpuint(madt[at + 1], >=, 2);
		g_assert_cmpuint(at + madt[at + 1], <=, len);
		if (madt[at] == 0)
			g_assert_cmpuint(madt[at + 3], ==, cpus++);
		ioapics += madt[at] == 1;
	}
	g_assert_cmpuint(cpus, ==, n_cpus);
	g_assert_cmpuint(ioapics, ==, 1);
}

/* Without PCI the tables are as they were; with it there is one more, and a longer DSDT. */
static void test_acpi_pci(void)
{
	g_autoptr(GByteArray) without = acpi_build(X86_ACPI, &(AcpiMachine){2, false, false});
	g_autoptr(GByteArray) all = acpi_build(X86_ACPI, &(AcpiMachine){255, true, true});

	g_assert_null(memmem(without->data, without->len, "MCFG", 4));
	g_assert_null(memmem(without->data, without->len, "PCI0", 4));
	g_assert_cmpuint(all->len, <=, X86_ACPI_MAX);
	const uint8_t *xsdt = get_table(all, read_le(all->data + 24, 8), "XSDT");
	g_assert_cmpuint(read_le(xsdt + 4, 4), ==, 36 + 3 * 8);
	const uint8_t *mcfg = get_table(all, read_le(xsdt + 52, 8), "MCFG");
	g_assert_cmpuint(read_le(mcfg + 4, 4), ==, 60);
	g_assert_cmphex(read_le(mcfg + 36, 8), ==, 0);
	g_assert_cmphex(read_le(mcfg + 44, 8), ==, X86_PCI_ECAM);
	g_assert_cmphex(read_le(mcfg + 52, 8), ==, 0); /* segment 0, bus 0 to 0 */
	/* The window, configuration space and RAM are beside each other. */
	g_assert_cmphex(X86_PCI_WINDOW, >=, X86_HOLE_START);
	g_assert_cmphex(X86_PCI_WINDOW % X86_PCI_WINDOW_SIZE, ==, 0);
	g_assert_cmphex(X86_PCI_WINDOW + X86_PCI_WINDOW_SIZE, <=, X86_PCI_ECAM);
	g_assert_cmphex(X86_PCI_ECAM + PCI_ECAM_SIZE, <=, X86_IOAPIC_ADDR);
}

static void test_acpi(void)
{
	check_acpi(1);
	check_acpi(2);
	check_acpi(255);
}

/* Reads a PkgLength; returns how many bytes it has. */
static unsigned package_length(const uint8_t *aml, size_t *ret_len)
{
	unsigned follow = aml[0] >> 6;

	*ret_len = follow == 0 ? aml[0] & 0x3f : aml[0] & 0x0f;
	for (unsigned i = 0; i < follow; i++)
		*ret_len |= (size_t)aml[1 + i] << (4 + 8 * i);
	return 1 + follow;
}

static void check_has(const GByteArray *dsdt, const char *bytes, size_t len)
{
	g_assert_nonnull(memmem(dsdt->data, dsdt->len, bytes, len));
}
#define CHECK_HAS(dsdt, text) check_has(dsdt, text, sizeof(text) - 1)

/* The bytes that ACPI 6.4 (6.2.13, 6.4.3.5) has for the bridge. */
static void test_dsdt_pci(void)
{
	g_autoptr(GByteArray) dsdt = acpi_dsdt(&(AcpiMachine){1, true, false}),
			      routes = g_byte_array_new();

	CHECK_HAS(dsdt, "PCI0\x08_HID\x0c\x41\xd0\x0a\x08\x08_CID\x0c\x41\xd0\x0a\x03");
	/* Bus 0 alone, the ports 0xcf8 to 0xcff, and the window. */
	CHECK_HAS(dsdt, "\x88\x0d\0\x02\x0c\0\0\0\0\0\0\0\0\0\x01\0"
			"\x47\x01\xf8\x0c\xf8\x0c\x01\x08"
			"\x87\x17\0\0\x0c\x01\0\0\0\0\0\0\0\xd0\xff\xff\xff\xdf\0\0\0\0\0\0\0\x10"
			"\x79\0");
	/* ECAM belongs to the board. */
	CHECK_HAS(dsdt, "\x86\x09\0\x01\0\0\0\xe0\0\0\x10\0\x79\0");
	for (unsigned i = 1; i < PCI_DEVICES; i++) {
		const uint8_t route[] = {0x12, 0x0b, 4, 0x0c, 0xff, 0xff,
					 i,    0,    0, 0,    0x0a, 16 + i % 4};

		g_byte_array_append(routes, route, sizeof(route));
	}
	CHECK_HAS(dsdt, "\x08_PRT\x12");
	check_has(dsdt, (const char *)routes->data, routes->len);
}

/* The scope's devices end where the scope does, which ends where \_S5 begins. */
static void check_dsdt(AcpiMachine machine, unsigned n_devices)
{
	g_autoptr(GByteArray) dsdt = acpi_dsdt(&machine);
	const uint8_t *aml = dsdt->data + 36, *end = dsdt->data + dsdt->len;
	size_t len;
	unsigned devices = 0;

	g_assert_cmphex(*aml++, ==, 0x10);
	unsigned n = package_length(aml, &len);
	const uint8_t *scope_end = aml + len;
	g_assert_true(scope_end < end);
	aml += n;
	g_assert_cmpmem(aml, 5, "\\_SB_", 5);
	for (aml += 5; aml < scope_end; devices++) {
		g_assert_cmphex(aml[0], ==, 0x5b);
		g_assert_cmphex(aml[1], ==, 0x82);
		package_length(aml + 2, &len);
		aml += 2 + len;
		g_assert_true(aml <= scope_end);
	}
	g_assert_true(aml == scope_end);
	g_assert_cmpuint(devices, ==, n_devices);
	g_assert_cmpmem(aml, 5, "\x08_S5_", 5);
	g_assert_cmphex(aml[5], ==, 0x12);
	package_length(aml + 6, &len);
	g_assert_true(aml + 6 + len == end);
	g_assert_nonnull(memmem(dsdt->data, dsdt->len, "QEMU0001", 9));
	/* PNP0501 as EISA packs it. */
	g_assert_nonnull(memmem(dsdt->data, dsdt->len, "\x0c\x41\xd0\x05\x01", 5));
}

/* The second UART has the first one's id and a number, ports and an interrupt of its own. */
static void test_dsdt_com2(void)
{
	g_autoptr(GByteArray) with = acpi_dsdt(&(AcpiMachine){1, false, true});
	g_autoptr(GByteArray) without = acpi_dsdt(&(AcpiMachine){1, false, false});

	CHECK_HAS(with, "COM2\x08_HID\x0c\x41\xd0\x05\x01\x08_UID\x01");
	CHECK_HAS(with, "\x47\x01\xf8\x02\xf8\x02\x01\x08\x22\x08\0");
	g_assert_null(memmem(without->data, without->len, "COM2", 4));
}

static void test_dsdt(void)
{
	check_dsdt((AcpiMachine){1, false, false}, 4);
	check_dsdt((AcpiMachine){1, true, false}, 6);
	check_dsdt((AcpiMachine){1, true, true}, 7);
}

/* ---- CPUID ---- */

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *cpuid, uint32_t leaf,
					   uint32_t index)
{
	for (unsigned i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == leaf && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	}
	g_test_message("leaf 0x%x.%u", leaf, index);
	g_assert_not_reached();
}

static void test_cpuid(void)
{
	const struct kvm_cpuid_entry2 entries[] = {
		{.function = 0, .eax = 0x1f, .ebx = 0x756e6547},
		{.function = 1, .ebx = 0xff000800, .edx = 1 << 28},
		{.function = 4, .index = 0, .eax = 0xfc004121},
		{.function = 4, .index = 3, .eax = 0xfc1fc163},
		{.function = 0xb, .index = 0, .edx = 99},
		{.function = 0x1f, .index = 0, .edx = 99},
		{.function = 0x40000000, .ebx = 0x4b4d564b},
	};
	g_autofree struct kvm_cpuid2 *cpuid =
		g_malloc0(sizeof(*cpuid) + sizeof(entries) + CPUID_EXTRA * sizeof(entries[0]));

	memcpy(cpuid->entries, entries, sizeof(entries));
	cpuid->nent = G_N_ELEMENTS(entries);
	cpuid_adjust(cpuid, 5, 6, true);
	const struct kvm_cpuid_entry2 *features = find(cpuid, 1, 0);
	g_assert_cmphex(features->ebx, ==, 0x05060800);
	g_assert_cmphex(features->ecx, ==, 1u << 31 | 1u << 24);
	g_assert_cmphex(features->edx, ==, 1u << 28);
	/* L1 is one core's own, L3 is all cores'. */
	g_assert_cmphex(find(cpuid, 4, 0)->eax >> 14 & 0xfff, ==, 0);
	g_assert_cmphex(find(cpuid, 4, 3)->eax >> 14 & 0xfff, ==, 5);
	g_assert_cmphex(find(cpuid, 4, 3)->eax >> 26, ==, 5);
	g_assert_cmphex(find(cpuid, 0xb, 0)->edx, ==, 5);
	g_assert_cmphex(find(cpuid, 0xb, 0)->eax, ==, 0);
	g_assert_cmphex(find(cpuid, 0xb, 1)->eax, ==, 3);
	g_assert_cmphex(find(cpuid, 0xb, 1)->ebx, ==, 6);
	g_assert_cmphex(find(cpuid, 0x40000000, 0)->ebx, ==, 0x4b4d564b);
	g_assert_cmpuint(cpuid->nent, ==, G_N_ELEMENTS(entries));
}

static void test_cpuid_one(void)
{
	g_autofree struct kvm_cpuid2 *cpuid =
		g_malloc0(sizeof(*cpuid) + (2 + CPUID_EXTRA) * sizeof(cpuid->entries[0]));

	cpuid->nent = 1;
	cpuid->entries[0] = (struct kvm_cpuid_entry2){.function = 1, .edx = 1 << 28};
	cpuid_adjust(cpuid, 0, 1, false);
	g_assert_cmpuint(cpuid->nent, ==, 1);
	g_assert_cmphex(cpuid->entries[0].edx, ==, 0);
	g_assert_cmphex(cpuid->entries[0].ebx, ==, 1 << 16);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-x86-boot/e820", test_e820);
	g_test_add_func("/hw-x86-boot/bzimage", test_bzimage);
	g_test_add_func("/hw-x86-boot/bzimage-refused", test_bzimage_refused);
	g_test_add_func("/hw-x86-boot/bzimage-hostile", test_bzimage_hostile);
	g_test_add_func("/hw-x86-boot/bzimage-no-room", test_bzimage_no_room);
	g_test_add_func("/hw-x86-boot/elf", test_elf);
	g_test_add_func("/hw-x86-boot/elf-refused", test_elf_refused);
	g_test_add_func("/hw-x86-boot/elf-hostile", test_elf_hostile);
	g_test_add_func("/hw-x86-boot/flat", test_flat);
	g_test_add_func("/hw-x86-acpi/tables", test_acpi);
	g_test_add_func("/hw-x86-acpi/pci", test_acpi_pci);
	g_test_add_func("/hw-x86-acpi/dsdt", test_dsdt);
	g_test_add_func("/hw-x86-acpi/dsdt-pci", test_dsdt_pci);
	g_test_add_func("/hw-x86-acpi/dsdt-com2", test_dsdt_com2);
	g_test_add_func("/hw-x86-cpuid/topology", test_cpuid);
	g_test_add_func("/hw-x86-cpuid/one-cpu", test_cpuid_one);
	return g_test_run();
}
