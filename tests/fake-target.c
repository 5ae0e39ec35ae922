/*
 * tests/fake-target.c - owns the operations of the fake target, the checks of how the server
 * calls them, and its life.
 */
#include "gdbstub/break-code.h"
#include "tests/fake-machine.h"

#include <string.h>

#define HW_SLOTS 4
#define MAX_BREAKS 4096

/* --- the operations --- */

static void complain(FakeTarget *target, const char *what)
{
	g_string_append_printf(target->complaints, "%s\n", what);
}

static FakeTarget *enter(void *data)
{
	FakeTarget *target = data;

	g_mutex_lock(&target->lock);
	if (!target->server_thread)
		target->server_thread = g_thread_self();
	if (target->server_thread != g_thread_self())
		complain(target, "an operation was called on another thread");
	return target;
}

FakeTarget *fake_enter(FakeTarget *target, bool stopped)
{
	enter(target);
	if (!target->attached)
		complain(target, "an operation without attach()");
	if (stopped && target->n_running)
		complain(target, "an operation that needs a stopped world came while it runs");
	return target;
}

static FakeTarget *enter_cpu(void *data, unsigned cpu, bool stopped)
{
	FakeTarget *target = fake_enter(data, stopped);

	if (cpu >= target->n_cpus)
		g_error("the server named CPU %u of %u", cpu, target->n_cpus);
	return target;
}

void fake_leave(FakeTarget *target)
{
	g_mutex_unlock(&target->lock);
}

static unsigned op_cpu_count(void *data)
{
	return ((FakeTarget *)data)->n_cpus;
}

static void op_describe_cpu(void *data, GdbPlace place, GString *text)
{
	FakeTarget *target = enter_cpu(data, place.cpu, false);

	g_string_append_printf(text, "CPU#%u [%s]", place.cpu,
			       fake_get_reg(&target->cpus[place.cpu], FAKE_REG_PC) == FAKE_IDLE
				       ? "halted"
				       : "running");
	fake_leave(target);
}

static const GdbRegSet *op_registers(void *data)
{
	return ((FakeTarget *)data)->set;
}

static unsigned op_read_registers(void *data, GdbPlace place, const GdbReg *const *regs, unsigned n,
				  uint8_t *buf, GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, true);
	unsigned done;

	for (done = 0; done < n && (int)regs[done]->num != target->unreadable; done++) {
		memcpy(buf, target->cpus[place.cpu].regs[regs[done]->id],
		       gdb_reg_bytes(regs[done]));
		buf += gdb_reg_bytes(regs[done]);
	}
	if (!n)
		complain(target, "no register is asked for");
	else if (done < n)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "%s cannot be read", regs[done]->name);
	fake_leave(target);
	return done;
}

static bool op_write_register(void *data, GdbPlace place, const GdbReg *reg, const uint8_t *buf,
			      GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, true);
	uint8_t *bytes = target->cpus[place.cpu].regs[reg->id];
	bool writable =
		strcmp(reg->name, "fop") != 0 || memcmp(bytes, buf, gdb_reg_bytes(reg)) == 0;

	if (writable)
		memcpy(bytes, buf, gdb_reg_bytes(reg));
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "%s cannot be written", reg->name);
	fake_leave(target);
	return writable;
}

static bool fault(GError **error, uint64_t addr)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "no memory at 0x%" G_GINT64_MODIFIER "x",
		    addr);
	return false;
}

static void check_range(FakeTarget *target, uint64_t addr, size_t len)
{
	if (len == 0)
		complain(target, "a memory access of length 0");
	if (addr + (len - 1) < addr)
		complain(target, "a memory access that wraps");
}

static size_t op_read_memory(void *data, GdbPlace place, uint64_t addr, uint8_t *buf, size_t len,
			     GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, false);
	const uint8_t *byte;
	size_t done;

	check_range(target, addr, len);
	for (done = 0; done < len; done++) {
		byte = fake_byte(target, addr + done);
		if (!byte)
			break;
		buf[done] = *byte;
	}
	if (done == 0)
		fault(error, addr);
	fake_leave(target);
	return done;
}

static bool op_write_memory(void *data, GdbPlace place, uint64_t addr, const uint8_t *buf,
			    size_t len, GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, false);
	bool ok = true;

	check_range(target, addr, len);
	for (size_t i = 0; i < len && ok; i++)
		ok = fake_byte(target, addr + i) || fault(error, addr + i);
	for (size_t i = 0; i < len && ok; i++)
		*fake_byte(target, addr + i) = buf[i];
	fake_leave(target);
	return ok;
}

/* Physical memory is the pages of FAKE_DATA at 0, and nothing else. */
static bool to_virtual(uint64_t addr, uint64_t *ret)
{
	*ret = addr + FAKE_DATA;
	return addr < 2 * FAKE_PAGE;
}

static size_t op_read_physical(void *data, uint64_t addr, uint8_t *buf, size_t len, GError **error)
{
	uint64_t at;

	if (!to_virtual(addr, &at))
		return fault(error, addr);
	return op_read_memory(data, gdb_place_cpu(0), at, buf, MIN(len, 2 * FAKE_PAGE - addr),
			      error);
}

static bool op_write_physical(void *data, uint64_t addr, const uint8_t *buf, size_t len,
			      GError **error)
{
	uint64_t at;

	if (!to_virtual(addr, &at))
		return fault(error, addr);
	return op_write_memory(data, gdb_place_cpu(0), at, buf, len, error);
}

/* Code may be executed, data written; the rest is holes, told page by page. */
static bool op_memory_region(void *data, GdbPlace place, uint64_t addr, GdbRegion *ret,
			     GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, true);

	(void)error;
	ret->start = addr - addr % FAKE_PAGE;
	ret->last = ret->start + FAKE_PAGE - 1;
	ret->mapped = fake_byte(target, addr) != NULL;
	ret->read = ret->mapped;
	ret->execute = ret->start == FAKE_CODE;
	ret->write = ret->mapped && !ret->execute;
	fake_leave(target);
	return true;
}

static const char *op_exec_file(void *data)
{
	return ((FakeTarget *)data)->program;
}

static bool op_load_offset(void *data, uint64_t *ret_slide, uint64_t *ret_text)
{
	FakeTarget *target = enter_cpu(data, 0, true);
	bool known = target->program != NULL;

	*ret_slide = target->slide;
	*ret_text = FAKE_TEXT + target->slide;
	fake_leave(target);
	return known;
}

static unsigned op_watch_slots(G_GNUC_UNUSED void *data)
{
	return HW_SLOTS;
}

static bool op_can_block_irq(G_GNUC_UNUSED void *data)
{
	return true;
}

static void op_block_irq(void *data, bool block)
{
	FakeTarget *target = enter_cpu(data, 0, true);

	target->irq_blocked = block;
	fake_leave(target);
}

static void op_attach(void *data)
{
	FakeTarget *target = enter(data);
	GdbStop stop = {.kind = GDB_STOP_PAUSED};

	if (target->attached)
		complain(target, "attach() twice");
	target->attached = true;
	target->irq_blocked = true;
	target->own_expected = false;
	target->counts.attaches++;
	target->pause_cpu = 0;
	target->stop_owed = true;
	target->stop_wanted = true;
	g_cond_broadcast(&target->cond);
	fake_run_inline(target);
	if (target->killed && target->stop_owed)
		fake_post(target, &stop);
	fake_leave(target);
}

static void op_stop(void *data, unsigned cpu)
{
	FakeTarget *target = enter_cpu(data, cpu, false);

	target->counts.stops++;
	if (target->stop_owed) {
		target->pause_cpu = cpu;
		target->stop_wanted = true;
		g_cond_broadcast(&target->cond);
		fake_run_inline(target);
	}
	fake_leave(target);
}

static bool check_resume(FakeTarget *target, const GdbAction *actions)
{
	unsigned held = 0;

	if (!target->attached)
		complain(target, "resume() without attach()");
	if (target->stop_owed || target->n_running) {
		complain(target, "resume() while running");
		return false;
	}
	for (unsigned i = 0; i < target->n_cpus; i++)
		held += actions[i].kind == GDB_ACTION_HOLD;
	if (held == target->n_cpus)
		complain(target, "resume() of no CPU at all");
	return !target->killed && !target->refuse_resume;
}

static void start(FakeTarget *target)
{
	target->stop_wanted = false;
	for (unsigned i = 0; i < target->n_cpus; i++) {
		FakeCpu *cpu = &target->cpus[i];

		cpu->running = cpu->action.kind != GDB_ACTION_HOLD;
		cpu->past_hw = true;
		target->n_running += cpu->running;
		if (cpu->running)
			cpu->has_event = false;
	}
	g_cond_broadcast(&target->cond);
	fake_run_inline(target);
}

static bool op_resume(void *data, const GdbAction *actions, GError **error)
{
	FakeTarget *target = enter(data);
	bool ok = check_resume(target, actions);

	if (!ok)
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "the machine cannot be resumed now");
	else {
		target->counts.resumes++;
		memcpy(target->actions, actions, target->n_cpus * sizeof(*actions));
		for (unsigned i = 0; i < target->n_cpus; i++)
			target->cpus[i].action = actions[i];
		target->stop_owed = true;
		if (!fake_report_event(target))
			start(target);
	}
	fake_leave(target);
	return ok;
}

static void op_detach(void *data)
{
	FakeTarget *target = enter(data);

	if (!target->attached)
		complain(target, "detach() without attach()");
	target->attached = false;
	target->stop_owed = false;
	target->stop_wanted = false;
	target->counts.detaches++;
	g_array_set_size(target->breaks, 0);
	g_ptr_array_set_size(target->codes, 0);
	if (!target->killed)
		fake_run_all(target);
	fake_leave(target);
}

static void op_kill(void *data)
{
	FakeTarget *target = enter(data);

	if (!target->attached)
		complain(target, "kill() without attach()");
	target->counts.kills++;
	target->killed = true;
	target->attached = false;
	target->stop_owed = false;
	g_array_set_size(target->breaks, 0);
	g_ptr_array_set_size(target->codes, 0);
	target->stop_wanted = true;
	g_cond_broadcast(&target->cond);
	fake_run_inline(target);
	fake_leave(target);
}

/* The CPUs begin anew; memory stays. */
static bool op_reset(void *data, G_GNUC_UNUSED GError **error)
{
	FakeTarget *target = enter_cpu(data, 0, true);

	for (unsigned i = 0; i < target->n_cpus; i++) {
		fake_set_reg(&target->cpus[i], FAKE_REG_PC, FAKE_COUNT);
		target->cpus[i].has_event = false;
	}
	target->counts.resets++;
	fake_leave(target);
	return true;
}

static bool is_soft(const GdbBreak *bp)
{
	return bp->type == GDB_BREAK_SW || bp->type == GDB_BREAK_PHYSICAL;
}

static int find_break(FakeTarget *target, const GdbBreak *wanted, unsigned *ret_hw)
{
	int found = -1;

	*ret_hw = 0;
	for (unsigned i = 0; i < target->breaks->len; i++) {
		const GdbBreak *bp = &g_array_index(target->breaks, GdbBreak, i);

		*ret_hw += !is_soft(bp);
		if (bp->type == wanted->type && bp->addr == wanted->addr &&
		    bp->kind == wanted->kind)
			found = i;
	}
	return found;
}

static bool check_break(FakeTarget *target, const GdbBreak *bp, unsigned n_hw, GError **error)
{
	bool sized = bp->kind == 1 || bp->kind == 2 || bp->kind == 4 || bp->kind == 8;
	uint64_t at;

	if (fake_is_watch(bp->type) ? !sized : bp->kind != 1) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "no breakpoint of this length");
		return false;
	}
	if (bp->type == GDB_BREAK_SW && !fake_byte(target, bp->addr))
		return fault(error, bp->addr);
	if (bp->type == GDB_BREAK_PHYSICAL && !to_virtual(bp->addr, &at))
		return fault(error, bp->addr);
	if ((!is_soft(bp) && n_hw >= HW_SLOTS) || target->breaks->len >= MAX_BREAKS) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC, "all %u slots are taken", HW_SLOTS);
		return false;
	}
	return true;
}

static bool insert(void *data, GdbPlace place, const GdbBreak *bp, GdbBreakCode *code,
		   GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, true);
	unsigned n_hw;
	int i = find_break(target, bp, &n_hw);
	bool there = i >= 0;
	bool ok = there || check_break(target, bp, n_hw, error);

	if (bp->type > GDB_BREAK_PHYSICAL)
		complain(target, "insert() of a type that does not exist");
	if (ok && !there) {
		i = target->breaks->len;
		g_array_append_val(target->breaks, *bp);
		g_ptr_array_add(target->codes, NULL);
	}
	if (ok) {
		gdb_break_code_unref(target->codes->pdata[i]);
		target->codes->pdata[i] = gdb_break_code_ref(code);
	}
	fake_leave(target);
	return ok;
}

static bool op_insert(void *data, GdbPlace place, const GdbBreak *bp, GError **error)
{
	return insert(data, place, bp, NULL, error);
}

static bool op_insert_code(void *data, GdbPlace place, const GdbBreak *bp, GdbBreakCode *code,
			   GError **error)
{
	return insert(data, place, bp, code, error);
}

static bool op_has_break(void *data, const GdbBreak *bp)
{
	return fake_target_has_break(data, bp->type, bp->addr);
}

static bool op_remove(void *data, GdbPlace place, const GdbBreak *bp, GError **error)
{
	FakeTarget *target = enter_cpu(data, place.cpu, true);
	unsigned n_hw;
	int i = find_break(target, bp, &n_hw);

	(void)error;
	if (i >= 0) {
		g_array_remove_index_fast(target->breaks, i);
		g_ptr_array_remove_index_fast(target->codes, i);
	}
	fake_leave(target);
	return true;
}

static void op_clear(void *data)
{
	FakeTarget *target = fake_enter(data, true);

	g_array_set_size(target->breaks, 0);
	g_ptr_array_set_size(target->codes, 0);
	fake_leave(target);
}

/* --- monitor commands --- */

static bool monitor_ping(void *data, GdbPlace place, const char *args, GString *out, GError **error)
{
	(void)data;
	(void)error;
	g_string_append_printf(out, "pong %u [%s]\n", place.cpu, args);
	return true;
}

static bool monitor_ping_hard(void *data, GdbPlace place, const char *args, GString *out,
			      GError **error)
{
	(void)data;
	(void)place;
	(void)error;
	g_string_append_printf(out, "hard pong [%s]\n", args);
	return true;
}

static bool monitor_fail(void *data, GdbPlace place, const char *args, GString *out, GError **error)
{
	(void)data;
	(void)place;
	(void)args;
	(void)out;
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "the fake machine refuses");
	return false;
}

static const GdbMonitorCommand monitor_commands[] = {
	{"ping", "[WORDS]", "answer at once", monitor_ping, GDB_MONITOR_STOPPED},
	{"ping hard", NULL, "answer harder", monitor_ping_hard, GDB_MONITOR_STOPPED},
	{"fail", NULL, "fail", monitor_fail, GDB_MONITOR_STOPPED},
	{"load", NULL, "load the library", fake_load_library, GDB_MONITOR_STOPPED},
	{NULL, NULL, NULL, NULL, GDB_MONITOR_STOPPED},
};

const GdbTargetOps *fake_target_ops(void)
{
	static const GdbCpuOps cpus = {
		.count = op_cpu_count,
		.describe = op_describe_cpu,
	};
	static const GdbRegisterOps registers = {
		.set = op_registers,
		.read = op_read_registers,
		.write = op_write_register,
	};
	static const GdbMemoryOps memory = {
		.read = op_read_memory,
		.write = op_write_memory,
		.region = op_memory_region,
	};
	static const GdbPhysicalOps physical = {
		.read = op_read_physical,
		.write = op_write_physical,
		.has_break = op_has_break,
	};
	static const GdbRunOps run = {op_attach, op_stop, op_resume, op_detach, op_kill, op_reset};
	static const GdbBreakOps breaks = {
		.insert = op_insert,
		.insert_code = op_insert_code,
		.remove = op_remove,
		.clear = op_clear,
		.watch_slots = op_watch_slots,
	};
	static const GdbQuietOps quiet = {op_can_block_irq, op_block_irq};
	static const GdbProgramOps program = {op_exec_file, op_load_offset};
	static const GdbTargetOps ops = {
		.cpus = &cpus,
		.registers = &registers,
		.memory = &memory,
		.run = &run,
		.physical = &physical,
		.breaks = &breaks,
		.quiet = &quiet,
		.program = &program,
		.files = &fake_file_ops,
		.libraries = &fake_library_ops,
		.os = &fake_os_ops,
		.monitor = monitor_commands,
	};

	return &ops;
}

/* --- life --- */

static void init_cpu(FakeTarget *target, unsigned index)
{
	FakeCpu *cpu = &target->cpus[index];

	cpu->target = target;
	cpu->index = index;
	for (unsigned row = 0; row < FAKE_N_ROWS; row++)
		for (unsigned i = 0; i < GDB_REG_MAX_BYTES; i++)
			cpu->regs[row][i] = row * 16 + i + index;
	fake_set_reg(cpu, FAKE_REG_RAX, 0);
	fake_set_reg(cpu, FAKE_REG_RBX, FAKE_DATA + 16 * index);
	fake_set_reg(cpu, FAKE_REG_RSP, FAKE_DATA + FAKE_PAGE);
	fake_set_reg(cpu, FAKE_REG_FP, FAKE_DATA + FAKE_PAGE);
	fake_set_reg(cpu, FAKE_REG_PC, FAKE_COUNT);
	fake_set_reg(cpu, FAKE_REG_FLAGS, 0x202);
}

FakeTarget *fake_target_new(unsigned n_cpus, bool threads)
{
	FakeTarget *target = g_malloc0(sizeof(*target) + n_cpus * sizeof(FakeCpu));

	g_assert(n_cpus >= 1 && n_cpus <= FAKE_MAX_CPUS);
	g_mutex_init(&target->lock);
	g_cond_init(&target->cond);
	target->n_cpus = n_cpus;
	target->threads = threads;
	target->unreadable = -1;
	target->set = fake_reg_set();
	target->pages = fake_pages_new();
	target->breaks = g_array_new(FALSE, FALSE, sizeof(GdbBreak));
	target->codes = g_ptr_array_new_with_free_func((GDestroyNotify)gdb_break_code_unref);
	target->complaints = g_string_new(NULL);
	fake_map(target, FAKE_CODE, FAKE_PAGE);
	fake_map(target, FAKE_DATA, 2 * FAKE_PAGE);
	if (threads)
		fake_map(target, FAKE_BIG, FAKE_BIG_SIZE);
	fake_map(target, FAKE_TOP, FAKE_PAGE);
	fake_write_program(target);
	for (unsigned i = 0; i < n_cpus; i++)
		init_cpu(target, i);
	fake_run_all(target);
	for (unsigned i = 0; i < n_cpus && threads; i++)
		target->cpus[i].thread =
			g_thread_new("fake cpu", fake_cpu_thread, &target->cpus[i]);
	return target;
}

void fake_target_free(FakeTarget *target)
{
	g_mutex_lock(&target->lock);
	target->quit = true;
	g_cond_broadcast(&target->cond);
	g_mutex_unlock(&target->lock);
	for (unsigned i = 0; i < target->n_cpus && target->threads; i++)
		g_thread_join(target->cpus[i].thread);
	g_hash_table_unref(target->pages);
	g_array_unref(target->breaks);
	g_ptr_array_unref(target->codes);
	g_string_free(target->complaints, TRUE);
	gdb_reg_set_free(target->set);
	g_mutex_clear(&target->lock);
	g_cond_clear(&target->cond);
	g_free(target);
}
