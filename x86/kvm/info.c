/*
 * x86/kvm/info.c - what x86 is to gdb, lldb, ELF and Linux.
 */
#include <elf.h>

#include "kvm/arch.h"
#include "x86/kvm/i386.h"

#define HOST_INFO "vm-page-size:4096;watchpoint_exceptions_received:after;"

const GdbArchitecture x86_64_architecture = {
	.name = "i386:x86-64",
	.triple = "x86_64-unknown-linux-gnu",
	.pointer_bytes = 8,
	.host_info = HOST_INFO,
};

const GdbArchitecture x86_i386_architecture = {
	.name = "i386",
	.triple = "i386-unknown-linux-gnu",
	.pointer_bytes = 4,
	.host_info = HOST_INFO,
};

static const GdbArchitecture *const descriptions[] = {
	&x86_64_architecture,
	&x86_i386_architecture,
	NULL,
};

static const ArchAnchor anchors[] = {
	{"lstar", "entry_SYSCALL_64", 0},
	{0},
};

/* rdi, rsi, rdx, rcx, r8, r9: System V ABI, AMD64 supplement, 3.2.3 and figure 3.36. */
static const uint8_t args[] = {5, 4, 1, 2, 8, 9};

const ArchInfo arch_info = {
	.machine = "x86_64",
	.elf_machine = EM_X86_64,
	.descriptions = descriptions,
	.anchors = anchors,
	.abi = {.args = args, .n_args = G_N_ELEMENTS(args)},
};
