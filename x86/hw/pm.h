/*
 * x86/hw/pm.h - ACPI's fixed hardware (ACPI 6.4, 4.8) and the reset port; owner: Vm.
 */
#ifndef VMGDB_X86_HW_PM_H
#define VMGDB_X86_HW_PM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/dev/devices.h"

struct Vcpu;

typedef struct Pm Pm;

/*
 * @sci: the interrupt for events. @power_off: the guest asked for S5; called on its thread.
 * @held_ns: for how long its timer is to have stood still so far, in nanoseconds; it never shrinks.
 */
Pm *pm_new(IrqLine sci, void (*power_off)(void *opaque), uint64_t (*held_ns)(void *opaque),
	   void *opaque);
void pm_free(Pm *pm);
/* X86_PM_PORTS ports; BUS_BYTES does not fit, the timer must be read in one piece. */
void pm_io(void *pm, struct Vcpu *vcpu, uint64_t offset, void *data, size_t len, bool is_write);

/* pm_press_button: the power button; the guest gets an interrupt if it wants one. [any thread] */
void pm_press_button(void *pm);

#endif
