/*
 * x86/cpu/monitor-apic.c - `info lapic` and the I/O APIC's part of `info pic`. See
 * x86/cpu/monitor.h.
 */
#include <inttypes.h>
#include <string.h>

#include "x86/cpu/monitor.h"

/* Offsets in the APIC's page. */
enum {
	APIC_TPR = 0x80,
	APIC_APR = 0x90,
	APIC_PPR = 0xa0,
	APIC_LDR = 0xd0,
	APIC_DFR = 0xe0,
	APIC_SPIV = 0xf0,
	APIC_ISR = 0x100,
	APIC_TMR = 0x180,
	APIC_IRR = 0x200,
	APIC_ESR = 0x280,
	APIC_ICR = 0x300,
	APIC_ICR2 = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_THERMAL = 0x330,
	APIC_LVT_COUNTER = 0x340,
	APIC_LVT0 = 0x350,
	APIC_LVT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
};

static const char *const delivery[] = {"Fixed", "LowPri", "SMI",  "Reserved",
				       "NMI",	"INIT",	  "SIPI", "ExtINT"};

static uint32_t get(const uint8_t *regs, unsigned offset)
{
	uint32_t value;

	memcpy(&value, regs + offset, sizeof(value));
	return value;
}

static bool has_vector(uint32_t lvt)
{
	unsigned mode = lvt >> 8 & 7;

	return mode == 0 || mode == 1 || mode == 7;
}

static void show_lvt(const uint8_t *regs, const char *name, unsigned offset, GString *out)
{
	static const char *const timer[] = {"one-shot", "periodic", "tsc-deadline", "reserved"};
	uint32_t lvt = get(regs, offset);

	g_string_append_printf(
		out, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s", name, lvt,
		lvt & 1u << 13 ? "active-lo" : "active-hi", lvt & 1u << 15 ? "level" : "edge",
		lvt & 1u << 16 ? "masked" : "", lvt & 1u << 12 ? "pending" : "",
		offset == APIC_LVT_TIMER ? timer[lvt >> 17 & 3] : "", delivery[lvt >> 8 & 7]);
	if (has_vector(lvt))
		g_string_append_printf(out, " (vec %u)", lvt & 0xff);
	g_string_append_c(out, '\n');
}

static void show_icr(const uint8_t *regs, GString *out)
{
	static const char *const shorthand[] = {"no-shorthand", "self", "all-self", "all"};
	uint32_t icr = get(regs, APIC_ICR), icr2 = get(regs, APIC_ICR2);
	bool logical = icr & 1u << 11;

	g_string_append_printf(out, "ICR\t 0x%08x %s %s %s %s\n", icr,
			       logical ? "logical" : "physical", icr & 1u << 15 ? "level" : "edge",
			       icr & 1u << 14 ? "assert" : "de-assert", shorthand[icr >> 18 & 3]);
	g_string_append_printf(out, "ICR2\t 0x%08x %s %u%s\n", icr2, logical ? "mask" : "cpu",
			       icr2 >> 24, logical ? "" : " (APIC ID)");
}

/* The set bits of a 256-bit register: one word of it every 16 bytes. */
static void show_vectors(const uint8_t *regs, const char *name, unsigned offset, GString *out)
{
	bool any = false;

	g_string_append_printf(out, "%s\t", name);
	for (unsigned vector = 0; vector < 256; vector++) {
		unsigned at = vector / 32 * 16, bit = vector % 32;

		if (!(get(regs, offset + at) >> bit & 1))
			continue;
		any = true;
		g_string_append_printf(out, " %u%s", vector,
				       get(regs, APIC_TMR + at) >> bit & 1 ? "(level)" : "");
	}
	g_string_append(out, any ? "\n" : " (none)\n");
}

static void show_timer(const uint8_t *regs, GString *out)
{
	uint32_t divide = get(regs, APIC_TIMER_DIVIDE);
	unsigned code = (divide & 3) | (divide >> 1 & 4);

	g_string_append_printf(
		out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n",
		divide & 0xb, 1u << ((code + 1) & 7), get(regs, APIC_TIMER_INITIAL),
		get(regs, APIC_TIMER_CURRENT));
}

void x86_show_lapic(unsigned cpu, const uint8_t *regs, GString *out)
{
	static const struct {
		const char *name;
		unsigned offset;
	} lvts[] = {{"LVT0", APIC_LVT0},	   {"LVT1", APIC_LVT1},
		    {"LVTPC", APIC_LVT_COUNTER},   {"LVTERR", APIC_LVT_ERROR},
		    {"LVTTHMR", APIC_LVT_THERMAL}, {"LVTT", APIC_LVT_TIMER}};
	uint32_t spiv = get(regs, APIC_SPIV);

	g_string_append_printf(out, "dumping local APIC state for CPU %u\n\n", cpu);
	for (unsigned i = 0; i < G_N_ELEMENTS(lvts); i++)
		show_lvt(regs, lvts[i].name, lvts[i].offset, out);
	show_timer(regs, out);
	g_string_append_printf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", spiv,
			       spiv & 1u << 8 ? "enabled" : "disabled",
			       spiv & 1u << 9 ? "on" : "off", spiv & 0xff);
	show_icr(regs, out);
	g_string_append_printf(out, "ESR\t 0x%08x\n", get(regs, APIC_ESR));
	show_vectors(regs, "ISR", APIC_ISR, out);
	show_vectors(regs, "IRR", APIC_IRR, out);
	g_string_append_printf(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n",
			       get(regs, APIC_APR) & 0xff, get(regs, APIC_TPR) & 0xff,
			       get(regs, APIC_DFR) >> 28, get(regs, APIC_LDR) >> 24,
			       get(regs, APIC_PPR) & 0xff);
}

void x86_show_ioapic_pin(unsigned pin, uint64_t entry, GString *out)
{
	static const char *const modes[] = {"fixed", "lowest", "SMI", "...",
					    "NMI",   "INIT",   "...", "extINT"};

	g_string_append_printf(
		out, "  pin %-2u 0x%016" PRIx64 " dest=%u vec=%-3u %s %-5s %-6s %-6s %s\n", pin,
		entry, (unsigned)(entry >> 56), (unsigned)(entry & 0xff),
		entry & 1u << 13 ? "active-lo" : "active-hi", entry & 1u << 15 ? "level" : "edge",
		entry & 1u << 16 ? "masked" : "", modes[entry >> 8 & 7],
		entry & 1u << 11 ? "logical" : "physical");
}
