/*
 * guest/maker.c - makes a file for gdb piece by piece.
 */
#include <unistd.h>

#include "guest/program.h"

struct LinuxMaker {
	const LinuxMakerOps *ops;
	void *source;
	unsigned stage;
	GError *error; /* why it has failed */
	LinuxProgram program;
	LinuxDwarf *dwarf;
	int fd;
};

static void read_source(LinuxMaker *maker)
{
	maker->ops->read(maker->source, &maker->program, &maker->error);
}

static void make_dwarf(LinuxMaker *maker)
{
	maker->dwarf = linux_program_dwarf(&maker->program, &maker->error);
}

static void write_program(LinuxMaker *maker)
{
	maker->fd = linux_program_write_with(&maker->program, maker->dwarf, &maker->error);
}

static void (*const stages[])(LinuxMaker *maker) = {read_source, make_dwarf, write_program};

LinuxMaker *linux_maker_new(const LinuxMakerOps *ops, void *source)
{
	LinuxMaker *maker = g_new0(LinuxMaker, 1);

	maker->ops = ops;
	maker->source = source;
	maker->fd = -1;
	return maker;
}

bool linux_maker_step(LinuxMaker *maker)
{
	if (!maker->error && maker->stage < G_N_ELEMENTS(stages))
		stages[maker->stage++](maker);
	return maker->error || maker->stage == G_N_ELEMENTS(stages);
}

int linux_maker_end(LinuxMaker *maker, GError **error)
{
	int fd;

	while (!linux_maker_step(maker))
		;
	fd = maker->fd;
	maker->fd = -1;
	if (maker->error)
		g_propagate_error(error, g_steal_pointer(&maker->error));
	linux_maker_free(maker);
	return fd;
}

void linux_maker_free(LinuxMaker *maker)
{
	if (!maker)
		return;
	if (maker->fd >= 0)
		close(maker->fd);
	linux_dwarf_free(maker->dwarf);
	g_clear_error(&maker->error);
	maker->ops->free(maker->source);
	g_free(maker);
}
