/*
 * hw/cmd-run.c - `lkvm run`: options in, a machine, its exit status out.
 */
#include "hw/cmd.h"

#include <stdio.h>
#include <sys/prctl.h>

#include "hw/command.h"
#include "hw/config.h"
#include "hw/util.h"
#include "hw/vm.h"

/* The exit status; -1 with @error. */
static int run(const VmConfig *config, GError **error)
{
	g_autoptr(Vm) vm = vm_new(config, error);

	return vm != NULL ? vm_run(vm, error) : -1;
}

static int run_command(VmConfig *config, GError **error)
{
	g_autoptr(Command) command = command_new(config, error);
	int status = command != NULL ? run(config, error) : -1;

	if (status != VM_STATUS_OK)
		return status;
	/* Who leaves by Ctrl-a x, or powers off by himself, leaves no status. */
	status = command_status(command);
	return status >= 0 ? status : VM_STATUS_OK;
}

int cmd_run(const char *const *args)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *help = NULL;
	g_autoptr(VmConfig) config = config_parse(args, &help, &error);

	if (help != NULL) {
		fputs(help, stdout);
		return VM_STATUS_OK;
	}
	if (config == NULL) {
		vm_log("%s", error->message);
		return CMD_STATUS_USAGE;
	}
	/* As ps, top and pkill show it. */
	if (config->name != NULL)
		prctl(PR_SET_NAME, config->name);
	int status = config->is_shell ? run_command(config, &error) : run(config, &error);
	if (status >= 0)
		return status;
	vm_log("%s", error->message);
	return VM_STATUS_FAILED;
}
