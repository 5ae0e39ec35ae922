/*
 * kvm/kaslr.c - where the guest's kernel lies, found by comparing a register with its vmlinux.
 */
#include "kvm/kaslr.h"

#include <elf.h>
#include <inttypes.h>

#include "guest/vmlinux.h"

bool kaslr_is_native(const KvmGdb *gdb)
{
	return gdb_reg_set_architecture(gdb->regs) == arch_info.descriptions[0];
}

bool kvm_gdb_set_vmlinux(KvmGdb *gdb, const char *path, GError **error)
{
	g_autoptr(Vmlinux) vmlinux = vmlinux_open(path, error);

	g_return_val_if_fail(gdb->regs, false);
	if (!vmlinux)
		return false;
	if (vmlinux_machine(vmlinux) != arch_info.elf_machine || !kaslr_is_native(gdb)) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "%s: a program for another machine (ELF machine %u) than this one (%s)",
			    path, vmlinux_machine(vmlinux),
			    gdb_reg_set_architecture(gdb->regs)->name);
		return false;
	}
	engine_lock(gdb);
	vmlinux_free(gdb->vmlinux);
	gdb->vmlinux = g_steal_pointer(&vmlinux);
	gdb->warned_vmlinux = false;
	gdb->comm_offset = 0;
	engine_unlock(gdb);
	return true;
}

bool kaslr_read_register(KvmGdbVcpu *vcpu, const char *name, uint64_t *ret)
{
	const GdbReg *reg = gdb_reg_set_by_name(vcpu->gdb->regs, name);
	uint8_t bytes[GDB_REG_MAX_BYTES] = {0};

	if (!reg || !arch_read_reg(vcpu->arch, reg, bytes, NULL))
		return false;
	*ret = gdb_reg_number(bytes, sizeof(*ret));
	return true;
}

static KaslrState find_by_anchor(KvmGdbVcpu *vcpu, const ArchAnchor *anchor, uint64_t *ret_slide)
{
	static const KaslrState states[] = {
		[VMLINUX_ABSENT] = KASLR_EARLY,
		[VMLINUX_OTHER] = KASLR_MISMATCH,
		[VMLINUX_SAME] = KASLR_KNOWN,
	};
	const LinuxMemory memory = virtual_linux_memory(vcpu);
	uint64_t now, link;

	if (!vmlinux_find(vcpu->gdb->vmlinux, anchor->symbol, &link))
		return KASLR_MISMATCH;
	if (!kaslr_read_register(vcpu, anchor->reg, &now) || !now)
		return KASLR_EARLY;
	*ret_slide = now - (link + anchor->offset);
	return states[vmlinux_compare(vcpu->gdb->vmlinux, &memory, *ret_slide)];
}

/* The usual anchor's word, unless another one explains the register. */
static KaslrState find_by_cpu(KvmGdbVcpu *vcpu, uint64_t *ret_slide)
{
	const ArchAnchor *anchor = arch_info.anchors;
	KaslrState state = find_by_anchor(vcpu, anchor, ret_slide);

	while (state != KASLR_KNOWN && (++anchor)->reg) {
		if (find_by_anchor(vcpu, anchor, ret_slide) == KASLR_KNOWN)
			state = KASLR_KNOWN;
	}
	return state;
}

/*
 * One CPU that confirms is enough. A CPU that contradicts may just be in user mode (arm64 has
 * other vectors there) or not be up yet.
 */
KaslrState kaslr_find(KvmGdb *gdb, uint64_t *ret_slide)
{
	KaslrState worst = KASLR_EARLY;
	uint64_t banner;

	if (!gdb->vmlinux)
		return KASLR_NO_FILE;
	if (!vmlinux_find(gdb->vmlinux, "linux_banner", &banner))
		return KASLR_NO_LINUX;
	for (unsigned n = 0; n < gdb->vcpus->len; n++) {
		KvmGdbVcpu *vcpu = kvm_vcpu_present(gdb, n);
		KaslrState state = vcpu ? find_by_cpu(vcpu, ret_slide) : KASLR_EARLY;

		if (state == KASLR_KNOWN)
			return state;
		worst = MAX(worst, state);
	}
	return worst;
}

bool kaslr_load_offset(void *target, uint64_t *ret_slide, uint64_t *ret_text)
{
	KvmGdb *gdb = target;
	KaslrState state = KASLR_EARLY;
	bool warn;

	engine_lock(gdb);
	if (gdb->world == WORLD_STOPPED)
		state = kaslr_find(gdb, ret_slide);
	if (state == KASLR_KNOWN)
		*ret_text = vmlinux_text(gdb->vmlinux) + *ret_slide;
	warn = state == KASLR_MISMATCH && !gdb->warned_vmlinux;
	gdb->warned_vmlinux |= warn;
	if (warn)
		engine_log(gdb,
			   "gdb: %s is not the vmlinux of the kernel that runs: names and lines "
			   "will be wrong",
			   vmlinux_path(gdb->vmlinux));
	engine_unlock(gdb);
	return state == KASLR_KNOWN;
}

const char *kaslr_exec_file(void *target)
{
	KvmGdb *gdb = target;

	return gdb->vmlinux ? vmlinux_path(gdb->vmlinux) : NULL;
}

/*
 * gdb's -o moves every section. The per-CPU section of x86 kernels before 6.15 is linked at 0 and
 * holds offsets, not addresses: it must stay where it is.
 */
static char *gdb_command(const Vmlinux *vmlinux, uint64_t slide)
{
	uint64_t percpu;
	bool stays = vmlinux_section(vmlinux, ".data..percpu", &percpu) && !percpu;

	return g_strdup_printf("add-symbol-file %s -o 0x%" PRIx64 "%s", vmlinux_path(vmlinux),
			       slide, stays ? " -s .data..percpu 0" : "");
}

/* The kernel's lx-symbols loads the vmlinux again without an offset; gdb's hook puts that right. */
static void append_advice(const Vmlinux *vmlinux, uint64_t slide, GString *out)
{
	g_autofree char *command = gdb_command(vmlinux, slide);

	g_string_append_printf(out, "kernel moved by 0x%" PRIx64 "\n", slide);
	if (!slide)
		return;
	g_string_append_printf(out,
			       "in gdb:\n  symbol-file\n  %s\n"
			       "in gdb, for lx-symbols:\n  define hookpost-symbol-file\n"
			       "  symbol-file\n  %s\n  end\n"
			       "in lldb:\n  target modules load --file vmlinux --slide 0x%" PRIx64
			       "\n",
			       command, command, slide);
}

/* Without a vmlinux. */
static bool tell_own(const KvmGdb *gdb, GString *out, GError **error)
{
	if (gdb->offers_symbols)
		g_string_append(out,
				"no vmlinux is known; the kernel's own symbols (`monitor symbols`) "
				"are where KASLR has put it: there is nothing to move\n");
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT,
			    "no vmlinux is known: give one with --gdb-vmlinux, or take the "
			    "kernel's own symbols: `monitor symbols`");
	return gdb->offers_symbols;
}

bool kaslr_monitor(void *target, G_GNUC_UNUSED GdbPlace place, G_GNUC_UNUSED const char *args,
		   GString *out, GError **error)
{
	static const char *const troubles[] = {
		[KASLR_NO_LINUX] =
			"the program with the symbols is no Linux kernel: nothing to say",
		[KASLR_EARLY] = "the kernel has not come far enough yet: try later",
		[KASLR_MISMATCH] = "the vmlinux is not that of the kernel that runs",
	};
	KvmGdb *gdb = target;
	KaslrState state;
	uint64_t slide = 0;
	LOCKED(gdb);

	state = kaslr_find(gdb, &slide);
	if (state == KASLR_NO_FILE)
		return tell_own(gdb, out, error);
	if (state == KASLR_KNOWN)
		append_advice(gdb->vmlinux, slide, out);
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "%s", troubles[state]);
	return state == KASLR_KNOWN;
}
