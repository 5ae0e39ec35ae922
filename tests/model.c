/*
 * tests/model.c - see tests/model.h: the machine, its VMM, and the rules for the guest.
 */
#include "tests/model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gdbstub/internal.h"

static Model *the_model; /* the bodies of the threads get no argument */

void model_break_rule(Model *model, const char *format, ...)
{
	va_list args;

	if (model->fault)
		return;
	va_start(args, format);
	model->fault = g_strdup_vprintf(format, args);
	va_end(args);
}

const char *model_fault(const Model *model)
{
	return model->fault ? model->fault : host_fault();
}

/* ---- The guest ---- */

static uint8_t insn_at(const Model *model, uint64_t addr)
{
	return addr - MODEL_CODE < sizeof(model->code) ? model->code[addr - MODEL_CODE] : 0;
}

static uint64_t after(const Model *model, uint64_t pc)
{
	switch (insn_at(model, pc)) {
	case 0xeb:
		return pc + 2 + (int8_t)insn_at(model, pc + 1);
	case 0x01:
	case 0xe7:
		return pc + 3;
	case 0xe6:
		return pc + 2;
	default:
		return pc + 1;
	}
}

/* Is the VMM asked before the instruction is done? Else, for e7 on x86, after it. */
static bool is_io(const Model *model, uint64_t pc)
{
	return insn_at(model, pc) == 0xe6 ||
	       (insn_at(model, pc) == 0xe7 && model->scenario->like_arm);
}

bool model_has_break(const Model *model, uint64_t addr)
{
	for (unsigned i = 0; i < model->n_breaks; i++) {
		if (model->breaks[i].addr == addr && model->breaks[i].type < '2')
			return true;
		if (model->breaks[i].addr == addr && model->breaks[i].type == 'p')
			return true;
	}
	return false;
}

bool model_has_failed(const Model *model)
{
	return model->failures < model->scenario->failures;
}

static void check_break(Model *model, unsigned i)
{
	ModelCpu *cpu = &model->cpus[i];

	if (!cpu->hit_told && model_has_break(model, cpu->next))
		model_break_rule(model, "CPU %u runs past the breakpoint at 0x%" PRIx64, i,
				 cpu->next);
}

/* What has begun before may end at any time: an I/O instruction. */
static void check_may_execute(Model *model, unsigned i)
{
	ModelCpu *cpu = &model->cpus[i];

	if (model->standing)
		model_break_rule(model, "CPU %u executes while the machine is stopped", i);
	if (model->killed)
		model_break_rule(model, "CPU %u executes after the machine was killed", i);
	if (cpu->action == GDB_ACTION_HOLD)
		model_break_rule(model, "CPU %u executes although it is held", i);
	if (toy_run(model->vm, i)->immediate_exit == 1)
		model_break_rule(model, "CPU %u executes although the VMM wants it back", i);
	if (cpu->accesses != cpu->ios)
		model_break_rule(model, "CPU %u: %u accesses to its device, %u instructions", i,
				 cpu->accesses, cpu->ios);
	check_break(model, i);
}

static void on_executed(void *opaque, unsigned i, uint64_t pc)
{
	Model *model = opaque;
	ModelCpu *cpu = &model->cpus[i];
	uint8_t insn = insn_at(model, pc);

	if (pc != cpu->next)
		model_break_rule(model, "CPU %u executes 0x%" PRIx64 ", 0x%" PRIx64 " is due", i,
				 pc, cpu->next);
	if (!is_io(model, pc))
		check_may_execute(model, i);
	if (insn == 0xe6 || insn == 0xe7)
		cpu->ios++;
	if (is_io(model, pc) && cpu->accesses != cpu->ios)
		model_break_rule(model, "CPU %u: %u accesses to its device, %u instructions", i,
				 cpu->accesses, cpu->ios);
	cpu->finished += model->standing || (model->non_stop && cpu->action == GDB_ACTION_HOLD);
	if (cpu->steps++ && cpu->action == GDB_ACTION_STEP && !model->standing &&
	    !model_has_failed(model))
		model_break_rule(model, "CPU %u executes %u instructions in a step", i, cpu->steps);
	cpu->executed++;
	cpu->hit_told = false;
	cpu->next = after(model, pc);
}

static bool on_before(void *opaque G_GNUC_UNUSED, unsigned cpu G_GNUC_UNUSED)
{
	return host_yield_in_guest();
}

/* ---- The VMM ---- */

static void device(Model *model, unsigned i)
{
	ModelCpu *cpu = &model->cpus[i];
	struct kvm_run *run = toy_run(model->vm, i);

	if (is_io(model, cpu->next))
		check_break(model, i);
	host_yield(HOST_DEVICE);
	if (run->exit_reason == KVM_EXIT_IO)
		run->io.data_offset = 0x42;
	cpu->accesses++;
	if (cpu->accesses > cpu->ios + is_io(model, cpu->next))
		model_break_rule(model, "CPU %u: its device is asked %u times by %u instructions",
				 i, cpu->accesses, cpu->ios);
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != 0x50)
		return;
	model->panic_owed = model_is_running(model);
	kvm_gdb_notify(model->gdb, cpu->vcpu, KVM_GDB_PANIC);
}

/* FALSE: the thread is to end. */
static bool handle_exit(Model *model, unsigned i, int ret)
{
	struct kvm_run *run = toy_run(model->vm, i);

	if (ret < 0 && !model->scenario->like_kvmtool) {
		run->immediate_exit = 0;
		if (run->exit_reason == KVM_EXIT_DEBUG)
			model_break_rule(model, "CPU %u: EINTR shows the debugger's exit", i);
		return true;
	}
	if (ret < 0 && run->exit_reason != KVM_EXIT_INTR)
		model_break_rule(model, "CPU %u: EINTR with the exit reason %u", i,
				 run->exit_reason);
	switch (run->exit_reason) {
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
		device(model, i);
		return true;
	default:
		model_break_rule(model, "CPU %u: the VMM gets the exit %u", i, run->exit_reason);
		return false;
	}
}

/* EIO: the debug control could not be applied, and no client is there to be told. */
static void note_error(Model *model, unsigned i, int error)
{
	if (error == EFAULT && model->failed_runs)
		model->failed_runs--;
	else if (error != EIO || !model->scenario->failures)
		model_break_rule(model, "CPU %u: the VMM gets the error %d", i, error);
}

static void vmm_thread(unsigned i)
{
	Model *model = the_model;

	for (;;) {
		int ret = kvm_gdb_run(model->cpus[i].vcpu);
		int error = ret < 0 ? errno : 0;

		if (error && error != EINTR)
			note_error(model, i, error);
		else if (!handle_exit(model, i, ret))
			return;
	}
}

static void on_poweroff(void *opaque)
{
	((Model *)opaque)->killed = true;
}

static void on_log(void *opaque G_GNUC_UNUSED, const char *line G_GNUC_UNUSED)
{
}

/* ---- Making it ---- */

static void add_cpu(Model *model, unsigned i)
{
	const char *code = model->scenario->code[i];
	ModelCpu *cpu = &model->cpus[i];
	uint64_t at = *code ? i * MODEL_STRIDE : 0;

	for (unsigned n = 0; code[2 * n]; n++)
		model->code[at + n] = g_ascii_xdigit_value(code[2 * n]) << 4 |
				      g_ascii_xdigit_value(code[2 * n + 1]);
	toy_set_pc(model->vm, i, MODEL_CODE + at);
	cpu->next = MODEL_CODE + at;
	cpu->action = GDB_ACTION_CONTINUE;
	cpu->vcpu =
		kvm_gdb_add_vcpu(model->gdb, i, toy_fd(model->vm, i), toy_run(model->vm, i), NULL);
	g_assert_nonnull(cpu->vcpu);
	host_set_vcpu(i, cpu->vcpu);
}

Model *model_new(const ModelScenario *scenario)
{
	static const KvmGdbOps ops = {.poweroff = on_poweroff, .log = on_log};
	static ToyWatcher watcher = {.before = on_before, .executed = on_executed};
	Model *model = g_new0(Model, 1);

	the_model = model;
	watcher.opaque = model;
	model->scenario = scenario;
	model->signals = scenario->signals;
	model->failures = scenario->failures;
	host_forget();
	toy_set_like_arm(scenario->like_arm);
	toy_set_rf(!scenario->no_rf);
	model->vm = toy_new(scenario->n);
	model->gdb = kvm_gdb_new(-1, -1, NULL, &ops, model, NULL);
	g_assert_nonnull(model->gdb);
	kvm_gdb_set_clock(model->gdb, KVM_GDB_CLOCK_RUN);
	host_begin(model->gdb, scenario->n, vmm_thread);
	kvm_gdb_map(model->gdb, 0, TOY_RAM, toy_ram(model->vm), 0);
	for (unsigned i = 0; i < scenario->n; i++)
		add_cpu(model, i);
	memcpy(toy_ram(model->vm) + MODEL_CODE, model->code, sizeof(model->code));
	model->gdb->regs = arch_reg_set(model->cpus[0].vcpu->arch, NULL, NULL);
	model->gdb->server = (GdbServer *)model; /* whose one function is below */
	model->gdb->ops_table.non_stop = model_non_stop_ops();
	toy_set_watcher(model->vm, &watcher);
	model->says = G_MAXUINT;
	if (scenario->setup) {
		model_connect(model);
		model_tell(model);
		model_say(model, scenario->setup);
	}
	if (scenario->reset)
		kvm_gdb_notify(model->gdb, NULL, KVM_GDB_RESET);
	model->says = scenario->says;
	return model;
}

void model_free(Model *model)
{
	toy_set_watcher(model->vm, NULL);
	gdb_session_free(model->session);
	model->gdb->server = NULL;
	kvm_gdb_free(model->gdb);
	toy_free(model->vm);
	g_free(model->waiting);
	g_free(model->fault);
	g_free(model);
}

/* ---- Choices ---- */

static void add_cpu_choices(const Model *model, unsigned i, uint64_t *ret)
{
	HostPlace place = host_place(i);

	if (host_can_step(i))
		*ret |= 1ull << (MODEL_STEP + i);
	if (host_kick_is_coming(i))
		*ret |= 1ull << (MODEL_KICK + i);
	if (model->signals && place != HOST_NEW && place != HOST_ENDED)
		*ret |= 1ull << (MODEL_SIGNAL + i);
	if (model->failures && place != HOST_ENDED)
		*ret |= 1ull << (MODEL_FAIL_RUN + i) | 1ull << (MODEL_FAIL_CONTROL + i);
}

/* Nobody waits for the engine's lock for as long as this. */
#define LOCK_MAX_US 10000

static bool can_pass_time(const Model *model)
{
	gint64 next = host_next_time();

	for (unsigned i = 0; i < model->scenario->n && next; i++) {
		if (host_place(i) == HOST_LOCK && next - host_now() > LOCK_MAX_US)
			return false;
	}
	return next;
}

uint64_t model_choices(const Model *model)
{
	uint64_t choices = 0;

	for (unsigned i = 0; i < model->scenario->n; i++)
		add_cpu_choices(model, i, &choices);
	if (model->n_stops && model->session)
		choices |= 1ull << MODEL_TELL;
	if (can_pass_time(model))
		choices |= 1ull << MODEL_TIME;
	for (unsigned i = 0; i < MODEL_ACTIONS && model->says; i++) {
		if (model->scenario->actions[i] && !model->killed &&
		    model_may_say(model, model->scenario->actions[i]))
			choices |= 1ull << (MODEL_SAY + i);
	}
	return choices;
}

static bool is_over(GdbAlarm *alarm)
{
	gint64 time = gdb_alarm_get(alarm);
	bool over = time >= 0 && time <= host_now();

	if (over)
		gdb_alarm_set(alarm, GDB_ALARM_NEVER);
	return over;
}

static void pass_time(Model *model)
{
	KvmGdb *gdb = model->gdb;

	host_pass_time(host_next_time());
	engine_lock(gdb);
	if (is_over(gdb->grace.alarm))
		halt_grace_over(gdb);
	if (is_over(gdb->limit))
		through_limit(gdb);
	engine_unlock(gdb);
}

/* It can be finished, and its result is not to appear in registers that the client has read. */
static void check_stop(Model *model, bool stood)
{
	KvmGdb *gdb = model->gdb;

	if (stood || gdb->world != WORLD_STOPPED || gdb->grace.over)
		return;
	for (unsigned i = 0; i < model->scenario->n; i++) {
		if (exits_io_open(model->cpus[i].vcpu))
			model_break_rule(model, "CPU %u stands with an I/O instruction half done",
					 i);
	}
}

static void choose(Model *model, unsigned choice)
{
	if (choice >= MODEL_SAY) {
		model->says--;
		model_say(model, model->scenario->actions[choice - MODEL_SAY]);
	} else if (choice == MODEL_TIME) {
		pass_time(model);
	} else if (choice == MODEL_TELL) {
		model_tell(model);
	} else if (choice >= MODEL_KICK) {
		host_kick_arrives(choice - MODEL_KICK);
	} else if (choice >= MODEL_FAIL_CONTROL) {
		model->failures--;
		toy_fail_control(model->vm, choice - MODEL_FAIL_CONTROL, EINVAL);
	} else if (choice >= MODEL_FAIL_RUN) {
		model->failures--;
		model->failed_runs++;
		toy_fail_run(model->vm, choice - MODEL_FAIL_RUN, EFAULT);
	} else if (choice >= MODEL_SIGNAL) {
		model->signals--;
		host_signal(choice - MODEL_SIGNAL, !model->scenario->like_kvmtool);
	} else {
		host_step(choice);
	}
}

void model_choose(Model *model, unsigned choice)
{
	bool stood = model->gdb->world == WORLD_STOPPED;

	choose(model, choice);
	check_stop(model, stood);
}

const char *model_choice_name(const ModelScenario *scenario, unsigned choice)
{
	static const char *const kinds[] = {"cpu", "signal", "fail-run", "fail-control", "kick"};
	static char name[32];

	if (choice >= MODEL_SAY)
		return scenario->actions[choice - MODEL_SAY];
	if (choice >= MODEL_TELL)
		return choice == MODEL_TELL ? "tell" : "time";
	g_snprintf(name, sizeof(name), "%s%u", kinds[choice / HOST_CPUS], choice % HOST_CPUS);
	return name;
}

/* ---- To the end ---- */

/* One round of everybody. @devices: they answer. FALSE: nobody could do anything. */
static bool round_of_all(Model *model, bool devices)
{
	bool any = false;

	for (unsigned i = 0; i < model->scenario->n; i++) {
		if (host_kick_is_coming(i))
			host_kick_arrives(i);
	}
	for (unsigned i = 0; i < model->scenario->n && !model_fault(model); i++) {
		if (!host_can_step(i) || (host_place(i) == HOST_DEVICE && !devices))
			continue;
		host_step(i);
		any = true;
	}
	if (model->n_stops && model->session) {
		model_tell(model);
		any = true;
	}
	if (!any && host_next_time()) {
		pass_time(model);
		any = true;
	}
	return any;
}

#define ROUNDS 120

/* Each CPU that the client lets run does, unless a stop comes. */
static void check_running(Model *model)
{
	unsigned before[HOST_CPUS] = {0};

	g_assert(model->scenario->n <= HOST_CPUS);
	for (unsigned i = 0; i < model->scenario->n; i++)
		before[i] = model->cpus[i].executed;
	for (unsigned n = 0; n < ROUNDS && model_is_running(model); n++)
		round_of_all(model, true);
	for (unsigned i = 0; i < model->scenario->n && model_is_running(model); i++) {
		if (model->cpus[i].action != GDB_ACTION_HOLD &&
		    model->cpus[i].executed == before[i])
			model_break_rule(model, "CPU %u does not run, and no stop is told", i);
	}
}

static void wait_for_stop(Model *model)
{
	for (unsigned n = 0;
	     n < ROUNDS && (!model_is_stopped(model) || model->waiting) && !model_fault(model); n++)
		round_of_all(model, false);
	if (!model_is_stopped(model))
		model_break_rule(model, "the stop is lost");
}

/* What it has asked for before comes first. */
static void check_stop_of_each(Model *model)
{
	if (model->all_owed)
		model_break_rule(model, "somebody has stopped the machine, and it runs on");
	for (unsigned n = 0; n < ROUNDS && !model_may_say(model, "vCont;t") && !model_fault(model);
	     n++)
		round_of_all(model, false);
	if (!model_may_say(model, "vCont;t"))
		model_break_rule(model, "no moment comes");
	else
		model_say(model, "vCont;t");
	if (!model_fault(model))
		wait_for_stop(model);
}

/* A client that goes on by itself at every other stop hears of its Ctrl-C all the same. */
static void check_interrupt(Model *model)
{
	if (model->non_stop) {
		check_stop_of_each(model);
		return;
	}
	if (model_is_running(model))
		model_say(model, "^C");
	wait_for_stop(model);
	for (unsigned n = 0;
	     n < 12 && (model->interrupt_owed || model->panic_owed) && !model_fault(model); n++) {
		model_say(model, "vCont;c");
		wait_for_stop(model);
	}
	if (model->interrupt_owed)
		model_break_rule(model, "Ctrl-C is lost");
	if (model->panic_owed)
		model_break_rule(model, "the panic is not told");
}

/* Where the engine keeps a vCPU, a signal of the VMM gets its thread back all the same. */
static void check_signals(Model *model)
{
	for (unsigned n = 0; n < ROUNDS / 8; n++)
		round_of_all(model, false);
	for (unsigned i = 0; i < model->scenario->n; i++) {
		if (host_place(i) != HOST_DEVICE && toy_run(model->vm, i)->immediate_exit == 1)
			model_break_rule(model, "CPU %u: the VMM does not get its thread back", i);
	}
}

static void check_registers(Model *model, bool seen_by_client)
{
	for (unsigned i = 0; i < model->scenario->n; i++) {
		ArchVcpu *arch = model->cpus[i].vcpu->arch;
		const GdbReg reg = {"r3", 3, 64, "int64", NULL, 0, 3};
		uint64_t value = toy_reg(model->vm, i, 3);

		/* The client is told that these are busy. */
		if (seen_by_client &&
		    (host_place(i) == HOST_DEVICE || model->cpus[i].vcpu->state == VCPU_RUNNING))
			continue;
		if (seen_by_client)
			arch_read_reg(arch, &reg, (uint8_t *)&value, NULL);
		if (value != model->cpus[i].r3)
			model_break_rule(model, "CPU %u: r3 is 0x%" PRIx64 ", not 0x%" PRIx64 "%s",
					 i, value, model->cpus[i].r3,
					 seen_by_client ? " for the client" : "");
	}
}

static bool all_ran(const Model *model, const unsigned *from)
{
	for (unsigned i = 0; i < model->scenario->n; i++) {
		if (model->cpus[i].executed < from[i] + 4)
			return false;
	}
	return model->gdb->world == WORLD_FREE;
}

static void check_free(Model *model)
{
	unsigned from[HOST_CPUS] = {0};

	g_assert(model->scenario->n <= HOST_CPUS);
	for (unsigned i = 0; i < model->scenario->n; i++)
		from[i] = model->cpus[i].executed;
	for (unsigned n = 0; n < ROUNDS && !all_ran(model, from) && !model_fault(model); n++)
		round_of_all(model, true);
	if (!all_ran(model, from))
		model_break_rule(model, "the client is gone, and not all CPUs run");
	if (memcmp(toy_ram(model->vm) + MODEL_CODE, model->code, sizeof(model->code)) != 0)
		model_break_rule(model, "the client is gone, and a patch is left in memory");
	check_registers(model, false);
	if (model->failed_runs)
		model_break_rule(model, "the VMM does not hear of the error of a KVM_RUN");
	for (unsigned i = 0; i < model->scenario->n; i++) {
		if (toy_guest_traps(model->vm, i))
			model_break_rule(model, "CPU %u: the guest got a trap", i);
		if (toy_control(model->vm, i))
			model_break_rule(model, "CPU %u: debug control is left", i);
	}
}

/* A client that leaves, or kills the machine, waits for a moment in which none runs. */
static void wait_for_moment(Model *model)
{
	for (unsigned n = 0; n < ROUNDS && model->waiting && !model_fault(model); n++)
		round_of_all(model, true);
	if (model->waiting)
		model_break_rule(model, "no moment comes for %s", model->waiting);
}

void model_finish(Model *model)
{
	wait_for_moment(model);
	if (model->killed) {
		for (unsigned n = 0; n < ROUNDS && !model_fault(model); n++)
			round_of_all(model, true);
		return;
	}
	if (model->session && !model_fault(model)) {
		check_running(model);
		check_interrupt(model);
		check_signals(model);
		check_registers(model, true);
	}
	if (model->session)
		model_hang_up(model);
	if (!model_fault(model))
		check_free(model);
}
