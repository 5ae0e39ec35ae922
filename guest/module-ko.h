/*
 * guest/module-ko.h - is a file of the host the one that a module of the guest was loaded from, and
 * where are its sections? Read by libelf. Pure.
 */
#ifndef VMGDB_GUEST_MODULE_KO_H
#define VMGDB_GUEST_MODULE_KO_H

#include "guest/module.h"

/*
 * linux_module_fits: @fd: a .ko file, or its debug information. It fits when both have the same
 * build id, or, where one has none, the same srcversion; a name is not enough. TRUE: @places gets,
 * for each section with SHF_ALLOC in the file's order, a uint64_t: where it is; one that is not in
 * memory any more gets an address where nothing can be. FALSE with @error: it is another one, or
 * damaged.
 */
bool linux_module_fits(const LinuxModules *modules, const LinuxModule *module, int fd,
		       GArray *places, GError **error);

#endif
