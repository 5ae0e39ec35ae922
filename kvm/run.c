/*
 * kvm/run.c - kvm_gdb_run(): one vCPU's way into and out of KVM_RUN.
 *
 * Owns what the vCPU's own thread does: parking, applying debug control, telling the debugger's
 * traps from the guest's. All of it happens here and never in a signal handler.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/internal.h"

/*
 * Kicks that this thread has seen. When the handler runs, KVM_RUN was left; the engine wants to
 * know that of a thread that stays in a signal handler of the VMM's own after it.
 */
static __thread unsigned signals_seen __attribute__((tls_model("initial-exec")));

/* The signal ends KVM_RUN with EINTR. */
static void on_kick(int signo G_GNUC_UNUSED)
{
	__atomic_add_fetch(&signals_seen, 1, __ATOMIC_SEQ_CST);
}

static bool take_signal(int signo)
{
	struct sigaction old, ours = {.sa_handler = on_kick, .sa_flags = SA_RESTART};

	if (sigaction(signo, NULL, &old) < 0)
		return false;
	if (old.sa_handler == on_kick)
		return true;
	return old.sa_handler == SIG_DFL && sigaction(signo, &ours, NULL) == 0;
}

int kick_signal_install(void)
{
	for (int signo = SIGRTMAX - 1; signo > SIGRTMIN; signo--) {
		if (take_signal(signo))
			return signo;
	}
	return 0;
}

static void set_state(KvmGdbVcpu *vcpu, VcpuState state)
{
	__atomic_store_n(&vcpu->state, state, __ATOMIC_SEQ_CST);
}

static bool wants_attention(KvmGdbVcpu *vcpu)
{
	return __atomic_load_n(&vcpu->attention, __ATOMIC_SEQ_CST);
}

/*
 * The kernel's number of this thread, once it has run a vCPU. No address can stand for a thread:
 * the next one may get the stack of one that has ended, and all its addresses with it; what is
 * thread-local begins anew. In the module's own block, so that it is reached without a call.
 */
static __thread int own_tid __attribute__((tls_model("initial-exec"))) = -1;

static bool is_own_thread(const KvmGdbVcpu *vcpu)
{
	return __atomic_load_n(&vcpu->tid, __ATOMIC_RELAXED) == own_tid;
}

__attribute__((noinline)) static void adopt_thread(KvmGdbVcpu *vcpu)
{
	sigset_t kick;

	own_tid = gettid();
	vcpu->signals = &signals_seen;
	__atomic_store_n(&vcpu->has_thread, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&vcpu->tid, own_tid, __ATOMIC_SEQ_CST);
	sigemptyset(&kick);
	sigaddset(&kick, vcpu->gdb->kick_signal);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
}

/* ---- Parking ---- */

/*
 * Waits for the wake descriptor or a signal; FALSE for a signal. All signals are blocked; @old is
 * what the thread blocked before, which ppoll() puts back for the wait. A VMM that kicks by
 * immediate_exit alone is seen by the look at it. @timeout: TRUE when it is over; NULL: none.
 *
 * With a mask for KVM_RUN (KVM_SET_SIGNAL_MASK) a signal that the thread blocks but KVM_RUN would
 * not ends the wait too. It must stay pending, as KVM_RUN leaves it, because the VMM may take it by
 * sigwait() and have no handler: so it is not unblocked here but seen through a signalfd.
 */
static bool wait_for_wake(KvmGdbVcpu *vcpu, const sigset_t *old, const struct timespec *timeout)
{
	struct pollfd fds[] = {{.fd = vcpu->wake_fd, .events = POLLIN},
			       {.fd = vcpu->mask_fd, .events = POLLIN}};
	sigset_t wait = *old;
	eventfd_t count;
	bool woken = false;
	int n;

	if (vcpu->has_mask)
		sigorset(&wait, old, &vcpu->mask);
	sigdelset(&wait, vcpu->gdb->kick_signal);
	if (!__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST)) {
		n = ppoll(fds, G_N_ELEMENTS(fds), timeout, &wait);
		woken = n == 0 ||
			(n > 0 && fds[0].revents && eventfd_read(vcpu->wake_fd, &count) == 0);
	}
	return woken;
}

static void change_immediate_exit(KvmGdbVcpu *vcpu, uint8_t from, uint8_t to)
{
	__atomic_compare_exchange_n(&vcpu->run->immediate_exit, &from, to, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

/* Takes the engine's kick back. A signal of the VMM's may have come with it: it gets an EINTR. */
static void take_kick(KvmGdbVcpu *vcpu)
{
	if (vcpu->kick != KICK_SENT)
		return;
	vcpu->kick = KICK_TAKEN;
	change_immediate_exit(vcpu, KICK_MARK, 0);
}

/* FALSE: a signal wants this thread back in the VMM. Called and returns with the lock held. */
static bool park(KvmGdbVcpu *vcpu, const sigset_t *old)
{
	KvmGdb *gdb = vcpu->gdb;
	struct timespec slice;
	bool woken, timed;

	turns_try(gdb);
	world_check_stopped(gdb);
	if (world_may_run(vcpu))
		return true;
	timed = turns_slice(vcpu, &slice);
	g_mutex_unlock(&gdb->lock);
	woken = wait_for_wake(vcpu, old, timed ? &slice : NULL);
	g_mutex_lock(&gdb->lock);
	return woken;
}

/* ---- Out of KVM_RUN ---- */

/* The guest's own, that is: of its own bytes. */
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
	vcpu->leaving.over = OVER_WAITING;
}

/*
 * A trap instruction was executed at pc. Ours, if our patch is there. Else the guest's, if there is
 * a trap instruction: it may have been our patch, taken out by the client before this vCPU's turn
 * came; injecting that into the guest would kill it, so then the vCPU just runs the real one.
 */
static void on_trap_insn(KvmGdbVcpu *vcpu, uint64_t pc)
{
	uint64_t gpa;
	bool mapped = translate_pc(vcpu, pc, &gpa);

	if (!mapped || !kvm_patches_claim(vcpu->gdb->patches, gpa)) {
		if (!mapped || trap_insn_at(vcpu, gpa))
			vcpu->exit = EXIT_GUEST_TRAP;
		return;
	}
	begin_visit(vcpu);
	if (condition_at_patch(vcpu, pc, gpa))
		world_event(vcpu, GDB_STOP_SWBREAK, 0, pc);
	else if (!skip(vcpu, pc))
		pass(vcpu, GDB_STOP_SWBREAK, pc, &gpa);
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
		world_event(vcpu, GDB_STOP_STEP, 0, pc);
	leaving_end(vcpu);
}

static void on_point(KvmGdbVcpu *vcpu, const Cause *cause, uint64_t pc)
{
	GdbStopKind kind = kvm_breaks_point_kind(vcpu->gdb->breaks, cause->point);
	bool stop = condition_at_point(vcpu, cause->point);

	if (cause->step && !stop)
		on_step(vcpu, pc);
	else if (cause->step)
		leaving_end(vcpu);
	else
		begin_visit(vcpu);
	if (stop)
		world_event(vcpu, kind, cause->addr, pc);
	else if (cause->step || !skip_point(vcpu, kind, pc))
		pass(vcpu, kind, pc, NULL);
}

static void on_debug_exit(KvmGdbVcpu *vcpu, const Cause *cause)
{
	uint64_t pc = 0;

	/* A step off a breakpoint ends wherever it does: that is worth no ioctl. */
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

/* Nothing of ours: the guest's, unless it has debug exceptions masked where it is. */
static void on_own_trap(KvmGdbVcpu *vcpu)
{
	uint64_t pc;

	if (arch_takes_trap(vcpu->arch, vcpu->run))
		vcpu->exit = EXIT_GUEST_TRAP;
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

bool run_io_open(const KvmGdbVcpu *vcpu)
{
	return vcpu->exit == EXIT_OPEN && arch_io_pending(vcpu->run);
}

/* TRUE: the VMM must handle this exit. FALSE: the engine has; look at the world again. */
static bool after_run(KvmGdbVcpu *vcpu, int ret, int err)
{
	struct kvm_run *run = vcpu->run;
	bool debug = ret == 0 && run->exit_reason == KVM_EXIT_DEBUG && !control_is_vmms(vcpu);
	bool ours;
	GdbStopKind kind;
	uint64_t pc = 0;
	Cause cause;

	vcpu->exit = ret < 0 ? EXIT_FINISHED : EXIT_OPEN;
	arch_forget(vcpu->arch);
	ours = debug && control_decode(vcpu, &cause);
	/* KVM finishes the instruction, and ends the step, when the VMM has handled its I/O. */
	if (!run_io_open(vcpu))
		control_end_step(vcpu);
	take_kick(vcpu);
	if (debug) {
		if (ours)
			on_debug_exit(vcpu, &cause);
		else
			on_own_trap(vcpu);
		/* What was hit or stepped is told first. */
		if (ours && cause.own)
			vcpu->exit = EXIT_GUEST_TRAP;
		return false;
	}
	leaving_look(vcpu);
	if (ret < 0)
		return err != EINTR || vcpu->kick != KICK_TAKEN;
	if (!vcpu->gdb->attached || !is_fatal(run, &kind))
		return true;
	arch_get_pc(vcpu->arch, &pc, NULL);
	vcpu->exit = EXIT_HELD;
	world_event(vcpu, kind, 0, pc);
	return false;
}

typedef struct Result {
	int ret, err;
} Result;

static Result enter_kvm(KvmGdbVcpu *vcpu)
{
	Result result;

	result.ret = ioctl(vcpu->fd, KVM_RUN, 0);
	result.err = errno;
	return result;
}

/*
 * The I/O is finished and KVM has said nothing of a step: on x86 a store to a device has moved pc
 * before the VMM saw it, and its step would go on through the next instruction.
 */
static void end_step_of_io(KvmGdbVcpu *vcpu)
{
	uint64_t from = vcpu->step.from, pc;
	bool moved = arch_get_pc(vcpu->arch, &pc, NULL) && pc != from;

	control_end_step(vcpu);
	if (moved)
		on_step(vcpu, pc);
}

/*
 * An I/O instruction that the VMM has handled is finished by the next KVM_RUN, which also writes
 * its result to the registers. With immediate_exit it does only that. FALSE: *ret is for the VMM:
 * it led to another exit, or to an error.
 */
static bool finish_io(KvmGdbVcpu *vcpu, Result *ret)
{
	Result result;

	change_immediate_exit(vcpu, 0, KICK_MARK);
	result = enter_kvm(vcpu);
	change_immediate_exit(vcpu, KICK_MARK, 0);
	if (result.ret == 0 || result.err != EINTR) {
		*ret = result;
		return !after_run(vcpu, result.ret, result.err);
	}
	vcpu->exit = EXIT_FINISHED;
	arch_forget(vcpu->arch);
	if (vcpu->step.open)
		end_step_of_io(vcpu);
	else
		leaving_look(vcpu);
	return true;
}

/* ---- The loop ---- */

/*
 * KVM finishes an open I/O instruction before it looks at signals. So does the engine before it
 * keeps the vCPU here, gives the VMM an EINTR of its own making, or looks whether a step has ended.
 */
static bool must_finish(const KvmGdbVcpu *vcpu)
{
	return run_io_open(vcpu) &&
	       (!world_may_run(vcpu) || vcpu->step.open || vcpu->kick == KICK_TAKEN);
}

/* Does a signal wait that would have ended KVM_RUN? @old: what the thread blocks by itself. */
static bool is_signal_due(const KvmGdbVcpu *vcpu, const sigset_t *old)
{
	sigset_t pending;

	sigpending(&pending);
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		if (sigismember(&pending, signo) > 0 && sigismember(old, signo) == 0 &&
		    signo != vcpu->gdb->kick_signal &&
		    !(vcpu->has_mask && sigismember(&vcpu->mask, signo)))
			return true;
	}
	return false;
}

/*
 * Until the vCPU may run. FALSE: *ret is for the VMM. Signals are blocked from before finish_io()
 * to the wait: a signal of the VMM's that came meanwhile must end the call, as it ends KVM_RUN.
 */
static bool wait_to_run(KvmGdbVcpu *vcpu, const sigset_t *old, Result *ret)
{
	for (;;) {
		if (must_finish(vcpu) && !finish_io(vcpu, ret))
			return false;
		*ret = (Result){-1, EINTR};
		if (world_may_run(vcpu))
			return vcpu->exit == EXIT_HELD || !is_signal_due(vcpu, old);
		if (!park(vcpu, old))
			return false;
		take_kick(vcpu);
	}
}

/* Brings the vCPU to where it may run. FALSE: *ret is for the VMM. */
static bool enter(KvmGdbVcpu *vcpu, Result *ret)
{
	sigset_t all, old;
	bool ready;

	*ret = (Result){-1, EINTR};
	take_kick(vcpu);
	if (!world_may_run(vcpu) || must_finish(vcpu)) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		ready = wait_to_run(vcpu, &old, ret);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (!ready)
			return false;
	}
	if (vcpu->exit == EXIT_HELD) {
		vcpu->exit = EXIT_OPEN;
		ret->ret = 0;
		return false;
	}
	return vcpu->kick != KICK_TAKEN;
}

static void report_failure(KvmGdbVcpu *vcpu, const GError *error)
{
	engine_log(vcpu->gdb, "gdb: CPU %u cannot run: %s", vcpu->index, error->message);
	if (vcpu->exit == EXIT_GUEST_TRAP)
		vcpu->exit = EXIT_FINISHED;
	world_event(vcpu, GDB_STOP_INTERNAL_ERROR, 0, 0);
}

/* Nobody debugs, and KVM knows it: from the next entry on the lock is not needed. */
static void relax_attention(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (gdb->world == WORLD_FREE && !gdb->attached &&
	    (!vcpu->applied.control || control_is_vmms(vcpu)))
		__atomic_store_n(&vcpu->attention, 0, __ATOMIC_SEQ_CST);
}

/* With the lock held, and the vCPU PARKED. */
static Result run_attended(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;
	Result result;

	while (enter(vcpu, &result)) {
		g_autoptr(GError) error = NULL;

		if (!control_apply(vcpu, &error)) {
			report_failure(vcpu, error);
			if (gdb->world != WORLD_FREE)
				continue;
			result = (Result){-1, EIO};
			break;
		}
		relax_attention(vcpu);
		turns_has_run(vcpu);
		set_state(vcpu, VCPU_RUNNING);
		g_mutex_unlock(&gdb->lock);
		result = enter_kvm(vcpu);
		g_mutex_lock(&gdb->lock);
		set_state(vcpu, VCPU_PARKED);
		if (after_run(vcpu, result.ret, result.err))
			break;
	}
	return result;
}

/* After a reset the guest maps its code again at some time; nobody says when. */
static void find_lost(KvmGdbVcpu *vcpu)
{
	const KvmFinder finder = translate_finder(vcpu);

	if (!kvm_breaks_any_lost(vcpu->gdb->breaks))
		return;
	kvm_breaks_find_lost(vcpu->gdb->breaks, &finder);
	/* The VMM may write registers now; what the client has written is still to be flushed. */
	if (!arch_is_dirty(vcpu->arch))
		arch_forget(vcpu->arch);
}

/*
 * An EINTR looks as KVM leaves it: a VMM may look at the exit reason all the same, and must not see
 * one that it has handled already, or the debugger's. Only where the VMM's own immediate_exit ends
 * KVM_RUN does KVM not write a reason. @before: the one at the call, which may be the debugger's.
 */
static void show_eintr(KvmGdbVcpu *vcpu, uint32_t before)
{
	struct kvm_run *run = vcpu->run;

	if (__atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST) && run->exit_reason == before &&
	    before != KVM_EXIT_DEBUG)
		return;
	run->exit_reason = KVM_EXIT_INTR;
}

static int leave(KvmGdbVcpu *vcpu, Result result, uint32_t before)
{
	if (result.ret < 0 && result.err == EINTR) {
		show_eintr(vcpu, before);
		if (vcpu->kick == KICK_TAKEN)
			vcpu->kick = KICK_NONE;
	}
	find_lost(vcpu);
	set_state(vcpu, VCPU_OUTSIDE);
	world_check_stopped(vcpu->gdb);
	turns_has_run(vcpu);
	g_mutex_unlock(&vcpu->gdb->lock);
	errno = result.err;
	return result.ret;
}

/* Somebody began to stop the world while this vCPU was on its way out, and counts on it. */
__attribute__((noinline)) static void leave_noticed(KvmGdbVcpu *vcpu)
{
	int err = errno;

	g_mutex_lock(&vcpu->gdb->lock);
	world_check_stopped(vcpu->gdb);
	g_mutex_unlock(&vcpu->gdb->lock);
	errno = err;
}

/* @run: KVM_RUN was called, with this result; else that is still to be done. */
__attribute__((noinline)) static int run_noticed(KvmGdbVcpu *vcpu, const Result *run)
{
	uint32_t before = vcpu->run->exit_reason;
	Result result;

	g_mutex_lock(&vcpu->gdb->lock);
	set_state(vcpu, VCPU_PARKED);
	if (run && after_run(vcpu, run->ret, run->err))
		return leave(vcpu, *run, before);
	result = run_attended(vcpu);
	return leave(vcpu, result, before);
}

/* While nobody debugs it is little more than the system call: so errno is not touched either. */
__attribute__((hot)) int kvm_gdb_run(KvmGdbVcpu *vcpu)
{
	int ret;

	if (!is_own_thread(vcpu))
		adopt_thread(vcpu);
	set_state(vcpu, VCPU_RUNNING);
	if (wants_attention(vcpu))
		return run_noticed(vcpu, NULL);
	ret = ioctl(vcpu->fd, KVM_RUN, 0);
	vcpu->exit = ret < 0 ? EXIT_FINISHED : EXIT_OPEN;
	if (wants_attention(vcpu))
		return run_noticed(vcpu, &(Result){ret, errno});
	set_state(vcpu, VCPU_OUTSIDE);
	if (wants_attention(vcpu))
		leave_noticed(vcpu);
	return ret;
}
