/*
 * tests/fake-machine.c - owns what the fake machine is made of: register rows, sparse memory, and
 * CPUs that execute and stop each other. One lock guards all of it; CPU threads hold it while
 * they execute.
 */
#include "tests/fake-machine.h"

#include <string.h>

#define BATCH 32
#define SYNC_ROUNDS 256

/* --- registers --- */

#define ROW(index, number, row_name, size, row_type)                                               \
	{                                                                                          \
		.name = row_name, .num = number, .bits = size, .type = row_type, .id = index       \
	}

static const GdbReg core_rows[] = {
	ROW(0, 0, "rax", 64, "int64"),	    ROW(1, 1, "rbx", 64, "int64"),
	ROW(2, 2, "rcx", 64, "int64"),	    ROW(3, 3, "rdx", 64, "int64"),
	ROW(4, 4, "rsi", 64, "int64"),	    ROW(5, 5, "rdi", 64, "int64"),
	ROW(6, 6, "rbp", 64, "data_ptr"),   ROW(7, 7, "rsp", 64, "data_ptr"),
	ROW(8, 8, "r8", 64, "int64"),	    ROW(9, 9, "r9", 64, "int64"),
	ROW(10, 10, "r10", 64, "int64"),    ROW(11, 11, "r11", 64, "int64"),
	ROW(12, 12, "r12", 64, "int64"),    ROW(13, 13, "r13", 64, "int64"),
	ROW(14, 14, "r14", 64, "int64"),    ROW(15, 15, "r15", 64, "int64"),
	ROW(16, 16, "rip", 64, "code_ptr"), ROW(17, 17, "eflags", 32, "int32"),
	ROW(18, 18, "cs", 32, "int32"),	    ROW(19, 19, "ss", 32, "int32"),
	ROW(20, 20, "ds", 32, "int32"),	    ROW(21, 21, "es", 32, "int32"),
	ROW(22, 22, "fs", 32, "int32"),	    ROW(23, 23, "gs", 32, "int32"),
	ROW(24, 24, "st0", 80, "i387_ext"), ROW(25, 25, "st1", 80, "i387_ext"),
	ROW(26, 26, "st2", 80, "i387_ext"), ROW(27, 27, "st3", 80, "i387_ext"),
	ROW(28, 28, "st4", 80, "i387_ext"), ROW(29, 29, "st5", 80, "i387_ext"),
	ROW(30, 30, "st6", 80, "i387_ext"), ROW(31, 31, "st7", 80, "i387_ext"),
	ROW(32, 32, "fctrl", 32, "int32"),  ROW(33, 33, "fstat", 32, "int32"),
	ROW(34, 34, "ftag", 32, "int32"),   ROW(35, 35, "fiseg", 32, "int32"),
	ROW(36, 36, "fioff", 32, "int32"),  ROW(37, 37, "foseg", 32, "int32"),
	ROW(38, 38, "fooff", 32, "int32"),  ROW(39, 39, "fop", 32, "int32"),
};

static const GdbReg odd_rows[] = {
	ROW(40, FAKE_REG_V0, "v0", 128, "uint128"),
	ROW(41, FAKE_REG_WIDE, "wide", 2048, "fake_wide"),
};

static const GdbFeature core_feature = {
	.name = "org.gnu.gdb.i386.core",
	.rows = core_rows,
	.n_rows = G_N_ELEMENTS(core_rows),
};

static const GdbFeature odd_feature = {
	.name = "org.vmgdb.fake",
	.types = "<vector id=\"fake_wide\" type=\"uint8\" count=\"256\"/>\n",
	.rows = odd_rows,
	.n_rows = G_N_ELEMENTS(odd_rows),
};

G_STATIC_ASSERT(G_N_ELEMENTS(core_rows) + G_N_ELEMENTS(odd_rows) == FAKE_N_ROWS);

GdbRegSet *fake_reg_set(void)
{
	static const unsigned expedited[] = {FAKE_REG_PC, FAKE_REG_RSP, FAKE_REG_FLAGS};
	static const GdbRegHint hints[] = {{FAKE_REG_FP, 6, "fp"}};
	static const GdbArchitecture architecture = {
		.name = "i386:x86-64",
		.triple = "x86_64-unknown-linux-gnu",
		.pointer_bytes = 8,
		.host_info = "vm-page-size:4096;watchpoint_exceptions_received:after;",
	};
	GdbRegSet *set = gdb_reg_set_new(&architecture, FAKE_REG_V0 + 1, FAKE_REG_PC);

	gdb_reg_set_add(set, &core_feature);
	gdb_reg_set_add(set, &odd_feature);
	gdb_reg_set_expedite(set, expedited, G_N_ELEMENTS(expedited));
	gdb_reg_set_hint(set, hints, G_N_ELEMENTS(hints));
	return set;
}

uint64_t fake_get_reg(const FakeCpu *cpu, unsigned num)
{
	uint64_t value;

	memcpy(&value, cpu->regs[num], sizeof(value));
	return GUINT64_FROM_LE(value);
}

void fake_set_reg(FakeCpu *cpu, unsigned num, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	memcpy(cpu->regs[num], &value, sizeof(value));
}

/* --- memory --- */

static guint hash_address(gconstpointer key)
{
	return *(const uint64_t *)key / FAKE_PAGE;
}

GHashTable *fake_pages_new(void)
{
	return g_hash_table_new_full(hash_address, g_int64_equal, g_free, g_free);
}

void fake_map(FakeTarget *target, uint64_t addr, size_t size)
{
	for (uint64_t done = 0; done < size; done += FAKE_PAGE) {
		uint64_t page = (addr + done) & ~(uint64_t)(FAKE_PAGE - 1);
		uint8_t *bytes = g_malloc(FAKE_PAGE);

		for (unsigned i = 0; i < FAKE_PAGE; i++)
			bytes[i] = (done + i) * 7 + (done + i) / 256;
		g_hash_table_insert(target->pages, g_memdup2(&page, sizeof(page)), bytes);
	}
}

uint8_t *fake_byte(FakeTarget *target, uint64_t addr)
{
	uint64_t page = addr & ~(uint64_t)(FAKE_PAGE - 1);
	uint8_t *bytes = g_hash_table_lookup(target->pages, &page);

	return bytes ? bytes + (addr - page) : NULL;
}

void fake_write_program(FakeTarget *target)
{
	static const uint8_t store[] = {0xfe, 0x03, 0x8a, 0x03, 0x90, 0xeb, 0xf9};
	static const uint8_t idle[] = {0xf4, 0xeb, 0xfd};
	uint8_t *code = fake_byte(target, FAKE_CODE);

	memset(code, 0x90, FAKE_PAGE);
	code[0x40] = 0xeb;
	code[0x41] = 0x100 - 0x42;
	memcpy(code + FAKE_STORE - FAKE_CODE, store, sizeof(store));
	memcpy(code + FAKE_IDLE - FAKE_CODE, idle, sizeof(idle));
}

/* --- breakpoints --- */

bool fake_is_watch(GdbBreakType type)
{
	return type != GDB_BREAK_SW && type != GDB_BREAK_HW;
}

bool fake_has_break(FakeTarget *target, GdbBreakType type, uint64_t addr)
{
	for (unsigned i = 0; i < target->breaks->len; i++) {
		const GdbBreak *bp = &g_array_index(target->breaks, GdbBreak, i);

		if (bp->type == type && addr - bp->addr < (fake_is_watch(type) ? bp->kind : 1))
			return true;
	}
	return false;
}

/* --- stopping --- */

void fake_post(FakeTarget *target, const GdbStop *stop)
{
	target->stop_owed = false;
	target->stop_wanted = false;
	target->counts.posts++;
	if (target->post)
		target->post(target->post_data, stop);
}

static bool event_is_valid(FakeTarget *target, const FakeCpu *cpu)
{
	static const GdbBreakType types[] = {
		[GDB_STOP_SWBREAK] = GDB_BREAK_SW,    [GDB_STOP_HWBREAK] = GDB_BREAK_HW,
		[GDB_STOP_WATCH] = GDB_WATCH_WRITE,   [GDB_STOP_RWATCH] = GDB_WATCH_READ,
		[GDB_STOP_AWATCH] = GDB_WATCH_ACCESS,
	};
	GdbStopKind kind = cpu->event.kind;

	switch (kind) {
	case GDB_STOP_SWBREAK:
	case GDB_STOP_HWBREAK:
		return fake_get_reg(cpu, FAKE_REG_PC) == cpu->event_pc &&
		       fake_has_break(target, types[kind], cpu->event_pc);
	case GDB_STOP_WATCH:
	case GDB_STOP_RWATCH:
	case GDB_STOP_AWATCH:
		return fake_has_break(target, types[kind], cpu->event.addr);
	case GDB_STOP_STEP:
		return fake_get_reg(cpu, FAKE_REG_PC) == cpu->event_pc;
	default:
		return true;
	}
}

/* The next CPU with an event that takes part in this resume, in turns; -1 when there is none. */
static int choose_event(FakeTarget *target)
{
	for (unsigned i = 0; i < target->n_cpus; i++) {
		unsigned n = (target->next_report + i) % target->n_cpus;
		FakeCpu *cpu = &target->cpus[n];

		if (!cpu->has_event || cpu->action.kind == GDB_ACTION_HOLD)
			continue;
		if (event_is_valid(target, cpu))
			return n;
		cpu->has_event = false;
	}
	return -1;
}

bool fake_report_event(FakeTarget *target)
{
	int n = choose_event(target);

	if (n < 0)
		return false;
	target->cpus[n].has_event = false;
	target->next_report = n + 1;
	fake_post(target, &target->cpus[n].event);
	return true;
}

static void park(FakeTarget *target, FakeCpu *cpu)
{
	GdbStop pause = {.cpu = target->pause_cpu, .kind = GDB_STOP_PAUSED};

	cpu->running = false;
	g_assert(target->n_running > 0);
	if (--target->n_running == 0 && target->stop_owed && !fake_report_event(target))
		fake_post(target, &pause);
}

static void happen(FakeTarget *target, FakeCpu *cpu, GdbStopKind kind, uint64_t addr)
{
	cpu->has_event = true;
	cpu->event = (GdbStop){.cpu = cpu->index, .kind = kind, .addr = addr};
	cpu->event_pc = fake_get_reg(cpu, FAKE_REG_PC);
	target->stop_wanted = true;
	g_cond_broadcast(&target->cond);
	if (cpu->running)
		park(target, cpu);
}

/* --- executing --- */

static bool hit_breakpoint(FakeTarget *target, FakeCpu *cpu, uint64_t pc)
{
	if (fake_has_break(target, GDB_BREAK_SW, pc)) {
		happen(target, cpu, GDB_STOP_SWBREAK, 0);
		return true;
	}
	if (!cpu->past_hw && fake_has_break(target, GDB_BREAK_HW, pc)) {
		happen(target, cpu, GDB_STOP_HWBREAK, 0);
		return true;
	}
	cpu->past_hw = false;
	return false;
}

static bool hit_watch(FakeTarget *target, FakeCpu *cpu, uint64_t addr, bool store)
{
	GdbBreakType type = store ? GDB_WATCH_WRITE : GDB_WATCH_READ;

	if (fake_has_break(target, type, addr))
		happen(target, cpu, store ? GDB_STOP_WATCH : GDB_STOP_RWATCH, addr);
	else if (fake_has_break(target, GDB_WATCH_ACCESS, addr))
		happen(target, cpu, GDB_STOP_AWATCH, addr);
	else
		return false;
	return true;
}

static void access_data(FakeTarget *target, FakeCpu *cpu, bool store)
{
	uint8_t *byte = fake_byte(target, fake_get_reg(cpu, FAKE_REG_RBX));

	if (byte && store)
		*byte += 1;
	else if (byte)
		cpu->regs[FAKE_REG_RAX][0] = *byte;
}

static void end_of_instruction(FakeTarget *target, FakeCpu *cpu, uint64_t pc)
{
	const GdbAction *action = &cpu->action;

	if (action->kind == GDB_ACTION_STEP ||
	    (action->kind == GDB_ACTION_RANGE && (pc < action->start || pc >= action->end)))
		happen(target, cpu, GDB_STOP_STEP, 0);
}

/* One instruction; FALSE when the CPU has nothing to do. */
static bool execute(FakeTarget *target, FakeCpu *cpu)
{
	uint64_t pc = fake_get_reg(cpu, FAKE_REG_PC), next = pc + 1;
	const uint8_t *code = fake_byte(target, pc), *arg = fake_byte(target, pc + 1);
	bool access = code && (*code == 0xfe || *code == 0x8a);

	if (target->attached && hit_breakpoint(target, cpu, pc))
		return true;
	if (!code || *code == 0xf4)
		return false;
	if (*code == 0xeb && arg)
		next = pc + 2 + (int8_t)*arg;
	else if (access)
		next = pc + 2;
	else
		fake_set_reg(cpu, FAKE_REG_RAX, fake_get_reg(cpu, FAKE_REG_RAX) + 1);
	if (access)
		access_data(target, cpu, *code == 0xfe);
	fake_set_reg(cpu, FAKE_REG_PC, next);
	cpu->executed++;
	if (!target->attached)
		return true;
	if (!access || !hit_watch(target, cpu, fake_get_reg(cpu, FAKE_REG_RBX), *code == 0xfe))
		end_of_instruction(target, cpu, next);
	return true;
}

static void run_batch(FakeTarget *target, FakeCpu *cpu)
{
	for (unsigned i = 0; i < BATCH && cpu->running && !cpu->stuck; i++)
		if (!execute(target, cpu))
			return;
}

gpointer fake_cpu_thread(gpointer data)
{
	FakeCpu *cpu = data;
	FakeTarget *target = cpu->target;

	g_mutex_lock(&target->lock);
	while (!target->quit) {
		if (!cpu->running || cpu->stuck) {
			g_cond_wait(&target->cond, &target->lock);
			continue;
		}
		if (!target->stop_wanted)
			run_batch(target, cpu);
		if (cpu->running && target->stop_wanted)
			park(target, cpu);
		/* The pace of the machine: without it the CPUs would starve the tests. */
		if (cpu->running && !target->quit)
			g_cond_wait_until(&target->cond, &target->lock,
					  g_get_monotonic_time() + 100);
	}
	g_mutex_unlock(&target->lock);
	return NULL;
}

/* Without threads: execute for a while, then stop if somebody wants that. */
void fake_run_inline(FakeTarget *target)
{
	if (target->threads)
		return;
	for (unsigned round = 0; round < SYNC_ROUNDS && !target->stop_wanted; round++)
		for (unsigned i = 0; i < target->n_cpus && !target->stop_wanted; i++)
			if (target->cpus[i].running)
				execute(target, &target->cpus[i]);
	for (unsigned i = 0; target->stop_wanted && i < target->n_cpus; i++)
		if (target->cpus[i].running)
			park(target, &target->cpus[i]);
}

void fake_run_all(FakeTarget *target)
{
	target->n_running = target->n_cpus;
	for (unsigned i = 0; i < target->n_cpus; i++) {
		target->cpus[i].running = true;
		target->cpus[i].has_event = false;
		target->cpus[i].action = (GdbAction){.kind = GDB_ACTION_CONTINUE};
	}
	g_cond_broadcast(&target->cond);
}
