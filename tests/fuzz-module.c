/*
 * tests/fuzz-module.c - fuzzes the memory that a kernel's list of modules is in.
 */
#include <string.h>
#include <unistd.h>

#include "guest/module.h"
#include "tests/guest-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GuestRig *make_rig(unsigned kind)
{
	GuestRig *rig = kern_new();

	kern_module_types(rig, kind & 1, kind & 2);
	kern_symbol(rig, "modules", RIG_BASE + 8);
	kern_ready(rig);
	return rig;
}

/* A byte of the input is where a pointer points to, so that lists come to be. */
static void put_pointers(GuestRig *rig, const uint8_t *data, size_t size)
{
	for (size_t n = 0; 4 * n + 3 < size; n++) {
		uint64_t module = RIG_BASE + 0x80 * n;

		kern_put_u64(rig, module + 8, RIG_BASE + 0x80 * data[4 * n] + 8);
		kern_put_u64(rig, module + 96, RIG_BASE + 8 * data[4 * n + 1]);
		kern_put_u64(rig, module + 104, RIG_BASE + 8 * data[4 * n + 2]);
	}
}

static void make_file(LinuxModules *modules, const LinuxModule *module)
{
	static const uint8_t args[] = {5, 4, 1, 2, 8, 9};
	static const LinuxAbi abis[] = {{args, G_N_ELEMENTS(args), false},
					{args, G_N_ELEMENTS(args), true}};

	for (unsigned n = 0; n < G_N_ELEMENTS(abis); n++) {
		LinuxMaker *maker = linux_module_maker(modules, module, &abis[n]);
		int fd = linux_maker_end(maker, NULL);

		if (fd >= 0)
			close(fd);
	}
}

static void look(const LinuxModules *modules, const LinuxModule *module)
{
	g_autoptr(GArray) sections = linux_module_sections(modules, module);
	g_autoptr(LinuxSymbols) symbols = linux_symbols_new();
	unsigned n, added = linux_module_symbols(modules, module, symbols);

	linux_symbols_sort(symbols);
	linux_symbols_rows(symbols, &n);
	g_assert_cmpuint(added, ==, n);
	g_assert_cmpuint(sections->len, <=, LINUX_SECTIONS_MAX);
	g_assert_true(g_utf8_validate(module->name, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static GuestRig *rigs[4];
	g_autoptr(LinuxModules) modules = NULL;
	g_autoptr(GArray) list = NULL;
	GuestRig *rig;

	if (size < 1 || size > 1024)
		return 0;
	if (!rigs[data[0] & 3])
		rigs[data[0] & 3] = make_rig(data[0] & 3);
	rig = rigs[data[0] & 3];
	memcpy(rig->mem, data, size);
	if (data[0] & 4)
		put_pointers(rig, data, size);
	modules = linux_modules_new(&rig->kernel, NULL);
	g_assert_nonnull(modules);
	list = linux_modules_list(modules);
	for (unsigned i = 0; i < MIN(list->len, 8u); i++)
		look(modules, &g_array_index(list, LinuxModule, i));
	if (list->len)
		make_file(modules, &g_array_index(list, LinuxModule, 0));
	memset(rig->mem, 0, 0x80 * 256 + 1024);
	return 0;
}
