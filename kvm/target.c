/*
 * kvm/target.c - the engine as a GdbTarget: what the protocol library may ask of it.
 *
 * Each operation takes the engine's lock; vCPU ioctls happen here for vCPUs that are parked or
 * outside, which KVM allows once KVM_RUN has returned.
 */
#include <inttypes.h>

#include "gdbstub/text.h"
#include "kvm/internal.h"
#include "kvm/kaslr.h"
#include "kvm/linux-modules.h"
#include "kvm/linux.h"
#include "kvm/monitor.h"
#include "kvm/operate.h"
#include "kvm/process.h"
#include "kvm/states.h"
#include "kvm/task-threads.h"
#include "kvm/task.h"

KvmGdbVcpu *target_vcpu(KvmGdb *gdb, unsigned cpu, GError **error)
{
	KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, cpu);

	if (!vcpu) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "there is no CPU %u, only %u", cpu,
			    gdb->vcpus->len);
		return NULL;
	}
	if (!kvm_vcpu_present(gdb, cpu)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "CPU %u was unplugged", cpu);
		return NULL;
	}
	if (gdb->world != WORLD_STOPPED) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "CPU %u is running", cpu);
		return NULL;
	}
	return vcpu;
}

/* The same, if its registers can be looked at: in non-stop mode while others run. */
static KvmGdbVcpu *standing_vcpu(KvmGdb *gdb, unsigned cpu, GError **error)
{
	KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, cpu);

	return vcpu && non_stop_stands(vcpu) ? vcpu : target_vcpu(gdb, cpu, error);
}

static const char in_device[] = "in a device of the VMM, in the middle of an instruction";
static const char in_handler[] = "kept by the VMM in a signal handler";

/* It may have come back already, and wait for the lock: to finish the instruction. */
static bool is_in_instruction(const KvmGdbVcpu *vcpu)
{
	return halt_in_device(vcpu) || (halt_in_guest(vcpu) && exits_io_open(vcpu));
}

/* Why its registers cannot be written now, though they can be read; NULL: they can. */
static const char *why_busy(const KvmGdbVcpu *vcpu)
{
	if (halt_in_handler(vcpu))
		return in_handler;
	return is_in_instruction(vcpu) ? in_device : NULL;
}

static unsigned cpu_count(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	gdb->known_cpus = gdb->vcpus->len;
	return gdb->known_cpus;
}

static unsigned cpu_generation(void *target, unsigned cpu)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	const KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, cpu);

	return vcpu ? vcpu->generation : 0;
}

static bool cpu_present(void *target, unsigned cpu)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return kvm_vcpu_present(gdb, cpu) != NULL;
}

static const GdbRegSet *registers(void *target)
{
	KvmGdb *gdb = target;

	return gdb->regs;
}

const char *target_run_state(KvmGdbVcpu *vcpu)
{
	const KvmGdb *gdb = vcpu->gdb;

	if (gdb->world != WORLD_STOPPED || vcpu->run_state.told_in != gdb->n_standstills ||
	    !vcpu->run_state.name)
		vcpu->run_state.name = arch_run_state(vcpu->arch);
	vcpu->run_state.told_in = gdb->n_standstills;
	return vcpu->run_state.name;
}

static void describe_cpu(void *target, GdbPlace place, GString *text)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	KvmGdbVcpu *vcpu = standing_vcpu(gdb, place.cpu, NULL);

	if (place.task) {
		task_threads_describe(gdb, place.task, text);
		return;
	}
	g_string_append(text, "CPU#");
	gdb_decimal_append(text, place.cpu);
	g_string_append(text, " [");
	g_string_append(text, vcpu ? target_run_state(vcpu) : "running");
	g_string_append_c(text, ']');
	if (vcpu && why_busy(vcpu))
		g_string_append_printf(text, " %s", why_busy(vcpu));
	if (vcpu && arch_in_nested_guest(vcpu->arch))
		g_string_append(text, " in a guest of this guest");
	else if (vcpu)
		task_append_name(vcpu, text);
}

static unsigned read_registers(void *target, GdbPlace place, const GdbReg *const *regs, unsigned n,
			       uint8_t *buf, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	KvmGdbVcpu *vcpu = standing_vcpu(gdb, place.cpu, error);
	unsigned done;

	for (done = 0; vcpu && done < n; done++) {
		bool is_there =
			place.task ? task_threads_read(vcpu, place.task, regs[done], buf, error)
				   : arch_read_reg(vcpu->arch, regs[done], buf, error);

		if (!is_there)
			break;
		buf += gdb_reg_bytes(regs[done]);
	}
	return done;
}

/* pc was written, which was @from: also `jump` to there, as what is there is to be hit. */
static void begin_anew(KvmGdbVcpu *vcpu, uint64_t from)
{
	uint64_t pc;

	leaving_meet_again(vcpu);
	/* It is of an instruction that is not executed any more. */
	if (vcpu->exit == EXIT_GUEST_TRAP && arch_get_pc(vcpu->arch, &pc, NULL) && pc != from)
		set_exit(vcpu, EXIT_FINISHED);
}

static bool write_register(void *target, GdbPlace place, const GdbReg *reg, const uint8_t *buf,
			   GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	KvmGdbVcpu *vcpu = standing_vcpu(gdb, place.cpu, error);
	uint64_t from;

	if (!vcpu)
		return false;
	if (place.task)
		return task_threads_write(place.task, error);
	if (why_busy(vcpu)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "CPU %u is %s", place.cpu,
			    why_busy(vcpu));
		return false;
	}
	if (!arch_get_pc(vcpu->arch, &from, error) || !arch_write_reg(vcpu->arch, reg, buf, error))
		return false;
	vcpu->applied.stale = true;
	if (reg == gdb_reg_set_pc(gdb->regs))
		begin_anew(vcpu, from);
	return true;
}

/* ---- Memory ---- */

static bool find_cpu_space(KvmGdb *gdb, GdbPlace place, Space *ret, GError **error)
{
	KvmGdbVcpu *vcpu = target_vcpu(gdb, place.cpu, error);

	if (vcpu)
		*ret = space_of(vcpu);
	return vcpu != NULL;
}

bool target_space(KvmGdb *gdb, GdbPlace place, uint64_t addr, Space *ret, GError **error)
{
	return find_cpu_space(gdb, place, ret, error) &&
	       process_choose(ret, place.task, addr, error);
}

static size_t read_memory(void *target, GdbPlace place, uint64_t addr, uint8_t *buf, size_t len,
			  GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	Space space;

	return target_space(gdb, place, addr, &space, error)
		       ? virtual_read(&space, addr, buf, len, error)
		       : 0;
}

static bool write_memory(void *target, GdbPlace place, uint64_t addr, const uint8_t *buf,
			 size_t len, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	Space space;

	return target_space(gdb, place, addr, &space, error) &&
	       virtual_write(&space, addr, buf, len, error);
}

bool target_check_stopped(KvmGdb *gdb, GError **error)
{
	if (gdb->world == WORLD_STOPPED)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY, "the machine is running");
	return false;
}

static size_t read_physical(void *target, uint64_t addr, uint8_t *buf, size_t len, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return physical_read(gdb, addr, buf, len, error);
}

static bool write_physical(void *target, uint64_t addr, const uint8_t *buf, size_t len,
			   GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return target_check_stopped(gdb, error) && physical_write(gdb, addr, buf, len, error);
}

static bool memory_region(void *target, GdbPlace place, uint64_t addr, GdbRegion *ret,
			  GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	Space space;

	return target_space(gdb, place, addr, &space, error) &&
	       translate_region(&space, addr, ret, error);
}

/* ---- Run control ---- */

static bool can_block_irq(void *target)
{
	return ((KvmGdb *)target)->features.block_irq;
}

static void block_irq(void *target, bool block)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	gdb->block_irq = block;
}

static void attach(void *target)
{
	KvmGdb *gdb = target;
	GdbStop paused = {.cpu = 0, .kind = GDB_STOP_PAUSED};
	LOCKED(gdb);

	gdb->attached = true;
	non_stop_end(gdb);
	gdb->operators.stops = false;
	gdb->block_irq = gdb->features.block_irq;
	gdb->stop_cpu = 0;
	gdb->shows_tasks = gdb->shows_tasks_first;
	process_choose_none(gdb);
	linux_expect_none(gdb);
	task_forget(gdb);
	process_forget(gdb);
	if (gdb->world == WORLD_STOPPED)
		engine_post_stop(gdb, &paused);
	else
		halt_stop_for_client(gdb);
}

static void stop(void *target, unsigned cpu)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	/* It may have been unplugged since it was looked at. */
	if (gdb->world == WORLD_RUNNING)
		gdb->stop_cpu = kvm_vcpu_present(gdb, cpu) ? cpu : 0;
	halt_stop_for_client(gdb);
}

/* Is one of those that shall run still there? Else nothing would bring the stop. */
static bool any_present(KvmGdb *gdb, const GdbAction *actions)
{
	for (unsigned i = 0; i < gdb->known_cpus; i++) {
		if (actions[i].kind != GDB_ACTION_HOLD && kvm_vcpu_present(gdb, i))
			return true;
	}
	return false;
}

/* No breakpoint is left, and the client does not step off one to set it again behind it. */
static void sweep_if_idle(KvmGdb *gdb, const GdbAction *actions)
{
	for (unsigned i = 0; i < gdb->known_cpus; i++) {
		if (actions[i].kind != GDB_ACTION_CONTINUE)
			return;
	}
	if (!kvm_breaks_any_in_memory(gdb->breaks))
		engine_sweep(gdb);
}

/* A step of a CPU that is off would end when another one has started it, if ever. */
bool target_can_step(KvmGdb *gdb, const GdbAction *actions, GError **error)
{
	for (unsigned i = 0; i < gdb->known_cpus; i++) {
		bool steps = gdb_action_steps(actions[i].kind);
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, i);

		if (!steps || !vcpu || !arch_is_off(vcpu->arch))
			continue;
		g_set_error(error, GDB_ERROR, GDB_ERROR_BUSY,
			    "CPU %u is off and cannot be stepped: the guest has not started it; "
			    "use continue, or another thread",
			    i);
		return false;
	}
	return true;
}

static bool resume(void *target, const GdbAction *actions, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	if (!target_check_stopped(gdb, error))
		return false;
	if (!any_present(gdb, actions)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
			    "no CPU would run: the one to run was unplugged");
		return false;
	}
	if (!target_can_step(gdb, actions, error))
		return false;
	sweep_if_idle(gdb, actions);
	process_resuming(gdb);
	halt_resume(gdb, actions);
	return true;
}

static void detach(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	gdb->attached = false;
	non_stop_end(gdb);
	if (gdb->world == WORLD_STOPPED) {
		halt_free_unless_wanted(gdb);
	} else if (gdb->world != WORLD_FREE) {
		gdb->frees_when_stopped = true;
		halt_stop_for_client(gdb);
	}
}

/* The machine ends as it stands: the guest does not run on until the VMM has heard of it. */
static void kill_machine(void *target)
{
	KvmGdb *gdb = target;

	if (!gdb->ops || !gdb->ops->poweroff) {
		detach(target);
		return;
	}
	LOCKED(gdb);
	gdb->attached = false;
	non_stop_end(gdb);
	operate_kill(gdb);
}

bool target_lacks(const char *what, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_UNSUPPORTED,
		    "this virtual machine monitor does not support %s", what);
	return false;
}

bool target_reset(void *target, GError **error)
{
	KvmGdb *gdb = target;
	bool done;

	if (gdb->ops && gdb->ops->reset) {
		gdb->resetting = true;
		done = gdb->ops->reset(gdb->opaque, error);
		gdb->resetting = false;
		return done;
	}
	return target_lacks("a reset", error);
}

/* ---- Breakpoints ---- */

static bool insert_any(const Space *space, const GdbBreak *bp, GError **error)
{
	KvmBreaks *breaks = space->vcpu->gdb->breaks;
	const KvmFinder finder = translate_finder(space);

	if (bp->type == GDB_BREAK_SW)
		return kvm_breaks_insert_sw(breaks, bp->addr, bp->kind, &finder, error);
	if (bp->type == GDB_BREAK_PHYSICAL)
		return kvm_breaks_insert_physical(breaks, bp->addr, bp->kind, error);
	return kvm_breaks_insert_hw(breaks, bp, &finder, error);
}

static void log_break(KvmGdb *gdb, const char *what, const GdbBreak *bp)
{
	static const char *const types[] = {
		[GDB_BREAK_SW] = "break",      [GDB_BREAK_HW] = "hbreak",
		[GDB_WATCH_WRITE] = "watch",   [GDB_WATCH_READ] = "rwatch",
		[GDB_WATCH_ACCESS] = "awatch", [GDB_BREAK_PHYSICAL] = "physical break",
	};

	gdb_log_line(gdb->log, "%s at 0x%" PRIx64 " %s", types[bp->type], bp->addr, what);
}

static const char *inserted_where(KvmGdb *gdb, const GdbBreak *bp)
{
	if (bp->type != GDB_BREAK_SW)
		return "inserted";
	return kvm_breaks_in_memory(gdb->breaks, bp->addr) ? "inserted in memory"
							   : "inserted in a hardware slot";
}

/* A physical address is in no process: it is the same while the chosen one does not exist. */
static bool find_break_space(KvmGdb *gdb, GdbPlace place, const GdbBreak *bp, Space *ret,
			     GError **error)
{
	if (bp->type == GDB_BREAK_PHYSICAL)
		return find_cpu_space(gdb, place, ret, error);
	if (!place.task)
		place.task = gdb->break_process.number;
	return target_space(gdb, place, bp->addr, ret, error);
}

static bool insert_code(void *target, GdbPlace place, const GdbBreak *bp, GdbBreakCode *code,
			GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);
	Space space;

	if (!find_break_space(gdb, place, bp, &space, error) ||
	    (code && !kvm_conditions_fit(gdb->conditions, bp, code, error)))
		return false;
	if (!insert_any(&space, bp, error)) {
		log_break(gdb, "not inserted", bp);
		return false;
	}
	kvm_conditions_set(gdb->conditions, bp, code);
	log_break(gdb, inserted_where(gdb, bp), bp);
	return true;
}

static bool insert_break(void *target, GdbPlace place, const GdbBreak *bp, GError **error)
{
	return insert_code(target, place, bp, NULL, error);
}

static bool remove_break(void *target, GdbPlace place, const GdbBreak *bp, GError **error)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	(void)place;
	if (!target_check_stopped(gdb, error))
		return false;
	kvm_breaks_remove(gdb->breaks, bp);
	kvm_conditions_set(gdb->conditions, bp, NULL);
	log_break(gdb, "removed", bp);
	if (bp->type == GDB_BREAK_SW || bp->type == GDB_BREAK_HW)
		leaving_removed(gdb, bp->addr);
	return true;
}

/* What a CPU was told that it stands at counts no more. */
static void clear_breaks(void *target)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	halt_clear_breaks(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_at(gdb, i);

		if (vcpu->leaving.reported)
			leaving_meet_again(vcpu);
	}
	gdb_log_line(gdb->log, "all breakpoints removed");
}

static bool has_break(void *target, const GdbBreak *bp)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	return kvm_breaks_has(gdb->breaks, bp);
}

static unsigned watch_slots(void *target)
{
	const ArchFeatures *have = &((KvmGdb *)target)->features;

	return have->watch ? have->n_watches : 0;
}

/* ---- Monitor ---- */

const GdbMonitorCommand target_monitor_commands[] = {
	{"kaslr", NULL, "where KASLR has put the kernel, and what to tell gdb", kaslr_monitor,
	 GDB_MONITOR_STOPPED},
	{0},
};

static const GdbCpuOps cpu_ops = {
	.count = cpu_count,
	.present = cpu_present,
	.generation = cpu_generation,
	.describe = describe_cpu,
};

static const GdbRegisterOps register_ops = {
	.set = registers,
	.read = read_registers,
	.write = write_register,
};

static const GdbMemoryOps memory_ops = {
	.read = read_memory,
	.write = write_memory,
	.region = memory_region,
};

static const GdbPhysicalOps physical_ops = {
	.read = read_physical,
	.write = write_physical,
	.has_break = has_break,
};

static const GdbRunOps run_ops = {
	.attach = attach,
	.stop = stop,
	.resume = resume,
	.detach = detach,
	.kill = kill_machine,
	.reset = target_reset,
};

static const GdbBreakOps break_ops = {
	.insert = insert_break,
	.insert_code = insert_code,
	.remove = remove_break,
	.clear = clear_breaks,
	.watch_slots = watch_slots,
};

static const GdbQuietOps quiet_ops = {
	.can_block = can_block_irq,
	.block = block_irq,
};

static const GdbProgramOps program_ops = {
	.exec_file = kaslr_exec_file,
	.load_offset = kaslr_load_offset,
};

static const GdbFileOps file_ops = {
	.prepare = linux_file_prepare,
	.program = linux_file_program,
	.open = linux_file_open,
	.generation = linux_file_generation,
	.expect = linux_file_expect,
};

static const GdbLibraryOps library_ops = {
	.offers = modules_offers,
	.list = modules_list,
};

static const GdbOsOps os_ops = {
	.prepare = linux_prepare,
	.tables = linux_os_tables,
	.vmcoreinfo = linux_vmcoreinfo,
};

static const GdbSymbolOps symbol_ops = {
	.wanted = task_symbols_wanted,
	.resolved = task_symbol_resolved,
};

static const GdbMonitorWorkOps monitor_work_ops = {
	.take = monitor_save_take,
	.more = monitor_save_more,
	.free = monitor_save_free,
};

const GdbTargetOps kvm_target_ops = {
	.cpus = &cpu_ops,
	.registers = &register_ops,
	.memory = &memory_ops,
	.run = &run_ops,
	.non_stop = &non_stop_ops,
	.physical = &physical_ops,
	.breaks = &break_ops,
	.quiet = &quiet_ops,
	.program = &program_ops,
	.files = &file_ops,
	.libraries = &library_ops,
	.os = &os_ops,
	.tasks = &task_threads_ops,
	.symbols = &symbol_ops,
	.monitor_work = &monitor_work_ops,
};
