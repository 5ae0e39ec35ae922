/*
 * x86/cpu/debugreg.h - call me: hardware breakpoints and watchpoints in DR0-3, DR6 and DR7.
 *
 * Owns: which of the four slots serves which point, and what a DR6 says about them (Intel SDM vol.
 * 3, 17.2; AMD APM vol. 2, 13.1). Pure: no KVM header, no state.
 *
 * x86 has no watchpoint for reads alone. Z3 is refused as UNSUPPORTED, on purpose: gdb then inserts
 * an access watchpoint (Z4) by itself and ignores hits that changed the value, so its `rwatch`
 * works; if Z3 were taken as an access watch, each write would stop as a read.
 */
#ifndef VMGDB_X86_CPU_DEBUGREG_H
#define VMGDB_X86_CPU_DEBUGREG_H

#include "gdbstub/target.h"
#include "x86/cpu/bits.h"

#define X86_N_SLOTS 4

#define X86_DR6_CAUSES (X86_DR6_HITS | X86_DR6_BD | X86_DR6_BS | X86_DR6_BT)

typedef struct X86Slots {
	uint64_t addr[X86_N_SLOTS];
	uint64_t dr7;		      /* 0 when no slot is used */
	unsigned length[X86_N_SLOTS]; /* bytes the slot covers; 0: not used */
	unsigned point[X86_N_SLOTS];  /* index of the point it serves */
} X86Slots;

/*
 * x86_slots_encode: one slot for an execution breakpoint (GDB_BREAK_HW, and GDB_BREAK_SW that sits
 * in hardware); its kind is not used. A watch takes one slot for each naturally aligned piece of
 * 1, 2, 4 or 8 bytes it is made of: 8 aligned bytes are one, 3 bytes two, 8 unaligned ones up to 4.
 * Errors: UNSUPPORTED (Z3), INVAL (no length, or it wraps), NOSPC (more than the four slots; the
 * message says how many are needed). *ret is untouched then.
 */
bool x86_slots_encode(const GdbBreak *points, unsigned n, X86Slots *ret, GError **error);

/*
 * What a DR6 says. @point: index of the point that fired, -1 when none of ours did; a watch is
 * preferred, since its instruction is over while an execution point will fire again. @addr: the
 * first byte of the piece that was touched. @also: other watches that fired with it, by point and
 * address. @step: BS. Nothing of both: the trap is the guest's.
 * Hits of slots that are not used are ignored: CPUs set them for conditions that DR7 leaves off.
 */
typedef struct X86Cause {
	bool step;
	int point;
	uint64_t addr;
	unsigned n_also;
	struct {
		unsigned point;
		uint64_t addr;
	} also[X86_N_SLOTS - 1];
} X86Cause;

X86Cause x86_slots_decode(const X86Slots *slots, const GdbBreak *points, uint64_t dr6);

/*
 * The guest's own points beside ours.
 * @guest: by slot, the number that the guest's point in it has for the guest, plus 1; 0: it holds
 * none. @n_left_out: how many the guest has enabled that found no slot.
 */
typedef struct X86OwnSlots {
	uint8_t guest[X86_N_SLOTS];
	uint8_t n_left_out;
} X86OwnSlots;

/* Debug registers as a CPU has them; what it has in DR6 is not part of it. */
typedef struct X86DebugRegs {
	uint64_t addr[X86_N_SLOTS];
	uint64_t dr7;
} X86DebugRegs;

/*
 * x86_slots_add_own: put the points that @own enables into the slots that @regs leaves free.
 * x86_slots_all_own: nothing of ours is in force: each slot is the guest's, if it has enabled it.
 * x86_own_hits: the hits of @dr6 that are the guest's, with its own numbers.
 */
void x86_slots_add_own(X86DebugRegs *regs, const X86DebugRegs *own, X86OwnSlots *ret);
void x86_slots_all_own(uint64_t own_dr7, X86OwnSlots *ret);
uint64_t x86_own_hits(const X86OwnSlots *own, uint64_t dr6);

/*
 * x86_dr6_deliver: the guest's DR6 after it got a debug exception whose cause KVM reports as
 * @cause, when it was @old before: hits are replaced, the rest only ever added by the CPU.
 */
uint64_t x86_dr6_deliver(uint64_t old, uint64_t cause);

#endif
