/*
 * pci.S - what a driver does first with a virtio device at 00:01.0: finds it by ports and by ECAM,
 * maps its BAR, resets it, and moves the BAR. It ends by the reset port, which is a byte of PCI's
 * address port. Status 10: there is no PCI; another one: where it went wrong.
 */
#include "tests/guest/guest.h"

#define PORT_ADDRESS 0xcf8
#define PORT_RESET 0xcf9
#define PORT_DATA 0xcfc
#define ENABLE 0x80000000
#define DEVICE_1 0x800
#define COMMAND 0x04
#define COMMAND_MEMORY 2
#define BAR_0 0x10
#define ECAM 0xe0000000
#define ECAM_DEVICE_1 0x8000
#define VIRTIO_BLK 0x10421af4
#define NEW_PLACE 0xd0100000

/* Places in the BAR. */
#define N_QUEUES 18
#define STATUS 20
#define DOORBELL 0x1000

.macro SELECT register
	mov	$(ENABLE | \register), %eax
	mov	$PORT_ADDRESS, %edx
	out	%eax, %dx
	mov	$PORT_DATA, %edx
.endm

.macro READ_CONFIG register
	SELECT	\register
	in	%dx, %eax
.endm

.macro WRITE_CONFIG register, value
	SELECT	\register
	mov	$\value, %eax
	out	%eax, %dx
.endm

.macro FAIL_UNLESS_EQUAL status
	je	2f
	EXIT	\status
2:
.endm

	.globl	main
main:
	READ_CONFIG 0
	cmp	$-1, %eax
	jne	present
	EXIT	10
present:
	READ_CONFIG 0x600	/* no device; its second byte, by itself, would reset */
	cmp	$-1, %eax
	FAIL_UNLESS_EQUAL 11
	READ_CONFIG DEVICE_1
	cmp	$VIRTIO_BLK, %eax
	FAIL_UNLESS_EQUAL 12
	mov	$(ECAM + ECAM_DEVICE_1), %edi
	cmpl	$VIRTIO_BLK, (%rdi)
	FAIL_UNLESS_EQUAL 13
	READ_CONFIG DEVICE_1 + BAR_0
	mov	%eax, %ebx
	cmpl	$-1, (%rbx)		/* not decoded yet */
	FAIL_UNLESS_EQUAL 14
	WRITE_CONFIG DEVICE_1 + COMMAND, COMMAND_MEMORY
	movb	$0, STATUS(%rbx)
	movb	$1, STATUS(%rbx)
	cmpb	$1, STATUS(%rbx)
	FAIL_UNLESS_EQUAL 15
	cmpw	$8, N_QUEUES(%rbx)
	FAIL_UNLESS_EQUAL 16
	WRITE_CONFIG DEVICE_1 + BAR_0, NEW_PLACE
	cmpb	$-1, STATUS(%rbx)
	FAIL_UNLESS_EQUAL 17
	mov	$NEW_PLACE, %ebx
	cmpb	$1, STATUS(%rbx)
	FAIL_UNLESS_EQUAL 18
	movw	$0, DOORBELL(%rbx)	/* nothing is in a queue: nothing happens */
	mov	$6, %al
	mov	$PORT_RESET, %edx
	out	%al, %dx
	EXIT	19
