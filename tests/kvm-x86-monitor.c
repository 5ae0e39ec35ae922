/*
 * tests/kvm-x86-monitor.c - the x86 half of the monitor and of the clock on a real vCPU: values in
 * the texts against KVM's structures and the page tables, and clocks that are held.
 */
#include <elf.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/x86-rig.h"
#include "x86/cpu/pages.h"

static uint64_t get_hex(const char *text, const char *pattern, unsigned n)
{
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autofree char *word = NULL;

	if (!g_regex_match(regex, text, 0, &match))
		g_error("no /%s/ in:\n%s", pattern, text);
	word = g_match_info_fetch(match, n);
	return g_ascii_strtoull(word, NULL, 16);
}

static void test_registers(void)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	Rig rig;

	rig_open(&rig, BYTES("\x90\xf4"), false);
	regs = rig_regs(&rig);
	regs.r9 = 0x123456789abcdef0;
	regs.rflags = 0x846; /* O, Z and P */
	g_assert_cmpint(ioctl(rig.fd, KVM_SET_REGS, &regs), ==, 0);
	g_assert_cmpint(ioctl(rig.fd, KVM_GET_SREGS, &sregs), ==, 0);
	arch_forget(rig.vcpu);
	g_assert_true(arch_show_registers(rig.vcpu, 5, out, &error));
	g_assert_no_error(error);
	g_assert_true(g_str_has_prefix(out->str, "CPU#5\nRAX="));
	g_assert_cmphex(get_hex(out->str, "R9 =(\\S+)", 1), ==, regs.r9);
	g_assert_cmphex(get_hex(out->str, "RBX=(\\S+)", 1), ==, DATA);
	g_assert_cmphex(get_hex(out->str, "RIP=(\\S+)", 1), ==, CODE);
	g_assert_nonnull(strstr(out->str, "RFL=00000846 [-O-Z-P-] CPL=0 "));
	g_assert_nonnull(strstr(out->str, "\nCS =0008 0000000000000000 ffffffff 00a"));
	g_assert_cmphex(get_hex(out->str, "IDT=\\s+([\\da-f]+)\\s+([\\da-f]+)", 1), ==, IDT);
	g_assert_cmphex(get_hex(out->str, "IDT=\\s+([\\da-f]+)\\s+([\\da-f]+)", 2), ==,
			16 * N_VECTORS - 1);
	g_assert_cmphex(get_hex(out->str, "GDT\\s*=\\s*(\\w+) (\\w+)", 1), ==, GDT);
	g_assert_cmphex(get_hex(out->str, "TR\\s*=\\s*(\\w+) (\\w+) (\\w+) (\\w+)", 3), ==,
			sregs.tr.limit);
	g_assert_cmphex(get_hex(out->str, "CR3=(\\S+)", 1), ==, PML4);
	g_assert_cmphex(get_hex(out->str, "EFER=(\\S+)", 1), ==, sregs.efer);
	rig_close(&rig);
}

/* The local APIC is enabled, and an INIT comes that the CPU has not carried out yet. */
static void send_init(Rig *rig)
{
	struct kvm_msi init = {.address_lo = 0xfee00000, .data = 0x4500};
	struct kvm_lapic_state apic;

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_LAPIC, &apic), ==, 0);
	apic.regs[0xf1] |= 1;
	g_assert_cmpint(ioctl(rig->fd, KVM_SET_LAPIC, &apic), ==, 0);
	g_assert_cmpint(ioctl(rig->vm_fd, KVM_SIGNAL_MSI, &init), ==, 1);
	g_assert_cmphex(rig_regs(rig).rip, ==, CODE);
}

/* A CPU whose rbx the debugger has written, which KVM does not know yet. */
static void open_written(Rig *rig)
{
	rig_open(rig, BYTES("\x90\xf4"), true);
	g_assert_true(x86_fetch(rig->vcpu, X86_REGS, NULL));
	rig->vcpu->regs.rbx = 0x1234;
	x86_mark_dirty(rig->vcpu, X86_REGS);
}

/*
 * KVM carries it out when it is asked whether the CPU runs: what is shown after that is what the
 * CPU has, and what the debugger wrote before is gone and does not come back.
 */
static void check_init(void (*ask)(Rig *rig))
{
	struct kvm_regs regs;
	uint64_t pc;
	Rig rig;

	open_written(&rig);
	send_init(&rig);
	ask(&rig);
	g_assert_true(arch_get_pc(rig.vcpu, &pc, NULL));
	g_assert_cmphex(pc, ==, 0xfffffff0);
	g_assert_true(arch_flush(rig.vcpu, NULL));
	regs = rig_regs(&rig);
	g_assert_cmphex(regs.rip, ==, 0xfff0);
	g_assert_cmphex(regs.rbx, ==, 0);
	rig_close(&rig);
}

static void ask_run_state(Rig *rig)
{
	g_assert_cmpstr(arch_run_state(rig->vcpu), ==, "running");
}

static void ask_is_off(Rig *rig)
{
	g_assert_false(arch_is_off(rig->vcpu));
}

static void ask_registers(Rig *rig)
{
	g_autoptr(GString) out = g_string_new(NULL);

	g_assert_true(arch_show_registers(rig->vcpu, 0, out, NULL));
	g_assert_cmphex(get_hex(out->str, "EIP=(\\S+)", 1), ==, 0xfff0);
}

static void ask_step(Rig *rig)
{
	ArchStep step;

	g_assert_true(arch_step_begin(rig->vcpu, true, &rig->memory, &step, NULL));
}

/* Without one, what was written stays. */
static void check_no_init(void (*ask)(Rig *rig))
{
	uint64_t pc;
	Rig rig;

	open_written(&rig);
	ask(&rig);
	g_assert_true(arch_get_pc(rig.vcpu, &pc, NULL));
	g_assert_true(arch_flush(rig.vcpu, NULL));
	g_assert_cmphex(rig_regs(&rig).rbx, ==, 0x1234);
	rig_close(&rig);
}

static void test_init(void)
{
	check_no_init(ask_run_state);
	check_init(ask_run_state);
	check_init(ask_is_off);
	check_init(ask_registers);
	check_init(ask_step);
}

static bool phys_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	Rig *rig = opaque;

	if (gpa >= RAM_SIZE || len > RAM_SIZE - gpa)
		return false;
	memcpy(buf, rig->ram + gpa, len);
	return true;
}

static void test_pages(void)
{
	g_autoptr(GString) mem = g_string_new(NULL);
	ArchRoot root;
	X86Root x86_root;
	Rig rig;

	rig_open(&rig, BYTES("\xf4"), false);
	g_assert_true(arch_get_root(rig.vcpu, &root, NULL));
	memcpy(&x86_root, root.word, sizeof(x86_root));
	x86_show_mem(&x86_root, phys_read, &rig, 0, 100, mem);
	/* The rig maps 2 MiB, writable, for the kernel. */
	g_assert_cmpstr(mem->str, ==, "0000000000000000-0000000000200000 0000000000200000 -rwx\n");
	rig_close(&rig);
}

static void test_core(void)
{
	g_autoptr(GByteArray) notes = g_byte_array_new();
	uint64_t value;
	Rig rig;

	rig_open(&rig, BYTES("\xf4"), false);
	g_assert_true(arch_core_notes(rig.vcpu, 2, notes, NULL));
	const Elf64_Nhdr *head = (const Elf64_Nhdr *)(const void *)notes->data;
	g_assert_cmpuint(head->n_type, ==, NT_PRSTATUS);
	g_assert_cmpuint(head->n_descsz, ==, 336);
	/* After 12 + 8 bytes of header and name: pid at 32, rip as the 17th register at 112. */
	g_assert_cmpuint(notes->data[20 + 32], ==, 3);
	memcpy(&value, notes->data + 20 + 112 + 16 * 8, 8);
	g_assert_cmphex(value, ==, CODE);
	/*
	 * The note named QEMU: version, size; CR3 is the fourth of the five before the last word.
	 */
	const uint8_t *qemu = notes->data + 20 + 336 + 20;
	g_assert_cmpuint(qemu[0], ==, 1);
	memcpy(&value, qemu + 440 - 8 - 16, 8);
	g_assert_cmphex(value, ==, PML4);
	rig_close(&rig);
}

static uint64_t clock_ns(Rig *rig)
{
	struct kvm_clock_data clock = {0};

	g_assert_cmpint(ioctl(rig->vm_fd, KVM_GET_CLOCK, &clock), ==, 0);
	return clock.clock;
}

#define HOLD_MS 500

static uint64_t guest_tsc(Rig *rig)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {.head.nmsrs = 1, .entry.index = 0x10};

	g_assert_cmpint(ioctl(rig->fd, KVM_GET_MSRS, &msrs), ==, 1);
	return msrs.entry.data;
}

/* A KVM in software may take the attribute and do nothing with it. */
static bool takes_tsc_offset(Rig *rig)
{
	uint64_t offset = 1ull << 40, now = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	if (ioctl(rig->fd, KVM_SET_DEVICE_ATTR, &attr) < 0)
		return false;
	attr.addr = (uintptr_t)&now;
	return ioctl(rig->fd, KVM_GET_DEVICE_ATTR, &attr) == 0 && now == offset;
}

/* Both clocks go on from where they were, and by what went on together. */
static void test_clock(void)
{
	uint64_t before, tsc_before, held = 0;
	ArchClock saved;
	Rig rig;

	rig_open(&rig, BYTES("\xf4"), true);
	before = clock_ns(&rig);
	tsc_before = guest_tsc(&rig);
	g_assert_true(arch_clock_save(rig.vm_fd, rig.vcpu, &saved));
	g_usleep(HOLD_MS * 1000);
	uint64_t tsc_per_hold = guest_tsc(&rig) - tsc_before;
	arch_clock_restore(rig.vm_fd, rig.vcpu, true, &saved, &held);
	uint64_t after = clock_ns(&rig), tsc_after = guest_tsc(&rig);
	arch_clock_excuse(rig.vcpu); /* this guest has no kvmclock: nothing happens */
	g_test_message("kvmclock +%" G_GINT64_MODIFIER "u ns, held %" G_GINT64_MODIFIER
		       "u ns, tsc +%" G_GINT64_MODIFIER "u of %" G_GINT64_MODIFIER "u",
		       after - before, held, tsc_after - tsc_before, tsc_per_hold);
	g_assert_cmpuint(after, >=, before);
	g_assert_cmpuint(after - before, <, HOLD_MS * 1000000ull / 2);
	g_assert_cmpuint(held, >=, HOLD_MS * 1000000ull);
	bool has_offset = takes_tsc_offset(&rig);
	if (has_offset) {
		g_assert_cmpuint(tsc_after, >=, tsc_before);
		g_assert_cmpuint(tsc_after - tsc_before, <, tsc_per_hold / 2);
	}
	rig_close(&rig);
	if (!has_offset)
		g_test_skip("this KVM does not move the TSC by KVM_VCPU_TSC_OFFSET: it goes on");
}

/* The debugger wrote the TSC during the stop: what it wrote stays. */
static void test_clock_tsc_written(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {.head.nmsrs = 1, .entry = {.index = 0x10, .data = 1ull << 50}};
	uint64_t held = 0;
	ArchClock saved;
	Rig rig;

	rig_open(&rig, BYTES("\xf4"), true);
	g_assert_true(arch_clock_save(rig.vm_fd, rig.vcpu, &saved));
	g_assert_cmpint(ioctl(rig.fd, KVM_SET_MSRS, &msrs), ==, 1);
	bool written = guest_tsc(&rig) >= 1ull << 50;
	arch_clock_restore(rig.vm_fd, rig.vcpu, true, &saved, &held);
	if (written)
		g_assert_cmpuint(guest_tsc(&rig), >=, 1ull << 50);
	else
		g_test_skip("this KVM does not let the TSC be written");
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	ArchFeatures features;

	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-x86-monitor/registers", test_registers);
	g_test_add_func("/kvm-x86-monitor/init", test_init);
	g_test_add_func("/kvm-x86-monitor/pages", test_pages);
	g_test_add_func("/kvm-x86-monitor/core", test_core);
	g_test_add_func("/kvm-x86-monitor/clock", test_clock);
	g_test_add_func("/kvm-x86-monitor/clock-tsc-written", test_clock_tsc_written);
	return g_test_run();
}
