/*
 * x86/kvm/core-notes.c - one x86 CPU in an ELF core file: NT_PRSTATUS as Linux for x86-64 has it,
 * and the note named QEMU, from which crash and drgn take CR3 and IDT, and know the dump as a
 * machine's.
 */
#include <elf.h>
#include <linux/kvm.h>
#include <string.h>

#include "guest/vmcore.h"
#include "x86/cpu/bits.h"
#include "x86/cpu/monitor.h"
#include "x86/kvm/vcpu.h"

/* struct elf_prstatus of the x86-64 ABI; only what a dump of a machine can know is named. */
typedef struct Prstatus {
	uint8_t head[32];
	uint32_t pid;
	uint8_t times[76];
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax,
		rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
	uint32_t fpvalid, pad;
} Prstatus;
G_STATIC_ASSERT(sizeof(Prstatus) == 336);

typedef struct QemuSegment {
	uint32_t selector, limit, flags, pad;
	uint64_t base;
} QemuSegment;

/* The layout of QEMU's note, version 1. */
typedef struct QemuState {
	uint32_t version, size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
		rflags;
	QemuSegment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base;
} QemuState;
G_STATIC_ASSERT(sizeof(QemuState) == 440);

#define COPY(name) .name = regs->name
/* What both notes have of struct kvm_regs, and name alike. */
#define COPY_ALL                                                                                   \
	COPY(rax), COPY(rbx), COPY(rcx), COPY(rdx), COPY(rsi), COPY(rdi), COPY(rsp), COPY(rbp),    \
		COPY(r8), COPY(r9), COPY(r10), COPY(r11), COPY(r12), COPY(r13), COPY(r14),         \
		COPY(r15), COPY(rip), COPY(rflags)

static void add_prstatus(const ArchVcpu *vcpu, unsigned index, GByteArray *notes)
{
	const struct kvm_regs *regs = &vcpu->regs;
	const struct kvm_sregs2 *sregs = &vcpu->sregs;
	Prstatus status = {
		.pid = index + 1,
		COPY_ALL,
		.orig_rax = UINT64_MAX,
		.cs = sregs->cs.selector,
		.ss = sregs->ss.selector,
		.ds = sregs->ds.selector,
		.es = sregs->es.selector,
		.fs = sregs->fs.selector,
		.gs = sregs->gs.selector,
		.fs_base = sregs->fs.base,
		.gs_base = sregs->gs.base,
	};

	vmcore_add_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

static QemuSegment to_segment(const struct kvm_segment *from)
{
	return (QemuSegment){.selector = from->selector,
			     .limit = from->limit,
			     .flags = X86_SHOW_FLAGS(from->type, from->s, from->dpl, from->present,
						     from->avl, from->l, from->db, from->g),
			     .base = from->base};
}

static QemuSegment to_table(const struct kvm_dtable *from)
{
	return (QemuSegment){.limit = from->limit, .base = from->base};
}

static uint64_t kernel_gs_base(ArchVcpu *vcpu)
{
	return x86_fetch(vcpu, X86_MSRS, NULL) ? x86_msr_value(vcpu, X86_MSR_KERNEL_GS_BASE) : 0;
}

static void add_qemu(ArchVcpu *vcpu, GByteArray *notes)
{
	const struct kvm_regs *regs = &vcpu->regs;
	const struct kvm_sregs2 *sregs = &vcpu->sregs;
	QemuState state = {
		.version = 1,
		.size = sizeof(state),
		COPY_ALL,
		.cs = to_segment(&sregs->cs),
		.ds = to_segment(&sregs->ds),
		.es = to_segment(&sregs->es),
		.fs = to_segment(&sregs->fs),
		.gs = to_segment(&sregs->gs),
		.ss = to_segment(&sregs->ss),
		.ldt = to_segment(&sregs->ldt),
		.tr = to_segment(&sregs->tr),
		.gdt = to_table(&sregs->gdt),
		.idt = to_table(&sregs->idt),
		.cr = {sregs->cr0, 0, sregs->cr2, sregs->cr3, sregs->cr4},
		.kernel_gs_base = kernel_gs_base(vcpu),
	};

	vmcore_add_note(notes, "QEMU", 0, &state, sizeof(state));
}

bool arch_core_notes(ArchVcpu *vcpu, unsigned index, GByteArray *notes, GError **error)
{
	if (!x86_fetch(vcpu, X86_REGS, error) || !x86_fetch(vcpu, X86_SREGS, error))
		return false;
	add_prstatus(vcpu, index, notes);
	add_qemu(vcpu, notes);
	return true;
}
