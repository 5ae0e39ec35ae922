/*
 * gdbstub/stop.c - stop replies: why the world stopped, as text for the client.
 */
#include "gdbstub/stop.h"

#include <inttypes.h>
#include <string.h>

#include "gdbstub/text.h"

enum {
	SIGNAL_NONE = 0,
	SIGNAL_INT = 2,
	SIGNAL_TRAP = 5,
	SIGNAL_ABRT = 6,
	SIGNAL_SEGV = 11,
	SIGNAL_ALRM = 14,
	SIGNAL_STOP = 17,
};

static const struct {
	const char *reason; /* gdb's */
	const char *word;   /* lldb's */
	uint8_t signal;
	bool with_address;
} kinds[] = {
	[GDB_STOP_PAUSED] = {NULL, "signal", SIGNAL_INT, false},
	[GDB_STOP_STEP] = {NULL, "trace", SIGNAL_TRAP, false},
	[GDB_STOP_SWBREAK] = {"swbreak", "breakpoint", SIGNAL_TRAP, false},
	[GDB_STOP_HWBREAK] = {"hwbreak", "breakpoint", SIGNAL_TRAP, false},
	[GDB_STOP_WATCH] = {"watch", "watchpoint", SIGNAL_TRAP, true},
	[GDB_STOP_RWATCH] = {"rwatch", "watchpoint", SIGNAL_TRAP, true},
	[GDB_STOP_AWATCH] = {"awatch", "watchpoint", SIGNAL_TRAP, true},
	[GDB_STOP_SHUTDOWN] = {NULL, "signal", SIGNAL_SEGV, false},
	[GDB_STOP_PANIC] = {NULL, "signal", SIGNAL_ABRT, false},
	[GDB_STOP_INTERNAL_ERROR] = {NULL, "signal", SIGNAL_ABRT, false},
	[GDB_STOP_WATCHDOG] = {NULL, "signal", SIGNAL_ALRM, false},
	[GDB_STOP_IO_ERROR] = {NULL, "signal", SIGNAL_STOP, false},
	[GDB_STOP_LIBRARY] = {"library", "trace", SIGNAL_TRAP, false},
	[GDB_STOP_PROGRAM] = {NULL, "trace", SIGNAL_TRAP, false},
	[GDB_STOP_ASKED] = {NULL, "none", SIGNAL_NONE, false},
};

static bool is_offered(GdbStopKind kind, const GdbFeatures *features)
{
	if (kind == GDB_STOP_SWBREAK)
		return features->swbreak;
	if (kind == GDB_STOP_HWBREAK)
		return features->hwbreak;
	return true;
}

const char *gdb_stop_reason(GdbStopKind kind)
{
	return kinds[kind].word;
}

unsigned gdb_stop_signal(GdbStopKind kind)
{
	return kinds[kind].signal;
}

static void append_reason(GString *out, GdbStopKind kind, uint64_t addr,
			  const GdbFeatures *features)
{
	if (!kinds[kind].reason || !is_offered(kind, features))
		return;
	g_string_append(out, kinds[kind].reason);
	g_string_append_c(out, ':');
	if (kinds[kind].with_address)
		gdb_number_append(out, addr);
	g_string_append_c(out, ';');
}

static void append_reasons(GString *out, const GdbStop *stop, const GdbFeatures *features)
{
	append_reason(out, stop->kind, stop->addr, features);
	for (unsigned n = 0; features->multi_watch && n < stop->n_also; n++)
		append_reason(out, stop->also[n].kind, stop->also[n].addr, features);
}

static void append_thread(GString *out, uint8_t signal, unsigned cpu, const GdbFeatures *features)
{
	g_string_append_c(out, 'T');
	gdb_hex_append(out, &signal, 1);
	g_string_append(out, "thread:");
	gdb_thread_append(out, cpu + 1, features->multiprocess);
	g_string_append_c(out, ';');
}

void gdb_stop_append_exec(GString *out, unsigned cpu, const char *path, const GdbFeatures *features)
{
	append_thread(out, SIGNAL_TRAP, cpu, features);
	g_string_append(out, "exec:");
	gdb_hex_append(out, (const uint8_t *)path, strlen(path));
	g_string_append_c(out, ';');
}

void gdb_stop_append(GString *out, const GdbStop *stop, const GdbFeatures *features)
{
	append_thread(out, kinds[stop->kind].signal, stop->cpu, features);
	append_reasons(out, stop, features);
	if (features->reasons)
		g_string_append_printf(out, "reason:%s;", kinds[stop->kind].word);
}

void gdb_stop_append_register(GString *out, const GdbReg *reg, const uint8_t *bytes)
{
	gdb_number_append(out, reg->num);
	g_string_append_c(out, ':');
	gdb_hex_append(out, bytes, gdb_reg_bytes(reg));
	g_string_append_c(out, ';');
}

void gdb_stop_append_exit(GString *out, uint8_t status, const GdbFeatures *features)
{
	g_string_append_printf(out, "W%02x", status);
	if (features->multiprocess)
		g_string_append_printf(out, ";process:%x", GDB_PROCESS);
}
