/*
 * echo.S - polls COM1 and sends every byte back, a period after the letter 'q' and then the end
 * with status 0.
 */
#include "tests/guest/guest.h"

#define COM1 0x3f8
#define COM1_MCR 0x3fc
#define COM1_LSR 0x3fd
#define MCR_DTR_RTS 3
#define LSR_READY 1
#define LSR_EMPTY 0x20

	.globl	main, receive
main:
	mov	$COM1_MCR, %edx
	mov	$MCR_DTR_RTS, %al
	out	%al, %dx
receive:
	mov	$COM1_LSR, %edx
	in	%dx, %al
	test	$LSR_READY, %al
	jz	receive
	mov	$COM1, %edx
	in	%dx, %al
	mov	%al, %bl
	call	send
	cmp	$'q', %bl
	jne	receive
	mov	$'.', %bl
	call	send
	EXIT	0

send:
	mov	$COM1_LSR, %edx
	in	%dx, %al
	test	$LSR_EMPTY, %al
	jz	send
	mov	$COM1, %edx
	mov	%bl, %al
	out	%al, %dx
	ret
