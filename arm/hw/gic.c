/*
 * arm/hw/gic.c - the in-kernel interrupt controller: GICv3, else GICv2.
 */
#include <errno.h>
#include <gio/gio.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arm/hw/machine.h"
#include "hw/util.h"

/* The sizes of linux/kvm.h are written with names that it does not define. */
#define SZ_64K 0x10000ull

#define GICV2_CPU_SIZE 0x20000 /* of the address map; KVM itself takes 8 KiB */

static bool set_attr(int fd, uint32_t group, uint64_t attr, const void *value, GError **error)
{
	struct kvm_device_attr arg = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	return VM_IOCTL(fd, KVM_SET_DEVICE_ATTR, &arg, error) >= 0;
}

static bool set_up(ArmGic *gic, unsigned n_cpus, GError **error)
{
	uint64_t dist = ARM_GIC_DIST_ADDR;
	uint32_t n_irqs = ARM_SPI_BASE + ARM_N_SPIS;

	gic->dist_size = gic->is_v3 ? KVM_VGIC_V3_DIST_SIZE : KVM_VGIC_V2_DIST_SIZE;
	gic->cpu_size = gic->is_v3 ? (uint64_t)n_cpus * KVM_VGIC_V3_REDIST_SIZE : GICV2_CPU_SIZE;
	gic->cpu_addr = dist - gic->cpu_size;
	return set_attr(gic->fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			gic->is_v3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &dist,
			error) &&
	       set_attr(gic->fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			gic->is_v3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU,
			&gic->cpu_addr, error) &&
	       set_attr(gic->fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &n_irqs, error);
}

bool arm_gic_create(int vm_fd, unsigned n_cpus, ArmGic *ret, GError **error)
{
	struct kvm_create_device v3 = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
	struct kvm_create_device v2 = {.type = KVM_DEV_TYPE_ARM_VGIC_V2};

	ret->is_v3 = ioctl(vm_fd, KVM_CREATE_DEVICE, &v3) == 0;
	if (!ret->is_v3 && VM_IOCTL(vm_fd, KVM_CREATE_DEVICE, &v2, error) < 0) {
		g_prefix_error(error, "no GICv3 and no GICv2 in this KVM: ");
		return false;
	}
	ret->fd = ret->is_v3 ? v3.fd : v2.fd;
	return set_up(ret, n_cpus, error);
}

/* KVM devices/arm-vgic-its.rst. */
bool arm_gic_add_its(int vm_fd, ArmGic *gic)
{
	struct kvm_create_device its = {.type = KVM_DEV_TYPE_ARM_VGIC_ITS};
	uint64_t addr = gic->cpu_addr - KVM_VGIC_V3_ITS_SIZE;

	if (!gic->is_v3 || ioctl(vm_fd, KVM_CREATE_DEVICE, &its) < 0)
		return false;
	gic->its_fd = its.fd;
	if (!set_attr(its.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &addr, NULL) ||
	    !set_attr(its.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, NULL))
		return false;
	gic->its_addr = addr;
	gic->its_size = KVM_VGIC_V3_ITS_SIZE;
	return true;
}

bool arm_gic_init(const ArmGic *gic, GError **error)
{
	return set_attr(gic->fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL,
			error);
}
