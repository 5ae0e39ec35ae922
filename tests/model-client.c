/*
 * tests/model-client.c - the client of tests/model.h and its server: a real session, and the rules
 * for what a client is told.
 */
#include <stdio.h>
#include <string.h>

#include "gdbstub/internal.h"
#include "kvm/operate.h"
#include "tests/model.h"

bool __wrap_gdb_server_queue_stop(GdbServer *server, const GdbStop *stop);
void __wrap_gdb_server_post_output(GdbServer *server, const char *text, size_t len);

bool model_is_running(const Model *model)
{
	return model->session && gdb_session_get_state(model->session) &
					 (GDB_SESSION_RUNNING | GDB_SESSION_ATTACHING |
					  GDB_SESSION_MIXED | GDB_SESSION_HOLDING);
}

bool model_is_stopped(const Model *model)
{
	return model->session && gdb_session_get_state(model->session) == GDB_SESSION_STOPPED;
}

/* ---- Stops ---- */

static void post_one(Model *model, const GdbStop *stop);

/* The engine's: it is under its lock, and no CPU executes any more. */
bool __wrap_gdb_server_queue_stop(GdbServer *server, const GdbStop *stop)
{
	Model *model = (Model *)server;

	if (model->non_stop)
		post_one(model, stop);
	else if (!model->owed)
		model_break_rule(model, "a stop is posted that nobody waits for");
	else
		model->owed--;
	model->standing |= !model->non_stop || stop->kind == GDB_STOP_MOMENT;
	if (model->n_stops < MODEL_STOPS)
		model->stops[model->n_stops++] = *stop;
	return false;
}

void __wrap_gdb_server_post_output(GdbServer *server G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
				   size_t len G_GNUC_UNUSED)
{
}

static void check_hit(Model *model, unsigned i)
{
	ModelCpu *cpu = &model->cpus[i];

	if (!model_has_break(model, cpu->next))
		model_break_rule(model,
				 "CPU %u is told at a breakpoint at 0x%" PRIx64 ", where none is",
				 i, cpu->next);
	if (cpu->hit_told)
		model_break_rule(model, "CPU %u: the hit at 0x%" PRIx64 " is told twice", i,
				 cpu->next);
	cpu->hit_told = true;
}

static void check_step(Model *model, unsigned i)
{
	const ModelCpu *cpu = &model->cpus[i];

	if (cpu->action != GDB_ACTION_STEP)
		check_hit(model, i); /* one by its physical address is told so */
	else if (!model_has_failed(model) && cpu->steps != 1 && (cpu->steps || cpu->late != 1))
		model_break_rule(model, "CPU %u: a step is told, and it executed %u instructions",
				 i, cpu->steps);
	/* Its end is told as the interrupt. */
	if (cpu->action == GDB_ACTION_STEP)
		model->interrupt_owed = false;
}

static void check_pause(Model *model)
{
	if (!model->asked && !model->all_owed)
		model_break_rule(model, "a pause is told that nobody asked for");
	model->asked = model->interrupt_owed = false;
}

static void check_stop(Model *model, const GdbStop *stop)
{
	switch (stop->kind) {
	case GDB_STOP_PAUSED:
		check_pause(model);
		break;
	case GDB_STOP_SWBREAK:
	case GDB_STOP_HWBREAK:
		check_hit(model, stop->cpu);
		break;
	case GDB_STOP_STEP:
		check_step(model, stop->cpu);
		break;
	case GDB_STOP_PANIC:
		model->panic_owed = false;
		break;
	case GDB_STOP_ASKED:
		if (!model->cpus[stop->cpu].asked)
			model_break_rule(model, "CPU %u stops, and nobody asked for it", stop->cpu);
		break;
	case GDB_STOP_INTERNAL_ERROR:
		if (!model->scenario->failures)
			model_break_rule(model, "an internal error is told");
		break;
	default:
		break;
	}
}

/* ---- Non-stop mode ---- */

static bool any_to_run(const Model *model)
{
	bool any = false;

	for (unsigned i = 0; i < model->scenario->n; i++)
		any |= model->cpus[i].action != GDB_ACTION_HOLD;
	return any;
}

static void post_one(Model *model, const GdbStop *stop)
{
	ModelCpu *cpu = &model->cpus[stop->cpu];

	if (stop->kind == GDB_STOP_MOMENT) {
		if (!model->moment_owed)
			model_break_rule(model, "a moment is told that nobody asked for");
		model->moment_owed = false;
		return;
	}
	if (!cpu->stop_owed)
		model_break_rule(model, "CPU %u stops once more", stop->cpu);
	if (cpu->interrupted && stop->kind == GDB_STOP_STEP)
		model_break_rule(model, "CPU %u: an interrupt is told as the end of a step",
				 stop->cpu);
	check_stop(model, stop);
	cpu->stop_owed = cpu->asked = cpu->interrupted = false;
	cpu->action = GDB_ACTION_HOLD;
	if (any_to_run(model))
		return;
	model->interrupt_owed = model->asked = model->all_owed = false;
	if (model->gdb->world != WORLD_STOPPED)
		model_break_rule(model, "all CPUs stand, and the machine does not");
}

static Model *model_of(void *gdb)
{
	return (Model *)((KvmGdb *)gdb)->server;
}

static void op_set(void *gdb, bool on)
{
	Model *model = model_of(gdb);

	model->non_stop = on;
	model->standing = !on;
	/* To stop what stands is no wish of the client's any more. */
	model->asked = model->interrupt_owed = false;
	for (unsigned i = 0; i < model->scenario->n; i++) {
		model->cpus[i].action = GDB_ACTION_HOLD;
		model->cpus[i].stop_owed = model->cpus[i].asked = false;
		model->cpus[i].interrupted = false;
	}
	non_stop_ops.set(gdb, on);
}

static void op_hold(void *gdb)
{
	model_of(gdb)->moment_owed = true;
	non_stop_ops.hold(gdb);
}

static bool op_go_on(void *gdb)
{
	model_of(gdb)->standing = false;
	return non_stop_ops.go_on(gdb);
}

static void go(ModelCpu *cpu, GdbActionKind action)
{
	cpu->late = cpu->finished;
	cpu->finished = 0;
	cpu->steps = 0;
	cpu->action = action;
	cpu->stop_owed = true;
}

static bool op_change(void *gdb, const GdbAction *actions, GError **error)
{
	Model *model = model_of(gdb);
	bool done = non_stop_ops.change(gdb, actions, error);

	for (unsigned i = 0; i < model->scenario->n && done; i++) {
		ModelCpu *cpu = &model->cpus[i];

		if (actions[i].kind == GDB_ACTION_HOLD)
			cpu->asked |= cpu->action != GDB_ACTION_HOLD;
		else if (actions[i].kind != GDB_ACTION_KEEP && cpu->action == GDB_ACTION_HOLD)
			go(cpu, actions[i].kind);
	}
	return done;
}

static void op_interrupt(void *gdb, unsigned cpu)
{
	model_of(gdb)->cpus[cpu].interrupted = true;
	non_stop_ops.interrupt(gdb, cpu);
}

const GdbNonStopOps *model_non_stop_ops(void)
{
	static const GdbNonStopOps ops = {
		.set = op_set,
		.hold = op_hold,
		.go_on = op_go_on,
		.change = op_change,
		.interrupt = op_interrupt,
	};

	return &ops;
}

/* ---- Packets ---- */

/* What the session sends, without frames; "" for nothing. Caller frees. */
static char *take_output(Model *model)
{
	GByteArray *out = gdb_session_output(model->session);
	char *text = out->len ? g_strndup((char *)out->data, out->len) : g_strdup("");
	char *packet = strrchr(text, '$');

	g_byte_array_set_size(out, 0);
	if (packet)
		memmove(text, packet + 1, strlen(packet));
	else
		*text = '\0';
	if (strchr(text, '#'))
		*strchr(text, '#') = '\0';
	return text;
}

static char *ask(Model *model, const char *packet)
{
	g_autofree char *frame = NULL;
	uint8_t sum = 0;

	for (const char *c = packet; *c; c++)
		sum += *c;
	frame = g_strdup_printf("$%s#%02x", packet, sum);
	if (gdb_session_feed(model->session, (uint8_t *)frame, strlen(frame)) != strlen(frame))
		model_break_rule(model, "the session does not take %s", packet);
	return take_output(model);
}

/* The client takes what it was told of, unless it waits for an answer. */
static void take_stops(Model *model)
{
	while (model->session && !model->waiting && !model_fault(model) &&
	       gdb_session_get_state(model->session) != GDB_SESSION_HOLDING &&
	       model->session->non_stop.telling != GDB_TELLING_NOTHING)
		g_free(ask(model, "vStopped"));
}

static void answered(Model *model, const char *packet, const char *reply);

void model_tell(Model *model)
{
	GdbStop stop = model->stops[0];
	bool waits = gdb_session_get_state(model->session) == GDB_SESSION_RUNNING;
	bool non_stop = model->non_stop;
	g_autofree char *reply = NULL, *packet = NULL;

	memmove(model->stops, model->stops + 1, --model->n_stops * sizeof(stop));
	gdb_session_stop(model->session, &stop);
	reply = take_output(model);
	if (non_stop) {
		if (stop.kind == GDB_STOP_MOMENT)
			packet = g_steal_pointer(&model->waiting);
		if (packet)
			answered(model, packet, reply);
		take_stops(model);
		return;
	}
	if (waits != (*reply == 'T'))
		model_break_rule(model, "the reply to the stop is \"%s\"", reply);
	check_stop(model, &stop);
}

void model_connect(Model *model)
{
	g_autofree char *reply = NULL;

	model->session = gdb_session_new(&model->gdb->ops_table, model->gdb, "model", false);
	model->cpu_named = 0;
	model->physical = false;
	model->asked = true;
	model->owed++;
	gdb_session_attach(model->session);
	/* What a client says at once must not wait for the stop. */
	model->session->wire.no_ack = true;
}

/* The server drops what was posted to a client that has gone. */
static void forget_client(Model *model)
{
	model->n_breaks = model->n_stops = model->owed = 0;
	model->standing = model->asked = model->interrupt_owed = model->panic_owed = false;
	model->non_stop = model->moment_owed = model->all_owed = false;
	g_clear_pointer(&model->waiting, g_free);
	for (unsigned i = 0; i < model->scenario->n; i++) {
		model->cpus[i].action = GDB_ACTION_CONTINUE;
		model->cpus[i].hit_told = false;
		model->cpus[i].stop_owed = model->cpus[i].asked = false;
		model->cpus[i].interrupted = false;
	}
}

void model_hang_up(Model *model)
{
	GdbSession *session = g_steal_pointer(&model->session);

	forget_client(model);
	gdb_session_hang_up(session, NULL, 0);
	gdb_session_free(session);
}

/* "vCont;c", "vCont;s:1" or "vCont;s:1;c", with threads from 1. */
static void resume(Model *model, const char *packet)
{
	const char *step = strstr(packet, ";s:");
	unsigned stepped = step ? g_ascii_strtoull(step + 3, NULL, 16) - 1 : HOST_CPUS;
	GdbActionKind others =
		g_str_has_suffix(packet, ";c") ? GDB_ACTION_CONTINUE : GDB_ACTION_HOLD;
	g_autofree char *reply = NULL;

	for (unsigned i = 0; i < model->scenario->n; i++) {
		model->cpus[i].late = model->cpus[i].finished;
		model->cpus[i].finished = 0;
		model->cpus[i].action = i == stepped ? GDB_ACTION_STEP : others;
		model->cpus[i].steps = 0;
	}
	model->standing = false;
	model->owed++;
	/* One that was not told of yet is, now. */
	model->asked |= model->interrupt_owed;
	reply = ask(model, packet);
	if (*reply)
		model_break_rule(model, "%s is answered by %s", packet, reply);
}

/* z0 of an address that has none by it means the physical one. */
static bool has_virtual(const Model *model, uint64_t addr)
{
	for (unsigned i = 0; i < model->n_breaks; i++) {
		if (model->breaks[i].addr == addr && model->breaks[i].type == '0')
			return true;
	}
	return false;
}

static void change_break(Model *model, const char *packet)
{
	ModelBreak bp = {packet[1], g_ascii_strtoull(packet + 3, NULL, 16)};
	unsigned n = 0;

	if (bp.type == '0' &&
	    (model->physical || (packet[0] == 'z' && !has_virtual(model, bp.addr))))
		bp.type = 'p';
	for (unsigned i = 0; i < model->n_breaks; i++) {
		if (model->breaks[i].addr != bp.addr || model->breaks[i].type != bp.type)
			model->breaks[n++] = model->breaks[i];
	}
	model->n_breaks = n;
	if (packet[0] == 'Z' && n < MODEL_BREAKS)
		model->breaks[model->n_breaks++] = bp;
	for (unsigned i = 0; i < model->scenario->n && packet[0] == 'z' && bp.type != 'p'; i++) {
		if (model->cpus[i].next == bp.addr)
			model->cpus[i].hit_told = false;
	}
}

static void write_register(Model *model, const char *packet)
{
	uint64_t value = GUINT64_SWAP_LE_BE(g_ascii_strtoull(packet + 3, NULL, 16));
	ModelCpu *cpu = &model->cpus[model->cpu_named];

	if (packet[1] == '3') {
		cpu->r3 = value;
	} else {
		cpu->next = value;
		cpu->hit_told = false;
	}
}

/* In non-stop mode some are errors while a CPU runs. */
static bool may_fail(const Model *model, const char *packet)
{
	return *packet == 'P' || (model->non_stop && g_str_has_prefix(packet, "QNonStop"));
}

static void answered(Model *model, const char *packet, const char *reply)
{
	model->killed |= *packet == 'k';
	if (may_fail(model, packet) && *reply == 'E') /* it is in a device of the VMM */
		return;
	if (*packet != 'k' && strcmp(reply, "OK") != 0)
		model_break_rule(model, "%s is answered by %s", packet, reply);
	if (*packet == 'Z' || *packet == 'z')
		change_break(model, packet);
	else if (*packet == 'P')
		write_register(model, packet);
	else if (g_str_has_prefix(packet, "Hg"))
		model->cpu_named = packet[2] - '1';
	else if (g_str_has_prefix(packet, "Qqemu.PhyMemMode:"))
		model->physical = packet[17] == '1';
	else if (*packet == 'D' || *packet == 'k')
		model_hang_up(model);
}

static void say_packet(Model *model, const char *packet)
{
	g_autofree char *reply = NULL;

	if (g_str_has_prefix(packet, "vCont") && !model->non_stop) {
		resume(model, packet);
		return;
	}
	model->killed |= *packet == 'k' && !model->non_stop;
	reply = ask(model, packet);
	if (model->session->wire.held)
		model->waiting = g_strdup(packet);
	else
		answered(model, packet, reply);
	take_stops(model);
}

bool model_may_say(const Model *model, const char *action)
{
	if (!strcmp(action, "connect"))
		return !model->session;
	if (!strcmp(action, "hangup"))
		return model->session;
	if (!strcmp(action, "pause"))
		return model->non_stop && any_to_run(model);
	if (!strcmp(action, "^C"))
		return model_is_running(model) && !model->waiting;
	return model_is_stopped(model) ||
	       (model->non_stop && model_is_running(model) && !model->waiting &&
		gdb_session_get_state(model->session) == GDB_SESSION_MIXED);
}

void model_say(Model *model, const char *action)
{
	g_auto(GStrv) packets = NULL;

	if (!strcmp(action, "connect")) {
		model_connect(model);
	} else if (!strcmp(action, "hangup")) {
		model_hang_up(model);
	} else if (!strcmp(action, "pause")) {
		model->all_owed = true;
		operate_stop(model->gdb);
	} else if (!strcmp(action, "^C")) {
		model->asked = model->interrupt_owed = true;
		gdb_session_feed(model->session, (const uint8_t *)"\x03", 1);
	} else {
		packets = g_strsplit(action, "|", -1);
		for (unsigned i = 0; packets[i] && !model_fault(model); i++) {
			say_packet(model, packets[i]);
			/*
			 * In a setup, when no vCPU has a thread yet, the moment is there at once.
			 */
			while (packets[i + 1] && model->waiting && model->n_stops)
				model_tell(model);
		}
	}
}
