/*
 * hw/kernel-line.c - the kernel's command line, from the options of `lkvm run`.
 */
#include <string.h>

#include "hw/command.h"
#include "hw/config.h"

static bool names_root(const char *params)
{
	for (const char *at = params; (at = strstr(at, "root=")) != NULL; at++) {
		if (at == params || at[-1] == ' ')
			return true;
	}
	return false;
}

/* As kvmtool has it. Before Linux 5.15 a message would have 8 KiB; diod takes 64. */
static void append_folder(GString *line, const VmShare *share)
{
	const char *mode = share->read_only ? "ro" : "rw";

	g_string_append_printf(line,
			       " root=%s %s rootflags=%s,trans=virtio,version=9p2000.L,msize=65536 "
			       "rootfstype=9p",
			       share->tag, mode, mode);
}

/* An initial RAM disk knows better. */
static void append_root(GString *line, const VmConfig *config, const char *user)
{
	const VmShare *folder = config_find_share(config, VM_SHARE_ROOT_TAG);

	if (config->initrd != NULL || names_root(user))
		return;
	if (folder != NULL)
		append_folder(line, folder);
	else if (config->disks != NULL && config->disks->len > 0)
		g_string_append_printf(line, " root=/dev/vda %s",
				       g_array_index(config->disks, VmDisk, 0).read_only ? "ro"
											 : "rw");
}

char *config_command_line(const VmConfig *config, const char *arch_part)
{
	const char *user = config->params != NULL ? config->params : "";
	GString *line = g_string_new(arch_part);

	g_string_append(line,
			config->console == VM_CONSOLE_VIRTIO ? " console=hvc0" : " console=ttyS0");
	if (config->gdb == NULL)
		g_string_append(line, " panic=1");
	else if (!config->gdb_kaslr && strstr(user, "kaslr") == NULL)
		g_string_append(line, " nokaslr");
	append_root(line, config, user);
	if (*user != 0)
		g_string_append_printf(line, " %s", user);
	if (config->is_shell)
		g_string_append(line, " " COMMAND_INIT);
	return g_string_free(line, FALSE);
}
