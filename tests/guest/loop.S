/*
 * loop.S - runs for ever, for stepping and interrupting: rax counts, rbx is its double, and
 * `inner` is called once a turn.
 */
#include "tests/guest/guest.h"

	.globl	main, loop, inner, inner_end
main:
	PRINT	ready
	xor	%eax, %eax
loop:
	inc	%rax
	lea	(%rax, %rax), %rbx
	call	inner
	jmp	loop

inner:
	nop
	mov	%rax, %rcx
inner_end:
	ret

	.data
ready:
	.asciz	"ready\n"
