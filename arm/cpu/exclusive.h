/*
 * arm/cpu/exclusive.h - call me: where does an exclusive sequence begin and end, and how is it
 * left?
 *
 * Owns: the shape of the code between LDXR and STXR, and of the loop around it (Arm ARM B2.12,
 * "Synchronization and semaphores"; B2.12.5 for what may stand between them). Each exception
 * return clears the exclusive monitor, so a debugger that stops in there, or steps, makes STXR fail
 * each time: such code must be run through at once. Pure: instructions in, addresses out.
 */
#ifndef VMGDB_ARM_CPU_EXCLUSIVE_H
#define VMGDB_ARM_CPU_EXCLUSIVE_H

#include <stdbool.h>
#include <stdint.h>

/* How many instructions around pc are looked at, in each direction. */
#define ARM_SEQUENCE_MAX 32
#define ARM_EXITS_MAX 6

typedef struct ArmSequence {
	uint64_t start; /* of LDXR, or of what is done again from there on when STXR has failed */
	uint64_t end;	/* behind STXR, or behind the branch that tries again */
	uint64_t exits[ARM_EXITS_MAX]; /* where the CPU comes out: @end, and where branches lead */
	unsigned n_exits;
} ArmSequence;

/* Instructions in a row, as they are in memory. */
typedef struct ArmCode {
	const uint32_t *insns;
	unsigned n;
	uint64_t addr; /* of the first one */
} ArmCode;

/*
 * arm_sequence_find: is the instruction @at (an index) part of an exclusive sequence, from its load
 * to its store? Fills @ret. FALSE also for code that may go where it cannot be followed: calls,
 * indirect branches, exceptions, writes of PSTATE, more than ARM_EXITS_MAX ways out. Then, and
 * where there is no store (a loop that waits by LDXR and WFE), one instruction after the other is
 * right. Whatever is not in @code is taken for the end of what can be followed.
 */
bool arm_sequence_find(const ArmCode *code, unsigned at, ArmSequence *ret);

/*
 * arm_sequence_near: could the first of these @n instructions be in a sequence, since a store comes
 * after it? A look at the little that is at hand.
 */
bool arm_sequence_near(const uint32_t *insns, unsigned n);

#endif
