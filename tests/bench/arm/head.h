/*
 * head.h - how a bare-metal guest for lkvm on arm64 begins: the header of an Image; and its console.
 * QEMU's is elsewhere, where lkvm has nothing; at the place of lkvm's it has an empty flash.
 */
#define UART 0x01000000
#define QEMU_UART 0x09000000

	.globl	image, start
	.section .head, "ax"
image:
	b	start
	.long	0
	.quad	0, end - image, 0xa, 0, 0, 0
	.ascii	"ARM\x64"
	.long	0
	.text

	/* Prints "ready" and a newline; uses x9 to x12. */
	.macro	say_ready
	mov	x9, #UART
	mov	x12, #QEMU_UART
	adr	x10, ready
97:	ldrb	w11, [x10], #1
	cbz	w11, 98f
	strb	w11, [x9]
	strb	w11, [x12]
	b	97b
ready:	.asciz	"ready\n"
	.balign	4
98:
	.endm
