/*
 * x86/cpu/segment.c - decoding and checking of segment descriptors. Knows no KVM and no vCPU.
 */
#include "x86/cpu/segment.h"

#include "gdbstub/target.h"

#define TYPE_ACCESSED 1
#define TYPE_CODE 8
#define TYPE_CONFORMING 4
#define TYPE_RW 2 /* code: readable; data: writable */
#define TYPE_LDT 2
#define TYPE_TSS 9
#define TYPE_TSS_BUSY 11

static uint64_t load32(const uint8_t *from)
{
	return from[0] | from[1] << 8 | from[2] << 16 | (uint64_t)from[3] << 24;
}

X86Segment x86_segment_decode(const uint8_t *desc, bool wide)
{
	uint64_t low = load32(desc), high = load32(desc + 4);
	X86Segment segment = {
		.base = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000),
		.limit = (low & 0xffff) | (high & 0xf0000),
		.type = high >> 8 & 0xf,
		.code_or_data = high >> 12 & 1,
		.dpl = high >> 13 & 3,
		.present = high >> 15 & 1,
		.available = high >> 20 & 1,
		.long_code = high >> 21 & 1,
		.big = high >> 22 & 1,
		.granular = high >> 23 & 1,
	};

	if (segment.granular)
		segment.limit = segment.limit << 12 | 0xfff;
	if (wide)
		segment.base |= load32(desc + 8) << 32;
	return segment;
}

/* Why @segment cannot be in a register of @kind, or NULL. */
static const char *unsuitable(const X86Segment *segment, X86SegmentKind kind)
{
	bool code = segment->type & TYPE_CODE;
	bool rw = segment->type & TYPE_RW;

	if (kind == X86_SEGMENT_TSS || kind == X86_SEGMENT_LDT) {
		if (segment->code_or_data)
			return "is code or data, not a system segment";
		if (kind == X86_SEGMENT_LDT)
			return segment->type == TYPE_LDT ? NULL : "is not an LDT";
		return (segment->type & ~2) == TYPE_TSS ? NULL : "is not a TSS";
	}
	if (!segment->code_or_data)
		return "is a system segment, not code or data";
	if (kind == X86_SEGMENT_CODE)
		return code ? NULL : "is data, not code";
	if (kind == X86_SEGMENT_STACK)
		return !code && rw ? NULL : "is not writable data";
	return !code || rw ? NULL : "is code that cannot be read";
}

bool x86_segment_check(const X86Segment *segment, X86SegmentKind kind, GError **error)
{
	const char *why = unsuitable(segment, kind);

	if (!why && !segment->present)
		why = "is not present";
	if (!why)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "the descriptor of this selector %s", why);
	return false;
}

bool x86_segment_check_level(const X86Segment *segment, unsigned cpl, GError **error)
{
	bool fits = segment->type & TYPE_CONFORMING ? segment->dpl <= cpl : segment->dpl == cpl;

	if (!fits)
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "its descriptor is for privilege level %u, but the CPU is at level %u, "
			    "which ss says: set $ss first",
			    segment->dpl, cpl);
	return fits;
}

uint8_t x86_segment_loaded_type(const X86Segment *segment, X86SegmentKind kind)
{
	if (kind == X86_SEGMENT_TSS)
		return TYPE_TSS_BUSY;
	if (kind == X86_SEGMENT_LDT)
		return TYPE_LDT;
	return segment->type | TYPE_ACCESSED;
}
