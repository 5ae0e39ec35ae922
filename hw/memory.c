/*
 * hw/memory.c - the guest's RAM banks.
 */
#include "hw/memory.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>

/* @size zeros, in place of what is at @at unless that is NULL. */
static void *map_zeros(void *at, uint64_t size, GError **error)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != NULL ? MAP_FIXED : 0);
	void *host = mmap(at, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (host == MAP_FAILED) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "cannot get %" G_GUINT64_FORMAT " MiB of memory for the guest: %s",
			    size >> 20, g_strerror(errno));
		return NULL;
	}
	/* Only advice: without huge pages the guest is slower, nothing else. */
	(void)madvise(host, size, MADV_HUGEPAGE);
	/* Nor does a helper need it, for which a fork() would have to go through all of it. */
	(void)madvise(host, size, MADV_DONTFORK);
	return host;
}

bool memory_add(GuestMemory *memory, uint64_t gpa, uint64_t size, GError **error)
{
	g_return_val_if_fail(memory->n_banks < MEMORY_MAX_BANKS, false);

	void *host = map_zeros(NULL, size, error);
	if (host == NULL)
		return false;
	memory->bank[memory->n_banks++] = (RamBank){.gpa = gpa, .size = size, .host = host};
	return true;
}

bool memory_zero(GuestMemory *memory, GError **error)
{
	g_clear_pointer(&memory->loaded, g_array_unref);
	for (unsigned i = 0; i < memory->n_banks; i++) {
		const RamBank *bank = &memory->bank[i];

		if (map_zeros(bank->host, bank->size, error) == NULL)
			return false;
	}
	return true;
}

void memory_clear(GuestMemory *memory)
{
	g_clear_pointer(&memory->loaded, g_array_unref);
	for (unsigned i = 0; i < memory->n_banks; i++)
		munmap(memory->bank[i].host, memory->bank[i].size);
	*memory = (GuestMemory){0};
}

void *memory_span(const GuestMemory *memory, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < memory->n_banks; i++) {
		const RamBank *bank = &memory->bank[i];

		/* Subtractions only: gpa + len could wrap. */
		if (gpa >= bank->gpa && gpa - bank->gpa < bank->size &&
		    len <= bank->size - (gpa - bank->gpa))
			return bank->host + (gpa - bank->gpa);
	}
	return NULL;
}

static void remember(GuestMemory *memory, uint64_t gpa, uint64_t size, const char *what)
{
	MemoryLoaded loaded = {gpa, size, what};

	if (memory->loaded == NULL)
		memory->loaded = g_array_new(FALSE, FALSE, sizeof(MemoryLoaded));
	g_array_append_val(memory->loaded, loaded);
}

bool memory_write(GuestMemory *memory, uint64_t gpa, const void *data, size_t len, const char *what,
		  GError **error)
{
	void *host = memory_span(memory, gpa, len);

	if (host == NULL) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
			    "%s does not fit at 0x%" G_GINT64_MODIFIER
			    "x (%zu bytes): the guest has %" G_GUINT64_FORMAT
			    " MiB of memory, see --mem",
			    what, gpa, len, memory_total(memory) >> 20);
		return false;
	}
	if (len > 0) {
		memcpy(host, data, len);
		remember(memory, gpa, len, what);
	}
	return true;
}

uint64_t memory_total(const GuestMemory *memory)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < memory->n_banks; i++)
		total += memory->bank[i].size;
	return total;
}
