/*
 * reboot.S - says hello, writes the address of a PCI register whose second byte is 6, and reboots by
 * the port that lies there.
 */
#include "tests/guest/guest.h"

#define PORT_PCI_ADDRESS 0xcf8
#define PORT_RESET 0xcf9

	.globl	main, again
main:
	PRINT	greeting
	mov	$PORT_PCI_ADDRESS, %edx
	mov	$0x80000600, %eax
	out	%eax, %dx
	PRINT	alive
again:
	mov	$PORT_RESET, %edx
	mov	$6, %al
	out	%al, %dx
1:	pause
	jmp	1b

	.data
greeting:
	.asciz	"hello\n"
alive:
	.asciz	"alive\n"
