/*
 * own.S - debugs itself as a kernel does for a process with a watchpoint: debug registers are set on
 * the way into it and cleared on the way out. rbx counts the turns, r12 the traps, one in each turn.
 */
#include "tests/guest/guest.h"

#define DR7_WATCH 0xd0001 /* L0, R/W0, LEN0: stores of four bytes */

	.globl	main, own_loop
main:
	GATE	1, on_debug
	PRINT	ready
	xor	%ebx, %ebx
	xor	%r12d, %r12d
own_loop:
	lea	watched(%rip), %rax
	mov	%rax, %dr0
	mov	$DR7_WATCH, %eax
	mov	%rax, %dr7
	mov	%ebx, watched(%rip)
	inc	%rbx
	xor	%eax, %eax
	mov	%rax, %dr7
	jmp	own_loop

on_debug:
	inc	%r12
	iretq

	.data
ready:
	.asciz	"ready\n"
	.balign	8
watched:
	.quad	0
