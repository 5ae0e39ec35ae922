/*
 * kvm/devices.c - devices of the VMM that work beside the vCPUs: when they may, and how they reach
 * memory with breakpoints in it.
 *
 * A device that begins counts itself and then looks whether it may; who stops the world says that
 * none may and then looks whether any is counted. All of it is sequentially consistent, so one of
 * the two sees the other, and no lock is taken while the machine runs.
 */
#include "kvm/internal.h"

static int load(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

void kvm_gdb_device_leave(KvmGdb *gdb)
{
	if (__atomic_sub_fetch(&gdb->devices.inside, 1, __ATOMIC_SEQ_CST) ||
	    !load(&gdb->devices.closed))
		return;
	engine_lock(gdb);
	halt_check_stopped(gdb);
	engine_unlock(gdb);
}

bool kvm_gdb_device_enter(KvmGdb *gdb)
{
	Devices *devices = &gdb->devices;

	for (;;) {
		__atomic_add_fetch(&devices->inside, 1, __ATOMIC_SEQ_CST);
		if (!load(&devices->closed))
			return true;
		__atomic_store_n(&devices->refused, 1, __ATOMIC_SEQ_CST);
		kvm_gdb_device_leave(gdb);
		/* devices_open() may have run before @refused was set: look again. */
		if (load(&devices->closed))
			return false;
	}
}

void devices_close(KvmGdb *gdb)
{
	__atomic_store_n(&gdb->devices.closed, 1, __ATOMIC_SEQ_CST);
}

void devices_open(KvmGdb *gdb)
{
	__atomic_store_n(&gdb->devices.closed, 0, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&gdb->devices.refused, 0, __ATOMIC_SEQ_CST))
		gdb->notices.devices_go = gdb->ops && gdb->ops->devices_go;
}

bool devices_work(const KvmGdb *gdb)
{
	return load(&gdb->devices.inside) > 0;
}

/* ---- Memory ---- */

bool kvm_gdb_device_meets_break(KvmGdb *gdb, uint64_t gpa, uint64_t len, bool is_write)
{
	if (!kvm_patches_may_meet(gdb->patches))
		return false;
	LOCKED(gdb);

	return is_write ? kvm_patches_meets_write(gdb->patches, gpa, len)
			: kvm_patches_meets_read(gdb->patches, gpa, len);
}

bool kvm_gdb_device_read(KvmGdb *gdb, uint64_t gpa, void *buf, size_t len)
{
	LOCKED(gdb);

	return physical_read_own(gdb, gpa, buf, len);
}

bool kvm_gdb_device_write(KvmGdb *gdb, uint64_t gpa, const void *buf, size_t len)
{
	LOCKED(gdb);

	return kvm_patches_write(gdb->patches, gpa, buf, len);
}
