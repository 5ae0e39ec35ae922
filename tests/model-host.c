/*
 * tests/model-host.c - see tests/model-host.h. Its state is one for the process, as the functions
 * are that it stands for.
 */
#include "tests/model-host.h"

#include "kvm/invariants.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#endif

#define STACK_SIZE (64 * 1024)
#define FIRST_TID 1000
#define FIRST_FD 600 /* of eventfds, which are only numbers here */
#define N_FDS 1024
#define VMM_SIGNAL SIGUSR1

/* A switch of stacks without the system call that swapcontext() makes. */
typedef void *Jump[5];

typedef struct Thread {
	Jump jump;
	bool begun;
	HostPlace place;
	KvmGdbVcpu *vcpu;
	sigset_t blocked, pending;
	sigset_t wait;	 /* HOST_WAIT: blocked for the wait */
	gint64 until;	 /* HOST_WAIT: or 0 */
	int fd;		 /* HOST_WAIT: the eventfd */
	bool coming;	 /* the engine's signal, which was sent behind the lock */
	unsigned kicked; /* how often the engine's signal was handled */
	int result;	 /* of the KVM_RUN before HOST_LOCK: 1 if none, else its errno */
	uint32_t reason; /* the exit reason when the VMM called the engine */
	bool sets_immediate_exit;
} Thread;

static struct {
	KvmGdb *gdb;
	unsigned n;
	void (*body)(unsigned cpu);
	Thread threads[HOST_CPUS];
	ucontext_t contexts[HOST_CPUS]; /* to begin a thread with */
	char *stacks[HOST_CPUS];
	Jump main;
	int next_fd;
	int current; /* or -1: the test itself */
	bool locked;
	gint64 now;
	uint64_t counts[N_FDS]; /* of eventfds */
	const char *fault;
} host = {.current = -1};

/* ---- Threads ---- */

/*
 * What a call of these does is not to be guessed: other threads run in it. AddressSanitizer takes a
 * jump for the end of all functions that are on the stack.
 */
#if __has_attribute(noipa)
#define OPAQUE __attribute__((noipa, no_sanitize_address))
#else
#define OPAQUE __attribute__((noinline, no_sanitize_address))
#endif

/* Each in a function of its own: a jump must not end in the function where it began. */
OPAQUE static void jump(Jump to)
{
	__builtin_longjmp(to, 1);
}

OPAQUE static void switch_to_main(Thread *thread)
{
	host.current = -1;
	if (!__builtin_setjmp(thread->jump))
		jump(host.main);
}

OPAQUE static void switch_to_thread(Thread *thread)
{
	if (__builtin_setjmp(host.main))
		return;
	if (thread->begun)
		jump(thread->jump);
	thread->begun = true;
	setcontext(&host.contexts[thread - host.threads]);
}

static void thread_main(int cpu)
{
	host.body(cpu);
	host.threads[cpu].place = HOST_ENDED;
	switch_to_main(&host.threads[cpu]);
}

static void begin_thread(unsigned cpu)
{
	Thread *thread = &host.threads[cpu];
	ucontext_t *context = &host.contexts[cpu];

	*thread = (Thread){.place = HOST_NEW, .result = 1};
	sigemptyset(&thread->blocked);
	sigemptyset(&thread->pending);
	/* What the last one has left on it. */
	if (host.stacks[cpu])
		ASAN_UNPOISON_MEMORY_REGION(host.stacks[cpu], STACK_SIZE);
	if (host.stacks[cpu])
		return;
	host.stacks[cpu] = g_malloc(STACK_SIZE);
	getcontext(context);
	context->uc_stack.ss_sp = host.stacks[cpu];
	context->uc_stack.ss_size = STACK_SIZE;
	makecontext(context, (void (*)(void))(void *)thread_main, 1, cpu);
}

void host_forget(void)
{
	host.gdb = NULL;
	host.next_fd = FIRST_FD;
}

void host_begin(KvmGdb *gdb, unsigned n, void (*body)(unsigned cpu))
{
	host.gdb = gdb;
	host.n = n;
	host.body = body;
	host.current = -1;
	host.locked = false;
	host.now = 1000000;
	host.fault = NULL;
	for (unsigned i = 0; i < n; i++)
		begin_thread(i);
}

void host_set_vcpu(unsigned cpu, KvmGdbVcpu *vcpu)
{
	host.threads[cpu].vcpu = vcpu;
}

static Thread *current(void)
{
	return host.current < 0 ? NULL : &host.threads[host.current];
}

void host_yield(HostPlace place)
{
	Thread *thread = current();

	thread->place = place;
	switch_to_main(thread);
}

const char *host_fault(void)
{
	return host.fault;
}

HostPlace host_place(unsigned cpu)
{
	return host.threads[cpu].place;
}

const char *host_place_name(unsigned cpu)
{
	static const char *const names[] = {
		"not started",	"before the engine's lock", "before KVM_RUN",
		"in the guest", "kept by the engine",	    "in a device",
		"ended",
	};

	return names[host.threads[cpu].place];
}

/* ---- Signals ---- */

static bool is_due(const Thread *thread, int signo, const sigset_t *blocked)
{
	return sigismember(&thread->pending, signo) && !sigismember(blocked, signo);
}

/* TRUE: a handler was run. */
static bool deliver(Thread *thread, const sigset_t *blocked)
{
	bool any = false;

	if (is_due(thread, host.gdb->kick_signal, blocked)) {
		sigdelset(&thread->pending, host.gdb->kick_signal);
		thread->kicked++;
		any = true;
	}
	if (is_due(thread, VMM_SIGNAL, blocked)) {
		sigdelset(&thread->pending, VMM_SIGNAL);
		if (thread->sets_immediate_exit)
			thread->vcpu->run->immediate_exit = 1;
		any = true;
	}
	return any;
}

static bool any_due(const Thread *thread, const sigset_t *blocked)
{
	return is_due(thread, host.gdb->kick_signal, blocked) ||
	       is_due(thread, VMM_SIGNAL, blocked);
}

void host_signal(unsigned cpu, bool sets_immediate_exit)
{
	host.threads[cpu].sets_immediate_exit = sets_immediate_exit;
	sigaddset(&host.threads[cpu].pending, VMM_SIGNAL);
}

bool host_can_step(unsigned cpu)
{
	const Thread *thread = &host.threads[cpu];

	if (thread->place != HOST_WAIT)
		return thread->place != HOST_ENDED;
	return host.counts[thread->fd] || any_due(thread, &thread->wait) ||
	       (thread->until && thread->until <= host.now);
}

/* A handler runs as soon as its thread does, except where the thread looks for signals itself. */
void host_step(unsigned cpu)
{
	Thread *thread = &host.threads[cpu];

	if (thread->place != HOST_WAIT && thread->place != HOST_GUEST)
		deliver(thread, &thread->blocked);
	if (thread->place == HOST_NEW || thread->place == HOST_DEVICE)
		thread->reason = thread->vcpu->run->exit_reason;
	host.current = cpu;
	switch_to_thread(thread);
}

bool host_yield_in_guest(void)
{
	Thread *thread = current();

	host_yield(HOST_GUEST);
	return !deliver(thread, &thread->blocked);
}

/* ---- What is on its way ---- */

bool host_kick_is_coming(unsigned cpu)
{
	return host.threads[cpu].coming;
}

void host_kick_arrives(unsigned cpu)
{
	host.threads[cpu].coming = false;
	sigaddset(&host.threads[cpu].pending, host.gdb->kick_signal);
}

/* ---- Time ---- */

gint64 host_now(void)
{
	return host.now;
}

static void sooner(gint64 *next, gint64 time)
{
	if (time > 0 && (!*next || time < *next))
		*next = time;
}

gint64 host_next_time(void)
{
	gint64 next = 0;

	for (unsigned i = 0; i < host.n; i++) {
		if (host.threads[i].place == HOST_WAIT && host.threads[i].until > host.now)
			sooner(&next, host.threads[i].until);
	}
	sooner(&next, gdb_alarm_get(host.gdb->grace.alarm));
	sooner(&next, gdb_alarm_get(host.gdb->limit));
	return next;
}

void host_pass_time(gint64 to)
{
	host.now = MAX(host.now, to);
}

/* ---- What the linker gives the engine instead of libc's and GLib's ---- */

int __real_ioctl(int fd, unsigned long request, void *arg);
void __real_g_mutex_lock(GMutex *mutex);
void __real_g_mutex_unlock(GMutex *mutex);

int __wrap_ioctl(int fd, unsigned long request, void *arg);
void __wrap_g_mutex_lock(GMutex *mutex);
void __wrap_g_mutex_unlock(GMutex *mutex);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		 const sigset_t *blocked);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_eventfd(unsigned value, int flags);
int __wrap_eventfd_write(int fd, eventfd_t value);
ssize_t __wrap_process_vm_readv(pid_t process, const struct iovec *local, unsigned long n,
				const struct iovec *remote, unsigned long n_remote,
				unsigned long flags);
ssize_t __wrap_process_vm_writev(pid_t process, const struct iovec *local, unsigned long n,
				 const struct iovec *remote, unsigned long n_remote,
				 unsigned long flags);
int __wrap_eventfd_read(int fd, eventfd_t *ret);
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigpending(sigset_t *ret);
pid_t __wrap_gettid(void);
int __wrap_tgkill(pid_t process, pid_t tid, int signo);
gint64 __wrap_g_get_monotonic_time(void);

/* With the lock held it is one with immediate_exit, which executes nothing. */
int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	Thread *thread = current();
	int ret;

	if (request == KVM_RUN && thread && !host.locked) {
		host_yield(HOST_ENTRY);
		ret = __real_ioctl(fd, request, arg);
		thread->result = ret < 0 ? errno : 0;
		return ret;
	}
	if (request == KVM_RUN && !thread->vcpu->run->immediate_exit)
		host.fault = "KVM_RUN is called with the engine's lock held";
	return __real_ioctl(fd, request, arg);
}

void __wrap_g_mutex_lock(GMutex *mutex)
{
	bool is_engines = host.gdb && mutex == &host.gdb->lock;

	if (is_engines && host.locked)
		g_error("the engine takes its lock twice");
	if (is_engines && current())
		host_yield(HOST_LOCK);
	__real_g_mutex_lock(mutex);
	if (is_engines)
		host.locked = true;
}

void __wrap_g_mutex_unlock(GMutex *mutex)
{
	unsigned cpu;

	if (host.gdb && mutex == &host.gdb->lock) {
		if (!host.fault)
			host.fault = invariants_broken(host.gdb, &cpu);
		host.locked = false;
		if (current())
			current()->result = 1;
	}
	__real_g_mutex_unlock(mutex);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n G_GNUC_UNUSED, const struct timespec *timeout,
		 const sigset_t *blocked)
{
	Thread *thread = current();

	thread->wait = *blocked;
	thread->fd = fds[0].fd;
	thread->until = timeout ? host.now + timeout->tv_nsec / 1000 : 0;
	host_yield(HOST_WAIT);
	if (deliver(thread, blocked)) {
		errno = EINTR;
		return -1;
	}
	fds[0].revents = host.counts[thread->fd] ? POLLIN : 0;
	return fds[0].revents ? 1 : 0;
}

int __wrap_eventfd(unsigned value, int flags G_GNUC_UNUSED)
{
	g_assert_cmpint(host.next_fd, <, N_FDS);
	host.counts[host.next_fd] = value;
	return host.next_fd++;
}

int __wrap_close(int fd)
{
	return fd < FIRST_FD ? __real_close(fd) : 0;
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
	host.counts[fd] += value;
	return 0;
}

int __wrap_eventfd_read(int fd, eventfd_t *ret)
{
	*ret = host.counts[fd];
	host.counts[fd] = 0;
	return *ret ? 0 : -1;
}

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	Thread *thread = current();

	/* The counter of this thread's handler: all threads here have the same thread-local one. */
	thread->vcpu->signals = &thread->kicked;
	if (old)
		*old = thread->blocked;
	if (how == SIG_SETMASK)
		thread->blocked = *set;
	else if (how == SIG_BLOCK)
		sigorset(&thread->blocked, &thread->blocked, set);
	else
		for (int signo = 1; signo <= SIGRTMAX; signo++) {
			if (sigismember(set, signo) > 0)
				sigdelset(&thread->blocked, signo);
		}
	deliver(thread, &thread->blocked);
	return 0;
}

int __wrap_sigpending(sigset_t *ret)
{
	*ret = current()->pending;
	return 0;
}

pid_t __wrap_gettid(void)
{
	return FIRST_TID + host.current;
}

int __wrap_tgkill(pid_t process G_GNUC_UNUSED, pid_t tid, int signo)
{
	if (tid < FIRST_TID || tid >= FIRST_TID + (pid_t)host.n) {
		host.fault = "a signal is sent to a thread that does not exist";
		return -1;
	}
	if (host.locked || signo != host.gdb->kick_signal)
		host.fault = "a signal is sent with the lock held, or not the engine's";
	host.threads[tid - FIRST_TID].coming = true;
	return 0;
}

gint64 __wrap_g_get_monotonic_time(void)
{
	return host.now;
}

/* The memory of the toy's guest is always there: that needs no system call. */
ssize_t __wrap_process_vm_readv(pid_t process G_GNUC_UNUSED, const struct iovec *local,
				unsigned long n G_GNUC_UNUSED, const struct iovec *remote,
				unsigned long n_remote G_GNUC_UNUSED,
				unsigned long flags G_GNUC_UNUSED)
{
	memcpy(local->iov_base, remote->iov_base, local->iov_len);
	return local->iov_len;
}

ssize_t __wrap_process_vm_writev(pid_t process G_GNUC_UNUSED, const struct iovec *local,
				 unsigned long n G_GNUC_UNUSED, const struct iovec *remote,
				 unsigned long n_remote G_GNUC_UNUSED,
				 unsigned long flags G_GNUC_UNUSED)
{
	memcpy(remote->iov_base, local->iov_base, local->iov_len);
	return local->iov_len;
}

/* ---- The digest ---- */

uint64_t host_digest(unsigned cpu)
{
	const Thread *thread = &host.threads[cpu];
	uint64_t until = thread->place == HOST_WAIT && thread->until ? thread->until - host.now : 0;
	uint64_t parts[] = {
		thread->place,
		until,
		thread->place == HOST_LOCK ? thread->result : 0,
		thread->place == HOST_DEVICE ? 0 : thread->reason,
		sigismember(&thread->pending, host.gdb->kick_signal),
		sigismember(&thread->pending, VMM_SIGNAL),
		sigismember(&thread->blocked, VMM_SIGNAL),
		thread->vcpu->wake_fd >= 0 ? host.counts[thread->vcpu->wake_fd] != 0 : 0,
		thread->kicked != thread->vcpu->signals_before,
		thread->coming,
	};
	uint64_t sum = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
		sum = (sum ^ parts[i]) * 0x9e3779b97f4a7c15 + (sum >> 31);
	return sum;
}
