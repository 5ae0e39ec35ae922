/*
 * kvm/internal.h - the engine's state, shared by the files of kvm/ and nobody else.
 *
 * The state machine. The world is FREE (nobody debugs), RUNNING (a client waits for a stop),
 * STOPPING (vCPUs are being brought to a halt) or STOPPED:
 *
 *   FREE ---attach---> STOPPING ---the last vCPU halts---> STOPPED ---resume---> RUNNING
 *                        ^  |                                 |                     |
 *                        |  +---(detaching)---> FREE <--detach+                     |
 *                        +------------ stop(), an event of a vCPU, detach ----------+
 *
 * In non-stop mode (non-stop.c) a vCPU that has something to report stands alone, and the world
 * stays RUNNING. It is STOPPED, with the clocks and the devices, while every vCPU stands, and for
 * moments that the client does not see, in which it has something done that needs that.
 *
 * A vCPU is OUTSIDE (in the VMM's code, or not started), RUNNING (inside KVM_RUN) or PARKED
 * (waiting inside kvm_gdb_run()). An OUTSIDE vCPU cannot execute guest code: at its next entry it
 * looks at the world first. So a stop is complete when no vCPU is RUNNING. One that the VMM has
 * unplugged, from OUTSIDE, is GONE: it keeps its place, held for ever, until another one gets it.
 *
 * Which state may follow which, of these and of the smaller ones below, is in states.c, one table
 * each.
 *
 * Words of this engine that are not the field's:
 *
 *   point    what the client has set in a debug register: a hardware breakpoint, a watchpoint
 *   patch    a trap instruction of ours in guest memory, where the guest has other bytes (patch.h)
 *   copy     a page that the guest has copied with a patch in it (copies.h)
 *   armed    what the hardware slots of a vCPU hold during its next KVM_RUN (armed.c)
 *   met      a point at pc that has been reported or skipped: no second hit before the vCPU has
 *            executed the instruction there
 *   leaving  to execute that instruction, past or through what is met there (leaving.c)
 *   turn     the right of one vCPU to step over a patch while all others wait (turns.c)
 *   through  to run through code that fails when it is stepped: exclusive sequences (through.c)
 *   landing  where a single-step may end with stepping turned off, such as an exception handler: a
 *            slot or a patch there ends the step
 *   own      the guest's: breakpoints, steps and traps that it has made for itself
 *   root     the page tables in force and how they are walked: CR3, or TTBR0 and TTBR1 (ArchRoot)
 *   world    all vCPUs together: free, running, stopping or stopped
 *   hook     kvm_gdb_run(), which a VMM calls in place of KVM_RUN
 *
 * One lock protects everything here; the only fields touched without it are @state and @attention,
 * by which a vCPU that nobody debugs enters and leaves KVM_RUN without the lock. A vCPU stores
 * @state and then loads @attention; who wants to stop it stores @attention and then loads @state.
 * Both are sequentially consistent, so one of the two sees the other.
 *
 * The lock is never held across KVM_RUN, except with immediate_exit, nor while a device of the VMM
 * is asked (guest-memory.c), nor while a callback of the VMM's runs (notices.c). Under it only
 * gdb_server_queue_stop() is called: the server's lock is a leaf.
 */
#ifndef VMGDB_KVM_INTERNAL_H
#define VMGDB_KVM_INTERNAL_H

#include <signal.h>

#include "gdbstub/alarm.h"
#include "gdbstub/gdbstub.h"
#include "guest/current.h"
#include "kvm/arch.h"
#include "kvm/breaks.h"
#include "kvm/conditions.h"
#include "kvm/kvm-gdb.h"
#include "kvm/memory.h"

typedef enum VcpuState { VCPU_OUTSIDE, VCPU_RUNNING, VCPU_PARKED, VCPU_GONE } VcpuState;

typedef enum World { WORLD_FREE, WORLD_RUNNING, WORLD_STOPPING, WORLD_STOPPED } World;

/* What a vCPU has to report to the client; at most one at a time. */
typedef struct Event {
	bool pending; /* not reported yet */
	GdbStop stop;
	uint64_t pc;	 /* where it happened (linear) */
	bool then_break; /* of GDB_STOP_LIBRARY: a breakpoint of the client's is there, too */
} Event;

/* What is in the run page. */
typedef enum Exit {
	EXIT_FINISHED,	 /* nothing: what was there is done, though KVM may leave its reason */
	EXIT_OPEN,	 /* the last exit; one of I/O is half done, until a KVM_RUN finishes it */
	EXIT_HELD,	 /* an exit that the VMM has not seen yet */
	EXIT_GUEST_TRAP, /* a debug exit that is the guest's: delivered at the next entry */
} Exit;

/* A kick takes KVM_RUN away from the VMM, whose own kick may have come with it. */
typedef enum Kick {
	KICK_NONE,
	KICK_SENT,  /* immediate_exit is KICK_MARK, or the VMM's own */
	KICK_TAKEN, /* and taken back: the VMM gets one EINTR for it */
} Kick;

/* In immediate_exit: a VMM writes 1 there, and its own is never taken away. */
#define KICK_MARK 2

/* What was hit at the place where a vCPU stands: a set of bits. */
typedef enum Met {
	MET_POINT = 1,	     /* a hardware breakpoint */
	MET_PATCH = 2,	     /* a software breakpoint in memory */
	MET_GUEST_POINT = 4, /* a point of the guest's own that it has masked */
	MET_WATCH = 8,	     /* a watchpoint that was hit before its access */
	MET_SEQUENCE = 16,   /* nothing, but the client goes on with this CPU alone */
} Met;

/* A patch is left only while no other vCPU runs: turns.c. */
typedef enum Over { OVER_NOTHING, OVER_WAITING, OVER_ALONE } Over;

/*
 * The place that a vCPU is leaving: what it has met there it must not meet again. That lasts until
 * the instruction there was executed or pc was written, however many KVM_RUNs it takes.
 */
typedef struct Leaving {
	unsigned met;  /* bits of Met; 0: it meets whatever is there */
	uint64_t pc;   /* where that is (linear) */
	uint64_t upto; /* or the last such place in the code that it runs through again; else 0 */
	bool reported; /* the client knows of it */
	bool by_step;  /* in this run: by a step, with what was met not armed */
	Over over;
	uint64_t gpa; /* of the patch, unless OVER_NOTHING */
} Leaving;

/* How a step is done, between its arch_step_begin() and its arch_step_end(). */
typedef enum StepKind {
	STEP_NONE,
	STEP_BY_CPU,
	STEP_TO_PATCH, /* likewise, and its first landing is a patch: no slot was free, and no other
			  CPU runs */
	STEP_THROUGH,  /* by arch_step_begin_through(): a run, which through.c ends after a while */
} StepKind;

/* A single step. It outlives an exit to the VMM in the middle of an I/O instruction. */
typedef struct Step {
	StepKind kind;
	gint64 until;  /* of STEP_THROUGH */
	uint64_t from; /* pc (linear) */
	ArchStep arch;
	uint64_t patch_gpa; /* of STEP_TO_PATCH */
} Step;

/* 16 breakpoints and 16 watchpoints are the most any CPU has, and there are landings. */
#define ARMED_MAX 40

/* The hardware points of one vCPU while it runs, and which of the client's each of them is. */
typedef struct Armed {
	GdbBreak points[ARMED_MAX];
	int client[ARMED_MAX]; /* index in kvm_breaks_points(); -1: the landing of a step */
	unsigned n;
} Armed;

/* What KVM_SET_GUEST_DEBUG has told KVM of a vCPU, and KVM shall know of it. */
typedef struct Applied {
	struct kvm_guest_debug now;
	bool is_vmms;	   /* it is what the VMM wants */
	bool stale;	   /* registers were written since: KVM must be told it again */
	Armed armed;	   /* computed for the next run */
	unsigned left_out; /* points of the guest's own that found no debug register */
} Applied;

struct KvmGdbVcpu {
	KvmGdb *gdb;
	unsigned index;
	unsigned generation; /* how many have gone from this index */
	int fd;
	struct kvm_run *run;

	int state;     /* VcpuState, atomic */
	int attention; /* atomic: take the lock before and after KVM_RUN */

	int tid;     /* atomic: the kernel's number of the last kvm_gdb_run()'s thread; or 0 */
	int wake_fd; /* eventfd that ends a park; one of KvmGdb.wake_fds */

	ArchVcpu *arch;
	GdbAction action; /* for the current or next run */
	Step step;
	Leaving leaving;
	Applied applied;
	bool turn_owed; /* was held by a step over, and has not run since */
	Kick kick;
	const unsigned *signals; /* atomic: kicks that its thread's handler has seen */
	unsigned signals_before; /* this one */
	Exit exit;		 /* written without the lock while RUNNING and nobody attends */
	uint32_t held_reason;	 /* the exit reason of EXIT_HELD: the VMM may get an EINTR first */
	Event event;
	struct {
		const char *name; /* as KVM told it, or NULL */
		unsigned told_in; /* in this standstill (KvmGdb.n_standstills) */
	} run_state;

	struct kvm_guest_debug vmm_debug; /* the VMM's own; in force while no client is there */
	bool has_mask;			  /* KVM_SET_SIGNAL_MASK: */
	sigset_t mask;			  /* blocked in KVM_RUN, as the VMM gave it */
	int mask_fd; /* signalfd of the others: shows those that the thread blocks; or -1 */
};

/* What stays of a vCPU when it is made anew. */
typedef struct Before {
	GdbAction action;
	unsigned generation;
} Before;

/* Somebody has asked for the end of the machine: it stands first, and then the VMM is asked. */
typedef enum Ending { ENDING_NOT, ENDING_WAITS, ENDING_STANDS, ENDING_ASKED } Ending;

/* How many patches that lie before its own may be lifted with it. */
#define TURNS_ALSO_MAX 8

/* Who steps over a patch while all others wait. */
typedef struct Turns {
	KvmGdbVcpu *over; /* its leaving.over is OVER_ALONE; or NULL */
	bool lifted;	  /* none of the others runs any more, and the patch is out */
	uint64_t also[TURNS_ALSO_MAX];
	unsigned n_also;
	gint64 began;	/* the turn, when the patch was lifted */
	gint64 slice;	/* how long the others run before the next turn, in microseconds */
	gint64 next_at; /* none may begin before this time */
} Turns;

/* How long a stop waits for vCPUs that are in the VMM with something half done: halt.c. */
typedef struct Grace {
	GdbAlarm *alarm; /* ends it */
	unsigned n;	 /* how often it was waited so in this stop */
	bool over;
} Grace;

/* Who, beside gdb, has the machine stand: operate.h. */
typedef struct Operators {
	bool stops;	/* one of them has stopped it, until somebody resumes it */
	unsigned holds; /* and so many hold it for a moment */
} Operators;

/* What an event of one vCPU stops: the world, or that vCPU alone. */
typedef enum Mode { MODE_ALL_STOP, MODE_NON_STOP } Mode;

/* In non-stop mode: a stop of the world that no vCPU has asked for. */
typedef enum Moment {
	MOMENT_NONE,
	MOMENT_WANTED, /* by the session */
	MOMENT_NOW,    /* it was told, and it goes on after that */
} Moment;

/* Devices of the VMM that work beside the vCPUs. All atomic: devices.c. */
typedef struct Devices {
	int inside;  /* how many are at it, or look whether they may be */
	int closed;  /* none may begin */
	int refused; /* one was told so, and waits for KvmGdbOps.devices_go */
} Devices;

/* What the VMM is to hear of when the lock is given up: notices.c. */
typedef struct Notices {
	bool devices_go;
	bool loop;	  /* not the VMM, but the main loop, which wants the lock then */
	bool parked;	  /* nor this, but vCPUs that are parked and may run */
	GArray *signals;  /* int: threads that get the engine's signal; or NULL */
	GArray *changes;  /* of guest RAM; or NULL */
	GPtrArray *lines; /* for its user; or NULL */
} Notices;

struct KvmGdb {
	GMutex lock;
	GMainContext *context;
	const KvmGdbOps *ops;
	void *opaque;
	int vm_fd;
	int kick_signal;

	ArchFeatures features;
	KvmMemory *memory;
	KvmPatches *patches;
	KvmBreaks *breaks;
	KvmConditions *conditions;
	GdbServer *server;
	GdbLog *log;		/* or NULL */
	char *name;		/* of the machine, or NULL */
	char *architecture;	/* that the VMM wants described, or NULL */
	GdbTargetOps ops_table; /* kvm_target_ops, with the monitor's table, which is owned */
	GdbRunOps run_ops;	/* in @ops_table: without reset where the VMM has none */
	struct KvmClock *clock;
	uint64_t held_ns; /* atomic: how long the guest's clocks were held, in all */
	Notices notices;
	bool resetting;		  /* by our own command, not the guest's */
	struct MonitorSave *save; /* of the monitor command that has just run; or NULL */
	GdbRegSet *regs;
	GPtrArray *vcpus;    /* of KvmGdbVcpu, by index */
	GArray *wake_fds;    /* of int, by index: who writes one holds no lock, so they stay */
	GArray *renewed;     /* Before of those before the last kvm_gdb_renew(), or NULL */
	unsigned known_cpus; /* how many the session knows of: as many actions it gives */

	Devices devices;
	World world;
	unsigned n_at_rest;	 /* while it stops: so many, from CPU 0 on, have come to rest */
	bool attached;		 /* a client is there: stops are posted */
	bool frees_when_stopped; /* the client has left: when the world has stopped it is free */
	Mode mode;
	Moment moment;
	bool stops_all; /* in non-stop mode somebody has stopped the machine: all CPUs stop */
	Operators operators;
	unsigned n_stops;	/* so far */
	unsigned n_standstills; /* so far; those that nobody hears of included */
	Ending ending;
	GdbAlarm *quit;	    /* asks it; or NULL */
	struct KvmQmp *qmp; /* or NULL */
	bool ended;	    /* kvm_gdb_end(): everything passes through */
	bool block_irq;	    /* steps take no interrupts */
	bool runs_on;	    /* since the last resume: a CPU does more than one step */
	unsigned stop_cpu;  /* the CPU to name in a GDB_STOP_PAUSED */
	Grace grace;
	struct {
		unsigned first;	  /* CPU */
		bool first_woken; /* since the last resume */
		unsigned next;	  /* CPU, of the others */
		unsigned left;	  /* so many from there on are to be looked at */
	} waking;		  /* halt_wake_next() */
	GdbAlarm *limit;	  /* ends runs through code that must not be stepped */
	Turns turns;
	struct Vmlinux *vmlinux;	     /* of the guest's kernel, or NULL (kvm/kaslr.c) */
	struct KvmModuleFiles *module_files; /* that the user has, or NULL */
	struct KvmModules *modules;	     /* of its kernel, or NULL (kvm/linux-modules.c) */
	struct WalkCache *walk_cache;	     /* while memory is looked through, else NULL */
	struct KvmLinux *guest_linux; /* what is known of its kernel, or NULL (kvm/linux.c) */
	LinuxPlaces client_places;    /* that the client's symbols give (kvm/task.c) */
	uint64_t comm_offset; /* of a task's name in it, found so far; else 0 (kvm/task.c) */
	struct TaskThreads *task_threads; /* since the stop, or NULL (kvm/task-threads.c) */
	bool shows_tasks;		  /* as threads of the client */
	bool shows_tasks_first;		  /* of the next one */
	uint32_t process; /* whose user addresses the client means, or 0 (kvm/process.c) */
	struct {
		uint32_t number; /* 0: none is known, since the stop */
		uint64_t task;	 /* its struct task_struct */
		ArchRoot root;
	} known_process;
	struct {
		uint32_t number; /* 0: any */
		uint64_t task;	 /* as above */
		bool is_known;	 /* at the last resume it had this table */
		uint64_t table;
	} break_process;     /* who stops at a user address (kvm/process.c) */
	bool offers_symbols; /* a client without a program is given the kernel's own */
	uint64_t generation; /* of the kernel that was found last; 0: none was (kvm/linux.c) */
	char *last_kernel;   /* its name and place; NULL: none was since the start or a reset */
	bool expects_kernel; /* the client is to hear of the next one */
	bool awaits_kernel;  /* it has not been found since a reset */
	struct KvmLinuxImage *image; /* of the kernel that was found last, or NULL */
	bool warned_vmlinux;	     /* the user was told that they do not fit */
	bool have_kernel_root;
	ArchRoot kernel_root; /* the last one seen that is the kernel's (kvm/translate.c) */
};

/* ---- notices.c ---- */

/* unlock also says what the VMM shall hear: no callback runs under the lock. */
void engine_lock(KvmGdb *gdb);
void engine_unlock(KvmGdb *gdb);
/* KvmGdbOps.mark_dirty, log: when the lock, which is held, is given up. */
void notice_change(KvmGdb *gdb, uint64_t gpa, uint64_t len);
/* A stop for the client; an alarm of the engine's. The loop is woken when the lock is given up. */
void engine_post_stop(KvmGdb *gdb, const GdbStop *stop);
void engine_set_alarm(KvmGdb *gdb, GdbAlarm *alarm, gint64 time);
/* Likewise: the engine's signal for a thread; a wake for each that halt_wake_next() finds. */
void engine_signal(KvmGdb *gdb, int tid);
void engine_wake(KvmGdb *gdb);
void engine_log(KvmGdb *gdb, const char *format, ...) G_GNUC_PRINTF(2, 3);

typedef KvmGdb KvmGdbLocked;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmGdbLocked, engine_unlock)

static inline KvmGdbLocked *engine_locked(KvmGdb *gdb)
{
	engine_lock(gdb);
	return gdb;
}

/* Holds the engine's lock to the end of the block. */
#define LOCKED(gdb) g_autoptr(KvmGdbLocked) G_GNUC_UNUSED locked_gdb = engine_locked(gdb)

/* ---- qmp.c ---- */

/* The world stops or goes on; the VMM or the guest has done something. With the lock held. */
void qmp_notice_world(KvmGdb *gdb);
void qmp_notice_event(KvmGdb *gdb, KvmGdbEvent event);
/* The machine ends, or has ended. Without the lock. */
void qmp_end(KvmGdb *gdb, uint8_t exit_status);

/* ---- halt.c: stop and resume; all with the lock held ---- */

KvmGdbVcpu *kvm_vcpu_at(KvmGdb *gdb, unsigned index);
/* The same, but NULL also for one that is GONE: whose registers may be asked for. */
KvmGdbVcpu *kvm_vcpu_present(KvmGdb *gdb, unsigned index);
/* Asks every vCPU to halt; completes at once when none is RUNNING. */
void halt_request_stop(KvmGdb *gdb);
/* Is it in the VMM's code with an I/O instruction half done? */
bool halt_in_device(const KvmGdbVcpu *vcpu);
/* To be called whenever a vCPU stopped being RUNNING. */
void halt_check_stopped(KvmGdb *gdb);
/* Records what happened to @vcpu and stops the world for it. */
void halt_event(KvmGdbVcpu *vcpu, GdbStopKind kind, uint64_t pc);
/* The same for a point; @stop without its CPU. */
void halt_hit(KvmGdbVcpu *vcpu, const GdbStop *stop, uint64_t pc);
/* The same for GDB_STOP_LIBRARY. @then_break: a breakpoint of the client's was hit there, too. */
void halt_news(KvmGdbVcpu *vcpu, uint64_t pc, bool then_break);
/* GdbRunOps.resume. */
void halt_resume(KvmGdb *gdb, const GdbAction *actions);
/* May this vCPU execute guest code now? */
bool halt_may_run(const KvmGdbVcpu *vcpu);
/* The client has left: what it has set is taken out, and all run as they like. */
void halt_free_world(KvmGdb *gdb);
/* Does anybody want the machine to stand, or to have it? */
bool halt_is_wanted(const KvmGdb *gdb);
/* As halt_free_world(), but it stands if that is wanted: FALSE then. */
bool halt_free_unless_wanted(KvmGdb *gdb);
/* The breakpoints of the client go, and what comes with them; also those of steps. */
void halt_clear_breaks(KvmGdb *gdb);
/* Makes every vCPU take the lock at its next entry or exit. */
void halt_demand_attention(KvmGdb *gdb);
/*
 * Ends the park of each that may run, when the lock is given up. halt_wake_next: the descriptor
 * that ends the next one's, or -1; it stays open as long as the engine. @ret_more: there is
 * another.
 */
void halt_wake(KvmGdb *gdb);
int halt_wake_next(KvmGdb *gdb, bool *ret_more);
/* @vcpu, which is OUTSIDE, is GONE: nobody waits for it any more. */
void halt_remove(KvmGdbVcpu *vcpu);
/* immediate_exit of @vcpu's page is @to now if it was @from; what the VMM has written there stays.
 */
void halt_change_immediate_exit(KvmGdbVcpu *vcpu, uint8_t from, uint8_t to);
/* Kicks every vCPU that is RUNNING, or this one if it is. */
void halt_kick_all(KvmGdb *gdb);
void halt_kick(KvmGdbVcpu *vcpu);
/* A stop has waited long enough for vCPUs that are in the VMM with something half done. */
void halt_grace_over(KvmGdb *gdb);
/*
 * While the world is stopped: is its thread out of KVM_RUN, but not back here? One that comes from
 * outside says for a moment that it is RUNNING; it has seen no kick.
 */
bool halt_in_handler(const KvmGdbVcpu *vcpu);
/* Can this vCPU execute guest code at this moment? */
bool halt_in_guest(const KvmGdbVcpu *vcpu);
/* A stop by the VMM's own thread: it waits for no vCPU that is in the VMM. */
void halt_stop_at_once(KvmGdb *gdb);
/* A stop of the client's: it does not wait for a vCPU that a signal handler of the VMM keeps. */
void halt_stop_for_client(KvmGdb *gdb);

/* For non-stop.c: what halt.c does with all of them, for one. */

/* Has it something to report that may be? */
bool halt_is_reportable(const KvmGdbVcpu *vcpu);
/* It has, and that is reported. */
void halt_post(KvmGdbVcpu *vcpu);
/* It is to run: drops what it has to report, if that is not true any more. */
void halt_revalidate(KvmGdbVcpu *vcpu);
/* Does any CPU run, or would it if the world did? */
bool halt_any_to_run(KvmGdb *gdb);
/* The world, which is stopped, goes on as the actions say. */
void halt_go(KvmGdb *gdb);
/* This stop shall end, when it has waited long enough. */
void halt_start_grace(KvmGdb *gdb);

/* ---- non-stop.c: each CPU stops and goes on by itself; with the lock held ---- */

/* While the world runs: reports what there is to report. */
void non_stop_look(KvmGdb *gdb);
/* The world has stopped: likewise, and then for whom it has. */
void non_stop_stopped(KvmGdb *gdb);
/* The mode ends, whoever runs. */
void non_stop_end(KvmGdb *gdb);
/* Somebody beside the client stops the machine. */
void non_stop_all(KvmGdb *gdb);
/* Does the world stand for a moment that nobody is to hear of? */
bool non_stop_is_unseen(KvmGdb *gdb);
/* Does this CPU stand while others run? */
bool non_stop_stands(const KvmGdbVcpu *vcpu);

extern const GdbNonStopOps non_stop_ops;

/* ---- devices.c: with the lock held ---- */

/* A stop begins; the machine goes on. Does a device still work, that began before the stop? */
void devices_close(KvmGdb *gdb);
void devices_open(KvmGdb *gdb);
bool devices_work(const KvmGdb *gdb);

/* ---- leaving.c: what a vCPU must not meet again; with the lock, while it does not run ---- */

/* It has met this at @pc. @reported: to the client. */
void leaving_meet(KvmGdbVcpu *vcpu, unsigned met, uint64_t pc, bool reported);
/* A hit of this kind was reported, or need not be: what has been met then? A set of Met. */
unsigned leaving_met_by(const KvmGdbVcpu *vcpu, GdbStopKind kind);
/*
 * It meets whatever is there. leaving_end gives back its turn, if it had one; leaving_forget is for
 * when there are no turns any more.
 */
void leaving_end(KvmGdbVcpu *vcpu);
void leaving_forget(KvmGdbVcpu *vcpu);
/* The client means the place where it stands anew: whatever is there is to be hit. */
void leaving_meet_again(KvmGdbVcpu *vcpu);
/* Before a resume: must it wait for a turn? Ends what is no longer true. */
void leaving_plan(KvmGdbVcpu *vcpu);
/* After a run that ended neither with a step nor with a hit: has it left? */
void leaving_look(KvmGdbVcpu *vcpu);
/*
 * The client has removed a breakpoint. One that it sets again where a vCPU still stands is to be
 * hit: gdb steps off by itself before, or else it means `jump` to where the vCPU is.
 */
void leaving_removed(KvmGdb *gdb, uint64_t addr);
/* Must it leave by a step, with what it has met not armed? Else the CPU is set to pass a point. */
bool leaving_by_step(KvmGdbVcpu *vcpu);
/* In that step: is the point one of those that it has met? */
bool leaving_passes(const KvmGdbVcpu *vcpu, const GdbBreak *point);

/* ---- turns.c: who steps over a patch while all others wait; all with the lock held ---- */

/* Lets a vCPU that waits for it step over its patch, if it is time. */
void turns_try(KvmGdb *gdb);
/* The same at a resume, at once. */
void turns_begin(KvmGdb *gdb);
/* The last of the others has halted: its patch may go. */
void turns_lift_when_alone(KvmGdb *gdb);
/* In a turn: lifts the patch at @gpa, if there is one, to its end. */
void turns_lift_also(KvmGdb *gdb, uint64_t gpa);
/* Memory was mapped anew, with all patches: what is lifted in this turn stays so. */
void turns_lift_again(KvmGdb *gdb);
/* @vcpu has left the place of its patch: the next one, or everybody. */
void turns_done(KvmGdb *gdb);
/* The same, but it has not left: it waits for another turn, after the others have run. */
void turns_yield(KvmGdbVcpu *vcpu);
/* A stop cuts the turn off. The patch goes back before anybody looks. */
void turns_cut(KvmGdb *gdb);
/*
 * @vcpu enters the guest, or goes back to the VMM: who waits for its turn need not wait for it any
 * longer, but only until the slice that begins here is over.
 */
void turns_has_run(KvmGdbVcpu *vcpu);
/* Does @vcpu wait for the end of that slice? How long from now; else it is woken by an event. */
bool turns_slice(const KvmGdbVcpu *vcpu, struct timespec *ret);

/* ---- through.c: runs through code that fails when it is stepped; with the lock held ---- */

/*
 * Begins one instead of a step, if @vcpu stands in such code and there are slots for the ways out
 * of it. Fills vcpu->step. FALSE: nothing was done.
 */
bool through_begin(KvmGdbVcpu *vcpu);
/* Must @point be in force, for all that the step is? */
bool through_arms(const KvmGdbVcpu *vcpu, const GdbBreak *point);
/* Did the last step of @vcpu run through code that @pc lies in? */
bool through_covers(const KvmGdbVcpu *vcpu, uint64_t pc);
/* Was the last step of @vcpu such a run, and its time was over? */
bool through_given_up(const KvmGdbVcpu *vcpu);
/* The time of KvmGdb.limit has come. */
void through_limit(KvmGdb *gdb);

/* ---- run.c ---- */

/* Picks the engine's kick signal and installs its handler; 0 when none is free. */
int kick_signal_install(void);

/* ---- exits.c: what came out of KVM_RUN; on the vCPU's own thread with the lock held ---- */

/* Is the I/O instruction of the last exit half done? */
bool exits_io_open(const KvmGdbVcpu *vcpu);
/*
 * KVM_RUN returned @ret with errno @err. TRUE: the VMM must handle it. FALSE: the engine has, or
 * what happened waits for the client: look at the world again.
 */
bool exits_handle(KvmGdbVcpu *vcpu, int ret, int err);
/* A KVM_RUN with immediate_exit has finished the open I/O instruction, and done nothing else. */
void exits_io_finished(KvmGdbVcpu *vcpu);
/*
 * At a stop and at the resume: the client has seen where the vCPU is. With an I/O instruction half
 * done its next step begins there, and what has moved pc before belongs to none.
 */
void exits_seen(KvmGdbVcpu *vcpu);

/* ---- translate.c: with the lock held, while @vcpu does not run ---- */

/*
 * Whose addresses are meant: those of @vcpu as it is now; with a @process, the user's ones are
 * those of these page tables instead.
 */
typedef struct Space {
	KvmGdbVcpu *vcpu;
	bool has_process;
	ArchRoot process;
} Space;

static inline Space space_of(KvmGdbVcpu *vcpu)
{
	return (Space){.vcpu = vcpu};
}

/* Where @addr is for @vcpu, or in @space; FALSE with FAULT. */
bool translate(KvmGdbVcpu *vcpu, uint64_t addr, ArchMapping *ret, GError **error);
bool translate_in(const Space *space, uint64_t addr, ArchMapping *ret, GError **error);
/* GdbMemoryOps.region. */
bool translate_region(const Space *space, uint64_t addr, GdbRegion *ret, GError **error);
/* Where the code is that @vcpu executes; FALSE also when it is not this machine's (nested). */
bool translate_pc(KvmGdbVcpu *vcpu, uint64_t pc, uint64_t *ret_gpa);
/* Where software breakpoints can be hit; nothing is mapped if its vcpu is NULL. Holds @space. */
KvmFinder translate_finder(const Space *space);

/* ---- guest-memory.c: with the lock held, while @vcpu does not run ---- */

/*
 * As GdbMemoryOps.read and write, while the world is stopped. They give the lock up
 * while a device of the VMM is asked.
 */
size_t virtual_read(const Space *space, uint64_t addr, uint8_t *buf, size_t len, GError **error);
/* RAM only, no device; how much there was. */
size_t virtual_read_ram(KvmGdbVcpu *vcpu, uint64_t addr, uint8_t *buf, size_t len);
/* The same; memory that nobody has used stays so, and counts as zeros. Patches are not hidden. */
size_t virtual_look_ram(KvmGdbVcpu *vcpu, uint64_t addr, uint8_t *buf, size_t len);
bool virtual_write(const Space *space, uint64_t addr, const uint8_t *buf, size_t len,
		   GError **error);
/* As GdbPhysicalOps.read and write; likewise. */
size_t physical_read(KvmGdb *gdb, uint64_t gpa, uint8_t *buf, size_t len, GError **error);
bool physical_write(KvmGdb *gdb, uint64_t gpa, const uint8_t *buf, size_t len, GError **error);
/* An ArchPhysRead, of a KvmGdb: the guest's own bytes, all of them or FALSE; RAM only. */
bool physical_read_own(void *gdb, uint64_t gpa, void *buf, size_t len);
/*
 * Page tables that physical_read_own() has read are kept from physical_keep() to physical_forget():
 * in one hold of the lock, while the machine stands. Each byte may cost a system call else.
 */
void physical_keep(KvmGdb *gdb);
void physical_forget(KvmGdb *gdb);
/* RAM only, for the arch half, and nothing for a CPU in a nested guest; holds @vcpu. */
ArchMemory virtual_memory(KvmGdbVcpu *vcpu);
/* RAM only, for guest/, as @vcpu sees it; holds @vcpu. */
LinuxMemory virtual_linux_memory(KvmGdbVcpu *vcpu);

/* ---- hit.c: on the vCPU's own thread with the lock held ---- */

/*
 * The vCPU has hit the patch at @gpa by the address @pc, or the client's point @index: shall the
 * world stop for a breakpoint of the client's? Runs the commands that came with it.
 */
bool hit_at_patch(KvmGdbVcpu *vcpu, uint64_t pc, uint64_t gpa);
bool hit_at_point(KvmGdbVcpu *vcpu, uint64_t pc, unsigned index);

/* ---- armed.c: on the vCPU's own thread with the lock held ---- */

/*
 * The debug registers for the next run; fills @vcpu->armed. The guest's own points are in them as
 * far as there is room. FALSE: none of ours are wanted: then the guest's own are to be in force.
 */
bool armed_compute(KvmGdbVcpu *vcpu, struct kvm_guest_debug_arch *ret);
/* Is there room for all that the client wants, and all ways out of a run through? */
bool armed_fits(KvmGdbVcpu *vcpu);
/* Is @pc the landing of a step that is a patch? Then the trap there is the end of the step. */
bool armed_by_patch(const KvmGdbVcpu *vcpu, uint64_t pc);
/* The step is over, or has to end without that patch. */
void armed_drop_patch(KvmGdbVcpu *vcpu);

/* ---- guest-debug.c: debug control of one vCPU, on its own thread with the lock held ---- */

/* Before KVM_RUN: everything that KVM must be told, in the one order that works. */
bool guest_debug_apply(KvmGdbVcpu *vcpu, GError **error);
/* The step has ended, or is given up: undoes what it needed. */
void guest_debug_end_step(KvmGdbVcpu *vcpu);
/* The VMM takes the vCPU away, and its descriptor may be another one's: what the VMM wants holds.
 */
void guest_debug_give_back(KvmGdbVcpu *vcpu);
/*
 * After a KVM_EXIT_DEBUG, before guest_debug_end_step(): what it was.
 * FALSE: nothing of ours, the trap belongs to the guest.
 */
typedef enum CauseKind { CAUSE_POINT, CAUSE_TRAP_INSN, CAUSE_STEP } CauseKind;
typedef struct Cause {
	CauseKind kind;
	unsigned point; /* index for kvm_breaks_point_kind() */
	uint64_t addr;
	bool step; /* with CAUSE_POINT: a step ended with it */
	bool own;  /* with both others: the guest is to get a trap of its own, too */
	unsigned n_also;
	ArchWatch also[GDB_STOP_ALSO_MAX]; /* watches beside it, indexed likewise */
} Cause;
bool guest_debug_decode(KvmGdbVcpu *vcpu, Cause *ret);

/* Is the debug control in force the VMM's own, so that a debug exit is the VMM's too? */
bool guest_debug_is_vmms(const KvmGdbVcpu *vcpu);

/* ---- target.c ---- */

extern const GdbTargetOps kvm_target_ops; /* without the monitor's table */

/* FALSE with @error: the VMM has nothing for @what. */
bool target_lacks(const char *what, GError **error);

/* GdbRunOps.reset, and the monitor's: without the lock. UNSUPPORTED where the VMM has none. */
bool target_reset(void *target, GError **error);

/* The CPU, if the machine can be looked at now: with the lock held. NULL with @error. */
KvmGdbVcpu *target_vcpu(KvmGdb *gdb, unsigned cpu, GError **error);
/* In which space is @addr, for what @place stands for? Likewise. */
bool target_space(KvmGdb *gdb, GdbPlace place, uint64_t addr, Space *ret, GError **error);
bool target_check_stopped(KvmGdb *gdb, GError **error);
/*
 * arch_run_state(), asked once in a standstill: it changes by what other CPUs do, too. With the
 * lock held, while @vcpu does not run.
 */
const char *target_run_state(KvmGdbVcpu *vcpu);
/* Can those be stepped that shall be? Else FALSE with @error. */
bool target_can_step(KvmGdb *gdb, const GdbAction *actions, GError **error);

/* ---- engine.c ---- */

#define ENGINE_VERSION_TEXT "vmgdb " VMGDB_VERSION

/* The registers of this machine, gdb->regs, once: for who shows them. FALSE with @error. */
bool engine_describe(KvmGdb *gdb, GError **error);

/*
 * Takes breakpoints that are gone out of pages that the guest has copied; while the world stands.
 */
void engine_sweep(KvmGdb *gdb);
#endif
