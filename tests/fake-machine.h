/*
 * tests/fake-machine.h - the inside of the fake target: its state, and what its operations
 * (fake-target.c) need of its memory, registers and CPUs (fake-machine.c). All functions want
 * the lock held, except fake_cpu_thread().
 */
#ifndef VMGDB_TESTS_FAKE_MACHINE_H
#define VMGDB_TESTS_FAKE_MACHINE_H

#include "tests/fake-target.h"

#define FAKE_N_ROWS 42
#define FAKE_MAX_CPUS 64

typedef struct FakeCpu {
	FakeTarget *target;
	GThread *thread;
	unsigned index;
	bool running, stuck;
	bool past_hw; /* a hardware breakpoint at the pc of the resume does not hit */
	GdbAction action;
	uint64_t executed;
	bool has_event;
	GdbStop event;
	uint64_t event_pc;
	uint8_t regs[FAKE_N_ROWS][GDB_REG_MAX_BYTES];
} FakeCpu;

struct FakeTarget {
	GMutex lock;
	GCond cond;
	FakePost *post;
	void *post_data;
	GdbRegSet *set;
	GHashTable *pages; /* address -> FAKE_PAGE bytes */
	GArray *breaks;	   /* GdbBreak */
	GPtrArray *codes;  /* struct GdbBreakCode or NULL, parallel to breaks */
	GString *complaints;
	GThread *server_thread;
	FakeCounts counts;
	unsigned n_cpus, n_running, next_report, pause_cpu;
	bool threads, quit, attached, killed;
	bool stop_owed, stop_wanted;
	bool refuse_resume;
	bool irq_blocked;
	const char *program; /* and how far it was moved: */
	uint64_t slide;
	FakeFile own;	     /* its own program */
	unsigned own_turns;  /* how often open() still says "not yet" */
	unsigned own_pieces; /* and prepare() */
	uint64_t own_generation;
	bool own_expected; /* a client that is to hear of another one */
	FakeFile library;
	bool library_loaded, library_placed;
	GdbLibrary libraries[2]; /* as told */
	int unreadable;		 /* number of a register, or -1 */
	GdbAction actions[FAKE_MAX_CPUS];
	FakeCpu cpus[]; /* n_cpus of them */
};

/* What it offers beside the machine (fake-files.c). */
extern const GdbFileOps fake_file_ops;
extern const GdbLibraryOps fake_library_ops;
extern const GdbOsOps fake_os_ops;
bool fake_load_library(void *data, GdbPlace place, const char *args, GString *out, GError **error);

/*
 * What an operation begins with, and what it ends with. @stopped: it may only come while the world
 * is stopped.
 */
FakeTarget *fake_enter(FakeTarget *target, bool stopped);
void fake_leave(FakeTarget *target);

/* The rows, as a fresh set; a row's id is its index into FakeCpu.regs. */
GdbRegSet *fake_reg_set(void);
uint64_t fake_get_reg(const FakeCpu *cpu, unsigned num);
void fake_set_reg(FakeCpu *cpu, unsigned num, uint64_t value);

/* Pages of the pattern at @addr, and the programs in the code page. */
void fake_map(FakeTarget *target, uint64_t addr, size_t size);
void fake_write_program(FakeTarget *target);
GHashTable *fake_pages_new(void);
/* The byte at @addr, or NULL in a hole. */
uint8_t *fake_byte(FakeTarget *target, uint64_t addr);

bool fake_is_watch(GdbBreakType type);
/* Does something of this type cover @addr? */
bool fake_has_break(FakeTarget *target, GdbBreakType type, uint64_t addr);

/* Posts the stop that is owed. */
void fake_post(FakeTarget *target, const GdbStop *stop);
/* Posts the next event that waits and is still true; FALSE when there is none. */
bool fake_report_event(FakeTarget *target);
/* Let every CPU execute, with nothing pending. */
void fake_run_all(FakeTarget *target);
/* Without threads: execute a bounded while, and park everybody if a stop is wanted. */
void fake_run_inline(FakeTarget *target);
gpointer fake_cpu_thread(gpointer cpu);

#endif
