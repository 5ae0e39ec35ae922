/*
 * tests/model.h - one machine of the toy architecture with the real engine, a real session and a
 * VMM, on the host of tests/model-host.h, and the rules of run control, which it checks after
 * everything that happens.
 *
 * A scenario says what the machine is and what its client may do. What happens next is a choice:
 * one vCPU's thread goes on to its next place, the server hands a stop to the client, time passes,
 * the VMM signals a thread, a request to KVM fails, or the client says something.
 */
#ifndef VMGDB_TESTS_MODEL_H
#define VMGDB_TESTS_MODEL_H

#include "gdbstub/session.h"
#include "tests/model-host.h"
#include "tests/toy-kvm.h"

#define MODEL_CODE 0x100u  /* the first CPU's program */
#define MODEL_STRIDE 0x20u /* from there to the next one's */
#define MODEL_ACTIONS 12

typedef struct ModelScenario {
	const char *name;
	unsigned n;
	/*
	 * Hex, the program of each CPU: a loop without conditions. "": it runs the first one's,
	 * too.
	 */
	const char *code[HOST_CPUS];
	bool like_arm, no_rf; /* see tests/toy-kvm.h */
	bool like_kvmtool;    /* the VMM looks at the exit reason also after EINTR */
	/* Packets before anything runs, with | between them; NULL: no client is there. */
	const char *setup;
	bool reset;	   /* after the setup the VMM says that the machine was reset */
	unsigned signals;  /* how many the VMM may send */
	unsigned failures; /* how often KVM may fail */
	unsigned says;	   /* how often the client may say something */
	/*
	 * What it may say: packets with | between them, or ^C, connect, hangup; pause: somebody
	 * else stops the machine. A packet only while
	 * it was told of a stop, ^C only while it waits for one.
	 */
	const char *actions[MODEL_ACTIONS];
} ModelScenario;

/* Numbers of choices. */
enum {
	MODEL_STEP = 0,
	MODEL_SIGNAL = MODEL_STEP + HOST_CPUS,
	MODEL_FAIL_RUN = MODEL_SIGNAL + HOST_CPUS,
	MODEL_FAIL_CONTROL = MODEL_FAIL_RUN + HOST_CPUS,
	MODEL_KICK = MODEL_FAIL_CONTROL + HOST_CPUS,
	MODEL_TELL = MODEL_KICK + HOST_CPUS,
	MODEL_TIME,
	MODEL_SAY,
	MODEL_CHOICES = MODEL_SAY + MODEL_ACTIONS,
};

typedef struct Model Model;

Model *model_new(const ModelScenario *scenario);
void model_free(Model *model);

/* A bit for each choice that there is now. */
uint64_t model_choices(const Model *model);
void model_choose(Model *model, unsigned choice);
/* A word without blanks, "cpu1", "tell", "vCont;c"; valid until the next call. */
const char *model_choice_name(const ModelScenario *scenario, unsigned choice);

/*
 * Everybody goes on without any further choice: what is owed to the client must come, also where a
 * device keeps a vCPU; then the client vanishes, and all run free.
 */
void model_finish(Model *model);

/* The rule that was broken first, or NULL. */
const char *model_fault(const Model *model);
/* What the future depends on. Two states with one digest are taken for the same. */
uint64_t model_digest(const Model *model);
/* Where all are, for a reader. */
void model_print(const Model *model);

/* For the files of the model. */

typedef struct ModelBreak {
	char type; /* '0' to '4', or 'p': by its physical address */
	uint64_t addr;
} ModelBreak;

typedef struct ModelCpu {
	KvmGdbVcpu *vcpu;
	uint64_t next;	      /* the instruction that is due */
	GdbActionKind action; /* as the client said */
	unsigned steps;	      /* instructions since it said so */
	unsigned finished;    /* of I/O, during the stop; late: during the one before */
	unsigned late;
	bool stop_owed;		/* non-stop: the engine must post one, when it stops */
	bool asked;		/* and may post one that is just for that */
	bool interrupted;	/* or is to post a pause, and not the end of a step */
	bool hit_told;		/* the client knows of the breakpoint at @next */
	unsigned accesses, ios; /* to its device; I/O instructions done */
	unsigned executed;
	uint64_t r3;
} ModelCpu;

#define MODEL_STOPS 8
#define MODEL_BREAKS 8

struct Model {
	const ModelScenario *scenario;
	ToyVm *vm;
	KvmGdb *gdb;
	ModelCpu cpus[HOST_CPUS];
	uint8_t code[HOST_CPUS * MODEL_STRIDE];

	GdbSession *session;
	unsigned cpu_named; /* by Hg */
	bool physical;
	ModelBreak breaks[MODEL_BREAKS];
	unsigned n_breaks;
	GdbStop stops[MODEL_STOPS]; /* posted and not yet told */
	unsigned n_stops;
	unsigned owed;	     /* stops that the engine must post */
	bool standing;	     /* it has, and nobody has resumed */
	bool asked;	     /* for a pause */
	bool interrupt_owed; /* by 0x03 */
	bool killed, panic_owed;
	bool non_stop;	  /* stops are the CPUs', and are checked when they are posted */
	bool all_owed;	  /* somebody beside the client has stopped the machine */
	bool moment_owed; /* by hold() */
	char *waiting;	  /* a packet that waits for a moment, or NULL */

	unsigned signals, failures, says; /* that are left */
	unsigned failed_runs;		  /* that the VMM has not seen */
	char *fault;
};

/* Records the first broken rule. */
void model_break_rule(Model *model, const char *format, ...) G_GNUC_PRINTF(2, 3);
/*
 * A KVM_RUN that fails after it has finished I/O forgets a step of that instruction: the engine
 * does not keep it either, so steps are not counted from then on.
 */
bool model_has_failed(const Model *model);
bool model_has_break(const Model *model, uint64_t addr);
/* model-client.c */
void model_connect(Model *model);
void model_hang_up(Model *model);
bool model_may_say(const Model *model, const char *action);
void model_say(Model *model, const char *action);
void model_tell(Model *model);
bool model_is_running(const Model *model);
bool model_is_stopped(const Model *model);
/* The engine's, with the model between it and the session. */
const GdbNonStopOps *model_non_stop_ops(void);

#endif
