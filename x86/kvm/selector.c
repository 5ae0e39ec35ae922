/*
 * x86/kvm/selector.c - loading a segment register as the CPU would (SDM volume 3, 3.4 and 5.x).
 */
#include "x86/kvm/selector.h"

#include <linux/kvm.h>
#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/cpu/segment.h"

static bool fail(GError **error, GdbError code, const char *why)
{
	g_set_error_literal(error, GDB_ERROR, code, why);
	return false;
}

static X86SegmentKind kind_of(size_t reg)
{
	switch (reg) {
	case offsetof(struct kvm_sregs2, cs):
		return X86_SEGMENT_CODE;
	case offsetof(struct kvm_sregs2, ss):
		return X86_SEGMENT_STACK;
	case offsetof(struct kvm_sregs2, tr):
		return X86_SEGMENT_TSS;
	case offsetof(struct kvm_sregs2, ldt):
		return X86_SEGMENT_LDT;
	default:
		return X86_SEGMENT_DATA;
	}
}

static bool read_linear(ArchVcpu *vcpu, uint64_t addr, uint8_t *buf, size_t len, GError **error)
{
	ArchRoot root;
	ArchMapping mapping;

	if (!vcpu->phys_read)
		return fail(error, GDB_ERROR_IO,
			    "guest memory is not known, so no descriptor can be read");
	if (!arch_get_root(vcpu, &root, error))
		return false;
	while (len) {
		if (!arch_walk(&root, vcpu->phys_read, vcpu->phys_opaque, addr, &mapping))
			return fail(error, GDB_ERROR_FAULT, "the descriptor table is not mapped");
		size_t part = MIN(len, mapping.left);
		if (!vcpu->phys_read(vcpu->phys_opaque, mapping.gpa, buf, part))
			return fail(error, GDB_ERROR_FAULT, "the descriptor table is not in RAM");
		addr += part;
		buf += part;
		len -= part;
	}
	return true;
}

/* @len bytes at @offset of the GDT, or of the LDT. */
static bool read_table(ArchVcpu *vcpu, bool local, unsigned offset, uint8_t *buf, size_t len,
		       GError **error)
{
	const struct kvm_sregs2 *sregs = &vcpu->sregs;
	uint64_t base = local ? sregs->ldt.base : sregs->gdt.base;
	uint32_t limit = local ? sregs->ldt.limit : sregs->gdt.limit;

	if (local && sregs->ldt.unusable)
		return fail(error, GDB_ERROR_INVAL, "there is no LDT");
	if (offset + len - 1 > limit)
		return fail(error, GDB_ERROR_INVAL,
			    local ? "beyond the limit of the LDT" : "beyond the limit of the GDT");
	return read_linear(vcpu, base + offset, buf, len, error);
}

/* A null selector makes data segments and the LDT unusable; the stack's only in 64-bit code. */
static bool load_null(ArchVcpu *vcpu, X86SegmentKind kind, uint16_t selector,
		      struct kvm_segment *ret, GError **error)
{
	bool code64 = x86_long_mode(vcpu) && vcpu->sregs.cs.l;

	if (kind == X86_SEGMENT_CODE || kind == X86_SEGMENT_TSS ||
	    (kind == X86_SEGMENT_STACK && !(code64 && (selector & 3) != 3)))
		return fail(error, GDB_ERROR_INVAL, "a null selector is not allowed here");
	/* KVM takes the CPL from the DPL of the stack segment, so that one must stay right. */
	*ret = (struct kvm_segment){
		.selector = selector,
		.unusable = 1,
		.dpl = kind == X86_SEGMENT_STACK ? selector & 3 : 0,
	};
	return true;
}

static bool load_descriptor(ArchVcpu *vcpu, X86SegmentKind kind, uint16_t selector,
			    struct kvm_segment *ret, GError **error)
{
	bool system = kind == X86_SEGMENT_TSS || kind == X86_SEGMENT_LDT;
	bool wide = system && x86_long_mode(vcpu);
	bool local = x86_selector_is_local(selector);
	uint8_t desc[16];

	if (system && local)
		return fail(error, GDB_ERROR_INVAL, "this segment must be in the GDT");
	if (!read_table(vcpu, local, x86_selector_offset(selector), desc, wide ? 16 : 8, error))
		return false;
	X86Segment segment = x86_segment_decode(desc, wide);
	if (!x86_segment_check(&segment, kind, error) ||
	    (kind == X86_SEGMENT_CODE &&
	     !x86_segment_check_level(&segment, vcpu->sregs.ss.dpl, error)))
		return false;
	*ret = (struct kvm_segment){
		.base = segment.base,
		.limit = segment.limit,
		.selector = selector,
		.type = x86_segment_loaded_type(&segment, kind),
		.present = 1,
		.dpl = segment.dpl,
		.db = segment.big,
		.s = segment.code_or_data,
		.l = segment.long_code,
		.g = segment.granular,
		.avl = segment.available,
	};
	return true;
}

static struct kvm_segment load_vm86(uint16_t selector)
{
	return (struct kvm_segment){
		.base = (uint64_t)selector << 4,
		.limit = 0xffff,
		.selector = selector,
		.type = 3,
		.present = 1,
		.dpl = 3,
		.s = 1,
	};
}

/* In real mode a load changes selector and base alone; what an earlier mode left stays. */
static struct kvm_segment load_real(const struct kvm_segment *now, uint16_t selector)
{
	struct kvm_segment segment = *now;

	segment.selector = selector;
	segment.base = (uint64_t)selector << 4;
	return segment;
}

bool x86_load_selector(ArchVcpu *vcpu, size_t reg, uint16_t selector, struct kvm_segment *ret,
		       GError **error)
{
	X86SegmentKind kind = kind_of(reg);
	bool system = kind == X86_SEGMENT_TSS || kind == X86_SEGMENT_LDT;
	struct kvm_segment now;

	if (!x86_fetch(vcpu, X86_SREGS, error) || !x86_fetch(vcpu, X86_REGS, error))
		return false;
	memcpy(&now, (const uint8_t *)&vcpu->sregs + reg, sizeof(now));
	if (!(vcpu->sregs.cr0 & X86_CR0_PE)) {
		if (system)
			return fail(error, GDB_ERROR_INVAL,
				    "there are no descriptors in real mode");
		*ret = load_real(&now, selector);
		return true;
	}
	if (!system && vcpu->regs.rflags & X86_RFLAGS_VM) {
		*ret = load_vm86(selector);
		return true;
	}
	if (x86_selector_is_null(selector))
		return load_null(vcpu, kind, selector, ret, error);
	return load_descriptor(vcpu, kind, selector, ret, error);
}
