/*
 * kvm/halt.c - stopping and resuming all vCPUs, and which event is reported when.
 *
 * Everything here runs under the engine's lock and never waits: who stops the world asks, and
 * the last vCPU to halt completes the stop.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm/clock.h"
#include "kvm/internal.h"
#include "kvm/states.h"

/* How long a stop waits for vCPUs that are in the VMM in the middle of an I/O instruction. */
#define GRACE_US (50 * 1000)
/* And how often for one whose thread does not sleep there: it only waits for a CPU of the host. */
#define GRACES_MAX 20

KvmGdbVcpu *kvm_vcpu_at(KvmGdb *gdb, unsigned index)
{
	return index < gdb->vcpus->len ? g_ptr_array_index(gdb->vcpus, index) : NULL;
}

KvmGdbVcpu *kvm_vcpu_present(KvmGdb *gdb, unsigned index)
{
	KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, index);

	return vcpu && get_state(vcpu) != VCPU_GONE ? vcpu : NULL;
}

void halt_change_immediate_exit(KvmGdbVcpu *vcpu, uint8_t from, uint8_t to)
{
	__atomic_compare_exchange_n(&vcpu->run->immediate_exit, &from, to, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

/*
 * immediate_exit makes a KVM_RUN that has not begun return at once, the signal ends one that has.
 * Setting it first closes the gap between the two (KVM api.txt, immediate_exit).
 */
static void kick(KvmGdbVcpu *vcpu)
{
	if (vcpu->kick == KICK_SENT)
		return;
	set_kick(vcpu, KICK_SENT);
	halt_change_immediate_exit(vcpu, 0, KICK_MARK);
	/* Its registers are in the reply, if nothing else has happened. */
	if (vcpu->index == vcpu->gdb->stop_cpu)
		arch_look_after_run(vcpu->arch);
	vcpu->signals_before = __atomic_load_n(vcpu->signals, __ATOMIC_SEQ_CST);
	engine_signal(vcpu->gdb, __atomic_load_n(&vcpu->tid, __ATOMIC_SEQ_CST));
}

void halt_kick(KvmGdbVcpu *vcpu)
{
	if (get_state(vcpu) == VCPU_RUNNING)
		kick(vcpu);
}

void halt_kick_all(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		halt_kick(kvm_vcpu_at(gdb, i));
}

/* With immediate_exit set, a thread that has left KVM_RUN for a signal cannot get back into it. */
static bool has_seen_kick(const KvmGdbVcpu *vcpu)
{
	return vcpu->kick == KICK_SENT &&
	       __atomic_load_n(vcpu->signals, __ATOMIC_SEQ_CST) != vcpu->signals_before;
}

bool halt_in_handler(const KvmGdbVcpu *vcpu)
{
	return get_state(vcpu) == VCPU_RUNNING && has_seen_kick(vcpu);
}

bool halt_in_guest(const KvmGdbVcpu *vcpu)
{
	return get_state(vcpu) == VCPU_RUNNING && !has_seen_kick(vcpu);
}

static bool waits_for_wake(const KvmGdbVcpu *vcpu)
{
	return get_state(vcpu) == VCPU_PARKED && halt_may_run(vcpu);
}

/* Is this vCPU the one that a resume wakes first, and has it been woken? */
static bool is_first_woken(const KvmGdb *gdb, unsigned index)
{
	return gdb->waking.first_woken && index == gdb->waking.first;
}

static KvmGdbVcpu *next_to_wake(KvmGdb *gdb)
{
	unsigned n = gdb->vcpus->len;
	KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, gdb->waking.first);

	if (vcpu && !gdb->waking.first_woken && waits_for_wake(vcpu))
		return vcpu;
	for (; gdb->waking.left; gdb->waking.left--, gdb->waking.next++) {
		if (gdb->waking.next >= n)
			gdb->waking.next = 0;
		vcpu = kvm_vcpu_at(gdb, gdb->waking.next);
		if (vcpu && !is_first_woken(gdb, vcpu->index) && waits_for_wake(vcpu))
			return vcpu;
	}
	return NULL;
}

int halt_wake_next(KvmGdb *gdb, bool *ret_more)
{
	const KvmGdbVcpu *vcpu = next_to_wake(gdb);

	if (vcpu && vcpu->index == gdb->waking.first) {
		gdb->waking.first_woken = true;
	} else if (vcpu) {
		gdb->waking.left--;
		gdb->waking.next++;
	}
	*ret_more = next_to_wake(gdb) != NULL;
	return vcpu ? vcpu->wake_fd : -1;
}

/*
 * One after the other, and each after a look at the world: if it stops already because of one that
 * has got far, the others need not go and come back. First the one that was looked at; the others
 * from where the last resume has got to, so that a breakpoint which is hit all the time keeps none
 * from running.
 */
void halt_wake(KvmGdb *gdb)
{
	gdb->waking.first = gdb->stop_cpu;
	gdb->waking.first_woken = false;
	gdb->waking.left = gdb->vcpus->len;
	if (next_to_wake(gdb))
		engine_wake(gdb);
}

void halt_demand_attention(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		__atomic_store_n(&kvm_vcpu_at(gdb, i)->attention, 1, __ATOMIC_SEQ_CST);
}

bool halt_may_run(const KvmGdbVcpu *vcpu)
{
	const KvmGdb *gdb = vcpu->gdb;

	if (gdb->world == WORLD_FREE || (gdb->ended && gdb->world != WORLD_STOPPING))
		return true;
	if (gdb->world != WORLD_RUNNING || vcpu->event.pending)
		return false;
	if (gdb->turns.over)
		return gdb->turns.over == vcpu && gdb->turns.lifted;
	return vcpu->leaving.over != OVER_WAITING && vcpu->action.kind != GDB_ACTION_HOLD;
}

/* ---- Stopping ---- */

bool halt_in_device(const KvmGdbVcpu *vcpu)
{
	return get_state(vcpu) == VCPU_OUTSIDE && __atomic_load_n(&vcpu->tid, __ATOMIC_SEQ_CST) &&
	       exits_io_open(vcpu);
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

/* One that is still there is worth a stop. */
static bool wants_watch(const KvmBreaks *breaks, const GdbStop *stop)
{
	bool any = kvm_breaks_wants(breaks, stop->kind, stop->addr);

	for (unsigned i = 0; i < stop->n_also; i++)
		any |= kvm_breaks_wants(breaks, stop->also[i].kind, stop->also[i].addr);
	return any;
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
		return wants_watch(vcpu->gdb->breaks, &event->stop);
	case GDB_STOP_STEP:
		return gdb_action_steps(vcpu->action.kind);
	default:
		return true;
	}
}

/* What ends the machine, whoever runs: the client hears of it although this CPU is held. */
static bool ends_machine(GdbStopKind kind)
{
	return kind == GDB_STOP_SHUTDOWN || kind == GDB_STOP_PANIC ||
	       kind == GDB_STOP_INTERNAL_ERROR || kind == GDB_STOP_WATCHDOG ||
	       kind == GDB_STOP_IO_ERROR;
}

bool halt_is_reportable(const KvmGdbVcpu *vcpu)
{
	return vcpu->event.pending &&
	       (vcpu->action.kind != GDB_ACTION_HOLD || ends_machine(vcpu->event.stop.kind));
}

/* The CPU that the client steps goes first, so that a step is not lost in the others' stops. */
static KvmGdbVcpu *choose_event(KvmGdb *gdb)
{
	KvmGdbVcpu *chosen = NULL;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (!halt_is_reportable(vcpu))
			continue;
		if (gdb_action_steps(vcpu->action.kind))
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
		[GDB_STOP_LIBRARY] = "module loaded or unloaded",
		[GDB_STOP_PROGRAM] = "a kernel begins",
		[GDB_STOP_ASKED] = "asked for",
	};

	return names[kind];
}

static void log_stop(KvmGdb *gdb, const GdbStop *stop)
{
	static const char *const states[] = {"in the VMM", "running", "parked", "unplugged"};

	gdb_log_line(gdb->log, "stopped: %s on CPU %u", kind_name(stop->kind), stop->cpu);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		gdb_log_line(gdb->log, "  CPU %u: %s%s%s", i, states[get_state(vcpu)],
			     vcpu->event.pending ? ", to be reported later: " : "",
			     vcpu->event.pending ? kind_name(vcpu->event.stop.kind) : "");
	}
}

static void log_resume(KvmGdb *gdb)
{
	static const char *const actions[] = {"held", "runs", "steps", "steps through a range"};

	gdb_log_line(gdb->log, "resumed");
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		gdb_log_line(gdb->log, "  CPU %u: %s%s", i, actions[vcpu->action.kind],
			     vcpu->leaving.over == OVER_WAITING ? ", over its breakpoint first"
								: "");
	}
}

/* A breakpoint by its physical address is reported as GDB_BREAK_PHYSICAL says. */
static GdbStop stop_to_report(KvmGdbVcpu *vcpu)
{
	GdbStop stop = vcpu->event.stop;

	if (stop.kind == GDB_STOP_SWBREAK &&
	    !kvm_breaks_wants(vcpu->gdb->breaks, stop.kind, vcpu->event.pc) &&
	    on_physical(vcpu, vcpu->event.pc))
		stop.kind = GDB_STOP_STEP;
	return stop;
}

/* The event is reported. A breakpoint where a module was reported is so at the next resume. */
static GdbStop take_event(KvmGdbVcpu *vcpu)
{
	Event *event = &vcpu->event;
	GdbStop stop = stop_to_report(vcpu);

	event->pending = event->then_break;
	if (event->then_break)
		event->stop.kind = GDB_STOP_SWBREAK;
	else
		leaving_meet(vcpu, leaving_met_by(vcpu, event->stop.kind), event->pc,
			     event->stop.kind != GDB_STOP_LIBRARY);
	event->then_break = false;
	return stop;
}

static void post(KvmGdb *gdb, KvmGdbVcpu *chosen)
{
	GdbStop stop = {.cpu = gdb->stop_cpu, .kind = GDB_STOP_PAUSED};

	if (chosen)
		stop = take_event(chosen);
	gdb->stop_cpu = stop.cpu;
	if (gdb->log)
		log_stop(gdb, &stop);
	if (gdb->attached && gdb->server)
		engine_post_stop(gdb, &stop);
}

void halt_post(KvmGdbVcpu *vcpu)
{
	post(vcpu->gdb, vcpu);
}

void halt_clear_breaks(KvmGdb *gdb)
{
	/* A vCPU in a device, or kept by the VMM, may be in a step. */
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		armed_drop_patch(kvm_vcpu_at(gdb, i));
	kvm_breaks_clear(gdb->breaks);
	kvm_conditions_clear(gdb->conditions);
}

static void end_debugging(KvmGdb *gdb)
{
	gdb_log_line(gdb->log, "free: all breakpoints removed");
	halt_clear_breaks(gdb);
	engine_sweep(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		vcpu->event.pending = false;
		leaving_forget(vcpu);
		if (get_state(vcpu) != VCPU_GONE)
			vcpu->action = (GdbAction){GDB_ACTION_CONTINUE, 0, 0};
	}
	if (gdb->world == WORLD_STOPPED)
		kvm_clock_resuming(gdb->clock);
	gdb->turns.over = NULL;
	gdb->frees_when_stopped = false;
	set_world(gdb, WORLD_FREE);
	halt_wake(gdb);
}

void halt_free_world(KvmGdb *gdb)
{
	end_debugging(gdb);
	devices_open(gdb);
}

bool halt_is_wanted(const KvmGdb *gdb)
{
	if (gdb->ended)
		return false;
	return gdb->attached || gdb->operators.stops || gdb->operators.holds || gdb->ending;
}

bool halt_free_unless_wanted(KvmGdb *gdb)
{
	end_debugging(gdb);
	if (!halt_is_wanted(gdb)) {
		devices_open(gdb);
		return true;
	}
	set_world(gdb, WORLD_STOPPED);
	kvm_clock_stopped(gdb->clock);
	return false;
}

static void stopped(KvmGdb *gdb)
{
	set_world(gdb, WORLD_STOPPED);
	kvm_clock_stopped(gdb->clock);
	engine_set_alarm(gdb, gdb->grace.alarm, GDB_ALARM_NEVER);
	turns_cut(gdb);
	gdb->n_stops += gdb->moment == MOMENT_NONE || gdb->stops_all;
	/* Somebody else may have come while the last client was leaving. */
	if (gdb->frees_when_stopped && halt_free_unless_wanted(gdb))
		return;
	if (gdb->mode == MODE_NON_STOP) {
		non_stop_stopped(gdb);
		return;
	}
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		exits_seen(kvm_vcpu_at(gdb, i));
	post(gdb, choose_event(gdb));
}

void halt_start_grace(KvmGdb *gdb)
{
	if (gdb_alarm_get(gdb->grace.alarm) < 0)
		engine_set_alarm(gdb, gdb->grace.alarm, g_get_monotonic_time() + GRACE_US);
}

/* proc(5), /proc/PID/stat: the state stands behind the name, which may have any bytes. */
static bool is_asleep(const KvmGdbVcpu *vcpu)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%d/stat",
						__atomic_load_n(&vcpu->tid, __ATOMIC_SEQ_CST));
	g_autofree char *stat = NULL;
	const char *name_end = NULL;

	if (g_file_get_contents(path, &stat, NULL, NULL))
		name_end = strrchr(stat, ')');
	return !name_end || !g_str_has_prefix(name_end, ") R");
}

/* Is there one that the stop waits for, and that will be here soon? */
static bool any_on_its_way(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);
		bool is_waited_for = halt_in_handler(vcpu) || halt_in_device(vcpu);

		if (is_waited_for && !is_asleep(vcpu))
			return true;
	}
	return devices_work(gdb);
}

void halt_grace_over(KvmGdb *gdb)
{
	gdb->grace.over = ++gdb->grace.n >= GRACES_MAX || !any_on_its_way(gdb);
	gdb->n_at_rest = 0;
	halt_check_stopped(gdb);
	if (gdb->world == WORLD_STOPPING)
		halt_start_grace(gdb);
}

/* Most vCPUs that have seen the kick are here in a moment. */
static bool is_at_rest(const KvmGdbVcpu *vcpu)
{
	return !halt_in_guest(vcpu) && (vcpu->gdb->grace.over || !halt_in_handler(vcpu));
}

/*
 * Each vCPU asks this when it comes to rest, so it goes on where the last one ended. Who has come
 * to rest while the world stops executes no guest code: at its next entry it looks at the world
 * first.
 */
static bool all_at_rest(KvmGdb *gdb)
{
	while (gdb->n_at_rest < gdb->vcpus->len && is_at_rest(kvm_vcpu_at(gdb, gdb->n_at_rest)))
		gdb->n_at_rest++;
	return gdb->n_at_rest >= gdb->vcpus->len;
}

/*
 * With all at rest: one that was in the VMM has called the engine again, and waits for the lock.
 * It will ask, too; before that it finishes the I/O instruction that it may have been in. A kick
 * that has met it on its way to the VMM looks as if its thread were in a signal handler.
 */
static bool any_comes_back(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (!is_at_rest(kvm_vcpu_at(gdb, i)))
			return true;
	}
	return false;
}

static bool any_in_device(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (halt_in_device(kvm_vcpu_at(gdb, i)))
			return true;
	}
	return devices_work(gdb);
}

void halt_check_stopped(KvmGdb *gdb)
{
	turns_lift_when_alone(gdb);
	if (gdb->mode == MODE_NON_STOP && gdb->world == WORLD_RUNNING)
		non_stop_look(gdb);
	if (gdb->world != WORLD_STOPPING || !all_at_rest(gdb) || any_comes_back(gdb))
		return;
	if (gdb->grace.over || !any_in_device(gdb))
		stopped(gdb);
	else
		halt_start_grace(gdb);
}

void halt_request_stop(KvmGdb *gdb)
{
	if (gdb->world == WORLD_STOPPING || gdb->world == WORLD_STOPPED)
		return;
	set_world(gdb, WORLD_STOPPING);
	gdb->n_at_rest = 0;
	gdb->grace.over = false;
	gdb->grace.n = 0;
	devices_close(gdb);
	halt_demand_attention(gdb);
	halt_kick_all(gdb);
	halt_check_stopped(gdb);
}

void halt_stop_at_once(KvmGdb *gdb)
{
	halt_request_stop(gdb);
	/* The grace would end on this thread. */
	gdb->grace.over = true;
	halt_check_stopped(gdb);
}

void halt_stop_for_client(KvmGdb *gdb)
{
	halt_request_stop(gdb);
	if (gdb->world == WORLD_STOPPING)
		halt_start_grace(gdb);
}

/* It is looked at when it has come to rest. */
static void stop_alone(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (gdb->world == WORLD_RUNNING) {
		gdb->grace.over = false;
		gdb->grace.n = 0;
	}
	halt_kick(vcpu);
}

static void record(KvmGdbVcpu *vcpu, const Event *event)
{
	KvmGdb *gdb = vcpu->gdb;

	if (gdb->world == WORLD_FREE && !gdb->attached)
		return;
	vcpu->event = *event;
	vcpu->event.pending = true;
	vcpu->event.stop.cpu = vcpu->index;
	gdb_log_line(gdb->log, "CPU %u: %s at 0x%" PRIx64, vcpu->index, kind_name(event->stop.kind),
		     event->pc);
	if (gdb->mode == MODE_ALL_STOP)
		halt_request_stop(gdb);
	else
		stop_alone(vcpu);
}

void halt_event(KvmGdbVcpu *vcpu, GdbStopKind kind, uint64_t pc)
{
	record(vcpu, &(Event){.stop = {.kind = kind}, .pc = pc});
}

void halt_hit(KvmGdbVcpu *vcpu, const GdbStop *stop, uint64_t pc)
{
	record(vcpu, &(Event){.stop = *stop, .pc = pc});
}

void halt_news(KvmGdbVcpu *vcpu, uint64_t pc, bool then_break)
{
	record(vcpu,
	       &(Event){.stop = {.kind = GDB_STOP_LIBRARY}, .pc = pc, .then_break = then_break});
}

/* ---- Resuming ---- */

void halt_revalidate(KvmGdbVcpu *vcpu)
{
	if (vcpu->event.pending && vcpu->action.kind != GDB_ACTION_HOLD && !still_valid(vcpu))
		vcpu->event.pending = false;
}

/* Memory and page tables change while CPUs run on; between two steps nobody has to look at them. */
static void rearm(KvmGdb *gdb)
{
	const Space space = space_of(kvm_vcpu_at(gdb, gdb->stop_cpu));
	const KvmFinder finder = translate_finder(&space);
	bool ran_on = gdb->runs_on;

	gdb->runs_on = false;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		GdbActionKind kind = kvm_vcpu_at(gdb, i)->action.kind;

		gdb->runs_on |= kind != GDB_ACTION_STEP && kind != GDB_ACTION_HOLD;
	}
	if (ran_on || gdb->runs_on)
		kvm_breaks_rearm(gdb->breaks, &finder);
}

void halt_go(KvmGdb *gdb)
{
	rearm(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		leaving_plan(vcpu);
		/* In non-stop mode the client has not seen those that were not told. */
		if (gdb->mode == MODE_ALL_STOP)
			exits_seen(vcpu);
		vcpu->turn_owed = false;
	}
	kvm_clock_resuming(gdb->clock);
	set_world(gdb, WORLD_RUNNING);
	if (gdb->log)
		log_resume(gdb);
	turns_begin(gdb);
	devices_open(gdb);
	halt_wake(gdb);
}

void halt_resume(KvmGdb *gdb, const GdbAction *actions)
{
	KvmGdbVcpu *chosen;

	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		/* One that was added since the client last asked just runs. */
		vcpu->action =
			i < gdb->known_cpus ? actions[i] : (GdbAction){GDB_ACTION_CONTINUE, 0, 0};
		if (get_state(vcpu) == VCPU_GONE)
			vcpu->action.kind = GDB_ACTION_HOLD;
	}
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		halt_revalidate(kvm_vcpu_at(gdb, i));
	chosen = choose_event(gdb);
	if (chosen) {
		post(gdb, chosen);
		return;
	}
	halt_go(gdb);
}

bool halt_any_to_run(KvmGdb *gdb)
{
	bool any = false;

	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		any |= kvm_vcpu_at(gdb, i)->action.kind != GDB_ACTION_HOLD;
	return any;
}

void halt_remove(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	/* The page may be that of another vCPU next, which knows nothing of the kick. */
	halt_change_immediate_exit(vcpu, KICK_MARK, 0);
	/* Nobody finishes the instruction that it may be in. */
	guest_debug_give_back(vcpu);
	if (vcpu->exit == EXIT_OPEN)
		set_exit(vcpu, EXIT_FINISHED);
	set_state(vcpu, VCPU_GONE);
	vcpu->action = (GdbAction){GDB_ACTION_HOLD, 0, 0};
	vcpu->event = (Event){.stop.kind = GDB_STOP_PAUSED};
	vcpu->turn_owed = false;
	if (gdb->stop_cpu == vcpu->index)
		gdb->stop_cpu = 0;
	leaving_end(vcpu);
	turns_try(gdb);
	/* The client waits for a stop, and nobody is left who could bring one. */
	if (gdb->world == WORLD_RUNNING && !halt_any_to_run(gdb))
		halt_request_stop(gdb);
	halt_check_stopped(gdb);
}
