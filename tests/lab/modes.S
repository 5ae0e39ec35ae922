/*
 * modes.S - code outside of 64-bit mode, for lkvm as a flat binary: a round in real mode, and after
 * `go` rounds in 32-bit protected mode, in ring 0 and ring 3. In each there is an int n whose handler
 * returns, one whose handler does not, and in ring 0 one through a gate of 16 bits.
 *
 * It copies itself to ORIGIN, where it is linked and where CS has the base 0, as a boot sector does.
 * What the handlers find in the flags that were saved for them goes to `seen`.
 */
#define ORIGIN 0x7c00
#define SIZE 4096
/* Of the handlers in real mode: a hardware breakpoint where CS has another base ends QEMU 10 by SIGSEGV. */
#define SEGMENT 0
#define REAL_STACK 0x7000

#define VECTOR_BACK 0x50
#define VECTOR_GONE 0x51
#define VECTOR_SHORT 0x52

#define CODE 0x08
#define DATA 0x10
#define USER_CODE 0x1b
#define USER_DATA 0x23
#define TASK 0x28

	.globl	start, end, seen, go, turns
	.text
	.code16
start:
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %es
	push	%cs
	pop	%ds
	xor	%si, %si
	mov	$ORIGIN, %di
	mov	$SIZE, %cx
	rep movsb
	ljmp	$0, $real
real:
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$REAL_STACK, %sp
	movw	$(real_back - SEGMENT * 16), VECTOR_BACK * 4
	movw	$SEGMENT, VECTOR_BACK * 4 + 2
	movw	$(real_gone - SEGMENT * 16), VECTOR_GONE * 4
	movw	$SEGMENT, VECTOR_GONE * 4 + 2

/* ---- Real mode ---- */

	.globl	real_loop, real_int, real_behind, real_int_gone, real_next, real_back, real_gone
real_loop:
	incl	turns
real_int:
	int	$VECTOR_BACK
real_behind:
	nop
real_int_gone:
	int	$VECTOR_GONE
	hlt
real_next:
	cmpb	$0, go
	je	real_loop
	jmp	protect

real_back:
	push	%bp
	mov	%sp, %bp
	mov	6(%bp), %ax
	or	%ax, seen
	pop	%bp
	iret
real_gone:
	add	$4, %sp
	pop	%ax
	or	%ax, seen
	ljmp	$0, $real_next

protect:
	lgdt	gdt_pointer
	lidt	idt_pointer
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmp	$CODE, $protected

/* ---- Protected mode, ring 0 ---- */

	.code32
	.globl	loop, int_back, behind, int_short, behind_short, int_gone, next
	.globl	back, back_short, gone
protected:
	mov	$DATA, %eax
	mov	%eax, %ss
	mov	$stack_end, %esp
	mov	$TASK, %eax
	ltr	%ax
loop:
	mov	$DATA, %eax /* iret to ring 3 has taken it away */
	mov	%eax, %ds
	incl	turns
int_back:
	int	$VECTOR_BACK
behind:
	nop
int_short:
	int	$VECTOR_SHORT
behind_short:
	nop
int_gone:
	int	$VECTOR_GONE
	hlt
next:
	push	$USER_DATA
	push	$user_stack_end
	push	$2
	push	$USER_CODE
	push	$user
	iret

/* From both rings: the frame has three words or five, and begins with the same ones. */
back:
	push	%eax
	mov	12(%esp), %eax
	or	%eax, %ss:seen
	pop	%eax
	iret
back_short:
	push	%ax
	mov	6(%esp), %ax
	or	%ax, seen
	pop	%ax
	iretw
gone:
	mov	8(%esp), %eax
	or	%eax, %ss:seen
	testb	$3, 4(%esp)
	mov	$stack_end, %esp
	jz	next
	jmp	loop

/* ---- Ring 3 ---- */

	.globl	user, user_int, user_behind, user_int_gone
user:
	incl	%ss:turns
user_int:
	int	$VECTOR_BACK
user_behind:
	nop
user_int_gone:
	int	$VECTOR_GONE
	ud2
end:

	.data
	.balign	4
turns:	.long	0
seen:	.long	0
go:	.byte	0

	.balign	8
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
	.word	0x67, task, 0x8900, 0 /* it lies below 64 KiB */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
/* Addresses are below 64 KiB here, too; the gates of 32 bits are for both rings. */
idt:	.fill	VECTOR_BACK, 8, 0
	.word	back, CODE, 0xee00, 0
	.word	gone, CODE, 0xee00, 0
	.word	back_short, CODE, 0x8600, 0
idt_pointer:
	.word	. - idt - 1
	.long	idt
task:	.long	0, stack_end, DATA
	.fill	0x68 - 12, 1, 0
	.skip	256
user_stack_end:
	.skip	256
stack_end:
