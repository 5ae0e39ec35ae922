/*
 * tests/fuzz-task.c - fuzzes the memory that a kernel's list of tasks is in.
 */
#include <string.h>

#include "guest/task.h"
#include "tests/guest-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GuestRig *make_rig(bool on_stack)
{
	GuestRig *rig = kern_new();

	kern_task_types(rig, on_stack);
	kern_symbol(rig, "init_task", RIG_BASE);
	kern_ready(rig);
	return rig;
}

/* A byte of the input is where a pointer points to, so that lists come to be. */
static void put_pointers(GuestRig *rig, const uint8_t *data, size_t size)
{
	for (size_t n = 0; 4 * n + 3 < size; n++) {
		uint64_t task = RIG_BASE + 0x80 * n;

		kern_put_u64(rig, task + 16, RIG_BASE + 0x80 * data[4 * n] + 16);
		kern_put_u64(rig, task + 32, RIG_BASE + 0x80 * data[4 * n + 1] + 32);
		kern_put_u64(rig, task + 48, RIG_BASE + 0x80 * data[4 * n + 2] + 16);
		kern_put_u64(rig, task + 128 + 24, RIG_BASE + 0x80 * data[4 * n + 3]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static GuestRig *rigs[2];
	g_autoptr(LinuxTasks) tasks = NULL;
	g_autoptr(GArray) list = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	GuestRig *rig;

	if (size < 1 || size > 1024)
		return 0;
	if (!rigs[data[0] & 1])
		rigs[data[0] & 1] = make_rig(data[0] & 1);
	rig = rigs[data[0] & 1];
	memcpy(rig->mem, data, size);
	if (data[0] & 2)
		put_pointers(rig, data, size);
	tasks = linux_tasks_new(&rig->kernel, NULL);
	g_assert_nonnull(tasks);
	list = linux_tasks_list(tasks);
	for (unsigned i = 0; i < list->len; i++) {
		LinuxRegister registers[LINUX_REGISTERS_MAX];

		g_assert_cmpuint(
			linux_task_registers(tasks, &g_array_index(list, LinuxTask, i), registers),
			<=, LINUX_REGISTERS_MAX);
	}
	linux_tasks_print(tasks, out);
	g_assert_true(g_utf8_validate(out->str, out->len, NULL));
	memset(rig->mem, 0, 0x80 * 256 + 1024);
	return 0;
}
