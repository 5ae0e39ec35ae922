/*
 * tests/toy-arch.c - kvm/arch.h for the toy's CPUs: see tests/toy-kvm.h.
 */
#include "tests/toy-internal.h"

#include <elf.h>
#include <string.h>

#include "guest/vmcore.h"
#include "kvm/monitor.h"
#include "kvm/probe.h"

/* ---- Registers ---- */

struct ArchVcpu {
	ToyCpu *cpu;
	uint64_t regs[TOY_REGS];
	bool valid, dirty;
};

uint64_t toy_cache_digest(const ArchVcpu *vcpu)
{
	uint64_t sum = vcpu->valid | vcpu->dirty << 1;

	for (unsigned i = 1; i < TOY_REGS && vcpu->valid; i++)
		sum = (sum ^ vcpu->regs[i]) * 0x9e3779b97f4a7c15 + (sum >> 29);
	return sum;
}

bool kvm_probe(int kvm_fd G_GNUC_UNUSED, ArchFeatures *ret, GError **error G_GNUC_UNUSED)
{
	*ret = (ArchFeatures){
		.step = true,
		.sw_break = toy_options.sw_break_works,
		.hw_break = true,
		.watch = true,
		.block_irq = true,
		.pass_break = !toy_options.like_arm && toy_options.rf_works,
		.watch_before = toy_options.like_arm,
		.n_breaks = TOY_SLOTS,
		.n_watches = TOY_SLOTS,
		.tells_own = toy_options.tells_own,
	};
	return true;
}

ArchVcpu *arch_vcpu_new(int vcpu_fd, struct kvm_run *run G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	ArchVcpu *vcpu = g_new0(ArchVcpu, 1);

	vcpu->cpu = toy_cpu(vcpu_fd);
	return vcpu;
}

void arch_vcpu_free(ArchVcpu *vcpu)
{
	g_free(vcpu);
}

void arch_set_phys_reader(ArchVcpu *vcpu G_GNUC_UNUSED, ArchPhysRead read G_GNUC_UNUSED,
			  void *opaque G_GNUC_UNUSED)
{
}

static const GdbArchitecture toy = {.name = "toy", .pointer_bytes = 8};
static const GdbArchitecture linux_toy = {.name = "linux toy", .pointer_bytes = 8};

const ArchInfo arch_info = {
	.machine = "toy",
	.elf_machine = EM_X86_64,
	.descriptions = (const GdbArchitecture *const[]){&linux_toy, &toy, NULL},
	.anchors = (const ArchAnchor[]){{"lstar", "entry_SYSCALL_64", 0}, {0}},
	.common = (const char *const[]){"lstar", NULL},
	.abi = {.args = (const uint8_t[]){0, 1}, .n_args = 2},
};

GdbRegSet *arch_reg_set(ArchVcpu *vcpu G_GNUC_UNUSED,
			const GdbArchitecture *description G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	static const GdbReg rows[] = {
		{"r0", 0, 64, "int64", NULL, 0, 0},	    {"r1", 1, 64, "int64", NULL, 0, 1},
		{"r2", 2, 64, "int64", NULL, 0, 2},	    {"r3", 3, 64, "int64", NULL, 0, 3},
		{"pc", 4, 64, "code_ptr", NULL, 0, TOY_PC},
	};
	static const GdbReg system_rows[] = {{"lstar", 5, 64, "code_ptr", NULL, 0, 3}};
	static const GdbFeature feature = {"org.vmgdb.toy", NULL, rows, G_N_ELEMENTS(rows)};
	static const GdbFeature system = {"org.vmgdb.toy.system", NULL, system_rows, 1};
	GdbRegSet *set =
		gdb_reg_set_new(toy_options.like_linux ? &linux_toy : &toy, TOY_REGS, TOY_PC);

	gdb_reg_set_add(set, &feature);
	if (toy_options.like_linux)
		gdb_reg_set_add(set, &system);
	return set;
}

static uint64_t *cached(ArchVcpu *vcpu)
{
	if (!vcpu->valid)
		memcpy(vcpu->regs, vcpu->cpu->regs, sizeof(vcpu->regs));
	vcpu->valid = true;
	return vcpu->regs;
}

bool arch_read_reg(ArchVcpu *vcpu, const GdbReg *reg, uint8_t *buf, GError **error G_GNUC_UNUSED)
{
	memcpy(buf, &cached(vcpu)[reg->id], 8);
	return true;
}

bool arch_write_reg(ArchVcpu *vcpu, const GdbReg *reg, const uint8_t *buf,
		    GError **error G_GNUC_UNUSED)
{
	memcpy(&cached(vcpu)[reg->id], buf, 8);
	vcpu->dirty = true;
	return true;
}

bool arch_is_dirty(const ArchVcpu *vcpu)
{
	return vcpu->dirty;
}

bool arch_flush(ArchVcpu *vcpu, GError **error G_GNUC_UNUSED)
{
	if (vcpu->dirty)
		memcpy(vcpu->cpu->regs, vcpu->regs, sizeof(vcpu->regs));
	vcpu->dirty = false;
	return true;
}

bool arch_flush_and_run(ArchVcpu *vcpu, bool look G_GNUC_UNUSED, GError **error)
{
	return arch_flush(vcpu, error);
}

void arch_look_after_run(ArchVcpu *vcpu G_GNUC_UNUSED)
{
}

void arch_forget(ArchVcpu *vcpu)
{
	vcpu->valid = false;
	vcpu->dirty = false;
}

bool arch_get_pc(ArchVcpu *vcpu, uint64_t *ret, GError **error G_GNUC_UNUSED)
{
	*ret = cached(vcpu)[TOY_PC];
	return true;
}

const char *arch_run_state(ArchVcpu *vcpu)
{
	__atomic_add_fetch(&vcpu->cpu->state_calls, 1, __ATOMIC_SEQ_CST);
	if (vcpu->cpu->off)
		return "off";
	return __atomic_load_n(&vcpu->cpu->halted, __ATOMIC_SEQ_CST) ? "halted" : "running";
}

bool arch_in_nested_guest(ArchVcpu *vcpu)
{
	return vcpu->cpu->nested;
}

bool arch_is_off(ArchVcpu *vcpu)
{
	return vcpu->cpu->off;
}

bool arch_io_pending(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO;
}

/* ---- Translation ---- */

/* The words of a root: is TOY_LATE mapped, the ToyTable, the place of a process' table. */
bool arch_get_root(ArchVcpu *vcpu, ArchRoot *ret, GError **error G_GNUC_UNUSED)
{
	*ret = (ArchRoot){.kernel = vcpu->cpu->kernel, .nested = vcpu->cpu->nested};
	ret->word[0] = __atomic_load_n(&vcpu->cpu->vm->late, __ATOMIC_SEQ_CST) || vcpu->cpu->late;
	ret->word[2] = vcpu->cpu->process;
	ret->word[1] = vcpu->cpu->kernel || vcpu->cpu->table ? vcpu->cpu->table : TOY_TABLE_ALONE;
	return true;
}

static bool has_kernel(const ArchRoot *root, uint64_t addr)
{
	return root->word[1] == TOY_TABLE_KERNEL || addr - TOY_ENTRY < TOY_ENTRY_SIZE;
}

bool arch_walk(const ArchRoot *root, ArchPhysRead read G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
	       uint64_t addr, ArchMapping *ret)
{
	uint64_t gpa;

	if (!toy_to_physical(has_kernel(root, addr), root->word[0], addr, &gpa))
		return false;
	if (addr < TOY_ALIAS)
		gpa = (gpa + root->word[2]) % TOY_RAM;
	*ret = (ArchMapping){
		.gpa = gpa,
		.left = 0x1000 - gpa % 0x1000,
		.execute = addr - TOY_DATA >= TOY_RAM &&
			   addr - TOY_LINUX_DATA >= TOY_RAM - (TOY_LINUX_DATA - TOY_LINUX),
		.kernel = addr - TOY_USER >= TOY_RAM,
	};
	return true;
}

bool arch_is_kernel_address(const ArchRoot *root G_GNUC_UNUSED, uint64_t addr)
{
	return addr >= TOY_KERNEL;
}

ArchRoot arch_process_root(const ArchRoot *root, uint64_t gpa)
{
	return (ArchRoot){.word = {root->word[0], root->word[1], gpa}};
}

uint64_t arch_user_table(const ArchRoot *root)
{
	return root->word[2];
}

/* The low addresses are told one by one, as holes. */
void arch_region(const ArchRoot *root, ArchPhysRead read G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
		 uint64_t addr, GdbRegion *ret)
{
	const uint64_t edges[] = {TOY_LINUX >> 1,      TOY_LINUX,	    TOY_LINUX_DATA,
				  TOY_LINUX_READ_ONLY, TOY_LINUX + TOY_RAM, 0};

	*ret = (GdbRegion){.start = addr, .last = addr};
	for (unsigned n = 0; n + 1 < G_N_ELEMENTS(edges); n++) {
		bool inside = n >= 1 && n <= 3;

		if (addr - edges[n] >= edges[n + 1] - edges[n])
			continue;
		ret->start = edges[n];
		ret->last = edges[n + 1] - 1;
		ret->mapped = ret->read = inside && has_kernel(root, addr);
		ret->write = ret->mapped && (n == 2 || toy_options.boots);
		ret->execute = ret->mapped && (n == 1 || toy_options.boots);
	}
}

bool arch_kernel_root(const ArchRoot *user, ArchPhysRead read G_GNUC_UNUSED,
		      void *opaque G_GNUC_UNUSED, ArchRoot *ret)
{
	if (user->word[1] != TOY_TABLE_PAIR)
		return false;
	*ret = *user;
	ret->word[1] = TOY_TABLE_KERNEL;
	ret->kernel = true;
	return true;
}

/* ---- Breakpoints ---- */

const uint8_t *arch_trap_insn(size_t *ret_len)
{
	static const uint8_t trap = 0xcc;

	*ret_len = 1;
	return &trap;
}

bool arch_is_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const uint8_t *insn, size_t len)
{
	return len && insn[0] == 0xcc;
}

bool arch_check_sw_break(uint64_t addr G_GNUC_UNUSED, uint64_t kind, GError **error)
{
	if (kind == 1)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "the toy's breakpoints have kind 1");
	return false;
}

bool arch_can_patch(ArchVcpu *vcpu G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED)
{
	return true;
}

void arch_sync_code(void *host G_GNUC_UNUSED, size_t len G_GNUC_UNUSED)
{
}

bool arch_encode_hw(const ArchFeatures *features G_GNUC_UNUSED, const GdbBreak *points, unsigned n,
		    struct kvm_guest_debug_arch *ret, GError **error)
{
	ToyDebugRegs regs = {.n = n};

	if (n > TOY_SLOTS) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOSPC, "all 3 slots are in use");
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		regs.points[i] = (ToyPoint){points[i].addr, points[i].type, points[i].kind};
	memcpy(ret, &regs, sizeof(regs));
	return true;
}

/* Watches that hold the byte, too. */
static void add_others(ArchTrap *trap, const GdbBreak *points, unsigned n)
{
	for (unsigned i = 0; i < n && trap->n_also < GDB_STOP_ALSO_MAX; i++) {
		if ((int)i != trap->point && points[i].type >= GDB_WATCH_WRITE &&
		    trap->addr - points[i].addr < points[i].kind)
			trap->also[trap->n_also++] = (ArchWatch){i, trap->addr};
	}
}

ArchTrap arch_decode_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const struct kvm_run *run,
			  const GdbBreak *points, unsigned n)
{
	ToyCause cause;
	ArchTrap trap;

	memcpy(&cause, &run->debug.arch, sizeof(cause));
	trap = (ArchTrap){
		.insn = cause.kind == TOY_TRAP,
		.step = cause.step,
		.point = cause.kind == TOY_POINT ? (int)cause.point : -1,
		.addr = cause.addr,
	};
	if (trap.point >= 0 && points[trap.point].type >= GDB_WATCH_WRITE)
		add_others(&trap, points, n);
	return trap;
}

unsigned arch_own_points(ArchVcpu *vcpu, struct kvm_guest_debug_arch *hw, bool tell)
{
	ToyDebugRegs *regs = (ToyDebugRegs *)hw;
	unsigned points = vcpu->cpu->own_points;

	if (!hw)
		return 0;
	regs->own = MIN(points, TOY_SLOTS - regs->n);
	regs->tell = tell;
	return toy_options.left_out + points - regs->own;
}

bool arch_debug_applied(ArchVcpu *vcpu G_GNUC_UNUSED, bool stepping G_GNUC_UNUSED,
			GError **error G_GNUC_UNUSED)
{
	return true;
}

bool arch_takes_trap(ArchVcpu *vcpu G_GNUC_UNUSED, const struct kvm_run *run)
{
	ToyCause cause;

	memcpy(&cause, &run->debug.arch, sizeof(cause));
	return cause.kind != TOY_MASKED;
}

bool arch_reinject(ArchVcpu *vcpu, const struct kvm_run *run G_GNUC_UNUSED,
		   const ArchMemory *mem G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	__atomic_add_fetch(&vcpu->cpu->guest_traps, 1, __ATOMIC_SEQ_CST);
	vcpu->cpu->regs[TOY_PC] += 1;
	vcpu->valid = false;
	return true;
}

bool arch_pass_break(const ArchFeatures *features, ArchVcpu *vcpu)
{
	vcpu->cpu->pass = features->pass_break;
	return features->pass_break;
}

bool arch_is_passing(ArchVcpu *vcpu)
{
	return vcpu->cpu->pass;
}

void arch_hit_again(ArchVcpu *vcpu)
{
	vcpu->cpu->pass = false;
}

bool arch_step_again(ArchVcpu *vcpu)
{
	return !toy_options.like_arm && arch_flush(vcpu, NULL);
}

bool arch_skip_insn(ArchVcpu *vcpu, const uint8_t *insn, size_t len)
{
	if (!toy_options.skips || !len || insn[0] != 0x90)
		return false;
	toy_note_executed(vcpu->cpu, cached(vcpu)[TOY_PC]++);
	vcpu->dirty = true;
	__atomic_add_fetch(&vcpu->cpu->instructions, 1, __ATOMIC_SEQ_CST);
	return true;
}

bool arch_ends_range(ArchVcpu *vcpu G_GNUC_UNUSED, const ArchMemory *mem G_GNUC_UNUSED)
{
	return false;
}

bool arch_step_begin(ArchVcpu *vcpu, bool quiet G_GNUC_UNUSED, const ArchMemory *mem, ArchStep *ret,
		     GError **error G_GNUC_UNUSED)
{
	uint8_t insn[TOY_INSN_MAX] = {0};
	uint64_t pc;

	/* Looks at as much as an instruction may have, as x86 does. */
	if (arch_get_pc(vcpu, &pc, NULL))
		mem->read(mem->opaque, pc, insn, sizeof(insn));
	if (insn[0] == 0xfa || insn[0] == 0xe5)
		ret->landings[ret->n_landings++] = insn[1] | insn[2] << 8;
	/* A halted CPU is made to run on, as x86 does. */
	__atomic_store_n(&vcpu->cpu->halted, 0, __ATOMIC_SEQ_CST);
	if (toy_options.like_arm) {
		cached(vcpu)[3] |= TOY_MASK;
		vcpu->dirty = true;
	}
	return true;
}

static unsigned insn_length(uint8_t first)
{
	if (first == 0x01 || first == 0xa0 || first == 0xa1 || first == 0xa4 || first == 0xe5 ||
	    first == 0xe7)
		return 3;
	return first == 0xeb || first == 0xa2 || first == 0xa3 || first == 0xe6 ? 2 : 1;
}

#define TOY_SEQUENCE_MAX 16

/* From a0 over @at to behind a1 and the a2 that may follow; 0: @at is not in such a sequence. */
static unsigned sequence_end(const uint8_t *code, unsigned len, unsigned load, unsigned at)
{
	unsigned i = load;

	while (i < at && (i == load || code[i] != 0xa1))
		i += insn_length(code[i]);
	if ((code[load] != 0xa0 && code[load] != 0xa4) || i != at)
		return 0;
	while (i < len && code[i] != 0xa1)
		i += insn_length(code[i]);
	i += 3;
	return i + 2 > len ? 0 : code[i] == 0xa2 ? i + 2 : i;
}

bool arch_step_begin_through(ArchVcpu *vcpu, bool at_end, const ArchMemory *mem, ArchStep *ret)
{
	uint8_t code[2 * TOY_SEQUENCE_MAX];
	const unsigned at = TOY_SEQUENCE_MAX;
	unsigned end = 0;
	uint64_t pc = cached(vcpu)[TOY_PC];

	*ret = (ArchStep){0};
	if (!toy_options.like_arm || pc < at ||
	    mem->read(mem->opaque, pc - at, code, sizeof(code)) < sizeof(code) ||
	    (at_end && code[at] != 0xa1))
		return false;
	for (unsigned load = at + 1; load-- > 0 && !end;) {
		end = sequence_end(code, sizeof(code), load, at);
		ret->start = pc - at + load;
	}
	if (!end)
		return false;
	ret->end = ret->ways[0] = pc - at + end;
	ret->n_ways = 1;
	cached(vcpu)[3] |= TOY_MASK;
	vcpu->dirty = true;
	return true;
}

void arch_step_end(ArchVcpu *vcpu, const ArchMemory *mem G_GNUC_UNUSED,
		   const ArchStep *step G_GNUC_UNUSED)
{
	if (toy_options.like_arm) {
		cached(vcpu)[3] &= ~TOY_MASK;
		vcpu->dirty = true;
	}
}

uint32_t arch_step_control(const ArchFeatures *features G_GNUC_UNUSED, bool quiet G_GNUC_UNUSED)
{
	return 0;
}

uint32_t arch_sw_control(void)
{
	return KVM_GUESTDBG_USE_SW_BP;
}

uint32_t arch_hw_control(void)
{
	return 0x20000;
}

/* ---- The monitor ---- */

bool arch_show_registers(ArchVcpu *vcpu, unsigned index, GString *out, GError **error G_GNUC_UNUSED)
{
	const uint64_t *regs = cached(vcpu);

	g_string_append_printf(
		out, "CPU#%u\nR0=%016" G_GINT64_MODIFIER "x PC=%016" G_GINT64_MODIFIER "x\n", index,
		regs[0], regs[TOY_PC]);
	return true;
}

bool arch_core_notes(ArchVcpu *vcpu, unsigned index G_GNUC_UNUSED, GByteArray *notes,
		     GError **error G_GNUC_UNUSED)
{
	vmcore_add_note(notes, "TOY", 1, cached(vcpu), sizeof(vcpu->regs));
	return true;
}

const GdbMonitorCommand arch_monitor_commands[] = {{0}};

/* ---- Clocks ---- */

bool arch_clock_save(int vm_fd G_GNUC_UNUSED, ArchVcpu *vcpu, ArchClock *ret)
{
	*ret = (ArchClock){{toy_clock(vcpu->cpu->vm)}};
	return true;
}

void arch_clock_restore(int vm_fd G_GNUC_UNUSED, ArchVcpu *vcpu, bool first, ArchClock *saved,
			uint64_t *ret_held_ns)
{
	ToyVm *vm = vcpu->cpu->vm;
	uint64_t late = toy_clock(vm) - saved->word[0];

	if (!first)
		return;
	*ret_held_ns = late * 1000;
	__atomic_add_fetch(&vm->clock_behind, late, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&vm->clock_sets, 1, __ATOMIC_SEQ_CST);
}

void arch_clock_excuse(ArchVcpu *vcpu)
{
	__atomic_add_fetch(&vcpu->cpu->excuses, 1, __ATOMIC_SEQ_CST);
}
