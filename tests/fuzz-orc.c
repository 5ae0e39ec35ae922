/*
 * tests/fuzz-orc.c - fuzzes the ORC tables of a guest: whatever is in them, what comes out is a
 * chain of entries of DWARF that is not larger than it may be.
 */
#include <string.h>

#include "guest/orc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const releases[] = {"4.14.0", "5.10.0", "6.1.0-56-cloud-amd64", "6.3.1", "6.12",
				       "7.0",	 ""};

static void check_chain(const GByteArray *frames)
{
	guint at = 0;

	while (at < frames->len) {
		uint32_t len;

		g_assert_cmpuint(frames->len - at, >=, 12);
		memcpy(&len, frames->data + at, 4);
		len = GUINT32_FROM_LE(len);
		g_assert_cmpuint((len + 4) % 8, ==, 0);
		g_assert_cmpuint(len, <=, frames->len - at - 4);
		at += len + 4;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) ips = g_byte_array_new(), entries = g_byte_array_new(), frames = NULL;
	g_autoptr(GError) error = NULL;
	LinuxOrc orc = {.ips = ips, .entries = entries};
	size_t n;

	if (size < 10)
		return 0;
	orc.release = releases[data[0] % G_N_ELEMENTS(releases)];
	memcpy(&orc.ips_addr, data + 1, 8);
	n = (size - 9) / 10;
	g_byte_array_append(ips, data + 9, 4 * n);
	g_byte_array_append(entries, data + 9 + 4 * n, size - 9 - 4 * n - (data[0] >> 7));
	frames = linux_orc_frames(&orc, &error);
	g_assert_true(!frames == !!error);
	if (frames)
		check_chain(frames);
	return 0;
}
