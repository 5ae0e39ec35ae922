/*
 * x86/kvm/vcpu.c - reading and writing a vCPU's state in KVM, one structure at a time.
 *
 * Owns the cache behind ArchVcpu and the order in which it goes back to KVM. Knows no register
 * rows: those are x86/kvm/reg-access.c.
 */
#include "x86/kvm/vcpu.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "x86/cpu/bits.h"
#include "x86/kvm/own.h"

const uint32_t x86_msr_index[] = {
	X86_MSR_KERNEL_GS_BASE,
	X86_MSR_STAR,
	X86_MSR_LSTAR,
	X86_MSR_CSTAR,
	X86_MSR_FMASK,
	X86_MSR_SYSENTER_CS,
	X86_MSR_SYSENTER_ESP,
	X86_MSR_SYSENTER_EIP,
	X86_MSR_PAT,
	X86_MSR_TSC,
	X86_MSR_TSC_AUX,
};

unsigned x86_msr_slot(uint64_t index)
{
	unsigned slot = 0;

	while (slot < X86_N_MSRS && x86_msr_index[slot] != index)
		slot++;
	return slot;
}

uint64_t x86_msr_value(const ArchVcpu *vcpu, uint64_t index)
{
	unsigned slot = x86_msr_slot(index);

	return slot < X86_N_MSRS && vcpu->msrs[slot].present ? vcpu->msrs[slot].value : 0;
}

#define BIT_OF(group) (1u << (group))

static bool vcpu_ioctl(ArchVcpu *vcpu, unsigned long request, void *arg, const char *name,
		       GError **error)
{
	if (ioctl(vcpu->fd, request, arg) == 0)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "%s: %s", name, g_strerror(errno));
	return false;
}

static bool get_regs(ArchVcpu *vcpu, GError **error)
{
	if (!vcpu_ioctl(vcpu, KVM_GET_REGS, &vcpu->regs, "KVM_GET_REGS", error))
		return false;
	x86_own_show_tf(vcpu);
	vcpu->fetched_rip = vcpu->regs.rip;
	return true;
}

/*
 * KVM_SET_REGS drops an exception that waits to be delivered. It still belongs to the guest when
 * the debugger only changed other registers, so put it back; when pc was moved it belongs to
 * an instruction that is not executed any more.
 */
static bool set_regs(ArchVcpu *vcpu, GError **error)
{
	bool moved = vcpu->regs.rip != vcpu->fetched_rip;

	if (!moved && !x86_fetch(vcpu, X86_EVENTS, error))
		return false;
	if (!vcpu_ioctl(vcpu, KVM_SET_REGS, &vcpu->regs, "KVM_SET_REGS", error))
		return false;
	x86_own_note_tf(vcpu);
	vcpu->fetched_rip = vcpu->regs.rip;
	if (moved && !(vcpu->dirty & BIT_OF(X86_EVENTS)))
		vcpu->valid &= ~BIT_OF(X86_EVENTS);
	else if (vcpu->events.exception.pending || vcpu->events.exception.injected)
		vcpu->dirty |= BIT_OF(X86_EVENTS);
	return true;
}

/* struct kvm_sregs begins like struct kvm_sregs2 and ends with the bitmap instead of PDPTEs. */
#define SREGS_COMMON offsetof(struct kvm_sregs2, flags)
G_STATIC_ASSERT(SREGS_COMMON == offsetof(struct kvm_sregs, interrupt_bitmap));

static void set_old_format(ArchVcpu *vcpu, const struct kvm_sregs *old)
{
	memset(&vcpu->sregs, 0, sizeof(vcpu->sregs));
	memcpy(&vcpu->sregs, old, SREGS_COMMON);
	memcpy(vcpu->interrupt_bitmap, old->interrupt_bitmap, sizeof(old->interrupt_bitmap));
}

static bool get_old_sregs(ArchVcpu *vcpu, GError **error)
{
	struct kvm_sregs old;

	if (!vcpu_ioctl(vcpu, KVM_GET_SREGS, &old, "KVM_GET_SREGS", error))
		return false;
	set_old_format(vcpu, &old);
	return true;
}

static bool get_sregs(ArchVcpu *vcpu, GError **error)
{
	if (!vcpu->has_sregs2)
		return get_old_sregs(vcpu, error);
	return vcpu_ioctl(vcpu, KVM_GET_SREGS2, &vcpu->sregs, "KVM_GET_SREGS2", error);
}

static bool set_sregs(ArchVcpu *vcpu, GError **error)
{
	struct kvm_sregs2 copy = vcpu->sregs;
	struct kvm_sregs old;

	if (vcpu->has_sregs2) {
		/* The PDPTEs that were read belong to the cr3 that was read: let KVM load them. */
		copy.flags = 0;
		return vcpu_ioctl(vcpu, KVM_SET_SREGS2, &copy, "KVM_SET_SREGS2", error);
	}
	memcpy(&old, &copy, SREGS_COMMON);
	memcpy(old.interrupt_bitmap, vcpu->interrupt_bitmap, sizeof(old.interrupt_bitmap));
	return vcpu_ioctl(vcpu, KVM_SET_SREGS, &old, "KVM_SET_SREGS", error);
}

/* KVM_GET_XSAVE2 is younger; before it nothing was larger than struct kvm_xsave. */
static bool get_xsave(ArchVcpu *vcpu, GError **error)
{
	memset(vcpu->xsave, 0, vcpu->xsave_size);
	if (ioctl(vcpu->fd, KVM_GET_XSAVE2, vcpu->xsave) != 0 &&
	    !vcpu_ioctl(vcpu, KVM_GET_XSAVE, vcpu->xsave, "KVM_GET_XSAVE", error))
		return false;
	x86_xsave_normalise(vcpu->xsave, vcpu->xsave_size, &vcpu->xsave_layout);
	return true;
}

static bool set_xsave(ArchVcpu *vcpu, GError **error)
{
	return vcpu_ioctl(vcpu, KVM_SET_XSAVE, vcpu->xsave, "KVM_SET_XSAVE", error);
}

static bool get_xcrs(ArchVcpu *vcpu, GError **error)
{
	return vcpu_ioctl(vcpu, KVM_GET_XCRS, &vcpu->xcrs, "KVM_GET_XCRS", error);
}

static bool set_xcrs(ArchVcpu *vcpu, GError **error)
{
	return vcpu_ioctl(vcpu, KVM_SET_XCRS, &vcpu->xcrs, "KVM_SET_XCRS", error);
}

static bool get_debugregs(ArchVcpu *vcpu, GError **error)
{
	return vcpu_ioctl(vcpu, KVM_GET_DEBUGREGS, &vcpu->debugregs, "KVM_GET_DEBUGREGS", error);
}

static bool set_debugregs(ArchVcpu *vcpu, GError **error)
{
	return vcpu_ioctl(vcpu, KVM_SET_DEBUGREGS, &vcpu->debugregs, "KVM_SET_DEBUGREGS", error);
}

static bool get_events(ArchVcpu *vcpu, GError **error)
{
	return vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, &vcpu->events, "KVM_GET_VCPU_EVENTS", error);
}

/*
 * What other threads can raise meanwhile (an SMI, an INIT) is not written back as it was: leave
 * those parts out. The flags that KVM_GET_VCPU_EVENTS set say what else it can take.
 */
static bool set_events(ArchVcpu *vcpu, GError **error)
{
	struct kvm_vcpu_events copy = vcpu->events;

	copy.flags &= ~(KVM_VCPUEVENT_VALID_SMM | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			KVM_VCPUEVENT_VALID_NMI_PENDING);
	return vcpu_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &copy, "KVM_SET_VCPU_EVENTS", error);
}

/* struct kvm_msrs with room. */
typedef struct MsrList {
	uint32_t nmsrs, pad;
	struct kvm_msr_entry entries[X86_N_MSRS];
} MsrList;
G_STATIC_ASSERT(offsetof(MsrList, entries) == sizeof(struct kvm_msrs));

/* KVM stops at the first register that the vCPU does not have, so ask for the rest again. */
static bool get_msrs(ArchVcpu *vcpu, GError **error)
{
	unsigned first = 0;

	while (first < X86_N_MSRS) {
		unsigned n = X86_N_MSRS - first;
		MsrList list = {.nmsrs = n};

		for (unsigned i = 0; i < n; i++)
			list.entries[i].index = x86_msr_index[first + i];
		int done = ioctl(vcpu->fd, KVM_GET_MSRS, &list);
		if (done < 0) {
			g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_GET_MSRS: %s",
				    g_strerror(errno));
			return false;
		}
		for (unsigned i = 0; i < (unsigned)done; i++)
			vcpu->msrs[first + i] = (X86Msr){true, list.entries[i].data};
		first += done;
		if (first < X86_N_MSRS)
			vcpu->msrs[first++] = (X86Msr){false, 0};
	}
	return true;
}

bool x86_write_msr(ArchVcpu *vcpu, unsigned which, uint64_t value, GError **error)
{
	MsrList list = {.nmsrs = 1};

	list.entries[0] = (struct kvm_msr_entry){.index = x86_msr_index[which], .data = value};
	int done = ioctl(vcpu->fd, KVM_SET_MSRS, &list);
	if (done == 1) {
		vcpu->valid &= ~BIT_OF(X86_MSRS);
		return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO,
		    "KVM_SET_MSRS: MSR 0x%x cannot be 0x%" G_GINT64_MODIFIER "x%s%s",
		    x86_msr_index[which], value, done < 0 ? ": " : "",
		    done < 0 ? g_strerror(errno) : "");
	return false;
}

typedef struct GroupOps {
	bool (*get)(ArchVcpu *vcpu, GError **error);
	bool (*set)(ArchVcpu *vcpu, GError **error);
} GroupOps;

static const GroupOps group_ops[X86_N_GROUPS] = {
	[X86_REGS] = {get_regs, set_regs},
	[X86_SREGS] = {get_sregs, set_sregs},
	[X86_XSAVE] = {get_xsave, set_xsave},
	[X86_XCRS] = {get_xcrs, set_xcrs},
	[X86_DEBUGREGS] = {get_debugregs, set_debugregs},
	[X86_EVENTS] = {get_events, set_events},
	[X86_MSRS] = {get_msrs, NULL},
};

/*
 * The mode comes first, since KVM checks other values against it; xcr0 before the state that it
 * enables. Events are last: KVM_SET_REGS drops a pending exception.
 */
static const X86Group flush_order[] = {
	X86_SREGS, X86_XCRS, X86_XSAVE, X86_DEBUGREGS, X86_REGS, X86_EVENTS,
};

bool x86_fetch(ArchVcpu *vcpu, X86Group group, GError **error)
{
	if (vcpu->valid & BIT_OF(group))
		return true;
	if (!group_ops[group].get(vcpu, error))
		return false;
	vcpu->valid |= BIT_OF(group);
	return true;
}

void x86_mark_dirty(ArchVcpu *vcpu, X86Group group)
{
	g_assert(vcpu->valid & BIT_OF(group) && group_ops[group].set);
	vcpu->dirty |= BIT_OF(group);
}

bool x86_store(ArchVcpu *vcpu, X86Group group, GError **error)
{
	g_assert(vcpu->valid & BIT_OF(group) && group_ops[group].set);
	if (!group_ops[group].set(vcpu, error))
		return false;
	vcpu->valid &= ~BIT_OF(group);
	vcpu->dirty &= ~BIT_OF(group);
	/* Storing X86_REGS may have to bring a pending exception back. */
	if (group != X86_REGS || !(vcpu->dirty & BIT_OF(X86_EVENTS)))
		return true;
	return x86_store(vcpu, X86_EVENTS, error);
}

bool arch_is_dirty(const ArchVcpu *vcpu)
{
	return vcpu->dirty != 0;
}

/* A VMM that uses these fields itself keeps them. */
static bool can_ask(const ArchVcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;

	return !run->kvm_valid_regs && (!run->kvm_dirty_regs || vcpu->gave_regs);
}

static void ask(struct kvm_run *run)
{
	const uint64_t all = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;

	__atomic_store_n(&run->kvm_valid_regs, all, __ATOMIC_SEQ_CST);
}

/*
 * A KVM without KVM_CAP_SYNC_REGS ignores the request, and then the flags, whose bit 1 is never 0,
 * stay 0.
 */
void x86_ask_for_regs(ArchVcpu *vcpu)
{
	if (!can_ask(vcpu))
		return;
	ask(vcpu->run);
	if (!vcpu->gave_regs)
		vcpu->run->s.regs.regs.rflags = 0;
	vcpu->asked_for_regs = true;
}

/* KVM looks at the request when KVM_RUN ends; the flags tell whether it came in time. */
static void let_ask(ArchVcpu *vcpu)
{
	vcpu->may_ask = can_ask(vcpu) && !vcpu->gave_regs;
	if (vcpu->may_ask)
		vcpu->run->s.regs.regs.rflags = 0;
}

void arch_look_after_run(ArchVcpu *vcpu)
{
	if (vcpu->may_ask)
		ask(vcpu->run);
}

static void take_regs(ArchVcpu *vcpu)
{
	const struct kvm_sync_regs *sync = &vcpu->run->s.regs;
	bool is_pae = sync->sregs.cr4 & X86_CR4_PAE && !(sync->sregs.efer & X86_EFER_LMA);

	if (!vcpu->asked_for_regs && !vcpu->may_ask)
		return;
	vcpu->asked_for_regs = vcpu->may_ask = false;
	vcpu->run->kvm_valid_regs = 0;
	if (!sync->regs.rflags)
		return;
	vcpu->knows_sync = true;
	vcpu->regs = sync->regs;
	x86_own_show_tf(vcpu);
	vcpu->fetched_rip = sync->regs.rip;
	vcpu->events = sync->events;
	vcpu->valid |= BIT_OF(X86_REGS) | BIT_OF(X86_EVENTS);
	/* The PDPTEs that a walk of PAE tables needs are in struct kvm_sregs2 alone. */
	if (is_pae)
		return;
	set_old_format(vcpu, &sync->sregs);
	vcpu->valid |= BIT_OF(X86_SREGS);
}

bool arch_flush(ArchVcpu *vcpu, GError **error)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(flush_order); i++) {
		X86Group group = flush_order[i];

		if (!(vcpu->dirty & BIT_OF(group)))
			continue;
		if (!group_ops[group].set(vcpu, error))
			return false;
		vcpu->dirty &= ~BIT_OF(group);
	}
	return true;
}

/*
 * The general registers can go to KVM by the kvm_run page, if the VMM does not use that and there
 * is no exception on its way: KVM drops it, as KVM_SET_REGS does, and set_regs() knows what to do.
 */
static bool give_regs(ArchVcpu *vcpu, uint64_t more_flags)
{
	const unsigned needed = BIT_OF(X86_REGS) | BIT_OF(X86_EVENTS);
	struct kvm_run *run = vcpu->run;
	bool is_taken = run->kvm_dirty_regs || (run->kvm_valid_regs && !vcpu->asked_for_regs);

	if (!vcpu->knows_sync || is_taken || (vcpu->valid & needed) != needed ||
	    vcpu->dirty & ~BIT_OF(X86_REGS) || vcpu->events.exception.pending ||
	    vcpu->events.exception.injected)
		return false;
	run->s.regs.regs = vcpu->regs;
	run->s.regs.regs.rflags |= more_flags;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	vcpu->gave_regs = true;
	vcpu->dirty = 0;
	return true;
}

/* KVM_RUN failed before it had taken them. */
static void take_regs_back(ArchVcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (!vcpu->gave_regs)
		return;
	vcpu->gave_regs = false;
	if (!(run->kvm_dirty_regs & KVM_SYNC_X86_REGS))
		return;
	run->kvm_dirty_regs = 0;
	ioctl(vcpu->fd, KVM_SET_REGS, &vcpu->regs);
}

bool arch_flush_and_run(ArchVcpu *vcpu, bool look, GError **error)
{
	bool given = vcpu->dirty && give_regs(vcpu, 0);

	if (look)
		x86_ask_for_regs(vcpu);
	else
		let_ask(vcpu);
	return given || arch_flush(vcpu, error);
}

/* KVM arms a step by setting TF; it hides that TF from whoever reads the flags. */
bool arch_step_again(ArchVcpu *vcpu)
{
	return give_regs(vcpu, X86_RFLAGS_TF);
}

void arch_forget(ArchVcpu *vcpu)
{
	take_regs_back(vcpu);
	vcpu->valid = 0;
	vcpu->dirty = 0;
	vcpu->orig_rax = UINT64_MAX;
	vcpu->awake = false;
	vcpu->nested = X86_NESTED_UNKNOWN;
	take_regs(vcpu);
}

/*
 * KVM_GET_XSAVE2 copies as much as the VM's guests may use, which only a descriptor that a vCPU
 * does not give tells (KVM_CAP_XSAVE2). The host's CPUID 0xD.0 ECX is an upper bound of it.
 */
static size_t xsave_bytes(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx))
		ecx = 0;
	return MAX(sizeof(struct kvm_xsave), (size_t)ecx);
}

/* CPUID is asked once: in a virtual machine each use of it costs a trap. */
static void find_xsave_layout(X86XsaveLayout *layout)
{
	unsigned eax, ebx, ecx, edx;

	layout->size[X86_XC_X87] = layout->size[X86_XC_SSE] = X86_XSAVE_BV;
	for (unsigned i = X86_XC_AVX; i < X86_XC_N; i++) {
		/* What only XSAVES knows has no place in the standard format: offset 0. */
		if (!__get_cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx) || ebx < X86_XSAVE_MIN)
			continue;
		layout->size[i] = eax;
		layout->offset[i] = ebx;
	}
}

ArchVcpu *arch_vcpu_new(int vcpu_fd, struct kvm_run *run, GError **error)
{
	g_autofree ArchVcpu *vcpu = g_new0(ArchVcpu, 1);

	vcpu->fd = vcpu_fd;
	vcpu->run = run;
	vcpu->has_sregs2 = ioctl(vcpu_fd, KVM_GET_SREGS2, &vcpu->sregs) == 0;
	arch_forget(vcpu);
	/* A protected guest, or no vCPU at all: say so now and not at the first stop. */
	if (!x86_fetch(vcpu, X86_REGS, error) || !x86_fetch(vcpu, X86_SREGS, error))
		return NULL;
	find_xsave_layout(&vcpu->xsave_layout);
	vcpu->xsave_size = xsave_bytes();
	vcpu->xsave = g_malloc0(vcpu->xsave_size);
	arch_forget(vcpu);
	return g_steal_pointer(&vcpu);
}

void arch_vcpu_free(ArchVcpu *vcpu)
{
	if (!vcpu)
		return;
	g_free(vcpu->debug);
	g_free(vcpu->xsave);
	g_free(vcpu);
}

void arch_set_phys_reader(ArchVcpu *vcpu, ArchPhysRead read, void *opaque)
{
	vcpu->phys_read = read;
	vcpu->phys_opaque = opaque;
}

bool x86_long_mode(const ArchVcpu *vcpu)
{
	return vcpu->sregs.efer & X86_EFER_LMA;
}

bool arch_get_pc(ArchVcpu *vcpu, uint64_t *ret, GError **error)
{
	if (!x86_fetch(vcpu, X86_REGS, error) || !x86_fetch(vcpu, X86_SREGS, error))
		return false;
	uint64_t base = vcpu->sregs.cs.base;
	/* Outside 64-bit code a linear address has 32 bits. */
	if (x86_long_mode(vcpu) && vcpu->sregs.cs.l)
		*ret = vcpu->regs.rip;
	else
		*ret = (uint32_t)(base + vcpu->regs.rip);
	return true;
}

/*
 * KVM carries out an INIT or SIPI that waits for this CPU when it is asked for its state (Linux
 * arch/x86/kvm/x86.c, kvm_apic_accept_events()), and the registers are others then.
 */
bool x86_get_mp_state(ArchVcpu *vcpu, uint32_t *ret)
{
	struct kvm_mp_state state;

	if (!arch_flush(vcpu, NULL) || ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) < 0)
		return false;
	*ret = state.mp_state;
	/* A CPU that is halted, or not started, has carried out neither. */
	if (*ret == KVM_MP_STATE_RUNNABLE || *ret == KVM_MP_STATE_INIT_RECEIVED) {
		vcpu->valid = 0;
		vcpu->nested = X86_NESTED_UNKNOWN;
	}
	return true;
}

const char *arch_run_state(ArchVcpu *vcpu)
{
	static const char *const names[] = {
		[KVM_MP_STATE_RUNNABLE] = "running",
		[KVM_MP_STATE_UNINITIALIZED] = "off",
		[KVM_MP_STATE_INIT_RECEIVED] = "waiting for SIPI",
		[KVM_MP_STATE_HALTED] = "halted",
		[KVM_MP_STATE_SIPI_RECEIVED] = "starting",
	};
	uint32_t state;

	if (!x86_get_mp_state(vcpu, &state))
		return "running";
	return state < G_N_ELEMENTS(names) && names[state] ? names[state] : "unknown";
}

bool arch_is_off(ArchVcpu *vcpu)
{
	uint32_t state;

	return !vcpu->awake && x86_get_mp_state(vcpu, &state) &&
	       (state == KVM_MP_STATE_UNINITIALIZED || state == KVM_MP_STATE_INIT_RECEIVED);
}

/* The exits that api.txt (KVM_RUN) says are completed by the next KVM_RUN. */
bool arch_io_pending(const struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_HYPERCALL:
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
	case KVM_EXIT_HYPERV:
	case KVM_EXIT_XEN:
		return true;
	default:
		return false;
	}
}
