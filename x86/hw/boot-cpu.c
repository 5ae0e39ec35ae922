/*
 * x86/hw/boot-cpu.c - the registers, GDT and page tables that the first vCPU starts with.
 *
 * The GDT has the selectors that Linux's boot protocol asks for: 0x10 code, 0x18 data.
 */
#include <linux/kvm.h>
#include <string.h>

#include "hw/util.h"
#include "x86/cpu/bits.h"
#include "x86/hw/boot.h"

#define FLAGS_RESERVED 2u

#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS 0x20
#define TYPE_CODE 0xb /* execute, read, accessed */
#define TYPE_DATA 0x3 /* read, write, accessed */
#define TYPE_TSS 0xb  /* busy */

#define PTE_COUNT 512u
#define PAGE 4096u
#define N_DIRECTORIES 4u /* of 1 GiB each */

static const uint64_t gdt[] = {
	0,
	0,
	0x00af9b000000ffff, /* code: 64 bit; its 32-bit twin is only in the segment cache */
	0x00cf93000000ffff, /* data */
	0x00008b0000000067, /* TSS at 0 */
	0,
};

static bool write_page_tables(GuestMemory *memory, GError **error)
{
	g_autofree uint64_t *tables = g_new0(uint64_t, PTE_COUNT * (2 + N_DIRECTORIES));
	uint64_t *pml4 = tables, *pdpt = pml4 + PTE_COUNT, *directories = pdpt + PTE_COUNT;

	pml4[0] = (X86_BOOT_PAGE_TABLES + PAGE) | X86_PTE_PRESENT | X86_PTE_WRITABLE;
	for (unsigned i = 0; i < N_DIRECTORIES; i++)
		pdpt[i] = (X86_BOOT_PAGE_TABLES + (2 + i) * PAGE) | X86_PTE_PRESENT |
			  X86_PTE_WRITABLE;
	for (uint64_t i = 0; i < N_DIRECTORIES * PTE_COUNT; i++)
		directories[i] = i << 21 | X86_PTE_PRESENT | X86_PTE_WRITABLE | X86_PTE_LARGE;
	return memory_write(memory, X86_BOOT_PAGE_TABLES, tables, PAGE * (2 + N_DIRECTORIES),
			    "the boot page tables", error);
}

bool boot_write_cpu_tables(GuestMemory *memory, GError **error)
{
	return memory_write(memory, X86_BOOT_GDT, gdt, sizeof(gdt), "the boot GDT", error) &&
	       write_page_tables(memory, error);
}

/* ---- Segments ---- */

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool is_code, bool is_64)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = !(is_code && is_64),
		.s = 1,
		.l = is_code && is_64,
		.g = 1,
	};
}

static struct kvm_segment real_segment(uint16_t selector)
{
	return (struct kvm_segment){
		.base = (uint64_t)selector << 4,
		.limit = 0xffff,
		.selector = selector,
		.type = TYPE_DATA,
		.present = 1,
		.s = 1,
	};
}

static void set_data_segments(struct kvm_sregs *sregs, struct kvm_segment segment)
{
	sregs->ds = sregs->es = sregs->ss = sregs->fs = sregs->gs = segment;
}

static void set_protected(struct kvm_sregs *sregs, bool is_64)
{
	sregs->cs = flat_segment(SELECTOR_CODE, TYPE_CODE, true, is_64);
	set_data_segments(sregs, flat_segment(SELECTOR_DATA, TYPE_DATA, false, is_64));
	sregs->tr = (struct kvm_segment){
		.limit = 0x67,
		.selector = SELECTOR_TSS,
		.type = TYPE_TSS,
		.present = 1,
	};
	sregs->gdt.base = X86_BOOT_GDT;
	sregs->gdt.limit = sizeof(gdt) - 1;
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	sregs->cr0 = X86_CR0_PE | X86_CR0_ET;
	sregs->cr4 = 0;
	sregs->efer = 0;
	if (!is_64)
		return;
	sregs->cr0 |= X86_CR0_PG;
	sregs->cr3 = X86_BOOT_PAGE_TABLES;
	sregs->cr4 = X86_CR4_PAE;
	sregs->efer = X86_EFER_LME | X86_EFER_LMA;
}

static void set_mode(struct kvm_sregs *sregs, const X86Entry *entry)
{
	switch (entry->mode) {
	case X86_MODE_REAL:
		sregs->cs = real_segment(entry->selector);
		set_data_segments(sregs, real_segment(entry->selector));
		break;
	case X86_MODE_PROTECTED:
	case X86_MODE_LONG:
		set_protected(sregs, entry->mode == X86_MODE_LONG);
		break;
	}
}

bool boot_set_registers(int vcpu_fd, const X86Entry *entry, GError **error)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {
		.rip = entry->rip,
		.rbx = entry->rbx,
		.rsi = entry->rsi,
		.rsp = entry->rsp,
		.rflags = FLAGS_RESERVED,
	};

	if (VM_IOCTL(vcpu_fd, KVM_GET_SREGS, &sregs, error) < 0)
		return false;
	set_mode(&sregs, entry);
	return VM_IOCTL(vcpu_fd, KVM_SET_SREGS, &sregs, error) >= 0 &&
	       VM_IOCTL(vcpu_fd, KVM_SET_REGS, &regs, error) >= 0;
}
