/*
 * gdbstub/cmd-qemu.c - the packets that QEMU's stub added: how a step behaves, physical memory.
 *
 * QEMU's manual, "GDB usage", describes them. Clients send them with q and with Q for both asking
 * and setting, and separate a new value with = or with :. That Qqemu.sstepbits has an answer is
 * also how kernel plug-ins of gdb recognise a machine.
 */
#include <unistd.h>

#include "gdbstub/internal.h"

/* The bits of GdbStepFlags that the target can do. */
static unsigned possible_flags(const GdbSession *session)
{
	const GdbTargetOps *ops = session->ops;
	bool can = ops->quiet && ops->quiet->can_block(session->target);

	return GDB_STEP_ENABLE | (can ? GDB_STEP_NOIRQ : 0);
}

static void set_flags(GdbSession *session)
{
	session->run.step_flags = possible_flags(session);
}

static GdbReply cmd_supported(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append(session->reply, "sstepbits;sstep");
	if (session->ops->physical)
		g_string_append(session->reply, ";PhyMemMode");
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_step_bits(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append_printf(session->reply, "ENABLE=%d", GDB_STEP_ENABLE);
	if (possible_flags(session) & GDB_STEP_NOIRQ)
		g_string_append_printf(session->reply, ",NOIRQ=%d", GDB_STEP_NOIRQ);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_step(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append_printf(session->reply, "0x%x", session->run.step_flags);
	return gdb_reply(GDB_REPLY_DATA);
}

/* A hex number and nothing else; 0x may precede it. */
static bool parse_value(const GdbArg *arg, uint64_t *ret)
{
	GdbText text = arg->text;

	if (!gdb_text_word(&text, "0x"))
		gdb_text_word(&text, "0X");
	return gdb_text_number(&text, ret) && !gdb_text_left(&text);
}

static GdbReply cmd_set_step(GdbSession *session, const GdbArgs *args)
{
	unsigned can = possible_flags(session);
	uint64_t flags;

	if (!parse_value(&args->v[0], &flags))
		return gdb_reply_fail(GDB_ERROR_INVAL, "sstep: expected a hex number");
	if (flags & ~(uint64_t)can)
		return gdb_reply_fail(GDB_ERROR_INVAL,
				      "sstep: of the bits 0x%" PRIx64 " only 0x%x can be had here",
				      flags, can);
	session->run.step_flags = flags;
	if (can & GDB_STEP_NOIRQ)
		session->ops->quiet->block(session->target, flags & GDB_STEP_NOIRQ);
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_physical(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	if (!session->ops->physical)
		return gdb_reply(GDB_REPLY_EMPTY);
	g_string_append_c(session->reply, session->view.physical ? '1' : '0');
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_set_physical(GdbSession *session, const GdbArgs *args)
{
	uint64_t value;

	if (!session->ops->physical)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (!parse_value(&args->v[0], &value) || value > 1)
		return gdb_reply_fail(GDB_ERROR_INVAL, "PhyMemMode: expected 0 or 1");
	session->view.physical = value;
	return gdb_reply(GDB_REPLY_OK);
}

/* For tools that read the machine's memory through /proc. In hex, as other numbers here. */
static GdbReply cmd_pid(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	gdb_number_append(session->reply, getpid());
	return gdb_reply(GDB_REPLY_DATA);
}

#define WHEN GDB_WHEN_STOPPED

static const GdbCommand rows[] = {
	{"qqemu.Supported", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_supported},
	{"qqemu.sstepbits", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_step_bits},
	{"Qqemu.sstepbits", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_step_bits},
	{"qqemu.sstep", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_step},
	{"Qqemu.sstep", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_step},
	{"qqemu.sstep=", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_set_step},
	{"qqemu.sstep:", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_set_step},
	{"Qqemu.sstep=", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_set_step},
	{"Qqemu.sstep:", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_set_step},
	{"qqemu.PhyMemMode", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_physical},
	{"Qqemu.PhyMemMode", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_physical},
	{"qqemu.PhyMemMode:", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_set_physical},
	{"Qqemu.PhyMemMode:", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_set_physical},
	{"qqemu.Pid", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_pid},
	{"Qqemu.Pid", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_pid},
};

static const GdbHooks hooks = {.attached = set_flags};

const GdbCommandTable gdb_commands_qemu = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.hooks = &hooks,
};
