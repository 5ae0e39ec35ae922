/*
 * gdbstub/target.h - implement me: what a target must offer to be debugged.
 *
 * A target is a machine with one or more CPUs that all share one memory. CPUs are numbered from 0;
 * gdb sees CPU n as thread n + 1, and task n, if it sees tasks, as thread GDB_TASK_THREADS + n. The
 * server calls every operation on the thread that runs its GMainContext, and never two at once. No
 * operation may block on the guest.
 *
 * The operations are in tables, one for each thing that a target can do. What it cannot do is a
 * table that is NULL, and the server does not advertise it then. Inside a table all operations are
 * there, but those of which it is said that they may be NULL.
 */
#ifndef VMGDB_GDBSTUB_TARGET_H
#define VMGDB_GDBSTUB_TARGET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdbstub/regs.h"

G_BEGIN_DECLS

/*
 * Why an operation failed. The numbers are what the client sees as Exx (the errno of the same
 * name); the GError's message is sent as E.message to a client that accepts it, so it is one plain
 * line without a newline that says what was wrong and what was expected.
 * UNSUPPORTED becomes the empty reply ("this stub does not know the packet"): use it only for
 * what can never work in this session.
 */
#define GDB_ERROR (gdb_error_quark())
GQuark gdb_error_quark(void);

typedef enum GdbError {
	GDB_ERROR_NOENT = 2,  /* no such register, thread, breakpoint */
	GDB_ERROR_IO = 5,     /* the host refused */
	GDB_ERROR_FAULT = 14, /* address not mapped */
	GDB_ERROR_BUSY = 16,  /* not now: the CPU is running or inside a device */
	GDB_ERROR_INVAL = 22, /* malformed or out of range */
	GDB_ERROR_NOSPC = 28, /* no hardware slot left */
	GDB_ERROR_UNSUPPORTED = 95,
} GdbError;

/* Why the world stopped. The signal and the key of the stop reply follow from it (stop.c). */
typedef enum GdbStopKind {
	GDB_STOP_PAUSED,	 /* Ctrl-C, attach, the VMM's own pause: SIGINT */
	GDB_STOP_STEP,		 /* a step or range step ended; GDB_BREAK_PHYSICAL: SIGTRAP */
	GDB_STOP_SWBREAK,	 /* Z0 hit; pc is at the breakpoint */
	GDB_STOP_HWBREAK,	 /* Z1 hit */
	GDB_STOP_WATCH,		 /* Z2 hit; addr is the data address */
	GDB_STOP_RWATCH,	 /* Z3 hit */
	GDB_STOP_AWATCH,	 /* Z4 hit */
	GDB_STOP_SHUTDOWN,	 /* the guest's machine gave up: triple fault: SIGSEGV */
	GDB_STOP_PANIC,		 /* the guest's kernel said that it panicked: SIGABRT */
	GDB_STOP_INTERNAL_ERROR, /* the hypervisor cannot go on: SIGABRT */
	GDB_STOP_WATCHDOG,	 /* SIGALRM */
	GDB_STOP_IO_ERROR,	 /* SIGSTOP */
	GDB_STOP_LIBRARY,	 /* what GdbLibraryOps.list() says has changed: SIGTRAP */
	GDB_STOP_PROGRAM,	 /* GdbFileOps.generation() may be another one: no stop to users */
	GDB_STOP_ASKED,		 /* non-stop: the client asked for just this CPU: no signal */
	GDB_STOP_MOMENT,	 /* no stop for the client: GdbNonStopOps.hold() */
} GdbStopKind;

/*
 * @addr: for the three watch kinds. @also: further watchpoints that the same access has hit, or may
 * have hit: the client sees which of them have changed.
 */
#define GDB_STOP_ALSO_MAX 3
typedef struct GdbStop {
	unsigned cpu;
	GdbStopKind kind;
	uint64_t addr;
	unsigned n_also;
	struct {
		GdbStopKind kind;
		uint64_t addr;
	} also[GDB_STOP_ALSO_MAX];
} GdbStop;

/* Behind the last CPU that any KVM has. */
#define GDB_TASK_THREADS 0x1000u

/*
 * What a thread of the client stands for: the CPU @cpu; or, where @task is not 0, the task of that
 * number, which no CPU runs (GdbTaskOps): @cpu is the one that stopped last, then.
 */
typedef struct GdbPlace {
	unsigned cpu;
	uint32_t task;
} GdbPlace;

static inline GdbPlace gdb_place_cpu(unsigned cpu)
{
	GdbPlace place = {cpu, 0};

	return place;
}

/* What one CPU does at a resume. */
typedef enum GdbActionKind {
	GDB_ACTION_HOLD, /* stays stopped */
	GDB_ACTION_CONTINUE,
	GDB_ACTION_STEP,  /* one instruction */
	GDB_ACTION_RANGE, /* steps until pc leaves [start, end); at least one instruction */
	GDB_ACTION_KEEP,  /* GdbNonStopOps.change(): stands or runs as before */
} GdbActionKind;

typedef struct GdbAction {
	GdbActionKind kind;
	uint64_t start, end; /* for GDB_ACTION_RANGE */
} GdbAction;

static inline bool gdb_action_steps(GdbActionKind kind)
{
	return kind == GDB_ACTION_STEP || kind == GDB_ACTION_RANGE;
}

/*
 * The numbers are those of the Z and z packets. GDB_BREAK_PHYSICAL is a GDB_BREAK_SW whose address
 * is guest-physical: for a client in physical mode, of a target that has GdbPhysicalOps. Its hit is
 * a GDB_STOP_STEP, because the client has no breakpoint at pc and would go on after a SWBREAK.
 */
typedef enum GdbBreakType {
	GDB_BREAK_SW = 0,
	GDB_BREAK_HW = 1,
	GDB_WATCH_WRITE = 2,
	GDB_WATCH_READ = 3,
	GDB_WATCH_ACCESS = 4,
	GDB_BREAK_PHYSICAL,
} GdbBreakType;

/* @kind: bytes watched, or for the breakpoints the instruction length ("kind" of the Z packet). */
typedef struct GdbBreak {
	GdbBreakType type;
	uint64_t addr;
	uint64_t kind;
} GdbBreak;

/* Conditions and commands that run at a hit (gdbstub/break-code.h). */
struct GdbBreakCode;

/*
 * When a monitor command can be run by somebody who is no client of the stub's: then the machine
 * may be running. PAUSED: it is stopped for the command where no client is connected.
 */
typedef enum GdbMonitorWhen {
	GDB_MONITOR_STOPPED,
	GDB_MONITOR_PAUSED,
	GDB_MONITOR_ALWAYS,
	GDB_MONITOR_SYSTEM,	   /* as STOPPED; and it needs what GdbOsOps.prepare() finds out */
	GDB_MONITOR_SYSTEM_PAUSED, /* as PAUSED; likewise */
} GdbMonitorWhen;

/*
 * One `monitor` command. @name may have two words ("info registers"); the longest match wins.
 * @run: @args is what follows the name, stripped, never NULL; it may begin right after the name
 * with a '/' ("xp/4xw 0"). @cpu: the user's current thread, or what `cpu N` has chosen. Appends
 * text to @out, lines end in '\n'. FALSE with @error set prints the error's message as the output.
 */
typedef struct GdbMonitorCommand {
	const char *name;
	const char *args; /* for help: "[-a] [CPU]", or NULL */
	const char *help; /* one line */
	bool (*run)(void *target, GdbPlace place, const char *args, GString *out, GError **error);
	GdbMonitorWhen when;
} GdbMonitorCommand;

/* A stretch of virtual addresses of one kind, [start, last]; a hole has no permission at all. */
typedef struct GdbRegion {
	uint64_t start, last;
	bool mapped, read, write, execute;
} GdbRegion;

typedef struct GdbCpuOps {
	/* At least 1; constant while a client is connected, except that CPUs may be added. */
	unsigned (*count)(void *target);
	/* FALSE: a hole in the numbers, where a CPU was unplugged. May be NULL: there are none. */
	bool (*present)(void *target, unsigned cpu);
	/*
	 * Another number when another CPU was plugged in at this index, which runs. May be NULL:
	 * none ever is.
	 */
	unsigned (*generation)(void *target, unsigned cpu);
	/* Appends the text of qThreadExtraInfo: "CPU#0 [running]", for a CPU; or of a task. */
	void (*describe)(void *target, GdbPlace place, GString *text);
} GdbCpuOps;

/*
 * @buf has gdb_reg_bytes(reg) bytes. read, write: only while stopped.
 * read: the values of @n registers, one behind the other. Returns of how many, fewer with @error
 * when the one behind them cannot be read. @n > 0.
 */
typedef struct GdbRegisterOps {
	/* The same set for all CPUs and for the life of the target. */
	const GdbRegSet *(*set)(void *target);
	unsigned (*read)(void *target, GdbPlace place, const GdbReg *const *regs, unsigned n,
			 uint8_t *buf, GError **error);
	bool (*write)(void *target, GdbPlace place, const GdbReg *reg, const uint8_t *buf,
		      GError **error);
} GdbRegisterOps;

/*
 * Virtual memory as @place sees it now. read: the number of bytes that could be read from @addr on,
 * less than @len when it runs into a hole; 0 with @error set when the first byte is not there.
 * write: all or an error; nothing is written when any page is missing. @len > 0, and the last
 * byte's address does not wrap: @addr + @len is at most 2^64.
 * region: the stretch that @addr lies in, as @place sees it; a long one may be told in pieces, each
 * of which says the same about its addresses. May be NULL.
 */
typedef struct GdbMemoryOps {
	size_t (*read)(void *target, GdbPlace place, uint64_t addr, uint8_t *buf, size_t len,
		       GError **error);
	bool (*write)(void *target, GdbPlace place, uint64_t addr, const uint8_t *buf, size_t len,
		      GError **error);
	bool (*region)(void *target, GdbPlace place, uint64_t addr, GdbRegion *ret, GError **error);
} GdbMemoryOps;

/*
 * Guest-physical memory, for a client that switches to it. read, write: as GdbMemoryOps.
 * has_break: is there a breakpoint of just this type at this address? Not asked of a target without
 * GdbBreakOps.
 */
typedef struct GdbPhysicalOps {
	size_t (*read)(void *target, uint64_t addr, uint8_t *buf, size_t len, GError **error);
	bool (*write)(void *target, uint64_t addr, const uint8_t *buf, size_t len, GError **error);
	bool (*has_break)(void *target, const GdbBreak *bp);
} GdbPhysicalOps;

/*
 * Run control, the one rule: after attach() and after each resume() that returned true, the target
 * posts exactly one stop with gdb_server_post_stop(), when no CPU runs guest code any more.
 * stop() only makes that stop come sooner. After detach() or kill() nothing is posted.
 */
typedef struct GdbRunOps {
	/* A client is here: begin to stop the world. */
	void (*attach)(void *target);
	/*
	 * The client wants it stopped now; @cpu is the one to name in a GDB_STOP_PAUSED. When the
	 * stop that comes is of another kind, stop() is called again right after the next resume():
	 * the target need not remember it.
	 */
	void (*stop)(void *target, unsigned cpu);
	/* @actions has count() entries, at least one of them not GDB_ACTION_HOLD. */
	bool (*resume)(void *target, const GdbAction *actions, GError **error);
	/* The client has gone: take every breakpoint out, then run all CPUs. */
	void (*detach)(void *target);
	/* The client asked to end the machine: do so soon. May be NULL: k detaches. */
	void (*kill)(void *target);
	/*
	 * The client wants the machine restarted: it stands before its first instruction when this
	 * returns, and breakpoints stay. Only while stopped. May be NULL.
	 */
	bool (*reset)(void *target, GError **error);
} GdbRunOps;

/*
 * Non-stop mode: each CPU stops and goes on by itself. It begins and ends, with set(), while every
 * CPU stands; attach() ends it, too. In it neither resume() nor stop() is called, and the rule of
 * run control is this one: for each CPU that goes on the target posts one stop, when that one does
 * not run guest code any more.
 *
 * All other operations still need the machine stopped, but reading and writing the registers of a
 * CPU that stands. So while some run such a wish waits until all stand: hold() stops them, and when
 * no CPU runs guest code the target posts GDB_STOP_MOMENT once. go_on() ends it: who was running
 * runs again, and so does who shall run by now, or has been added; it says whether any does. A stop
 * that a CPU has met by itself is posted before GDB_STOP_MOMENT or after go_on(). detach() and
 * kill() may come at any time.
 */
typedef struct GdbNonStopOps {
	void (*set)(void *target, bool on);
	void (*hold)(void *target);
	bool (*go_on)(void *target);
	/*
	 * In such a moment, or while every CPU stands; go_on() follows. @actions has count()
	 * entries. HOLD: one that runs stops, with GDB_STOP_ASKED if nothing else; one that stands
	 * is left so. KEEP leaves it as it is, and so do the others one that runs. An error changes
	 * nothing.
	 */
	bool (*change)(void *target, const GdbAction *actions, GError **error);
	/* The same for one CPU that runs: it stops, with GDB_STOP_PAUSED if nothing else. */
	void (*interrupt)(void *target, unsigned cpu);
} GdbNonStopOps;

/*
 * Breakpoints and watchpoints. @place is what the client chose with Hg, where the address is
 * translated. Called only while the world is stopped.
 * insert: inserting what is there already is success and takes nothing twice; code that it had is
 * gone.
 * insert_code: insert, and at each hit ask @code whether to stop (gdb_break_code_hit()) on the CPU
 * that hit; it replaces what was there. An error changes nothing. The target takes its own
 * reference. May be NULL: the client is not told that conditions are possible.
 * remove: removing what is not there is success.
 * clear: all out, of every type: the client believes that none is inserted. May be NULL.
 * watch_slots: how many watchpoints at most. May be NULL.
 */
typedef struct GdbBreakOps {
	bool (*insert)(void *target, GdbPlace place, const GdbBreak *bp, GError **error);
	bool (*insert_code)(void *target, GdbPlace place, const GdbBreak *bp,
			    struct GdbBreakCode *code, GError **error);
	bool (*remove)(void *target, GdbPlace place, const GdbBreak *bp, GError **error);
	void (*clear)(void *target);
	unsigned (*watch_slots)(void *target);
} GdbBreakOps;

/*
 * Steps without interrupts: can this target do that, and shall it. Each attach() sets it where it
 * can be had. Only while stopped.
 */
typedef struct GdbQuietOps {
	bool (*can_block)(void *target);
	void (*block)(void *target, bool block);
} GdbQuietOps;

/* The program that runs in the target. */
typedef struct GdbProgramOps {
	/*
	 * Its file, as an absolute path of the host, for a client that has none, and for
	 * GdbFileOps.open(); NULL from it: not known. Constant while a client is connected.
	 */
	const char *(*exec_file)(void *target);
	/*
	 * How far it was moved when it was loaded, and where its first segment is now. FALSE: not
	 * known (yet). Only while stopped.
	 */
	bool (*load_offset)(void *target, uint64_t *ret_slide, uint64_t *ret_text);
} GdbProgramOps;

/*
 * Files that the client reads through the connection: those that the target makes itself, the
 * program among them; and where it makes none, for a client on another host, those of this host
 * that it is told of: the one of GdbProgramOps, and libraries. A client that gets one answer then
 * reads all its files so, even those of its own host: it is answered only where there is such a
 * program.
 * prepare: finds out what the rest is about to be asked for: a piece of that, of some 10
 * milliseconds. TRUE: there is nothing left to find out, and program() and generation() are quick
 * now, as is GdbLibraryOps.offers(). May be NULL: they always are.
 * program: its name, an absolute path for open(), valid until the next call; its symbols are at the
 * addresses where they are now. NULL: there is none (yet), and GdbProgramOps tells what there is
 * instead. It is asked until it returns a name or the client was told that there are no files;
 * that result holds for the connection.
 * open: a descriptor of a regular file, for reading, which the caller closes. -1 with @error
 * (GDB_ERROR_NOENT: not one of the files that are offered): it failed. -1 without @error: it is
 * being made: call again, for about 10 milliseconds of work each time. Whoever does not want it any
 * more does not say so: what was begun may be kept. @path is what the client sent, of any length.
 * generation: which program it is now: another number for each that was loaded, also for the same
 * one again. A client that has read one and can be told that it was replaced hears of it at its
 * next stop. 0: there is none (yet). May be NULL: it is never replaced.
 * expect: there is such a client, until attach(): a target may post GDB_STOP_PROGRAM to it, after
 * which it is told or, if it knows the program, the machine is resumed at once.
 * All only while stopped.
 */
typedef struct GdbFileOps {
	bool (*prepare)(void *target);
	const char *(*program)(void *target);
	int (*open)(void *target, const char *path, GError **error);
	uint64_t (*generation)(void *target);
	void (*expect)(void *target);
} GdbFileOps;

/*
 * A file that is loaded beside the program: a kernel module. @name: an absolute path, of the same
 * kind as the program's: for GdbFileOps.open() in a connection that is offered such files, else of
 * the host.
 * @sections: where each section of the file with SHF_ALLOC is, in the file's order; one that is not
 * there any more has an address out of the way. @segment: of a file that says itself where all of
 * it is: where its only segment with PT_LOAD is; then there are no @sections. 0: there are.
 */
typedef struct GdbLibrary {
	const char *name;
	const uint64_t *sections;
	unsigned n_sections;
	uint64_t segment;
} GdbLibrary;

/*
 * offers: does the client hear of libraries? gdb must then be told that no system that it knows
 * runs here. Asked once in a connection, when it begins; the answer holds for it.
 * list: all that are loaded now; owned by the target, until the next call. @error is set when it
 * cannot be known. A target may post GDB_STOP_LIBRARY to a client for which it was called.
 * Both only while stopped.
 */
typedef struct GdbLibraryOps {
	bool (*offers)(void *target);
	const GdbLibrary *(*list)(void *target, unsigned *ret_n, GError **error);
} GdbLibraryOps;

/*
 * A table for `info os NAME`.
 * @help: one line. @title: a word or two, as a window of it is called. @columns: their titles,
 * ending with NULL.
 * @fill: appends the cells as strings that @cells frees, row after row, as many as there are
 * columns in each. Any bytes may be in them. FALSE with @error. Only while stopped.
 */
typedef struct GdbOsTable {
	const char *name, *help, *title;
	const char *const *columns;
	bool (*fill)(void *target, GPtrArray *cells, GError **error);
} GdbOsTable;

/*
 * The system that runs in the target.
 * prepare: as GdbFileOps', for these, for GdbLibraryOps.list() and for GDB_MONITOR_SYSTEM and
 * _PAUSED.
 * @tables: ends with a NULL name; or NULL.
 * vmcoreinfo: appends the text that a Linux kernel keeps for readers of its memory
 * ("OSRELEASE=6.1.0\n..."). FALSE with @error: not known (yet). Only while stopped. May be NULL.
 */
typedef struct GdbOsOps {
	bool (*prepare)(void *target);
	const GdbOsTable *tables;
	bool (*vmcoreinfo)(void *target, GString *text, GError **error);
} GdbOsOps;

/*
 * The tasks of the system that runs in the target, as threads beside the CPUs: those that no CPU
 * runs. GdbRegisterOps.read() gives what such a task has saved and fails for the rest; its
 * registers cannot be written, and it cannot be resumed alone.
 * list: their numbers, from 1 to GDB_TASK_MAX, none twice; none at all while tasks are no threads.
 * Owned by the target, until the next call or resume.
 * name: is there such a task? Appends what it is called to @text, unless that is NULL; any bytes.
 * Both only while stopped.
 */
#define GDB_TASK_MAX (G_MAXINT32 - GDB_TASK_THREADS)
typedef struct GdbTaskOps {
	const uint32_t *(*list)(void *target, unsigned *ret_n);
	bool (*name)(void *target, uint32_t task, GString *text);
} GdbTaskOps;

/*
 * Symbols that the client is asked for when it offers its own. attach() forgets them.
 * wanted: their names, ending with NULL, or NULL for none.
 * resolved: the client has a value for the @n-th. Not called for one it has not.
 */
typedef struct GdbSymbolOps {
	const char *const *(*wanted)(void *target);
	void (*resolved)(void *target, unsigned n, uint64_t value);
} GdbSymbolOps;

/*
 * The rest of a monitor command that takes long.
 * take: what the run() that has just returned TRUE has left to do; the caller owns it. NULL:
 * nothing.
 * more: called again and again while it returns TRUE; about 10 milliseconds of work each time. Text
 * in @out is sent at once. @error is shown as run()'s is.
 * free: it is done, or the user interrupted it or left.
 */
typedef struct GdbMonitorWorkOps {
	void *(*take)(void *target);
	bool (*more)(void *target, void *work, GString *out, GError **error);
	void (*free)(void *target, void *work);
} GdbMonitorWorkOps;

typedef struct GdbTargetOps {
	/* What every target has. */
	const GdbCpuOps *cpus;
	const GdbRegisterOps *registers;
	const GdbMemoryOps *memory;
	const GdbRunOps *run;
	/* Each of these may be NULL. */
	const GdbNonStopOps *non_stop;
	const GdbPhysicalOps *physical;
	const GdbBreakOps *breaks;
	const GdbQuietOps *quiet;
	const GdbProgramOps *program;
	const GdbFileOps *files;
	const GdbLibraryOps *libraries;
	const GdbOsOps *os;
	const GdbTaskOps *tasks;
	const GdbSymbolOps *symbols;
	const GdbMonitorCommand *monitor; /* ends with a NULL name */
	const GdbMonitorWorkOps *monitor_work;
} GdbTargetOps;

G_END_DECLS

#endif
