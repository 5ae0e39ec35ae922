/*
 * x86/cpu/monitor-regs.c - `info registers` of one x86 CPU. See x86/cpu/monitor.h.
 */
#include "x86/cpu/bits.h"
#include "x86/cpu/monitor.h"

#include <inttypes.h>
#include <string.h>

#define DESC_ACCESSED (1u << 8)
#define DESC_WRITABLE (1u << 9)	    /* readable, for code */
#define DESC_EXPAND_DOWN (1u << 10) /* conforming, for code */
#define DESC_CODE (1u << 11)
#define DESC_MEMORY (1u << 12) /* the S bit: code or data */
#define DESC_PRESENT (1u << 15)
#define DESC_LONG (1u << 21)
#define DESC_BIG (1u << 22)

#define XCR0_AVX 0x6u
#define XCR0_AVX512 0xe6u

static bool is_long(const X86Show *show)
{
	return show->efer & X86_EFER_LMA;
}

static bool is_64bit_code(const X86Show *show)
{
	return is_long(show) && show->segments[X86_SHOW_CS].flags & DESC_LONG;
}

static void show_gprs(const X86Show *show, GString *out)
{
	static const char *const low[] = {"AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP"};
	bool wide = is_64bit_code(show);

	for (unsigned i = 0; i < (wide ? 16 : 8); i++) {
		const char *end = i % 4 == 3 ? "\n" : " ";

		if (!wide)
			g_string_append_printf(out, "E%s=%08x%s", low[i], (uint32_t)show->gpr[i],
					       end);
		else if (i < 8)
			g_string_append_printf(out, "R%s=%016" PRIx64 "%s", low[i], show->gpr[i],
					       end);
		else
			g_string_append_printf(out, "R%-2u=%016" PRIx64 "%s", i, show->gpr[i], end);
	}
}

static void show_flags(const X86Show *show, GString *out)
{
	static const struct {
		uint8_t bit;
		char name;
	} flags[] = {{10, 'D'}, {11, 'O'}, {7, 'S'}, {6, 'Z'}, {4, 'A'}, {2, 'P'}, {0, 'C'}};

	if (is_64bit_code(show))
		g_string_append_printf(out, "RIP=%016" PRIx64 " RFL=%08x [", show->rip,
				       (uint32_t)show->rflags);
	else
		g_string_append_printf(out, "EIP=%08x EFL=%08x [", (uint32_t)show->rip,
				       (uint32_t)show->rflags);
	for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
		g_string_append_c(out, show->rflags >> flags[i].bit & 1 ? flags[i].name : '-');
	g_string_append_printf(out, "] CPL=%u II=%d A20=1 SMM=%d HLT=%d\n", show->cpl,
			       show->inhibited, show->smm, show->halted);
}

static const char *system_type(bool wide, unsigned type)
{
	static const char *const names[2][16] = {
		{"Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate",
		 "IntGate16", "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy",
		 "CallGate32", "Reserved", "IntGate32", "TrapGate32"},
		{"<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved",
		 "Reserved", "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64",
		 "Reserved", "IntGate64", "TrapGate64"},
	};

	return names[wide][type & 15];
}

static char letter(uint32_t flags, uint32_t bit, char name)
{
	return flags & bit ? name : '-';
}

static void show_meaning(const X86Show *show, uint32_t flags, GString *out)
{
	g_string_append_printf(out, " DPL=%u ", flags >> 13 & 3);
	if (!(flags & DESC_MEMORY)) {
		g_string_append(out, system_type(is_long(show), flags >> 8));
		return;
	}
	if (flags & DESC_CODE)
		g_string_append_printf(out, "%s [%c%c%c]",
				       flags & DESC_LONG  ? "CS64"
				       : flags & DESC_BIG ? "CS32"
							  : "CS16",
				       letter(flags, DESC_EXPAND_DOWN, 'C'),
				       letter(flags, DESC_WRITABLE, 'R'),
				       letter(flags, DESC_ACCESSED, 'A'));
	else
		g_string_append_printf(
			out, "%s [%c%c%c]", flags & DESC_BIG || is_long(show) ? "DS  " : "DS16",
			letter(flags, DESC_EXPAND_DOWN, 'E'), letter(flags, DESC_WRITABLE, 'W'),
			letter(flags, DESC_ACCESSED, 'A'));
}

static void show_address(const X86Show *show, const char *name, uint64_t base, GString *out)
{
	if (is_long(show))
		g_string_append_printf(out, "%s%016" PRIx64, name, base);
	else
		g_string_append_printf(out, "%s%08x", name, (uint32_t)base);
}

static void show_segments(const X86Show *show, GString *out)
{
	static const char *const names[X86_SHOW_SEGMENTS] = {"ES", "CS", "SS",	"DS",
							     "FS", "GS", "LDT", "TR"};

	for (unsigned i = 0; i < X86_SHOW_SEGMENTS; i++) {
		const X86ShowSegment *segment = &show->segments[i];

		g_string_append_printf(out, "%-3s=%04x ", names[i], segment->selector);
		if (is_64bit_code(show))
			g_string_append_printf(out, "%016" PRIx64, segment->base);
		else
			g_string_append_printf(out, "%08x", (uint32_t)segment->base);
		g_string_append_printf(out, " %08x %08x", segment->limit, segment->flags);
		if (show->cr0 & X86_CR0_PE && segment->flags & DESC_PRESENT)
			show_meaning(show, segment->flags, out);
		g_string_append_c(out, '\n');
	}
}

static void show_system(const X86Show *show, GString *out)
{
	show_address(show, "GDT=     ", show->gdt_base, out);
	g_string_append_printf(out, " %08x\n", show->gdt_limit);
	show_address(show, "IDT=     ", show->idt_base, out);
	g_string_append_printf(out, " %08x\n", show->idt_limit);
	g_string_append_printf(out, "CR0=%08x ", (uint32_t)show->cr0);
	show_address(show, "CR2=", show->cr2, out);
	show_address(show, " CR3=", show->cr3, out);
	g_string_append_printf(out, " CR4=%08x\n", (uint32_t)show->cr4);
	for (unsigned i = 0; i < 4; i++)
		g_string_append_printf(out, "DR%u=%016" PRIx64 " ", i, show->dr[i]);
	g_string_append_printf(out,
			       "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n",
			       show->dr[6], show->dr[7], show->efer);
}

/* ---- x87 and vectors ---- */

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The area is in stack order, the text in that of the physical registers. */
static void show_x87(const X86Show *show, GString *out)
{
	const uint8_t *area = show->xsave;
	uint16_t status = get16(area + X86_XSAVE_FSW);
	unsigned top = status >> 11 & 7;
	uint32_t mxcsr;

	memcpy(&mxcsr, area + X86_XSAVE_MXCSR, sizeof(mxcsr));
	g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n",
			       get16(area + X86_XSAVE_FCW), status, top, area[X86_XSAVE_FTW],
			       mxcsr);
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *reg = area + X86_XSAVE_ST + 16 * ((i - top) & 7);

		g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%s", i, get64(reg),
				       get16(reg + 8), i % 2 ? "\n" : " ");
	}
}

/* @len bytes at @at in @component, or zeros where this host has no such component. */
static void get_part(const X86Show *show, unsigned component, unsigned at, uint8_t *buf, size_t len)
{
	uint32_t offset = show->layout.offset[component];

	memset(buf, 0, len);
	if (at + len <= show->layout.size[component] && offset + at + len <= show->xsave_size)
		memcpy(buf, show->xsave + offset + at, len);
}

static void get_zmm(const X86Show *show, unsigned n, uint8_t *buf)
{
	if (n >= 16) {
		get_part(show, X86_XC_HI16_ZMM, 64 * (n - 16), buf, 64);
		return;
	}
	memcpy(buf, show->xsave + X86_XSAVE_XMM + 16 * n, 16);
	get_part(show, X86_XC_AVX, 16 * n, buf + 16, 16);
	get_part(show, X86_XC_ZMM_HI256, 32 * n, buf + 32, 32);
}

static void show_opmasks(const X86Show *show, GString *out)
{
	for (unsigned i = 0; i < 8; i++) {
		uint8_t mask[8];

		get_part(show, X86_XC_OPMASK, 8 * i, mask, sizeof(mask));
		g_string_append_printf(out, "Opmask%02u=%016" PRIx64 "%s", i, get64(mask),
				       i % 4 == 3 ? "\n" : " ");
	}
}

static void show_vectors(const X86Show *show, GString *out)
{
	bool zmm = (show->xcr0 & XCR0_AVX512) == XCR0_AVX512;
	bool ymm = (show->xcr0 & XCR0_AVX) == XCR0_AVX;
	const char *name = zmm ? "ZMM" : ymm ? "YMM" : "XMM";
	unsigned words = zmm ? 8 : ymm ? 4 : 2;
	unsigned n = !is_64bit_code(show) ? 8 : zmm ? 32 : 16;

	if (zmm)
		show_opmasks(show, out);
	for (unsigned i = 0; i < n; i++) {
		uint8_t value[64];

		get_zmm(show, i, value);
		g_string_append_printf(out, "%s%02u=", name, i);
		for (unsigned word = words; word-- > 0;)
			g_string_append_printf(out, "%016" PRIx64 "%s", get64(value + 8 * word),
					       word ? " " : "");
		g_string_append_c(out, words == 2 && i % 2 == 0 ? ' ' : '\n');
	}
}

void x86_show_registers(const X86Show *show, GString *out)
{
	g_string_append_printf(out, "CPU#%u\n", show->cpu);
	show_gprs(show, out);
	show_flags(show, out);
	show_segments(show, out);
	show_system(show, out);
	show_x87(show, out);
	show_vectors(show, out);
}
