/*
 * arm/kvm/info.c - what arm64 is to gdb, lldb, ELF and Linux.
 */
#include <elf.h>

#include "kvm/arch.h"

static const GdbArchitecture aarch64 = {
	.name = "aarch64",
	.triple = "aarch64-unknown-linux-gnu",
	.pointer_bytes = 8,
	.host_info = "addressing_bits:48;watchpoint_exceptions_received:before;",
};

static const GdbArchitecture *const descriptions[] = {&aarch64, NULL};

static const ArchAnchor anchors[] = {
	{"VBAR_EL1", "vectors", 0},
	/* Against Spectre-BHB, where the kernel is not isolated: by a loop, firmware, CLRBHB. */
	{"VBAR_EL1", "__bp_harden_el1_vectors", 0},
	{"VBAR_EL1", "__bp_harden_el1_vectors", 2048},
	{"VBAR_EL1", "__bp_harden_el1_vectors", 4096},
	{0},
};

/* x0 to x7: AAPCS64, 6.4.1; DWARF for the Arm 64-bit Architecture, 4.1. */
static const uint8_t args[] = {0, 1, 2, 3, 4, 5, 6, 7};

/* gdb takes signatures out of return addresses by these, also where there are none. */
static const char *const common[] = {"pauth_dmask", "pauth_cmask", "pauth_dmask_high",
				     "pauth_cmask_high", NULL};

const ArchInfo arch_info = {
	.machine = "aarch64",
	.elf_machine = EM_AARCH64,
	.descriptions = descriptions,
	.anchors = anchors,
	.current_task = "SP_EL0",
	.common = common,
	.abi = {.args = args, .n_args = G_N_ELEMENTS(args), .has_records = true},
};
