/*
 * guest/type-graph.c - which types are to be written, and where references must end.
 */
#include "guest/type-graph.h"

#include <bpf/btf.h>
#include <linux/btf.h>

/* How many references one behind the other are written: some times what a kernel has. */
#define HEIGHT_MAX 100u

static unsigned n_edges(const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_ARRAY:
		return 1;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return btf_vlen(type);
	case BTF_KIND_FUNC_PROTO:
		return 1 + btf_vlen(type);
	default:
		return 0;
	}
}

static uint32_t edge(const struct btf_type *type, unsigned i)
{
	if (btf_is_composite(type))
		return btf_members(type)[i].type;
	if (btf_is_array(type))
		return btf_array(type)->type;
	return i ? btf_params(type)[i - 1].type : type->type;
}

/* ---- Where references must end ---- */

/*
 * A debugger goes two ways: from a type to what its name is made of, which ends at structures; and
 * from a structure to what lies inside of it, which ends at pointers. @ends: kinds, as bits.
 * @state: for each type: not seen; being looked at; or one more than the longest way from it.
 */
#define NAME_ENDS (1u << BTF_KIND_STRUCT | 1u << BTF_KIND_UNION)
#define INSIDE_ENDS (1u << BTF_KIND_PTR | 1u << BTF_KIND_FUNC_PROTO)
#define NEW 0u
#define OPEN 255u /* higher than any way may be: it would go in a circle */

typedef struct Walk {
	const struct btf *btf;
	unsigned n, ends;
	uint8_t *state, *parts;
} Walk;

static void visit(Walk *walk, uint32_t id, unsigned level)
{
	const struct btf_type *type = btf__type_by_id(walk->btf, id);
	unsigned height = 0, n = walk->ends >> btf_kind(type) & 1 ? 0 : n_edges(type);
	bool hollow = false;

	walk->state[id] = OPEN;
	for (unsigned i = 0; i < n; i++) {
		uint32_t to = edge(type, i);

		if (!to || to >= walk->n)
			continue;
		if (walk->state[to] == NEW && level < HEIGHT_MAX)
			visit(walk, to, level + 1);
		hollow |= walk->state[to] == NEW;
		height = MAX(height, walk->state[to]);
	}
	hollow |= height >= HEIGHT_MAX;
	walk->state[id] = hollow ? 1 : height + 1;
	if (hollow && walk->parts[id] == TYPE_WHOLE)
		walk->parts[id] = TYPE_HOLLOW;
}

static void end_ways(const struct btf *btf, unsigned n, unsigned ends, uint8_t *parts)
{
	g_autofree uint8_t *state = g_malloc0(n);
	Walk walk = {.btf = btf, .n = n, .ends = ends, .state = state, .parts = parts};

	for (uint32_t id = 1; id < n; id++) {
		if (state[id] == NEW)
			visit(&walk, id, 0);
	}
}

/* ---- What is to be written ---- */

static bool is_type(const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_FUNC:
	case BTF_KIND_VAR:
	case BTF_KIND_DATASEC:
	case BTF_KIND_DECL_TAG:
		return false;
	default:
		return true;
	}
}

/* @todo: types whose references have not been looked at. */
static void need(const LinuxTypes *types, uint32_t id, uint8_t *parts, GArray *todo)
{
	const struct btf_type *type = id ? btf__type_by_id(linux_types_btf(types), id) : NULL;

	if (!type || parts[id] != TYPE_NONE || !is_type(type))
		return;
	if (id < linux_types_first(types) && btf_is_composite(type) && type->name_off) {
		parts[id] = TYPE_NAME;
		return;
	}
	parts[id] = TYPE_WHOLE;
	g_array_append_val(todo, id);
}

static void need_all(const LinuxTypes *types, unsigned n, uint8_t *parts)
{
	const struct btf *btf = linux_types_btf(types);
	g_autoptr(GArray) todo = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (uint32_t id = linux_types_first(types); id < n; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		/* These two refer to a type, but are none. */
		if (btf_is_func(type) || btf_is_var(type))
			need(types, type->type, parts, todo);
		need(types, id, parts, todo);
	}
	for (guint i = 0; i < todo->len; i++) {
		uint32_t id = g_array_index(todo, uint32_t, i);
		const struct btf_type *type = btf__type_by_id(btf, id);

		for (unsigned k = 0; k < n_edges(type); k++)
			need(types, edge(type, k), parts, todo);
	}
}

uint8_t *type_graph_parts(const LinuxTypes *types)
{
	unsigned n = btf__type_cnt(linux_types_btf(types));
	uint8_t *parts = g_malloc0(n);

	need_all(types, n, parts);
	end_ways(linux_types_btf(types), n, NAME_ENDS, parts);
	end_ways(linux_types_btf(types), n, INSIDE_ENDS, parts);
	return parts;
}
