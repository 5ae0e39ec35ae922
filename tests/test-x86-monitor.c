/*
 * tests/test-x86-monitor.c - x86/cpu/monitor.h by the rules of those who parse QEMU's texts
 * (pwndbg, gef), and against lines that QEMU prints.
 */
#include <string.h>

#include "x86/cpu/monitor.h"

typedef struct Case {
	X86Show show;
	uint8_t xsave[1088];
} Case;

/* A Linux guest on a 64-bit CPU with AVX. */
static Case *case_new(void)
{
	Case *c = g_new0(Case, 1);
	X86Show *show = &c->show;

	for (unsigned i = 0; i < 16; i++)
		show->gpr[i] = 0x1111111111111111u * i;
	show->rip = 0xffffffff81000000;
	show->rflags = 0x246;
	show->segments[X86_SHOW_CS] = (X86ShowSegment){0x10, 0, 0xffffffff, 0x00af9b00};
	show->segments[X86_SHOW_DS] = (X86ShowSegment){0, 0, 0, 0};
	show->segments[X86_SHOW_SS] = (X86ShowSegment){0x18, 0, 0xffffffff, 0x00c09300};
	show->segments[X86_SHOW_TR] =
		(X86ShowSegment){0x40, 0xfffffe0000003000, 0x4087, 0x00008b00};
	show->segments[X86_SHOW_LDT] =
		(X86ShowSegment){0x48, 0xfffffe0000004000, 0xffff, 0x00008200};
	show->gdt_base = 0xfffffe0000001000;
	show->gdt_limit = 0x7f;
	show->idt_base = 0xfffffe0000000000;
	show->idt_limit = 0xfff;
	show->cr0 = 0x80050033;
	show->cr2 = 0x7f0000001000;
	show->cr3 = 0x1234000;
	show->cr4 = 0x370ef0;
	show->efer = 0xd01;
	show->dr[6] = 0xffff0ff0;
	show->dr[7] = 0x400;
	c->xsave[X86_XSAVE_FCW] = 0x7f;
	c->xsave[X86_XSAVE_FCW + 1] = 3;
	show->xsave = c->xsave;
	show->xsave_size = sizeof(c->xsave);
	show->layout.offset[X86_XC_AVX] = 576;
	show->layout.size[X86_XC_AVX] = 256;
	return c;
}

static char *text_of(const Case *c)
{
	GString *out = g_string_new(NULL);

	x86_show_registers(&c->show, out);
	return g_string_free(out, FALSE);
}

/* The group @n of @pattern in @text as a hex number. */
static uint64_t get(const char *text, const char *pattern, unsigned n)
{
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autofree char *word = NULL;

	if (!g_regex_match(regex, text, 0, &match))
		g_error("no /%s/ in:\n%s", pattern, text);
	word = g_match_info_fetch(match, n);
	return g_ascii_strtoull(word, NULL, 16);
}

/* What each client looks for, and what it must find: the groups' values, in hex. */
static const struct {
	const char *client, *expression;
	unsigned n;
	uint64_t values[4];
} rules[] = {
	{"pwndbg", "IDT=\\s+([\\da-f]+)\\s+([\\da-f]+)", 2, {0xfffffe0000000000, 0xfff}},
	{"pwndbg", "GDT=\\s+([\\da-f]+)\\s+([\\da-f]+)", 2, {0xfffffe0000001000, 0x7f}},
	{"gef", "IDT\\s*=\\s*(\\w+) (\\w+)", 2, {0xfffffe0000000000, 0xfff}},
	{"gef", "GDT\\s*=\\s*(\\w+) (\\w+)", 2, {0xfffffe0000001000, 0x7f}},
	{"gef",
	 "TR\\s*=\\s*(\\w+) (\\w+) (\\w+) (\\w+)",
	 4,
	 {0x40, 0xfffffe0000003000, 0x4087, 0x8b00}},
	{"gef",
	 "LDT\\s*=\\s*(\\w+) (\\w+) (\\w+) (\\w+)",
	 4,
	 {0x48, 0xfffffe0000004000, 0xffff, 0x8200}},
	{"gef", "CR0=(\\S+)", 1, {0x80050033}},
	{"gef", "CR2=(\\S+)", 1, {0x7f0000001000}},
	{"gef", "CR3=(\\S+)", 1, {0x1234000}},
	{"gef", "CR4=(\\S+)", 1, {0x370ef0}},
	{"gef", "EFER=(\\S+)", 1, {0xd01}},
	{"gef", "DR7=(\\S+)", 1, {0x400}},
	{"gef", "RAX=(\\S+)", 1, {0}},
	{"gef", "RBX=(\\S+)", 1, {0x1111111111111111}},
	{"gef", "RSP=(\\S+)", 1, {0x7777777777777777}},
	{"gef", "R15=(\\S+)", 1, {UINT64_MAX}},
	{"gef", "RIP=(\\S+)", 1, {0xffffffff81000000}},
	{"gef", "RFL=(\\S+)", 1, {0x246}},
};

static void test_rules(void)
{
	g_autofree Case *c = case_new();
	g_autofree char *text = text_of(c);

	for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
		g_test_message("%s: %s", rules[i].client, rules[i].expression);
		for (unsigned n = 0; n < rules[i].n; n++)
			g_assert_cmphex(get(text, rules[i].expression, n + 1), ==,
					rules[i].values[n]);
	}
}

static void test_long_lines(void)
{
	static const char *const lines[] = {
		"CPU#0\nRAX=0000000000000000 RBX=1111111111111111 RCX=2222222222222222 ",
		" RDX=3333333333333333\nRSI=",
		"\nR8 =8888888888888888 R9 =9999999999999999 R10=",
		"\nRIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n",
		"\nCS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\n",
		"\nSS =0018 0000000000000000 ffffffff 00c09300 DPL=0 DS   [-WA]\n",
		"\nDS =0000 0000000000000000 00000000 00000000\n",
		"\nTR =0040 fffffe0000003000 00004087 00008b00 DPL=0 TSS64-busy\n",
		"\nGDT=     fffffe0000001000 0000007f\nIDT=     fffffe0000000000 00000fff\n",
		"\nCR0=80050033 CR2=00007f0000001000 CR3=0000000001234000 CR4=00370ef0\n",
		"\nEFER=0000000000000d01\nFCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00000000\n",
	};
	g_autofree Case *c = case_new();
	g_autofree char *text = text_of(c);

	for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
		if (!strstr(text, lines[i]))
			g_error("no %s in:\n%s", lines[i], text);
	}
}

/* What QEMU 7.2 prints for a PC at its reset. */
static void test_reset(void)
{
	g_autofree Case *c = g_new0(Case, 1);
	X86Show *show = &c->show;

	show->rip = 0xfff0;
	show->rflags = 2;
	show->gpr[3] = 0x60fb1;
	for (unsigned i = 0; i <= X86_SHOW_GS; i++)
		show->segments[i] = (X86ShowSegment){0, 0, 0xffff, 0x9300};
	show->segments[X86_SHOW_CS] = (X86ShowSegment){0xf000, 0xffff0000, 0xffff, 0x9b00};
	show->segments[X86_SHOW_LDT] = (X86ShowSegment){0, 0, 0xffff, 0x8200};
	show->segments[X86_SHOW_TR] = (X86ShowSegment){0, 0, 0xffff, 0x8b00};
	show->gdt_limit = show->idt_limit = 0xffff;
	show->cr0 = 0x60000010;
	show->dr[6] = 0xffff0ff0;
	show->dr[7] = 0x400;
	show->xsave = c->xsave;
	show->xsave_size = sizeof(c->xsave);
	g_autofree char *text = text_of(c);
	g_assert_true(g_str_has_prefix(
		text, "CPU#0\n"
		      "EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1\n"
		      "ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000\n"
		      "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"
		      "ES =0000 00000000 0000ffff 00009300\n"
		      "CS =f000 ffff0000 0000ffff 00009b00\n"
		      "SS =0000 00000000 0000ffff 00009300\n"
		      "DS =0000 00000000 0000ffff 00009300\n"
		      "FS =0000 00000000 0000ffff 00009300\n"
		      "GS =0000 00000000 0000ffff 00009300\n"
		      "LDT=0000 00000000 0000ffff 00008200\n"
		      "TR =0000 00000000 0000ffff 00008b00\n"
		      "GDT=     00000000 0000ffff\n"
		      "IDT=     00000000 0000ffff\n"
		      "CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\n"
		      "DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 "
		      "DR3=0000000000000000 \n"
		      "DR6=00000000ffff0ff0 DR7=0000000000000400\n"
		      "EFER=0000000000000000\n"));
	g_assert_true(g_str_has_suffix(text, "XMM06=0000000000000000 0000000000000000 "
					     "XMM07=0000000000000000 0000000000000000\n"));
}

/* The stack order of the XSAVE area becomes that of the registers; high halves come first. */
static void test_float(void)
{
	g_autofree Case *c = case_new();

	c->xsave[X86_XSAVE_FSW + 1] = 7 << 3; /* TOP 7: st(0) is register 7, st(1) register 0 */
	c->xsave[X86_XSAVE_ST] = 0xaa;
	c->xsave[X86_XSAVE_ST + 16 + 8] = 0xbb;
	c->xsave[X86_XSAVE_XMM + 16 * 15 + 8] = 0xcc;
	c->xsave[576 + 16 * 15] = 0xdd;
	g_autofree char *sse = text_of(c);
	g_assert_nonnull(strstr(sse, "FSW=3800 [ST=7]"));
	g_assert_nonnull(strstr(sse, "FPR0=0000000000000000 00bb FPR1="));
	g_assert_nonnull(strstr(sse, " FPR7=00000000000000aa 0000\n"));
	g_assert_nonnull(strstr(sse, " XMM15=00000000000000cc 0000000000000000\n"));
	c->show.xcr0 = 7;
	g_autofree char *avx = text_of(c);
	g_assert_nonnull(strstr(avx, "\nYMM15=0000000000000000 00000000000000dd "
				     "00000000000000cc 0000000000000000\n"));
	/* A component that this host cannot have is zero, and nothing is read beyond the area. */
	c->show.xcr0 = 0xe7;
	g_autofree char *avx512 = text_of(c);
	g_assert_nonnull(strstr(avx512, "\nOpmask00=0000000000000000 Opmask01="));
	g_assert_nonnull(strstr(avx512, "\nZMM31=0000000000000000 "));
}

static void test_lapic(void)
{
	uint8_t regs[1024] = {0};
	GString *out = g_string_new(NULL);

	memcpy(regs + 0x350, "\x00\x07\x00\x00", 4);
	memcpy(regs + 0x320, "\xec\x00\x05\x00", 4);
	memcpy(regs + 0xf0, "\xff\x01\x00\x00", 4);
	regs[0x200 + 16 + 4 - 4] = 1; /* IRR: vector 32 */
	regs[0x180 + 16] = 1;
	x86_show_lapic(3, regs, out);
	g_autofree char *text = g_string_free(out, FALSE);
	g_assert_true(g_str_has_prefix(text, "dumping local APIC state for CPU 3\n\nLVT0\t "
					     "0x00000700 active-hi edge "));
	g_assert_true(g_regex_match_simple("LVTT\t 0x000500ec .* masked .* tsc-deadline +Fixed  "
					   "\\(vec 236\\)\n",
					   text, 0, 0));
	g_assert_nonnull(strstr(text, "APIC enabled, focus=off, spurious vec 255\n"));
	g_assert_nonnull(strstr(text, "ISR\t (none)\nIRR\t 32(level)\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-show/rules", test_rules);
	g_test_add_func("/x86-show/long-lines", test_long_lines);
	g_test_add_func("/x86-show/reset", test_reset);
	g_test_add_func("/x86-show/float", test_float);
	g_test_add_func("/x86-show/lapic", test_lapic);
	return g_test_run();
}
