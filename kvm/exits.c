/*
 * kvm/exits.c - what came out of KVM_RUN: the client's breakpoints and steps, the guest's own
 * traps, exits that end the machine, and what is for the VMM.
 */
#include <errno.h>

#include "kvm/internal.h"
#include "kvm/linux-modules.h"
#include "kvm/states.h"

/* Is there a trap instruction in the guest's own bytes, without our patches? */
static bool trap_insn_at(KvmGdbVcpu *vcpu, uint64_t gpa)
{
	uint8_t insn[ARCH_TRAP_MAX];
	size_t len = kvm_patches_read(vcpu->gdb->patches, gpa, insn, sizeof(insn));

	return len && arch_is_trap(vcpu->arch, insn, len);
}

/* Has the vCPU got past an instruction that does nothing, without executing it? */
static bool skip(KvmGdbVcpu *vcpu, uint64_t pc)
{
	uint8_t insn[ARCH_INSN_MAX];
	size_t len;

	if (vcpu->action.kind != GDB_ACTION_CONTINUE || vcpu->leaving.over == OVER_ALONE ||
	    arch_in_nested_guest(vcpu->arch))
		return false;
	len = virtual_read_ram(vcpu, pc, insn, sizeof(insn));
	return arch_skip_insn(vcpu->arch, insn, len);
}

/*
 * The same at a hardware breakpoint, which is hit before the instruction: where the CPU cannot pass
 * it by itself, and no patch at the same place waits to be hit.
 */
static bool skip_point(KvmGdbVcpu *vcpu, GdbStopKind kind, uint64_t pc)
{
	const KvmPatches *patches = vcpu->gdb->patches;
	uint64_t gpa;

	if ((kind != GDB_STOP_HWBREAK && kind != GDB_STOP_SWBREAK) ||
	    vcpu->gdb->features.pass_break)
		return false;
	if (kvm_patches_any(patches) &&
	    (!translate_pc(vcpu, pc, &gpa) || kvm_patches_has(patches, gpa)))
		return false;
	return skip(vcpu, pc);
}

/* A hit in a run that was free to leave: it has left, and come there once more. */
static void begin_visit(KvmGdbVcpu *vcpu)
{
	if (!vcpu->leaving.by_step)
		leaving_end(vcpu);
}

/* The client need not hear of this hit. @gpa: of the patch that was hit, or NULL. */
static void pass(KvmGdbVcpu *vcpu, GdbStopKind kind, uint64_t pc, const uint64_t *gpa)
{
	leaving_meet(vcpu, leaving_met_by(vcpu, kind), pc, false);
	if (!gpa)
		return;
	vcpu->leaving.gpa = *gpa;
	set_over(vcpu, OVER_WAITING);
}

/*
 * A trap instruction was executed at pc. Ours, if our patch is there. Else the guest's, if there is
 * a trap instruction: it may have been our patch, taken out by the client before this vCPU's turn
 * came; injecting that into the guest would kill it, so then the vCPU just runs the real one.
 */
static void on_trap_insn(KvmGdbVcpu *vcpu, uint64_t pc)
{
	uint64_t gpa;
	bool mapped = translate_pc(vcpu, pc, &gpa), stop;

	if (!mapped || !kvm_patches_claim(vcpu->gdb->patches, gpa)) {
		if (!mapped || trap_insn_at(vcpu, gpa))
			set_exit(vcpu, EXIT_GUEST_TRAP);
		return;
	}
	begin_visit(vcpu);
	stop = hit_at_patch(vcpu, pc, gpa);
	if (kvm_breaks_has_internal(vcpu->gdb->breaks, pc, gpa) && modules_changed(vcpu, pc)) {
		halt_news(vcpu, pc, stop);
	} else if (stop) {
		halt_event(vcpu, GDB_STOP_SWBREAK, pc);
	} else if (!skip(vcpu, pc)) {
		pass(vcpu, GDB_STOP_SWBREAK, pc, &gpa);
	}
}

static bool leaves_range(KvmGdbVcpu *vcpu, uint64_t pc)
{
	const GdbAction *action = &vcpu->action;
	ArchMemory memory = virtual_memory(vcpu);

	return pc < action->start || pc >= action->end || arch_ends_range(vcpu->arch, &memory);
}

/* An instruction was executed in a step: that ends whatever the vCPU was leaving. */
static void on_step(KvmGdbVcpu *vcpu, uint64_t pc)
{
	const GdbAction *action = &vcpu->action;

	if (action->kind == GDB_ACTION_STEP ||
	    (action->kind == GDB_ACTION_RANGE && leaves_range(vcpu, pc)))
		halt_event(vcpu, GDB_STOP_STEP, pc);
	leaving_end(vcpu);
}

/* One that the client wants to hear of: the first is the stop's own. */
static void add_hit(KvmGdbVcpu *vcpu, unsigned point, uint64_t addr, uint64_t pc, GdbStop *stop,
		    unsigned *n)
{
	GdbStopKind kind = kvm_breaks_point_kind(vcpu->gdb->breaks, point);

	if (!hit_at_point(vcpu, pc, point))
		return;
	if (!*n) {
		stop->kind = kind;
		stop->addr = addr;
	} else {
		stop->also[stop->n_also].kind = kind;
		stop->also[stop->n_also++].addr = addr;
	}
	++*n;
}

/* TRUE: @ret is to be reported. */
static bool ask_points(KvmGdbVcpu *vcpu, const Cause *cause, uint64_t pc, GdbStop *ret)
{
	unsigned n = 0;

	*ret = (GdbStop){0};
	add_hit(vcpu, cause->point, cause->addr, pc, ret, &n);
	for (unsigned i = 0; i < cause->n_also; i++)
		add_hit(vcpu, cause->also[i].point, cause->also[i].addr, pc, ret, &n);
	return n > 0;
}

static void on_point(KvmGdbVcpu *vcpu, const Cause *cause, uint64_t pc)
{
	GdbStopKind kind = kvm_breaks_point_kind(vcpu->gdb->breaks, cause->point);
	GdbStop hit;
	bool stop = ask_points(vcpu, cause, pc, &hit);

	if (cause->step && !stop)
		on_step(vcpu, pc);
	else if (cause->step)
		leaving_end(vcpu);
	else
		begin_visit(vcpu);
	if (stop)
		halt_hit(vcpu, &hit, pc);
	else if (cause->step || !skip_point(vcpu, kind, pc))
		pass(vcpu, kind, pc, NULL);
}

static void on_debug_exit(KvmGdbVcpu *vcpu, const Cause *cause)
{
	uint64_t pc = 0;

	/* After a step off a breakpoint nobody needs pc, so the ioctl is saved. */
	if (cause->kind != CAUSE_STEP || vcpu->action.kind != GDB_ACTION_CONTINUE)
		arch_get_pc(vcpu->arch, &pc, NULL);
	switch (cause->kind) {
	case CAUSE_POINT:
		on_point(vcpu, cause, pc);
		break;
	case CAUSE_TRAP_INSN:
		on_trap_insn(vcpu, pc);
		break;
	case CAUSE_STEP:
		on_step(vcpu, pc);
		break;
	}
}

/* Nothing of ours: it is the guest's, unless it has debug exceptions masked where it is. */
static void on_guest_trap(KvmGdbVcpu *vcpu)
{
	uint64_t pc;

	if (arch_takes_trap(vcpu->arch, vcpu->run))
		set_exit(vcpu, EXIT_GUEST_TRAP);
	else if (arch_get_pc(vcpu->arch, &pc, NULL))
		leaving_meet(vcpu, MET_GUEST_POINT, pc, false);
}

/* Exits after which the machine cannot simply go on: the client looks before the VMM does. */
static bool is_fatal(const struct kvm_run *run, GdbStopKind *ret)
{
	static const struct {
		uint32_t reason;
		GdbStopKind kind;
	} fatal[] = {
		{KVM_EXIT_SHUTDOWN, GDB_STOP_SHUTDOWN},
		{KVM_EXIT_INTERNAL_ERROR, GDB_STOP_INTERNAL_ERROR},
		{KVM_EXIT_FAIL_ENTRY, GDB_STOP_INTERNAL_ERROR},
		{KVM_EXIT_UNKNOWN, GDB_STOP_INTERNAL_ERROR},
		{KVM_EXIT_EXCEPTION, GDB_STOP_INTERNAL_ERROR},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(fatal); i++) {
		if (run->exit_reason == fatal[i].reason) {
			*ret = fatal[i].kind;
			return true;
		}
	}
	if (run->exit_reason != KVM_EXIT_SYSTEM_EVENT ||
	    run->system_event.type != KVM_SYSTEM_EVENT_CRASH)
		return false;
	*ret = GDB_STOP_PANIC;
	return true;
}

bool exits_io_open(const KvmGdbVcpu *vcpu)
{
	return vcpu->exit == EXIT_OPEN && arch_io_pending(vcpu->run);
}

bool exits_handle(KvmGdbVcpu *vcpu, int ret, int err)
{
	struct kvm_run *run = vcpu->run;
	bool debug = ret == 0 && run->exit_reason == KVM_EXIT_DEBUG && !guest_debug_is_vmms(vcpu);
	bool ours;
	GdbStopKind kind;
	uint64_t pc = 0;
	Cause cause;

	set_exit(vcpu, ret < 0 ? EXIT_FINISHED : EXIT_OPEN);
	arch_forget(vcpu->arch);
	ours = debug && guest_debug_decode(vcpu, &cause);
	/* KVM finishes the instruction, and ends the step, when the VMM has handled its I/O. */
	if (!exits_io_open(vcpu))
		guest_debug_end_step(vcpu);
	if (debug) {
		if (ours)
			on_debug_exit(vcpu, &cause);
		else
			on_guest_trap(vcpu);
		/* What was hit or stepped is reported first. */
		if (ours && cause.own)
			set_exit(vcpu, EXIT_GUEST_TRAP);
		return false;
	}
	leaving_look(vcpu);
	if (ret < 0)
		return err != EINTR || vcpu->kick != KICK_TAKEN;
	if (!vcpu->gdb->attached || !is_fatal(run, &kind))
		return true;
	arch_get_pc(vcpu->arch, &pc, NULL);
	vcpu->held_reason = run->exit_reason;
	set_exit(vcpu, EXIT_HELD);
	halt_event(vcpu, kind, pc);
	return false;
}

void exits_seen(KvmGdbVcpu *vcpu)
{
	/*
	 * One on its way out of KVM_RUN, for which a stop has waited long enough, is its thread's.
	 */
	if (!halt_in_handler(vcpu) && exits_io_open(vcpu))
		arch_get_pc(vcpu->arch, &vcpu->step.from, NULL);
}

/*
 * The I/O is finished and KVM has said nothing of a step: there was none yet, or on x86 a store to
 * a device has moved pc before the VMM saw it, and its step would go on through the next
 * instruction.
 */
static void end_step_of_io(KvmGdbVcpu *vcpu)
{
	uint64_t from = vcpu->step.from, pc;
	bool moved = arch_get_pc(vcpu->arch, &pc, NULL) && pc != from;

	guest_debug_end_step(vcpu);
	if (moved)
		on_step(vcpu, pc);
}

void exits_io_finished(KvmGdbVcpu *vcpu)
{
	GdbActionKind action = vcpu->action.kind;

	set_exit(vcpu, EXIT_FINISHED);
	arch_forget(vcpu->arch);
	if (vcpu->step.kind || gdb_action_steps(action))
		end_step_of_io(vcpu);
	else
		leaving_look(vcpu);
}
