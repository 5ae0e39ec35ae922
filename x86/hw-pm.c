/*
 * x86/hw-pm.c - ACPI's fixed hardware: power off by PM1 control, and the power management timer.
 *
 * No event ever happens, so the status reads zero and no SCI is raised.
 */
#include "x86/hw-pm.h"

#include <string.h>

#include "x86/hw.h"

#define PM_TIMER_HZ 3579545
#define ENABLE_OFFSET 2
#define CONTROL_SCI_ENABLED 0x0001u /* ACPI mode, always: there is no SMI to ask for it */
#define CONTROL_SLEEP_TYPE(value) ((value) >> 10 & 7)
#define CONTROL_SLEEP_ENABLE 0x2000u /* reads as zero */

struct Pm {
	GMutex lock; /* @enable, @control */
	uint16_t enable;
	uint16_t control;
	void (*power_off)(void *opaque);
	void *opaque;
};

Pm *pm_new(void (*power_off)(void *opaque), void *opaque)
{
	Pm *pm = g_new0(Pm, 1);

	g_mutex_init(&pm->lock);
	pm->power_off = power_off;
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

static uint32_t timer_now(void)
{
	uint64_t us = g_get_monotonic_time();

	return us / G_USEC_PER_SEC * PM_TIMER_HZ +
	       us % G_USEC_PER_SEC * PM_TIMER_HZ / G_USEC_PER_SEC;
}

/* All registers as the guest would read them now, little-endian. */
static void snapshot_locked(const Pm *pm, uint8_t *image)
{
	uint32_t timer = timer_now();
	uint16_t control = pm->control | CONTROL_SCI_ENABLED;

	memset(image, 0, X86_PM_PORTS);
	memcpy(image + X86_PM_EVENT + ENABLE_OFFSET, &pm->enable, 2);
	memcpy(image + X86_PM_CONTROL, &control, 2);
	memcpy(image + X86_PM_TIMER, &timer, 4);
}

/* Returns TRUE when that was the request to power off. */
static bool update_locked(Pm *pm, const uint8_t *image)
{
	uint16_t control;

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
		memcpy(image + offset, data, len);
		power_off = update_locked(pm, image);
	} else {
		memcpy(data, image + offset, len);
	}
	g_mutex_unlock(&pm->lock);
	if (power_off)
		pm->power_off(pm->opaque);
}
