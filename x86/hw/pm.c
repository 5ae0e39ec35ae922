/*
 * x86/hw/pm.c - ACPI's fixed hardware: power off by PM1 control, the power management timer, and
 * the power button, which is the only event.
 */
#include "x86/hw/pm.h"

#include <string.h>

#include "x86/hw/machine.h"

#define PM_TIMER_HZ 3579545
#define ENABLE_OFFSET 2
#define EVENT_POWER_BUTTON 0x0100u  /* in status and enable */
#define CONTROL_SCI_ENABLED 0x0001u /* ACPI mode, always: there is no SMI to ask for it */
#define CONTROL_SLEEP_TYPE(value) ((value) >> 10 & 7)
#define CONTROL_SLEEP_ENABLE 0x2000u /* reads as zero */

struct Pm {
	GMutex lock; /* all but what is behind @control */
	uint16_t status;
	uint16_t enable;
	uint16_t control;
	IrqLine sci;
	void (*power_off)(void *opaque);
	uint64_t (*held_ns)(void *opaque);
	void *opaque;
};

Pm *pm_new(IrqLine sci, void (*power_off)(void *opaque), uint64_t (*held_ns)(void *opaque),
	   void *opaque)
{
	Pm *pm = g_new0(Pm, 1);

	g_mutex_init(&pm->lock);
	pm->sci = sci;
	pm->power_off = power_off;
	pm->held_ns = held_ns;
	pm->opaque = opaque;
	return pm;
}

void pm_free(Pm *pm)
{
	if (pm == NULL)
		return;
	g_mutex_clear(&pm->lock);
	g_free(pm);
}

static uint32_t timer_now(const Pm *pm)
{
	uint64_t us = g_get_monotonic_time() - pm->held_ns(pm->opaque) / 1000;

	return us / G_USEC_PER_SEC * PM_TIMER_HZ +
	       us % G_USEC_PER_SEC * PM_TIMER_HZ / G_USEC_PER_SEC;
}

/* All registers as the guest would read them now, little-endian. */
static void snapshot_locked(const Pm *pm, uint8_t *image)
{
	uint32_t timer = timer_now(pm);
	uint16_t control = pm->control | CONTROL_SCI_ENABLED;

	memset(image, 0, X86_PM_PORTS);
	memcpy(image + X86_PM_EVENT, &pm->status, 2);
	memcpy(image + X86_PM_EVENT + ENABLE_OFFSET, &pm->enable, 2);
	memcpy(image + X86_PM_CONTROL, &control, 2);
	memcpy(image + X86_PM_TIMER, &timer, 4);
}

/* Level-triggered: as long as an event is there that the guest wants to hear of. */
static void update_sci_locked(Pm *pm)
{
	pm->sci.set(pm->sci.opaque, pm->sci.irq, pm->status & pm->enable);
}

void pm_press_button(void *owner)
{
	Pm *pm = owner;

	g_mutex_lock(&pm->lock);
	pm->status |= EVENT_POWER_BUTTON;
	update_sci_locked(pm);
	g_mutex_unlock(&pm->lock);
}

/* Returns TRUE when that was the request to power off. */
static bool update_locked(Pm *pm, const uint8_t *image)
{
	uint16_t control, cleared;

	memcpy(&cleared, image + X86_PM_EVENT, 2);
	pm->status &= ~cleared;
	memcpy(&pm->enable, image + X86_PM_EVENT + ENABLE_OFFSET, 2);
	memcpy(&control, image + X86_PM_CONTROL, 2);
	pm->control = control & ~CONTROL_SLEEP_ENABLE;
	return control & CONTROL_SLEEP_ENABLE &&
	       CONTROL_SLEEP_TYPE(control) == X86_PM_SLEEP_TYPE_S5;
}

void pm_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data, size_t len,
	   bool is_write)
{
	Pm *pm = owner;
	uint8_t image[X86_PM_PORTS];
	bool power_off = false;

	g_mutex_lock(&pm->lock);
	snapshot_locked(pm, image);
	if (is_write) {
		/* Status bits are cleared by writing ones to them: those not written stay. */
		memset(image + X86_PM_EVENT, 0, ENABLE_OFFSET);
		memcpy(image + offset, data, len);
		power_off = update_locked(pm, image);
		update_sci_locked(pm);
	} else {
		memcpy(data, image + offset, len);
	}
	g_mutex_unlock(&pm->lock);
	if (power_off)
		pm->power_off(pm->opaque);
}
