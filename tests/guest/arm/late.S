/*
 * late.S - code that is filled in after a debugger has set a breakpoint there, as boot loaders do:
 * with the MMU off, then with it on and everything mapped to itself. `late` calls the copy, `calls`
 * counts.
 */
	.arch	armv8-a

	.globl	image, copied, late, calls
	.section .head, "ax"
image:
	b	start
	.long	0
	.quad	0, end - image, 0xa, 0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
start:
	ldr	x5, =calls
	mov	x6, #50
	bl	fill
1:	bl	copied /* MMU off */
	subs	x6, x6, #1
	b.ne	1b
	ldr	x0, =table
	msr	ttbr0_el1, x0
	ldr	x0, =0xff00
	msr	mair_el1, x0
	ldr	x0, =0x200803519
	msr	tcr_el1, x0
	isb
	tlbi	vmalle1
	dsb	sy
	isb
	ldr	x0, =0x30501985
	msr	sctlr_el1, x0
	isb
late:	bl	fill
2:	bl	copied
	mov	x0, #0x8000
3:	subs	x0, x0, #1
	b.ne	3b
	b	2b

/* The two instructions of `origin` go to `copied`. */
fill:	ldr	x1, =origin
	ldr	x2, =copied
	ldp	x3, x4, [x1]
	stp	x3, x4, [x2]
	dc	cvau, x2
	dsb	ish
	ic	ivau, x2
	dsb	ish
	isb
	ret

	.balign	16
origin:
	ldr	x0, [x5]
	add	x0, x0, #1
	str	x0, [x5]
	ret

	.data
	.balign	0x1000
table: /* 1 GiB each: devices, nothing, RAM */
	.quad	0x0060000000000401, 0, 0x80000705
	.fill	509, 8, 0
calls:
	.quad	0
	.balign	64
copied:
	.fill	16, 4, 0
