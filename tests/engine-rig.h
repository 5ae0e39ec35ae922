/*
 * tests/engine-rig.h - a machine of the toy architecture with the real engine, its server, a VMM of
 * one thread per vCPU and a client on the wire: what the tests of the engine share.
 */
#ifndef VMGDB_TESTS_ENGINE_RIG_H
#define VMGDB_TESTS_ENGINE_RIG_H

#include <pthread.h>

#include "kvm/kvm-gdb.h"
#include "tests/rsp-client.h"
#include "tests/test-util.h"
#include "tests/toy-kvm.h"

#define MAX_CPUS 8

typedef struct Rig Rig;

typedef struct Cpu {
	Rig *rig;
	unsigned index;
	KvmGdbVcpu *vcpu;
	GThread *thread;
	pthread_t id;	      /* atomic, of the thread once it runs */
	unsigned eintrs;      /* atomic */
	int error;	      /* atomic: what KVM_RUN failed with; ended for it */
	unsigned bad_reasons; /* atomic: EINTR with a reason that KVM does not leave */
	bool ended;	      /* atomic: the thread has left its loop */
	int leave;	      /* atomic: it shall, alone */
} Cpu;

struct Rig {
	ToyVm *vm;
	KvmGdb *gdb;
	unsigned n;
	Cpu cpus[MAX_CPUS];
	int stop, device_hold, device_sleeps, device_finishes, finished; /* atomic */
	unsigned io_exits, shutdowns, poweroffs, dirty, resets, devices_go;
	const KvmGdbPart *parts; /* what the VMM names */
	unsigned n_parts;
	bool has_buses;		  /* for `info pci` */
	const char *reset_fails;  /* a reset fails with this message */
	bool ends;		  /* it ends the engine when it is asked to power off */
	unsigned device_accesses; /* by the engine */
	/* Answers them, as KvmGdbOps.mmio; NULL: no device does. */
	bool (*device)(Rig *rig, uint64_t gpa, void *data, size_t len, bool is_write);
	void *device_data;
	unsigned warnings; /* lines of the engine for the VMM's user that name a vmlinux */
	RspClient *client;
	unsigned fds;
};

#define GET(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define SET(field, value) __atomic_store_n(&(field), value, __ATOMIC_SEQ_CST)
#define COUNT(field) __atomic_add_fetch(&(field), 1, __ATOMIC_SEQ_CST)

/* A machine that listens; every CPU's pc is 0x100, where a loop of two nops is. */
Rig *rig_new(unsigned n, bool wait);
/* Ends the VMM and checks that no descriptor is left. */
void rig_free(Rig *rig);
/* Start the thread of one vCPU, of all. */
void start(Rig *rig, unsigned cpu);
void start_all(Rig *rig);
/*
 * start_to_exit: likewise, but the thread ends when the VMM gets an exit, which nobody handles.
 * await_exit: lets the engine work until it has, and joins it.
 */
void start_to_exit(Rig *rig, unsigned cpu);
void await_exit(Rig *rig, unsigned cpu);
/* The thread of the vCPU comes back from kvm_gdb_run(), and ends; it may be started again. */
void leave(Rig *rig, unsigned cpu);

/* A client connects, and the world stands. rig_new_stopped: a running machine with one. */
void connect_client(Rig *rig);
Rig *rig_new_stopped(unsigned n);
/* The same, with a log (kvm_gdb_set_log()) in the file @log. */
Rig *rig_new_logged(unsigned n, const char *log);
/* The client closes; waits until no debug control is left. */
void hang_up(Rig *rig);
/* Is nobody connected, and no debug control in force? @data: the Rig; for test_wait(). */
bool is_free(void *data);

/* The next packet is a stop reply that begins so; the same after @packet. */
void expect_stop(Rig *rig, const char *prefix);
void resume_to(Rig *rig, const char *packet, const char *prefix);
/* The stop must be a SIGTRAP and give this reason. */
void resume_to_reason(Rig *rig, const char *packet, const char *reason);
void interrupt(Rig *rig);

/*
 * The value of register @num on thread @thread, from little-endian hex. On a slow host a vCPU may
 * not be back from its device when the wait for it is over, and is busy for a moment.
 */
uint64_t read_reg(Rig *rig, unsigned thread, unsigned num);
uint64_t pc_of(Rig *rig, unsigned thread);
void write_pc(Rig *rig, unsigned thread, uint64_t pc);
/* Write guest memory behind the engine's back. */
void put_code(Rig *rig, unsigned at, const char *hex);

/*
 * Is that there now? To be polled: the engine may be writing it, which is no race to complain of.
 */
bool has_code(Rig *rig, unsigned at, const uint8_t *code, unsigned len);

/* Does the CPU execute instructions, does it not? */
void expect_runs(Rig *rig, unsigned cpu);
/* The CPU executes at least n more: for what the guest has done only by then. */
void expect_runs_for(Rig *rig, unsigned cpu, unsigned n);
void expect_stands(Rig *rig, unsigned cpu);

/* The text that `monitor COMMAND` prints; that it is so; that it matches a regular expression. */
char *monitor(Rig *rig, const char *command);
void expect_text(Rig *rig, const char *command, const char *expected);
void expect_match(Rig *rig, const char *command, const char *pattern);

#endif
