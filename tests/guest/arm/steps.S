/*
 * steps.S - what a debugger's single step may get wrong, each written to memory at `results`:
 * flags, DAIF, exceptions of all kinds with ELR, SPSR and ESR, EL0, exclusives, interrupts that an
 * instruction unmasks, WFI. A run in steps must leave the same bytes as a run without.
 *
 * x18 interrupts taken, x19 next slot of `interrupts`, x28 next slot of `results`, x20..x27 belong
 * to the handlers. A place wait_N is where only an interrupt leads on, to past_N.
 */
	.arch	armv8.5-a

#define DEBUG_EXIT 0x01050000
#define GIC_DIST 0x3fff0000
#define GIC_REDIST 0x3ffd0000 /* of the only CPU */
#define GIC_SGI_FRAME (GIC_REDIST + 0x10000)
#define TIMER_PPI 27
#define SGI 3
#define EL0_ALIAS 0x40000000 /* RAM is seen once more here above, by EL0 */
#define EC_IABT 0x21
#define EC_SVC 0x15

	.globl	image, results, results_end, interrupts, interrupts_end, done
	.section .head, "ax"
image:
	b	start
	.long	0
	.quad	0, end - image, 0xa, 0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.macro	record value
	str	\value, [x28], #8
	.endm
	.macro	record_sys name
	mrs	x0, \name
	record	x0
	.endm

	.text
start:
	ldr	x28, =results
	ldr	x19, =interrupts
	mov	x18, #0
	ldr	x0, =vectors
	msr	vbar_el1, x0
	msr	far_el1, xzr
	msr	elr_el1, xzr
	msr	spsr_el1, xzr
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
	ldr	x0, =0x30501985 /* MMU and caches on; UMA and SPAN clear */
	msr	sctlr_el1, x0
	isb

/* ---- PSTATE ---- */
	record_sys daif
	msr	daifclr, #15
	record_sys daif
	msr	daifset, #1
	record_sys daif
	msr	daifset, #6
	record_sys daif
	msr	daifclr, #2
	record_sys daif
	msr	daifset, #8
	record_sys daif
	.irp	value, 0, 0x40, 0x80, 0x100, 0x200, 0x3c0
	mov	x0, #\value
	msr	daif, x0
	record_sys daif
	.endr
	msr	daif, xzr
	mrs	xzr, daif
	mov	x0, #0x80000000
	record_sys daif
	ldr	x0, =0x7fffffffffffffff
	adds	x1, x0, #1
	record_sys nzcv
	cset	x1, vs
	record	x1
	subs	xzr, xzr, xzr
	record_sys nzcv
	mov	x0, #0xf0000000
	msr	nzcv, x0
	record_sys nzcv
	ccmp	x0, #1, #5, mi
	record_sys nzcv
	.irp	name, S3_0_C4_C2_3, S3_0_C4_C2_4, S3_3_C4_C2_5, S3_3_C4_C2_6 /* PAN UAO DIT SSBS */
	mov	x0, #-1
	msr	\name, x0
	record_sys \name
	msr	\name, xzr
	record_sys \name
	.endr
	msr	spsel, #0
	record_sys spsel
	mov	x0, #0x1230
	mov	sp, x0
	svc	#1 /* from EL1t */
	msr	spsel, #1
	record_sys sp_el0
	record_sys mdscr_el1
	record_sys currentel

/* ---- Exceptions from EL1 ---- */
	.irp	value, 0, 0x80, 0xc0, 0x3c0
	mov	x0, #\value
	msr	daif, x0
	svc	#2
	brk	#0x123
	record_sys daif
	.endr
	msr	daifclr, #15
	mov	x0, #0x60000000
	msr	nzcv, x0
	msr	S3_0_C4_C2_3, x0 /* bit 22 is clear: PAN off */
	brk	#0
	brk	#0x800
	record_sys nzcv
	record_sys S3_0_C4_C2_3
	udf	#0
	svc	#0xffff
	ldr	x1, =0x40001234 /* nothing is mapped there */
	ldr	x0, [x1]
	str	x0, [x1, #8]!
	record	x1
	blr	x1
	ldr	x1, =results + EL0_ALIAS /* which PAN protects */
	msr	pan, #1
	ldr	x0, [x1]
	msr	pan, #0
	ldr	x0, [x1]
	record	x0
	mov	x0, #0x84000000 /* PSCI_VERSION */
	hvc	#0
	record	x0

/* ---- EL0 ---- */
	ldr	x0, =el0_code + EL0_ALIAS
	msr	elr_el1, x0
	mov	x0, #0xa0000000
	msr	spsr_el1, x0
	adr	x20, 1f
	eret
1:	record	x0
	record_sys daif
	/* and from EL1 to EL1 */
	adr	x0, 2f
	msr	elr_el1, x0
	ldr	x0, =0x50000045 /* F masked, EL1h */
	msr	spsr_el1, x0
	eret
	udf	#1
2:	record_sys daif
	record_sys nzcv
	record_sys elr_el1
	record_sys spsr_el1

/* ---- Exclusives ---- */
	ldr	x1, =counter
	mov	x3, #3
3:	ldxr	x0, [x1]
	add	x0, x0, #1
	stxr	w2, x0, [x1]
	cbnz	w2, 3b
	subs	x3, x3, #1
	b.ne	3b
4:	ldaxp	x4, x5, [x1]
	add	x5, x5, #7
	stlxp	w2, x4, x5, [x1]
	cbnz	w2, 4b
	ldp	x4, x5, [x1]
	record	x4
	record	x5

/* ---- Interrupts: pending before an instruction lets them in ---- */
	bl	gic_on
	bl	pend_timer
	record_sys daif
	msr	daifclr, #2
	nop
	record_sys daif
wait_1:	cbz	x18, wait_1
past_1:	record	x18

	bl	pend_timer
	mov	x0, #0x40
	msr	daif, x0
	nop
	record_sys daif
wait_2:	cbz	x18, wait_2
past_2:	record	x18

	bl	pend_timer
	adr	x0, 5f
	msr	elr_el1, x0
	ldr	x0, =0x90000005
	msr	spsr_el1, x0
	eret
	udf	#2
5:	record_sys daif
	record_sys nzcv
wait_3:	cbz	x18, wait_3
past_3:	record	x18

	bl	pend_timer
	ldr	x0, =wait_4 + EL0_ALIAS
	msr	elr_el1, x0
	mov	x0, #0x40000000
	msr	spsr_el1, x0
	adr	x20, 6f
	eret
wait_4:	cbz	x18, wait_4
past_4:	svc	#8
6:	record	x18

	msr	daifset, #2
	mov	x18, #0
	ldr	x0, =SGI << 24 | 1
	msr	S3_0_C12_C11_5, x0 /* ICC_SGI1R_EL1 */
	isb
	bl	poll
	svc	#3 /* the handler cannot be interrupted */
	msr	daifclr, #15
	nop
wait_5:	cbz	x18, wait_5
past_5:	record	x18

/* ---- WFI ---- */
	msr	daifset, #2
	bl	timer_soon
7:	wfi
	mrs	x0, isr_el1
	tbz	x0, #7, 7b
	record	x0
	msr	cntv_ctl_el0, xzr
	isb
8:	mrs	x0, isr_el1
	tbnz	x0, #7, 8b
	mov	x18, #0
	bl	timer_soon
	wfi /* the wait itself is none: an interrupt may come in front of it */
	bl	poll
	msr	daifclr, #2
	nop
wait_6:	cbz	x18, wait_6
past_6:	record	x18
	msr	daifset, #15
	record_sys daif
done:
	ldr	x1, =DEBUG_EXIT
	strb	wzr, [x1]
	b	.

pend_timer:
	msr	daifset, #2
	mov	x18, #0
	msr	cntv_cval_el0, xzr
	mov	x0, #1
	msr	cntv_ctl_el0, x0
	isb
poll:	mrs	x0, isr_el1
	tbz	x0, #7, poll
	ret

timer_soon:
	mov	x0, #0x4000
	msr	cntv_tval_el0, x0
	mov	x0, #1
	msr	cntv_ctl_el0, x0
	isb
	ret

gic_on:
	msr	daifset, #15
	ldr	x1, =GIC_DIST
	mov	w0, #0x12 /* ARE, group 1 */
	str	w0, [x1]
	ldr	x1, =GIC_REDIST
	ldr	w0, [x1, #0x14]
	bic	w0, w0, #2 /* awake */
	str	w0, [x1, #0x14]
	ldr	x1, =GIC_SGI_FRAME
	mov	w0, #-1
	str	w0, [x1, #0x80] /* all in group 1 */
	ldr	w0, =1 << TIMER_PPI | 1 << SGI
	str	w0, [x1, #0x100]
	mov	x0, #7
	msr	S3_0_C12_C12_5, x0 /* ICC_SRE_EL1 */
	isb
	mov	x0, #0xff
	msr	S3_0_C4_C6_0, x0 /* ICC_PMR_EL1 */
	mov	x0, #1
	msr	S3_0_C12_C12_7, x0 /* ICC_IGRPEN1_EL1 */
	isb
	msr	daifclr, #13
	ret

el0_code:
	mrs	x0, nzcv
	svc	#4
	adds	x0, xzr, xzr
	brk	#5
	mrs	x0, daif /* not allowed */
	msr	daifset, #15
	ldr	x1, =vectors
	ldr	x0, [x1] /* EL1's own view of RAM */
	mov	x0, #0x77
	svc	#8 /* back to x20 in EL1 */

/* ---- Handlers ---- */
sync:
	mrs	x21, esr_el1
	record	x21
	mrs	x22, elr_el1
	record	x22
	mrs	x23, spsr_el1
	record	x23
	mrs	x24, far_el1
	record	x24
	mrs	x24, daif
	record	x24
	mrs	x24, S3_0_C4_C2_3
	record	x24
	mrs	x24, nzcv
	record	x24
	record	x0
	lsr	w24, w21, #26
	cmp	w24, #EC_SVC
	b.eq	1f
	add	x22, x22, #4
	cmp	w24, #EC_IABT
	csel	x22, x30, x22, eq
	msr	elr_el1, x22
	eret
1:	and	w24, w21, #0xffff
	cmp	w24, #8
	b.ne	2f
	mov	x24, #0x3c5
	msr	spsr_el1, x24
	msr	elr_el1, x20
2:	eret

irq:
	mrs	x21, S3_0_C12_C12_0 /* ICC_IAR1_EL1 */
	mrs	x22, elr_el1
	mrs	x23, spsr_el1
	mrs	x24, daif
	stp	x21, x22, [x19], #16
	stp	x23, x24, [x19], #16
	msr	cntv_ctl_el0, xzr
	isb
	msr	S3_0_C12_C12_1, x21 /* ICC_EOIR1_EL1 */
	isb
	add	x18, x18, #1
	eret

other:
	mov	x0, #-2
	record	x0
	b	done

	.macro	vector to
	.balign	0x80
	b	\to
	.endm
	.balign	0x800
vectors:
	.rept	3
	vector	sync
	vector	irq
	vector	other
	vector	other
	.endr
	.rept	4
	vector	other
	.endr

	.data
	.balign	0x1000
table: /* 1 GiB each: devices, nothing, RAM for EL1, RAM for EL0 */
	.quad	0x0060000000000401, 0, 0x80000705, 0x80000745
	.fill	508, 8, 0
counter:
	.quad	0, 0x100
results:
	.fill	512, 8, 0
results_end:
interrupts:
	.fill	32, 8, 0
interrupts_end:
