/* fill.S - as tests/bench/fill.S: FILL_SIZE bytes of numbers that do not repeat, at fill_start. */
#include "tests/bench/arm/head.h"

#define FILL_SIZE 0x200000

	.globl	loop, fill_start
	.set	fill_start, 0x81000000
start:
	ldr	x0, =fill_start
	add	x1, x0, #FILL_SIZE
	ldr	x2, =0x9e3779b97f4a7c15
	mov	x3, x2
1:	eor	x4, x3, x3, lsr #29
	str	x4, [x0], #8
	add	x3, x3, x2
	mul	x3, x3, x2
	cmp	x0, x1
	b.lo	1b
	say_ready
loop:
	yield
	b	loop
	.ltorg
