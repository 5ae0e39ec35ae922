/*
 * tests/fuzz-qmp.c - fuzzes one client of QMP or of the people's monitor, whose commands take every
 * type of argument and every kind of time: each message gets one answer, and QMP's are one line of
 * JSON each. Whatever it sends, the server keeps little of it.
 *
 * The first byte chooses the set-up: bit 0 is for the people's monitor, bit 1 says that the client
 * has not agreed on capabilities, bits 2-4 how many bytes come at once. The rest are its bytes.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/frame.h"
#include "qmp/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMPT "\x01\x02\x03"
#define AGREE "{\"execute\":\"qmp_capabilities\"}"

typedef struct Fuzz {
	QmpServer *server;
	QmpConn *conn;
	QmpDialect dialect;
	QmpFrame frame; /* what the server should make of the bytes */
	int fd;		/* the client's */
	unsigned asked, answered;
	unsigned events, announced;
	GString *in; /* of the client */
} Fuzz;

/* ---- Commands ---- */

/* A text that has whatever the client sent. */
static QmpStep echo(void *target G_GNUC_UNUSED, QmpCall *call)
{
	const char *text = qmp_call_string(call, "text"), *other = qmp_call_string(call, "other");
	uint64_t number = 0;

	g_assert_nonnull(text);
	if (!qmp_call_integer(call, "number", &number))
		g_assert_cmpuint(number, ==, 0);
	qmp_call_print(call, text);
	qmp_call_print(call, other ? other : "\xff");
	return QMP_DONE;
}

static QmpStep again(void *target, QmpCall *call)
{
	unsigned *turns = qmp_call_state(call);

	if (!turns) {
		turns = g_new0(unsigned, 1);
		qmp_call_set_state(call, turns, g_free);
	}
	if (++*turns < 3)
		return QMP_AGAIN;
	echo(target, call);
	return QMP_DONE;
}

static QmpStep later(void *target, QmpCall *call)
{
	const Fuzz *fuzz = target;

	if (!qmp_call_state(call)) {
		qmp_call_set_state(call, g_strdup("waits"), g_free);
		qmp_server_wake(fuzz->server);
		return QMP_LATER;
	}
	return QMP_DONE;
}

static QmpStep announce(void *target, QmpCall *call G_GNUC_UNUSED)
{
	Fuzz *fuzz = target;

	qmp_server_event(fuzz->server, "NEWS", NULL);
	fuzz->announced++;
	return QMP_DONE;
}

static QmpStep refuse(void *target G_GNUC_UNUSED, QmpCall *call)
{
	qmp_call_fail(call, g_error_new(QMP_ERROR, QMP_ERROR_GENERIC, "no %s",
					qmp_call_string(call, "text")));
	return QMP_DONE;
}

static QmpStep human(void *target, QmpCall *call)
{
	const char *line = qmp_call_string(call, "command-line");

	if (g_str_has_prefix(line, "later"))
		return later(target, call);
	qmp_call_print(call, g_str_has_prefix(line, "bytes") ? "\xff\xfe" : "");
	return QMP_DONE;
}

static const QmpCommand commands[] = {
	{"echo", "text:s other:s? number:i?", echo},
	{"again", "text:s flag:b? list:l?", again},
	{"later", NULL, later},
	{"announce", NULL, announce},
	{"refuse", "text:s", refuse},
	{"human-monitor-command", "command-line:s cpu-index:i?", human},
	{NULL, NULL, NULL},
};

/* ---- The client ---- */

static void check_line(Fuzz *fuzz, const char *line, size_t len)
{
	g_autoptr(JsonNode) node = NULL;
	JsonObject *object;

	g_assert_cmpuint(len, >=, 2);
	g_assert_true(line[len - 1] == '\r' && !memchr(line, '\0', len));
	g_assert_true(g_utf8_validate(line, len - 1, NULL));
	{
		g_autofree char *text = g_strndup(line, len - 1);

		node = json_from_string(text, NULL);
	}
	g_assert_nonnull(node);
	g_assert_true(JSON_NODE_HOLDS_OBJECT(node));
	object = json_node_get_object(node);
	if (json_object_has_member(object, "event"))
		fuzz->events++;
	else if (json_object_has_member(object, "return") ||
		 json_object_has_member(object, "error"))
		fuzz->answered++;
	else
		g_assert_true(json_object_has_member(object, "QMP"));
}

static void take_answers(Fuzz *fuzz)
{
	const char *ends = fuzz->dialect == QMP_JSON ? "\n" : PROMPT;
	size_t from = 0;

	for (;;) {
		const char *at = fuzz->in->str + from,
			   *end = memmem(at, fuzz->in->len - from, ends, strlen(ends));

		if (!end)
			break;
		if (fuzz->dialect == QMP_JSON)
			check_line(fuzz, at, end - at);
		else
			fuzz->answered++;
		from = end + strlen(ends) - fuzz->in->str;
	}
	g_string_erase(fuzz->in, 0, from);
}

static void on_ended(QmpConn *conn G_GNUC_UNUSED, QmpServer *server G_GNUC_UNUSED)
{
	g_error("the server has hung up");
}

static void on_woken(void *target)
{
	/* As the server does with its own. */
	qmp_conn_woken(((Fuzz *)target)->conn);
}

static bool receive(Fuzz *fuzz)
{
	char buf[65536];
	ssize_t n = recv(fuzz->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		g_string_append_len(fuzz->in, buf, n);
	take_answers(fuzz);
	return n > 0;
}

static void turn(Fuzz *fuzz)
{
	bool moved;

	do {
		moved = g_main_context_iteration(NULL, FALSE);
		moved |= receive(fuzz);
	} while (moved);
}

static void count_messages(Fuzz *fuzz, const char *data, size_t len)
{
	while (len) {
		QmpFrameEvent event;
		size_t n = qmp_frame_feed(&fuzz->frame, data, len, &event);

		g_assert_true(n >= 1 && n <= len);
		fuzz->asked += event != QMP_FRAME_NONE;
		data += n;
		len -= n;
	}
	g_assert_cmpuint(fuzz->frame.text->len, <=, QMP_TEXT_MAX);
}

static void feed(Fuzz *fuzz, const char *data, size_t size, size_t portion)
{
	count_messages(fuzz, data, size);
	while (size) {
		ssize_t n = send(fuzz->fd, data, MIN(size, portion), MSG_DONTWAIT | MSG_NOSIGNAL);

		g_assert_cmpint(n, >, 0);
		data += n;
		size -= n;
		turn(fuzz);
	}
}

static void begin(Fuzz *fuzz, uint8_t setup)
{
	g_autoptr(GSocket) socket = NULL;
	g_autoptr(GSocketConnection) stream = NULL;
	int pair[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	socket = g_socket_new_from_fd(pair[0], NULL);
	g_socket_set_blocking(socket, FALSE);
	stream = g_socket_connection_factory_create_connection(socket);
	fuzz->fd = pair[1];
	fuzz->in = g_string_new(NULL);
	fuzz->dialect = setup & 1 ? QMP_PEOPLE : QMP_JSON;
	qmp_frame_init(&fuzz->frame, fuzz->dialect == QMP_JSON ? QMP_FRAME_JSON : QMP_FRAME_LINES);
	fuzz->server = qmp_server_new(NULL, commands, fuzz, "0.1", PROMPT, on_woken);
	fuzz->conn = qmp_conn_new(fuzz->server, G_IO_STREAM(stream), fuzz->dialect, on_ended);
	g_assert_nonnull(fuzz->conn);
	turn(fuzz);
	fuzz->answered = 0;
	if (fuzz->dialect == QMP_JSON && !(setup & 2))
		feed(fuzz, AGREE, strlen(AGREE), 64);
}

static void end(Fuzz *fuzz)
{
	g_assert_cmpuint(fuzz->answered, ==, fuzz->asked);
	/* The rest of a message that has not ended is no answer. */
	g_assert_cmpuint(fuzz->in->len, ==, 0);
	g_assert_cmpuint(fuzz->events, <=, fuzz->announced);
	qmp_conn_free(fuzz->conn);
	qmp_server_free(fuzz->server);
	close(fuzz->fd);
	qmp_frame_clear(&fuzz->frame);
	g_string_free(fuzz->in, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t portions[] = {4096, 1, 2, 3, 7, 16, 64, 1024};
	Fuzz fuzz = {0};

	if (size == 0)
		return 0;
	begin(&fuzz, data[0]);
	feed(&fuzz, (const char *)data + 1, size - 1, portions[data[0] >> 2 & 7]);
	end(&fuzz);
	return 0;
}
