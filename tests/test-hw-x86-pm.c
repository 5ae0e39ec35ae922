/*
 * tests/test-hw-x86-pm.c - x86/hw/pm.h: the power button's event and interrupt, power off, and the
 * timer that stands still.
 */
#include <glib.h>

#include "x86/hw/machine.h"
#include "x86/hw/pm.h"

#define BUTTON 0x100u
#define TIMER_HZ 3579545u

typedef struct Rig {
	Pm *pm;
	bool level;
	unsigned irq, power_offs;
	uint64_t held_ns;
} Rig;

static void set_line(void *opaque, unsigned irq, bool level)
{
	Rig *rig = opaque;

	rig->irq = irq;
	rig->level = level;
}

static void on_power_off(void *opaque)
{
	((Rig *)opaque)->power_offs++;
}

static uint64_t held_ns(void *opaque)
{
	return ((Rig *)opaque)->held_ns;
}

static void rig_open(Rig *rig)
{
	*rig = (Rig){0};
	rig->pm = pm_new((IrqLine){set_line, rig, X86_IRQ_SCI}, on_power_off, held_ns, rig);
}

static uint32_t in(Rig *rig, unsigned offset, unsigned len)
{
	uint32_t value = 0;

	pm_io(rig->pm, NULL, offset, &value, len, false);
	return value;
}

static void out(Rig *rig, unsigned offset, uint16_t value)
{
	pm_io(rig->pm, NULL, offset, &value, 2, true);
}

/* ACPI 6.4, 4.8.3.1: the bit stays until the guest writes a one to it; the SCI follows it. */
static void test_button(void)
{
	Rig rig;

	rig_open(&rig);
	out(&rig, X86_PM_EVENT + 2, BUTTON);
	g_assert_false(rig.level);
	pm_press_button(rig.pm);
	g_assert_true(rig.level);
	g_assert_cmpuint(rig.irq, ==, X86_IRQ_SCI);
	g_assert_cmphex(in(&rig, X86_PM_EVENT, 2), ==, BUTTON);
	out(&rig, X86_PM_EVENT, 0x1); /* another event's bit */
	g_assert_cmphex(in(&rig, X86_PM_EVENT, 2), ==, BUTTON);
	g_assert_true(rig.level);
	out(&rig, X86_PM_EVENT, BUTTON);
	g_assert_cmphex(in(&rig, X86_PM_EVENT, 2), ==, 0);
	g_assert_false(rig.level);
	g_assert_cmphex(in(&rig, X86_PM_EVENT + 2, 2), ==, BUTTON);
	pm_free(rig.pm);
}

/* A guest that has not asked gets no interrupt until it does. */
static void test_button_disabled(void)
{
	Rig rig;

	rig_open(&rig);
	pm_press_button(rig.pm);
	g_assert_false(rig.level);
	g_assert_cmphex(in(&rig, X86_PM_EVENT, 2), ==, BUTTON);
	out(&rig, X86_PM_EVENT + 2, BUTTON);
	g_assert_true(rig.level);
	out(&rig, X86_PM_EVENT + 2, 0);
	g_assert_false(rig.level);
	pm_free(rig.pm);
}

static void test_power_off(void)
{
	Rig rig;

	rig_open(&rig);
	out(&rig, X86_PM_CONTROL, X86_PM_SLEEP_TYPE_S5 << 10);
	g_assert_cmpuint(rig.power_offs, ==, 0);
	out(&rig, X86_PM_CONTROL, 0x2000 | X86_PM_SLEEP_TYPE_S5 << 10);
	g_assert_cmpuint(rig.power_offs, ==, 1);
	pm_free(rig.pm);
}

/* 10 s held: the timer goes back by as much, less the time that the test takes. */
static void test_hold(void)
{
	Rig rig;
	uint32_t before, back;

	rig_open(&rig);
	before = in(&rig, X86_PM_TIMER, 4);
	rig.held_ns = 10 * 1000000000ull;
	back = before - in(&rig, X86_PM_TIMER, 4);
	g_assert_cmpuint(back, <=, 10 * TIMER_HZ + 8);
	g_assert_cmpuint(back, >, 0);
	pm_free(rig.pm);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hw-x86-pm/button", test_button);
	g_test_add_func("/hw-x86-pm/button-disabled", test_button_disabled);
	g_test_add_func("/hw-x86-pm/power-off", test_power_off);
	g_test_add_func("/hw-x86-pm/hold", test_hold);
	return g_test_run();
}
