/*
 * hw/loader.c - mapping files, and finding a place for them.
 */
#include "hw/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

/* NULL: it cannot be mapped. A FIFO of that name must not hold us up. */
static GMappedFile *map_file(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	GMappedFile *mapping = NULL;
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		mapping = g_mapped_file_new_from_fd(fd, FALSE, error);
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s",
			    fd < 0 ? g_strerror(errno) : "it is not a file");
	if (fd >= 0)
		close(fd);
	return mapping;
}

bool loader_open(const char *path, const char *what, LoadedFile *ret_file, GError **error)
{
	g_autoptr(GError) reason = NULL;
	GMappedFile *mapping = map_file(path, &reason);

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
