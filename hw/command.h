/*
 * hw/command.h - a command, or a shell, in a folder of the host's: `lkvm run -d DIR -- CMD
 * ARGS...`, and `lkvm run -d /`.
 *
 * The guest's kernel has the folder as its root file system, read only; a small script, its init,
 * puts an overlay in the guest's memory over it, runs the command there and powers off. Script,
 * command and status are files of a second folder, which exists as long as a Command.
 */
#ifndef VMGDB_HW_COMMAND_H
#define VMGDB_HW_COMMAND_H

#include <glib.h>

#include "hw/config.h"

typedef struct Command Command;

/* The tag of the second folder; and what goes to the end of the kernel's command line. */
#define COMMAND_TAG "lkvm-command"
#define COMMAND_INIT                                                                               \
	"init=/bin/sh -- -c \"for d in /mnt /run; do mount -t 9p -o "                              \
	"trans=virtio,version=9p2000.L " COMMAND_TAG " $d && exec /bin/sh $d/init $d; done\""

/*
 * command_new: makes that folder, with @config->command or a shell to run, and adds it to
 * @config->shares. The command begins in the current folder if that is in the guest's, too.
 * command_free: removes it.
 */
Command *command_new(VmConfig *config, GError **error);
void command_free(Command *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Command, command_free)

/* command_status: with which the command has ended; -1: it has not. */
int command_status(const Command *command);

#endif
