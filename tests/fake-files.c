/*
 * tests/fake-files.c - owns what the fake target offers beside its machine: its own program.
 */
#include "tests/fake-machine.h"

#include <sys/mman.h>
#include <unistd.h>

static const char *op_program(void *data)
{
	FakeTarget *target = fake_enter(data, true);
	const char *name = target->own.name;

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

static int op_open(void *data, const char *path, GError **error)
{
	FakeTarget *target = fake_enter(data, true);
	int fd = -1;

	if (g_strcmp0(path, target->own.name) != 0)
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "no such file");
	else if (target->own_turns)
		target->own_turns--;
	else
		fd = new_file(&target->own);
	if (fd >= 0)
		target->own_turns = target->own.turns;
	fake_leave(target);
	return fd;
}

const GdbFileOps fake_file_ops = {op_program, op_open};

void fake_target_set_own_program(FakeTarget *target, const FakeFile *file)
{
	g_mutex_lock(&target->lock);
	target->own = *file;
	target->own_turns = file->turns;
	g_mutex_unlock(&target->lock);
}
