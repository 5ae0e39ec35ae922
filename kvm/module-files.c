/*
 * kvm/module-files.c - finds the host's files of modules by their names.
 */
#include "kvm/module-files.h"

#include <errno.h>
#include <string.h>

#include "gdbstub/target.h"

#define DEBUG_ROOT "/usr/lib/debug"

struct KvmModuleFiles {
	char *dir;	     /* absolute */
	GHashTable *by_name; /* name -> GPtrArray of paths, ending with NULL once all are known */
};

/* "kernel/net/core/net-failover.ko" -> "net_failover"; NULL: no file that gdb can read. */
static char *name_of(const char *path)
{
	g_autofree char *name = g_path_get_basename(path);
	char *end = strrchr(name, '.');

	if (end && g_str_equal(end, ".debug")) {
		*end = 0;
		end = strrchr(name, '.');
	}
	if (!end || end == name || !g_str_equal(end, ".ko"))
		return NULL;
	*end = 0;
	g_strdelimit(name, "-", '_');
	return g_steal_pointer(&name);
}

static void add_path(GPtrArray *paths, char *path)
{
	if (g_file_test(path, G_FILE_TEST_IS_REGULAR) &&
	    !g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL))
		g_ptr_array_add(paths, path);
	else
		g_free(path);
}

/* @path: from the folder on. */
static void add_file(KvmModuleFiles *files, const char *path)
{
	char *name = name_of(path);
	g_autofree char *whole = g_build_filename(files->dir, path, NULL);
	GPtrArray *paths;

	if (!name)
		return;
	paths = g_hash_table_lookup(files->by_name, name);
	if (!paths) {
		paths = g_ptr_array_new_with_free_func(g_free);
		g_hash_table_insert(files->by_name, name, paths);
	} else {
		g_free(name);
	}
	add_path(paths, g_strconcat(DEBUG_ROOT, whole, NULL));
	add_path(paths, g_strconcat(DEBUG_ROOT, whole, ".debug", NULL));
	add_path(paths, g_steal_pointer(&whole));
}

/* Lines of "PATH: ..." or "PATH"; a build folder of Linux 6.3 and later names objects there. */
static bool add_listed(KvmModuleFiles *files, const char *list)
{
	g_autofree char *path = g_build_filename(files->dir, list, NULL), *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_autofree char *ko = NULL;

		(*line)[strcspn(*line, ":")] = 0;
		if (g_str_has_suffix(*line, ".o"))
			ko = g_strdup_printf("%.*s.ko", (int)strlen(*line) - 2, *line);
		add_file(files, ko ? ko : *line);
		/* As it will be installed, in a build folder that is older. */
		if (g_str_has_prefix(*line, "kernel/"))
			add_file(files, *line + strlen("kernel/"));
	}
	return true;
}

static bool add_folder(KvmModuleFiles *files, GError **error)
{
	GDir *dir = g_dir_open(files->dir, 0, error);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		add_file(files, name);
	if (dir)
		g_dir_close(dir);
	return dir;
}

/* Names without a file go; lists of files end with NULL. */
static gboolean finish(void *name G_GNUC_UNUSED, void *value, void *opaque G_GNUC_UNUSED)
{
	GPtrArray *paths = value;

	if (!paths->len)
		return TRUE;
	g_ptr_array_add(paths, NULL);
	return FALSE;
}

KvmModuleFiles *kvm_module_files_new(const char *dir, GError **error)
{
	g_autoptr(KvmModuleFiles) files = g_new0(KvmModuleFiles, 1);
	g_autoptr(GError) reason = NULL;
	bool is_folder;

	files->dir = g_canonicalize_filename(dir, NULL);
	files->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)g_ptr_array_unref);
	is_folder = add_folder(files, &reason);
	if (is_folder && !add_listed(files, "modules.dep"))
		add_listed(files, "modules.order");
	g_hash_table_foreach_remove(files->by_name, finish, NULL);
	if (reason)
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "--gdb-modules %s: %s", dir,
			    reason->message);
	else if (!g_hash_table_size(files->by_name))
		g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
			    "--gdb-modules %s: no modules there (.ko files that are not "
			    "compressed); expected a kernel's build folder or /lib/modules/RELEASE",
			    dir);
	else
		return g_steal_pointer(&files);
	return NULL;
}

void kvm_module_files_free(KvmModuleFiles *files)
{
	if (!files)
		return;
	g_hash_table_unref(files->by_name);
	g_free(files->dir);
	g_free(files);
}

const char *const *kvm_module_files_find(const KvmModuleFiles *files, const char *name)
{
	const GPtrArray *paths = g_hash_table_lookup(files->by_name, name);

	return paths ? (const char *const *)paths->pdata : NULL;
}
