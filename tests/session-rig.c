/*
 * tests/session-rig.c - owns the set-up that the tests of a bare session share.
 */
#include "tests/session-rig.h"

#include <string.h>
#include <sys/mman.h>

#include "gdbstub/frame.h"

static unsigned op_cpu_count(G_GNUC_UNUSED void *data)
{
	return SESSION_CPUS;
}

static void op_describe(G_GNUC_UNUSED void *data, GdbPlace place, GString *text)
{
	if (place.task)
		g_string_append_printf(text, "sleeps since %u", place.cpu);
	else
		g_string_append_printf(text, "CPU#%u", place.cpu);
}

static const GdbRegSet *op_registers(void *data)
{
	return ((SessionRig *)data)->set;
}

static unsigned op_generation(void *data, unsigned cpu)
{
	return cpu == 1 ? ((SessionRig *)data)->plugs : 0;
}

static bool is_there(GdbPlace place, const GdbReg *reg)
{
	return place.task ? reg->num == 2 : reg->num != 1;
}

static unsigned op_read_registers(G_GNUC_UNUSED void *data, GdbPlace place,
				  const GdbReg *const *regs, unsigned n, uint8_t *buf,
				  GError **error)
{
	unsigned done;

	for (done = 0; done < n && is_there(place, regs[done]); done++) {
		const GdbReg *reg = regs[done];

		memset(buf, place.task ? place.task & 0xff : 0x10 * (place.cpu + 1) + reg->num,
		       gdb_reg_bytes(reg));
		buf += gdb_reg_bytes(reg);
	}
	if (done < n)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "never there");
	return done;
}

static bool op_write_register(void *data, GdbPlace place, const GdbReg *reg, const uint8_t *buf,
			      GError **error)
{
	if (place.task) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "task %u sleeps", place.task);
		return false;
	}
	g_string_append_printf(((SessionRig *)data)->log, "%s.%u=%02x ", reg->name, place.cpu,
			       buf[0]);
	return true;
}

static size_t op_read_memory(void *data, G_GNUC_UNUSED GdbPlace place, uint64_t addr, uint8_t *buf,
			     size_t len, GError **error)
{
	if (addr >= SESSION_ENDLESS) {
		g_usleep(SESSION_SLOW_US);
		memset(buf, 0, len);
		return len;
	}
	if (addr >= SESSION_MEMORY) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "CPU#0 has no memory there");
		return 0;
	}
	len = MIN(len, SESSION_MEMORY - addr);
	memcpy(buf, ((SessionRig *)data)->memory + addr, len);
	return len;
}

static bool op_write_memory(void *data, G_GNUC_UNUSED GdbPlace place, uint64_t addr,
			    const uint8_t *buf, size_t len, G_GNUC_UNUSED GError **error)
{
	memcpy(((SessionRig *)data)->memory + addr, buf, len);
	return true;
}

static void op_attach(void *data)
{
	g_string_append(((SessionRig *)data)->log, "attach ");
}

static void op_stop(void *data, unsigned cpu)
{
	g_string_append_printf(((SessionRig *)data)->log, "stop.%u ", cpu);
}

static bool op_resume(void *data, const GdbAction *actions, GError **error)
{
	SessionRig *rig = data;

	if (rig->refuse_resume) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "not now");
		return false;
	}
	g_string_append_printf(rig->log, "resume.%c%c ", "hcsr"[actions[0].kind],
			       "hcsr"[actions[1].kind]);
	return true;
}

static void op_set(void *data, bool on)
{
	SessionRig *rig = data;

	memset(rig->runs, 0, sizeof(rig->runs));
	g_string_append_printf(rig->log, "set.%d ", on);
}

static void op_hold(void *data)
{
	g_string_append(((SessionRig *)data)->log, "hold ");
}

static bool op_go_on(void *data)
{
	SessionRig *rig = data;
	bool any = rig->other_runs;

	g_string_append(rig->log, "go ");
	for (unsigned cpu = 0; cpu < SESSION_CPUS; cpu++)
		any |= rig->runs[cpu];
	return any;
}

static bool op_change(void *data, const GdbAction *actions, GError **error)
{
	SessionRig *rig = data;

	if (rig->refuse_resume) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "not now");
		return false;
	}
	for (unsigned cpu = 0; cpu < SESSION_CPUS; cpu++)
		rig->runs[cpu] |= actions[cpu].kind != GDB_ACTION_KEEP &&
				  actions[cpu].kind != GDB_ACTION_HOLD;
	g_string_append_printf(rig->log, "change.%c%c ", "hcsrk"[actions[0].kind],
			       "hcsrk"[actions[1].kind]);
	return true;
}

static void op_interrupt(void *data, unsigned cpu)
{
	g_string_append_printf(((SessionRig *)data)->log, "interrupt.%u ", cpu);
}

static void op_detach(void *data)
{
	g_array_set_size(((SessionRig *)data)->breaks, 0);
	g_string_append(((SessionRig *)data)->log, "detach ");
}

static void op_kill(void *data)
{
	g_string_append(((SessionRig *)data)->log, "kill ");
}

static bool op_reset(void *data, GError **error)
{
	SessionRig *rig = data;

	g_string_append(rig->log, "reset ");
	if (rig->refuse_reset)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "no reset today");
	return !rig->refuse_reset;
}

/* Physical memory is the upper half of the virtual one. */
static size_t op_read_physical(void *data, uint64_t addr, uint8_t *buf, size_t len, GError **error)
{
	return op_read_memory(data, gdb_place_cpu(0), addr + SESSION_MEMORY / 2, buf, len, error);
}

static bool op_write_physical(void *data, uint64_t addr, const uint8_t *buf, size_t len,
			      GError **error)
{
	return op_write_memory(data, gdb_place_cpu(0), addr + SESSION_MEMORY / 2, buf, len, error);
}

static int find_break(const SessionRig *rig, const GdbBreak *bp)
{
	for (unsigned n = 0; n < rig->breaks->len; n++) {
		const GdbBreak *have = &g_array_index(rig->breaks, GdbBreak, n);

		if (have->type == bp->type && have->addr == bp->addr)
			return n;
	}
	return -1;
}

static bool op_insert(void *data, G_GNUC_UNUSED GdbPlace place, const GdbBreak *bp,
		      G_GNUC_UNUSED GError **error)
{
	SessionRig *rig = data;

	if (find_break(rig, bp) < 0)
		g_array_append_vals(rig->breaks, bp, 1);
	return true;
}

static bool op_remove(void *data, G_GNUC_UNUSED GdbPlace place, const GdbBreak *bp,
		      G_GNUC_UNUSED GError **error)
{
	SessionRig *rig = data;
	int n = find_break(rig, bp);

	if (n >= 0)
		g_array_remove_index(rig->breaks, n);
	return true;
}

static bool op_has(void *data, const GdbBreak *bp)
{
	return find_break(data, bp) >= 0;
}

static const char *op_program(G_GNUC_UNUSED void *data)
{
	return "/own";
}

static int op_open(G_GNUC_UNUSED void *data, G_GNUC_UNUSED const char *path,
		   G_GNUC_UNUSED GError **error)
{
	return memfd_create("session-rig", MFD_CLOEXEC);
}

static const uint32_t tasks[] = SESSION_TASKS;

static const uint32_t *op_tasks(void *data, unsigned *ret_n)
{
	*ret_n = ((SessionRig *)data)->n_tasks;
	return tasks;
}

static bool op_task_name(void *data, uint32_t task, GString *text)
{
	for (unsigned n = 0; n < MIN(((SessionRig *)data)->n_tasks, G_N_ELEMENTS(tasks)); n++) {
		if (tasks[n] != task)
			continue;
		if (text)
			g_string_append_printf(text, "<\"%u\\\xc3>", task);
		return true;
	}
	return false;
}

static bool op_which(G_GNUC_UNUSED void *data, GdbPlace place, G_GNUC_UNUSED const char *args,
		     GString *out, G_GNUC_UNUSED GError **error)
{
	g_string_append_printf(out, "%u\n", place.cpu);
	return true;
}

static SessionRig *rig_new(void)
{
	static const GdbReg rows[] = {
		{.name = "a", .num = 0, .bits = 16, .type = "int16"},
		{.name = "b", .num = 1, .bits = 16, .type = "b_flags"},
		{.name = "pc", .num = 2, .bits = 32, .type = "code_ptr"},
	};
	static const char types[] = "<flags id=\"b_flags\" size=\"2\">"
				    "<field name=\"one\" start=\"1\" end=\"1\"/></flags>\n";
	static const GdbFeature feature = {"core", types, rows, G_N_ELEMENTS(rows)};
	static const unsigned expedited[] = {2, 1};
	static const GdbRegHint hints[] = {{0, 0, "fp"}};
	static const GdbCpuOps cpus = {
		.count = op_cpu_count,
		.generation = op_generation,
		.describe = op_describe,
	};
	static const GdbRegisterOps registers = {
		.set = op_registers,
		.read = op_read_registers,
		.write = op_write_register,
	};
	static const GdbMemoryOps memory = {.read = op_read_memory, .write = op_write_memory};
	SessionRig *rig = g_new0(SessionRig, 1);

	rig->log = g_string_new(NULL);
	rig->breaks = g_array_new(FALSE, FALSE, sizeof(GdbBreak));
	rig->architecture = (GdbArchitecture){.name = "pdp", .pointer_bytes = 2};
	rig->set = gdb_reg_set_new(&rig->architecture, 3, 2);
	gdb_reg_set_add(rig->set, &feature);
	gdb_reg_set_expedite(rig->set, expedited, 2);
	gdb_reg_set_hint(rig->set, hints, 1);
	rig->run = (GdbRunOps){
		.attach = op_attach,
		.stop = op_stop,
		.resume = op_resume,
		.detach = op_detach,
	};
	rig->ops = (GdbTargetOps){
		.cpus = &cpus,
		.registers = &registers,
		.memory = &memory,
		.run = &rig->run,
	};
	return rig;
}

SessionRig *session_rig_new(bool lazy)
{
	SessionRig *rig = rig_new();

	rig->session = gdb_session_new(&rig->ops, rig, "vmgdb 0.1", lazy);
	return rig;
}

SessionRig *session_rig_new_full(bool lazy)
{
	static const GdbNonStopOps non_stop = {
		.set = op_set,
		.hold = op_hold,
		.go_on = op_go_on,
		.change = op_change,
		.interrupt = op_interrupt,
	};
	static const GdbBreakOps breaks = {
		.insert = op_insert,
		.remove = op_remove,
	};
	static const GdbPhysicalOps physical = {
		.read = op_read_physical,
		.write = op_write_physical,
		.has_break = op_has,
	};
	static const GdbFileOps files = {.program = op_program, .open = op_open};
	static const GdbTaskOps task_ops = {op_tasks, op_task_name};
	static const GdbMonitorCommand monitor[] = {
		{"which", NULL, "say the CPU", op_which, GDB_MONITOR_STOPPED},
		{0},
	};
	SessionRig *rig = rig_new();

	rig->run.kill = op_kill;
	rig->run.reset = op_reset;
	rig->ops.non_stop = &non_stop;
	rig->ops.breaks = &breaks;
	rig->ops.files = &files;
	rig->ops.tasks = &task_ops;
	rig->ops.monitor = monitor;
	rig->ops.physical = &physical;
	rig->session = gdb_session_new(&rig->ops, rig, "vmgdb 0.1", lazy);
	return rig;
}

void session_rig_free(SessionRig *rig)
{
	gdb_session_free(rig->session);
	g_string_free(rig->log, TRUE);
	g_array_unref(rig->breaks);
	gdb_reg_set_free(rig->set);
	g_free(rig);
}

void session_rig_log(SessionRig *rig, const char *expected)
{
	g_assert_cmpstr(rig->log->str, ==, expected);
	g_string_truncate(rig->log, 0);
}

size_t session_rig_feed(SessionRig *rig, const char *bytes)
{
	return gdb_session_feed(rig->session, (const uint8_t *)bytes, strlen(bytes));
}

void session_rig_packet(SessionRig *rig, const char *payload)
{
	g_autoptr(GByteArray) wire = g_byte_array_new();

	gdb_frame_encode(wire, payload, strlen(payload), false);
	g_assert_cmpuint(gdb_session_feed(rig->session, wire->data, wire->len), ==, wire->len);
}

char *session_rig_take(SessionRig *rig)
{
	GByteArray *bytes = gdb_session_output(rig->session);
	GString *text = g_string_new(NULL);

	for (guint at = 0; at < bytes->len; at++) {
		if (bytes->data[at] == '#')
			at += 2;
		else
			g_string_append_c(text, bytes->data[at]);
	}
	g_byte_array_set_size(bytes, 0);
	return g_string_free(text, FALSE);
}

void session_rig_output(SessionRig *rig, const char *expected)
{
	g_autofree char *got = session_rig_take(rig);

	g_assert_cmpstr(got, ==, expected);
}

void session_rig_ask(SessionRig *rig, const char *packet, const char *expected)
{
	g_autofree char *got = NULL;

	session_rig_packet(rig, packet);
	got = session_rig_take(rig);
	g_assert_true(g_str_has_prefix(got, "+"));
	g_test_message("%s", packet);
	g_assert_cmpstr(got + 1, ==, expected);
}

void session_rig_post(SessionRig *rig, GdbStopKind kind, unsigned cpu)
{
	GdbStop stop = {.cpu = cpu, .kind = kind, .addr = 0x1234};

	if (kind != GDB_STOP_MOMENT)
		rig->runs[cpu] = false;
	gdb_session_stop(rig->session, &stop);
}

SessionRig *session_rig_new_stopped(void)
{
	SessionRig *rig = session_rig_new(false);

	gdb_session_attach(rig->session);
	session_rig_post(rig, GDB_STOP_PAUSED, 0);
	session_rig_log(rig, "attach ");
	session_rig_output(rig, "");
	return rig;
}
