/* hello.S - prints a greeting and its command line, ends with status 42. */
#include "tests/guest/guest.h"

	.globl	main
main:
	PRINT	greeting
	mov	PVH_CMDLINE(%rbx), %rsi
	call	print
	PRINT	newline
	EXIT	42

	.data
greeting:
	.asciz	"hello: "
newline:
	.asciz	"\n"
