/*
 * hw/util.c - ioctl with a name, messages to the user.
 */
#include "hw/util.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

int vm_ioctl(int fd, unsigned long request, const char *name, void *arg, GError **error)
{
	int ret = ioctl(fd, request, arg);
	int err = errno;

	if (ret < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err), "%s: %s", name,
			    g_strerror(err));
		return -1;
	}
	return ret;
}

void vm_log(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *line = g_strdup_vprintf(format, args);
	va_end(args);
	fprintf(stderr, "lkvm: %s\n", line);
}
