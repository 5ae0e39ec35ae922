/*
 * x86/kvm/reg-access.c - reading and writing one register row through the vCPU's cache.
 *
 * Registers that KVM can refuse (control, segment, debug, model-specific) are written to KVM at
 * once, so that the client learns of it; the general and vector registers wait for arch_flush().
 * Writing the value that is there already does nothing: gdb writes back whole sets of registers,
 * and loading a selector or setting the TSC has side effects.
 */
#include "x86/kvm/reg-access.h"

#include <linux/kvm.h>
#include <string.h>

#include "x86/cpu/bits.h"
#include "x86/kvm/selector.h"

/* The flags that exist (SDM volume 1, figure 3-8): KVM_RUN fails when another one is set. */
#define RFLAGS_LEGAL 0x3f7fd7ull
#define MXCSR_LEGAL 0xffffu /* all of it, on every CPU with 64-bit mode */

/* The widest row: half a zmm register. */
#define ROW_MAX 32

/* Where the cache holds the rows of one source, and how they are written. */
typedef struct SourceOps {
	X86Group group;
	size_t base; /* in ArchVcpu, for at_offset() */
	size_t len;  /* of the field; 0: as the row */
	/* The field of @reg, little-endian; NULL: this vCPU does not have it. */
	uint8_t *(*at)(ArchVcpu *vcpu, const GdbReg *reg);
	/* @buf differs from what the row reads. */
	bool (*write)(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error);
} SourceOps;

static const SourceOps source_ops[X86_N_SOURCES];

static uint8_t *at_offset(ArchVcpu *vcpu, const GdbReg *reg)
{
	return (uint8_t *)vcpu + source_ops[reg->source].base + reg->id;
}

static uint8_t *at_msr(ArchVcpu *vcpu, const GdbReg *reg)
{
	unsigned slot = x86_msr_slot(reg->id);

	if (slot == X86_N_MSRS || !vcpu->msrs[slot].present)
		return NULL;
	return (uint8_t *)&vcpu->msrs[slot].value;
}

static uint8_t *at_xcr(ArchVcpu *vcpu, const GdbReg *reg)
{
	for (unsigned i = 0; i < MIN(vcpu->xcrs.nr_xcrs, KVM_MAX_XCRS); i++)
		if (vcpu->xcrs.xcrs[i].xcr == reg->id)
			return (uint8_t *)&vcpu->xcrs.xcrs[i].value;
	return NULL;
}

static uint8_t *at_x87(ArchVcpu *vcpu, const GdbReg *reg)
{
	return vcpu->xsave + reg->id;
}

static uint8_t *at_xsave(ArchVcpu *vcpu, const GdbReg *reg)
{
	const X86XsaveLayout *layout = &vcpu->xsave_layout;
	uint64_t component = x86_xsave_id_component(reg->id);
	size_t in_component = x86_xsave_id_offset(reg->id);
	size_t offset = layout->offset[component] + in_component;

	if (in_component + gdb_reg_bytes(reg) > layout->size[component] ||
	    offset + gdb_reg_bytes(reg) > vcpu->xsave_size)
		return NULL;
	return vcpu->xsave + offset;
}

static uint8_t *at_orig_rax(ArchVcpu *vcpu, const GdbReg *reg)
{
	(void)reg;
	return (uint8_t *)&vcpu->orig_rax;
}

static uint64_t value_of(const GdbReg *reg, const uint8_t *buf)
{
	uint64_t value = 0;

	memcpy(&value, buf, MIN(gdb_reg_bytes(reg), sizeof(value)));
	return value;
}

static bool refuse(const GdbReg *reg, uint64_t value, const char *why, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "%s cannot be 0x%" G_GINT64_MODIFIER "x: %s",
		    reg->name, value, why);
	return false;
}

/* Do the bits above the linear address width repeat the highest one? Needs valid sregs. */
static bool is_canonical(const ArchVcpu *vcpu, uint64_t addr)
{
	unsigned unused = vcpu->sregs.cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(addr << unused) >> unused) == addr;
}

/* What makes KVM_RUN fail later (SDM volume 3, 27.3.1.4) is refused here. */
static const char *bad_rip(ArchVcpu *vcpu, uint64_t rip)
{
	if (!(x86_long_mode(vcpu) && vcpu->sregs.cs.l))
		return rip >> 32 ? "the CPU is not in 64-bit mode" : NULL;
	return is_canonical(vcpu, rip) ? NULL : "not a canonical address";
}

static bool write_regs(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	uint64_t value = value_of(reg, buf);
	const char *why = NULL;

	bool is_pc = reg->id == offsetof(struct kvm_regs, rip);
	bool is_flags = reg->id == offsetof(struct kvm_regs, rflags);

	if ((is_pc || is_flags) && !x86_fetch(vcpu, X86_SREGS, error))
		return false;
	if (is_pc)
		why = bad_rip(vcpu, value);
	if (is_flags) {
		/* Flags that do not exist are ignored, as POPF ignores them. */
		value = (value & RFLAGS_LEGAL) | X86_RFLAGS_FIXED;
		if (value & X86_RFLAGS_VM && x86_long_mode(vcpu))
			why = "there is no virtual 8086 mode in long mode";
	}
	if (why)
		return refuse(reg, value, why, error);
	memcpy(at_offset(vcpu, reg), &value, sizeof(value));
	x86_mark_dirty(vcpu, X86_REGS);
	return true;
}

static bool write_xsave(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	uint64_t component = x86_xsave_id_component(reg->id);

	if (component == X86_XC_SSE && x86_xsave_id_offset(reg->id) == X86_XSAVE_MXCSR &&
	    value_of(reg, buf) & ~MXCSR_LEGAL)
		return refuse(reg, value_of(reg, buf), "bits 16 to 31 are reserved", error);
	memcpy(at_xsave(vcpu, reg), buf, gdb_reg_bytes(reg));
	x86_xsave_touch(vcpu->xsave, component);
	x86_mark_dirty(vcpu, X86_XSAVE);
	return true;
}

/* gdb gives 32 bits for fields of 16; the rest means nothing. */
static bool write_x87(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	(void)error;
	memcpy(at_x87(vcpu, reg), buf, source_ops[reg->source].len);
	x86_xsave_touch(vcpu->xsave, X86_XC_X87);
	x86_mark_dirty(vcpu, X86_XSAVE);
	return true;
}

static bool write_ftag(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	(void)error;
	vcpu->xsave[X86_XSAVE_FTW] = x86_ftag_abridge(value_of(reg, buf));
	x86_xsave_touch(vcpu->xsave, X86_XC_X87);
	x86_mark_dirty(vcpu, X86_XSAVE);
	return true;
}

static bool write_orig_rax(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	(void)error;
	vcpu->orig_rax = value_of(reg, buf);
	return true;
}

/* Some values KVM takes and then drops bits of, as AMD's CPUs do for sysenter_esp. */
static bool not_kept(const char *name, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "KVM does not keep this value of %s", name);
	return false;
}

/*
 * gdb writes back all registers that it can read after a function call, so also the TSC. Doing
 * that would turn the guest's clock back; so a time between what a client was shown and now is
 * taken for such a restoration and left alone.
 */
static bool restores_tsc(ArchVcpu *vcpu, const GdbReg *reg, uint64_t value)
{
	uint64_t now;

	if (reg->id != X86_MSR_TSC || !vcpu->tsc_shown)
		return false;
	memcpy(&now, at_msr(vcpu, reg), sizeof(now));
	return value >= vcpu->tsc_shown && value <= now;
}

static bool write_msr(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	unsigned slot = x86_msr_slot(reg->id);
	uint64_t value = value_of(reg, buf), before = vcpu->msrs[slot].value;

	if (restores_tsc(vcpu, reg, value))
		return true;
	if (!x86_write_msr(vcpu, slot, value, error)) {
		g_prefix_error(error, "KVM refuses this value of %s: ", reg->name);
		return false;
	}
	if (!x86_fetch(vcpu, X86_MSRS, error))
		return false;
	if (reg->id == X86_MSR_TSC || vcpu->msrs[slot].value == value)
		return true;
	x86_write_msr(vcpu, slot, before, NULL);
	return not_kept(reg->name, error);
}

/*
 * Change @len bytes @at the cache of @group to @value and let KVM have its say; the first @check
 * bytes must come back. The cache and KVM are as before when it fails.
 */
static bool commit(ArchVcpu *vcpu, X86Group group, uint8_t *at, const void *value, size_t len,
		   size_t check, const char *name, GError **error)
{
	g_autofree uint8_t *before = g_memdup2(at, len);

	memcpy(at, value, len);
	if (!x86_store(vcpu, group, error)) {
		memcpy(at, before, len);
		g_prefix_error(error, "KVM refuses this value of %s: ", name);
		return false;
	}
	if (!x86_fetch(vcpu, group, error))
		return false;
	if (memcmp(at, value, check) == 0)
		return true;
	memcpy(at, before, len);
	x86_store(vcpu, group, NULL);
	return not_kept(name, error);
}

static bool write_at_once(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	const SourceOps *ops = &source_ops[reg->source];
	size_t len = gdb_reg_bytes(reg);

	return commit(vcpu, ops->group, ops->at(vcpu, reg), buf, len, len, reg->name, error);
}

static bool write_sregs(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	bool table = reg->id == offsetof(struct kvm_sregs2, gdt.base) ||
		     reg->id == offsetof(struct kvm_sregs2, idt.base);

	if (table && !is_canonical(vcpu, value_of(reg, buf)))
		return refuse(reg, value_of(reg, buf), "not a canonical address", error);
	return write_at_once(vcpu, reg, buf, error);
}

static bool write_segment(ArchVcpu *vcpu, const GdbReg *reg, const struct kvm_segment *segment,
			  GError **error)
{
	/* Base, limit and selector; KVM may tidy up the attributes. */
	size_t check = offsetof(struct kvm_segment, type);
	uint8_t *at = (uint8_t *)&vcpu->sregs + reg->id;

	return commit(vcpu, X86_SREGS, at, segment, sizeof(*segment), check, reg->name, error);
}

static bool write_selector(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	struct kvm_segment segment;
	uint64_t value = value_of(reg, buf);

	if (value > UINT16_MAX)
		return refuse(reg, value, "a selector has 16 bits", error);
	if (!x86_load_selector(vcpu, reg->id, value, &segment, error)) {
		g_prefix_error(error, "%s cannot be 0x%x: ", reg->name, (unsigned)value);
		return false;
	}
	return write_segment(vcpu, reg, &segment, error);
}

static bool write_base(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	bool narrow = reg->id == offsetof(struct kvm_sregs2, cs) ||
		      reg->id == offsetof(struct kvm_sregs2, ss) ||
		      reg->id == offsetof(struct kvm_sregs2, ds) ||
		      reg->id == offsetof(struct kvm_sregs2, es);
	uint64_t value = value_of(reg, buf);

	if (narrow && value >> 32)
		return refuse(reg, value, "the base of this segment has 32 bits", error);
	if (!is_canonical(vcpu, value))
		return refuse(reg, value, "not a canonical address", error);
	return write_at_once(vcpu, reg, buf, error);
}

static bool write_limit(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	struct kvm_segment segment;
	uint32_t limit = value_of(reg, buf);
	bool pages = (limit & 0xfff) == 0xfff;

	memcpy(&segment, (uint8_t *)&vcpu->sregs + reg->id, sizeof(segment));
	if (limit >> 20 && !pages)
		return refuse(reg, limit, "a limit from 1 MiB on ends with 0xfff", error);
	/* Granularity must fit the limit (SDM volume 3, 27.3.1.2). */
	if (limit >> 20)
		segment.g = 1;
	else if (!pages)
		segment.g = 0;
	segment.limit = limit;
	return write_segment(vcpu, reg, &segment, error);
}

#define SEGMENT(member) (offsetof(ArchVcpu, sregs) + offsetof(struct kvm_segment, member))

static const SourceOps source_ops[X86_N_SOURCES] = {
	[X86_FROM_REGS] = {X86_REGS, offsetof(ArchVcpu, regs), 0, at_offset, write_regs},
	[X86_FROM_SREGS] = {X86_SREGS, offsetof(ArchVcpu, sregs), 0, at_offset, write_sregs},
	[X86_FROM_SELECTOR] = {X86_SREGS, SEGMENT(selector), 2, at_offset, write_selector},
	[X86_FROM_BASE] = {X86_SREGS, SEGMENT(base), 0, at_offset, write_base},
	[X86_FROM_LIMIT] = {X86_SREGS, SEGMENT(limit), 0, at_offset, write_limit},
	[X86_FROM_MSR] = {X86_MSRS, 0, 0, at_msr, write_msr},
	[X86_FROM_DEBUGREGS] = {X86_DEBUGREGS, offsetof(ArchVcpu, debugregs), 0, at_offset,
				write_at_once},
	[X86_FROM_XCR] = {X86_XCRS, 0, 0, at_xcr, write_at_once},
	[X86_FROM_X87_WORD] = {X86_XSAVE, 0, 2, at_x87, write_x87},
	[X86_FROM_X87_HALF] = {X86_XSAVE, 0, 4, at_x87, write_x87},
	[X86_FROM_FTAG] = {X86_XSAVE, 0, 0, at_x87, write_ftag},
	[X86_FROM_XSAVE] = {X86_XSAVE, 0, 0, at_xsave, write_xsave},
	[X86_FROM_ORIG_RAX] = {X86_REGS, 0, 0, at_orig_rax, write_orig_rax},
};

static bool read_row(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	const SourceOps *ops = &source_ops[reg->source];
	size_t len = gdb_reg_bytes(reg), known = ops->len ? ops->len : len;
	const uint8_t *at;
	uint16_t ftag;

	if (!x86_fetch(vcpu, ops->group, error))
		return false;
	at = ops->at(vcpu, reg);
	if (!at) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "this vCPU has no %s", reg->name);
		return false;
	}
	if (reg->source == X86_FROM_FTAG) {
		ftag = x86_ftag_from_xsave(vcpu->xsave);
		at = (const uint8_t *)&ftag;
		known = sizeof(ftag);
	}
	memcpy(buf, at, known);
	if (known < len)
		memset(buf + known, 0, len - known);
	return true;
}

bool arch_read_reg(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error)
{
	if (!read_row(vcpu, reg, buf, error))
		return false;
	if (reg->source == X86_FROM_MSR && reg->id == X86_MSR_TSC && !vcpu->tsc_shown)
		vcpu->tsc_shown = value_of(reg, buf);
	return true;
}

bool arch_write_reg(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error)
{
	uint8_t now[ROW_MAX];

	if (!read_row(vcpu, reg, now, error))
		return false;
	if (memcmp(now, buf, gdb_reg_bytes(reg)) == 0)
		return true;
	return source_ops[reg->source].write(vcpu, reg, buf, error);
}
