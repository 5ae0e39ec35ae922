/*
 * nested.S - enters a guest of its own by SVM's VMRUN. Bytes of `state`, which a debugger writes, say
 * when; rbx is the address of `state`, here and in the guest inside.
 *
 * All memory is mapped a second time from KERNEL on, as a kernel has it. The guest inside has page
 * tables of its own: this guest's code is at INSIDE there, and at KERNEL there is something else.
 *
 * It prints "outer" and waits for `enter`; the guest inside prints "inner" and waits for `leave`; then
 * `back` is called at its address in KERNEL, it prints "back", and waits for `finish`. Status 0; 8
 * when the guest inside ends in another way; 9 when there is no SVM, after "no SVM".
 */
#include "tests/guest/guest.h"

#define KERNEL 0xffff800000000000
#define INSIDE 0x40000000
#define TEXT 0x200000
#define ELSEWHERE 0x600000 /* what the guest inside has at KERNEL + TEXT */

#define CPUID_SVM 4
#define EFER_SVME 0x1000
#define MSR_HSAVE_PA 0xc0010117

/* APM vol. 2, appendix B */
#define VMCB_INTERCEPTS 0x010
#define INTERCEPT_VMRUN 0x1
#define INTERCEPT_VMMCALL 0x2
#define VMCB_ASID 0x058
#define VMCB_EXIT_CODE 0x070
#define EXIT_VMMCALL 0x81
#define VMCB_ES 0x400
#define VMCB_CS 0x410
#define VMCB_SS 0x420
#define VMCB_DS 0x430
#define VMCB_EFER 0x4d0
#define VMCB_CR4 0x548
#define VMCB_CR3 0x550
#define VMCB_CR0 0x558
#define VMCB_DR7 0x560
#define VMCB_DR6 0x568
#define VMCB_FLAGS 0x570
#define VMCB_RIP 0x578
#define VMCB_RSP 0x5d8

/* A segment of the guest inside: selector and attributes in one word, then the limit. */
.macro SEGMENT at, word
	movl	$\word, \at(%rdi)
	movl	$0xffffffff, \at + 4(%rdi)
.endm

	.globl	main, outer, inner, back, state, enter, leave, finish, inner_turns, kernel_back
main:
	mov	$0x80000001, %eax
	cpuid
	test	$CPUID_SVM, %ecx
	jz	no_svm
	lea	pml4(%rip), %rdi
	mov	(%rdi), %rax
	mov	%rax, 256 * 8(%rdi)
	lea	state(%rip), %rbx
	PRINT	says_outer
outer:
	incq	outer_turns(%rip)
	pause
	cmpb	$0, enter(%rip)
	je	outer

	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_SVME, %eax
	wrmsr
	mov	$MSR_HSAVE_PA, %ecx
	lea	hsave(%rip), %rax
	xor	%edx, %edx
	wrmsr
	call	fill_vmcb
	lea	vmcb(%rip), %rax
	vmrun	%rax
	stgi
	cmpl	$EXIT_VMMCALL, vmcb + VMCB_EXIT_CODE(%rip)
	jne	failed
	movabs	$KERNEL + back, %rax
	call	*%rax
	EXIT	0

back:
	PRINT	says_back
1:	incq	outer_turns(%rip)
	pause
	cmpb	$0, finish(%rip)
	je	1b
	ret

failed:
	EXIT	8
no_svm:
	PRINT	says_no_svm
	EXIT	9

fill_vmcb:
	lea	vmcb(%rip), %rdi
	movl	$(INTERCEPT_VMRUN | INTERCEPT_VMMCALL), VMCB_INTERCEPTS(%rdi)
	movl	$1, VMCB_ASID(%rdi)
	SEGMENT	VMCB_CS, 0x0a9b0000 + CODE_64
	SEGMENT	VMCB_SS, 0x0c930000 + DATA_64
	SEGMENT	VMCB_DS, 0x0c930000 + DATA_64
	SEGMENT	VMCB_ES, 0x0c930000 + DATA_64
	mov	$MSR_EFER, %ecx
	rdmsr
	mov	%eax, VMCB_EFER(%rdi)
	mov	%cr4, %rax
	mov	%rax, VMCB_CR4(%rdi)
	mov	%cr0, %rax
	mov	%rax, VMCB_CR0(%rdi)
	lea	inner_pml4(%rip), %rax
	mov	%rax, VMCB_CR3(%rdi)
	movl	$0x400, VMCB_DR7(%rdi)
	movl	$0xffff0ff0, VMCB_DR6(%rdi)
	movl	$2, VMCB_FLAGS(%rdi)
	lea	inner(%rip), %rax
	add	$(INSIDE - TEXT), %rax
	mov	%rax, VMCB_RIP(%rdi)
	lea	inner_stack_end(%rip), %rax
	add	$(INSIDE - TEXT), %rax
	mov	%rax, VMCB_RSP(%rdi)
	ret

/* ---- The guest inside ---- */

/* It ends as it should only if its registers and its stack are as it left them. */
inner:
	PRINT	says_inner
	xor	%ebp, %ebp
1:	inc	%rbp
	push	%rbp
	incq	inner_turns(%rip)
	pause
	pop	%rax
	cmp	%rax, inner_turns(%rip)
	jne	2f
	cmp	%rax, %rbp
	jne	2f
	cmpb	$0, leave(%rip)
	je	1b
	vmmcall
2:	ud2

	.data
	.balign	8
state:
outer_turns:
	.quad	0
inner_turns:
	.quad	0
enter:
	.byte	0
leave:
	.byte	0
finish:
	.byte	0
	.balign	8
kernel_back:
	.quad	KERNEL + back
says_outer:
	.asciz	"outer\n"
says_inner:
	.asciz	"inner\n"
says_back:
	.asciz	"back\n"
says_no_svm:
	.asciz	"no SVM\n"

	.balign	4096
inner_pml4:
	.quad	inner_pdpt + PTE_TABLE
	.fill	255, 8, 0
	.quad	inner_high_pdpt + PTE_TABLE
	.fill	255, 8, 0
inner_pdpt:
	.quad	0
	.quad	inner_pd + PTE_TABLE
	.fill	510, 8, 0
inner_pd:
	.quad	TEXT + PTE_LARGE
	.fill	511, 8, 0
inner_high_pdpt:
	.quad	inner_high_pd + PTE_TABLE
	.fill	511, 8, 0
inner_high_pd:
	.quad	0
	.quad	ELSEWHERE + PTE_LARGE
	.fill	510, 8, 0

	.bss
	.balign	4096
vmcb:
	.skip	4096
hsave:
	.skip	4096
inner_stack:
	.skip	4096
inner_stack_end:
