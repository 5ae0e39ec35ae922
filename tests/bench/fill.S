/*
 * fill.S - fills FILL_SIZE bytes at FILL_START with numbers that do not repeat, so that a dump of
 * them shows the cost of data and not of zeros. Then goes round for ever.
 */
#include "tests/guest/guest.h"

#define FILL_START 0x1000000
#define FILL_SIZE 0x200000

	.globl	main, loop, fill_start
	.set	fill_start, FILL_START
main:
	mov	$FILL_START, %edi
	mov	$0x9e3779b97f4a7c15, %rbx
	mov	%rbx, %rax
1:	mov	%rax, %rcx
	shr	$29, %rcx
	xor	%rax, %rcx
	mov	%rcx, (%rdi)
	add	%rbx, %rax
	imul	%rbx, %rax
	add	%rbx, %rax
	add	$8, %rdi
	cmp	$(FILL_START + FILL_SIZE), %rdi
	jb	1b
	PRINT	ready
loop:
	pause
	jmp	loop

	.data
ready:
	.asciz	"ready\n"
