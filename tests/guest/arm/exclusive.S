/*
 * exclusive.S - two CPUs in exclusive sequences, for ever, with interrupts let in: CPU 0 counts
 * `counter` up and takes a lock that CPU 1 has half of the time.
 *
 * CPU 0: x20 rounds. CPU 1: x21 rounds. The lock: 0 free, 1 taken; both count `locked` up with it.
 */
	.arch	armv8-a

#define PSCI_CPU_ON 0xc4000003

	.globl	image, add_load, add_store, add_end, lock_load, lock_store, lock_end
	.globl	counter, lock, locked
	.section .head, "ax"
image:
	b	start
	.long	0
	.quad	0, end - image, 0xa, 0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
start:
	ldr	x0, =PSCI_CPU_ON
	mov	x1, #1
	ldr	x2, =second
	mov	x3, #0
	hvc	#0
	bl	mmu
	mov	x20, #0
1:	bl	add_one
	bl	take
	bl	give
	add	x20, x20, #1
	b	1b

second:
	bl	mmu
	mov	x21, #0
2:	bl	take
	mov	x9, #2000
3:	subs	x9, x9, #1
	b.ne	3b
	bl	give
	mov	x9, #2000
4:	subs	x9, x9, #1
	b.ne	4b
	add	x21, x21, #1
	b	2b

mmu:	/* exclusives need memory that is cached */
	ldr	x0, =vectors
	msr	vbar_el1, x0
	ldr	x0, =table
	msr	ttbr0_el1, x0
	ldr	x0, =0xff00
	msr	mair_el1, x0
	ldr	x0, =0x200803519 /* 39 bits, write-back, no TTBR1 */
	msr	tcr_el1, x0
	isb
	tlbi	vmalle1
	dsb	sy
	isb
	ldr	x0, =0x30501985
	msr	sctlr_el1, x0
	isb
	msr	daifclr, #15
	ret

add_one:
	ldr	x0, =counter
add_load:
	ldxr	x1, [x0]
	add	x1, x1, #1
add_store:
	stxr	w2, x1, [x0]
	cbnz	w2, add_load
add_end:
	ret

take:
	ldr	x0, =lock
	mov	w1, #1
lock_load:
	ldaxr	w2, [x0]
	cbnz	w2, lock_load
lock_store:
	stxr	w3, w1, [x0]
	cbnz	w3, lock_load
lock_end:
	ldr	x4, =locked
	ldr	x5, [x4]
	add	x5, x5, #1
	str	x5, [x4]
	ret

give:
	ldr	x0, =lock
	stlr	wzr, [x0]
	ret

	.balign	0x800
vectors: /* nothing should come */
	.rept	16
	.balign	0x80
	b	.
	.endr

	.data
	.balign	0x1000
table: /* 1 GiB each: devices, nothing, RAM */
	.quad	0x0060000000000401, 0, 0x80000705, 0
	.fill	508, 8, 0
	.balign	64
counter:
	.quad	0
	.balign	64
lock:	.quad	0
	.balign	64
locked:	.quad	0
