/*
 * hw/cmd-run.c - `lkvm run`: options in, a machine, its exit status out.
 */
#include "hw/cmd.h"

#include <stdio.h>
#include <sys/prctl.h>

#include "hw/config.h"
#include "hw/util.h"
#include "hw/vm.h"

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
	g_autoptr(Vm) vm = vm_new(config, &error);
	int status = vm != NULL ? vm_run(vm, &error) : -1;
	if (status < 0) {
		vm_log("%s", error->message);
		return VM_STATUS_FAILED;
	}
	return status;
}
