/* tests/bench/compare.c - see compare.h. */
#include "tests/bench/compare.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

static JsonArray *figures_of(JsonParser *parser, const char *text, GError **error)
{
	JsonNode *root, *figures = NULL;

	if (!json_parser_load_from_data(parser, text, -1, error))
		return NULL;
	root = json_parser_get_root(parser);
	if (root && JSON_NODE_HOLDS_OBJECT(root))
		figures = json_object_get_member(json_node_get_object(root), "figures");
	if (figures && JSON_NODE_HOLDS_ARRAY(figures))
		return json_node_get_array(figures);
	g_set_error(error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_UNKNOWN,
		    "expected what the bench writes with --json: it has no 'figures'");
	return NULL;
}

static const char *name_of(JsonNode *row)
{
	JsonNode *name = JSON_NODE_HOLDS_OBJECT(row)
				 ? json_object_get_member(json_node_get_object(row), "figure")
				 : NULL;

	return name && JSON_NODE_HOLDS_VALUE(name) ? json_node_get_string(name) : NULL;
}

static JsonNode *find_row(JsonArray *figures, const char *name)
{
	for (unsigned n = 0; n < json_array_get_length(figures); n++) {
		JsonNode *row = json_array_get_element(figures, n);

		if (!g_strcmp0(name_of(row), name))
			return row;
	}
	return NULL;
}

static double number_of(JsonNode *row, const char *member)
{
	JsonNode *node = json_object_get_member(json_node_get_object(row), member);

	return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_double(node) : NAN;
}

static void compare_row(JsonNode *old, JsonNode *new, const char *name, GString *out,
			Comparison *ret)
{
	const char *member = isnan(number_of(old, "ratio")) ? "share" : "ratio";
	double before = number_of(old, member), now = number_of(new, member);

	if (isnan(before) || before <= 0)
		return;
	ret->compared++;
	if (now >= COMPARE_KEEPS * before)
		return;
	ret->worse++;
	g_string_append_printf(out, "%s: %s %.2f before, ", name, member, before);
	if (isnan(now))
		g_string_append(out, "none now\n");
	else
		g_string_append_printf(out, "%.2f now: %.0f %% less\n", now,
				       100 * (1 - now / before));
}

bool compare_runs(const char *old, const char *new, GString *out, Comparison *ret, GError **error)
{
	g_autoptr(JsonParser) old_parser = json_parser_new(), new_parser = json_parser_new();
	JsonArray *before = figures_of(old_parser, old, error);
	JsonArray *now = before ? figures_of(new_parser, new, error) : NULL;

	*ret = (Comparison){0};
	if (!now)
		return false;
	for (unsigned n = 0; n < json_array_get_length(before); n++) {
		JsonNode *row = json_array_get_element(before, n), *other;
		const char *name = name_of(row);

		other = name ? find_row(now, name) : NULL;
		if (other)
			compare_row(row, other, name, out, ret);
	}
	return true;
}

bool compare_files(const char *old, const char *new, GString *out, Comparison *ret, GError **error)
{
	g_autofree char *before = NULL, *now = NULL;

	if (!g_file_get_contents(old, &before, NULL, error) ||
	    !g_file_get_contents(new, &now, NULL, error))
		return false;
	if (compare_runs(before, now, out, ret, error))
		return true;
	g_prefix_error(error, "%s and %s: ", old, new);
	return false;
}
