/*
 * qmp/call.c - one message of a client: is it a command, are its arguments right, what is the
 * answer.
 *
 * The texts of errors are QEMU's where scripts may look for them.
 */
#include <errno.h>
#include <string.h>

#include "qmp/internal.h"

/* The name of the quark has no blanks. */
/* clang-format off */
G_DEFINE_QUARK(qmp-error-quark, qmp_error)
/* clang-format on */

#define HUMAN "human-monitor-command"
#define HUMAN_LINE "command-line"
#define NEGOTIATION "qmp_capabilities"

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fail(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_clear_error(error);
	*error = g_error_new_valist(QMP_ERROR, QMP_ERROR_GENERIC, format, args);
	va_end(args);
	return false;
}

/* ---- Arguments ---- */

typedef struct Spec {
	const char *name;
	gsize name_len;
	char type;
	bool optional;
} Spec;

/* The next one of a QmpCommand.args; FALSE: no more. */
static bool next_spec(const char **at, Spec *ret)
{
	const char *colon = *at ? strchr(*at, ':') : NULL;

	if (!colon)
		return false;
	*ret = (Spec){*at, colon - *at, colon[1], colon[2] == '?'};
	*at = colon + 2 + ret->optional;
	*at += strspn(*at, " ");
	return true;
}

static bool find_spec(const char *specs, const char *name, Spec *ret)
{
	while (next_spec(&specs, ret)) {
		if (strlen(name) == ret->name_len && !strncmp(name, ret->name, ret->name_len))
			return true;
	}
	return false;
}

static const struct {
	char letter;
	GType type; /* of the value; G_TYPE_INVALID: it is a list */
	const char *name;
} types[] = {
	{'s', G_TYPE_STRING, "string"},
	{'i', G_TYPE_INT64, "integer"},
	{'b', G_TYPE_BOOLEAN, "boolean"},
	{'l', G_TYPE_INVALID, "array"},
};

/* NULL: it has; else what was expected. */
static const char *lacks_type(JsonNode *node, char letter)
{
	unsigned i = 0;

	while (types[i].letter != letter)
		i++;
	if (types[i].type == G_TYPE_INVALID)
		return JSON_NODE_HOLDS_ARRAY(node) ? NULL : types[i].name;
	return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == types[i].type
		       ? NULL
		       : types[i].name;
}

static bool check_one(const QmpCommand *command, const char *name, JsonNode *node, GError **error)
{
	const char *expected;
	Spec spec;

	if (!find_spec(command->args, name, &spec))
		return fail(error, "Parameter '%s' is unexpected", name);
	expected = lacks_type(node, spec.type);
	return !expected ||
	       fail(error, "Invalid parameter type for '%s', expected: %s", name, expected);
}

static bool check_missing(const QmpCommand *command, JsonObject *args, GError **error)
{
	const char *specs = command->args;
	Spec spec;

	while (next_spec(&specs, &spec)) {
		g_autofree char *name = g_strndup(spec.name, spec.name_len);

		if (!spec.optional && !(args && json_object_has_member(args, name)))
			return fail(error, "Parameter '%s' is missing", name);
	}
	return true;
}

static bool check_args(const QmpCommand *command, JsonObject *args, GError **error)
{
	JsonObjectIter iter;
	const char *name;
	JsonNode *node;

	if (args)
		json_object_iter_init(&iter, args);
	while (args && json_object_iter_next(&iter, &name, &node)) {
		if (!check_one(command, name, node, error))
			return false;
	}
	return check_missing(command, args, error);
}

/* ---- The command ---- */

static const QmpCommand *find_in(const QmpCommand *commands, const char *name)
{
	for (; commands->name; commands++) {
		if (!strcmp(commands->name, name))
			return commands;
	}
	return NULL;
}

static const QmpCommand *find(const QmpCommand *commands, const char *name, bool agreed,
			      GError **error)
{
	bool negotiates = !strcmp(name, NEGOTIATION);
	const QmpCommand *command = find_in(qmp_own_commands, name);

	if (!command)
		command = find_in(commands, name);
	if (command && negotiates != agreed)
		return command;
	g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND,
		    !agreed	 ? "Expecting capabilities negotiation with 'qmp_capabilities'"
		    : negotiates ? "Capabilities negotiation is already complete, command ignored"
				 : "The command %s has not been found",
		    name);
	return NULL;
}

/* Its members, but for the command's arguments. */
static bool check_members(JsonObject *message, GError **error)
{
	JsonNode *execute = json_object_get_member(message, "execute");
	JsonNode *arguments = json_object_get_member(message, "arguments");
	JsonObjectIter iter;
	const char *name;

	json_object_iter_init(&iter, message);
	while (json_object_iter_next(&iter, &name, NULL)) {
		if (strcmp(name, "execute") && strcmp(name, "arguments") && strcmp(name, "id"))
			return fail(error, "QMP input member '%s' is unexpected", name);
	}
	if (!execute)
		return fail(error, "QMP input lacks member 'execute'");
	if (lacks_type(execute, 's'))
		return fail(error, "QMP input member 'execute' must be a string");
	if (arguments && !JSON_NODE_HOLDS_OBJECT(arguments))
		return fail(error, "QMP input member 'arguments' must be an object");
	return true;
}

/* "u12ab" behind a backslash; *@at is behind it then. */
static bool take_unit(const char **at, unsigned *ret)
{
	*ret = 0;
	if (*(*at)++ != 'u')
		return false;
	for (unsigned n = 0; n < 4; n++, ++*at) {
		if (!g_ascii_isxdigit(**at))
			return false;
		*ret = *ret << 4 | g_ascii_xdigit_value(**at);
	}
	return true;
}

static bool is_surrogate(unsigned unit, unsigned first)
{
	return unit >= first && unit < first + 0x400;
}

/*
 * What may follow a backslash (RFC 8259, 7). json-glib takes more, which makes texts that are no
 * UTF-8, as half of a pair does. A NUL: texts are C strings, and half of one would be another one.
 */
static bool take_escape(const char **at)
{
	unsigned unit, other;

	if (**at && strchr("\"\\/bfnrt", **at)) {
		++*at;
		return true;
	}
	if (!take_unit(at, &unit) || !unit || is_surrogate(unit, 0xdc00))
		return false;
	return !is_surrogate(unit, 0xd800) ||
	       (*(*at)++ == '\\' && take_unit(at, &other) && is_surrogate(other, 0xdc00));
}

static bool has_wrong_escape(const char *text)
{
	while ((text = strchr(text, '\\'))) {
		text++;
		if (!take_escape(&text))
			return true;
	}
	return false;
}

/* Behind the number at @text, of which *ret_fits says: an integer of 64 bits, or none. */
static const char *take_number(const char *text, bool negative, bool *ret_fits)
{
	guint64 most = negative ? (guint64)G_MAXINT64 + 1 : G_MAXUINT64, value;
	size_t len = strspn(text, "0123456789+-.eE");

	errno = 0;
	value = g_ascii_strtoull(text, NULL, 0);
	*ret_fits = strcspn(text, ".eE") < len || (errno != ERANGE && value <= most);
	return text + len;
}

/*
 * json-glib would make another number of an integer of more than 64 bits, also where it takes what
 * is no JSON: hexadecimal numbers, and blanks behind the sign.
 */
static bool has_large_integer(const char *text)
{
	char quote = '\0', before = '\0';
	bool fits = true;

	while (*text && fits) {
		if (!quote && g_ascii_isdigit(*text)) {
			text = take_number(text, before == '-', &fits);
			before = '0';
			continue;
		}
		if (quote && *text == '\\' && text[1])
			text++;
		else if (quote ? *text == quote : *text == '"' || *text == '\'')
			quote ^= *text;
		if (!g_ascii_isspace(*text))
			before = *text;
		text++;
	}
	return !fits;
}

/* The JSON of @text, which must be an object; NULL with @error. */
static JsonObject *parse(const char *text, GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) why = NULL;
	JsonNode *root;

	if (has_wrong_escape(text)) {
		fail(error, "JSON parse error, a string has a NUL (\\u0000), or an escape that "
			    "JSON does not have");
		return NULL;
	}
	if (has_large_integer(text)) {
		fail(error, "JSON parse error, an integer has more than 64 bits");
		return NULL;
	}
	if (!json_parser_load_from_data(parser, text, -1, &why)) {
		fail(error, "JSON parse error, %s", why->message);
		return NULL;
	}
	root = json_parser_get_root(parser);
	if (root && JSON_NODE_HOLDS_OBJECT(root))
		return json_node_dup_object(root);
	if (root)
		fail(error, "QMP input must be a JSON object");
	else
		fail(error, "JSON parse error: no message, or one that is too long or too deep");
	return NULL;
}

/* A number that is too large for a double cannot be sent back: JSON has no word for it. */
static bool take_id(QmpCall *call, JsonObject *message)
{
	JsonNode *id = json_object_get_member(message, "id");
	g_autofree char *text = id ? json_to_string(id, FALSE) : NULL;
	g_autoptr(JsonNode) again = text ? json_from_string(text, NULL) : NULL;

	if (again)
		call->id = json_node_copy(id);
	return again || !id ||
	       fail(&call->error, "QMP input member 'id' has a number that is too large");
}

static bool fill(QmpCall *call, const QmpCommand *commands, const char *text, bool agreed)
{
	g_autoptr(JsonObject) message = parse(text, &call->error);
	const QmpCommand *command;

	if (!message)
		return false;
	if (!take_id(call, message) || !check_members(message, &call->error))
		return false;
	command = find(commands, json_object_get_string_member(message, "execute"), agreed,
		       &call->error);
	if (!command)
		return false;
	if (json_object_has_member(message, "arguments"))
		call->args = json_object_ref(json_object_get_object_member(message, "arguments"));
	if (!check_args(command, call->args, &call->error))
		return false;
	call->command = command;
	return true;
}

static QmpCall *empty_call(void)
{
	QmpCall *call = g_new0(QmpCall, 1);

	call->text = g_string_new(NULL);
	return call;
}

QmpCall *qmp_call_new(const QmpCommand *commands, const char *text, bool agreed)
{
	QmpCall *call = empty_call();

	fill(call, commands, text, agreed);
	return call;
}

QmpCall *qmp_call_new_line(const QmpCommand *commands, const char *line)
{
	QmpCall *call = empty_call();

	call->command = find_in(commands, HUMAN);
	call->args = json_object_new();
	json_object_set_string_member(call->args, HUMAN_LINE, line);
	return call;
}

void qmp_call_free(QmpCall *call)
{
	if (!call)
		return;
	if (call->free_state)
		call->free_state(call->state);
	g_clear_pointer(&call->args, json_object_unref);
	g_clear_pointer(&call->id, json_node_unref);
	g_clear_pointer(&call->value, json_node_unref);
	g_clear_error(&call->error);
	g_string_free(call->text, TRUE);
	g_free(call);
}

/* ---- The answer ---- */

static JsonNode *error_node(const GError *error)
{
	bool unknown = g_error_matches(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND);
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "class");
	json_builder_add_string_value(builder, unknown ? "CommandNotFound" : "GenericError");
	json_builder_set_member_name(builder, "desc");
	json_builder_add_string_value(builder, error->message);
	json_builder_end_object(builder);
	return json_builder_get_root(builder);
}

/* JSON is UTF-8; a guest's memory need not be. */
static JsonNode *text_node(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	return json_node_init_string(json_node_alloc(), valid);
}

/* Takes @object. */
static JsonNode *object_node(JsonObject *object)
{
	JsonNode *node = json_node_init_object(json_node_alloc(), object);

	json_object_unref(object);
	return node;
}

static JsonNode *value_node(QmpCall *call)
{
	if (call->printed)
		return text_node(call->text->str);
	return call->value ? g_steal_pointer(&call->value) : object_node(json_object_new());
}

JsonNode *qmp_call_answer(QmpCall *call)
{
	JsonObject *answer = json_object_new();

	if (call->error)
		json_object_set_member(answer, "error", error_node(call->error));
	else
		json_object_set_member(answer, "return", value_node(call));
	if (call->id)
		json_object_set_member(answer, "id", g_steal_pointer(&call->id));
	return object_node(answer);
}

/* ---- For run() ---- */

static JsonNode *argument(const QmpCall *call, const char *name)
{
	return call->args ? json_object_get_member(call->args, name) : NULL;
}

const char *qmp_call_string(const QmpCall *call, const char *name)
{
	JsonNode *node = argument(call, name);

	return node ? json_node_get_string(node) : NULL;
}

bool qmp_call_integer(const QmpCall *call, const char *name, uint64_t *ret)
{
	JsonNode *node = argument(call, name);

	if (node)
		*ret = json_node_get_int(node);
	return node != NULL;
}

bool qmp_call_boolean(const QmpCall *call, const char *name)
{
	JsonNode *node = argument(call, name);

	return node && json_node_get_boolean(node);
}

void *qmp_call_state(const QmpCall *call)
{
	return call->state;
}

void qmp_call_set_state(QmpCall *call, void *state, GDestroyNotify free)
{
	call->state = state;
	call->free_state = free;
}

void qmp_call_print(QmpCall *call, const char *text)
{
	call->printed = true;
	g_string_append(call->text, text);
}

QmpStep qmp_call_return(QmpCall *call, JsonNode *value)
{
	call->value = value;
	return QMP_DONE;
}

QmpStep qmp_call_fail(QmpCall *call, GError *error)
{
	call->error = error;
	return QMP_DONE;
}
