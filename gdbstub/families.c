/*
 * gdbstub/families.c - the families of packets, and what they do beside their own packets.
 */
#include "gdbstub/internal.h"

/* One a line. */
/* clang-format off */
const GdbCommandTable *const gdb_command_tables[] = {
	&gdb_commands_mem,
	&gdb_commands_regs,
	&gdb_commands_run,
	&gdb_commands_non_stop,
	&gdb_commands_break,
	&gdb_commands_query,
	&gdb_commands_thread,
	&gdb_commands_xfer,
	&gdb_commands_search,
	&gdb_commands_monitor,
	&gdb_commands_qemu,
	&gdb_commands_lldb,
	&gdb_commands_symbols,
	&gdb_commands_file,
	&gdb_commands_library,
	&gdb_commands_os,
	NULL,
};
/* clang-format on */

/* The next family's hooks from *@at on, NULL at the end. */
static const GdbHooks *next_hooks(unsigned *at)
{
	static const GdbHooks none;
	const GdbCommandTable *table = gdb_command_tables[*at];

	if (!table)
		return NULL;
	++*at;
	return table->hooks ? table->hooks : &none;
}

GdbErrorForm gdb_families_errors(const GdbCommand *row)
{
	for (const GdbCommandTable *const *table = gdb_command_tables; *table; table++) {
		if (row >= (*table)->rows && row < (*table)->rows + (*table)->n_rows)
			return (*table)->errors;
	}
	return GDB_ERROR_FORM_NUMBER;
}

void gdb_families_attached(GdbSession *session)
{
	const GdbHooks *hooks;

	for (unsigned at = 0; (hooks = next_hooks(&at));) {
		if (hooks->attached)
			hooks->attached(session);
	}
}

bool gdb_families_take_place(GdbSession *session, const char *packet, size_t *len, GdbPlace *ret)
{
	const GdbHooks *hooks;

	for (unsigned at = 0; (hooks = next_hooks(&at));) {
		if (hooks->take_place && hooks->take_place(session, packet, len, ret))
			return true;
	}
	return false;
}

void gdb_families_handled(GdbSession *session, const GdbCommand *row)
{
	const GdbHooks *hooks;

	for (unsigned at = 0; (hooks = next_hooks(&at));) {
		if (hooks->handled)
			hooks->handled(session, row);
	}
}

void gdb_families_append_stop(GdbSession *session, GString *out)
{
	const GdbHooks *hooks;

	for (unsigned at = 0; (hooks = next_hooks(&at));) {
		if (hooks->append_stop)
			hooks->append_stop(session, out);
	}
}

void gdb_families_gone(GdbSession *session)
{
	const GdbHooks *hooks;

	for (unsigned at = 0; (hooks = next_hooks(&at));) {
		if (hooks->gone)
			hooks->gone(session);
	}
}

bool gdb_families_is_kill(const GdbSession *session, const char *packet, size_t len)
{
	const GdbHooks *hooks;

	for (unsigned at = 0; (hooks = next_hooks(&at));) {
		if (hooks->is_kill && hooks->is_kill(session, packet, len))
			return true;
	}
	return false;
}
