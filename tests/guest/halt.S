/* halt.S - waits with interrupts on for one that never comes. */
#include "tests/guest/guest.h"

	.globl	main, halted
main:
	PRINT	ready
	sti
halted:
	hlt
	jmp	halted

	.data
ready:
	.asciz	"ready\n"
