/*
 * arm/hw/vcpu.c - how a vCPU begins: its features and the registers of Linux' boot protocol.
 * KVM api.txt 4.82 KVM_ARM_VCPU_INIT, 4.119 KVM_ARM_VCPU_FINALIZE.
 */
#include <errno.h>
#include <gio/gio.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "arm/hw/machine.h"
#include "hw/arch.h"
#include "hw/util.h"

#define MPIDR_AFFINITY 0xff00ffffffull

#define CORE_REG(field)                                                                            \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |                                     \
	 offsetof(struct kvm_regs, field) / sizeof(uint32_t))

static bool has(int vm_fd, int cap)
{
	return ioctl(vm_fd, KVM_CHECK_EXTENSION, cap) > 0;
}

static void set_feature(struct kvm_vcpu_init *init, unsigned feature)
{
	init->features[feature / 32] |= 1u << feature % 32;
}

bool arm_vcpu_init(const Vcpu *vcpu, GError **error)
{
	int vm_fd = vcpu->vm->vm_fd;
	int sve = KVM_ARM_VCPU_SVE;
	struct kvm_vcpu_init init;

	if (VM_IOCTL(vm_fd, KVM_ARM_PREFERRED_TARGET, &init, error) < 0)
		return false;
	set_feature(&init, KVM_ARM_VCPU_PSCI_0_2);
	if (vcpu->index > 0)
		set_feature(&init, KVM_ARM_VCPU_POWER_OFF);
	/* Both or none, says api.txt. */
	if (has(vm_fd, KVM_CAP_ARM_PTRAUTH_ADDRESS) && has(vm_fd, KVM_CAP_ARM_PTRAUTH_GENERIC)) {
		set_feature(&init, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
		set_feature(&init, KVM_ARM_VCPU_PTRAUTH_GENERIC);
	}
	if (has(vm_fd, KVM_CAP_ARM_SVE))
		set_feature(&init, KVM_ARM_VCPU_SVE);
	if (VM_IOCTL(vcpu->fd, KVM_ARM_VCPU_INIT, &init, error) < 0)
		return false;
	return !has(vm_fd, KVM_CAP_ARM_SVE) ||
	       VM_IOCTL(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &sve, error) >= 0;
}

static bool get_reg(const Vcpu *vcpu, uint64_t id, uint64_t *ret, GError **error)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)ret};

	return VM_IOCTL(vcpu->fd, KVM_GET_ONE_REG, &reg, error) >= 0;
}

static bool set_reg(const Vcpu *vcpu, uint64_t id, uint64_t value, GError **error)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	return VM_IOCTL(vcpu->fd, KVM_SET_ONE_REG, &reg, error) >= 0;
}

bool arm_vcpu_mpidr(const Vcpu *vcpu, uint64_t *ret, GError **error)
{
	if (!get_reg(vcpu, ARM64_SYS_REG(3, 0, 0, 0, 5), ret, error))
		return false;
	*ret &= MPIDR_AFFINITY;
	return true;
}

/* Documentation/arm64/booting.rst, "Call the kernel image": x0 the tree, MMU off, DAIF set. */
bool vcpu_arch_reset(Vcpu *vcpu, GError **error)
{
	const VmArch *arch = vcpu->vm->arch;

	if (vcpu->index > 0)
		return true;
	return set_reg(vcpu, CORE_REG(regs.regs[0]), arch->fdt, error) &&
	       set_reg(vcpu, CORE_REG(regs.pc), arch->entry, error);
}

char *vcpu_arch_describe(Vcpu *vcpu)
{
	static const struct {
		const char *name;
		uint64_t id;
	} shown[] = {
		{"pc", CORE_REG(regs.pc)},
		{"lr", CORE_REG(regs.regs[30])},
		{"sp_el1", CORE_REG(sp_el1)},
		{"pstate", CORE_REG(regs.pstate)},
		{"elr_el1", CORE_REG(elr_el1)},
		{"esr_el1", ARM64_SYS_REG(3, 0, 5, 2, 0)},
		{"far_el1", ARM64_SYS_REG(3, 0, 6, 0, 0)},
		{"sctlr_el1", ARM64_SYS_REG(3, 0, 1, 0, 0)},
	};
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < G_N_ELEMENTS(shown); i++) {
		uint64_t value;

		if (get_reg(vcpu, shown[i].id, &value, NULL))
			g_string_append_printf(text, "%s%s %#" G_GINT64_MODIFIER "x",
					       i > 0 ? " " : "", shown[i].name, value);
	}
	return g_string_free(text, FALSE);
}
