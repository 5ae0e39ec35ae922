/*
 * kvm/arch.h - implement me, once per architecture: what the engine needs of a CPU.
 *
 * x86/ and arm/ define these functions; the Makefile links one of the two, so there is no #ifdef.
 * Everything here is about one vCPU that is not running guest code; the caller makes sure of that
 * and that two threads never use the same ArchVcpu at once. The pure logic behind it (page walks,
 * DR7 and DBGBCR encoding, trap decoding, exception entry) lives in files that include no KVM
 * header: x86/cpu/walk.h, x86/cpu/debugreg.h, ... so that every host tests it.
 */
#ifndef VMGDB_KVM_ARCH_H
#define VMGDB_KVM_ARCH_H

#include <linux/kvm.h>
#include <stdbool.h>

#include "gdbstub/target.h"
#include "guest/kernel.h"

/* ---- What the architecture is, as data ---- */

/*
 * What a Linux kernel writes to a register of each CPU: the address of @symbol, and @offset. By the
 * difference the engine finds how far KASLR has moved the kernel (kvm/kaslr.c).
 */
typedef struct ArchAnchor {
	const char *reg; /* gdb's name */
	const char *symbol;
	unsigned offset;
} ArchAnchor;

/*
 * Each architecture defines one.
 * @elf_machine: e_machine (elf.h) of a kernel for it, and of a core file.
 * @descriptions: the CPUs that can be reported to gdb, ending with NULL; the first one is what fits
 * a kernel of @elf_machine.
 * @anchors: the usual one first, ending with a NULL reg.
 * @current_task: the register that holds the address of the task that runs, while the CPU is in
 * Linux's kernel and has an address of the kernel's in it. NULL: Linux has it in the per-CPU
 * variable current_task, in some versions the first member of pcpu_hot.
 * @common: names of registers, ending with NULL, that are not of a task but of the machine: those
 * of a task that sleeps are those of any CPU. NULL: there are none.
 * @abi: what the kernel's compiler does.
 * @machine: as uname -m and QEMU call it.
 */
typedef struct ArchInfo {
	const char *machine;
	uint16_t elf_machine;
	const GdbArchitecture *const *descriptions;
	const ArchAnchor *anchors;
	const char *current_task;
	const char *const *common;
	LinuxAbi abi;
} ArchInfo;
extern const ArchInfo arch_info;

/* ---- What this KVM does, found by trying it ---- */

typedef struct ArchFeatures {
	bool step;	 /* KVM_GUESTDBG_SINGLESTEP ends after one instruction */
	bool sw_break;	 /* the trap instruction exits to us instead of going to the guest */
	bool hw_break;	 /* a hardware breakpoint exits */
	bool watch;	 /* a data watchpoint exits */
	bool block_irq;	 /* x86 KVM_GUESTDBG_BLOCKIRQ; arm: interrupts can be masked for a step */
	bool pass_break; /* the CPU can leave a hardware breakpoint at its pc: arch_pass_break() */
	bool watch_before; /* a watchpoint exits before the access, which is then to be passed */
	unsigned n_breaks; /* hardware breakpoints; on x86 shared with the watchpoints */
	unsigned n_watches;
	bool tells_own; /* KVM can exit where the guest is about to change its own points (x86) */
} ArchFeatures;

/*
 * arch_probe: try each of them in the throwaway VM of kvm/probe.h, on its thread. @ret is all false
 * at first; a feature that does not work stays so.
 */
typedef struct Probe Probe;
void arch_probe(Probe *probe, ArchFeatures *ret);

/* The type for KVM_CREATE_VM: on arm the widest guest-physical space that the host has. */
unsigned long arch_vm_type(int kvm_fd);

/*
 * Guest memory at the linear addresses of one vCPU, as the engine reads and writes it for gdb: the
 * guest's own bytes, never a breakpoint of ours. Called on the thread that called the arch_
 * function. read returns how many bytes of RAM there were, and touches no device; write is all or
 * nothing, and for what was read before.
 */
typedef struct ArchMemory {
	size_t (*read)(void *opaque, uint64_t addr, void *buf, size_t len);
	bool (*write)(void *opaque, uint64_t addr, const void *buf, size_t len);
	void *opaque;
} ArchMemory;

/* ---- Registers ---- */

/* One vCPU's register cache: read on first use after it ran, written back before it runs again. */
typedef struct ArchVcpu ArchVcpu;

ArchVcpu *arch_vcpu_new(int vcpu_fd, struct kvm_run *run, GError **error);
void arch_vcpu_free(ArchVcpu *vcpu);

/* Reads guest-physical memory; FALSE when any byte of it is not RAM. */
typedef bool (*ArchPhysRead)(void *opaque, uint64_t gpa, void *buf, size_t len);

/*
 * arch_set_phys_reader: how to read guest memory when a register write needs it: on x86 the
 * descriptor behind a selector. Without one such writes fail with a message. @opaque must
 * outlive the vCPU.
 */
void arch_set_phys_reader(ArchVcpu *vcpu, ArchPhysRead read, void *opaque);

/*
 * arch_reg_set: the rows that this vCPU's guest has (AVX only with AVX ...), described as
 * @description, one of arch_info's; NULL: as what the guest's CPU is. Caller frees.
 */
GdbRegSet *arch_reg_set(ArchVcpu *vcpu, const GdbArchitecture *description, GError **error);

/*
 * One register, else as GdbRegisterOps.read and write. Writes of general, float and vector
 * registers stay in the cache until arch_flush(); those that KVM may refuse are made at once, and
 * an error leaves everything as it was.
 */
bool arch_read_reg(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error);
bool arch_write_reg(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf, GError **error);

/* Is there anything for arch_flush() to write? */
bool arch_is_dirty(const ArchVcpu *vcpu);
/* arch_flush: write what was changed to KVM. arch_forget: the vCPU has run, drop the cache. */
bool arch_flush(ArchVcpu *vcpu, GError **error);
void arch_forget(ArchVcpu *vcpu);
/*
 * arch_flush_and_run: arch_flush() when nothing comes before KVM_RUN any more: what KVM_RUN itself
 * can take along is left to it. @look: its end will be looked at: let it bring the registers.
 * arch_look_after_run: [any thread, while no other looks at this vCPU] the same for a KVM_RUN that
 * runs already, after an arch_flush_and_run(); it may be over, and then brings none.
 */
bool arch_flush_and_run(ArchVcpu *vcpu, bool look, GError **error);
void arch_look_after_run(ArchVcpu *vcpu);

/* Does a VMM that makes this vCPU request give the CPU its power-on state? Pure. */
bool arch_is_reset(unsigned long request, const void *arg);

/* The linear address of the next instruction (x86: cs.base + rip). */
bool arch_get_pc(ArchVcpu *vcpu, uint64_t *ret, GError **error);

/*
 * The requests to a VM or a vCPU that the engine makes on this architecture, those that a KVM may
 * lack included, ending with a NULL name: for a sandbox that must allow them.
 */
typedef struct ArchRequest {
	unsigned long number;
	const char *name;
} ArchRequest;
extern const ArchRequest arch_requests[];
/* Likewise, the system calls that libc makes on this architecture and not on every other. */
extern const ArchRequest arch_syscalls[];

/* "running", "halted", "waiting for SIPI", "off": from KVM_GET_MP_STATE; a literal. */
const char *arch_run_state(ArchVcpu *vcpu);
/* Does it wait to be started by another CPU, so that it executes nothing? */
bool arch_is_off(ArchVcpu *vcpu);

/*
 * arch_in_nested_guest: does the CPU run a guest of its own guest? Its registers are that one's
 * then, and its page tables lead to memory of that one, behind other tables (x86 EPT, NPT; arm
 * stage 2).
 */
bool arch_in_nested_guest(ArchVcpu *vcpu);

/*
 * arch_io_pending: did the last exit leave an instruction half done (PIO, MMIO, ...), so that one
 * KVM_RUN with immediate_exit must finish it before registers are read? KVM api.txt, KVM_RUN.
 */
bool arch_io_pending(const struct kvm_run *run);

/*
 * arch_show_registers: the registers of CPU @index as QEMU's `info registers` prints them, from
 * the line "CPU#N" on.
 * arch_core_notes: append the ELF notes that describe CPU @index in a core file: NT_PRSTATUS and
 * what crash reads.
 */
bool arch_show_registers(ArchVcpu *vcpu, unsigned index, GString *out, GError **error);
bool arch_core_notes(ArchVcpu *vcpu, unsigned index, GByteArray *notes, GError **error);

/* ---- Clocks ---- */

/*
 * What the guest's clocks show, for a machine that is stopped.
 * arch_clock_save: read them; @vcpu: the first one. FALSE: this KVM does not tell.
 * arch_clock_restore: set them back to @saved; for each vCPU in turn, @first for the first one.
 * @ret_held_ns: by how much they were set back, where that is known.
 * arch_clock_excuse: tell the guest's lockup detectors that this vCPU was stopped.
 */
typedef struct ArchClock {
	uint64_t word[6];
} ArchClock;

bool arch_clock_save(int vm_fd, ArchVcpu *vcpu, ArchClock *ret);
void arch_clock_restore(int vm_fd, ArchVcpu *vcpu, bool first, ArchClock *saved,
			uint64_t *ret_held_ns);
void arch_clock_excuse(ArchVcpu *vcpu);

/* ---- Address translation ---- */

/* Everything a page walk needs to know of a CPU, so that a walk can be repeated later. */
typedef struct ArchRoot {
	uint64_t word[8]; /* x86: cr0 cr3 cr4 efer pdptr0-3; arm: sctlr ttbr0 ttbr1 tcr mmfr0 ... */
	bool kernel;	  /* the CPU is in kernel mode: complete, if no kernel's can be derived */
	bool nested;	  /* arch_in_nested_guest(): it maps that guest's memory, not this one's */
} ArchRoot;

/*
 * @gpa is where the address lies, @left how many bytes from it on are contiguous in this page.
 * @execute: may code be fetched there, by the kernel or by a user? @kernel: it is an address of the
 * half that all processes share (arch_is_kernel_address()).
 */
typedef struct ArchMapping {
	uint64_t gpa;
	uint64_t left;
	bool execute;
	bool kernel;
} ArchMapping;

bool arch_get_root(ArchVcpu *vcpu, ArchRoot *ret, GError **error);
/* FALSE: not mapped. Ignores permissions; terminates on any page table. */
bool arch_walk(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
	       ArchMapping *ret);
/* Is @addr in the half that all kernel roots share? */
bool arch_is_kernel_address(const ArchRoot *root, uint64_t addr);
/*
 * arch_kernel_root: the kernel's root derived from a user's (x86 KPTI: CR3 bit 12; arm: the
 * trampoline), in whatever mode the CPU is: the first instructions of a kernel entry have a user's.
 * Looks at both tables and says TRUE only when they are such a pair. @ret->kernel is true then.
 */
bool arch_kernel_root(const ArchRoot *user, ArchPhysRead read, void *opaque, ArchRoot *ret);

/*
 * arch_process_root: what @root, which is any CPU's, is while a process runs whose top table is at
 * @gpa: for its addresses only, not for the kernel's.
 */
ArchRoot arch_process_root(const ArchRoot *root, uint64_t gpa);
/* arch_user_table: where the top table is that @root has for the addresses of users. */
uint64_t arch_user_table(const ArchRoot *root);

/*
 * arch_region: the stretch around @addr that the page tables treat alike, or a hole; a long one
 * may be cut. Ends on any page tables.
 */
void arch_region(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t addr,
		 GdbRegion *ret);

/* ---- Breakpoints, watchpoints, steps ---- */

#define ARCH_TRAP_MAX 4

/* The instruction that a software breakpoint is patched with; @ret_len at most ARCH_TRAP_MAX. */
const uint8_t *arch_trap_insn(size_t *ret_len);
/* Is there a trap instruction of any kind, for the state that this vCPU is in, at @insn (@len bytes
 * may be read)? Then a trap that is not ours belongs to the guest. */
bool arch_is_trap(ArchVcpu *vcpu, const uint8_t *insn, size_t len);
/* Is (addr, kind) a legal software breakpoint? FALSE with @error: alignment, kind. */
bool arch_check_sw_break(uint64_t addr, uint64_t kind, GError **error);
/*
 * arch_can_patch: is that trap instruction one to the code at @addr, for the process that this vCPU
 * is in? FALSE: its bytes are another instruction there (arm: 32-bit processes).
 */
bool arch_can_patch(ArchVcpu *vcpu, uint64_t addr);
/* Make a change of guest code through @host visible to instruction fetch (x86: nothing). */
void arch_sync_code(void *host, size_t len);

/*
 * arch_encode_hw: put Z1-Z4 points into the architecture's debug registers, of which there are
 * n_breaks and n_watches in @features.
 * @points: distinct. FALSE with @error (NOSPC: slots and how many of them are used; INVAL:
 * alignment or length; UNSUPPORTED: a type the CPU does not have); *ret is untouched then.
 */
bool arch_encode_hw(const ArchFeatures *features, const GdbBreak *points, unsigned n,
		    struct kvm_guest_debug_arch *ret, GError **error);

/*
 * What a KVM_EXIT_DEBUG was, before anybody is blamed for it.
 * @insn: a trap instruction was executed. @step: one instruction was completed under SINGLESTEP.
 * @point: index of the hardware point that fired, or -1; @addr its data address for watches.
 * @also: the watches beside it that the same access has hit, as far as the CPU tells.
 * x86 can have @step and @point at once: report the point.
 * @own: the guest has a part in it, by debug registers or a single-step of its own: deliver that by
 * arch_reinject() when it runs on, whatever else is reported.
 */
typedef struct ArchWatch {
	unsigned point;
	uint64_t addr;
} ArchWatch;

typedef struct ArchTrap {
	bool insn;
	bool step;
	bool own;
	int point;
	uint64_t addr;
	unsigned n_also;
	ArchWatch also[GDB_STOP_ALSO_MAX];
} ArchTrap;

ArchTrap arch_decode_trap(ArchVcpu *vcpu, const struct kvm_run *run, const GdbBreak *points,
			  unsigned n);

/*
 * arch_own_points: @hw is about to be the vCPU's debug registers: add the guest's own points, as
 * far as there is room. Returns how many found none. NULL: there will be none of ours, so the
 * guest's are in force. @tell: KVM is to exit where the guest is about to change its own. Such an
 * exit decodes to nothing, and the guest does not take it (arch_takes_trap): a step without @tell
 * gets past it. arch_debug_applied: KVM_SET_GUEST_DEBUG was called, with or without SINGLESTEP: put
 * back what KVM takes from the guest at that.
 */
unsigned arch_own_points(ArchVcpu *vcpu, struct kvm_guest_debug_arch *hw, bool tell);
bool arch_debug_applied(ArchVcpu *vcpu, bool stepping, GError **error);

/*
 * arch_takes_trap: a trap that is not ours: would the guest take it where it is? FALSE: a point of
 * its own at which it has debug exceptions masked (arm, where KVM reports those too), or a trap of
 * nobody's (x86: KVM's own steps, an access of the guest to its debug registers): then the engine
 * passes it, by a step with the hardware points that are ours in force.
 */
bool arch_takes_trap(ArchVcpu *vcpu, const struct kvm_run *run);

/*
 * arch_reinject: deliver the trap of this KVM_EXIT_DEBUG to the guest as the hardware would have
 * done without a debugger. Call when the cache was flushed or is clean, as the last thing before
 * KVM_RUN: a later register write drops a pending exception. It leaves the cache flushed. Uses
 * KVM_SET_VCPU_EVENTS, not KVM_SET_GUEST_DEBUG. @mem: to look at the instruction at pc.
 * FALSE: nothing was injected; BUSY when another exception is on its way already.
 */
bool arch_reinject(ArchVcpu *vcpu, const struct kvm_run *run, const ArchMemory *mem,
		   GError **error);

/*
 * arch_pass_break: the vCPU is about to leave a hardware execution breakpoint at its pc. TRUE: the
 * CPU can pass it by itself and is now set to (x86: RFLAGS.RF); FALSE: the engine must step once
 * with that point disabled (arm; x86 where @features says that KVM ignores RF).
 */
bool arch_pass_break(const ArchFeatures *features, ArchVcpu *vcpu);
/* arch_is_passing: it was, and has not executed that instruction yet. FALSE on arm. */
bool arch_is_passing(ArchVcpu *vcpu);
/* arch_hit_again: it shall not be any more, so that the breakpoint is hit. */
void arch_hit_again(ArchVcpu *vcpu);

/*
 * arch_skip_insn: does the instruction at pc change nothing but pc, so that the vCPU need not be
 * there to execute it? TRUE: pc is behind it now, and all that its end changes is done; FALSE:
 * nothing was changed. For a hit that the client need not hear of: a step over a patch would hold
 * all vCPUs. @insn: what is there for the guest, @len bytes of up to ARCH_INSN_MAX.
 */
#define ARCH_INSN_MAX 16
bool arch_skip_insn(ArchVcpu *vcpu, const uint8_t *insn, size_t len);

/*
 * One step, from begin to end; owned by the caller, one per vCPU.
 * @landings: where the instruction may go with single-stepping turned off, most likely first (x86:
 * syscall, int n, and the handlers of the faults that it may raise): put hardware execution points
 * there for this run too, as many as there is room for, and take a hit as the end of the step.
 * Without one the step ends when the handler has returned, which it may never do here.
 * @n_ways: not 0 for a run through, of arch_step_begin_through(): without SINGLESTEP and with
 * hardware execution points at @ways, one of which is its end. It executes nothing outside of
 * @start to before @end, which pc lies in.
 */
#define ARCH_LANDINGS_MAX 6
#define ARCH_WAYS_MAX 8
typedef struct ArchStep {
	uint64_t landings[ARCH_LANDINGS_MAX];
	unsigned n_landings;
	uint64_t ways[ARCH_WAYS_MAX];
	unsigned n_ways;
	uint64_t start, end;
	uint64_t note[12]; /* the architecture's own */
} ArchStep;

/*
 * Around each step. begin: prepare the vCPU so that one KVM_RUN with SINGLESTEP executes exactly
 * one instruction and no interrupt handler (x86: BLOCKIRQ does that; arm: decode the instruction,
 * mask PSTATE.DAIF where that is safe). @quiet: block interrupts. Before arch_flush(). end: undo
 * it, and take out what stepping left in the guest (x86: TF in the flags that pushf and syscall
 * store). Called after the vCPU left KVM_RUN for any reason, also when the step did not happen; the
 * cache has been dropped by arch_forget() then. Changes go to the cache.
 */
bool arch_step_begin(ArchVcpu *vcpu, bool quiet, const ArchMemory *mem, ArchStep *ret,
		     GError **error);
void arch_step_end(ArchVcpu *vcpu, const ArchMemory *mem, const ArchStep *step);
/*
 * arch_step_begin_through: instead of arch_step_begin(), where the instruction at pc is part of a
 * sequence that fails whenever a debugger stops or steps in it, so that single steps would never
 * get out of its loop (arm: from LDXR to STXR). Always blocks interrupts. @at_end: only at the
 * instruction that would fail now (STXR): for a client that steps and wants to see the others.
 * FALSE: nothing was done, take one step. The run may last as long as another CPU holds a lock:
 * the caller gives it up, by a kick and arch_step_end(), after a while.
 */
bool arch_step_begin_through(ArchVcpu *vcpu, bool at_end, const ArchMemory *mem, ArchStep *ret);
/*
 * arch_ends_range: would stepping on from here through a range never get out of it (arm: the
 * exclusive load of a loop, since each step loses the reservation)? Then a range step ends before
 * this instruction, and the client runs over the sequence with breakpoints, as gdb does.
 */
bool arch_ends_range(ArchVcpu *vcpu, const ArchMemory *mem);
/*
 * arch_step_again: for one more step, when only KVM_RUN follows and the control in force is that of
 * a step already: flush, and arm it, at no cost of its own. FALSE: nothing was done. Each step must
 * be armed: on x86 an instruction that loads the flags (popf, iret) takes KVM's TF with it, and the
 * next KVM_RUN would run on. KVM_SET_GUEST_DEBUG does it, too.
 */
bool arch_step_again(ArchVcpu *vcpu);
/* The bits for kvm_guest_debug.control that a step needs beyond ENABLE and SINGLESTEP. */
uint32_t arch_step_control(const ArchFeatures *features, bool quiet);
/* The bits for software breakpoints and for hardware points (KVM_GUESTDBG_USE_...). */
uint32_t arch_sw_control(void);
uint32_t arch_hw_control(void);

#endif
