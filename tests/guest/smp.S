/*
 * smp.S - starts all other CPUs by INIT and SIPI; each prints its digit (APIC id) and goes round
 * `ap_loop` for ever. CPU 0 waits for as many as CPUID tells, prints "all", and ends with their
 * number when the command line has the letter 'q', else goes round `loop` for ever.
 */
#include "tests/guest/guest.h"

#define TRAMPOLINE 0x40000 /* a page below 1 MiB that nothing else uses */
#define STACK_SIZE 4096

#define ICR_INIT 0xc4500   /* to all others, assert */
#define ICR_SIPI (0xc4600 | TRAMPOLINE >> 12)

	.globl	main, loop, ap_main, ap_loop, online, turns
main:
	lea	ap_start(%rip), %rsi
	mov	$TRAMPOLINE, %edi
	mov	$(ap_start_end - ap_start), %ecx
	rep movsb
	mov	$LAPIC, %edi
	movl	$0x1ff, LAPIC_SPURIOUS(%rdi)
	mov	%rbx, %r13
	mov	$1, %eax
	cpuid
	shr	$16, %ebx
	movzbl	%bl, %r12d
	cmp	$1, %r12d
	jbe	2f
	movl	$ICR_INIT, LAPIC_ICR_LOW(%rdi)
	call	delay
	movl	$ICR_SIPI, LAPIC_ICR_LOW(%rdi)
1:	pause
	cmp	%r12d, online(%rip)
	jb	1b
2:	PRINT	all
	mov	PVH_CMDLINE(%r13), %rsi
3:	lodsb
	cmp	$'q', %al
	je	quit
	test	%al, %al
	jnz	3b
loop:
	incq	turns(%rip)
	pause
	jmp	loop
quit:
	mov	%r12d, %eax
	mov	$PORT_EXIT, %edx
	out	%al, %dx
4:	hlt
	jmp	4b

delay:
	mov	$1000000, %ecx
1:	pause
	dec	%ecx
	jnz	1b
	ret

/* Entered with rdi = this CPU's number in order of arrival. */
ap_main:
	mov	$LAPIC, %esi
	movl	$0x1ff, LAPIC_SPURIOUS(%rsi)
	mov	LAPIC_ID(%rsi), %eax
	shr	$24, %eax
	add	$'0', %eax
	mov	$PORT_CONSOLE, %edx
	out	%al, %dx
	lock incl online(%rip)
ap_loop:
	lock incq turns(%rip)
	pause
	jmp	ap_loop

ap_start_64:
	mov	$1, %edi
	lock xadd %edi, arrived(%rip)
	mov	%edi, %eax
	inc	%eax
	shl	$12, %eax
	lea	ap_stacks(%rip), %rsp
	add	%rax, %rsp
	lidt	idt_pointer(%rip)
	jmp	ap_main

	.code32
ap_start_32:
	mov	$DATA_64, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	/* One CPU after the other may use this stack; each is through before it counts itself. */
1:	lock btsl $0, stack_lock
	jc	1b
	mov	$boot_stack, %esp
	add	$STACK_SIZE, %esp
	call	enter_long_mode_tables
	movl	$0, stack_lock
	ljmp	$CODE_64, $ap_start_64

/* Copied to TRAMPOLINE; real mode, cs = TRAMPOLINE >> 4. */
	.code16
ap_start:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	ap_gdt_pointer - ap_start
	mov	%cr0, %eax
	or	$CR0_PE, %eax
	mov	%eax, %cr0
	ljmpl	$CODE_32, $ap_start_32
ap_gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt
ap_start_end:
	.code64

	.data
	.balign	8
online:
	.long	1
arrived:
	.long	0
turns:
	.quad	0
stack_lock:
	.long	0
all:
	.asciz	" all\n"

	.bss
	.balign	16
ap_stacks:
	.skip	256 * STACK_SIZE
