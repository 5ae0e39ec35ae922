/* head.h - how a bare-metal guest for lkvm on arm64 begins: the header of an Image; and its console. */
#define UART 0x01000000

	.globl	image, start
	.section .head, "ax"
image:
	b	start
	.long	0
	.quad	0, end - image, 0xa, 0, 0, 0
	.ascii	"ARM\x64"
	.long	0
	.text

	/* Prints "ready" and a newline; uses x9 to x11. */
	.macro	say_ready
	mov	x9, #UART
	adr	x10, ready
97:	ldrb	w11, [x10], #1
	cbz	w11, 98f
	strb	w11, [x9]
	b	97b
ready:	.asciz	"ready\n"
	.balign	4
98:
	.endm
