/*
 * gdbstub/regs.c - sets of register rows: building them, looking them up, describing them to gdb.
 */
#include "gdbstub/regs.h"

#include <string.h>

typedef enum XmlStyle {
	XML_FULL,
	XML_BARE,  /* says that no system that gdb knows runs here */
	XML_PLAIN, /* without <flags> */
	N_XML_STYLES,
} XmlStyle;

struct GdbRegSet {
	const GdbArchitecture *architecture;
	unsigned g_limit, pc_num;
	GPtrArray *features; /* GdbFeature, whose rows are ours */
	GPtrArray *rows;     /* const GdbReg, ascending by number */
	GHashTable *by_name, *by_num;
	GHashTable *hints; /* number -> const GdbRegHint */
	GArray *expedited;
	size_t g_bytes;
	unsigned g_count;
	char *xml[N_XML_STYLES]; /* NULL: not built yet */
};

static void feature_free(gpointer data)
{
	GdbFeature *feature = data;

	g_free((gpointer)feature->rows);
	g_free(feature);
}

GdbRegSet *gdb_reg_set_new(const GdbArchitecture *architecture, unsigned g_count, unsigned pc_num)
{
	GdbRegSet *set = g_new0(GdbRegSet, 1);

	set->architecture = architecture;
	set->g_limit = g_count;
	set->pc_num = pc_num;
	set->features = g_ptr_array_new_with_free_func(feature_free);
	set->rows = g_ptr_array_new();
	set->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	set->by_num = g_hash_table_new(NULL, NULL);
	set->hints = g_hash_table_new(NULL, NULL);
	set->expedited = g_array_new(FALSE, FALSE, sizeof(unsigned));
	return set;
}

static void forget_xml(GdbRegSet *set)
{
	for (unsigned n = 0; n < N_XML_STYLES; n++)
		g_clear_pointer(&set->xml[n], g_free);
}

void gdb_reg_set_free(GdbRegSet *set)
{
	if (!set)
		return;
	g_ptr_array_unref(set->features);
	g_ptr_array_unref(set->rows);
	g_hash_table_unref(set->by_name);
	g_hash_table_unref(set->by_num);
	g_hash_table_unref(set->hints);
	g_array_unref(set->expedited);
	forget_xml(set);
	g_free(set);
}

static gint compare_rows(gconstpointer a, gconstpointer b)
{
	const GdbReg *left = *(const GdbReg *const *)a, *right = *(const GdbReg *const *)b;

	return (left->num > right->num) - (left->num < right->num);
}

static void add_row(GdbRegSet *set, const GdbReg *row)
{
	g_assert(row->bits && row->bits % 8 == 0 && gdb_reg_bytes(row) <= GDB_REG_MAX_BYTES);
	g_assert(!gdb_reg_set_by_num(set, row->num));
	g_hash_table_insert(set->by_num, GUINT_TO_POINTER(row->num), (gpointer)row);
	g_hash_table_insert(set->by_name, (gpointer)row->name, (gpointer)row);
	g_ptr_array_add(set->rows, (gpointer)row);
	if (row->num < set->g_limit) {
		set->g_count++;
		set->g_bytes += gdb_reg_bytes(row);
	}
}

void gdb_reg_set_add(GdbRegSet *set, const GdbFeature *feature)
{
	GdbFeature *copy = g_memdup2(feature, sizeof(*feature));

	copy->rows = g_memdup2(feature->rows, feature->n_rows * sizeof(*feature->rows));
	for (unsigned n = 0; n < copy->n_rows; n++)
		add_row(set, &copy->rows[n]);
	g_ptr_array_add(set->features, copy);
	g_ptr_array_sort(set->rows, compare_rows);
	forget_xml(set);
}

void gdb_reg_set_expedite(GdbRegSet *set, const unsigned *nums, unsigned n)
{
	g_array_set_size(set->expedited, 0);
	if (n)
		g_array_append_vals(set->expedited, nums, n);
}

void gdb_reg_set_hint(GdbRegSet *set, const GdbRegHint *hints, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		g_hash_table_insert(set->hints, GUINT_TO_POINTER(hints[i].num),
				    (gpointer)&hints[i]);
	forget_xml(set);
}

const GdbReg *gdb_reg_set_by_num(const GdbRegSet *set, unsigned num)
{
	return g_hash_table_lookup(set->by_num, GUINT_TO_POINTER(num));
}

const GdbReg *gdb_reg_set_by_name(const GdbRegSet *set, const char *name)
{
	return g_hash_table_lookup(set->by_name, name);
}

const GdbReg *gdb_reg_set_generic(const GdbRegSet *set, const char *generic)
{
	unsigned n_rows;
	const GdbReg *const *rows = gdb_reg_set_rows(set, &n_rows);

	for (unsigned n = 0; n < n_rows; n++) {
		const GdbRegHint *hint =
			g_hash_table_lookup(set->hints, GUINT_TO_POINTER(rows[n]->num));

		if (hint && g_strcmp0(hint->generic, generic) == 0)
			return rows[n];
	}
	return NULL;
}

const GdbReg *gdb_reg_set_pc(const GdbRegSet *set)
{
	return gdb_reg_set_by_num(set, set->pc_num);
}

const GdbReg *const *gdb_reg_set_rows(const GdbRegSet *set, unsigned *ret_n)
{
	*ret_n = set->rows->len;
	return (const GdbReg *const *)set->rows->pdata;
}

unsigned gdb_reg_set_g_count(const GdbRegSet *set)
{
	return set->g_count;
}

size_t gdb_reg_set_g_bytes(const GdbRegSet *set)
{
	return set->g_bytes;
}

const unsigned *gdb_reg_set_expedited(const GdbRegSet *set, unsigned *ret_n)
{
	*ret_n = set->expedited->len;
	return (const unsigned *)(gpointer)set->expedited->data;
}

const GdbArchitecture *gdb_reg_set_architecture(const GdbRegSet *set)
{
	return set->architecture;
}

static void append_attribute(GString *xml, const char *name, const char *value)
{
	g_autofree char *safe = g_markup_escape_text(value, -1);

	g_string_append_printf(xml, " %s=\"%s\"", name, safe);
}

static void append_hint(GString *xml, const GdbRegHint *hint)
{
	g_string_append_printf(xml, " dwarf_regnum=\"%u\" ehframe_regnum=\"%u\"", hint->dwarf,
			       hint->dwarf);
	if (hint->generic)
		append_attribute(xml, "generic", hint->generic);
}

/* Where the <flags> that begins at @flags has its end. */
static const char *flags_end(const char *flags)
{
	static const char end[] = "</flags>";
	const char *at = strchr(flags, '>');

	if (at && at[-1] == '/')
		return at + 1;
	at = strstr(flags, end);
	return at ? at + strlen(end) : flags + strlen(flags);
}

static void append_types(GString *xml, const char *types, bool plain)
{
	const char *flags;

	while (plain && (flags = strstr(types, "<flags"))) {
		g_string_append_len(xml, types, flags - types);
		types = flags_end(flags);
	}
	g_string_append(xml, types);
}

static bool is_flags(const GdbFeature *feature, const char *type)
{
	g_autofree char *start = g_strdup_printf("<flags id=\"%s\"", type ? type : "");

	return feature->types && strstr(feature->types, start);
}

static void append_reg(GString *xml, const GdbReg *row, const char *type, const GdbRegHint *hint)
{
	bool is_system = g_strcmp0(row->group, "system") == 0;

	g_string_append(xml, "<reg");
	append_attribute(xml, "name", row->name);
	g_string_append_printf(xml, " bitsize=\"%u\" regnum=\"%u\"", row->bits, row->num);
	if (type)
		append_attribute(xml, "type", type);
	if (row->group)
		append_attribute(xml, "group", row->group);
	if (is_system)
		append_attribute(xml, "save-restore", "no");
	/* Not as signed numbers, in lldb. */
	if (is_system && row->bits <= 64)
		g_string_append(xml, " encoding=\"uint\" format=\"hex\"");
	if (hint)
		append_hint(xml, hint);
	g_string_append(xml, "/>\n");
}

static void append_feature(GString *xml, const GdbRegSet *set, const GdbFeature *feature,
			   bool plain)
{
	g_string_append(xml, "<feature");
	append_attribute(xml, "name", feature->name);
	g_string_append(xml, ">\n");
	if (feature->types)
		append_types(xml, feature->types, plain);
	for (unsigned n = 0; n < feature->n_rows; n++) {
		const GdbReg *row = &feature->rows[n];

		/* A register without a type is a number. */
		append_reg(xml, row, plain && is_flags(feature, row->type) ? NULL : row->type,
			   g_hash_table_lookup(set->hints, GUINT_TO_POINTER(row->num)));
	}
	g_string_append(xml, "</feature>\n");
}

static char *build_xml(const GdbRegSet *set, XmlStyle style)
{
	GString *xml = g_string_new("<?xml version=\"1.0\"?>\n"
				    "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
				    "<target version=\"1.0\">\n");
	g_autofree char *architecture = g_markup_escape_text(set->architecture->name, -1);

	g_string_append_printf(xml, "<architecture>%s</architecture>\n", architecture);
	if (style == XML_BARE)
		g_string_append(xml, "<osabi>none</osabi>\n");
	for (unsigned n = 0; n < set->features->len; n++)
		append_feature(xml, set, g_ptr_array_index(set->features, n), style == XML_PLAIN);
	g_string_append(xml, "</target>\n");
	return g_string_free(xml, FALSE);
}

/* Only a cache is written: to its callers the set stays what it was. */
static const char *cached_xml(const GdbRegSet *set, XmlStyle style)
{
	char **xml = &((GdbRegSet *)set)->xml[style];

	if (!*xml)
		*xml = build_xml(set, style);
	return *xml;
}

const char *gdb_reg_set_xml(const GdbRegSet *set)
{
	return cached_xml(set, XML_FULL);
}

const char *gdb_reg_set_bare_xml(const GdbRegSet *set)
{
	return cached_xml(set, XML_BARE);
}

const char *gdb_reg_set_plain_xml(const GdbRegSet *set)
{
	return cached_xml(set, XML_PLAIN);
}
