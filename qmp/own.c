/*
 * qmp/own.c - the commands of QMP itself.
 */
#include <unistd.h>

#include "qmp/internal.h"

static QmpServer *server_of(const QmpCall *call)
{
	return qmp_conn_server(call->conn);
}

/* We have no capability to offer, so none may be asked for; the argument is a list. */
static QmpStep agree(void *target G_GNUC_UNUSED, QmpCall *call)
{
	JsonArray *wanted = call->args && json_object_has_member(call->args, "enable")
				    ? json_object_get_array_member(call->args, "enable")
				    : NULL;

	if (wanted && json_array_get_length(wanted))
		qmp_call_fail(call, g_error_new(QMP_ERROR, QMP_ERROR_GENERIC,
						"No capability is available"));
	else
		qmp_conn_agree(call->conn);
	return QMP_DONE;
}

/* "0.1" and "0.1.2" */
JsonNode *qmp_version(const char *version)
{
	static const char *const names[] = {"major", "minor", "micro"};
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_auto(GStrv) parts = g_strsplit(version, ".", G_N_ELEMENTS(names));
	unsigned n = g_strv_length(parts);
	g_autofree char *package = g_strconcat("vmgdb ", version, NULL);

	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "qemu");
	json_builder_begin_object(builder);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		json_builder_set_member_name(builder, names[i]);
		json_builder_add_int_value(builder,
					   i < n ? g_ascii_strtoll(parts[i], NULL, 10) : 0);
	}
	json_builder_end_object(builder);
	json_builder_set_member_name(builder, "package");
	json_builder_add_string_value(builder, package);
	json_builder_end_object(builder);
	return json_builder_get_root(builder);
}

static QmpStep query_version(void *target G_GNUC_UNUSED, QmpCall *call)
{
	return qmp_call_return(call, qmp_version(qmp_server_version(server_of(call))));
}

static void add_names(JsonBuilder *builder, const QmpCommand *commands)
{
	for (; commands->name; commands++) {
		json_builder_begin_object(builder);
		json_builder_set_member_name(builder, "name");
		json_builder_add_string_value(builder, commands->name);
		json_builder_end_object(builder);
	}
}

static QmpStep query_commands(void *target G_GNUC_UNUSED, QmpCall *call)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_array(builder);
	add_names(builder, qmp_own_commands);
	add_names(builder, qmp_server_commands(server_of(call)));
	json_builder_end_array(builder);
	return qmp_call_return(call, json_builder_get_root(builder));
}

static QmpStep getfd(void *target G_GNUC_UNUSED, QmpCall *call)
{
	GError *error = NULL;

	if (!qmp_names_give(qmp_conn_names(call->conn), qmp_call_string(call, "fdname"), &error))
		qmp_call_fail(call, error);
	return QMP_DONE;
}

static QmpStep closefd(void *target G_GNUC_UNUSED, QmpCall *call)
{
	GError *error = NULL;
	int fd = qmp_call_take_fd(call, qmp_call_string(call, "fdname"), &error);

	if (fd >= 0)
		close(fd);
	else
		qmp_call_fail(call, error);
	return QMP_DONE;
}

const QmpCommand qmp_own_commands[] = {
	{"qmp_capabilities", "enable:l?", agree}, {"query-version", NULL, query_version},
	{"query-commands", NULL, query_commands}, {"getfd", "fdname:s", getfd},
	{"closefd", "fdname:s", closefd},	  {NULL, NULL, NULL},
};

int qmp_call_take_fd(QmpCall *call, const char *name, GError **error)
{
	return qmp_names_take(qmp_conn_names(call->conn), name, error);
}
