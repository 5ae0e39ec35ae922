/*
 * kvm/control.c - what one vCPU must be told before KVM_RUN, and what its debug exits mean.
 *
 * The order is the contract with KVM: registers, then KVM_SET_GUEST_DEBUG (which arms a step for
 * the pc it sees at that moment; Linux arch/x86/kvm/x86.c, singlestep_rip), then an exception for
 * the guest (which a register write would drop). Control is applied only when it changed, by the
 * vCPU's own thread: a breakpoint costs nothing on vCPUs that do not run.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"

static bool wants_step(const KvmGdbVcpu *vcpu)
{
	return vcpu->gdb->over == vcpu || vcpu->passing || vcpu->action.kind == GDB_ACTION_STEP ||
	       vcpu->action.kind == GDB_ACTION_RANGE;
}

static bool begin_step(KvmGdbVcpu *vcpu, GError **error)
{
	ArchMemory memory = virtual_memory(vcpu);

	if (vcpu->stepping || !wants_step(vcpu))
		return true;
	vcpu->step = (ArchStep){0};
	vcpu->stepping =
		arch_step_begin(vcpu->arch, vcpu->gdb->block_irq, &memory, &vcpu->step, error);
	return vcpu->stepping;
}

void control_undo_step(KvmGdbVcpu *vcpu)
{
	ArchMemory memory = virtual_memory(vcpu);

	if (!vcpu->stepping)
		return;
	arch_step_end(vcpu->arch, &memory, &vcpu->step);
	vcpu->stepping = false;
}

static bool is_watch_stop(GdbStopKind kind)
{
	return kind == GDB_STOP_WATCH || kind == GDB_STOP_RWATCH || kind == GDB_STOP_AWATCH;
}

/* The vCPU goes on from a hardware point that the client knows of: do not hit it again. */
static void pass_reported_point(KvmGdbVcpu *vcpu)
{
	GdbStopKind kind = vcpu->event.stop.kind;
	bool watch = is_watch_stop(kind) && vcpu->gdb->features.watch_before;
	uint64_t pc;
	unsigned n;

	if (kind != GDB_STOP_HWBREAK && kind != GDB_STOP_SWBREAK && !watch)
		return;
	vcpu->event.stop.kind = GDB_STOP_PAUSED;
	/* Its patch is lifted, but there may be a hardware point at the same place. */
	kvm_breaks_points(vcpu->gdb->breaks, &n);
	if ((vcpu->gdb->over == vcpu && !n) || !arch_get_pc(vcpu->arch, &pc, NULL) ||
	    pc != vcpu->event.pc)
		return;
	vcpu->passing_watch = watch;
	vcpu->passing = watch || !arch_pass_break(&vcpu->gdb->features, vcpu->arch);
}

static void arm(Armed *armed, const GdbBreak *point, int client)
{
	if (armed->n == ARMED_MAX)
		return;
	armed->points[armed->n] = *point;
	armed->client[armed->n++] = client;
}

static bool is_passed(const KvmGdbVcpu *vcpu, const GdbBreak *point)
{
	if (!vcpu->passing)
		return false;
	return point->type == GDB_BREAK_HW ? point->addr == vcpu->event.pc : vcpu->passing_watch;
}

/* The client's points, less those that are being passed. */
static void arm_client_points(KvmGdbVcpu *vcpu)
{
	unsigned n;
	const GdbBreak *points = kvm_breaks_points(vcpu->gdb->breaks, &n);

	vcpu->armed.n = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!is_passed(vcpu, &points[i]))
			arm(&vcpu->armed, &points[i], i);
	}
}

/* A step that enters the kernel ends at its entry, if a slot is free for that. */
static void arm_landing(KvmGdbVcpu *vcpu, struct kvm_guest_debug_arch *hw)
{
	GdbBreak landing = {GDB_BREAK_HW, vcpu->step.landing, 1};

	if (!vcpu->stepping || !landing.addr || !vcpu->gdb->features.hw_break)
		return;
	arm(&vcpu->armed, &landing, -1);
	if (!arch_encode_hw(&vcpu->gdb->features, vcpu->armed.points, vcpu->armed.n, hw, NULL))
		vcpu->armed.n--;
}

static void compute(KvmGdbVcpu *vcpu, struct kvm_guest_debug *ret)
{
	KvmGdb *gdb = vcpu->gdb;
	Armed *armed = &vcpu->armed;

	if (!gdb->attached && gdb->world == WORLD_FREE) {
		*ret = vcpu->vmm_debug;
		return;
	}
	memset(ret, 0, sizeof(*ret));
	if (vcpu->stepping)
		ret->control |=
			KVM_GUESTDBG_SINGLESTEP | arch_step_control(&gdb->features, gdb->block_irq);
	if (kvm_patches_any(gdb->patches) || kvm_breaks_any_lost(gdb->breaks))
		ret->control |= arch_sw_control();
	arm_client_points(vcpu);
	if (armed->n)
		arch_encode_hw(&gdb->features, armed->points, armed->n, &ret->arch, NULL);
	arm_landing(vcpu, &ret->arch);
	/* With ours in force, if none, the guest's own are not. */
	if (armed->n || vcpu->passing_own)
		ret->control |= arch_hw_control();
	if (ret->control)
		ret->control |= KVM_GUESTDBG_ENABLE;
}

bool control_is_vmms(const KvmGdbVcpu *vcpu)
{
	return vcpu->vmm_debug.control & KVM_GUESTDBG_ENABLE &&
	       !memcmp(&vcpu->applied, &vcpu->vmm_debug, sizeof(vcpu->applied));
}

static bool set_guest_debug(KvmGdbVcpu *vcpu, const struct kvm_guest_debug *wanted, GError **error)
{
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, wanted) < 0) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_SET_GUEST_DEBUG: %s",
			    g_strerror(errno));
		return false;
	}
	vcpu->applied = *wanted;
	vcpu->reapply = false;
	return true;
}

/*
 * Registers and control, in this order: a step is armed for the pc that KVM knows by then. It is
 * armed anew each time, since an instruction that loads the flags (popf, iret) may have taken KVM's
 * TF away. Any other control stays over a write of registers. Without @last something comes after
 * it, before KVM_RUN.
 */
static bool put(KvmGdbVcpu *vcpu, bool last, GError **error)
{
	struct kvm_guest_debug wanted;
	bool changed;

	compute(vcpu, &wanted);
	changed = memcmp(&wanted, &vcpu->applied, sizeof(wanted)) ||
		  (vcpu->reapply && wanted.control);
	if (!vcpu->stepping && last && !changed)
		return arch_flush_and_run(vcpu->arch, kvm_codes_any(vcpu->gdb->codes), error);
	if (vcpu->stepping && last && !changed && arch_step_again(vcpu->arch))
		return true;
	if (!arch_flush(vcpu->arch, error))
		return false;
	return (!vcpu->stepping && !changed) || set_guest_debug(vcpu, &wanted, error);
}

bool control_apply(KvmGdbVcpu *vcpu, GError **error)
{
	ArchMemory memory = virtual_memory(vcpu);
	/* An I/O instruction is ended by KVM_RUN before the guest runs: leave its registers alone.
	 */
	bool last = !vcpu->reinject && !arch_io_pending(vcpu->run);

	pass_reported_point(vcpu);
	if (!begin_step(vcpu, error) || !put(vcpu, last, error))
		return false;
	if (vcpu->reinject && !arch_reinject(vcpu->arch, vcpu->run, &memory, error))
		return false;
	vcpu->reinject = false;
	return true;
}

bool control_decode(KvmGdbVcpu *vcpu, Cause *ret)
{
	const Armed *armed = &vcpu->armed;
	ArchTrap trap = arch_decode_trap(vcpu->arch, vcpu->run, armed->points, armed->n);

	if (trap.point >= 0 && armed->client[trap.point] >= 0)
		*ret = (Cause){CAUSE_POINT, armed->client[trap.point], trap.addr,
			       vcpu->stepping && trap.step};
	else if (trap.insn)
		*ret = (Cause){.kind = CAUSE_TRAP_INSN};
	else if (vcpu->stepping && (trap.step || trap.point >= 0))
		*ret = (Cause){.kind = CAUSE_STEP};
	else
		return false;
	return true;
}
