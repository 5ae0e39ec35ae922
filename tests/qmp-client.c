/*
 * tests/qmp-client.c - see tests/qmp-client.h.
 */
#include "tests/qmp-client.h"

#include <errno.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test-util.h"

struct QmpClient {
	int fd;
	GString *in;
	bool end;
	GQueue events; /* lines */
};

/* Whatever has come. */
static void read_all(QmpClient *client)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(client->fd, buf, sizeof(buf))) > 0)
		g_string_append_len(client->in, buf, n);
	client->end |= n == 0 || (n < 0 && errno != EAGAIN);
}

QmpClient *qmp_client_new(int fd)
{
	QmpClient *client = g_new0(QmpClient, 1);

	g_assert_cmpint(fd, >=, 0);
	client->fd = fd;
	client->in = g_string_new(NULL);
	g_queue_init(&client->events);
	g_assert_true(g_unix_set_fd_nonblocking(fd, TRUE, NULL));
	return client;
}

void qmp_client_free(QmpClient *client)
{
	close(client->fd);
	g_string_free(client->in, TRUE);
	g_queue_clear_full(&client->events, g_free);
	g_free(client);
}

void qmp_client_send_bytes(QmpClient *client, const void *data, size_t len)
{
	const char *at = data;

	for (unsigned tries = 0; len && tries < TEST_PATIENCE; tries++) {
		ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);

		if (n < 0)
			test_run_for(NULL, 1);
		at += MAX(n, 0);
		len -= MAX(n, 0);
	}
	g_assert_cmpuint(len, ==, 0);
}

void qmp_client_send(QmpClient *client, const char *text)
{
	qmp_client_send_bytes(client, text, strlen(text));
}

void qmp_client_send_fd(QmpClient *client, const char *text, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	g_assert_cmpint(sendmsg(client->fd, &message, MSG_NOSIGNAL), ==, strlen(text));
}

/* ---- What comes ---- */

typedef struct Wanted {
	QmpClient *client;
	size_t len;	 /* so many bytes, */
	const char *end; /* or up to this */
} Wanted;

static bool has(void *data)
{
	Wanted *wanted = data;
	QmpClient *client = wanted->client;
	const char *found;

	read_all(client);
	if (wanted->end) {
		found = memmem(client->in->str, client->in->len, wanted->end, strlen(wanted->end));
		wanted->len = found ? found - client->in->str + strlen(wanted->end) : 0;
		return found != NULL;
	}
	return client->in->len >= wanted->len;
}

static char *take(Wanted wanted)
{
	char *text;

	if (!test_wait(NULL, has, &wanted, TEST_PATIENCE))
		g_error("qmp client: waited in vain; there is '%s'", wanted.client->in->str);
	text = g_strndup(wanted.client->in->str, wanted.len);
	g_string_erase(wanted.client->in, 0, wanted.len);
	return text;
}

char *qmp_client_bytes(QmpClient *client, size_t len)
{
	return take((Wanted){client, len, NULL});
}

char *qmp_client_until(QmpClient *client, const char *end)
{
	return take((Wanted){client, 0, end});
}

char *qmp_client_line(QmpClient *client)
{
	char *line = qmp_client_until(client, "\n");

	g_assert_true(g_str_has_suffix(line, "\r\n"));
	line[strlen(line) - 2] = '\0';
	return line;
}

static bool has_ended(void *data)
{
	QmpClient *client = data;

	read_all(client);
	return client->end;
}

bool qmp_client_at_end(QmpClient *client)
{
	return test_wait(NULL, has_ended, client, TEST_PATIENCE) && !client->in->len;
}

/* ---- QMP ---- */

static bool is_event(const char *line)
{
	return strstr(line, "\"event\":") && g_str_has_prefix(line, "{\"timestamp\":");
}

static char *answer(QmpClient *client)
{
	for (;;) {
		char *line = qmp_client_line(client);

		if (!is_event(line))
			return line;
		g_queue_push_tail(&client->events, line);
	}
}

void qmp_client_hello(QmpClient *client)
{
	g_autofree char *greeting = qmp_client_line(client);

	g_assert_true(g_str_has_prefix(greeting, "{\"QMP\":{\"version\":{\"qemu\":{\"major\":"));
	g_assert_true(g_str_has_suffix(greeting, ",\"capabilities\":[]}}"));
	qmp_client_expect(client, "{\"execute\":\"qmp_capabilities\"}", "{\"return\":{}}");
}

void qmp_client_expect(QmpClient *client, const char *text, const char *expected)
{
	g_autofree char *line = NULL;

	qmp_client_send(client, text);
	line = answer(client);
	g_assert_cmpstr(line, ==, expected);
}

void qmp_client_match(QmpClient *client, const char *text, const char *pattern)
{
	g_autofree char *line = NULL;

	qmp_client_send(client, text);
	line = answer(client);
	if (!g_regex_match_simple(pattern, line, 0, 0))
		g_error("'%s' does not match '%s'", line, pattern);
}

char *qmp_client_human(QmpClient *client, const char *line)
{
	g_autofree char *text = g_strdup_printf("{\"execute\":\"human-monitor-command\","
						"\"arguments\":{\"command-line\":\"%s\"}}",
						line);
	g_autofree char *reply = NULL;
	g_autoptr(JsonNode) node = NULL;

	qmp_client_send(client, text);
	reply = answer(client);
	node = json_from_string(reply, NULL);
	g_assert_nonnull(node);
	if (!json_object_has_member(json_node_get_object(node), "return"))
		g_error("'%s' gets '%s'", line, reply);
	return g_strdup(json_object_get_string_member(json_node_get_object(node), "return"));
}

static char *next_event(QmpClient *client)
{
	char *line = g_queue_pop_head(&client->events);

	return line ? line : qmp_client_line(client);
}

void qmp_client_event(QmpClient *client, const char *name, const char *data)
{
	g_autofree char *line = next_event(client);
	g_autofree char *end = data ? g_strdup_printf("\"event\":\"%s\",\"data\":%s}", name, data)
				    : g_strdup_printf("\"event\":\"%s\"}", name);

	g_assert_true(is_event(line));
	if (!g_str_has_suffix(line, end))
		g_error("expected ...%s, got %s", end, line);
}

void qmp_client_no_event(QmpClient *client)
{
	test_run_for(NULL, 20);
	read_all(client);
	g_assert_cmpstr(client->in->str, ==, "");
	g_assert_true(g_queue_is_empty(&client->events));
}
