/*
 * kvm/non-stop.c - non-stop mode: each CPU stops and goes on by itself (GdbNonStopOps).
 *
 * A CPU stands while its action is GDB_ACTION_HOLD: it gets that when its stop is reported.
 * Whatever needs more than that CPU - memory, breakpoints, who goes on - is done while the world
 * stands, by the same code as in all-stop mode. The session asks for such a moment, and afterwards
 * every CPU that did not stand runs on.
 */
#include "kvm/internal.h"
#include "kvm/linux.h"
#include "kvm/process.h"
#include "kvm/states.h"

static bool is_settled(const KvmGdbVcpu *vcpu)
{
	return get_state(vcpu) != VCPU_RUNNING || vcpu->gdb->world == WORLD_STOPPED;
}

/* One that comes from outside says for a moment that it is RUNNING; it gets no further. */
bool non_stop_stands(const KvmGdbVcpu *vcpu)
{
	return vcpu->gdb->mode == MODE_NON_STOP && vcpu->action.kind == GDB_ACTION_HOLD;
}

bool non_stop_is_unseen(KvmGdb *gdb)
{
	return gdb->moment != MOMENT_NONE && !gdb->stops_all && halt_any_to_run(gdb);
}

/* It stands from now on, and nobody waits for its turn. */
static void tell(KvmGdbVcpu *vcpu)
{
	exits_seen(vcpu);
	if (vcpu->leaving.over == OVER_ALONE)
		turns_done(vcpu->gdb);
	else
		set_over(vcpu, OVER_NOTHING);
	halt_post(vcpu);
	vcpu->action = (GdbAction){GDB_ACTION_HOLD, 0, 0};
}

static void tell_all(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (halt_is_reportable(vcpu) && vcpu->action.kind != GDB_ACTION_HOLD)
			tell(vcpu);
	}
}

/* It has nothing to report, or that is not true any more: this, then. */
static void pause_one(KvmGdbVcpu *vcpu, GdbStopKind kind)
{
	GdbStop stop = {.cpu = vcpu->index, .kind = kind};

	halt_revalidate(vcpu);
	if (!vcpu->event.pending)
		vcpu->event = (Event){.pending = true, .stop = stop};
}

static void pause_all(KvmGdb *gdb)
{
	gdb->stops_all = false;
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (vcpu->action.kind != GDB_ACTION_HOLD)
			pause_one(vcpu, GDB_STOP_PAUSED);
	}
}

static void begin_moment(KvmGdb *gdb)
{
	GdbStop stop = {.cpu = gdb->stop_cpu, .kind = GDB_STOP_MOMENT};

	gdb->moment = MOMENT_NOW;
	if (gdb->attached && gdb->server)
		engine_post_stop(gdb, &stop);
}

void non_stop_stopped(KvmGdb *gdb)
{
	/*
	 * By somebody beside the client; or each had something to report, but who was added since.
	 */
	if (gdb->stops_all || gdb->moment == MOMENT_NONE)
		pause_all(gdb);
	tell_all(gdb);
	if (gdb->moment == MOMENT_WANTED)
		begin_moment(gdb);
}

/* Is there one that neither stands nor is about to? */
static bool any_runs_on(KvmGdb *gdb)
{
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		const KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (vcpu->action.kind != GDB_ACTION_HOLD && !vcpu->event.pending)
			return true;
	}
	return false;
}

/* With an I/O instruction half done it will be here in a moment, but not if the VMM keeps it. */
static void look_at(KvmGdbVcpu *vcpu)
{
	KvmGdb *gdb = vcpu->gdb;

	if (!halt_is_reportable(vcpu) || vcpu->action.kind == GDB_ACTION_HOLD || !is_settled(vcpu))
		return;
	if (halt_in_device(vcpu) && !gdb->grace.over)
		halt_start_grace(gdb);
	else
		tell(vcpu);
}

void non_stop_look(KvmGdb *gdb)
{
	/* The client believes that it can do everything when all stand. */
	if (!any_runs_on(gdb)) {
		halt_request_stop(gdb);
		return;
	}
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		look_at(kvm_vcpu_at(gdb, i));
}

void non_stop_end(KvmGdb *gdb)
{
	gdb->mode = MODE_ALL_STOP;
	gdb->moment = MOMENT_NONE;
	gdb->stops_all = false;
}

void non_stop_all(KvmGdb *gdb)
{
	/* In the middle of a moment: when it ends. */
	gdb->stops_all = gdb->mode == MODE_NON_STOP &&
			 (gdb->world != WORLD_STOPPED || gdb->moment == MOMENT_NOW);
}

/* ---- GdbNonStopOps ---- */

static void set(void *target, bool on)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	if (!on) {
		non_stop_end(gdb);
		return;
	}
	gdb->mode = MODE_NON_STOP;
	linux_expect_none(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		vcpu->action = (GdbAction){GDB_ACTION_HOLD, 0, 0};
		if (vcpu->event.stop.kind == GDB_STOP_PROGRAM)
			vcpu->event.pending = false;
	}
}

static void hold(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	gdb->moment = MOMENT_WANTED;
	if (gdb->world == WORLD_STOPPED)
		begin_moment(gdb);
	else
		halt_stop_for_client(gdb);
}

static void go(KvmGdb *gdb)
{
	if (!kvm_breaks_any_in_memory(gdb->breaks))
		engine_sweep(gdb);
	process_resuming(gdb);
	halt_go(gdb);
}

static bool go_on(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	gdb->moment = MOMENT_NONE;
	if (gdb->world != WORLD_STOPPED || gdb->mode != MODE_NON_STOP)
		return gdb->world != WORLD_STOPPED;
	for (unsigned i = 0; i < gdb->vcpus->len; i++)
		halt_revalidate(kvm_vcpu_at(gdb, i));
	if (gdb->stops_all)
		pause_all(gdb);
	tell_all(gdb);
	if (!halt_any_to_run(gdb))
		return false;
	go(gdb);
	return true;
}

static void change_one(KvmGdbVcpu *vcpu, const GdbAction *action)
{
	bool stands = vcpu->action.kind == GDB_ACTION_HOLD;

	if (action->kind == GDB_ACTION_HOLD && !stands) {
		pause_one(vcpu, GDB_STOP_ASKED);
	} else if (action->kind != GDB_ACTION_HOLD && stands) {
		vcpu->action = *action;
		halt_revalidate(vcpu);
		exits_seen(vcpu);
	}
}

static bool change(void *target, const GdbAction *actions, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	if (!target_check_stopped(gdb, error) || !target_can_step(gdb, actions, error))
		return false;
	for (unsigned i = 0; i < gdb->known_cpus; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, i);

		if (vcpu && actions[i].kind != GDB_ACTION_KEEP)
			change_one(vcpu, &actions[i]);
	}
	return true;
}

static void interrupt(void *target, unsigned cpu)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, cpu);

	if (!vcpu || vcpu->action.kind == GDB_ACTION_HOLD)
		return;
	/* A client that does nothing but steps would never hear of it otherwise. */
	if (vcpu->event.stop.kind == GDB_STOP_STEP)
		vcpu->event.pending = false;
	pause_one(vcpu, GDB_STOP_PAUSED);
}

const GdbNonStopOps non_stop_ops = {
	.set = set,
	.hold = hold,
	.go_on = go_on,
	.change = change,
	.interrupt = interrupt,
};
