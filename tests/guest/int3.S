/*
 * int3.S - executes its own breakpoint instructions, one byte and two bytes long, and an int1.
 * The exit status is a bit mask: 1 and 2 the handler of #BP came back for each, 4 #DB for int1;
 * 7 is what a machine without a debugger does.
 */
#include "tests/guest/guest.h"

	.globl	main, one_byte, two_bytes, one_byte_db, on_breakpoint, on_debug
main:
	GATE	3, on_breakpoint
	GATE	1, on_debug
	xor	%r12d, %r12d
	mov	$1, %ebx
one_byte:
	int3
	mov	$2, %ebx
two_bytes:
	.byte	0xcd, 0x03
	mov	$4, %ebx
one_byte_db:
	.byte	0xf1
	PRINT	done
	mov	%r12d, %eax
	mov	$PORT_EXIT, %edx
	out	%al, %dx
1:	hlt
	jmp	1b

on_breakpoint:
	or	%ebx, %r12d
	iretq

on_debug:
	or	%ebx, %r12d
	iretq

	.data
done:
	.asciz	"done\n"
