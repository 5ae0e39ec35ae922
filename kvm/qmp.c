/*
 * kvm/qmp.c - the machine's commands and events of QMP, as QEMU has them (qapi/): names, arguments
 * and values are its interface.
 */
#include "kvm/qmp.h"

#include "kvm/monitor.h"

/* What has happened and is not said yet. */
typedef enum Happened { HAPPENED_RESET = 1, HAPPENED_OWN_RESET = 2, HAPPENED_PANIC = 4 } Happened;

/* Why the machine ends; QEMU's ShutdownCause. */
typedef enum EndCause { END_UNKNOWN, END_PANIC } EndCause;

typedef struct KvmQmp {
	KvmGdb *gdb;
	QmpServer *server;
	bool said_runs;	       /* by the last event; as it was when the server began */
	unsigned happened;     /* bits of Happened; under the engine's lock */
	bool happened_running; /* some of it while the machine ran; likewise */
	EndCause cause;	       /* likewise; unless somebody has ended it */
} KvmQmp;

/* What is so now and no event has said yet. */
static void say_events(void *target);

/* ---- Values ---- */

static void add_string(JsonBuilder *builder, const char *name, const char *value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, value);
}

static void add_bool(JsonBuilder *builder, const char *name, bool value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_boolean_value(builder, value);
}

static void add_int(JsonBuilder *builder, const char *name, gint64 value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_int_value(builder, value);
}

static JsonBuilder *begin_object(void)
{
	return json_builder_begin_object(json_builder_new());
}

/* Takes @builder. */
static JsonNode *end_object(JsonBuilder *builder)
{
	JsonNode *node = json_builder_get_root(json_builder_end_object(builder));

	g_object_unref(builder);
	return node;
}

static QmpStep answer(QmpCall *call, JsonBuilder *builder)
{
	return qmp_call_return(call, end_object(builder));
}

/* ---- A machine that stands for a moment ---- */

HoldState hold_wait(Hold *hold, GError **error)
{
	OperateState state;

	if (!hold->held) {
		hold->held = true;
		operate_hold(hold->gdb);
	}
	state = operate_state(hold->gdb);
	if (state == OPERATE_STOPPING)
		return HOLD_WAIT;
	if (state == OPERATE_STOPPED) {
		say_events(hold->gdb);
		return HOLD_READY;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
		    "the machine runs, and a debugger has it: stop it first (stop)");
	return HOLD_REFUSED;
}

void hold_end(Hold *hold)
{
	if (hold->held)
		operate_release(hold->gdb);
	hold->held = false;
}

bool qmp_take_cpu(KvmGdb *gdb, QmpCall *call, unsigned *ret, GError **error)
{
	uint64_t cpu = 0;
	LOCKED(gdb);

	qmp_call_integer(call, "cpu-index", &cpu);
	*ret = cpu;
	if (cpu <= UINT_MAX && kvm_vcpu_present(gdb, cpu))
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "Parameter 'cpu-index' expects a CPU number");
	return false;
}

static void hold_free(void *data)
{
	hold_end(data);
	g_free(data);
}

/* Runs @command while the machine stands. */
static QmpStep run_held(KvmGdb *gdb, QmpCall *call, bool (*command)(void *gdb, GError **error))
{
	Hold *hold = qmp_call_state(call);
	GError *error = NULL;
	HoldState state;

	if (!hold) {
		hold = g_new0(Hold, 1);
		hold->gdb = gdb;
		qmp_call_set_state(call, hold, hold_free);
	}
	state = hold_wait(hold, &error);
	if (state == HOLD_WAIT)
		return QMP_LATER;
	if (state == HOLD_REFUSED || !command(gdb, &error))
		return qmp_call_fail(call, error);
	return QMP_DONE;
}

/* ---- What there is ---- */

/* A client of the stub's that only steps has not let it go. */
static bool is_running(KvmGdb *gdb)
{
	LOCKED(gdb);

	return gdb->world == WORLD_FREE || non_stop_is_unseen(gdb) ||
	       (gdb->world == WORLD_RUNNING && gdb->runs_on);
}

static QmpStep query_status(void *target, QmpCall *call)
{
	bool runs = is_running(target);
	JsonBuilder *builder = begin_object();

	add_string(builder, "status",
		   runs				? "running"
		   : operate_has_client(target) ? "debug"
						: "paused");
	add_bool(builder, "running", runs);
	add_bool(builder, "singlestep", false);
	return answer(call, builder);
}

static QmpStep query_name(void *target, QmpCall *call)
{
	const KvmGdb *gdb = target;
	JsonBuilder *builder = begin_object();

	if (gdb->name)
		add_string(builder, "name", gdb->name);
	return answer(call, builder);
}

static QmpStep query_kvm(void *target G_GNUC_UNUSED, QmpCall *call)
{
	JsonBuilder *builder = begin_object();

	add_bool(builder, "enabled", true);
	add_bool(builder, "present", true);
	return answer(call, builder);
}

static QmpStep query_target(void *target G_GNUC_UNUSED, QmpCall *call)
{
	JsonBuilder *builder = begin_object();

	add_string(builder, "arch", arch_info.machine);
	return answer(call, builder);
}

static void add_cpu(JsonBuilder *builder, const KvmGdbVcpu *vcpu)
{
	g_autofree char *path = g_strdup_printf("/machine/cpu[%u]", vcpu->index);

	json_builder_begin_object(builder);
	add_int(builder, "cpu-index", vcpu->index);
	add_string(builder, "qom-path", path);
	add_int(builder, "thread-id", __atomic_load_n(&vcpu->tid, __ATOMIC_SEQ_CST));
	add_string(builder, "target", arch_info.machine);
	json_builder_end_object(builder);
}

static QmpStep query_cpus_fast(void *target, QmpCall *call)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	KvmGdb *gdb = target;
	LOCKED(gdb);

	json_builder_begin_array(builder);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		if (kvm_vcpu_present(gdb, i))
			add_cpu(builder, kvm_vcpu_at(gdb, i));
	}
	return qmp_call_return(call, json_builder_get_root(json_builder_end_array(builder)));
}

static QmpStep query_dump_formats(void *target G_GNUC_UNUSED, QmpCall *call)
{
	JsonBuilder *builder = begin_object();

	json_builder_set_member_name(builder, "formats");
	json_builder_begin_array(builder);
	json_builder_add_string_value(builder, "elf");
	json_builder_end_array(builder);
	return answer(call, builder);
}

/* ---- What can be done ---- */

/* It may go on at once, by a client of the stub's: that it stood is enough. */
static QmpStep stop(void *target, QmpCall *call)
{
	unsigned *before = qmp_call_state(call);

	if (!before) {
		before = g_new(unsigned, 1);
		*before = operate_stops(target);
		qmp_call_set_state(call, before, g_free);
		operate_stop(target);
	}
	if (operate_state(target) != OPERATE_STOPPED && operate_stops(target) == *before)
		return QMP_LATER;
	say_events(target);
	return QMP_DONE;
}

static QmpStep cont(void *target, QmpCall *call)
{
	GError *error = NULL;

	if (!operate_cont(target, &error))
		return qmp_call_fail(call, error);
	say_events(target);
	return QMP_DONE;
}

static QmpStep system_reset(void *target, QmpCall *call)
{
	return run_held(target, call, target_reset);
}

static bool nmi(void *target, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (const GdbMonitorCommand *row = arch_monitor_commands; row->name; row++) {
		if (g_str_equal(row->name, "nmi"))
			return row->run(target, gdb_place_cpu(0), "", text, error);
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
		    "this machine has no non-maskable interrupt");
	return false;
}

static QmpStep inject_nmi(void *target, QmpCall *call)
{
	return run_held(target, call, nmi);
}

static QmpStep system_powerdown(void *target, QmpCall *call)
{
	GError *error = NULL;

	return operate_powerdown(target, &error) ? QMP_DONE : qmp_call_fail(call, error);
}

/* It stands before its end, and the client has its answer first: the VMM may end at once. */
static QmpStep quit(void *target, QmpCall *call)
{
	KvmGdb *gdb = target;
	GError *error = NULL;

	if (!operate_quit(gdb, &error))
		return qmp_call_fail(call, error);
	if (operate_state(gdb) == OPERATE_STOPPING)
		return QMP_LATER;
	say_events(gdb);
	return QMP_DONE;
}

static const QmpCommand commands[] = {
	{"query-status", NULL, query_status},
	{"query-name", NULL, query_name},
	{"query-kvm", NULL, query_kvm},
	{"query-target", NULL, query_target},
	{"query-cpus-fast", NULL, query_cpus_fast},
	{"query-dump-guest-memory-capability", NULL, query_dump_formats},
	{"stop", NULL, stop},
	{"cont", NULL, cont},
	{"system_reset", NULL, system_reset},
	{"system_powerdown", NULL, system_powerdown},
	{"quit", NULL, quit},
	{"inject-nmi", NULL, inject_nmi},
	{"memsave", "val:i size:i filename:s cpu-index:i?", qmp_memsave},
	{"pmemsave", "val:i size:i filename:s", qmp_pmemsave},
	{"dump-guest-memory", "paging:b protocol:s detach:b? begin:i? length:i? format:s?",
	 qmp_dump},
	{"human-monitor-command", "command-line:s cpu-index:i?", qmp_human},
	{NULL, NULL, NULL},
};

/* ---- Events ---- */

void qmp_notice_world(KvmGdb *gdb)
{
	qmp_server_wake(gdb->qmp->server);
}

void qmp_notice_event(KvmGdb *gdb, KvmGdbEvent event)
{
	KvmQmp *qmp = gdb->qmp;

	if (!qmp)
		return;
	qmp->happened_running |= gdb->world == WORLD_FREE || gdb->world == WORLD_RUNNING;
	if (event == KVM_GDB_RESET)
		qmp->happened |= gdb->resetting ? HAPPENED_OWN_RESET : HAPPENED_RESET;
	else if (event == KVM_GDB_PANIC)
		qmp->happened |= HAPPENED_PANIC;
	/* The VMM may end the machine for it, unless the guest boots again. */
	qmp->cause = event == KVM_GDB_RESET ? END_UNKNOWN : END_PANIC;
	qmp_server_wake(qmp->server);
}

static JsonNode *by_guest(bool guest, const char *reason)
{
	JsonBuilder *builder = begin_object();

	add_bool(builder, "guest", guest);
	add_string(builder, "reason", reason);
	return end_object(builder);
}

static void say_what_happened(KvmQmp *qmp, unsigned happened)
{
	JsonBuilder *panic;

	if (happened & HAPPENED_PANIC) {
		panic = begin_object();
		add_string(panic, "action", operate_has_client(qmp->gdb) ? "pause" : "run");
		qmp_server_event(qmp->server, "GUEST_PANICKED", end_object(panic));
	}
	if (happened & HAPPENED_OWN_RESET)
		qmp_server_event(qmp->server, "RESET", by_guest(false, "host-qmp-system-reset"));
	if (happened & HAPPENED_RESET)
		qmp_server_event(qmp->server, "RESET", by_guest(true, "guest-reset"));
}

static void say_world(KvmQmp *qmp, bool runs)
{
	if (runs == qmp->said_runs)
		return;
	qmp->said_runs = runs;
	qmp_server_event(qmp->server, runs ? "RESUME" : "STOP", NULL);
}

static void say_events(void *target)
{
	KvmGdb *gdb = target;
	KvmQmp *qmp = gdb->qmp;
	unsigned happened;
	bool running, runs;

	engine_lock(gdb);
	happened = qmp->happened;
	running = qmp->happened_running;
	qmp->happened = 0;
	qmp->happened_running = false;
	engine_unlock(gdb);
	/* What a guest does it does after the resume, and the stop may be for it. */
	if (running)
		say_world(qmp, true);
	say_what_happened(qmp, happened);
	runs = is_running(gdb);
	/* Between the two it has no event. */
	if (runs || operate_state(gdb) == OPERATE_STOPPED)
		say_world(qmp, runs);
}

/* A VMM says how it ends by its status, as a shell sees it. */
static JsonNode *shutdown_data(const KvmQmp *qmp, uint8_t status)
{
	if (qmp->gdb->ending)
		return by_guest(false, "host-qmp-quit");
	if (qmp->cause == END_PANIC)
		return by_guest(true, "guest-panic");
	if (status > 128)
		return by_guest(false, "host-signal");
	return status ? by_guest(false, "host-error") : by_guest(true, "guest-shutdown");
}

/* ---- The server ---- */

void qmp_end(KvmGdb *gdb, uint8_t exit_status)
{
	KvmQmp *qmp = gdb->qmp;

	if (!qmp)
		return;
	say_events(gdb);
	qmp_server_event(qmp->server, "SHUTDOWN", shutdown_data(qmp, exit_status));
	/* From here on no vCPU's thread wakes it. */
	engine_lock(gdb);
	gdb->qmp = NULL;
	engine_unlock(gdb);
	/* Commands that are cut off let the machine go. */
	qmp_server_free(qmp->server);
	g_free(qmp);
}

static KvmQmp *server_of(KvmGdb *gdb)
{
	KvmQmp *qmp = gdb->qmp;

	if (qmp)
		return qmp;
	qmp = g_new0(KvmQmp, 1);
	qmp->gdb = gdb;
	qmp->said_runs = is_running(gdb);
	qmp->server =
		qmp_server_new(gdb->context, commands, gdb, VMGDB_VERSION, "(vmgdb) ", say_events);
	engine_lock(gdb);
	gdb->qmp = qmp;
	engine_unlock(gdb);
	return qmp;
}

bool kvm_gdb_listen_qmp(KvmGdb *gdb, const char *where, GError **error)
{
	return engine_describe(gdb, error) &&
	       qmp_server_listen(server_of(gdb)->server, where, QMP_JSON, error);
}

bool kvm_gdb_listen_monitor(KvmGdb *gdb, const char *where, GError **error)
{
	return engine_describe(gdb, error) &&
	       qmp_server_listen(server_of(gdb)->server, where, QMP_PEOPLE, error);
}

const char *kvm_gdb_operator_address(const KvmGdb *gdb, unsigned n)
{
	return gdb->qmp ? qmp_server_address(gdb->qmp->server, n) : NULL;
}
