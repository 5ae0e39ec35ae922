/*
 * tests/linux-rig.c - see linux-rig.h.
 */
#include "tests/linux-rig.h"

#include <bpf/btf.h>
#include <string.h>

#include "tests/linux-image.h"

#define N_SYMBOLS 80u

/* What the kernel says of its types: of those that tasks need. */
static void put_types(Rig *rig)
{
	g_autoptr(GuestRig) types = kern_new();
	const void *data;
	uint32_t len;

	kern_task_types(types, false);
	data = btf__raw_data(types->btf, &len);
	g_assert_nonnull(data);
	g_assert_cmpuint(len, <=, IMAGE_AT - TYPES_AT);
	memcpy(toy_ram(rig->vm) + TYPES_AT, data, len);
}

/* The image begins where the kernel does not write. */
static void put_image(Rig *rig, const char *init_task)
{
	LinuxImageSymbol symbols[N_SYMBOLS];
	const uint64_t info = TOY_LINUX + INFO_AT;
	char names[N_SYMBOLS][16];
	LinuxImage *image;

	for (unsigned n = 0; n < N_SYMBOLS; n++) {
		g_snprintf(names[n], sizeof(names[n]), "sys_call%u", n);
		symbols[n] = (LinuxImageSymbol){TOY_LINUX + 16 * n, 'T', names[n]};
	}
	symbols[0] = (LinuxImageSymbol){CURRENT_AT, 'D', "current_task"};
	symbols[1].name = "_stext";
	symbols[4].name = "entry_SYSCALL_64";
	symbols[N_SYMBOLS - 5].name = "_etext";
	symbols[N_SYMBOLS - 4] = (LinuxImageSymbol){TOY_LINUX + POINTER_AT, 'D', "vmcoreinfo_data"};
	symbols[N_SYMBOLS - 3] = (LinuxImageSymbol){TOY_LINUX + AREAS_AT, 'D', "__per_cpu_offset"};
	symbols[N_SYMBOLS - 2] = (LinuxImageSymbol){TASK(TASK_IDLE), 'D', init_task};
	symbols[N_SYMBOLS - 1] = (LinuxImageSymbol){TOY_LINUX + TYPES_AT, 'R', "__start_BTF"};
	image = linux_image_new(TOY_LINUX_READ_ONLY, &linux_layouts[1], TOY_LINUX, symbols,
				N_SYMBOLS);
	linux_image_append(image, BANNER, sizeof(BANNER));
	memcpy(toy_ram(rig->vm) + IMAGE_AT, image->bytes->data, image->bytes->len);
	linux_image_free(image);
	memcpy(toy_ram(rig->vm) + INFO_AT, INFO, sizeof(INFO));
	memcpy(toy_ram(rig->vm) + POINTER_AT, &info, sizeof(info));
}

void linux_rig_load(Rig *rig, bool has_types)
{
	put_image(rig, "init_task");
	if (has_types)
		put_types(rig);
}

void linux_rig_load_functions(Rig *rig)
{
	put_image(rig, "other_task");
}

void linux_rig_set_entry(Rig *rig, uint64_t value)
{
	g_autofree char *packet =
		g_strdup_printf("P5=%016" G_GINT64_MODIFIER "x", GUINT64_SWAP_LE_BE(value));

	rsp_expect(rig->client, packet, "OK");
}

Rig *linux_rig_new(void)
{
	Rig *rig;

	toy_set_like_linux(true);
	rig = rig_new(2, true);
	linux_rig_load(rig, false);
	start_all(rig);
	connect_client(rig);
	return rig;
}

void linux_rig_free(Rig *rig)
{
	rig_free(rig);
	toy_set_like_linux(false);
}

void linux_rig_monitor(Rig *rig, const char *command, const char *text)
{
	g_autofree char *all = rsp_client_monitor(rig->client, command);

	if (!strstr(all, text))
		g_error("monitor %s: no '%s' in: %s", command, text, all);
}

void linux_rig_put(Rig *rig, uint64_t addr, uint64_t value, size_t len)
{
	memcpy(toy_ram(rig->vm) + (addr - TOY_LINUX), &value, len);
}
