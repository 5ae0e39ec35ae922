/*
 * int3.S - executes its own breakpoint instructions, one byte and two bytes long. The exit status
 * is a bit mask of those from which the handler came back: 3 is what a machine without a debugger
 * does.
 */
#include "tests/guest/guest.h"

	.globl	main, one_byte, two_bytes, on_breakpoint
main:
	GATE	3, on_breakpoint
	xor	%r12d, %r12d
	mov	$1, %ebx
one_byte:
	int3
	mov	$2, %ebx
two_bytes:
	.byte	0xcd, 0x03
	PRINT	done
	mov	%r12d, %eax
	mov	$PORT_EXIT, %edx
	out	%al, %dx
1:	hlt
	jmp	1b

on_breakpoint:
	or	%ebx, %r12d
	iretq

	.data
done:
	.asciz	"done\n"
