/*
 * x86/cpu/monitor.h - an x86 CPU's state as text for people, in the words that QEMU's monitor uses.
 *
 * Pure: values in, text out. Scripts and debugger plug-ins take numbers out of these texts by
 * regular expressions (`IDT=`, blanks, base, one blank, limit), so the columns are interface.
 */
#ifndef VMGDB_X86_CPU_MONITOR_H
#define VMGDB_X86_CPU_MONITOR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "x86/cpu/xsave.h"

/* @flags: the second word of the descriptor, without base and limit (SDM vol. 3, 3.4.5). */
typedef struct X86ShowSegment {
	uint16_t selector;
	uint64_t base;
	uint32_t limit;
	uint32_t flags;
} X86ShowSegment;

/* The flags word of a descriptor from its parts. */
#define X86_SHOW_FLAGS(type, s, dpl, present, avl, l, db, g)                                       \
	((uint32_t)(type) << 8 | (uint32_t)(s) << 12 | (uint32_t)(dpl) << 13 |                     \
	 (uint32_t)(present) << 15 | (uint32_t)(avl) << 20 | (uint32_t)(l) << 21 |                 \
	 (uint32_t)(db) << 22 | (uint32_t)(g) << 23)

/* The order in which they are shown. */
enum {
	X86_SHOW_ES,
	X86_SHOW_CS,
	X86_SHOW_SS,
	X86_SHOW_DS,
	X86_SHOW_FS,
	X86_SHOW_GS,
	X86_SHOW_LDT,
	X86_SHOW_TR,
	X86_SHOW_SEGMENTS,
};

typedef struct X86Show {
	unsigned cpu;
	uint64_t gpr[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8 to r15 */
	uint64_t rip, rflags;
	unsigned cpl;
	bool inhibited; /* the next instruction takes no interrupt */
	bool smm, halted;
	X86ShowSegment segments[X86_SHOW_SEGMENTS];
	uint64_t gdt_base, idt_base;
	uint16_t gdt_limit, idt_limit;
	uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
	uint64_t dr[8];
	const uint8_t *xsave; /* standard format, normalised (x86/cpu/xsave.h) */
	size_t xsave_size;
	X86XsaveLayout layout;
} X86Show;

/* x86_show_registers: what `info registers` prints for one CPU, without an empty line before. */
void x86_show_registers(const X86Show *show, GString *out);

/* x86_show_lapic: what `info lapic` prints. @regs: the 1024 bytes of the APIC's page
 * (SDM vol. 3, 10.4.1). */
void x86_show_lapic(unsigned cpu, const uint8_t *regs, GString *out);

/* One entry of the I/O APIC's redirection table (82093AA, 3.2.4), as line for pin @pin. */
void x86_show_ioapic_pin(unsigned pin, uint64_t entry, GString *out);

#endif
