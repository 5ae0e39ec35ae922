/*
 * tests/fuzz-dmesg.c - fuzzes the memory that a kernel's log is in, of both formats.
 */
#include <string.h>

#include "guest/dmesg.h"
#include "tests/guest-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GuestRig *make_rig(bool old)
{
	GuestRig *rig = kern_new();

	kern_log_types(rig);
	if (!old)
		kern_symbol(rig, "prb", RIG_BASE);
	kern_symbol(rig, "log_buf", RIG_BASE);
	kern_symbol(rig, "log_buf_len", RIG_BASE + 8);
	kern_symbol(rig, "log_first_idx", RIG_BASE + 12);
	kern_symbol(rig, "log_next_idx", RIG_BASE + 16);
	kern_ready(rig);
	return rig;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static GuestRig *rigs[2];
	GuestRig *rig;
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	if (size < 2 || size > RIG_SIZE)
		return 0;
	if (!rigs[data[0] & 1])
		rigs[data[0] & 1] = make_rig(data[0] & 1);
	rig = rigs[data[0] & 1];
	memcpy(rig->mem, data + 2, size - 2);
	/* Pointers that point into it, so that something is found. */
	if (data[0] & 2)
		kern_put_u64(rig, RIG_BASE, RIG_BASE + 0x100);
	if (data[0] & 4) {
		kern_put_u32(rig, RIG_BASE + 0x100, data[1] % 8);
		kern_put_u64(rig, RIG_BASE + 0x108, RIG_BASE + 0x180);
		kern_put_u64(rig, RIG_BASE + 0x110, RIG_BASE + 0x200);
		kern_put_u32(rig, RIG_BASE + 0x130, data[1] / 8 % 16);
		kern_put_u64(rig, RIG_BASE + 0x138, RIG_BASE + 0x300);
	}
	if (linux_dmesg(&rig->kernel, data[1] % 4, out, &error)) {
		g_assert_no_error(error);
		g_assert_true(g_utf8_validate(out->str, out->len, NULL));
	} else {
		g_assert_nonnull(error);
	}
	memset(rig->mem, 0, size);
	return 0;
}
