/*
 * timer.S - the local APIC's timer interrupts all the time while `loop` counts in rbx. The handler
 * `on_timer` counts in `ticks`. Ends with status 0 after STOP_TICKS of them.
 */
#include "tests/guest/guest.h"

#define VECTOR 0x40
#define PERIODIC 0x20000
#define STOP_TICKS 2000

	.globl	main, loop, loop_end, on_timer, ticks
main:
	GATE	VECTOR, on_timer
	mov	$LAPIC, %edi
	movl	$0x1ff, LAPIC_SPURIOUS(%rdi)
	movl	$0xb, LAPIC_TIMER_DIVIDE(%rdi)
	movl	$(PERIODIC | VECTOR), LAPIC_TIMER(%rdi)
	movl	$200000, LAPIC_TIMER_COUNT(%rdi)
	PRINT	ready
	xor	%ebx, %ebx
	sti
loop:
	inc	%rbx
	nop
	nop
	cmpq	$STOP_TICKS, ticks(%rip)
loop_end:
	jb	loop
	cli
	EXIT	0

on_timer:
	incq	ticks(%rip)
	mov	$LAPIC, %r11d
	movl	$0, LAPIC_EOI(%r11)
	iretq

	.data
	.balign	8
ticks:
	.quad	0
ready:
	.asciz	"ready\n"
