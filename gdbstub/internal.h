/*
 * gdbstub/internal.h - what the handlers of packets (cmd-*.c) share with session.c.
 */
#ifndef VMGDB_GDBSTUB_INTERNAL_H
#define VMGDB_GDBSTUB_INTERNAL_H

#include <inttypes.h>
#include <string.h>

#include "gdbstub/command.h"
#include "gdbstub/frame.h"
#include "gdbstub/log.h"
#include "gdbstub/monitor.h"
#include "gdbstub/session.h"
#include "gdbstub/stop.h"

/*
 * Work that takes many slices. step: do one slice; TRUE when @ret_reply is the answer. free: also
 * called when the client left before it was done. @is_preparation: it has no answer: the packet
 * that it was done for is handled once more then (gdb_session_prepare()). @after: or NULL: called
 * in place of an answer when it is done, or the client has interrupted it.
 */
typedef struct GdbWork GdbWork;
struct GdbWork {
	bool (*step)(GdbSession *session, GdbWork *work, GdbReply *ret_reply);
	void (*free)(GdbWork *work);
	bool is_preparation;
	void (*after)(GdbSession *session, bool interrupted);
};

/* QEMU's bits in sstep. QEMU's third, NOTIMER (4), means nothing where the guest's time runs on. */
typedef enum GdbStepFlags {
	GDB_STEP_ENABLE = 1, /* without it a step is a continue */
	GDB_STEP_NOIRQ = 2,  /* no interrupt is taken during a step */
} GdbStepFlags;

/*
 * What a client brings with it, each part with its own life. One assignment forgets a part, so that
 * nothing that one client has said can bind the next; only GdbNonStop owns memory, which
 * gdb_non_stop_left() frees.
 */

/* What a client is offered once. */
typedef enum GdbOffer {
	GDB_OFFER_OPEN, /* not yet decided */
	GDB_OFFER_NONE,
	GDB_OFFER_MADE,
} GdbOffer;

typedef enum GdbRunMode {
	GDB_RUN_ALL_STOP,
	GDB_RUN_NON_STOP, /* each CPU stops and goes on by itself */
} GdbRunMode;

/* What the client has said that it understands, and what it was told: as long as the client. */
typedef struct GdbAgreed {
	GdbFeatures features;
	bool has_offered;   /* in qSupported, which a client sends once */
	bool thread_suffix; /* lldb: g G p P may name a thread at their end */
	bool extended;	    /* !: it may restart the machine after it has killed it */
	bool list_threads;  /* lldb: stop replies list the threads and their pcs */
	bool files_refused; /* vFile was answered as a packet that is not known */
	GdbOffer libraries;
	GdbRunMode mode;
} GdbAgreed;

/* How bytes are exchanged with it: as long as the client. */
typedef struct GdbWire {
	bool no_ack;	 /* QStartNoAckMode: no more + and - */
	bool last_plus;	 /* the client still acknowledges the OK to QStartNoAckMode */
	bool held;	 /* the packet in the session's frame waits to be handled */
	unsigned n_seen; /* interrupts among the bytes not taken yet that have had their effect */
} GdbWire;

/* What it looks at: from attach() to detach(). */
typedef struct GdbView {
	GdbPlace place;	    /* Hg: registers, memory, breakpoints */
	bool physical;	    /* memory packets mean guest-physical addresses */
	GdbMonitor monitor; /* at which CPU `monitor` commands look */
} GdbView;

/* What a client that was told of another program hears then, in this order: each as it resumes. */
typedef enum GdbOwed {
	GDB_OWED_LIBRARIES = 1, /* those of the program have changed, too */
	GDB_OWED_STOP = 2,	/* what had stopped the machine */
} GdbOwed;

/* Its run control: from attach() to detach(). */
typedef struct GdbRun {
	GdbStop stop;	      /* the last one; valid from the first stop after attach() */
	bool cpu_chosen;      /* Hc named one: */
	unsigned cpu;	      /* what s steps */
	unsigned focus;	      /* the CPU to name when the user interrupts */
	unsigned step_flags;  /* of GdbStepFlags */
	bool interrupt_owed;  /* the client said 0x03 or vCtrlC, and no pause was reported since */
	bool attach_reply;    /* the stop that attach() brings answers a vAttach */
	bool by_packet;	      /* vAttach began it, not the connection */
	const char *previous; /* the row's name of the packet before this one; NULL: none yet */
	bool offsets_over;    /* the client will not ask qOffsets any more (cmd-symbols.c) */
	unsigned owed;	      /* of GdbOwed (exec.c) */
	bool unprepared;      /* a preparation was interrupted; its packet is about to hear of it */
} GdbRun;

/* A CPU in non-stop mode, as the client knows it. */
typedef enum GdbCpuState {
	GDB_CPU_RUNS,
	GDB_CPU_UNTOLD, /* stands, and the client has not taken its stop yet */
	GDB_CPU_STANDS,
} GdbCpuState;

typedef struct GdbCpu {
	GdbCpuState state;
	GdbStop stop;	     /* the last one, unless it runs */
	unsigned generation; /* GdbCpuOps': all this is of that CPU */
} GdbCpu;

/* How the client hears of stops in non-stop mode (gdb manual, "Notification Packets"). */
typedef enum GdbTelling {
	GDB_TELLING_NOTHING,
	GDB_TELLING_STOPS, /* it was sent the oldest of those that wait, and says vStopped */
} GdbTelling;

/* Non-stop mode: from QNonStop:1, or attach(), to QNonStop:0 or detach(). */
typedef struct GdbNonStop {
	GArray *cpus;	/* of GdbCpu, by number; NULL: none yet */
	GArray *untold; /* of GdbCpu as they were when they stopped, oldest first; likewise */
	GdbTelling telling;
	bool in_moment; /* the target waits for go_on() */
} GdbNonStop;

/* Files of the target that a client can have open at a time: gdb keeps each library's open. */
#define GDB_FILES_MAX 512

/*
 * A descriptor of the client's. @fd: of this process, plus 1; 0: none. @next: behind what was read
 * last.
 */
typedef struct GdbOpenFile {
	int fd;
	bool is_program;
	uint64_t next;
} GdbOpenFile;

/*
 * The target's own program as the client knows it. @generation: GdbFileOps'. @n_read: bytes of it
 * that the client has read; @has_symbols: they are as many as its symbols take.
 */
typedef struct GdbKnownProgram {
	uint64_t generation, n_read;
	bool has_symbols;
} GdbKnownProgram;

struct GdbSession {
	const GdbTargetOps *ops;
	void *target;
	const char *version;
	GdbLog *log; /* or NULL */
	bool lazy;
	bool elsewhere; /* the client is on another host */
	void (*detached)(void *data);
	void *detached_data;

	GdbSessionState state;
	bool killed; /* the machine is about to end: nothing to attach to */
	GdbAgreed agreed;
	GdbWire wire;
	GdbView view;
	GdbRun run;
	GdbNonStop non_stop;

	GdbFrame frame;
	GByteArray *out;     /* for the client */
	GByteArray *last;    /* the last packet as sent, for a NACK */
	GString *reply;	     /* what the running handler builds */
	GdbErrorForm errors; /* of the packet that is answered */

	GdbAction *actions; /* room for n_actions */
	unsigned n_actions;
	GdbWork *work;
	GString *document;   /* that the client is in the middle of reading, or NULL */
	char *document_name; /* its object and annex */
	char *program;	     /* the name of the target's own program, which the client was told */
	GdbKnownProgram known;
	GdbOpenFile files[GDB_FILES_MAX];
	uint8_t *memory; /* GDB_PACKET_MAX bytes for memory on its way */
};

/* What a client looks at first. */
static inline GdbView gdb_session_first_view(const GdbSession *session)
{
	return (GdbView){.monitor = {.ops = session->ops,
				     .target = session->target,
				     .version = session->version}};
}

/* The families: each is one cmd-*.c, and a line in families.c. */
extern const GdbCommandTable *const gdb_command_tables[];
extern const GdbCommandTable gdb_commands_query, gdb_commands_regs, gdb_commands_mem,
	gdb_commands_run, gdb_commands_break, gdb_commands_thread, gdb_commands_monitor,
	gdb_commands_xfer, gdb_commands_search, gdb_commands_qemu, gdb_commands_lldb,
	gdb_commands_symbols, gdb_commands_file, gdb_commands_os, gdb_commands_library,
	gdb_commands_non_stop;

/* Replies. */
static inline GdbReply gdb_reply(GdbReplyKind kind)
{
	return (GdbReply){kind, NULL};
}

/* gdb_reply_error: takes @error over. */
static inline GdbReply gdb_reply_error(GError *error)
{
	return (GdbReply){GDB_REPLY_ERROR, error};
}

/* gdb_reply_fail: an error made here. */
G_GNUC_PRINTF(2, 3)
GdbReply gdb_reply_fail(GdbError code, const char *format, ...);

/*
 * gdb_error_append: "Exx", the number in decimal digits as QEMU writes it, or "E.message" when the
 * client takes text, or lldb's "Exx;message in hex". A gdb gets words also as @form says; that it
 * is one shows in what it offers (swbreak). FALSE, and nothing appended, when the answer is the
 * empty reply. An error of another domain than GDB_ERROR counts as GDB_ERROR_IO.
 */
bool gdb_error_append(GString *out, const GError *error, const GdbFeatures *features,
		      GdbErrorForm form);

/*
 * gdb_session_send: queue what @reply says; takes @reply's error over.
 * gdb_session_send_ack: queue + or -, unless the client wants none.
 * gdb_session_send_stop: queue the stop reply for the last stop.
 */
void gdb_session_send(GdbSession *session, GdbReply reply);
void gdb_session_send_ack(GdbSession *session, bool good);
void gdb_session_send_stop(GdbSession *session);

/* gdb_session_send_console: as many O packets as @text takes; something else ends the answer. */
void gdb_session_send_console(GdbSession *session, const char *text, size_t len);

/*
 * gdb_session_prepare: lets the target find out what it is about to be asked for, before that: by
 * @prepare (GdbFileOps, GdbOsOps; or NULL). NOT_YET: the handler has nothing to do but to answer
 * GDB_REPLY_WORK, and is called once more with the same packet. INTERRUPTED: by the client.
 * gdb_session_prepare_then: that of GdbFileOps, while stopped; then @after.
 * gdb_session_knows_program: that of GdbFileOps, until it is decided whether there is a program and
 * whether libraries are offered. FALSE: NOT_YET. A client that interrupts it is offered neither.
 * gdb_session_knows_system: that of GdbOsOps. FALSE: @ret_reply is the answer.
 */
typedef enum GdbReadiness { GDB_READY, GDB_NOT_YET, GDB_INTERRUPTED } GdbReadiness;
GdbReadiness gdb_session_prepare(GdbSession *session, bool (*prepare)(void *target));
void gdb_session_prepare_then(GdbSession *session,
			      void (*after)(GdbSession *session, bool interrupted));
bool gdb_session_knows_program(GdbSession *session);
bool gdb_session_knows_system(GdbSession *session, GdbReply *ret_reply);

/* gdb_session_reset_reply: start a new reply; returns it. It is empty when a handler starts. */
static inline GString *gdb_session_reset_reply(GdbSession *session)
{
	return g_string_truncate(session->reply, 0);
}

/* gdb_session_has_cpu: is CPU @cpu, below cpu_count(), there; else it was unplugged. */
bool gdb_session_has_cpu(GdbSession *session, unsigned cpu);
/*
 * gdb_session_find_cpu: the CPU that @thread names; "any" and "all" give that of the chosen place.
 * gdb_session_find_place: what @thread names; "any" and "all" give the chosen place.
 */
bool gdb_session_find_cpu(GdbSession *session, const GdbThread *thread, unsigned *ret_cpu,
			  GError **error);
bool gdb_session_find_place(GdbSession *session, const GdbThread *thread, GdbPlace *ret,
			    GError **error);
/* gdb_session_places: all that there are as threads, of GdbPlace. Caller unrefs. */
GArray *gdb_session_places(GdbSession *session);

static inline bool gdb_place_is(GdbPlace place, unsigned cpu)
{
	return place.cpu == cpu && !place.task;
}

/*
 * gdb_place_thread: its number as a thread. gdb_place_append_thread: its id, for this client.
 * gdb_place_append_name: its name; any bytes.
 */
unsigned gdb_place_thread(GdbPlace place);
void gdb_place_append_name(GdbSession *session, GString *out, GdbPlace place);
void gdb_place_append_thread(GdbSession *session, GString *out, GdbPlace place);

/* gdb_session_move: the session's state after @event. */
static inline void gdb_session_move(GdbSession *session, GdbSessionEvent event)
{
	session->state = gdb_session_next(session->state, event);
}

/*
 * gdb_session_interrupt: the client wants the machine stopped: now, or when it is resumed next
 * (gdb manual, "Interrupts").
 */
void gdb_session_interrupt(GdbSession *session);

/* gdb_session_detach: leave the target: @kill ends the machine, where the target can do that. */
void gdb_session_detach(GdbSession *session, bool kill);

/*
 * Non-stop mode (non-stop.c). In all-stop mode these do nothing, and return FALSE or TRUE for
 * "all is well".
 * hold: the packet that is held waits until no CPU runs. go_on: those go on that shall run, unless
 * work is to be done first.
 * resume: vCont; all of it.
 * interrupt: TRUE: done. take: TRUE: @stop is none for all-stop mode. exited: TRUE: the client was
 * told.
 * attached: the stop that attach() asked for is here. revived: the machine stands, in whatever
 * state its CPUs were. left: before detach() and kill().
 * check: do the registers of @place stand still? Else FALSE with @error.
 */
static inline bool gdb_non_stop_is_on(const GdbSession *session)
{
	return session->agreed.mode == GDB_RUN_NON_STOP;
}
void gdb_non_stop_hold(GdbSession *session);
void gdb_non_stop_go_on(GdbSession *session);
GdbReply gdb_non_stop_resume(GdbSession *session, GdbText actions);
bool gdb_non_stop_interrupt(GdbSession *session);
bool gdb_non_stop_take(GdbSession *session, const GdbStop *stop);
bool gdb_non_stop_exited(GdbSession *session, uint8_t status);
void gdb_non_stop_attached(GdbSession *session);
void gdb_non_stop_revived(GdbSession *session);
void gdb_non_stop_left(GdbSession *session);
bool gdb_non_stop_check(GdbSession *session, GdbPlace place, GError **error);
/* ?: the first stop reply. OK: none stands. */
GdbReply gdb_non_stop_why(GdbSession *session);

/* gdb_session_get_actions: one action for each CPU there is now; the array is the session's. */
GdbAction *gdb_session_get_actions(GdbSession *session, unsigned *ret_n);
/* gdb_session_forgo_steps: a client that has switched steps off goes on instead. */
void gdb_session_forgo_steps(GdbSession *session, GdbAction *actions, unsigned n);

/* gdb_session_append_stop: the stop reply for the last stop, with the expedited registers. */
void gdb_session_append_stop(GdbSession *session, GString *out);

/* gdb_session_append_expedited: the expedited registers of @place, as a stop reply has them. */
void gdb_session_append_expedited(GdbSession *session, GString *out, GdbPlace place);

/* gdb_families_errors: how errors of the packet of @row are written; @row may be NULL. */
GdbErrorForm gdb_families_errors(const GdbCommand *row);

/* All families' hooks (gdbstub/command.h); of take_place and is_kill the first that says TRUE. */
void gdb_families_attached(GdbSession *session);
bool gdb_families_take_place(GdbSession *session, const char *packet, size_t *len, GdbPlace *ret);
void gdb_families_handled(GdbSession *session, const GdbCommand *row);
void gdb_families_append_stop(GdbSession *session, GString *out);
void gdb_families_gone(GdbSession *session);
bool gdb_families_is_kill(const GdbSession *session, const char *packet, size_t len);

/*
 * gdb_session_program: the name of the target's own program, which the client reads through the
 * connection; or NULL.
 * gdb_session_reads_files: does it read files so, that program or one of the host? Else vFile is
 * not known in the connection (GdbFileOps).
 * gdb_session_exec_file: the path of the program that runs in the target, that one or one of the
 * host; or NULL.
 */
const char *gdb_session_program(GdbSession *session);
bool gdb_session_reads_files(GdbSession *session);
const char *gdb_session_exec_file(GdbSession *session);

/*
 * Another program (exec.c). gdb_session_tells_of_programs: can this target's be replaced?
 * gdb_session_awaits_exec: would the client hear of that?
 * gdb_session_send_exec: at a stop, before it is told: tells the client that has the symbols of a
 * program that another one runs, if so; the stop is owed then. What GdbFileOps.prepare() finds out
 * is known.
 * gdb_session_append_owed: the client resumes: appends what it is owed, which is the answer.
 */
bool gdb_session_tells_of_programs(const GdbSession *session);
bool gdb_session_awaits_exec(const GdbSession *session);
bool gdb_session_send_exec(GdbSession *session);
bool gdb_session_append_owed(GdbSession *session, GString *out);
/*
 * gdb_session_go_on: the stop was for that, but the client knows the program: all go on as they
 * were told. FALSE: it was for something else, or cannot be.
 */
bool gdb_session_go_on(GdbSession *session);
/* gdb_session_expect_program: the client has attached: if it knows a program, the next one, too. */
void gdb_session_expect_program(GdbSession *session);
/* gdb_session_program_opened, _read: the client has opened it, has read @n bytes of its @fd. */
void gdb_session_program_opened(GdbSession *session);
void gdb_session_program_read(GdbSession *session, int fd, size_t n);

/*
 * gdb_session_document: answers qXfer:OBJECT:read, whose arguments are @args: annex, offset and
 * length. @make: appends the whole document to @out, or FALSE with @error; called when a reading
 * starts, and the document is kept until the reading ends.
 * gdb_session_no_annex: is it none, as it should be? Else FALSE with @error.
 */
typedef bool GdbMakeDocument(GdbSession *session, const char *annex, GString *out, GError **error);
GdbReply gdb_session_document(GdbSession *session, const GdbArgs *args, const char *object,
			      GdbMakeDocument *make);
bool gdb_session_no_annex(const char *annex, GError **error);
/* gdb_session_check_stopped: may the target look at the guest's memory? Else FALSE with @error. */
bool gdb_session_check_stopped(const GdbSession *session, GError **error);

/*
 * gdb_session_offers_libraries: does the client hear of GdbLibraryOps? Decided at the first call
 * while stopped, which is when it says hello.
 */
bool gdb_session_offers_libraries(GdbSession *session);

/*
 * Memory in the address space that the client chose: @place's virtual one, or the physical one.
 * Otherwise as GdbMemoryOps.read and write.
 */
size_t gdb_session_read(GdbSession *session, GdbPlace place, uint64_t addr, uint8_t *buf,
			size_t len, GError **error);
bool gdb_session_write(GdbSession *session, GdbPlace place, uint64_t addr, const uint8_t *buf,
		       size_t len, GError **error);

/* gdb_session_read_register: GdbRegisterOps.read of one. */
static inline bool gdb_session_read_register(GdbSession *session, GdbPlace place, const GdbReg *reg,
					     uint8_t *buf, GError **error)
{
	return session->ops->registers->read(session->target, place, &reg, 1, buf, error) == 1;
}

/* gdb_session_memory: a buffer of GDB_PACKET_MAX bytes, the session's. */
uint8_t *gdb_session_memory(GdbSession *session);

#endif
