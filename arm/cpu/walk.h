/*
 * arm/cpu/walk.h - call me: translate an AArch64 virtual address by hand.
 *
 * Owns: stage 1 of the VMSAv8-64 translation system (Arm ARM, chapter D8): three granules, 25 to 52
 * bits of virtual and 32 to 52 bits of physical address, and Linux' trampoline tables. Pure: no KVM
 * header, no state; @read is the only way to memory. Not here: AArch32 tables (a 32-bit process of
 * a 64-bit kernel uses these), 128-bit descriptors (FEAT_D128, which KVM does not offer).
 */
#ifndef VMGDB_ARM_CPU_WALK_H
#define VMGDB_ARM_CPU_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which registers translate, by HCR_EL2 (0 where there is no EL2) and the exception level (Arm ARM
 * D8.1): those of EL1; those of EL2, which has two halves as EL1 has (E2H, also for its own EL0 by
 * TGE); EL2 with one range of its own; and those of EL1 in a nested guest, whose result goes
 * through that guest's stage 2 (VM).
 */
typedef enum ArmRegime {
	ARM_REGIME_EL1,
	ARM_REGIME_EL2,
	ARM_REGIME_EL2_ALONE,
	ARM_REGIME_NESTED,
} ArmRegime;
ArmRegime arm_regime(unsigned el, uint64_t hcr);

/* ArmRoot.mode: the exception level, and the kind of translation regime. */
#define ARM_ROOT_EL 3ull
#define ARM_ROOT_ONE_RANGE (1ull << 4) /* EL2 without E2H: TCR_EL2 of its own, no TTBR1 */

/*
 * What the walk needs of a CPU: the registers _EL1 of that name, or in EL2 the registers _EL2. The
 * layout is that of ArchRoot.word (kvm/arch.h). @vbar is used by arm_kernel_root() only.
 */
typedef struct ArmRoot {
	uint64_t sctlr;
	uint64_t tcr;
	uint64_t ttbr0;
	uint64_t ttbr1;
	uint64_t mmfr0; /* ID_AA64MMFR0_EL1: PARange and what the granules can do */
	uint64_t mmfr2; /* ID_AA64MMFR2_EL1: VARange and ST */
	uint64_t vbar;
	uint64_t mode; /* PSTATE.EL, ARM_ROOT_ONE_RANGE */
} ArmRoot;

/*
 * @gpa: guest-physical address. @left: bytes from it to the end of its page, at least 1.
 * @execute: may code be fetched there, at any exception level?
 */
typedef struct ArmMapping {
	uint64_t gpa;
	uint64_t left;
	bool execute;
} ArmMapping;

/*
 * [@start, @last]: a page or block, or a hole: what one descriptor that leads nowhere would cover,
 * or addresses that no table can map. All but these two are 0 and false in a hole.
 * @gpa: where @start lies. @desc: the last descriptor; 0 with the MMU off.
 * @user: EL0 may access it. @writable: by whoever may access it. @kernel_execute, @user_execute:
 * may be fetched from in EL1 (or EL2), in EL0. What the tables on the way say counts (unless
 * TCR.HPD), and so do TCR.HD and SCTLR.WXN; PAN and E0PD do not, which change with the CPU's state.
 */
typedef struct ArmSpan {
	uint64_t start, last;
	uint64_t gpa, desc;
	bool mapped, user, writable, kernel_execute, user_execute;
} ArmSpan;

/* Reads @len bytes of guest-physical memory; FALSE when any of them is not RAM. */
typedef bool (*ArmPhysRead)(void *opaque, uint64_t gpa, void *buf, size_t len);

/*
 * arm_walk: where is virtual address @addr? Bit 55 chooses between TTBR0 and TTBR1 at every
 * exception level. With TBI the top byte is a tag and ignored, as it is for data accesses (TBID
 * speaks of instruction fetches only). With the MMU off the address is the physical one, tag
 * stripped likewise, if the CPU has that many physical bits.
 * FALSE: not mapped, its walks are off (EPD), bits above the input size are not the sign, the
 * granule is a reserved value, an address is longer than the output size, or a table is not in RAM.
 * T0SZ and T1SZ out of range count as the nearest legal value. Access rights, the access flag and
 * E0PD are ignored: a debugger sees all. Descriptors are read in the byte order of SCTLR.EE.
 * Reads at most five descriptors whatever the tables say.
 */
bool arm_walk(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, ArmMapping *ret);

/*
 * arm_look: what @addr is a part of, by the same walk. *ret holds @addr, whatever the tables say.
 */
void arm_look(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, ArmSpan *ret);

/* Is @addr in the range of TTBR1, which all processes share? FALSE with ARM_ROOT_ONE_RANGE. */
bool arm_is_kernel_address(const ArmRoot *root, uint64_t addr);

/* The address of the table that TTBR0 points to. */
uint64_t arm_user_table(const ArmRoot *root);

/* Does TTBR1 serve kernel mode now: EL1 or EL2, MMU on, walks of that half not turned off? */
bool arm_root_is_kernel(const ArmRoot *root);

/*
 * arm_kernel_root: @user is that of EL0 under Linux' page-table isolation, and of the first
 * instructions of the kernel after it, at whatever level: TTBR1 points to a
 * table that maps no more than the trampoline; *ret becomes the kernel's own. Linux puts its table
 * two pages above (one page in kernels before 5.11 without software PAN). Nothing is taken for
 * granted: TRUE only when @vbar lies in the kernel half, both roots map it to the same place,
 * and the other top table has an entry wherever this one has one, and more of them.
 */
bool arm_kernel_root(const ArmRoot *user, ArmPhysRead read, void *opaque, ArmRoot *ret);

#endif
