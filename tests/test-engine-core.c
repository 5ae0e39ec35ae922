/*
 * tests/test-engine-core.c - owns the tests of kvm_gdb_write_core(), on the toy architecture: the
 * machine of a VMM whose guest has died, without a client.
 */
#include <elf.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/engine-rig.h"

typedef struct Place {
	char *folder, *path;
} Place;

static Place place_new(void)
{
	Place place = {.folder = g_dir_make_tmp("vmgdb-XXXXXX", NULL)};

	g_assert_nonnull(place.folder);
	place.path = g_build_filename(place.folder, "core", NULL);
	return place;
}

static void place_remove(Place *place)
{
	g_assert_cmpint(g_rmdir(place->folder), ==, 0);
	g_free(place->folder);
	g_free(place->path);
}

static void expect_refused(Rig *rig, const char *path, const char *message)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(kvm_gdb_write_core(rig->gdb, path, &error));
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, message));
}

/* Writes it, removes it, and gives back what was in it. */
static char *core_of(Rig *rig, const char *path, gsize *ret_len)
{
	g_autoptr(GError) error = NULL;
	char *bytes;

	g_assert_true(kvm_gdb_write_core(rig->gdb, path, &error));
	g_assert_no_error(error);
	g_assert_true(g_file_get_contents(path, &bytes, ret_len, NULL));
	g_assert_cmpint(g_unlink(path), ==, 0);
	return bytes;
}

static const Elf64_Phdr *program_of(const char *bytes, unsigned n)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)bytes;

	g_assert_cmpmem(bytes, SELFMAG, ELFMAG, SELFMAG);
	g_assert_cmpuint(header->e_type, ==, ET_CORE);
	g_assert_cmpuint(header->e_phnum, >, n);
	return (const Elf64_Phdr *)(const void *)(bytes + header->e_phoff) + n;
}

/* Memory as it is, and a note for each CPU. */
static void test_before_first_run(void)
{
	Rig *rig = rig_new(2, false);
	Place place = place_new();
	g_autofree char *bytes = NULL;
	gsize len;

	bytes = core_of(rig, place.path, &len);
	g_assert_cmpuint(program_of(bytes, 0)->p_filesz, ==, 2 * 56);
	g_assert_cmpuint(program_of(bytes, 1)->p_filesz, ==, TOY_RAM);
	g_assert_cmpmem(bytes + program_of(bytes, 1)->p_offset, TOY_RAM, toy_ram(rig->vm), TOY_RAM);
	start_all(rig);
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	place_remove(&place);
	rig_free(rig);
}

/* Its threads have ended; later others go on with its vCPUs. */
static void test_goes_on(void)
{
	Rig *rig = rig_new(2, false);
	Place place = place_new();
	uint64_t before;
	gsize len;

	start_all(rig);
	expect_runs(rig, 1);
	leave(rig, 0);
	leave(rig, 1);
	before = toy_instructions(rig->vm, 0);
	g_free(core_of(rig, place.path, &len));
	g_free(core_of(rig, place.path, &len));
	g_assert_cmpuint(toy_instructions(rig->vm, 0), ==, before);
	start_all(rig);
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	/* A client finds everything as it should be. */
	connect_client(rig);
	rsp_expect(rig->client, "Z0,102,1", "OK");
	resume_to_reason(rig, "vCont;c", "swbreak:;");
	place_remove(&place);
	rig_free(rig);
}

static bool has_io_exit(void *data)
{
	return GET(((Rig *)data)->io_exits) > 0;
}

/* The VMM was told of the death by a device, whose access the next KVM_RUN finishes. */
static void test_in_device(void)
{
	Rig *rig = rig_new(1, false);
	Place place = place_new();
	g_autofree char *bytes = NULL;
	gsize len;

	put_code(rig, 0x100, "e65190ebfd");
	SET(rig->device_hold, 1);
	start_all(rig);
	g_assert_true(test_wait(NULL, has_io_exit, rig, TEST_PATIENCE));
	bytes = core_of(rig, place.path, &len);
	SET(rig->device_hold, 0);
	expect_runs_for(rig, 0, 4);
	g_assert_cmpuint(GET(rig->io_exits), ==, 1);
	place_remove(&place);
	rig_free(rig);
}

static void test_refusals(void)
{
	Rig *rig = rig_new(1, false);
	Place place = place_new();
	g_autofree char *bytes = NULL;
	gsize len;

	g_assert_true(g_file_set_contents(place.path, "older", 5, NULL));
	expect_refused(rig, place.path, "File exists");
	g_assert_true(g_file_get_contents(place.path, &bytes, &len, NULL));
	g_assert_cmpmem(bytes, len, "older", 5);
	g_assert_cmpint(g_unlink(place.path), ==, 0);
	expect_refused(rig, "/nowhere/core", "cannot create /nowhere/core: No such file");
	start_all(rig);
	expect_runs(rig, 0);
	expect_refused(rig, place.path, "CPU 0 is running");
	expect_runs(rig, 0);
	connect_client(rig);
	expect_refused(rig, place.path, "a debugger is connected");
	g_assert_false(g_file_test(place.path, G_FILE_TEST_EXISTS));
	place_remove(&place);
	rig_free(rig);
}

/* Half a core is worse than none. */
static void test_no_room(void)
{
	Rig *rig = rig_new(1, false);
	Place place = place_new();
	struct rlimit old, small;

	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	small = (struct rlimit){.rlim_cur = TOY_RAM / 2, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	expect_refused(rig, place.path, "File too large");
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	g_assert_false(g_file_test(place.path, G_FILE_TEST_EXISTS));
	start_all(rig);
	expect_runs(rig, 0);
	place_remove(&place);
	rig_free(rig);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"before-first-run", test_before_first_run},
		{"goes-on", test_goes_on},
		{"in-device", test_in_device},
		{"refusals", test_refusals},
		{"no-room", test_no_room},
		{0},
	};

	return test_main(argc, argv, "engine-core", cases);
}
