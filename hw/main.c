/*
 * hw/main.c - lkvm: the table of subcommands.
 */
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "hw/cmd.h"
#include "hw/config.h"

typedef struct Command {
	const char *name;
	int (*run)(const char *const *args);
	const char *help;
} Command;

static int cmd_help(const char *const *args);
static int cmd_version(const char *const *args);

static const Command commands[] = {
	{"run", cmd_run, "boot a kernel in a virtual machine"},
	{"help", cmd_help, "show this, or `help run`"},
	{"version", cmd_version, "show the version"},
};

static int cmd_version(const char *const *args G_GNUC_UNUSED)
{
	puts("lkvm (vmgdb) " VMGDB_VERSION);
	return 0;
}

static void print_commands(FILE *out)
{
	fputs("Usage: lkvm COMMAND [OPTION...]\n\n", out);
	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
		fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].help);
}

static int cmd_help(const char *const *args)
{
	if (args[0] != NULL && strcmp(args[0], "run") == 0) {
		g_autofree char *text = config_help();

		fputs(text, stdout);
		return 0;
	}
	print_commands(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name != NULL && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0))
		name = "help";
	if (name != NULL && strcmp(name, "--version") == 0)
		name = "version";
	for (unsigned i = 0; name != NULL && i < G_N_ELEMENTS(commands); i++) {
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run((const char *const *)argv + 2);
	}
	if (name != NULL)
		fprintf(stderr, "lkvm: no command '%s'\n", name);
	print_commands(stderr);
	return CMD_STATUS_USAGE;
}
