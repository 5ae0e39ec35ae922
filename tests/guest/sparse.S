/*
 * sparse.S - no Linux, but it looks like one at first: a CPU knows where its system calls go, and
 * around there 192 MiB of read-only data, page by page, which it has never used.
 *
 * The data is at DATA, its memory from 256 MiB on, the tables before that. `loop` runs for ever.
 */
#include "tests/guest/guest.h"

#define MSR_LSTAR 0xc0000082
#define EFER_NXE 0x801 /* and system calls */
#define ENTRY 0xffffffff84000000 /* DATA + 64 MiB */
#define TABLES 0x8000000
#define N_TABLES 96
#define MEMORY 0x10000000
#define PTE_READ 0x8000000000000001

	.globl	main, loop
main:
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_NXE, %eax
	wrmsr

	/* The directory at 0xffffffff80000000 */
	lea	pml4(%rip), %rdi
	movq	$(high_pointers + PTE_TABLE), 511 * 8(%rdi)
	lea	high_pointers(%rip), %rdi
	movq	$(high_directory + PTE_TABLE), 510 * 8(%rdi)
	lea	high_directory(%rip), %rdi
	mov	$(TABLES + PTE_TABLE), %eax
	mov	$N_TABLES, %ecx
1:	mov	%rax, (%rdi)
	add	$8, %rdi
	add	$4096, %rax
	dec	%ecx
	jnz	1b

	mov	$TABLES, %edi
	movabs	$(MEMORY + PTE_READ), %rax
	mov	$(N_TABLES * 512), %ecx
1:	mov	%rax, (%rdi)
	add	$8, %rdi
	add	$4096, %rax
	dec	%ecx
	jnz	1b

	mov	%cr3, %rax
	mov	%rax, %cr3
	mov	$MSR_LSTAR, %ecx
	mov	$(ENTRY & 0xffffffff), %eax
	mov	$(ENTRY >> 32), %edx
	wrmsr
	PRINT	ready
loop:
	pause
	jmp	loop

	.data
ready:
	.asciz	"ready\n"

	.bss
	.balign	4096
high_pointers:
	.skip	4096
high_directory:
	.skip	4096
