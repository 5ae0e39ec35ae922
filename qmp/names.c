/*
 * qmp/names.c - descriptors that a client has sent over its unix socket, and what it calls them.
 *
 * As many as the client likes to send would take those that the VMM needs: there is a limit.
 */
#include <unistd.h>

#include "qmp/internal.h"

#define NAMES_MAX 16

struct QmpNames {
	int last; /* that has come and has no name; or -1 */
	GHashTable *named;
};

static void close_named(gpointer fd)
{
	close(GPOINTER_TO_INT(fd));
}

QmpNames *qmp_names_new(void)
{
	QmpNames *names = g_new0(QmpNames, 1);

	names->last = -1;
	names->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_named);
	return names;
}

void qmp_names_free(QmpNames *names)
{
	if (names->last >= 0)
		close(names->last);
	g_hash_table_unref(names->named);
	g_free(names);
}

void qmp_names_came(QmpNames *names, int fd)
{
	if (names->last >= 0)
		close(names->last);
	names->last = fd;
}

bool qmp_names_give(QmpNames *names, const char *name, GError **error)
{
	bool known = g_hash_table_contains(names->named, name);

	if (names->last < 0) {
		g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
			    "No file descriptor supplied via SCM_RIGHTS");
		return false;
	}
	/* With a digit it is a number of the process' own, in QEMU's commands. */
	if (!*name || g_ascii_isdigit(*name)) {
		g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
			    "Parameter 'fdname' expects a name not starting with a digit");
		return false;
	}
	if (!known && g_hash_table_size(names->named) == NAMES_MAX) {
		g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
			    "%u descriptors have names already: close one (closefd)", NAMES_MAX);
		return false;
	}
	g_hash_table_replace(names->named, g_strdup(name), GINT_TO_POINTER(names->last));
	names->last = -1;
	return true;
}

int qmp_names_take(QmpNames *names, const char *name, GError **error)
{
	gpointer key, fd;

	if (!g_hash_table_steal_extended(names->named, name, &key, &fd)) {
		g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
			    "File descriptor named '%s' not found", name);
		return -1;
	}
	g_free(key);
	return GPOINTER_TO_INT(fd);
}
