/*
 * tests/fake-files.c - owns what the fake target offers beside its machine: its own program, a
 * library, tables for `info os`.
 */
#include "tests/fake-machine.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool op_prepare(void *data)
{
	FakeTarget *target = fake_enter(data, true);
	bool found = !target->own_pieces;

	if (!found)
		target->own_pieces--;
	fake_leave(target);
	return found;
}

void fake_target_set_pieces(FakeTarget *target, unsigned pieces)
{
	g_mutex_lock(&target->lock);
	target->own_pieces = pieces;
	g_mutex_unlock(&target->lock);
}

/* Without the preparation that all of this needs it would take long. */
static void need_prepared(FakeTarget *target, const char *what)
{
	if (target->own_pieces)
		g_string_append_printf(target->complaints, "%s before prepare() has ended\n", what);
}

static const char *op_program(void *data)
{
	FakeTarget *target = fake_enter(data, true);
	const char *name = target->own.name;

	need_prepared(target, "program()");
	fake_leave(target);
	return name;
}

static int new_file(const FakeFile *file)
{
	int fd = memfd_create("fake-file", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, file->bytes, file->len), ==, file->len);
	return fd;
}

/* The host's file holds its own name. */
static int open_given(const char *path)
{
	const FakeFile given = {path, path, strlen(path), 0};

	return new_file(&given);
}

static int op_open(void *data, const char *path, GError **error)
{
	FakeTarget *target = fake_enter(data, true);
	int fd = -1;

	if (target->library_loaded && g_str_equal(path, target->library.name))
		fd = new_file(&target->library);
	else if (!target->own.name && g_strcmp0(path, target->program) == 0)
		fd = open_given(path);
	else if (g_strcmp0(path, target->own.name) != 0)
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "no such file");
	else if (target->own_turns)
		target->own_turns--;
	else
		fd = new_file(&target->own);
	/* Whoever has it open has found out what there is. */
	if (fd >= 0)
		target->own_pieces = 0;
	if (fd >= 0)
		target->own_turns = target->own.turns;
	fake_leave(target);
	return fd;
}

static uint64_t op_generation(void *data)
{
	FakeTarget *target = fake_enter(data, true);
	uint64_t generation = target->own.name ? target->own_generation : 0;

	need_prepared(target, "generation()");
	fake_leave(target);
	return generation;
}

static void op_expect(void *data)
{
	FakeTarget *target = fake_enter(data, true);

	target->own_expected = true;
	fake_leave(target);
}

const GdbFileOps fake_file_ops = {
	.prepare = op_prepare,
	.program = op_program,
	.open = op_open,
	.generation = op_generation,
	.expect = op_expect,
};

bool fake_target_expects_program(FakeTarget *target)
{
	bool expected;

	g_mutex_lock(&target->lock);
	expected = target->own_expected;
	g_mutex_unlock(&target->lock);
	return expected;
}

void fake_target_set_own_program(FakeTarget *target, const FakeFile *file)
{
	g_mutex_lock(&target->lock);
	target->own = *file;
	target->own_generation++;
	target->own_turns = file->turns;
	g_mutex_unlock(&target->lock);
}

/* --- libraries --- */

static bool op_offers_libraries(void *data)
{
	FakeTarget *target = fake_enter(data, true);
	bool offers = target->library.name != NULL;

	need_prepared(target, "offers()");
	fake_leave(target);
	return offers;
}

/* One more that is nowhere. */
static const GdbLibrary *op_list(void *data, unsigned *ret_n, GError **error)
{
	static const uint64_t sections[] = {FAKE_LIBRARY};
	FakeTarget *target = fake_enter(data, true);

	if (!target->library.name)
		g_set_error(error, GDB_ERROR, GDB_ERROR_IO, "the list is broken");
	target->libraries[0] = (GdbLibrary){.name = "/nowhere"};
	target->libraries[1] = (GdbLibrary){target->library.name, sections, 1, 0};
	if (target->library_placed)
		target->libraries[1].segment = FAKE_LIBRARY;
	*ret_n = target->library_loaded ? 2 : 0;
	fake_leave(target);
	return target->library_loaded ? target->libraries : NULL;
}

const GdbLibraryOps fake_library_ops = {op_offers_libraries, op_list};

void fake_target_set_library(FakeTarget *target, const FakeFile *file)
{
	g_mutex_lock(&target->lock);
	target->library = *file;
	g_mutex_unlock(&target->lock);
}

void fake_target_place_library(FakeTarget *target)
{
	g_mutex_lock(&target->lock);
	target->library_placed = true;
	g_mutex_unlock(&target->lock);
}

bool fake_load_library(void *data, G_GNUC_UNUSED GdbPlace place, G_GNUC_UNUSED const char *args,
		       G_GNUC_UNUSED GString *out, G_GNUC_UNUSED GError **error)
{
	FakeTarget *target = fake_enter(data, true);

	target->library_loaded = true;
	target->cpus[0].has_event = true;
	target->cpus[0].event = (GdbStop){.cpu = 0, .kind = GDB_STOP_LIBRARY};
	fake_leave(target);
	return true;
}

/* --- the system --- */

static bool fill_processes(void *data, GPtrArray *cells, G_GNUC_UNUSED GError **error)
{
	static const char *const row[] = {"1", "init", "22", "<&\"'>\x01\xff\xc3\xa4\n", "333"};

	FakeTarget *target = fake_enter(data, true);

	need_prepared(target, "a table");
	fake_leave(target);
	for (unsigned n = 0; n < G_N_ELEMENTS(row); n++)
		g_ptr_array_add(cells, g_strdup(row[n]));
	return true;
}

static bool fill_broken(void *data, GPtrArray *cells, GError **error)
{
	fake_leave(fake_enter(data, true));
	g_ptr_array_add(cells, g_strdup("half a row"));
	g_set_error(error, GDB_ERROR, GDB_ERROR_FAULT, "the list is broken");
	return false;
}

static bool op_vmcoreinfo(void *data, GString *text, GError **error)
{
	FakeTarget *target = fake_enter(data, true);
	bool known = target->own.name != NULL;

	if (known)
		g_string_append(text, "OSRELEASE=6.1.0\nKERNELOFFSET=1200000\n");
	else
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "no Linux kernel runs here");
	fake_leave(target);
	return known;
}

static const char *const process_columns[] = {"pid", "command", NULL};

static const GdbOsTable os_tables[] = {
	{"processes", "Who runs", "Processes", process_columns, fill_processes},
	{"broken", "What <cannot> be read", "Broken", process_columns, fill_broken},
	{0},
};

const GdbOsOps fake_os_ops = {
	.prepare = op_prepare,
	.tables = os_tables,
	.vmcoreinfo = op_vmcoreinfo,
};
