/*
 * kvm/monitor-info.c - `info ...`: registers, CPUs, what this KVM can do.
 */
#include <string.h>

#include "kvm/internal.h"
#include "kvm/monitor.h"

static bool show_one(void *target, unsigned cpu, GString *out, GError **error)
{
	ArchMonitor monitor;
	bool ok;

	if (!monitor_enter(target, cpu, &monitor, error))
		return false;
	g_string_append_c(out, '\n');
	ok = arch_show_registers(monitor.vcpu, cpu, out, error);
	monitor_leave(target);
	return ok;
}

/* One CPU that cannot be looked at does not hide the others. */
static void show_all(void *target, GString *out)
{
	unsigned n = kvm_target_ops.cpus->count(target);

	for (unsigned cpu = 0; cpu < n; cpu++) {
		g_autoptr(GError) error = NULL;

		if (!kvm_target_ops.cpus->present(target, cpu))
			continue;
		if (!show_one(target, cpu, out, &error))
			g_string_append_printf(out, "\nCPU#%u\n%s\n", cpu, error->message);
	}
}

static bool info_registers(void *target, GdbPlace place, const char *args, GString *out,
			   GError **error)
{
	uint64_t chosen = place.cpu;

	if (g_str_equal(args, "-a")) {
		show_all(target, out);
		return true;
	}
	if (*args && (!monitor_take_number(target, place, &args, "a CPU", &chosen, error) ||
		      !monitor_take_end(args, error)))
		return false;
	return show_one(target, MIN(chosen, UINT_MAX), out, error);
}

/* In non-stop mode, where it is not the same for all. */
static const char *who_stands(const KvmGdbVcpu *vcpu)
{
	if (vcpu->gdb->mode == MODE_ALL_STOP)
		return "";
	return vcpu->action.kind == GDB_ACTION_HOLD ? " stands" : " runs";
}

static bool info_cpus(void *target, GdbPlace place, const char *args G_GNUC_UNUSED, GString *out,
		      GError **error G_GNUC_UNUSED)
{
	KvmGdb *gdb = target;

	engine_lock(gdb);
	for (unsigned i = 0; i < gdb->vcpus->len; i++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, i);

		if (vcpu)
			g_string_append_printf(
				out, "%c CPU #%u: thread_id=%d%s\n", i == place.cpu ? '*' : ' ', i,
				__atomic_load_n(&vcpu->tid, __ATOMIC_SEQ_CST), who_stands(vcpu));
	}
	engine_unlock(gdb);
	return true;
}

static bool info_status(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
			GString *out, GError **error G_GNUC_UNUSED)
{
	KvmGdb *gdb = target;
	LOCKED(gdb);

	g_string_append_printf(out, "VM status: %s\n",
			       gdb->world != WORLD_STOPPED || non_stop_is_unseen(gdb) ? "running"
			       : gdb->attached ? "paused (debug)"
					       : "paused");
	return true;
}

/* As QEMU: nothing where the user gave none. */
static bool info_name(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
		      GString *out, GError **error G_GNUC_UNUSED)
{
	const KvmGdb *gdb = target;

	if (gdb->name)
		g_string_append_printf(out, "%s\n", gdb->name);
	return true;
}

static bool info_kvm(void *target, GdbPlace place G_GNUC_UNUSED, const char *args G_GNUC_UNUSED,
		     GString *out, GError **error G_GNUC_UNUSED)
{
	const ArchFeatures *have = &((KvmGdb *)target)->features;
	const struct {
		bool present;
		const char *name;
	} rows[] = {
		{have->step, "single step"},
		{have->sw_break, "software breakpoints"},
		{have->hw_break, "hardware breakpoints"},
		{have->watch, "watchpoints"},
		{have->block_irq, "steps without interrupts"},
	};

	g_string_append(out, "kvm support: enabled\n");
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		g_string_append_printf(out, "%s: %s\n", rows[i].name,
				       rows[i].present ? "yes" : "not on this machine");
	return true;
}

const GdbMonitorCommand monitor_info_commands[] = {
	{"info registers", "[-a] [CPU]", "show the registers of one CPU or of all", info_registers,
	 GDB_MONITOR_STOPPED},
	{"info cpus", NULL, "list the CPUs with the host's thread of each", info_cpus,
	 GDB_MONITOR_ALWAYS},
	{"info status", NULL, "say whether the machine runs", info_status, GDB_MONITOR_ALWAYS},
	{"info name", NULL, "show the name that the user gave the machine", info_name,
	 GDB_MONITOR_ALWAYS},
	{"info kvm", NULL, "what this machine's KVM can do for a debugger", info_kvm,
	 GDB_MONITOR_ALWAYS},
	{0},
};
