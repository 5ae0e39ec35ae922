/*
 * kvm/monitor.h - what the files of the monitor (`monitor CMD` in gdb) share, arch half included.
 *
 * The texts are QEMU's wherever a script or plug-in parses them. A command runs on the engine's
 * thread while the world is stopped; its target is the KvmGdb. It takes the engine's lock itself.
 */
#ifndef VMGDB_KVM_MONITOR_H
#define VMGDB_KVM_MONITOR_H

#include "guest/vmcore.h"
#include "kvm/arch.h"
#include "kvm/memory.h"

/* What a command of an architecture works with, from enter to leave. */
typedef struct ArchMonitor {
	ArchVcpu *vcpu;
	unsigned index;
	int vm_fd, vcpu_fd;
	ArchPhysRead read; /* guest-physical memory, patches hidden */
	void *opaque;
} ArchMonitor;

/* The commands that only this architecture has; ends with a NULL name. */
extern const GdbMonitorCommand arch_monitor_commands[];

/*
 * monitor_enter: takes the engine's lock. FALSE with @error, and nothing taken, when there is no
 * such CPU or its registers cannot be looked at.
 */
bool monitor_enter(void *target, unsigned cpu, ArchMonitor *ret, GError **error);
void monitor_leave(void *target);

/*
 * monitor_take_number: the next word of *args: terms of decimal or 0x numbers and $registers of
 * @place, joined by + and - without blanks. FALSE with @error that names @what was expected.
 * Takes the engine's lock for a register; not between enter and leave.
 */
bool monitor_take_number(void *target, GdbPlace place, const char **args, const char *what,
			 uint64_t *ret, GError **error);
/* monitor_take_end: FALSE with @error when something is left. */
bool monitor_take_end(const char *args, GError **error);
/* monitor_take_word: the next word, or what stands in double quotes; NULL when there is none.
 * Caller frees. */
char *monitor_take_word(const char **args);

/* monitor_span_kind: "ram" or "rom", which with the span's number is also its name. */
const char *monitor_span_kind(const KvmSpan *span);

/* ---- The tables of kvm/monitor-*.c; each ends with a NULL name ---- */

extern const GdbMonitorCommand target_monitor_commands[];
extern const GdbMonitorCommand monitor_info_commands[];
extern const GdbMonitorCommand monitor_map_commands[];
extern const GdbMonitorCommand monitor_memory_commands[];
extern const GdbMonitorCommand monitor_save_commands[];
extern const GdbMonitorCommand monitor_machine_commands[];
extern const GdbMonitorCommand monitor_linux_commands[];
extern const GdbMonitorCommand task_threads_commands[];
extern const GdbMonitorCommand process_commands[];

/* All of them as one; ends with a NULL name; freed by g_free(). */
GdbMonitorCommand *monitor_table_new(void);

/* ---- Commands that write files; kvm/monitor-save.c ---- */

typedef struct MonitorSave MonitorSave;

/* GdbMonitorWorkOps; the work is a MonitorSave. monitor_save_free: NULL is accepted. */
void *monitor_save_take(void *target);
bool monitor_save_more(void *target, void *work, GString *out, GError **error);
void monitor_save_free(void *target, void *work);

/* Where to write: a file by its name, which must not be there if it @is_new; or, without a name, a
 * descriptor of a regular file, which is owned from now on, also after an error. */
typedef struct MonitorFile {
	const char *path;
	int fd;
	bool is_new;
} MonitorFile;

/*
 * monitor_save_memory_new: [addr, addr + size) as @place sees it, while the world is stopped; or
 * @physical.
 * monitor_save_core_new: the machine, as dump-guest-memory writes it, with virtual addresses as CPU
 * @cpu sees them; of memory only what lies in @only, unless that is NULL. A machine that runs when
 * the file is begun gives no registers. monitor_save_scans: nothing was written to it yet.
 * NULL with @error.
 */
MonitorSave *monitor_save_memory_new(bool physical, GdbPlace place, uint64_t addr, uint64_t size,
				     const MonitorFile *file, GError **error);
MonitorSave *monitor_save_core_new(KvmGdb *gdb, unsigned cpu, const MonitorFile *file,
				   const VmcoreRange *only, GError **error);
bool monitor_save_scans(const MonitorSave *save);

/*
 * monitor_show_pages: a command with one optional argument, the address @from which on @show prints
 * what the page tables of CPU @cpu map.
 */
typedef void (*MonitorShow)(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t from,
			    GString *out);
bool monitor_show_pages(void *target, GdbPlace place, const char *args, GString *out,
			GError **error, MonitorShow show);

#endif
