/* loop.S - as tests/guest/loop.S: x0 counts, and `inner` is called once a turn of 7 instructions. */
#include "tests/bench/arm/head.h"

	.globl	loop, inner, inner_end
start:
	say_ready
	mov	x0, #0
loop:
	add	x0, x0, #1
	add	x1, x0, x0
	bl	inner
	b	loop

inner:
	nop
	mov	x2, x0
inner_end:
	ret
