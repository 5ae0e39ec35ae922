/*
 * x86/cpu/segment.h - segment descriptors: from the guest's GDT or LDT to what a selector load
 * gives.
 *
 * Pure: no KVM header. SDM volume 3, 3.4.5 (segment descriptors), 3.5 (system descriptors),
 * 8.2.3 (TSS descriptor in 64-bit mode).
 */
#ifndef VMGDB_X86_CPU_SEGMENT_H
#define VMGDB_X86_CPU_SEGMENT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the selector is loaded into. */
typedef enum X86SegmentKind {
	X86_SEGMENT_CODE,
	X86_SEGMENT_STACK,
	X86_SEGMENT_DATA,
	X86_SEGMENT_TSS,
	X86_SEGMENT_LDT,
} X86SegmentKind;

typedef struct X86Segment {
	uint64_t base;
	uint32_t limit; /* in bytes, granularity applied */
	uint8_t type;	/* 4 bits */
	uint8_t dpl;
	bool code_or_data; /* the S bit */
	bool present;
	bool available; /* the AVL bit */
	bool long_code; /* the L bit */
	bool big;	/* the D/B bit */
	bool granular;	/* the G bit */
} X86Segment;

/* The table index of @selector in bytes, and which table it is in. */
static inline unsigned x86_selector_offset(uint16_t selector)
{
	return selector & ~7u;
}

static inline bool x86_selector_is_local(uint16_t selector)
{
	return selector & 4;
}

/* Selectors 0 to 3 refer to nothing. */
static inline bool x86_selector_is_null(uint16_t selector)
{
	return selector < 4;
}

/* x86_segment_decode: @desc has 8 bytes, or 16 for a TSS or LDT in long mode (@wide). */
X86Segment x86_segment_decode(const uint8_t *desc, bool wide);

/*
 * x86_segment_check: may a selector for @segment be loaded into a register of @kind?
 * FALSE with GDB_ERROR_INVAL that says what is wrong. Who may load it is not checked: a debugger
 * may.
 */
bool x86_segment_check(const X86Segment *segment, X86SegmentKind kind, GError **error);

/*
 * x86_segment_check_level: may code at privilege level @cpl have this code segment? CPUs with VMX
 * refuse to enter a guest that has another (SDM vol. 3, 27.3.1.2). FALSE with GDB_ERROR_INVAL.
 */
bool x86_segment_check_level(const X86Segment *segment, unsigned cpl, GError **error);

/* x86_segment_loaded_type: the type as the CPU holds it after the load: accessed, busy. */
uint8_t x86_segment_loaded_type(const X86Segment *segment, X86SegmentKind kind);

#endif
