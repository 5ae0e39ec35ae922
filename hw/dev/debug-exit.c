/*
 * hw/dev/debug-exit.c - ports that bare-metal tests use: end with a status, print a byte.
 */
#include "hw/dev/devices.h"
#include "hw/vm.h"

#define CONSOLE_PRESENT 0xe9

void debug_exit_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data,
		   size_t len G_GNUC_UNUSED, bool is_write)
{
	const uint8_t *byte = data;

	if (is_write && offset == 0)
		vm_end(owner, byte[0]);
}

void debug_console_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset G_GNUC_UNUSED,
		      void *data, size_t len, bool is_write)
{
	Vm *vm = owner;
	uint8_t *byte = data;

	if (is_write)
		term_output(vm->term, byte, len);
	else
		*byte = CONSOLE_PRESENT;
}
