/*
 * kvm/guest-debug.c - what KVM must know of a vCPU before KVM_RUN, and what its debug exits mean.
 *
 * The order is the contract with KVM: registers, then KVM_SET_GUEST_DEBUG (which arms a step for
 * the pc it sees at that moment; Linux arch/x86/kvm/x86.c, singlestep_rip), then an exception for
 * the guest (which a register write would drop). Control is applied only when it changed, by the
 * vCPU's own thread: a breakpoint costs nothing on vCPUs that do not run.
 *
 * Whose the trap of a debug exit is, is decided so:
 *
 *   arch_decode_trap()      what the CPU says: a trap instruction, a step, a point, and whether the
 *                           guest has cause for a trap of its own (x86: x86_own_find_cause())
 *   guest_debug_decode()    FALSE if none of that is what the engine has asked for
 *   exits.c on_trap_insn()  a trap instruction is the guest's unless a patch is there
 *   exits.c on_guest_trap() what nobody has asked for is the guest's, unless arch_takes_trap() says
 *                           that it is nobody's
 *   apply()                 gives it to the guest (arch_reinject()) when it next runs
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"
#include "kvm/states.h"

static bool wants_step(const KvmGdbVcpu *vcpu)
{
	return vcpu->leaving.by_step || gdb_action_steps(vcpu->action.kind);
}

static bool begin_step(KvmGdbVcpu *vcpu, GError **error)
{
	ArchMemory memory = virtual_memory(vcpu);
	Step *step = &vcpu->step;

	if (step->kind || !wants_step(vcpu))
		return true;
	*step = (Step){0};
	if (!arch_get_pc(vcpu->arch, &step->from, error))
		return false;
	if (through_begin(vcpu))
		return true;
	/* It stands in no sequence, or no slot is free for a way out of it. */
	if (vcpu->leaving.met == MET_SEQUENCE)
		leaving_end(vcpu);
	if (!wants_step(vcpu))
		return true;
	if (!arch_step_begin(vcpu->arch, vcpu->gdb->block_irq, &memory, &step->arch, error))
		return false;
	set_step(vcpu, STEP_BY_CPU);
	return true;
}

void guest_debug_end_step(KvmGdbVcpu *vcpu)
{
	ArchMemory memory = virtual_memory(vcpu);

	if (!vcpu->step.kind)
		return;
	arch_step_end(vcpu->arch, &memory, &vcpu->step.arch);
	armed_drop_patch(vcpu);
	set_step(vcpu, STEP_NONE);
}

static bool is_left_to_vmm(const KvmGdb *gdb)
{
	return !gdb->attached && gdb->world == WORLD_FREE;
}

static void compute(KvmGdbVcpu *vcpu, struct kvm_guest_debug *ret)
{
	KvmGdb *gdb = vcpu->gdb;

	if (is_left_to_vmm(gdb)) {
		*ret = vcpu->vmm_debug;
		return;
	}
	memset(ret, 0, sizeof(*ret));
	if (vcpu->step.kind && vcpu->step.kind != STEP_THROUGH)
		ret->control |=
			KVM_GUESTDBG_SINGLESTEP | arch_step_control(&gdb->features, gdb->block_irq);
	if (armed_compute(vcpu, &ret->arch))
		ret->control |= arch_hw_control();
	if (kvm_patches_any(gdb->patches) || kvm_breaks_any_lost(gdb->breaks))
		ret->control |= arch_sw_control();
	if (ret->control)
		ret->control |= KVM_GUESTDBG_ENABLE;
}

bool guest_debug_is_vmms(const KvmGdbVcpu *vcpu)
{
	return vcpu->applied.is_vmms && vcpu->applied.now.control & KVM_GUESTDBG_ENABLE;
}

static bool set_guest_debug(KvmGdbVcpu *vcpu, const struct kvm_guest_debug *wanted, GError **error)
{
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, wanted) < 0) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "KVM_SET_GUEST_DEBUG: %s",
			    g_strerror(errno));
		return false;
	}
	vcpu->applied.now = *wanted;
	vcpu->applied.stale = false;
	return arch_debug_applied(vcpu->arch, wanted->control & KVM_GUESTDBG_SINGLESTEP, error);
}

void guest_debug_give_back(KvmGdbVcpu *vcpu)
{
	guest_debug_end_step(vcpu);
	if (memcmp(&vcpu->applied.now, &vcpu->vmm_debug, sizeof(vcpu->vmm_debug)))
		set_guest_debug(vcpu, &vcpu->vmm_debug, NULL);
}

/*
 * Registers and control, in this order: a step is armed for the pc that KVM knows by then. It is
 * armed again each time, since an instruction that loads the flags (popf, iret) may have taken
 * KVM's TF away. Any other control stays over a write of registers. Without @last something comes
 * after it, before KVM_RUN.
 */
static bool put(KvmGdbVcpu *vcpu, bool last, GError **error)
{
	struct kvm_guest_debug wanted;
	bool changed;

	compute(vcpu, &wanted);
	changed = memcmp(&wanted, &vcpu->applied.now, sizeof(wanted)) ||
		  (vcpu->applied.stale && wanted.control);
	if (!vcpu->step.kind && last && !changed)
		return arch_flush_and_run(vcpu->arch, kvm_conditions_any(vcpu->gdb->conditions),
					  error);
	if (vcpu->step.kind && last && !changed && arch_step_again(vcpu->arch))
		return true;
	if (!arch_flush(vcpu->arch, error))
		return false;
	return (!vcpu->step.kind && !changed) || set_guest_debug(vcpu, &wanted, error);
}

static bool apply(KvmGdbVcpu *vcpu, GError **error)
{
	ArchMemory memory = virtual_memory(vcpu);
	bool trap = vcpu->exit == EXIT_GUEST_TRAP;
	/*
	 * An I/O instruction is ended by KVM_RUN before the guest runs: leave its registers alone.
	 */
	bool last = !trap && !exits_io_open(vcpu);

	leaving_by_step(vcpu);
	if (!begin_step(vcpu, error) || !put(vcpu, last, error))
		return false;
	if (trap && !arch_reinject(vcpu->arch, vcpu->run, &memory, error))
		return false;
	if (!trap)
		return true;
	gdb_log_line(vcpu->gdb->log, "CPU %u: the trap is the guest's own and given to it",
		     vcpu->index);
	set_exit(vcpu, EXIT_FINISHED);
	return true;
}

bool guest_debug_apply(KvmGdbVcpu *vcpu, GError **error)
{
	if (apply(vcpu, error)) {
		vcpu->applied.is_vmms = is_left_to_vmm(vcpu->gdb);
		return true;
	}
	/*
	 * The client looks at the registers now: without what the step needed. KVM has that
	 * already, and an I/O instruction that is finished next drops what waits to be written.
	 */
	guest_debug_end_step(vcpu);
	arch_flush(vcpu->arch, NULL);
	return false;
}

/* The landing of a step is no watch. */
static Cause point_cause(const KvmGdbVcpu *vcpu, const ArchTrap *trap)
{
	const Armed *armed = &vcpu->applied.armed;
	Cause cause = {.kind = CAUSE_POINT,
		       .point = armed->client[trap->point],
		       .addr = trap->addr,
		       .step = vcpu->step.kind && trap->step,
		       .own = trap->own};

	for (unsigned i = 0; i < trap->n_also; i++) {
		int client = armed->client[trap->also[i].point];

		if (client >= 0)
			cause.also[cause.n_also++] = (ArchWatch){client, trap->also[i].addr};
	}
	return cause;
}

bool guest_debug_decode(KvmGdbVcpu *vcpu, Cause *ret)
{
	const Armed *armed = &vcpu->applied.armed;
	ArchTrap trap = arch_decode_trap(vcpu->arch, vcpu->run, armed->points, armed->n);
	uint64_t pc;

	if (trap.point >= 0 && armed->client[trap.point] >= 0)
		*ret = point_cause(vcpu, &trap);
	else if (trap.insn && vcpu->step.kind == STEP_TO_PATCH &&
		 arch_get_pc(vcpu->arch, &pc, NULL) && armed_by_patch(vcpu, pc))
		*ret = (Cause){.kind = CAUSE_STEP};
	else if (trap.insn)
		*ret = (Cause){.kind = CAUSE_TRAP_INSN};
	else if (vcpu->step.kind && (trap.step || trap.point >= 0))
		*ret = (Cause){.kind = CAUSE_STEP, .own = trap.own};
	else
		return false;
	return true;
}
