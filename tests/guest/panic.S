/* panic.S - reports a panic by pvpanic's port as a Linux guest does, then stays at `stuck`. */
#include "tests/guest/guest.h"

#define PORT_PVPANIC 0x505
#define PANICKED 1

	.globl	main, stuck
main:
	mov	$PORT_PVPANIC, %edx
	in	%dx, %al
	test	$PANICKED, %al
	jz	absent
	mov	$PANICKED, %al
	out	%al, %dx
stuck:
	pause
	jmp	stuck
absent:
	EXIT	9
