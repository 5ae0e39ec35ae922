/*
 * kvm/engine.c - the life of an engine: making it, its vCPUs and memory, listening, the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest/vmlinux.h"
#include "kvm/clock.h"
#include "kvm/internal.h"
#include "kvm/linux.h"
#include "kvm/module-files.h"
#include "kvm/monitor.h"
#include "kvm/operate.h"
#include "kvm/probe.h"
#include "kvm/process.h"
#include "kvm/states.h"

#define SWEEP_LIMIT_MS 1000

void engine_sweep(KvmGdb *gdb)
{
	if (!gdb->ended && !kvm_patches_sweep(gdb->patches, SWEEP_LIMIT_MS))
		engine_log(gdb, "gdb: guest memory is too large to look through all of it for "
				"copies of pages with breakpoints: a process of the guest that was "
				"made by fork() may still have one");
}

static void on_dirty(void *gdb, uint64_t gpa, size_t len)
{
	notice_change(gdb, gpa, len);
}

/* ---- Timers ---- */

static void on_grace(void *data)
{
	KvmGdb *gdb = data;
	LOCKED(gdb);

	halt_grace_over(gdb);
}

static void on_limit(void *data)
{
	KvmGdb *gdb = data;
	LOCKED(gdb);

	through_limit(gdb);
}

/* ---- New and free ---- */

static void say_what_is_missing(KvmGdb *gdb)
{
	const ArchFeatures *have = &gdb->features;
	const struct {
		bool present;
		const char *text;
	} rows[] = {
		{have->step, "single steps do not end: stepi and next will not work"},
		{have->sw_break, "trap instructions are not reported: break uses hardware "
				 "breakpoints"},
		{have->hw_break, "hardware breakpoints do not fire: hbreak will not work"},
		{have->watch, "data watchpoints do not fire: watch will not work"},
		{have->block_irq, "interrupts cannot be held back during a step"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (!rows[i].present)
			engine_log(gdb, "gdb: on this machine's KVM %s", rows[i].text);
	}
}

KvmGdb *kvm_gdb_new(int kvm_fd, int vm_fd, GMainContext *context, const KvmGdbOps *ops,
		    void *opaque, GError **error)
{
	ArchFeatures features;
	KvmGdb *gdb;
	int signo;

	if (!kvm_probe(kvm_fd, &features, error))
		return NULL;
	signo = kick_signal_install();
	if (!signo) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
			    "no real-time signal is free to interrupt vCPUs with");
		return NULL;
	}

	gdb = g_new0(KvmGdb, 1);
	g_mutex_init(&gdb->lock);
	gdb->context = g_main_context_ref(context ? context : g_main_context_default());
	gdb->ops = ops;
	gdb->opaque = opaque;
	gdb->vm_fd = vm_fd;
	gdb->kick_signal = signo;
	gdb->features = features;
	gdb->memory = kvm_memory_new(on_dirty, gdb);
	gdb->patches = kvm_patches_new(gdb->memory);
	gdb->breaks = kvm_breaks_new(gdb->patches, &features);
	gdb->conditions = kvm_conditions_new();
	gdb->vcpus = g_ptr_array_new();
	gdb->wake_fds = g_array_new(FALSE, FALSE, sizeof(int));
	gdb->grace.alarm = gdb_alarm_new(gdb->context, "vmgdb stop grace", on_grace, gdb);
	gdb->limit = gdb_alarm_new(gdb->context, "vmgdb run limit", on_limit, gdb);
	gdb->clock = kvm_clock_new(gdb);
	gdb->ops_table = kvm_target_ops;
	gdb->run_ops = *kvm_target_ops.run;
	gdb->ops_table.run = &gdb->run_ops;
	gdb->ops_table.monitor = monitor_table_new();
	if (!ops || !ops->reset)
		gdb->run_ops.reset = NULL;
	return gdb;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void vcpu_release(KvmGdbVcpu *vcpu)
{
	g_clear_pointer(&vcpu->arch, arch_vcpu_free);
	close_fd(&vcpu->mask_fd);
}

static void vcpu_free(KvmGdbVcpu *vcpu)
{
	vcpu_release(vcpu);
	g_free(vcpu);
}

void kvm_gdb_free(KvmGdb *gdb)
{
	if (!gdb)
		return;
	kvm_gdb_end(gdb, 0);
	gdb_alarm_free(gdb->grace.alarm);
	gdb_alarm_free(gdb->limit);
	gdb_alarm_free(gdb->quit);
	kvm_clock_free(gdb->clock);
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		vcpu_free(kvm_vcpu_at(gdb, i));
	g_ptr_array_unref(gdb->vcpus);
	for (unsigned i = 0; i < gdb->wake_fds->len; i++)
		close(g_array_index(gdb->wake_fds, int, i));
	g_array_unref(gdb->wake_fds);
	g_clear_pointer(&gdb->renewed, g_array_unref);
	gdb_reg_set_free(gdb->regs);
	kvm_breaks_free(gdb->breaks);
	kvm_patches_free(gdb->patches);
	kvm_conditions_free(gdb->conditions);
	kvm_memory_free(gdb->memory);
	vmlinux_free(gdb->vmlinux);
	process_forget(gdb);
	linux_free(gdb);
	kvm_module_files_free(gdb->module_files);
	monitor_save_free(gdb, monitor_save_take(gdb));
	g_free((void *)gdb->ops_table.monitor);
	gdb_log_free(gdb->log);
	g_free(gdb->name);
	g_free(gdb->architecture);
	g_main_context_unref(gdb->context);
	g_mutex_clear(&gdb->lock);
	g_free(gdb);
}

/* Before anything wakes them, so that none slips back into the guest. */
static void owe_parked_eintr(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (get_state(vcpu) == VCPU_PARKED)
			set_kick(vcpu, KICK_TAKEN);
	}
}

void kvm_gdb_end(KvmGdb *gdb, uint8_t exit_status)
{
	GdbServer *server = gdb->server;

	engine_lock(gdb);
	gdb->ended = true;
	owe_parked_eintr(gdb);
	engine_unlock(gdb);
	qmp_end(gdb, exit_status);
	if (server) {
		gdb_server_set_exit_status(server, exit_status);
		gdb_server_free(server);
	}
	operate_forget_quit(gdb);
	engine_lock(gdb);
	gdb->server = NULL;
	gdb->attached = false;
	non_stop_end(gdb);
	if (gdb->world != WORLD_FREE) {
		gdb->frees_when_stopped = true;
		/* The VMM may join its vCPUs on this thread. */
		halt_stop_at_once(gdb);
	}
	if (gdb->world == WORLD_STOPPED)
		halt_free_world(gdb);
	engine_unlock(gdb);
}

/* ---- What the VMM tells ---- */

static void log_slot(KvmGdb *gdb, const char *what, uint64_t gpa, uint64_t size)
{
	gdb_log_line(gdb->log, "memory: 0x%" PRIx64 " to 0x%" PRIx64 " %s", gpa, gpa + size - 1,
		     what);
}

static void memory_changed(KvmGdb *gdb)
{
	kvm_patches_after_change(gdb->patches);
	turns_lift_again(gdb);
}

void kvm_gdb_map(KvmGdb *gdb, uint64_t gpa, uint64_t size, void *host, unsigned flags)
{
	LOCKED(gdb);

	kvm_patches_before_change(gdb->patches, gpa, size);
	kvm_memory_map(gdb->memory, gpa, size, host, flags);
	log_slot(gdb, "is RAM", gpa, size);
	memory_changed(gdb);
}

void kvm_gdb_unmap(KvmGdb *gdb, uint64_t gpa, uint64_t size)
{
	LOCKED(gdb);

	kvm_patches_before_change(gdb->patches, gpa, size);
	kvm_memory_unmap(gdb->memory, gpa, size);
	log_slot(gdb, "is no RAM any more", gpa, size);
	memory_changed(gdb);
}

void kvm_gdb_set_private(KvmGdb *gdb, uint64_t gpa, uint64_t size, bool is_private)
{
	LOCKED(gdb);

	kvm_patches_before_change(gdb->patches, gpa, size);
	kvm_memory_set_private(gdb->memory, gpa, size, is_private);
	log_slot(gdb, is_private ? "is private" : "is shared", gpa, size);
	memory_changed(gdb);
}

static bool is_free_index(KvmGdb *gdb, unsigned index)
{
	return kvm_vcpu_at(gdb, index) && !kvm_vcpu_present(gdb, index);
}

/* Behind the others, or in the place of one that is gone. */
static void put_vcpu(KvmGdb *gdb, KvmGdbVcpu *vcpu)
{
	KvmGdbVcpu *gone = kvm_vcpu_at(gdb, vcpu->index);

	if (!gone) {
		g_ptr_array_add(gdb->vcpus, vcpu);
		/* Whoever wakes the others just now goes round by this one, too. */
		gdb->waking.left++;
		return;
	}
	vcpu->generation = gone->generation + 1;
	gdb->vcpus->pdata[vcpu->index] = vcpu;
	vcpu_free(gone);
}

/* It runs; but one that is made anew (kvm_gdb_renew()) does what the client has said of it. */
static Before first_of(const KvmGdb *gdb, unsigned index)
{
	const GArray *before = gdb->renewed;

	if (before && gdb->world != WORLD_FREE && index == gdb->vcpus->len && index < before->len)
		return g_array_index(before, Before, index);
	return (Before){{GDB_ACTION_CONTINUE, 0, 0}, 0};
}

/* -1 with @error. */
static int wake_fd_of(KvmGdb *gdb, unsigned index, GError **error)
{
	LOCKED(gdb);

	if (index == gdb->wake_fds->len) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0) {
			g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "eventfd: %s",
				    g_strerror(errno));
			return -1;
		}
		g_array_append_val(gdb->wake_fds, fd);
	}
	return g_array_index(gdb->wake_fds, int, index);
}

KvmGdbVcpu *kvm_gdb_add_vcpu(KvmGdb *gdb, unsigned index, int vcpu_fd, struct kvm_run *run,
			     GError **error)
{
	KvmGdbVcpu *vcpu;
	Before before;

	if (index != gdb->vcpus->len && !is_free_index(gdb, index)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "vCPU %u added where %u was expected: indexes are dense from 0", index,
			    gdb->vcpus->len);
		return NULL;
	}
	vcpu = g_new0(KvmGdbVcpu, 1);
	vcpu->gdb = gdb;
	vcpu->index = index;
	vcpu->fd = vcpu_fd;
	vcpu->run = run;
	vcpu->mask_fd = -1;
	vcpu->wake_fd = wake_fd_of(gdb, index, error);
	if (vcpu->wake_fd >= 0)
		vcpu->arch = arch_vcpu_new(vcpu_fd, run, error);
	if (!vcpu->arch) {
		vcpu_free(vcpu);
		return NULL;
	}
	arch_set_phys_reader(vcpu->arch, physical_read_own, gdb);
	engine_lock(gdb);
	vcpu->attention = gdb->world != WORLD_FREE;
	before = first_of(gdb, index);
	vcpu->action = before.action;
	vcpu->generation = before.generation;
	put_vcpu(gdb, vcpu);
	engine_unlock(gdb);
	return vcpu;
}

/* What is left keeps the place: the engine's loops need not care whether one is there. */
void kvm_gdb_remove_vcpu(KvmGdbVcpu *vcpu)
{
	g_return_if_fail(vcpu->index != 0);
	engine_lock(vcpu->gdb);
	halt_remove(vcpu);
	vcpu_release(vcpu);
	engine_unlock(vcpu->gdb);
}

static void keep_what_stays(KvmGdb *gdb)
{
	g_clear_pointer(&gdb->renewed, g_array_unref);
	gdb->renewed = g_array_new(FALSE, FALSE, sizeof(Before));
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		const KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);
		Before before = {vcpu->action, vcpu->generation};

		if (!kvm_vcpu_present(gdb, i)) {
			before.action.kind = GDB_ACTION_CONTINUE;
			before.generation++;
		}
		g_array_append_val(gdb->renewed, before);
	}
}

void kvm_gdb_renew(KvmGdb *gdb, int vm_fd)
{
	engine_lock(gdb);
	kvm_breaks_reset(gdb->breaks);
	process_forget(gdb);
	linux_reset(gdb);
	/* What was read of the old clocks is not for the new ones. */
	kvm_clock_stopped(gdb->clock);
	keep_what_stays(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		armed_drop_patch(kvm_vcpu_at(gdb, i));
		vcpu_free(kvm_vcpu_at(gdb, i));
	}
	g_ptr_array_set_size(gdb->vcpus, 0);
	gdb->turns = (Turns){0};
	gdb->vm_fd = vm_fd;
	engine_unlock(gdb);
}

bool kvm_gdb_set_log(KvmGdb *gdb, const char *path, GError **error)
{
	g_return_val_if_fail(!gdb->server && !gdb->log, false);
	gdb->log = gdb_log_open(path, error);
	return gdb->log != NULL;
}

/* The one that gdb names @name; NULL when that is NULL. */
static bool find_description(const char *name, const GdbArchitecture **ret, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (const GdbArchitecture *const *one = arch_info.descriptions; *one; one++) {
		*ret = name ? *one : NULL;
		if (!name || g_str_equal(name, (*one)->name))
			return true;
		g_string_append_printf(names, "%s%s", names->len ? " or " : "", (*one)->name);
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "no architecture '%s' here: expected %s",
		    name, names->str);
	return false;
}

bool engine_describe(KvmGdb *gdb, GError **error)
{
	const GdbArchitecture *description;

	if (gdb->regs)
		return true;
	if (!gdb->vcpus->len) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "a machine without a vCPU cannot be debugged");
		return false;
	}
	if (!find_description(gdb->architecture, &description, error))
		return false;
	gdb->regs = arch_reg_set(kvm_vcpu_at(gdb, 0)->arch, description, error);
	return gdb->regs != NULL;
}

bool kvm_gdb_listen(KvmGdb *gdb, const char *where, bool wait, GError **error)
{
	g_return_val_if_fail(!gdb->server, false);
	if (!engine_describe(gdb, error))
		return false;
	gdb->server = gdb_server_new(gdb->context, &gdb->ops_table, gdb, ENGINE_VERSION_TEXT);
	gdb_server_set_log(gdb->server, gdb->log);
	if (!gdb_server_listen(gdb->server, where, error)) {
		g_clear_pointer(&gdb->server, gdb_server_free);
		return false;
	}
	engine_lock(gdb);
	say_what_is_missing(gdb);
	gdb->operators.stops |= wait;
	if (wait)
		halt_request_stop(gdb);
	engine_unlock(gdb);
	return true;
}

const char *kvm_gdb_address(const KvmGdb *gdb)
{
	return gdb->server ? gdb_server_get_address(gdb->server) : NULL;
}

void kvm_gdb_set_clock(KvmGdb *gdb, KvmGdbClock clock)
{
	engine_lock(gdb);
	kvm_clock_set_stop(gdb->clock, clock == KVM_GDB_CLOCK_STOP);
	engine_unlock(gdb);
}

void kvm_gdb_set_architecture(KvmGdb *gdb, const char *name)
{
	g_free(gdb->architecture);
	gdb->architecture = g_strdup(name);
}

void kvm_gdb_set_name(KvmGdb *gdb, const char *name)
{
	g_free(gdb->name);
	gdb->name = g_strdup(name);
}

uint64_t kvm_gdb_clock_held(const KvmGdb *gdb)
{
	return __atomic_load_n(&gdb->held_ns, __ATOMIC_SEQ_CST);
}

bool kvm_gdb_has_client(KvmGdb *gdb)
{
	LOCKED(gdb);

	return gdb->attached;
}

static void on_reset(KvmGdb *gdb)
{
	unsigned lost = kvm_breaks_reset(gdb->breaks);

	gdb->have_kernel_root = false;
	process_forget(gdb);
	linux_reset(gdb);
	if (lost)
		engine_log(gdb,
			   "gdb: the machine was reset: %u breakpoint%s no hardware slot to wait "
			   "in, and hit%s when the code is there again",
			   lost, lost == 1 ? " has" : "s have", lost == 1 ? "s" : "");
}

/*
 * Of whom it is not known: not one that stands in non-stop mode, where the client would not hear.
 */
static KvmGdbVcpu *who_may_have(KvmGdb *gdb)
{
	for (unsigned i = 0; gdb->mode == MODE_NON_STOP && i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (vcpu->action.kind != GDB_ACTION_HOLD)
			return vcpu;
	}
	return kvm_vcpu_at(gdb, 0);
}

void kvm_gdb_notify(KvmGdb *gdb, KvmGdbVcpu *vcpu, KvmGdbEvent event)
{
	GdbStopKind kind = event == KVM_GDB_PANIC ? GDB_STOP_PANIC : GDB_STOP_SHUTDOWN;

	engine_lock(gdb);
	if (!vcpu)
		vcpu = who_may_have(gdb);
	qmp_notice_event(gdb, event);
	if (event == KVM_GDB_RESET)
		on_reset(gdb);
	else if (gdb->attached && vcpu)
		halt_event(vcpu, kind, 0);
	/* There it is not on its way to where it is looked at. */
	if (gdb->mode == MODE_NON_STOP)
		halt_check_stopped(gdb);
	engine_unlock(gdb);
}
