/*
 * tests/fake-control.c - owns what tests do to the fake target and ask of it, from outside.
 */
#include "gdbstub/break-code.h"
#include "tests/fake-machine.h"

void fake_target_set_post(FakeTarget *target, FakePost *post, void *data)
{
	g_mutex_lock(&target->lock);
	target->post = post;
	target->post_data = data;
	g_mutex_unlock(&target->lock);
}

static void post_to_server(void *data, const GdbStop *stop)
{
	gdb_server_post_stop(data, stop);
}

void fake_target_set_server(FakeTarget *target, GdbServer *server)
{
	fake_target_set_post(target, post_to_server, server);
}

void fake_target_raise(FakeTarget *target, const GdbStop *stops, unsigned n)
{
	bool post_now = false;

	g_mutex_lock(&target->lock);
	for (unsigned i = 0; i < n && target->attached; i++) {
		FakeCpu *cpu = &target->cpus[stops[i].cpu];

		if (stops[i].kind == GDB_STOP_SWBREAK || stops[i].kind == GDB_STOP_HWBREAK)
			fake_set_reg(cpu, FAKE_REG_PC, stops[i].addr);
		/* Parking the last CPU reports: all events of this moment are noted before. */
		cpu->has_event = true;
		cpu->event = stops[i];
		cpu->event_pc = fake_get_reg(cpu, FAKE_REG_PC);
		post_now |= cpu->running;
	}
	if (post_now) {
		target->stop_wanted = true;
		g_cond_broadcast(&target->cond);
		fake_run_inline(target);
	}
	g_mutex_unlock(&target->lock);
}

void fake_target_set_stuck(FakeTarget *target, unsigned cpu, bool stuck)
{
	g_mutex_lock(&target->lock);
	target->cpus[cpu].stuck = stuck;
	g_cond_broadcast(&target->cond);
	g_mutex_unlock(&target->lock);
}

void fake_target_refuse_resume(FakeTarget *target, bool refuse)
{
	g_mutex_lock(&target->lock);
	target->refuse_resume = refuse;
	g_mutex_unlock(&target->lock);
}

void fake_target_set_unreadable(FakeTarget *target, int num)
{
	g_mutex_lock(&target->lock);
	target->unreadable = num;
	g_mutex_unlock(&target->lock);
}

void fake_target_map(FakeTarget *target, uint64_t addr, size_t size)
{
	g_mutex_lock(&target->lock);
	fake_map(target, addr, size);
	g_mutex_unlock(&target->lock);
}

void fake_target_peek(FakeTarget *target, uint64_t addr, uint8_t *buf, size_t len)
{
	g_mutex_lock(&target->lock);
	for (size_t i = 0; i < len; i++) {
		g_assert_nonnull(fake_byte(target, addr + i));
		buf[i] = *fake_byte(target, addr + i);
	}
	g_mutex_unlock(&target->lock);
}

uint64_t fake_target_get_reg(FakeTarget *target, unsigned cpu, unsigned num)
{
	uint64_t value;

	g_mutex_lock(&target->lock);
	value = fake_get_reg(&target->cpus[cpu], num);
	g_mutex_unlock(&target->lock);
	return value;
}

void fake_target_set_reg(FakeTarget *target, unsigned cpu, unsigned num, uint64_t value)
{
	g_mutex_lock(&target->lock);
	fake_set_reg(&target->cpus[cpu], num, value);
	g_mutex_unlock(&target->lock);
}

unsigned fake_target_count_breaks(FakeTarget *target)
{
	unsigned n;

	g_mutex_lock(&target->lock);
	n = target->breaks->len;
	g_mutex_unlock(&target->lock);
	return n;
}

bool fake_target_has_break(FakeTarget *target, GdbBreakType type, uint64_t addr)
{
	bool found;

	g_mutex_lock(&target->lock);
	found = fake_has_break(target, type, addr);
	g_mutex_unlock(&target->lock);
	return found;
}

size_t fake_target_code_size(FakeTarget *target, GdbBreakType type, uint64_t addr)
{
	size_t size = 0;

	g_mutex_lock(&target->lock);
	for (unsigned i = 0; i < target->breaks->len; i++) {
		const GdbBreak *bp = &g_array_index(target->breaks, GdbBreak, i);
		GdbBreakCode *code = target->codes->pdata[i];

		if (bp->type == type && bp->addr == addr && code)
			size = gdb_break_code_size(code);
	}
	g_mutex_unlock(&target->lock);
	return size;
}

bool fake_target_is_running(FakeTarget *target)
{
	bool running;

	g_mutex_lock(&target->lock);
	running = target->n_running > 0;
	g_mutex_unlock(&target->lock);
	return running;
}

bool fake_target_cpu_is_running(FakeTarget *target, unsigned cpu)
{
	bool running;

	g_mutex_lock(&target->lock);
	running = target->cpus[cpu].running;
	g_mutex_unlock(&target->lock);
	return running;
}

uint64_t fake_target_executed(FakeTarget *target, unsigned cpu)
{
	uint64_t n;

	g_mutex_lock(&target->lock);
	n = target->cpus[cpu].executed;
	g_mutex_unlock(&target->lock);
	return n;
}

FakeCounts fake_target_counts(FakeTarget *target)
{
	FakeCounts counts;

	g_mutex_lock(&target->lock);
	counts = target->counts;
	g_mutex_unlock(&target->lock);
	return counts;
}

const GdbAction *fake_target_last_actions(FakeTarget *target)
{
	return target->actions;
}

void fake_target_set_program(FakeTarget *target, const char *path, uint64_t slide)
{
	g_mutex_lock(&target->lock);
	target->program = path;
	target->slide = slide;
	g_mutex_unlock(&target->lock);
}

bool fake_target_blocks_irq(FakeTarget *target)
{
	bool blocked;

	g_mutex_lock(&target->lock);
	blocked = target->irq_blocked;
	g_mutex_unlock(&target->lock);
	return blocked;
}

char *fake_target_complaints(FakeTarget *target)
{
	char *text;

	g_mutex_lock(&target->lock);
	text = g_strdup(target->complaints->str);
	g_mutex_unlock(&target->lock);
	return text;
}
