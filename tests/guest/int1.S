/*
 * int1.S - executes its own one-byte debug trap (int1, ICEBP). Ends with status 1 when the handler
 * of #DB came back, as on a machine without a debugger.
 */
#include "tests/guest/guest.h"

	.globl	main, debug_trap, on_debug
main:
	GATE	1, on_debug
	xor	%r12d, %r12d
debug_trap:
	.byte	0xf1
	mov	%r12d, %eax
	mov	$PORT_EXIT, %edx
	out	%al, %dx
1:	hlt
	jmp	1b

on_debug:
	inc	%r12d
	iretq
