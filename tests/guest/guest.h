/*
 * tests/guest/guest.h - what every bare-metal guest begins with: a PVH entry, long mode with the
 * first 4 GiB mapped to themselves, a stack, an IDT to be filled, and a few macros.
 *
 * A guest includes this file first and defines `main`, which is entered in 64-bit mode with
 * interrupts off and rbx = the PVH start info. It ends by EXIT. Macros clobber rax, rcx, rdx, rsi.
 */
#define PORT_CONSOLE 0xe9
#define PORT_EXIT 0xf4

#define CODE_64 0x08
#define DATA_64 0x10
#define CODE_32 0x18

#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define CR4_OSFXSR 0x200
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

#define PTE_TABLE 0x3  /* present, writable */
#define PTE_LARGE 0x83 /* and 2 MiB */

/* Offsets in the PVH start info. */
#define PVH_CMDLINE 24

#define LAPIC 0xfee00000
#define LAPIC_ID 0x20
#define LAPIC_EOI 0xb0
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_ICR_LOW 0x300
#define LAPIC_ICR_HIGH 0x310
#define LAPIC_TIMER 0x320
#define LAPIC_TIMER_COUNT 0x380
#define LAPIC_TIMER_DIVIDE 0x3e0

/* End the machine; lkvm exits with \status. */
.macro EXIT status
	mov	$\status, %eax
	mov	$PORT_EXIT, %edx
	out	%al, %dx
1:	hlt
	jmp	1b
.endm

/* Print the zero-terminated text at \label. */
.macro PRINT label
	lea	\label(%rip), %rsi
	call	print
.endm

/* Let interrupt or exception \vector go to \handler. */
.macro GATE vector, handler
	lea	\handler(%rip), %rax
	mov	$\vector, %ecx
	call	set_gate
.endm

	.section .note.pvh, "a", @note
	.long	4, 4, 18
	.asciz	"Xen"
	.long	pvh_start

	.text
	.code32
	.globl	pvh_start
pvh_start:
	cli
	mov	%ebx, %ebp
	mov	$boot_stack_end, %esp
	lgdt	gdt_pointer
	call	enter_long_mode_tables
	ljmp	$CODE_64, $start_64

/* Paging and long mode on; the caller jumps into a 64-bit segment. Also for other CPUs. */
enter_long_mode_tables:
	mov	%cr4, %eax
	or	$(CR4_PAE | CR4_OSFXSR), %eax
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	%cr0, %eax
	or	$(CR0_PG | CR0_PE), %eax
	mov	%eax, %cr0
	ret

	.code64
start_64:
	call	load_segments
	mov	%ebp, %ebx
	lea	boot_stack_end(%rip), %rsp
	lidt	idt_pointer(%rip)
	call	main
	EXIT	0

load_segments:
	mov	$DATA_64, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	ret

/* rsi = text */
print:
	mov	$PORT_CONSOLE, %edx
1:	lodsb
	test	%al, %al
	jz	2f
	out	%al, %dx
	jmp	1b
2:	ret

/* rax = handler, ecx = vector */
set_gate:
	shl	$4, %ecx
	lea	idt(%rip), %rdx
	add	%rcx, %rdx
	mov	%ax, (%rdx)
	movw	$CODE_64, 2(%rdx)
	movw	$0x8e00, 4(%rdx)
	shr	$16, %rax
	mov	%eax, 6(%rdx)
	ret

	.data
	.balign	8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00cf9b000000ffff
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt
idt_pointer:
	.word	256 * 16 - 1
	.quad	idt

	.balign	4096
pml4:
	.quad	pdpt + PTE_TABLE
	.fill	511, 8, 0
pdpt:
	.quad	directories + PTE_TABLE
	.quad	directories + 0x1000 + PTE_TABLE
	.quad	directories + 0x2000 + PTE_TABLE
	.quad	directories + 0x3000 + PTE_TABLE
	.fill	508, 8, 0
directories:
	.set	page, 0
	.rept	2048
	.quad	page + PTE_LARGE
	.set	page, page + 0x200000
	.endr

	.bss
	.balign	16
idt:
	.skip	256 * 16
boot_stack:
	.skip	16384
boot_stack_end:

	.text
