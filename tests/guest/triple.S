/* triple.S - faults without an IDT: the CPU shuts down. */
#include "tests/guest/guest.h"

	.globl	main, fault
main:
	PRINT	before
	lidt	no_idt(%rip)
fault:
	ud2

	.data
no_idt:
	.word	0
	.quad	0
before:
	.asciz	"before\n"
