/*
 * kvm/monitor.c - the table of monitor commands, and how their arguments are read.
 */
#include "kvm/monitor.h"

#include <errno.h>
#include <string.h>

#include "kvm/internal.h"

GdbMonitorCommand *monitor_table_new(void)
{
	const GdbMonitorCommand *const tables[] = {
		target_monitor_commands, monitor_info_commands, monitor_map_commands,
		monitor_memory_commands, monitor_save_commands, monitor_machine_commands,
		monitor_linux_commands,	 task_threads_commands, process_commands,
		arch_monitor_commands};
	GArray *all = g_array_new(TRUE, TRUE, sizeof(GdbMonitorCommand));

	for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
		for (const GdbMonitorCommand *row = tables[i]; row->name; row++)
			g_array_append_val(all, *row);
	}
	return (GdbMonitorCommand *)(void *)g_array_free(all, FALSE);
}

bool monitor_enter(void *target, unsigned cpu, ArchMonitor *ret, GError **error)
{
	KvmGdb *gdb = target;
	KvmGdbVcpu *vcpu;

	engine_lock(gdb);
	vcpu = target_vcpu(gdb, cpu, error);
	if (!vcpu) {
		engine_unlock(gdb);
		return false;
	}
	*ret = (ArchMonitor){vcpu->arch, cpu, gdb->vm_fd, vcpu->fd, physical_read_own, gdb};
	return true;
}

void monitor_leave(void *target)
{
	KvmGdb *gdb = target;

	engine_unlock(gdb);
}

const char *monitor_span_kind(const KvmSpan *span)
{
	return span->rom ? "rom" : "ram";
}

/* ---- Arguments ---- */

static const char *skip_space(const char *text)
{
	while (g_ascii_isspace(*text))
		text++;
	return text;
}

static bool read_register(KvmGdb *gdb, GdbPlace place, const char *name, uint64_t *ret,
			  GError **error)
{
	const GdbReg *reg = gdb_reg_set_by_name(gdb->regs, name);
	uint8_t bytes[GDB_REG_MAX_BYTES];
	bool ok;

	if (!reg && g_str_equal(name, "pc"))
		reg = gdb_reg_set_pc(gdb->regs);
	if (!reg || reg->bits > 64) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "unknown register '$%s'", name);
		return false;
	}
	ok = kvm_target_ops.registers->read(gdb, place, &reg, 1, bytes, error) == 1;
	*ret = ok ? gdb_reg_number(bytes, gdb_reg_bytes(reg)) : 0;
	return ok;
}

/* One term: a number or a register. */
static bool take_term(KvmGdb *gdb, GdbPlace place, const char **at, const char *what, uint64_t *ret,
		      GError **error)
{
	const char *from = *at;
	char *end = NULL;
	gsize n;

	if (*from == '$') {
		n = strspn(from + 1,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		g_autofree char *name = g_strndup(from + 1, n);

		*at = from + 1 + n;
		return read_register(gdb, place, name, ret, error);
	}
	errno = 0;
	if (g_ascii_isdigit(*from)) {
		bool hex = from[0] == '0' && (from[1] == 'x' || from[1] == 'X');

		*ret = g_ascii_strtoull(from, &end, hex ? 16 : 10);
		*at = end;
		/* "0x" alone ends before the x. */
		if (!errno && !g_ascii_isalnum(*end))
			return true;
	}
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL,
		    "expected %s as a number (decimal or 0x...) or a $register, got '%.40s'", what,
		    from);
	return false;
}

bool monitor_take_number(void *target, GdbPlace place, const char **args, const char *what,
			 uint64_t *ret, GError **error)
{
	const char *at = skip_space(*args);
	char sign = '+';

	*ret = 0;
	for (;;) {
		uint64_t term;

		if (!take_term(target, place, &at, what, &term, error))
			return false;
		*ret += sign == '-' ? -term : term;
		if (*at != '+' && *at != '-')
			break;
		sign = *at++;
	}
	*args = skip_space(at);
	return true;
}

bool monitor_take_end(const char *args, GError **error)
{
	args = skip_space(args);
	if (!*args)
		return true;
	g_set_error(error, GDB_ERROR, GDB_ERROR_INVAL, "did not expect '%.40s'", args);
	return false;
}

char *monitor_take_word(const char **args)
{
	const char *from = skip_space(*args);
	bool quoted = *from == '"';
	gsize n;

	from += quoted;
	n = strcspn(from, quoted ? "\"" : " \t");
	*args = skip_space(from + n + (quoted && from[n]));
	return n ? g_strndup(from, n) : NULL;
}

/* ---- Page tables ---- */

bool monitor_show_pages(void *target, GdbPlace place, const char *args, GString *out,
			GError **error, MonitorShow show)
{
	uint64_t from = 0;
	ArchMonitor monitor;
	ArchRoot root;
	bool ok;

	if (*args && (!monitor_take_number(target, place, &args, "an address", &from, error) ||
		      !monitor_take_end(args, error)))
		return false;
	if (!monitor_enter(target, place.cpu, &monitor, error))
		return false;
	ok = arch_get_root(monitor.vcpu, &root, error);
	if (ok)
		show(&root, monitor.read, monitor.opaque, from, out);
	monitor_leave(target);
	return ok;
}
