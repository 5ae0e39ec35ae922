/*
 * hw/loader.h - files that go into the guest's memory, with errors that name them.
 */
#ifndef VMGDB_HW_LOADER_H
#define VMGDB_HW_LOADER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"

/* A whole file, mapped for reading. Its bytes are hostile input. */
typedef struct LoadedFile {
	GMappedFile *mapping;
	const uint8_t *data;
	size_t size;
} LoadedFile;

/* loader_open: map @path. @what ("kernel", "initrd") and the path are in the error. */
bool loader_open(const char *path, const char *what, LoadedFile *ret_file, GError **error);
void loader_close(LoadedFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoadedFile, loader_close)

/*
 * loader_place_below: the highest 4 KiB-aligned address for @size bytes that are RAM, at or above
 * @floor and wholly below @limit. FALSE when there is none.
 */
bool loader_place_below(const GuestMemory *memory, uint64_t size, uint64_t floor, uint64_t limit,
			uint64_t *ret_gpa);

#endif
