/*
 * hw/loader.c - mapping files, and finding a place for them.
 */
#include "hw/loader.h"

#include <gio/gio.h>

#define PAGE 4096u

bool loader_open(const char *path, const char *what, LoadedFile *ret_file, GError **error)
{
	g_autoptr(GError) reason = NULL;
	GMappedFile *mapping = g_mapped_file_new(path, FALSE, &reason);

	if (mapping == NULL || g_mapped_file_get_length(mapping) == 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot load the %s %s: %s", what,
			    path, reason != NULL ? reason->message : "the file is empty");
		g_clear_pointer(&mapping, g_mapped_file_unref);
		return false;
	}
	ret_file->mapping = mapping;
	ret_file->data = (const uint8_t *)g_mapped_file_get_contents(mapping);
	ret_file->size = g_mapped_file_get_length(mapping);
	return true;
}

void loader_close(LoadedFile *file)
{
	g_clear_pointer(&file->mapping, g_mapped_file_unref);
}

bool loader_place_below(const GuestMemory *memory, uint64_t size, uint64_t floor, uint64_t limit,
			uint64_t *ret_gpa)
{
	bool found = false;

	for (unsigned i = 0; i < memory->n_banks; i++) {
		const RamBank *bank = &memory->bank[i];
		uint64_t end = MIN(bank->gpa + bank->size, limit);
		uint64_t start = MAX(bank->gpa, floor);

		if (end < start || end - start < size)
			continue;
		uint64_t gpa = (end - size) & ~(uint64_t)(PAGE - 1);
		if (gpa < start || (found && gpa < *ret_gpa))
			continue;
		*ret_gpa = gpa;
		found = true;
	}
	return found;
}
