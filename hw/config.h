/*
 * hw/config.h - what the user asked of `lkvm run`, and the pure rules for defaults.
 */
#ifndef VMGDB_HW_CONFIG_H
#define VMGDB_HW_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/config-devices.h"

/* One of --disk. */
typedef struct VmDisk {
	char *path;
	bool read_only;
} VmDisk;

/* Where the terminal is in the guest: ttyS0, hvc0; with NONE ttyS0 is shown, and nothing typed. */
typedef enum VmConsole { VM_CONSOLE_SERIAL, VM_CONSOLE_VIRTIO, VM_CONSOLE_NONE } VmConsole;

typedef struct VmConfig {
	char *kernel;	   /* path; never NULL after config_parse() */
	char *initrd;	   /* path or NULL */
	GArray *disks;	   /* of VmDisk, in the user's order: vda, vdb ... NULL: none */
	GPtrArray *shares; /* of VmShare; one with VM_SHARE_ROOT_TAG is --disk's. NULL: none */
	GPtrArray *nets;   /* of VmNet, each with an address of its own. NULL: none */
	uint32_t vsock;	   /* the guest's CID; 0: it has no vsock */
	bool rng;	   /* random numbers, also in a machine without another device */
	bool is_shell;	   /* the guest runs @command, or a shell, in the folder of --disk */
	char **command;	   /* or NULL */
	char *tty;	/* where ttyS1 is for the host (hw/serial-line.h), or NULL: there is none */
	char *params;	/* the user's part of the kernel's command line or NULL */
	char *name;	/* the user's, or NULL */
	char *dump_dtb; /* where to write the guest's device tree, or NULL */
	char *gdb;	/* where to listen, or NULL: no stub */
	char *qmp;	/* where to take clients of QMP, or NULL */
	char *monitor;	/* where people may type the monitor's commands, or NULL */
	char *gdb_arch; /* the architecture to describe to gdb, or NULL: the CPU's */
	char *gdb_modules; /* a folder with the files of its modules, or NULL */
	char *gdb_vmlinux; /* the kernel's symbols, empty: none, or NULL: look beside the kernel */
	uint64_t memory;   /* bytes, a multiple of 1 MiB */
	unsigned n_cpus;
	VmConsole console;
	bool reboot; /* the guest's reboot boots it again, else it is the end */
	bool gdb_wait;
	bool gdb_kaslr;
	char *gdb_log;	    /* where to write what the stub does, or NULL */
	char *gdb_core;	    /* where to write the machine when the guest dies undebugged, or NULL */
	bool gdb_clock_run; /* the guest's clocks go on while gdb has stopped it */
	bool gdb_tasks;	    /* gdb sees the guest's tasks as threads */
} VmConfig;

/*
 * config_parse: the arguments of `lkvm run`, without `run`. @args is a strv that is not changed.
 * Returns NULL with @error; its message names the option and what it expects. `--help` sets
 * *@ret_help to the help text (owned by the caller) and returns NULL without error.
 */
VmConfig *config_parse(const char *const *args, char **ret_help, GError **error);
void config_free(VmConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmConfig, config_free)

/* config_help: the text of `lkvm help run`. Caller frees. */
char *config_help(void);

/* config_needs_stdio: does a debugger or the monitor have standard input and output? */
bool config_needs_stdio(const VmConfig *config);

/*
 * config_parse_size: "512" and "512M" are MiB, "2G" is GiB; also K and T, upper or lower case.
 * FALSE with @error unless it is a whole number of MiB between 4 MiB and 64 TiB.
 */
bool config_parse_size(const char *text, uint64_t *ret_bytes, GError **error);

/* config_find_share: the one with that tag, owned by @config; or NULL. */
VmShare *config_find_share(const VmConfig *config, const char *tag);

/* ---- kernel-line.c ---- */

/*
 * config_command_line: the whole kernel command line. @arch_part comes first, then the console,
 * then what debugging wants (with @config->gdb: `nokaslr`, unless --params speaks of kaslr or
 * --gdb-kaslr is given; without: `panic=1`), then the root file system if there is a disk, no
 * initrd and no root= in --params (the folder of --disk, else /dev/vda), then the user's --params,
 * so that they win, and at the end what @config->is_shell needs. Caller frees.
 */
char *config_command_line(const VmConfig *config, const char *arch_part);

#endif
