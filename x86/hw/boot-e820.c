/*
 * x86/hw/boot-e820.c - the memory map that the guest gets.
 */
#include "x86/hw/machine.h"

#define E820_RAM 1
#define E820_RESERVED 2

static unsigned add(E820Range *ranges, unsigned n, uint64_t start, uint64_t end, uint32_t type)
{
	if (start < end)
		ranges[n++] = (E820Range){.addr = start, .size = end - start, .type = type};
	return n;
}

unsigned e820_build(const GuestMemory *memory, bool has_pci, E820Range *ranges)
{
	unsigned n = 0;

	for (unsigned i = 0; i < memory->n_banks; i++) {
		uint64_t start = memory->bank[i].gpa;
		uint64_t end = start + memory->bank[i].size;

		if (start == 0) {
			/* Page 0 stays usable: Linux reserves it by itself. */
			n = add(ranges, n, 0, X86_EBDA, E820_RAM);
			n = add(ranges, n, X86_EBDA, X86_LOW_END, E820_RESERVED);
			n = add(ranges, n, X86_ACPI, X86_HIGH, E820_RESERVED);
			start = X86_HIGH;
		}
		n = add(ranges, n, start, end, E820_RAM);
		/* The first bank ends below it, another one begins above. */
		if (i == 0 && has_pci)
			n = add(ranges, n, X86_PCI_ECAM, X86_PCI_ECAM + PCI_ECAM_SIZE,
				E820_RESERVED);
	}
	return n;
}
