/*
 * kvm/run.c - kvm_gdb_run(): one vCPU's way into and out of KVM_RUN.
 *
 * Owns what the vCPU's own thread does: parking, finishing I/O, applying debug control, and what
 * the VMM sees of it. All of it happens here and never in a signal handler.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/internal.h"
#include "kvm/linux.h"
#include "kvm/states.h"

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

static bool wants_attention(KvmGdbVcpu *vcpu)
{
	return __atomic_load_n(&vcpu->attention, __ATOMIC_SEQ_CST);
}

/*
 * The kernel's number of this thread, once it has run a vCPU. No address can stand for a thread:
 * the next one may get the stack of one that has ended, and all its addresses with it; what is
 * thread-local begins as new. Nor can the number alone: the next one may get that, too. In the
 * module's own block, so that it is reached without a call.
 */
static __thread int own_tid __attribute__((tls_model("initial-exec"))) = -1;

static bool is_own_thread(const KvmGdbVcpu *vcpu)
{
	return __atomic_load_n(&vcpu->tid, __ATOMIC_RELAXED) == own_tid &&
	       vcpu->signals == &signals_seen;
}

__attribute__((noinline)) static void adopt_thread(KvmGdbVcpu *vcpu)
{
	sigset_t kick;

	own_tid = gettid();
	vcpu->signals = &signals_seen;
	__atomic_store_n(&vcpu->tid, own_tid, __ATOMIC_SEQ_CST);
	sigemptyset(&kick);
	sigaddset(&kick, vcpu->gdb->kick_signal);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
}

/* ---- Parking ---- */

/*
 * Waits for the wake descriptor or a signal; FALSE for a signal. All signals are blocked; @old is
 * what the thread blocked before, which ppoll() puts back for the wait, but for the engine's: it is
 * sent behind the lock and may come late. A VMM that kicks by immediate_exit alone is seen by the
 * look at it. @timeout: TRUE when it is over; NULL: none.
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
	sigaddset(&wait, vcpu->gdb->kick_signal);
	if (!__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST)) {
		n = ppoll(fds, G_N_ELEMENTS(fds), timeout, &wait);
		woken = n == 0 ||
			(n > 0 && fds[0].revents && eventfd_read(vcpu->wake_fd, &count) == 0);
	}
	return woken;
}

/* Takes the engine's kick back. A signal of the VMM's may have come with it: it gets an EINTR. */
static void take_kick(KvmGdbVcpu *vcpu)
{
	if (vcpu->kick != KICK_SENT)
		return;
	set_kick(vcpu, KICK_TAKEN);
	halt_change_immediate_exit(vcpu, KICK_MARK, 0);
}

/* FALSE: a signal wants this thread back in the VMM. Called and returns with the lock held. */
static bool park(KvmGdbVcpu *vcpu, const sigset_t *old)
{
	KvmGdb *gdb = vcpu->gdb;
	struct timespec slice;
	bool woken, timed;

	turns_try(gdb);
	halt_check_stopped(gdb);
	if (halt_may_run(vcpu))
		return true;
	timed = turns_slice(vcpu, &slice);
	engine_unlock(gdb);
	woken = wait_for_wake(vcpu, old, timed ? &slice : NULL);
	engine_lock(gdb);
	return woken;
}

/* ---- Into KVM_RUN and out of it ---- */

typedef struct Result {
	int ret, err;
} Result;

/* TRUE: the VMM must handle this exit. FALSE: the engine has; look at the world again. */
static bool after_run(KvmGdbVcpu *vcpu, const Result *result)
{
	take_kick(vcpu);
	return exits_handle(vcpu, result->ret, result->err);
}

static Result enter_kvm(KvmGdbVcpu *vcpu)
{
	Result result;

	result.ret = ioctl(vcpu->fd, KVM_RUN, 0);
	result.err = errno;
	return result;
}

/*
 * An I/O instruction that the VMM has handled is finished by the next KVM_RUN, which also writes
 * its result to the registers. With immediate_exit it does only that. FALSE: *ret is for the VMM:
 * it led to another exit, or to an error.
 */
static bool finish_io(KvmGdbVcpu *vcpu, Result *ret)
{
	Result result;

	halt_change_immediate_exit(vcpu, 0, KICK_MARK);
	result = enter_kvm(vcpu);
	halt_change_immediate_exit(vcpu, KICK_MARK, 0);
	if (result.ret == 0 || result.err != EINTR) {
		*ret = result;
		return !after_run(vcpu, &result);
	}
	exits_io_finished(vcpu);
	return true;
}

/* ---- The loop ---- */

/*
 * KVM finishes an open I/O instruction before it looks at signals. So does the engine before it
 * keeps the vCPU here, gives the VMM an EINTR of its own making, or looks whether a step has ended.
 */
static bool must_finish(const KvmGdbVcpu *vcpu)
{
	return exits_io_open(vcpu) &&
	       (!halt_may_run(vcpu) || vcpu->step.kind || vcpu->kick == KICK_TAKEN);
}

/* Does a signal wait that would have ended KVM_RUN? @old: what the thread blocks by itself. */
static bool is_signal_due(const KvmGdbVcpu *vcpu, const sigset_t *old)
{
	sigset_t pending;

	sigpending(&pending);
	if (sigisemptyset(&pending))
		return false;
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
		if (halt_may_run(vcpu))
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
	if (!halt_may_run(vcpu) || must_finish(vcpu)) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		ready = wait_to_run(vcpu, &old, ret);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (!ready)
			return false;
	}
	if (vcpu->exit == EXIT_HELD) {
		set_exit(vcpu, EXIT_OPEN);
		vcpu->run->exit_reason = vcpu->held_reason;
		ret->ret = 0;
		return false;
	}
	return vcpu->kick != KICK_TAKEN;
}

static void report_failure(KvmGdbVcpu *vcpu, const GError *error)
{
	engine_log(vcpu->gdb, "gdb: CPU %u cannot run: %s", vcpu->index, error->message);
	if (vcpu->exit == EXIT_GUEST_TRAP)
		set_exit(vcpu, EXIT_FINISHED);
	halt_event(vcpu, GDB_STOP_INTERNAL_ERROR, 0);
}

/* Nobody debugs, and KVM knows it: from the next entry on the lock is not needed. */
static void relax_attention(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (gdb->world == WORLD_FREE && !gdb->attached &&
	    (!vcpu->applied.now.control || guest_debug_is_vmms(vcpu)))
		__atomic_store_n(&vcpu->attention, 0, __ATOMIC_SEQ_CST);
}

/* With the lock held, and the vCPU PARKED. */
static Result run_attended(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;
	Result result;

	while (enter(vcpu, &result)) {
		g_autoptr(GError) error = NULL;

		if (!guest_debug_apply(vcpu, &error)) {
			report_failure(vcpu, error);
			if (gdb->world != WORLD_FREE && !gdb->ended)
				continue;
			result = (Result){-1, EIO};
			break;
		}
		relax_attention(vcpu);
		turns_has_run(vcpu);
		set_state(vcpu, VCPU_RUNNING);
		engine_unlock(gdb);
		result = enter_kvm(vcpu);
		engine_lock(gdb);
		set_state(vcpu, VCPU_PARKED);
		if (after_run(vcpu, &result))
			break;
	}
	return result;
}

static void place_lost(KvmGdbVcpu *vcpu)
{
	const Space space = space_of(vcpu);
	const KvmFinder finder = translate_finder(&space);

	kvm_breaks_find_lost(vcpu->gdb->breaks, &finder);
}

/*
 * After a reset the guest maps its code again at some time; nobody says when. A client that hears
 * of the next kernel sets its breakpoints anew then, and until then they have no place in it. TRUE:
 * it is to look whether that one has begun.
 */
static bool look_after_reset(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;
	bool begins = false;

	if (!gdb->awaits_kernel && !kvm_breaks_any_lost(gdb->breaks))
		return false;
	if (!gdb->awaits_kernel)
		place_lost(vcpu);
	else if (gdb->world == WORLD_RUNNING && !vcpu->event.pending)
		begins = linux_begins(vcpu);
	/* The VMM may write registers now; what the client has written is still to be flushed. */
	if (!arch_is_dirty(vcpu->arch))
		arch_forget(vcpu->arch);
	return begins;
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
	bool begins;

	if (result.ret < 0 && result.err == EINTR) {
		show_eintr(vcpu, before);
		if (vcpu->kick == KICK_TAKEN)
			set_kick(vcpu, KICK_NONE);
	}
	begins = look_after_reset(vcpu);
	set_state(vcpu, VCPU_OUTSIDE);
	if (begins)
		halt_event(vcpu, GDB_STOP_PROGRAM, 0);
	halt_check_stopped(vcpu->gdb);
	turns_has_run(vcpu);
	engine_unlock(vcpu->gdb);
	errno = result.err;
	return result.ret;
}

/* Somebody began to stop the world while this vCPU was on its way out, and counts on it. */
__attribute__((noinline)) static void leave_noticed(KvmGdbVcpu *vcpu)
{
	int err = errno;

	engine_lock(vcpu->gdb);
	halt_check_stopped(vcpu->gdb);
	engine_unlock(vcpu->gdb);
	errno = err;
}

/* @run: KVM_RUN was called, with this result; else that is still to be done. */
__attribute__((noinline)) static int run_noticed(KvmGdbVcpu *vcpu, const Result *run)
{
	uint32_t before = vcpu->run->exit_reason;
	Result result;

	engine_lock(vcpu->gdb);
	set_state(vcpu, VCPU_PARKED);
	if (run && after_run(vcpu, run))
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
	set_exit(vcpu, ret < 0 ? EXIT_FINISHED : EXIT_OPEN);
	if (wants_attention(vcpu))
		return run_noticed(vcpu, &(Result){ret, errno});
	set_state(vcpu, VCPU_OUTSIDE);
	if (wants_attention(vcpu))
		leave_noticed(vcpu);
	return ret;
}
