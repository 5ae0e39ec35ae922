/*
 * x86/kvm/vcpu.h - one x86 vCPU's register cache: what was read of KVM, what must be written back.
 *
 * Private to x86/. A group is one KVM structure; it is read by its ioctl at the first use after
 * arch_forget() and written by arch_flush() when it was marked dirty. All functions run while the
 * vCPU is outside KVM_RUN, on any thread, never two at once for one vCPU (kvm/arch.h).
 * KVM api.txt 4.11 (GET_REGS), 4.13 (GET_SREGS), 4.128 (SREGS2), 4.31 (VCPU_EVENTS),
 * 4.33 (DEBUGREGS), 4.42 (XSAVE), 4.44 (XCRS), 4.18 (MSRS).
 */
#ifndef VMGDB_X86_KVM_VCPU_H
#define VMGDB_X86_KVM_VCPU_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvm/arch.h"
#include "x86/cpu/debugreg.h"
#include "x86/cpu/xsave.h"

typedef enum X86Group {
	X86_REGS,      /* ArchVcpu.regs */
	X86_SREGS,     /* .sregs */
	X86_XSAVE,     /* .xsave: x87, SSE, AVX, ... */
	X86_XCRS,      /* .xcrs */
	X86_DEBUGREGS, /* .debugregs: the guest's own DR0-7 */
	X86_EVENTS,    /* .events */
	X86_MSRS,      /* .msrs; never dirty: x86_write_msr() writes at once */
	X86_N_GROUPS,
} X86Group;

/* The model-specific registers that have a row; in the order of x86_msr_index[]. */
#define X86_N_MSRS 11
extern const uint32_t x86_msr_index[X86_N_MSRS];
/* x86_msr_slot: where in x86_msr_index[] the MSR @index is; X86_N_MSRS: it is not. */
unsigned x86_msr_slot(uint64_t index);

typedef struct X86Msr {
	bool present; /* FALSE: this vCPU does not have it */
	uint64_t value;
} X86Msr;

/* Does it run a nested guest? Asked once after each run. */
typedef enum X86Nested { X86_NESTED_UNKNOWN, X86_NESTED_NO, X86_NESTED_YES } X86Nested;

/* What the guest debugs itself with, while we do, too: x86/kvm/own.h. */
typedef struct X86Own {
	bool is_hidden; /* KVM steps: flags that it shows have no TF, and it drops the guest's */
	bool tf;	/* meanwhile: the guest has TF set itself */
	bool ours; /* debug registers of ours are in force; @slots: which of them are its own */
	X86OwnSlots slots;
	uint64_t cause; /* DR6 of the last #DB, as far as that is the guest's; 0: nothing is */
	bool has_ended; /* the last #DB was the end of a step of ours, */
	uint64_t ended; /* at this linear address */
} X86Own;

struct ArchVcpu {
	int fd;
	struct kvm_run *run;
	unsigned valid; /* bit per X86Group: read since the vCPU ran */
	unsigned dirty; /* bit per X86Group: changed here, not yet in KVM; always valid too */

	struct kvm_regs regs;
	struct kvm_sregs2 sregs; /* also where KVM has only the older ioctl */
	bool has_sregs2;
	uint64_t interrupt_bitmap[(KVM_NR_INTERRUPTS + 63) / 64]; /* older ioctl only */
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	X86Msr msrs[X86_N_MSRS];

	/*
	 * Standard (not compacted) format. Normalised when read: a component that is absent in
	 * XSTATE_BV holds its initial state, so readers need not look at XSTATE_BV; writers set
	 * the component's bit. Its size covers everything the host CPU can save (CPUID 0xD.0).
	 */
	uint8_t *xsave;
	size_t xsave_size;
	X86XsaveLayout xsave_layout;

	bool asked_for_regs;  /* the next KVM_RUN leaves regs, sregs, events in kvm_run */
	bool may_ask;	      /* or may be asked for that until it ends */
	bool knows_sync;      /* it did so once: it takes registers out of kvm_run, too */
	bool gave_regs;	      /* the next KVM_RUN takes regs out of kvm_run */
	X86Nested nested;     /* x86/kvm/nested.c */
	bool awake;	      /* known neither to be in HLT nor off, without asking KVM */
	X86Own own;	      /* x86/kvm/own.h */
	uint64_t fetched_rip; /* rip as KVM had it, to see whether the debugger moved it */
	uint64_t orig_rax;    /* not a register: see x86/kvm/reg-table.c */
	uint64_t tsc_shown;   /* the least TSC value that a client has read; 0: none */

	ArchPhysRead phys_read; /* NULL: none installed */
	void *phys_opaque;

	void *debug; /* x86/kvm/debug.c's own; NULL at first, freed by g_free() with the vCPU */
};

/*
 * x86_fetch: make @group valid. Does nothing when it is valid already.
 * FALSE with GDB_ERROR_IO and a message that names the ioctl.
 */
bool x86_fetch(ArchVcpu *vcpu, X86Group group, GError **error);

/*
 * x86_mark_dirty: @group, which must be valid, was changed in the cache: arch_flush() writes it.
 * Not for X86_MSRS.
 */
void x86_mark_dirty(ArchVcpu *vcpu, X86Group group);

/*
 * x86_store: write @group now, dirty or not, and read it back on the next use (KVM may have
 * changed what it was given). FALSE with GDB_ERROR_IO and a message that names the ioctl;
 * the group stays as it is in the cache. Not for X86_MSRS.
 */
bool x86_store(ArchVcpu *vcpu, X86Group group, GError **error);

/* x86_msr_value: of the MSR @index, as X86_MSRS was fetched; 0 where this vCPU has none. */
uint64_t x86_msr_value(const ArchVcpu *vcpu, uint64_t index);
/*
 * x86_write_msr: write one of x86_msr_index[] in KVM at once; X86_MSRS is then read again. Never
 * part of a group write, since writing the TSC back as it was read would turn the guest's clock
 * back.
 */
bool x86_write_msr(ArchVcpu *vcpu, unsigned which, uint64_t value, GError **error);

/*
 * x86_ask_for_regs: let the KVM_RUN that follows leave registers in kvm_run, so that X86_REGS,
 * X86_SREGS and X86_EVENTS are valid after the next arch_forget() without their ioctls (KVM api.txt
 * 5, kvm_valid_regs). For runs that are sure to be looked at: others would pay for it.
 */
void x86_ask_for_regs(ArchVcpu *vcpu);

/*
 * x86_get_mp_state: KVM_GET_MP_STATE. It changes registers where an INIT or SIPI waits for the CPU:
 * so what was changed in the cache goes to KVM before, and groups may have to be fetched again.
 */
bool x86_get_mp_state(ArchVcpu *vcpu, uint32_t *ret);

/* x86_long_mode: does the vCPU run with EFER.LMA? Needs a valid X86_SREGS. */
bool x86_long_mode(const ArchVcpu *vcpu);

#endif
