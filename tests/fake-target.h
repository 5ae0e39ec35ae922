/*
 * tests/fake-target.h - a machine without KVM for the tests: CPUs that are threads (or, for the
 * fuzzer, none) and that interpret a few one- and two-byte x86 instructions in a sparse memory. It
 * keeps the contract of gdbstub/target.h to the letter, and writes down every time that the
 * server does not.
 *
 * The CPUs execute: 0x90 (rax += 1), 0xeb disp8 (short jump), 0xfe 0x03 (add 1 to the byte at
 * rbx), 0x8a 0x03 (al = byte at rbx), 0xf4 (idle at this address until stopped). Any other byte
 * counts as 0x90, and a pc without memory idles.
 */
#ifndef VMGDB_TESTS_FAKE_TARGET_H
#define VMGDB_TESTS_FAKE_TARGET_H

#include "gdbstub/gdbstub.h"

#define FAKE_PAGE 0x1000u

/* The map at the start. Everything else is a hole, to be filled by fake_target_map(). */
#define FAKE_CODE 0x400000u		/* one page; all CPUs start at FAKE_COUNT */
#define FAKE_COUNT FAKE_CODE		/* 64 times 0x90, then back */
#define FAKE_STORE (FAKE_CODE + 0x100u) /* store, load, 0x90, then back */
#define FAKE_IDLE (FAKE_CODE + 0x200u)	/* idles */
#define FAKE_DATA 0x600000u		/* two pages: byte i holds (i * 7 + i / 256) & 0xff */
#define FAKE_BIG 0x1000000u		/* FAKE_BIG_SIZE bytes, the same pattern */
#define FAKE_BIG_SIZE 0x200000u
#define FAKE_TOP 0xfffffffffffff000u /* the last page of all */

/* Register numbers. rbx of CPU n is FAKE_DATA + 16 * n; fop cannot be changed. */
enum {
	FAKE_REG_RAX = 0,
	FAKE_REG_RBX = 1,
	FAKE_REG_FP = 6, /* FAKE_DATA + FAKE_PAGE, as rsp */
	FAKE_REG_RSP = 7,
	FAKE_REG_PC = 16,
	FAKE_REG_FLAGS = 17,
	FAKE_REG_V0 = 40,   /* 128 bits, the last one in g */
	FAKE_REG_WIDE = 60, /* 2048 bits, by p only */
};
#define FAKE_G_BYTES (16 * 8 + 8 + 7 * 4 + 8 * 10 + 8 * 4 + 16)

typedef struct FakeTarget FakeTarget;

/* What the server asked for so far, and how many stops were posted. */
typedef struct FakeCounts {
	unsigned attaches, detaches, kills, resets, stops, resumes, posts;
} FakeCounts;

/*
 * fake_target_new: @threads: one thread per CPU, running at once; FALSE: nothing runs but inside
 * the operations, for a bounded number of instructions, and there is no FAKE_BIG.
 */
FakeTarget *fake_target_new(unsigned n_cpus, bool threads);
/* After the server is freed. Joins the threads. */
void fake_target_free(FakeTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeTarget, fake_target_free)

/* Every operation is there. The target is the `target` of these. */
const GdbTargetOps *fake_target_ops(void);
/* Where stops are posted, on the thread of a CPU. Before the first client. */
typedef void FakePost(void *data, const GdbStop *stop);
void fake_target_set_post(FakeTarget *target, FakePost *post, void *data);
/* The same, with gdb_server_post_stop() of this server. */
void fake_target_set_server(FakeTarget *target, GdbServer *server);

/*
 * The functions below are for the test's thread, at any time.
 *
 * fake_target_raise: these events happen now, all at the same moment, one per CPU. For the
 * breakpoint kinds `addr` is the address of the breakpoint, and the CPU's pc becomes that. A CPU
 * that is stopped keeps its event for the time it is resumed. Nothing happens without a client.
 */
void fake_target_raise(FakeTarget *target, const GdbStop *stops, unsigned n);
/* While TRUE the CPU sits in a device and does not notice that it should stop. */
void fake_target_set_stuck(FakeTarget *target, unsigned cpu, bool stuck);
/* While TRUE resume() fails. */
void fake_target_refuse_resume(FakeTarget *target, bool refuse);
/* Reading this register fails from now on; -1: none does. */
void fake_target_set_unreadable(FakeTarget *target, int num);
void fake_target_map(FakeTarget *target, uint64_t addr, size_t size);
void fake_target_peek(FakeTarget *target, uint64_t addr, uint8_t *buf, size_t len);
uint64_t fake_target_get_reg(FakeTarget *target, unsigned cpu, unsigned num);
void fake_target_set_reg(FakeTarget *target, unsigned cpu, unsigned num, uint64_t value);
unsigned fake_target_count_breaks(FakeTarget *target);
bool fake_target_has_break(FakeTarget *target, GdbBreakType type, uint64_t addr);
/* Bytes of conditions and commands that this breakpoint came with. */
size_t fake_target_code_size(FakeTarget *target, GdbBreakType type, uint64_t addr);
/* Does any CPU, resp. this CPU, execute? */
bool fake_target_is_running(FakeTarget *target);
bool fake_target_cpu_is_running(FakeTarget *target, unsigned cpu);
uint64_t fake_target_executed(FakeTarget *target, unsigned cpu);
FakeCounts fake_target_counts(FakeTarget *target);
/* The actions of the last resume; cpu_count entries, owned by the target. */
const GdbAction *fake_target_last_actions(FakeTarget *target);
/*
 * The machine runs this program (a literal), whose text is linked at FAKE_TEXT, moved by @slide;
 * its file holds its own name.
 */
#define FAKE_TEXT 0xffffffff81000000u
void fake_target_set_program(FakeTarget *target, const char *path, uint64_t slide);
/*
 * The machine makes this program itself; the strings and bytes must outlive it. A NULL name: none.
 * @turns: open() says so often "not yet", each time.
 */
typedef struct FakeFile {
	const char *name;
	const void *bytes;
	size_t len;
	unsigned turns;
} FakeFile;
void fake_target_set_own_program(FakeTarget *target, const FakeFile *file);
/* From now on prepare() says so often that there is more to find out before anything is asked. */
void fake_target_set_pieces(FakeTarget *target, unsigned pieces);
/* Has the server said that there is a client that is to hear of another one? */
bool fake_target_expects_program(FakeTarget *target);
/*
 * The client hears of libraries: this is one that it can open, of one section at FAKE_LIBRARY. It
 * is not loaded before `monitor load`, which also makes CPU 0 report it. A NULL name: it does not
 * hear of any.
 */
#define FAKE_LIBRARY (FAKE_CODE + 0x800u)
void fake_target_set_library(FakeTarget *target, const FakeFile *file);
/* Its file says itself where it is: from now on it is told by its segment. */
void fake_target_place_library(FakeTarget *target);
/* Did the server ask for steps without interrupts? TRUE again with each client. */
bool fake_target_blocks_irq(FakeTarget *target);
/* Every breach of the contract by the server, one per line; "" when there was none. */
char *fake_target_complaints(FakeTarget *target);

#endif
