/*
 * hw/cmd.h - lkvm's subcommands. Each gets the arguments behind its own name, ending with NULL, and
 * returns the exit status.
 */
#ifndef VMGDB_HW_CMD_H
#define VMGDB_HW_CMD_H

/* A wrong command line, as opposed to a machine that could not be made (VM_STATUS_FAILED). */
#define CMD_STATUS_USAGE 2

int cmd_run(const char *const *args);

#endif
