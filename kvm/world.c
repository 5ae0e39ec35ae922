/*
 * kvm/world.c - stopping and resuming all vCPUs, and which event is told when.
 *
 * Everything here runs under the engine's lock and never waits: who stops the world asks, and
 * the last vCPU to halt completes the stop.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm/clock.h"
#include "kvm/internal.h"

/* How long a stop waits for vCPUs that are in the VMM in the middle of an I/O instruction. */
#define GRACE_US (50 * 1000)

/* How long the other vCPUs run, at least, between two steps over a patch that hold them all. */
#define SLICE_US 20

KvmGdbVcpu *world_vcpu(KvmGdb *gdb, unsigned index)
{
	return index < gdb->vcpus->len ? g_ptr_array_index(gdb->vcpus, index) : NULL;
}

KvmGdbVcpu *world_present(KvmGdb *gdb, unsigned index)
{
	KvmGdbVcpu *vcpu = world_vcpu(gdb, index);

	return vcpu && __atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST) != VCPU_GONE ? vcpu : NULL;
}

static int state_of(const KvmGdbVcpu *vcpu)
{
	return __atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST);
}

/*
 * immediate_exit makes a KVM_RUN that has not begun return at once, the signal ends one that has.
 * Setting it first closes the gap between the two (KVM api.txt, immediate_exit).
 */
static void kick(KvmGdbVcpu *vcpu)
{
	if (vcpu->kicked)
		return;
	vcpu->kicked = true;
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	tgkill(getpid(), vcpu->tid, vcpu->gdb->kick_signal);
}

void world_wake(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (state_of(vcpu) == VCPU_PARKED && world_may_run(vcpu))
			eventfd_write(vcpu->wake_fd, 1);
	}
}

void world_demand_attention(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		__atomic_store_n(&world_vcpu(gdb, i)->attention, 1, __ATOMIC_SEQ_CST);
}

bool world_may_run(const KvmGdbVcpu *vcpu)
{
	const KvmGdb *gdb = vcpu->gdb;

	if (gdb->world == WORLD_FREE || (gdb->ended && gdb->world != WORLD_STOPPING))
		return true;
	if (gdb->world != WORLD_RUNNING || vcpu->event.pending)
		return false;
	if (gdb->over)
		return gdb->over == vcpu && gdb->over_lifted;
	return !vcpu->wants_over && vcpu->action.kind != GDB_ACTION_HOLD;
}

/* ---- Stopping ---- */

bool world_in_device(const KvmGdbVcpu *vcpu)
{
	return state_of(vcpu) == VCPU_OUTSIDE &&
	       __atomic_load_n(&vcpu->has_thread, __ATOMIC_SEQ_CST) && !vcpu->io_done &&
	       arch_io_pending(vcpu->run);
}

static bool on_physical(KvmGdbVcpu *vcpu, uint64_t pc)
{
	uint64_t gpa;

	return translate_pc(vcpu, pc, &gpa) && kvm_breaks_wants_physical(vcpu->gdb->breaks, gpa);
}

static bool wants_break(KvmGdbVcpu *vcpu, const Event *event)
{
	return kvm_breaks_wants(vcpu->gdb->breaks, event->stop.kind, event->pc) ||
	       on_physical(vcpu, event->pc);
}

/* Is the event still true? The breakpoint may be gone, or the client may have moved pc. */
static bool still_valid(KvmGdbVcpu *vcpu)
{
	const Event *event = &vcpu->event;
	uint64_t pc;

	switch (event->stop.kind) {
	case GDB_STOP_SWBREAK:
	case GDB_STOP_HWBREAK:
		return wants_break(vcpu, event) && arch_get_pc(vcpu->arch, &pc, NULL) &&
		       pc == event->pc;
	case GDB_STOP_WATCH:
	case GDB_STOP_RWATCH:
	case GDB_STOP_AWATCH:
		return kvm_breaks_wants(vcpu->gdb->breaks, event->stop.kind, event->stop.addr);
	case GDB_STOP_STEP:
		return vcpu->action.kind == GDB_ACTION_STEP ||
		       vcpu->action.kind == GDB_ACTION_RANGE;
	default:
		return true;
	}
}

/* The CPU that the client steps goes first, so that a step is not lost in the others' stops. */
static KvmGdbVcpu *choose_event(KvmGdb *gdb)
{
	KvmGdbVcpu *chosen = NULL;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (!vcpu->event.pending || vcpu->action.kind == GDB_ACTION_HOLD)
			continue;
		if (vcpu->action.kind != GDB_ACTION_CONTINUE)
			return vcpu;
		if (!chosen)
			chosen = vcpu;
	}
	return chosen;
}

static const char *kind_name(GdbStopKind kind)
{
	static const char *const names[] = {
		[GDB_STOP_PAUSED] = "pause",
		[GDB_STOP_STEP] = "step",
		[GDB_STOP_SWBREAK] = "software breakpoint",
		[GDB_STOP_HWBREAK] = "hardware breakpoint",
		[GDB_STOP_WATCH] = "watchpoint",
		[GDB_STOP_RWATCH] = "read watchpoint",
		[GDB_STOP_AWATCH] = "access watchpoint",
		[GDB_STOP_SHUTDOWN] = "shutdown",
		[GDB_STOP_PANIC] = "panic",
		[GDB_STOP_INTERNAL_ERROR] = "internal error",
		[GDB_STOP_WATCHDOG] = "watchdog",
		[GDB_STOP_IO_ERROR] = "I/O error",
	};

	return names[kind];
}

static void log_stop(KvmGdb *gdb, const GdbStop *stop)
{
	static const char *const states[] = {"in the VMM", "running", "parked", "unplugged"};

	gdb_log_line(gdb->log, "stopped: %s on CPU %u", kind_name(stop->kind), stop->cpu);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		gdb_log_line(gdb->log, "  CPU %u: %s%s%s", i, states[state_of(vcpu)],
			     vcpu->event.pending ? ", to be told later: " : "",
			     vcpu->event.pending ? kind_name(vcpu->event.stop.kind) : "");
	}
}

static void log_resume(KvmGdb *gdb)
{
	static const char *const actions[] = {"held", "runs", "steps", "steps through a range"};

	gdb_log_line(gdb->log, "resumed");
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		gdb_log_line(gdb->log, "  CPU %u: %s%s", i, actions[vcpu->action.kind],
			     vcpu->wants_over ? ", over its breakpoint first" : "");
	}
}

/* A breakpoint by its physical address is told as GDB_BREAK_PHYSICAL says. */
static GdbStop stop_to_tell(KvmGdbVcpu *vcpu)
{
	GdbStop stop = vcpu->event.stop;

	if (stop.kind == GDB_STOP_SWBREAK &&
	    !kvm_breaks_wants(vcpu->gdb->breaks, stop.kind, vcpu->event.pc) &&
	    on_physical(vcpu, vcpu->event.pc))
		stop.kind = GDB_STOP_STEP;
	return stop;
}

static void post(KvmGdb *gdb, KvmGdbVcpu *chosen)
{
	GdbStop stop = {.cpu = gdb->stop_cpu, .kind = GDB_STOP_PAUSED};

	if (chosen) {
		chosen->event.pending = false;
		stop = stop_to_tell(chosen);
	}
	gdb->stop_cpu = stop.cpu;
	if (gdb->log)
		log_stop(gdb, &stop);
	if (gdb->attached && gdb->server)
		gdb_server_post_stop(gdb->server, &stop);
}

void world_set_free(KvmGdb *gdb)
{
	kvm_breaks_clear(gdb->breaks);
	kvm_codes_clear(gdb->codes);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		vcpu->event.pending = false;
		vcpu->event.stop.kind = GDB_STOP_PAUSED;
		vcpu->wants_over = vcpu->passing = vcpu->passing_own = false;
		vcpu->action = (GdbAction){GDB_ACTION_CONTINUE, 0, 0};
	}
	if (gdb->world == WORLD_STOPPED)
		kvm_clock_resuming(gdb->clock);
	gdb->over = NULL;
	gdb->detaching = false;
	gdb->world = WORLD_FREE;
	world_wake(gdb);
}

/* The patch that a step over had lifted goes back before anybody looks. */
static void end_step_over(KvmGdb *gdb)
{
	KvmGdbVcpu *over = gdb->over;

	if (!over)
		return;
	gdb->over = NULL;
	if (gdb->over_lifted)
		kvm_patches_replace(gdb->patches, over->over_gpa);
}

static void stopped(KvmGdb *gdb)
{
	gdb->world = WORLD_STOPPED;
	kvm_clock_stopped(gdb->clock);
	g_source_set_ready_time(gdb->grace, -1);
	end_step_over(gdb);
	if (gdb->detaching) {
		world_set_free(gdb);
		if (!gdb->attached)
			return;
		/* The next client came while the last one's breakpoints were being taken out. */
		gdb->world = WORLD_STOPPED;
	}
	post(gdb, choose_event(gdb));
}

/* The vCPU that steps over has waited until it is alone: now its patch may go. */
static void lift_when_alone(KvmGdb *gdb)
{
	if (!gdb->over || gdb->over_lifted || gdb->world != WORLD_RUNNING)
		return;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (state_of(world_vcpu(gdb, i)) == VCPU_RUNNING)
			return;
	}
	kvm_patches_lift(gdb->patches, gdb->over->over_gpa);
	gdb->over_lifted = true;
	world_wake(gdb);
}

void world_check_stopped(KvmGdb *gdb)
{
	bool waiting = false;

	lift_when_alone(gdb);
	if (gdb->world != WORLD_STOPPING)
		return;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (state_of(vcpu) == VCPU_RUNNING)
			return;
		waiting |= world_in_device(vcpu);
	}
	if (!waiting || gdb->grace_over)
		stopped(gdb);
	else if (g_source_get_ready_time(gdb->grace) < 0)
		g_source_set_ready_time(gdb->grace, g_get_monotonic_time() + GRACE_US);
}

void world_request_stop(KvmGdb *gdb)
{
	if (gdb->world == WORLD_STOPPING || gdb->world == WORLD_STOPPED)
		return;
	gdb->world = WORLD_STOPPING;
	gdb->grace_over = false;
	world_demand_attention(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (state_of(vcpu) == VCPU_RUNNING)
			kick(vcpu);
	}
	world_check_stopped(gdb);
}

void world_event(KvmGdbVcpu *vcpu, GdbStopKind kind, uint64_t addr, uint64_t pc)
{
	if (vcpu->gdb->world == WORLD_FREE && !vcpu->gdb->attached)
		return;
	vcpu->event = (Event){
		.pending = true,
		.stop = {.cpu = vcpu->index, .kind = kind, .addr = addr},
		.pc = pc,
	};
	gdb_log_line(vcpu->gdb->log, "CPU %u: %s at 0x%" PRIx64, vcpu->index, kind_name(kind), pc);
	world_request_stop(vcpu->gdb);
}

/* ---- Resuming ---- */

/* Drops waiting events that are no longer true of the CPUs that are to run. */
static void revalidate(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (vcpu->event.pending && vcpu->action.kind != GDB_ACTION_HOLD &&
		    !still_valid(vcpu))
			vcpu->event.pending = false;
	}
}

/*
 * Does this vCPU sit on a patch that the client has been told of, or need not be? Then it must get
 * past it; if it came there in another way (the client moved pc) the breakpoint is still to be hit.
 */
static bool needs_step_over(KvmGdbVcpu *vcpu, uint64_t *ret_gpa)
{
	uint64_t pc;

	return vcpu->action.kind != GDB_ACTION_HOLD && !vcpu->event.pending &&
	       vcpu->event.stop.kind == GDB_STOP_SWBREAK && kvm_patches_any(vcpu->gdb->patches) &&
	       arch_get_pc(vcpu->arch, &pc, NULL) && pc == vcpu->event.pc &&
	       translate_pc(vcpu, pc, ret_gpa) && kvm_patches_has(vcpu->gdb->patches, *ret_gpa);
}

/*
 * A patch is lifted only while no other vCPU runs, so that none can miss it. One vCPU after the
 * other steps off its breakpoint; then all run.
 */
static void begin_step_over(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len && !gdb->over; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (vcpu->wants_over && vcpu->action.kind != GDB_ACTION_HOLD)
			gdb->over = vcpu;
	}
	if (!gdb->over)
		return;
	gdb->over->wants_over = false;
	gdb->over_lifted = false;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (state_of(vcpu) == VCPU_RUNNING)
			kick(vcpu);
	}
	lift_when_alone(gdb);
}

/*
 * A breakpoint that is hit all the time must not keep the others from running for good: who was
 * held gets its turn first.
 */
static bool any_due(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		if (vcpu->due && state_of(vcpu) == VCPU_PARKED && world_may_run(vcpu))
			return true;
	}
	return false;
}

void world_try_step_over(KvmGdb *gdb)
{
	bool wanted = false;

	if (gdb->world != WORLD_RUNNING || gdb->over)
		return;
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		wanted |= world_vcpu(gdb, i)->wants_over;
	if (wanted && !any_due(gdb) && g_get_monotonic_time() >= gdb->over_resume)
		begin_step_over(gdb);
}

bool world_slice(const KvmGdbVcpu *vcpu, struct timespec *ret)
{
	KvmGdb *gdb = vcpu->gdb;
	gint64 left;

	if (!vcpu->wants_over || gdb->over || gdb->world != WORLD_RUNNING || any_due(gdb))
		return false;
	left = gdb->over_resume - g_get_monotonic_time();
	*ret = (struct timespec){.tv_nsec = CLAMP(left, 0, SLICE_US) * 1000};
	return true;
}

void world_pass(KvmGdbVcpu *vcpu, GdbStopKind kind, uint64_t pc, const uint64_t *gpa)
{
	vcpu->event = (Event){.stop = {.cpu = vcpu->index, .kind = kind}, .pc = pc};
	vcpu->wants_over = gpa != NULL;
	if (gpa)
		vcpu->over_gpa = *gpa;
}

void world_has_run(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (!vcpu->due)
		return;
	vcpu->due = false;
	gdb->over_resume = g_get_monotonic_time() + SLICE_US;
	for (unsigned i = 0; i < gdb->vcpus->len && !any_due(gdb); i++) {
		KvmGdbVcpu *waiting = world_vcpu(gdb, i);

		if (waiting->wants_over && state_of(waiting) == VCPU_PARKED)
			eventfd_write(waiting->wake_fd, 1);
	}
}

void world_step_over_done(KvmGdb *gdb)
{
	KvmGdbVcpu *done = gdb->over;

	/* It has moved, or was stepped where it is: either way it is not asked again. */
	done->event.stop.kind = GDB_STOP_PAUSED;
	end_step_over(gdb);
	begin_step_over(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len && !gdb->over; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		vcpu->due = vcpu != done && state_of(vcpu) == VCPU_PARKED && world_may_run(vcpu);
	}
	world_wake(gdb);
}

void world_resume(KvmGdb *gdb, const GdbAction *actions)
{
	const KvmFinder finder = translate_finder(world_vcpu(gdb, gdb->stop_cpu));
	KvmGdbVcpu *chosen;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		/* One that was added since the client last asked just runs. */
		vcpu->action =
			i < gdb->told_cpus ? actions[i] : (GdbAction){GDB_ACTION_CONTINUE, 0, 0};
		if (state_of(vcpu) == VCPU_GONE)
			vcpu->action.kind = GDB_ACTION_HOLD;
	}
	revalidate(gdb);
	chosen = choose_event(gdb);
	if (chosen) {
		post(gdb, chosen);
		return;
	}
	kvm_breaks_rearm(gdb->breaks, &finder);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = world_vcpu(gdb, i);

		vcpu->wants_over = needs_step_over(vcpu, &vcpu->over_gpa);
		vcpu->due = false;
	}
	kvm_clock_resuming(gdb->clock);
	gdb->world = WORLD_RUNNING;
	if (gdb->log)
		log_resume(gdb);
	begin_step_over(gdb);
	world_wake(gdb);
}

static bool any_to_run(KvmGdb *gdb)
{
	bool any = false;

	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		any |= world_vcpu(gdb, i)->action.kind != GDB_ACTION_HOLD;
	return any;
}

void world_remove(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	__atomic_store_n(&vcpu->state, VCPU_GONE, __ATOMIC_SEQ_CST);
	vcpu->action = (GdbAction){GDB_ACTION_HOLD, 0, 0};
	vcpu->event = (Event){.stop.kind = GDB_STOP_PAUSED};
	vcpu->wants_over = vcpu->due = false;
	if (gdb->stop_cpu == vcpu->index)
		gdb->stop_cpu = 0;
	if (gdb->over == vcpu)
		world_step_over_done(gdb);
	world_try_step_over(gdb);
	/* The client waits for a stop, and nobody is left who could bring one. */
	if (gdb->world == WORLD_RUNNING && !any_to_run(gdb))
		world_request_stop(gdb);
	world_check_stopped(gdb);
}
