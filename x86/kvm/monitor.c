/*
 * x86/kvm/monitor.c - the x86 half of the monitor: from KVM's structures to x86/cpu/monitor.h and
 * x86/cpu/pages.h, and the commands that only x86 has.
 */
#include "kvm/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "x86/cpu/monitor.h"
#include "x86/cpu/pages.h"
#include "x86/kvm/vcpu.h"

/* ---- info registers ---- */

static X86ShowSegment to_segment(const struct kvm_segment *segment)
{
	return (X86ShowSegment){segment->selector, segment->base, segment->limit,
				X86_SHOW_FLAGS(segment->type, segment->s, segment->dpl,
					       segment->present, segment->avl, segment->l,
					       segment->db, segment->g)};
}

static void fill_segments(X86Show *show, const struct kvm_sregs2 *sregs)
{
	const struct kvm_segment *from[X86_SHOW_SEGMENTS] = {
		[X86_SHOW_ES] = &sregs->es,   [X86_SHOW_CS] = &sregs->cs,
		[X86_SHOW_SS] = &sregs->ss,   [X86_SHOW_DS] = &sregs->ds,
		[X86_SHOW_FS] = &sregs->fs,   [X86_SHOW_GS] = &sregs->gs,
		[X86_SHOW_LDT] = &sregs->ldt, [X86_SHOW_TR] = &sregs->tr,
	};

	for (unsigned i = 0; i < X86_SHOW_SEGMENTS; i++)
		show->segments[i] = to_segment(from[i]);
	show->gdt_base = sregs->gdt.base;
	show->gdt_limit = sregs->gdt.limit;
	show->idt_base = sregs->idt.base;
	show->idt_limit = sregs->idt.limit;
	show->cpl = sregs->ss.dpl;
	show->cr0 = sregs->cr0;
	show->cr2 = sregs->cr2;
	show->cr3 = sregs->cr3;
	show->cr4 = sregs->cr4;
	show->efer = sregs->efer;
}

static void fill_gprs(X86Show *show, const struct kvm_regs *regs)
{
	const uint64_t gpr[16] = {regs->rax, regs->rbx, regs->rcx, regs->rdx, regs->rsi, regs->rdi,
				  regs->rbp, regs->rsp, regs->r8,  regs->r9,  regs->r10, regs->r11,
				  regs->r12, regs->r13, regs->r14, regs->r15};

	memcpy(show->gpr, gpr, sizeof(gpr));
	show->rip = regs->rip;
	show->rflags = regs->rflags;
}

/* XCR0 is left 0, only x87 and SSE, where the vCPU has none. */
static bool fill(ArchVcpu *vcpu, X86Show *show, GError **error)
{
	uint32_t state;

	show->halted = x86_get_mp_state(vcpu, &state) && state == KVM_MP_STATE_HALTED;
	if (!x86_fetch(vcpu, X86_REGS, error) || !x86_fetch(vcpu, X86_SREGS, error) ||
	    !x86_fetch(vcpu, X86_XSAVE, error) || !x86_fetch(vcpu, X86_DEBUGREGS, error) ||
	    !x86_fetch(vcpu, X86_EVENTS, error))
		return false;
	fill_gprs(show, &vcpu->regs);
	fill_segments(show, &vcpu->sregs);
	memcpy(show->dr, vcpu->debugregs.db, sizeof(vcpu->debugregs.db));
	show->dr[6] = vcpu->debugregs.dr6;
	show->dr[7] = vcpu->debugregs.dr7;
	show->inhibited = vcpu->events.interrupt.shadow;
	show->smm = vcpu->events.flags & KVM_VCPUEVENT_VALID_SMM && vcpu->events.smi.smm;
	if (x86_fetch(vcpu, X86_XCRS, NULL) && vcpu->xcrs.nr_xcrs)
		show->xcr0 = vcpu->xcrs.xcrs[0].value;
	show->xsave = vcpu->xsave;
	show->xsave_size = vcpu->xsave_size;
	show->layout = vcpu->xsave_layout;
	return true;
}

bool arch_show_registers(ArchVcpu *vcpu, unsigned index, GString *out, GError **error)
{
	X86Show show = {.cpu = index};

	if (!fill(vcpu, &show, error))
		return false;
	x86_show_registers(&show, out);
	return true;
}

/* ---- Commands ---- */

static void show_mem(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t from,
		     GString *out)
{
	X86Root own;

	memcpy(&own, root->word, sizeof(own));
	x86_show_mem(&own, read, opaque, from, X86_SHOW_MAX_LINES, out);
}

static void show_tlb(const ArchRoot *root, ArchPhysRead read, void *opaque, uint64_t from,
		     GString *out)
{
	X86Root own;

	memcpy(&own, root->word, sizeof(own));
	x86_show_tlb(&own, read, opaque, from, X86_SHOW_MAX_LINES, out);
}

static bool info_mem(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	return monitor_show_pages(target, place, args, out, error, show_mem);
}

static bool info_tlb(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	return monitor_show_pages(target, place, args, out, error, show_tlb);
}

static bool fail_ioctl(const char *name, const char *without, GError **error)
{
	g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "%s: %s%s", name, g_strerror(errno), without);
	return false;
}

/* One CPU, in an optional argument as QEMU has it. */
static bool take_cpu(void *target, GdbPlace *place, const char *args, GError **error)
{
	uint64_t value = place->cpu;

	if (*args && (!monitor_take_number(target, *place, &args, "a CPU", &value, error) ||
		      !monitor_take_end(args, error)))
		return false;
	place->cpu = MIN(value, UINT_MAX);
	return true;
}

static bool info_lapic(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	struct kvm_lapic_state state;
	ArchMonitor monitor;
	bool ok;

	if (!take_cpu(target, &place, args, error) ||
	    !monitor_enter(target, place.cpu, &monitor, error))
		return false;
	ok = ioctl(monitor.vcpu_fd, KVM_GET_LAPIC, &state) == 0;
	if (ok)
		x86_show_lapic(place.cpu, (const uint8_t *)state.regs, out);
	else
		fail_ioctl("KVM_GET_LAPIC", " (is the APIC in KVM?)", error);
	monitor_leave(target);
	return ok;
}

static void show_ioapic(const struct kvm_ioapic_state *ioapic, GString *out)
{
	g_string_append_printf(out, "ioapic0: id=0x%02x sel=0x%02x irr=0x%06x\n", ioapic->id,
			       ioapic->ioregsel, ioapic->irr);
	for (unsigned pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		x86_show_ioapic_pin(pin, ioapic->redirtbl[pin].bits, out);
}

static void show_8259(unsigned n, const struct kvm_pic_state *pic, GString *out)
{
	g_string_append_printf(out,
			       "pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x rr_sel=%u "
			       "elcr=%02x fnm=%u\n",
			       n, pic->irr, pic->imr, pic->isr, pic->priority_add, pic->irq_base,
			       pic->read_reg_select, pic->elcr, pic->special_fully_nested_mode);
}

static bool get_chip(const ArchMonitor *monitor, unsigned id, struct kvm_irqchip *ret,
		     GError **error)
{
	memset(ret, 0, sizeof(*ret));
	ret->chip_id = id;
	return ioctl(monitor->vm_fd, KVM_GET_IRQCHIP, ret) == 0 ||
	       fail_ioctl("KVM_GET_IRQCHIP", " (are the interrupt controllers in KVM?)", error);
}

static bool info_pic(void *target, GdbPlace place, const char *args G_GNUC_UNUSED, GString *out,
		     GError **error)
{
	struct kvm_irqchip ioapic, slave, master;
	ArchMonitor monitor;
	bool ok;

	if (!monitor_enter(target, place.cpu, &monitor, error))
		return false;
	ok = get_chip(&monitor, KVM_IRQCHIP_IOAPIC, &ioapic, error) &&
	     get_chip(&monitor, KVM_IRQCHIP_PIC_SLAVE, &slave, error) &&
	     get_chip(&monitor, KVM_IRQCHIP_PIC_MASTER, &master, error);
	if (ok) {
		show_ioapic(&ioapic.chip.ioapic, out);
		show_8259(1, &slave.chip.pic, out);
		show_8259(0, &master.chip.pic, out);
	}
	monitor_leave(target);
	return ok;
}

static bool read_msr(const ArchMonitor *monitor, uint32_t index, uint64_t *ret, GError **error)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {.head.nmsrs = 1, .entry.index = index};

	if (ioctl(monitor->vcpu_fd, KVM_GET_MSRS, &msrs) != 1) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "KVM has no MSR 0x%x for this CPU",
			    index);
		return false;
	}
	*ret = msrs.entry.data;
	return true;
}

/* Those without a register of gdb's. */
static bool info_msr(void *target, GdbPlace place, const char *args, GString *out, GError **error)
{
	uint64_t index, value;
	ArchMonitor monitor;
	bool ok;

	if (!monitor_take_number(target, place, &args, "the number of an MSR", &index, error) ||
	    !monitor_take_end(args, error))
		return false;
	if (index > UINT32_MAX) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "an MSR's number has 32 bits");
		return false;
	}
	if (!monitor_enter(target, place.cpu, &monitor, error))
		return false;
	ok = read_msr(&monitor, index, &value, error);
	monitor_leave(target);
	if (ok)
		g_string_append_printf(out, "msr[0x%x] = 0x%016" PRIx64 "\n", (unsigned)index,
				       value);
	return ok;
}

/* KVM keeps it until the CPU runs. */
static bool nmi(void *target, GdbPlace place, const char *args G_GNUC_UNUSED, GString *out,
		GError **error)
{
	ArchMonitor monitor;
	bool ok;

	if (!monitor_enter(target, place.cpu, &monitor, error))
		return false;
	ok = ioctl(monitor.vcpu_fd, KVM_NMI, NULL) == 0 || fail_ioctl("KVM_NMI", "", error);
	monitor_leave(target);
	if (ok)
		g_string_append_printf(out, "CPU %u takes an NMI when it runs on (continue)\n",
				       place.cpu);
	return ok;
}

const GdbMonitorCommand arch_monitor_commands[] = {
	{"info mem", "[FROM]", "show what is mapped, with its rights", info_mem,
	 GDB_MONITOR_STOPPED},
	{"info tlb", "[FROM]", "show every mapped page", info_tlb, GDB_MONITOR_STOPPED},
	{"info lapic", "[CPU]", "show a CPU's local APIC", info_lapic, GDB_MONITOR_STOPPED},
	{"info pic", NULL, "show the I/O APIC and the 8259s", info_pic, GDB_MONITOR_STOPPED},
	{"info msr", "NUMBER", "show a model-specific register by its number", info_msr,
	 GDB_MONITOR_STOPPED},
	{"nmi", NULL, "send a non-maskable interrupt to the CPU", nmi, GDB_MONITOR_PAUSED},
	{0},
};
