/*
 * x86/hw/boot.h - getting a kernel into memory: which kinds there are, and how each wants to start.
 * The parsers are pure: they take the file's bytes, which are hostile input.
 */
#ifndef VMGDB_X86_HW_BOOT_H
#define VMGDB_X86_HW_BOOT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/memory.h"

struct Vm;
struct Vcpu;

/* ---- How the first vCPU starts ---- */

typedef enum X86Mode {
	X86_MODE_REAL,	    /* 16 bit; cs, ds, es, ss = @selector */
	X86_MODE_PROTECTED, /* 32 bit, flat segments, no paging: PVH */
	X86_MODE_LONG,	    /* 64 bit, flat, the first 4 GiB mapped to themselves */
} X86Mode;

typedef struct X86Entry {
	X86Mode mode;
	uint64_t rip;
	uint64_t rbx; /* PVH: the start info */
	uint64_t rsi; /* Linux: the zero page */
	uint64_t rsp;
	uint16_t selector;
} X86Entry;

/*
 * Low memory while the kernel starts. It is all RAM that the E820 map calls usable, so a kernel
 * that has taken over may reuse it; a kernel file may not be loaded over it.
 */
enum {
	X86_BOOT_GDT = 0x500,
	X86_BOOT_PVH_INFO = 0x6000,
	X86_BOOT_ZERO_PAGE = 0x7000,
	X86_BOOT_STACK = 0x8ff0,	 /* grows down; the zeros above end a backtrace */
	X86_BOOT_PAGE_TABLES = 0x9000,	 /* PML4, PDPT, 4 page directories */
	X86_BOOT_COMMAND_LINE = 0x20000, /* the kernel command line */
	X86_BOOT_COMMAND_LINE_MAX = 0x10000,
	X86_EBDA = 0x9fc00,
	X86_LOW_END = 0xa0000,
	X86_ACPI = 0xe0000, /* RSDP first: an OS looks for it from here to 1 MiB */
	X86_ACPI_MAX = 0x20000,
	X86_HIGH = 0x100000,
};

/* ---- boot.c ---- */

/* Load the kernel, initrd, command line and tables that vm->config names. */
bool x86_boot_load(struct Vm *vm, X86Entry *ret_entry, GError **error);

/* ---- boot-cpu.c ---- */

/* boot_write_cpu_tables: the GDT and page tables that the entry modes need, into RAM. */
bool boot_write_cpu_tables(GuestMemory *memory, GError **error);
/* boot_set_registers: make @vcpu_fd begin at @entry. */
bool boot_set_registers(int vcpu_fd, const X86Entry *entry, GError **error);

/* ---- boot-e820.c ---- */

#define E820_MAX 8

/* One line of the memory map; the layout that Linux and PVH have in common is written by them. */
typedef struct E820Range {
	uint64_t addr;
	uint64_t size;
	uint32_t type; /* 1 RAM, 2 reserved */
} E820Range;

/*
 * e820_build: the map for @memory, sorted; returns how many of E820_MAX ranges there are. @has_pci:
 * with PCI's configuration space, which Linux uses only if it is reserved.
 */
unsigned e820_build(const GuestMemory *memory, bool has_pci, E820Range *ranges);

/* ---- What all kinds of kernel need ---- */

typedef struct BootInput {
	const char *kernel_path; /* for messages */
	const uint8_t *kernel;
	size_t kernel_size;
	const char *initrd_path; /* NULL without one */
	const uint8_t *initrd;
	size_t initrd_size;
	const char *command_line;
	uint64_t rsdp; /* where ACPI's root pointer is */
	bool has_pci;  /* the machine has a PCI bus */
} BootInput;

/* boot_place_initrd: put it as high as possible below @limit and not below @floor; both 0 without
 * one. */
bool boot_place_initrd(GuestMemory *memory, const BootInput *input, uint64_t floor, uint64_t limit,
		       uint64_t *ret_gpa, GError **error);

/*
 * boot_write_command_line: the command line to X86_BOOT_COMMAND_LINE. FALSE when longer than @max.
 */
bool boot_write_command_line(GuestMemory *memory, const BootInput *input, size_t max,
			     GError **error);

/* ---- boot-bzimage.c: Linux's Documentation/arch/x86/boot.rst, 64-bit entry ---- */

typedef struct BzImage {
	const uint8_t *header; /* setup header: file offset 0x1f1 */
	size_t header_size;
	const uint8_t *payload; /* the protected-mode part */
	size_t payload_size;
	uint64_t load_addr;
	uint64_t run_end;	 /* the memory that it needs while unpacking ends here */
	uint64_t initrd_max;	 /* an initrd must end at or below this + 1 */
	size_t command_line_max; /* without the zero byte */
} BzImage;

/* bzimage_is: does it say that it is a Linux boot image? */
bool bzimage_is(const uint8_t *data, size_t size);
/* bzimage_parse: FALSE with @error when it cannot be started at its 64-bit entry. */
bool bzimage_parse(const uint8_t *data, size_t size, BzImage *ret, GError **error);
bool bzimage_load(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry, GError **error);

/* ---- boot-elf.c: 64-bit ELF with a PVH note (Xen's docs/misc/pvh.pandoc) ---- */

bool elf_is(const uint8_t *data, size_t size);
/* elf_find_pvh_entry: the 32-bit entry of the note XEN_ELFNOTE_PHYS32_ENTRY. */
bool elf_find_pvh_entry(const uint8_t *data, size_t size, uint32_t *ret_entry, GError **error);
/* elf_load_segments: copy all PT_LOAD segments to their physical addresses; *ret_end is behind the
 * last one. Segments that touch what lies below X86_BOOT_COMMAND_LINE + X86_BOOT_COMMAND_LINE_MAX
 * or the BIOS area are refused. */
bool elf_load_segments(GuestMemory *memory, const uint8_t *data, size_t size, uint64_t *ret_end,
		       GError **error);
bool elf_load(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry, GError **error);

/* ---- boot-flat.c: as kvmtool starts one: 1000:0000, stack at 1000:8000, no BIOS ---- */

#define FLAT_SELECTOR 0x1000
#define FLAT_STACK 0x8000
bool flat_load(GuestMemory *memory, const BootInput *input, X86Entry *ret_entry, GError **error);

/* ---- acpi.c, acpi-aml.c ---- */

/* What the tables say of the machine. */
typedef struct AcpiMachine {
	unsigned n_cpus; /* with APIC ids from 0 */
	bool has_pci, has_com2;
} AcpiMachine;

/*
 * acpi_build: RSDP, XSDT, FADT, FACS, MADT and DSDT, in one piece to be put at @base (16-byte
 * aligned), RSDP first; MCFG, too, if there is PCI. Caller unrefs.
 */
GByteArray *acpi_build(uint32_t base, const AcpiMachine *machine);
/* acpi_dsdt: the devices, as AML. Caller unrefs. */
GByteArray *acpi_dsdt(const AcpiMachine *machine);
/* acpi_table_begin / end: a table's header, and its length and checksum once it is complete. */
GByteArray *acpi_table_begin(const char signature[4], uint8_t revision);
void acpi_table_end(GByteArray *table);

#endif
