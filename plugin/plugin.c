/*
 * plugin/plugin.c - the plugin's one state, and what each request to KVM means for it.
 */
#include "plugin/plugin.h"

#include <errno.h>
#include <gio/gio.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/child.h"
#include "plugin/machine.h"
#include "plugin/real.h"
#include "plugin/seccomp.h"
#include "plugin/table.h"

/* Linux 6.8: struct kvm_userspace_memory_region and 128 bytes more. Not in older headers. */
#define SET_USER_MEMORY_REGION2 _IOC(_IOC_WRITE, KVMIO, 0x49, 160)
/* Likewise: struct kvm_memory_attributes has 32 bytes. */
#define SET_MEMORY_ATTRIBUTES _IOC(_IOC_WRITE, KVMIO, 0xd2, 32)

#define START_LIMIT_MS 20000
#define END_LIMIT_MS 1000

typedef struct Plugin {
	pthread_mutex_t lock;
	MachineOptions options;
	pid_t main_pid; /* of the program that `vmgdb run` started */
	pid_t owner;	/* the process that made a machine; atomic, 0 before */
	bool off;	/* atomic: do nothing: not started by `vmgdb run`, a child, or given up */
	KvmGdbThread *thread;
	GPtrArray *machines; /* all that are open */
	Machine *served;
	uintptr_t ram_low, ram_high; /* atomic: all guest memory lies in there */
} Plugin;

static Plugin *plugin(void)
{
	static Plugin the_plugin = {.lock = PTHREAD_MUTEX_INITIALIZER, .off = true};

	return &the_plugin;
}

static bool is_off(void)
{
	return __atomic_load_n(&plugin()->off, __ATOMIC_ACQUIRE);
}

/* In one write, so that it does not mix with what the VMM says. */
G_GNUC_PRINTF(1, 2) static void say(const char *format, ...)
{
	g_autofree char *text = NULL, *line = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	line = g_strconcat(text, "\n", NULL);
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return; /* the VMM has closed it; there is nowhere else to say it */
}

/* ---- What the engine asks of a VMM ---- */

static void on_log(void *opaque G_GNUC_UNUSED, const char *line)
{
	say("%s", line);
}

static void on_poweroff(void *opaque G_GNUC_UNUSED)
{
	say("vmgdb: ended by a debugger or monitor");
	kill(getpid(), SIGTERM);
}

static const KvmGdbOps ops = {.log = on_log, .poweroff = on_poweroff};

/* ---- Start and end of the engine ---- */

typedef struct Start {
	Machine *machine;
	GError *error;
	bool ok;
} Start;

static void start(void *data)
{
	Start *job = data;
	Plugin *p = plugin();

	job->ok = machine_start(job->machine, kvm_gdb_thread_context(p->thread), &ops, &p->options,
				&job->error);
}

typedef struct End {
	KvmGdb *gdb;
	uint8_t status;
} End;

static void end(void *data)
{
	End *job = data;

	kvm_gdb_end(job->gdb, job->status);
}

/* A KvmGdb is never freed: a vCPU's thread may be in it. What is left is a few kilobytes. */
static void end_engine(Machine *machine, uint8_t status)
{
	/* Static, so that it is still there if the limit is over. One end at a time: the lock. */
	static End job;
	Plugin *p = plugin();

	if (!machine->gdb)
		return;
	job = (End){machine->gdb, status};
	kvm_gdb_thread_call(p->thread, end, &job, END_LIMIT_MS);
}

/* With the lock held. */
static void give_up_machine(Machine *machine, const char *why)
{
	machine->bare = true;
	say("vmgdb: %s: this virtual machine runs without a debugger", why);
}

static bool start_engine(Machine *machine, GError **error)
{
	Plugin *p = plugin();
	Start *job = g_new0(Start, 1);
	bool ok;

	if (!p->thread)
		p->thread = kvm_gdb_thread_new(error);
	if (!p->thread) {
		g_free(job);
		return false;
	}
	job->machine = machine;
	if (!kvm_gdb_thread_call(p->thread, start, job, START_LIMIT_MS)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
			    "the engine did not start within %u s", START_LIMIT_MS / 1000);
		return false; /* it may still use @job */
	}
	ok = job->ok;
	if (!ok)
		g_propagate_error(error, job->error);
	g_free(job);
	return ok;
}

static void say_addresses(const KvmGdb *gdb)
{
	const MachineOptions *options = &plugin()->options;
	unsigned n = 0;

	if (options->where)
		say("gdb: listening on %s", kvm_gdb_address(gdb));
	if (options->qmp)
		say("qmp: listening on %s", kvm_gdb_operator_address(gdb, n++));
	if (options->monitor)
		say("monitor: listening on %s", kvm_gdb_operator_address(gdb, n++));
}

static void serve(Machine *machine)
{
	g_autoptr(GError) error = NULL;
	Plugin *p = plugin();

	if (p->served) {
		give_up_machine(machine, "another virtual machine of this process is debugged");
		return;
	}
	p->served = machine;
	if (start_engine(machine, &error)) {
		say_addresses(machine->gdb);
		return;
	}
	give_up_machine(machine, error->message);
	end_engine(machine, 0);
}

/* A vCPU is run that the engine does not have. */
__attribute__((cold, noinline)) static void first_run(MachineVcpu *vcpu)
{
	Machine *machine = vcpu->machine;
	g_autoptr(GError) error = NULL;
	Plugin *p = plugin();

	pthread_mutex_lock(&p->lock);
	if (!machine->gdb && !machine->bare)
		serve(machine);
	if (!machine->bare && !machine_catch_up(vcpu, &error))
		say("vmgdb: vCPU %lu runs without a debugger: %s", vcpu->id, error->message);
	if (!vcpu->gdb)
		__atomic_store_n(&vcpu->bare, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&p->lock);
}

/* ---- Requests: what is on the way of each KVM_RUN is hot, so that it lies in one page ---- */

static bool is_served(const Machine *machine)
{
	return machine->gdb && !machine->bare;
}

/* Kept until there is an engine. */
static void keep_request(MachineVcpu *vcpu, unsigned long request, const void *arg)
{
	const struct kvm_signal_mask *mask = arg;

	if (request == KVM_SET_GUEST_DEBUG && arg)
		vcpu->debug = *(const struct kvm_guest_debug *)arg;
	if (request != KVM_SET_SIGNAL_MASK)
		return;
	g_free(vcpu->mask);
	vcpu->mask = mask ? g_memdup2(mask, sizeof(*mask) + mask->len) : NULL;
}

/* Not in the engine's hands, or not yet. */
__attribute__((cold, noinline)) static int bare_ioctl(MachineVcpu *vcpu, int fd,
						      unsigned long request, void *arg)
{
	int ret;

	if (!vcpu->gdb && request == KVM_RUN && !__atomic_load_n(&vcpu->bare, __ATOMIC_ACQUIRE)) {
		first_run(vcpu);
		if (vcpu->gdb && !vcpu->machine->bare)
			return kvm_gdb_run(vcpu->gdb);
	}
	ret = real()->ioctl(fd, request, arg);
	if (ret == 0)
		keep_request(vcpu, request, arg);
	return ret;
}

__attribute__((hot)) static int vcpu_ioctl(PluginFile *file, int fd, unsigned long request,
					   void *arg)
{
	MachineVcpu *vcpu = (MachineVcpu *)file;
	KvmGdbVcpu *gdb = __atomic_load_n(&vcpu->gdb, __ATOMIC_ACQUIRE);

	if (G_LIKELY(gdb && !vcpu->machine->bare))
		return kvm_gdb_vcpu_ioctl(gdb, request, arg);
	return bare_ioctl(vcpu, fd, request, arg);
}

static void note_ram(const struct kvm_userspace_memory_region *region)
{
	Plugin *p = plugin();
	uintptr_t low = region->userspace_addr, high = low + region->memory_size;

	if (low == high)
		return; /* a slot is deleted */
	if (!p->ram_low || low < p->ram_low)
		__atomic_store_n(&p->ram_low, low, __ATOMIC_RELEASE);
	if (high > p->ram_high)
		__atomic_store_n(&p->ram_high, high, __ATOMIC_RELEASE);
}

static void track(int fd, PluginFile *file)
{
	if (table_set(fd, file))
		file->n_fds++;
}

static void new_vcpu(Machine *machine, unsigned long id, int fd)
{
	MachineVcpu *vcpu = machine_add_vcpu(machine, id, fd);
	g_autoptr(GError) error = NULL;

	vcpu->file.ioctl = vcpu_ioctl;
	track(fd, &vcpu->file);
	/* While the machine runs: it is listed from now on, not only when it first runs. */
	if (is_served(machine))
		machine_catch_up(vcpu, &error);
}

/* Requests of a machine that are kept for the engine. */
static bool is_noted(unsigned long request)
{
	return request == KVM_CREATE_VCPU || request == KVM_SET_USER_MEMORY_REGION ||
	       request == SET_USER_MEMORY_REGION2 || request == SET_MEMORY_ATTRIBUTES;
}

static int machine_ioctl(PluginFile *file, int fd, unsigned long request, void *arg)
{
	Machine *machine = (Machine *)file;
	int ret = real()->ioctl(fd, request, arg), err = errno;

	if (ret < 0 || !is_noted(request))
		return ret;
	pthread_mutex_lock(&plugin()->lock);
	if (request == KVM_CREATE_VCPU) {
		new_vcpu(machine, (unsigned long)arg, ret);
	} else if (request == SET_MEMORY_ATTRIBUTES) {
		machine_set_attributes(machine, arg);
	} else {
		note_ram(arg);
		machine_set_slot(machine, arg);
	}
	pthread_mutex_unlock(&plugin()->lock);
	errno = err;
	return ret;
}

static void new_machine(int kvm_fd, int fd)
{
	Plugin *p = plugin();
	Machine *machine;

	pthread_mutex_lock(&p->lock);
	if (!p->machines)
		p->machines = g_ptr_array_new();
	machine = machine_new(kvm_fd, fd);
	machine->file.ioctl = machine_ioctl;
	g_ptr_array_add(p->machines, machine);
	__atomic_store_n(&p->owner, getpid(), __ATOMIC_RELEASE);
	track(fd, &machine->file);
	pthread_mutex_unlock(&p->lock);
}

/* A descriptor that came by dup(), a socket or the like. With the lock held. */
static PluginFile *find_same(int fd)
{
	Plugin *p = plugin();
	PluginFile *file = NULL;

	for (unsigned i = 0; p->machines && !file && i < p->machines->len; i++)
		file = machine_find_same(p->machines->pdata[i], fd);
	return file;
}

static PluginFile *recognise(int fd)
{
	Plugin *p = plugin();
	PluginFile *file;

	if (!__atomic_load_n(&p->owner, __ATOMIC_ACQUIRE))
		return NULL;
	pthread_mutex_lock(&p->lock);
	file = find_same(fd);
	if (file)
		track(fd, file);
	pthread_mutex_unlock(&p->lock);
	return file;
}

__attribute__((cold, noinline)) static int unknown_ioctl(int fd, unsigned long request, void *arg)
{
	PluginFile *file = NULL;
	int ret, err = errno;

	if (request == KVM_RUN || request == KVM_SET_GUEST_DEBUG || is_noted(request))
		file = recognise(fd);
	errno = err;
	if (file)
		return file->ioctl(file, fd, request, arg);
	ret = real()->ioctl(fd, request, arg);
	if (ret < 0 || request != KVM_CREATE_VM)
		return ret;
	err = errno;
	new_machine(fd, ret);
	errno = err;
	return ret;
}

__attribute__((hot)) int plugin_ioctl(int fd, unsigned long request, void *arg)
{
	PluginFile *file;

	if (G_UNLIKELY(is_off()))
		return real()->ioctl(fd, request, arg);
	file = table_find(fd);
	if (G_UNLIKELY(!file))
		return unknown_ioctl(fd, request, arg);
	return file->ioctl(file, fd, request, arg);
}

/* ---- Close and unmap ---- */

PluginFile *plugin_forget(int fd)
{
	/* A child between vfork() and exec shares our memory, but its descriptors are its own. */
	if (!table_find(fd) || is_off() || getpid() != plugin()->owner)
		return NULL;
	return table_clear(fd);
}

GPtrArray *plugin_forget_range(unsigned first, unsigned last)
{
	GPtrArray *files = NULL;

	for (int fd = table_next(first); fd >= 0 && (unsigned)fd <= last; fd = table_next(fd + 1)) {
		PluginFile *file = plugin_forget(fd);

		if (file && !files)
			files = g_ptr_array_new();
		if (file)
			g_ptr_array_add(files, file);
	}
	return files;
}

void plugin_closed_range(GPtrArray *files)
{
	for (unsigned i = 0; files && i < files->len; i++)
		plugin_closed(files->pdata[i]);
	g_clear_pointer(&files, g_ptr_array_unref);
}

/* With the lock held. */
static void forget_machine(Machine *machine)
{
	Plugin *p = plugin();

	end_engine(machine, 0);
	machine->bare = true;
	g_ptr_array_remove_fast(p->machines, machine);
	if (p->served == machine)
		p->served = NULL;
	machine_close(machine);
}

void plugin_closed(PluginFile *file)
{
	Plugin *p = plugin();
	int left = -1;

	pthread_mutex_lock(&p->lock);
	if (--file->n_fds == 0 && file->fd >= 0)
		left = table_find_duplicate(file->fd);
	if (left >= 0)
		track(left, file);
	for (unsigned i = 0; i < p->machines->len; i++) {
		Machine *machine = p->machines->pdata[i];

		if (machine_is_open(machine))
			continue;
		forget_machine(machine);
		break; /* one descriptor belongs to one machine */
	}
	pthread_mutex_unlock(&p->lock);
}

void plugin_unmap_host(void *addr, size_t len)
{
	Plugin *p = plugin();
	uintptr_t low = __atomic_load_n(&p->ram_low, __ATOMIC_ACQUIRE);
	uintptr_t high = __atomic_load_n(&p->ram_high, __ATOMIC_ACQUIRE);

	if ((uintptr_t)addr >= high || (uintptr_t)addr + len <= low || is_off() ||
	    getpid() != p->owner)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->served)
		machine_unmap_host(p->served, addr, len);
	pthread_mutex_unlock(&p->lock);
}

/* ---- seccomp ---- */

void plugin_seccomp(const struct sock_fprog *filter)
{
	Plugin *p = plugin();
	const char *name;
	int err = errno;

	if (!filter || is_off())
		return;
	name = seccomp_forbids(filter);
	if (!name)
		return;
	pthread_mutex_lock(&p->lock);
	say("vmgdb: the program installs a seccomp filter that forbids %s, which debugging needs: "
	    "it runs on without a debugger. Start it without its filter (QEMU: no -sandbox, "
	    "Firecracker: --no-seccomp, cloud-hypervisor: --seccomp false)",
	    name);
	if (p->served) {
		end_engine(p->served, 0);
		p->served->bare = true;
	}
	__atomic_store_n(&p->off, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&p->lock);
	errno = err;
}

/* ---- The process ---- */

static void close_sockets(const KvmGdb *gdb)
{
	const char *address = kvm_gdb_address(gdb);

	if (address)
		child_close_sockets(address);
	for (unsigned n = 0; (address = kvm_gdb_operator_address(gdb, n)); n++)
		child_close_sockets(address);
}

/* Another thread's lock, held when this process was copied, will never be released. */
static void on_child(void)
{
	Plugin *p = plugin();

	__atomic_store_n(&p->off, true, __ATOMIC_RELEASE);
	if (!p->owner || pthread_mutex_trylock(&p->lock) != 0)
		return;
	if (p->served && p->served->gdb)
		close_sockets(p->served->gdb);
	for (unsigned i = 0; i < p->machines->len; i++)
		machine_close(p->machines->pdata[i]);
	pthread_mutex_unlock(&p->lock);
}

static void on_end(int status, void *data G_GNUC_UNUSED)
{
	Plugin *p = plugin();

	if (is_off())
		return;
	if (!p->owner) {
		if (getpid() == p->main_pid)
			say("vmgdb: the program has ended and never made a KVM virtual machine "
			    "itself: there was nothing to debug");
		return;
	}
	/* A VMM that exits from a signal handler may be in the middle of one of ours. */
	if (getpid() != p->owner || pthread_mutex_trylock(&p->lock) != 0)
		return;
	if (p->served)
		end_engine(p->served, status);
	pthread_mutex_unlock(&p->lock);
}

/* Copies, because a VMM may clear its environment. */
static MachineOptions options_from_environment(void)
{
	return (MachineOptions){
		.where = g_strdup(getenv(PLUGIN_ENV_GDB)),
		.qmp = g_strdup(getenv(PLUGIN_ENV_QMP)),
		.monitor = g_strdup(getenv(PLUGIN_ENV_MONITOR)),
		.log = g_strdup(getenv(PLUGIN_ENV_LOG)),
		.vmlinux = g_strdup(getenv(PLUGIN_ENV_VMLINUX)),
		.modules = g_strdup(getenv(PLUGIN_ENV_MODULES)),
		.architecture = g_strdup(getenv(PLUGIN_ENV_ARCH)),
		.tasks = g_strcmp0(getenv(PLUGIN_ENV_THREADS), "tasks") == 0,
		.clock = g_strcmp0(getenv(PLUGIN_ENV_CLOCK), "run") ? KVM_GDB_CLOCK_STOP
								    : KVM_GDB_CLOCK_RUN,
		.symbols = getenv(PLUGIN_ENV_SYMBOLS) != NULL,
		.wait = getenv(PLUGIN_ENV_WAIT) != NULL,
	};
}

__attribute__((constructor)) static void on_load(void)
{
	const char *pid = getenv(PLUGIN_ENV_PID);
	Plugin *p = plugin();

	p->main_pid = pid ? atoi(pid) : 0;
	p->options = options_from_environment();
	if (!p->options.where && !p->options.qmp && !p->options.monitor)
		return;
	pthread_atfork(NULL, NULL, on_child);
	on_exit(on_end, NULL);
	__atomic_store_n(&p->off, false, __ATOMIC_RELEASE);
}
