/*
 * tests/test-guest-kernel.c - the sentences of guest/kernel.h: an image of a kernel without types.
 */
#include "guest/kernel.h"

#include <string.h>

#include "tests/linux-image.h"
#include "tests/test-util.h"

#define TEXT 0xffffffff81000000u
#define BASE (TEXT + 0x1000000u)
#define N_SYMBOLS 80u
#define BANNER "Linux version 6.1.0-toy (gcc) #1 SMP\n"

/* Where the banner is among symbols; @named: it is one. Caller frees. */
static LinuxImage *make_image(bool named, uint64_t *ret_banner)
{
	LinuxImageSymbol rows[N_SYMBOLS];
	char names[N_SYMBOLS][24];
	LinuxImage *image = NULL;

	/* A symbol has its place in the table before the image behind it is there. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < N_SYMBOLS; i++) {
			g_snprintf(names[i], sizeof(names[i]), "sys_call_%u", i);
			rows[i] = (LinuxImageSymbol){TEXT + 16 * i, 'T', names[i]};
		}
		if (named)
			rows[N_SYMBOLS - 1] =
				(LinuxImageSymbol){pass ? *ret_banner : BASE, 'D', "linux_banner"};
		if (image)
			linux_image_free(image);
		image = linux_image_new(BASE, &linux_layouts[1], TEXT, rows, N_SYMBOLS);
		*ret_banner = linux_image_append(image, BANNER, sizeof(BANNER));
	}
	linux_image_append(image, "behind", 7);
	return image;
}

static void check_banner(bool named)
{
	uint64_t addr;
	LinuxImage *image = make_image(named, &addr);
	const LinuxRange range = {BASE, BASE + image->bytes->len, false};
	g_autoptr(LinuxKernel) kernel = linux_kernel_new(&image->memory, 62, &range, 1, NULL);
	const LinuxSymbol *symbol;

	g_assert_nonnull(kernel);
	g_assert_cmpstr(kernel->banner, ==, "Linux version 6.1.0-toy (gcc) #1 SMP");
	g_assert_cmpstr(kernel->release, ==, "6.1.0-toy");
	g_assert_cmphex(kernel->banner_addr, ==, addr);
	symbol = linux_symbols_named(kernel->symbols, "linux_banner");
	g_assert_nonnull(symbol);
	g_assert_cmphex(symbol->addr, ==, addr);
	/* With its newline and its NUL. */
	g_assert_cmphex(linux_symbols_end(kernel->symbols, symbol), ==, addr + sizeof(BANNER));
	g_assert_false(linux_symbol_is_code(symbol));
	linux_image_free(image);
}

static void test_banner(void)
{
	check_banner(true);
}

/* CONFIG_KALLSYMS_ALL is off. */
static void test_banner_without_symbol(void)
{
	check_banner(false);
}

static const TestCase cases[] = {
	{"banner", test_banner},
	{"banner-without-symbol", test_banner_without_symbol},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "guest-kernel", cases);
}
