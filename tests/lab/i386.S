/*
 * i386.S - a 32-bit kernel for QEMU's -kernel (multiboot), with nothing but a counter in it and an
 * interrupt by which it counts. Not for lkvm: tests/lab/check-plugin.sh builds it.
 */
	.code32
	.section .text
	.align 4
	.long 0x1badb002, 0, -0x1badb002 /* the multiboot header: magic, flags, checksum */

	.globl _start, loop, interrupt, behind, handler, end
_start:
	cli
	movl $stack, %esp
	lgdt gdt_pointer
	ljmp $8, $1f
1:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $handler, %eax
	movw %ax, idt + 8 * 0x50
	shrl $16, %eax
	movw %ax, idt + 8 * 0x50 + 6
	lidt idt_pointer
loop:
	incl turns
	movl $0x12345678, %ebx
interrupt:
	int $0x50
behind:
	jmp loop

handler:
	incl count
	iret
end:

	.data
	.globl turns, count
turns:	.long 0
count:	.long 0
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt
idt:	.fill 0x50, 8, 0
	.quad 0x00008e0000080000
idt_pointer:
	.word . - idt - 1
	.long idt

	.bss
	.align 16
	.skip 4096
stack:
