/*
 * kvm/monitor-map.c - `info mtree`, `info roms`, and the buses: what is where in the machine.
 *
 * RAM and ROM are what kvm_gdb_map() has named; devices and what was loaded are the
 * VMM's to name.
 */
#include <inttypes.h>

#include "kvm/internal.h"
#include "kvm/monitor.h"

typedef struct Row {
	uint64_t start, size;
	const char *kind;
	char *name;
} Row;

static void clear_row(gpointer data)
{
	g_free(((Row *)data)->name);
}

static GArray *rows_new(void)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

	g_array_set_clear_func(rows, clear_row);
	return rows;
}

/* What holds others comes in front of them. */
static gint by_start(gconstpointer left, gconstpointer right)
{
	const Row *a = left, *b = right;

	if (a->start != b->start)
		return a->start > b->start ? 1 : -1;
	return (a->size < b->size) - (a->size > b->size);
}

/* Takes @name. */
static void add_row(GArray *rows, uint64_t start, uint64_t size, const char *kind, char *name)
{
	Row row = {start, size, kind, name};

	g_array_append_val(rows, row);
}

static void add_memory(KvmGdb *gdb, GArray *rows)
{
	KvmSpan span;

	for (unsigned i = 0; kvm_memory_get_span(gdb->memory, i, &span); i++) {
		const char *kind = monitor_span_kind(&span);

		add_row(rows, span.gpa, span.size, kind, g_strdup_printf("%s%u", kind, i));
	}
}

static void add_parts(KvmGdb *gdb, KvmGdbPartKind kind, GArray *rows)
{
	KvmGdbPart part;

	for (unsigned i = 0; gdb->ops && gdb->ops->part && gdb->ops->part(gdb->opaque, i, &part);
	     i++) {
		if (part.kind == kind)
			add_row(rows, part.start, part.size, "i/o", g_strdup(part.name));
	}
}

/* ---- info mtree ---- */

/* A device's range in which others are, such as a bus', is no part of a flat view. */
static bool holds_next(const GArray *rows, unsigned i)
{
	const Row *row = &g_array_index(rows, Row, i);

	return i + 1 < rows->len && g_str_equal(row->kind, "i/o") &&
	       g_array_index(rows, Row, i + 1).start - row->start < row->size;
}

static void append_rows(const GArray *rows, bool flat, GString *out)
{
	const char *indent = flat ? "  " : "    ";

	for (unsigned i = 0; i < rows->len; i++) {
		const Row *row = &g_array_index(rows, Row, i);

		if (flat && holds_next(rows, i))
			continue;
		g_string_append_printf(out, "%s%016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s\n",
				       indent, row->start, row->start + (row->size - 1), row->kind,
				       row->name);
	}
	g_string_append_c(out, '\n');
}

/* @last: of the whole space. */
static void append_space(GArray *rows, bool flat, unsigned nr, const char *space, const char *root,
			 uint64_t last, GString *out)
{
	g_array_sort(rows, by_start);
	if (flat)
		g_string_append_printf(
			out, "FlatView #%u\n AS \"%s\", root: %s\n Root memory region: %s\n", nr,
			space, root, root);
	else
		g_string_append_printf(out,
				       "address-space: %s\n  0000000000000000-%016" PRIx64
				       " (prio 0, i/o): %s\n",
				       space, last, root);
	append_rows(rows, flat, out);
}

static bool info_mtree(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		       GError **error)
{
	bool flat = g_str_equal(args, "-f");
	g_autoptr(GArray) memory = rows_new(), ports = rows_new();

	if (!flat && !monitor_take_end(args, error))
		return false;
	add_memory(target, memory);
	add_parts(target, KVM_GDB_DEVICE, memory);
	add_parts(target, KVM_GDB_PORTS, ports);
	append_space(memory, flat, 0, "memory", "system", UINT64_MAX, out);
	if (ports->len)
		append_space(ports, flat, 1, "I/O", "io", UINT16_MAX, out);
	return true;
}

/* ---- info roms ---- */

static bool info_roms(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		      GError **error)
{
	g_autoptr(GArray) rows = rows_new();

	if (!monitor_take_end(args, error))
		return false;
	add_memory(target, rows);
	for (unsigned i = rows->len; i-- > 0;) {
		if (!g_str_equal(g_array_index(rows, Row, i).kind, "rom"))
			g_array_remove_index(rows, i);
	}
	add_parts(target, KVM_GDB_LOADED, rows);
	g_array_sort(rows, by_start);
	for (unsigned i = 0; i < rows->len; i++) {
		const Row *row = &g_array_index(rows, Row, i);
		const char *mem = g_str_equal(row->kind, "rom") ? "rom" : "ram";

		g_string_append_printf(
			out, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=%s name=\"%s\"\n",
			row->start, row->size, mem, row->name);
	}
	return true;
}

/* ---- What the VMM alone knows ---- */

static bool describe(KvmGdb *gdb, const char *what, const char *args, GString *out, GError **error)
{
	if (!monitor_take_end(args, error))
		return false;
	if (!gdb->ops || !gdb->ops->describe) {
		g_set_error(error, GDB_ERROR, GDB_ERROR_NOENT, "this VMM does not tell");
		return false;
	}
	g_autofree char *text = gdb->ops->describe(gdb->opaque, what);
	g_string_append(out, text ? text : "the machine has none\n");
	return true;
}

static bool info_pci(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
		     GError **error)
{
	return describe(target, "pci", args, out, error);
}

static bool info_virtio(void *target, GdbPlace place G_GNUC_UNUSED, const char *args, GString *out,
			GError **error)
{
	return describe(target, "virtio", args, out, error);
}

const GdbMonitorCommand monitor_map_commands[] = {
	{"info mtree", "[-f]", "show where memory and devices are; -f: as a flat list", info_mtree,
	 GDB_MONITOR_ALWAYS},
	{"info roms", NULL, "show what the VMM has put into memory, and read-only memory",
	 info_roms, GDB_MONITOR_ALWAYS},
	{"info pci", NULL, "show the PCI devices, and where they are", info_pci,
	 GDB_MONITOR_ALWAYS},
	{"info virtio", NULL, "show the virtio devices, and what their drivers do", info_virtio,
	 GDB_MONITOR_ALWAYS},
	{0},
};
