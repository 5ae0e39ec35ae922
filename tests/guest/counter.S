/* counter.S - increments the 8 bytes at `counter` for ever, and reads `other`; never writes it. */
#include "tests/guest/guest.h"

	.globl	main, loop, increment, counter, other
main:
	PRINT	ready
loop:
	mov	other(%rip), %rax
increment:
	incq	counter(%rip)
	pause
	jmp	loop

	.data
	.balign	8
counter:
	.quad	0
other:
	.quad	0x1122334455667788
ready:
	.asciz	"ready\n"
