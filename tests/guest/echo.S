/*
 * echo.S - polls COM1, or another PORT, and sends every byte back, a period after the letter 'q' and
 * then the end with status 0.
 */
#include "tests/guest/guest.h"

#ifndef PORT
#define PORT 0x3f8
#endif
#define PORT_MCR (PORT + 4)
#define PORT_LSR (PORT + 5)
#define MCR_DTR_RTS 3
#define LSR_READY 1
#define LSR_EMPTY 0x20

	.globl	main, receive
main:
	mov	$PORT_MCR, %edx
	mov	$MCR_DTR_RTS, %al
	out	%al, %dx
receive:
	mov	$PORT_LSR, %edx
	in	%dx, %al
	test	$LSR_READY, %al
	jz	receive
	mov	$PORT, %edx
	in	%dx, %al
	mov	%al, %bl
	call	send
	cmp	$'q', %bl
	jne	receive
	mov	$'.', %bl
	call	send
	EXIT	0

send:
	mov	$PORT_LSR, %edx
	in	%dx, %al
	test	$LSR_EMPTY, %al
	jz	send
	mov	$PORT, %edx
	mov	%bl, %al
	out	%al, %dx
	ret
