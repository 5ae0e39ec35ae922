/*
 * tests/test-module-files.c - the sentences of kvm/module-files.h.
 */
#include "kvm/module-files.h"

#include <string.h>

#include "gdbstub/target.h"
#include "tests/test-util.h"

static void put_file(const char *dir, const char *path, const char *text)
{
	g_autofree char *whole = g_build_filename(dir, path, NULL);
	g_autofree char *folder = g_path_get_dirname(whole);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

static KvmModuleFiles *files_of(const char *dir)
{
	g_autoptr(GError) error = NULL;
	KvmModuleFiles *files = kvm_module_files_new(dir, &error);

	g_assert_no_error(error);
	return files;
}

/* @path: from @dir on; NULL: there is none. */
static void assert_file(const char *dir, const char *name, const char *path)
{
	g_autoptr(KvmModuleFiles) files = files_of(dir);
	const char *const *found = kvm_module_files_find(files, name);
	g_autofree char *whole = path ? g_build_filename(dir, path, NULL) : NULL;

	g_assert_cmpstr(found ? found[0] : NULL, ==, whole);
	g_assert_true(!found || !found[1]);
}

/* /lib/modules/RELEASE: modules.dep has all, also those that modules.order does not. */
static void test_installed(void)
{
	g_autofree char *dir = test_dir_new();

	put_file(dir, "modules.dep",
		 "kernel/net/net-failover.ko: kernel/net/failover.ko\n"
		 "kernel/net/failover.ko:\nextra/gone.ko:\nkernel/old.ko.xz:\nno-module:\n\n");
	put_file(dir, "modules.order", "kernel/other.ko\n");
	put_file(dir, "kernel/net/net-failover.ko", "1");
	put_file(dir, "kernel/net/failover.ko", "2");
	put_file(dir, "kernel/old.ko.xz", "3");
	put_file(dir, "kernel/other.ko", "4");
	assert_file(dir, "failover", "kernel/net/failover.ko");
	assert_file(dir, "net_failover", "kernel/net/net-failover.ko");
	assert_file(dir, "net-failover", NULL);
	assert_file(dir, "gone", NULL);
	assert_file(dir, "old", NULL);
	assert_file(dir, "other", NULL);
	test_dir_remove(g_steal_pointer(&dir));
}

/* A build folder: objects (since Linux 6.3), or paths as they will be installed. */
static void test_build(void)
{
	g_autofree char *dir = test_dir_new();

	put_file(dir, "modules.order", "net/new.o\nkernel/net/old.ko\n");
	put_file(dir, "net/new.ko", "1");
	put_file(dir, "net/old.ko", "2");
	put_file(dir, "mine.ko", "3");
	put_file(dir, "mine.mod.o", "4");
	assert_file(dir, "new", "net/new.ko");
	assert_file(dir, "old", "net/old.ko");
	assert_file(dir, "mine", "mine.ko");
	test_dir_remove(g_steal_pointer(&dir));
}

static void test_none(void)
{
	g_autofree char *dir = test_dir_new(), *missing = g_build_filename(dir, "no", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_null(kvm_module_files_new(missing, &error));
	g_assert_error(error, GDB_ERROR, GDB_ERROR_INVAL);
	g_clear_error(&error);
	put_file(dir, "a.ko.zst", "1");
	g_assert_null(kvm_module_files_new(dir, &error));
	g_assert_nonnull(strstr(error->message, "no modules there"));
	test_dir_remove(g_steal_pointer(&dir));
}

static const TestCase cases[] = {
	{"installed", test_installed},
	{"build", test_build},
	{"none", test_none},
	{0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "module-files", cases);
}
