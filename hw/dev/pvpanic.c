/*
 * hw/dev/pvpanic.c - the guest's kernel says that it has panicked.
 *
 * Without a debugger that is the end of the machine. With one the machine goes on: the engine
 * stops it when a client is connected, and the kernel's own last lines still come out.
 */
#include "hw/dev/devices.h"
#include "hw/gdb.h"
#include "hw/util.h"
#include "hw/vm.h"

#define PANICKED 0x01
#define CRASH_LOADED 0x02 /* the guest's crash kernel takes over: not the end */

void pvpanic_io(void *owner, struct Vcpu *vcpu, uint64_t offset G_GNUC_UNUSED, void *data,
		size_t len G_GNUC_UNUSED, bool is_write)
{
	Vm *vm = owner;
	uint8_t *byte = data;

	if (!is_write) {
		*byte = PANICKED | CRASH_LOADED;
		return;
	}
	if (!(*byte & PANICKED))
		return;
	vm_log("the guest's kernel panicked");
	vm_gdb_panic(vm, vcpu);
}
