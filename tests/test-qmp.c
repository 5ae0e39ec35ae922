/*
 * tests/test-qmp.c - the protocol of QMP and of the people's monitor, with commands made for it
 * (qmp/qmp.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/qmp.h"
#include "tests/qmp-client.h"
#include "tests/test-util.h"

typedef struct Bench {
	QmpServer *server;
	char *dir, *path;
	unsigned fds;
	unsigned freed, woken;
	bool ready; /* what "later" waits for */
	int fd;	    /* that "take" has taken */
} Bench;

/* ---- Commands ---- */

static JsonNode *text_node(const char *text)
{
	return json_node_init_string(json_node_alloc(), text);
}

static QmpStep echo(void *target G_GNUC_UNUSED, QmpCall *call)
{
	uint64_t number = 0;
	bool has = qmp_call_integer(call, "number", &number);
	g_autofree char *text =
		g_strdup_printf("%s %s%" G_GINT64_FORMAT " %d", qmp_call_string(call, "text"),
				has ? "" : "no ", (gint64)number, qmp_call_boolean(call, "flag"));

	qmp_call_return(call, text_node(text));
	return QMP_DONE;
}

static QmpStep nothing(void *target G_GNUC_UNUSED, QmpCall *call G_GNUC_UNUSED)
{
	return QMP_DONE;
}

static QmpStep refuse(void *target G_GNUC_UNUSED, QmpCall *call)
{
	qmp_call_fail(call, g_error_new(G_IO_ERROR, G_IO_ERROR_BUSY, "not \"now\""));
	return QMP_DONE;
}

typedef struct Count {
	Bench *bench;
	unsigned n;
} Count;

static void count_free(void *data)
{
	Count *count = data;

	count->bench->freed++;
	g_free(count);
}

static Count *count_of(Bench *bench, QmpCall *call)
{
	Count *count = qmp_call_state(call);

	if (!count) {
		count = g_new0(Count, 1);
		count->bench = bench;
		qmp_call_set_state(call, count, count_free);
	}
	return count;
}

/* Three turns, each with a line. */
static QmpStep again(void *target, QmpCall *call)
{
	Count *count = count_of(target, call);
	g_autofree char *text = g_strdup_printf("turn %u\n", ++count->n);

	qmp_call_print(call, text);
	return count->n < 3 ? QMP_AGAIN : QMP_DONE;
}

static QmpStep later(void *target, QmpCall *call)
{
	Count *count = count_of(target, call);

	count->n++;
	if (!((Bench *)target)->ready)
		return QMP_LATER;
	qmp_call_return(call, json_node_init_int(json_node_alloc(), count->n));
	return QMP_DONE;
}

static QmpStep big(void *target G_GNUC_UNUSED, QmpCall *call)
{
	g_autofree char *text = g_strnfill(1000 * 1000, 'x');

	qmp_call_return(call, text_node(text));
	return QMP_DONE;
}

static QmpStep take(void *target, QmpCall *call)
{
	Bench *bench = target;
	GError *error = NULL;

	bench->fd = qmp_call_take_fd(call, qmp_call_string(call, "text"), &error);
	if (bench->fd < 0)
		qmp_call_fail(call, error);
	return QMP_DONE;
}

static QmpStep announce(void *target, QmpCall *call G_GNUC_UNUSED)
{
	Bench *bench = target;

	qmp_server_event(bench->server, "NEWS", NULL);
	return QMP_DONE;
}

/* The people's lines; some do what a command does. */
static QmpStep human(void *target, QmpCall *call)
{
	const char *line = qmp_call_string(call, "command-line");
	char *last = qmp_call_client_state(call);

	if (g_str_equal(line, "again"))
		return again(target, call);
	if (g_str_equal(line, "later"))
		return later(target, call);
	if (g_str_equal(line, "fail"))
		return refuse(target, call);
	if (g_str_equal(line, "bytes"))
		qmp_call_print(call, "a\xff\"\\\n");
	else if (last)
		qmp_call_print(call, last);
	if (!last)
		qmp_call_set_client_state(call, g_strconcat("first: ", line, "\n", NULL), g_free);
	return QMP_DONE;
}

static void on_woken(void *target)
{
	((Bench *)target)->woken++;
}

static const QmpCommand commands[] = {
	{"echo", "text:s number:i? flag:b?", echo},
	{"nothing", NULL, nothing},
	{"refuse", NULL, refuse},
	{"again", NULL, again},
	{"later", NULL, later},
	{"big", NULL, big},
	{"take", "text:s", take},
	{"announce", NULL, announce},
	{"human-monitor-command", "command-line:s", human},
	{NULL, NULL, NULL},
};

/* ---- The bench ---- */

static Bench *bench_new(QmpDialect dialect)
{
	Bench *bench = g_new0(Bench, 1);
	g_autoptr(GError) error = NULL;
	g_autofree char *where = NULL;

	g_main_context_default();
	bench->fds = test_count_fds();
	bench->dir = test_dir_new();
	bench->path = g_build_filename(bench->dir, "sock", NULL);
	bench->server = qmp_server_new(NULL, commands, bench, "1.2", "> ", on_woken);
	where = g_strconcat("unix:", bench->path, NULL);
	g_assert_true(qmp_server_listen(bench->server, where, dialect, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(qmp_server_address(bench->server, 0), ==, bench->path);
	g_assert_null(qmp_server_address(bench->server, 1));
	return bench;
}

static void bench_free(Bench *bench)
{
	qmp_server_free(bench->server);
	g_assert_false(g_file_test(bench->path, G_FILE_TEST_EXISTS));
	g_assert_cmpuint(test_count_fds(), ==, bench->fds);
	test_dir_remove(bench->dir);
	g_free(bench->path);
	g_free(bench);
}

static QmpClient *join(Bench *bench)
{
	return qmp_client_new(test_connect_unix(bench->path));
}

static QmpClient *join_agreed(Bench *bench)
{
	QmpClient *client = join(bench);

	qmp_client_hello(client);
	return client;
}

#define GENERIC(desc) "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" desc "\"}}"
#define NOT_FOUND(desc) "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"" desc "\"}}"

/* ---- Messages ---- */

static void test_greeting(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join(bench);
	struct stat st;
	g_autofree char *greeting = qmp_client_line(client);

	g_assert_cmpstr(greeting, ==,
			"{\"QMP\":{\"version\":{\"qemu\":{\"major\":1,\"minor\":2,\"micro\":0},"
			"\"package\":\"vmgdb 1.2\"},\"capabilities\":[]}}");
	g_assert_cmpint(g_stat(bench->path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
	qmp_client_expect(client, "{\"execute\":\"nothing\"}",
			  NOT_FOUND("Expecting capabilities negotiation with 'qmp_capabilities'"));
	qmp_client_expect(client,
			  "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
			  GENERIC("No capability is available"));
	qmp_client_expect(client,
			  "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[]}}",
			  "{\"return\":{}}");
	qmp_client_expect(
		client, "{\"execute\":\"qmp_capabilities\"}",
		NOT_FOUND("Capabilities negotiation is already complete, command ignored"));
	qmp_client_expect(client, "{\"execute\":\"query-version\"}",
			  "{\"return\":{\"qemu\":{\"major\":1,\"minor\":2,\"micro\":0},"
			  "\"package\":\"vmgdb 1.2\"}}");
	qmp_client_match(client, "{\"execute\":\"query-commands\"}",
			 "^\\{\"return\":\\[\\{\"name\":\"qmp_capabilities\"\\},.*"
			 "\\{\"name\":\"human-monitor-command\"\\}\\]\\}$");
	qmp_client_free(client);
	bench_free(bench);
}

static void test_answers(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);

	qmp_client_expect(client, "{\"execute\":\"nothing\"}", "{\"return\":{}}");
	qmp_client_expect(client, "{\"execute\":\"nothing\",\"id\":{\"a\":[1,null]}}\r\n",
			  "{\"return\":{},\"id\":{\"a\":[1,null]}}");
	qmp_client_expect(client, "{ \"execute\" : \"echo\",\n\"arguments\":{\"text\":\"x\"}}",
			  "{\"return\":\"x no 0 0\"}");
	qmp_client_expect(client,
			  "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\\u00e9\","
			  "\"number\":-7,\"flag\":true}}",
			  "{\"return\":\"\xc3\xa9 -7 1\"}");
	/* A backslash, and no NUL. */
	qmp_client_expect(client, "{\"execute\":\"echo\",\"arguments\":{\"text\":\"\\\\u0000\"}}",
			  "{\"return\":\"\\\\u0000 no 0 0\"}");
	qmp_client_expect(client, "{\"execute\":\"refuse\",\"id\":\"7\"}",
			  "{\"error\":{\"class\":\"GenericError\",\"desc\":\"not \\\"now\\\"\"},"
			  "\"id\":\"7\"}");
	qmp_client_free(client);
	bench_free(bench);
}

#define ECHO(text) "{\"execute\":\"echo\",\"arguments\":{\"text\":\"" text "\"}}"
/* A text of one quotation mark, and a number. */
#define NUMBER(number)                                                                             \
	"{\"execute\":\"echo\",\"arguments\":{\"text\":\"\\\"\",\"number\":" number "}}"
#define TOO_LARGE GENERIC("JSON parse error, an integer has more than 64 bits")
#define WRONG_ESCAPE                                                                               \
	GENERIC("JSON parse error, a string has a NUL (\\\\u0000), or an escape that JSON "        \
		"does not have")

static const struct {
	const char *text, *answer;
} errors[] = {
	{"{\"execute\":\"no-such\"}", NOT_FOUND("The command no-such has not been found")},
	{"{\"execute\":1}", GENERIC("QMP input member 'execute' must be a string")},
	{"{}", GENERIC("QMP input lacks member 'execute'")},
	{"[]", GENERIC("QMP input must be a JSON object")},
	{"{\"execute\":\"nothing\",\"more\":1}", GENERIC("QMP input member 'more' is unexpected")},
	{"{\"execute\":\"nothing\",\"arguments\":[]}",
	 GENERIC("QMP input member 'arguments' must be an object")},
	{"{\"execute\":\"nothing\",\"arguments\":{\"x\":1}}",
	 GENERIC("Parameter 'x' is unexpected")},
	{"{\"execute\":\"echo\"}", GENERIC("Parameter 'text' is missing")},
	{"{\"execute\":\"echo\",\"arguments\":{\"flag\":true}}",
	 GENERIC("Parameter 'text' is missing")},
	{"{\"execute\":\"echo\",\"arguments\":{\"text\":1}}",
	 GENERIC("Invalid parameter type for 'text', expected: string")},
	{"{\"execute\":\"echo\",\"arguments\":{\"text\":null}}",
	 GENERIC("Invalid parameter type for 'text', expected: string")},
	{"{\"execute\":\"echo\",\"arguments\":{\"text\":\"\",\"number\":1.5}}",
	 GENERIC("Invalid parameter type for 'number', expected: integer")},
	{"{\"execute\":\"echo\",\"arguments\":{\"text\":\"\",\"flag\":\"on\"}}",
	 GENERIC("Invalid parameter type for 'flag', expected: boolean")},
	{"{\"execute\":\"echo\",\"arguments\":{\"tex\":\"\"}}",
	 GENERIC("Parameter 'tex' is unexpected")},
	{"{\"execute\":\"nothing\",\"id\":[1,1e999]}",
	 GENERIC("QMP input member 'id' has a number that is too large")},
	{"{\"execute\":\"echo\",\"arguments\":{\"text\":\"/a\\u0000b\"}}", WRONG_ESCAPE},
	{NUMBER("18446744073709551616"), TOO_LARGE},
	{NUMBER("-9223372036854775809"), TOO_LARGE},
	{NUMBER("99999999999999999999999999"), TOO_LARGE},
	/* What is no JSON, but json-glib takes it. */
	{NUMBER("- 9223372036854775809"), TOO_LARGE},
	{NUMBER("0x10000000000000000"), TOO_LARGE},
	{"{\"execute\":\"nothing\",\"id\":18446744073709551616}", TOO_LARGE},
	{NUMBER("-9223372036854775808"), "{\"return\":\"\\\" -9223372036854775808 0\"}"},
	{NUMBER("18446744073709551615"), "{\"return\":\"\\\" -1 0\"}"},
	{"{\"execute\":\"nothing\",\"id\":0.99999999999999999999999}",
	 "{\"return\":{},\"id\":1.0}"},
	{"{\"execute\":\"nothing\",\"id\":99999999999999999999.0}",
	 GENERIC("QMP input member 'id' has a number that is too large")},
	{ECHO("99999999999999999999"), "{\"return\":\"99999999999999999999 no 0 0\"}"},
	{ECHO("\\266"), WRONG_ESCAPE},
	{ECHO("\\0"), WRONG_ESCAPE},
	{ECHO("\\q"), WRONG_ESCAPE},
	{ECHO("\\u12g4"), WRONG_ESCAPE},
	{ECHO("\\ud800x"), WRONG_ESCAPE},
	{ECHO("\\udc00"), WRONG_ESCAPE},
	{ECHO("\\ud800\\u0041"), WRONG_ESCAPE},
	{ECHO("\\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00"),
	 "{\"return\":\"\\\"\\\\/\\b\\f\\n\\r\\t\xf0\x9f\x98\x80 no 0 0\"}"},
	{"quit\n", GENERIC("JSON parse error: no message, or one that is too long or too "
			   "deep")},
	{"{\"execute\n", GENERIC("JSON parse error: no message, or one that is too long or "
				 "too deep")},
};

/* What is wrong is named; the next message is as good as any. */
static void test_errors(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);

	for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
		qmp_client_expect(client, errors[i].text, errors[i].answer);
		qmp_client_expect(client, "{\"execute\":\"nothing\"}", "{\"return\":{}}");
	}
	qmp_client_match(client, "{\"execute\":\"a\",}", "\"JSON parse error, ");
	qmp_client_match(client, "{\"execute\":\"\xff\xfe\"}\n", "\"JSON parse error");
	qmp_client_match(client, "{]", "\"JSON parse error, ");
	qmp_client_free(client);
	bench_free(bench);
}

/* ---- Commands that take time ---- */

static void test_order(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);
	g_autofree char *first = NULL, *second = NULL;

	qmp_client_send(client,
			"{\"execute\":\"again\",\"id\":1}{\"execute\":\"nothing\",\"id\":2}");
	first = qmp_client_line(client);
	second = qmp_client_line(client);
	g_assert_cmpstr(first, ==, "{\"return\":\"turn 1\\nturn 2\\nturn 3\\n\",\"id\":1}");
	g_assert_cmpstr(second, ==, "{\"return\":{},\"id\":2}");
	g_assert_cmpuint(bench->freed, ==, 1);
	qmp_client_free(client);
	bench_free(bench);
}

static void test_later(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench), *other = join_agreed(bench);
	g_autofree char *line = NULL, *next = NULL;

	qmp_client_send(client, "{\"execute\":\"later\"}{\"execute\":\"nothing\"}");
	test_run_for(NULL, 20);
	/* One that waits holds nobody else up, and is not asked without a reason. */
	qmp_client_expect(other, "{\"execute\":\"nothing\"}", "{\"return\":{}}");
	qmp_server_wake(bench->server);
	test_run_for(NULL, 20);
	g_assert_cmpuint(bench->woken, ==, 1);
	qmp_client_no_event(client);
	bench->ready = true;
	qmp_server_wake(bench->server);
	line = qmp_client_line(client);
	next = qmp_client_line(client);
	g_assert_cmpstr(line, ==, "{\"return\":3}");
	g_assert_cmpstr(next, ==, "{\"return\":{}}");
	qmp_client_free(client);
	qmp_client_free(other);
	bench_free(bench);
}

static bool is_freed(void *data)
{
	return ((Bench *)data)->freed == 1;
}

/* What a command has begun ends with its client, or with the server. */
static void test_cut_off(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench), *last;

	qmp_client_send(client, "{\"execute\":\"later\"}");
	test_run_for(NULL, 20);
	qmp_client_free(client);
	/* Nothing is read while a command waits: that the client has gone shows when it writes. */
	bench->ready = true;
	qmp_server_wake(bench->server);
	g_assert_true(test_wait(NULL, is_freed, bench, TEST_PATIENCE));
	bench->ready = false;
	last = join_agreed(bench);
	qmp_client_send(last, "{\"execute\":\"later\"}");
	test_run_for(NULL, 20);
	qmp_server_free(bench->server);
	g_assert_cmpuint(bench->freed, ==, 2);
	g_assert_true(qmp_client_at_end(last));
	qmp_client_free(last);
	bench->server = qmp_server_new(NULL, commands, bench, "1", "> ", on_woken);
	bench_free(bench);
}

/* A client that does not read keeps nobody else, and little memory. */
static void test_deaf(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *deaf = join_agreed(bench), *other = join_agreed(bench);
	unsigned n = 0;

	for (unsigned i = 0; i < 100; i++)
		qmp_client_send(deaf, "{\"execute\":\"big\"}");
	for (unsigned i = 0; i < 5; i++)
		qmp_client_expect(other, "{\"execute\":\"nothing\"}", "{\"return\":{}}");
	while (n < 100) {
		g_autofree char *line = qmp_client_line(deaf);

		g_assert_cmpuint(strlen(line), ==, 1000 * 1000 + strlen("{\"return\":\"\"}"));
		n++;
	}
	qmp_client_free(deaf);
	qmp_client_free(other);
	bench_free(bench);
}

/* ---- Events ---- */

static void test_events(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench), *fresh = join(bench);
	JsonObject *data = json_object_new();
	g_autofree char *greeting = qmp_client_line(fresh);

	json_object_set_boolean_member(data, "guest", true);
	qmp_server_event(bench->server, "RESET", json_node_init_object(json_node_alloc(), data));
	json_object_unref(data);
	qmp_client_event(client, "RESET", "{\"guest\":true}");
	/* One that has not agreed is told nothing, also afterwards. */
	qmp_client_no_event(fresh);
	qmp_client_expect(fresh, "{\"execute\":\"qmp_capabilities\"}", "{\"return\":{}}");
	/* From within a command: to all, before its answer. */
	qmp_client_expect(client, "{\"execute\":\"announce\"}", "{\"return\":{}}");
	qmp_client_event(client, "NEWS", NULL);
	qmp_client_event(fresh, "NEWS", NULL);
	qmp_client_free(client);
	qmp_client_free(fresh);
	bench_free(bench);
}

/* One that takes none gets those that came first. */
static void test_many_events(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);
	g_autofree char *text = g_strnfill(1000, 'x');
	unsigned n = 0;

	for (unsigned i = 0; i < 4000; i++)
		qmp_server_event(bench->server, "NEWS", text_node(text));
	qmp_client_send(client, "{\"execute\":\"nothing\"}");
	for (;;) {
		g_autofree char *line = qmp_client_line(client);

		if (g_str_has_prefix(line, "{\"return\""))
			break;
		n++;
	}
	g_assert_cmpuint(n, >, 500);
	g_assert_cmpuint(n, <, 1100);
	qmp_client_free(client);
	bench_free(bench);
}

/* ---- Descriptors ---- */

static void test_fds(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);
	int pair[2];
	g_autofree char *got = NULL;

	g_assert_cmpint(pipe2(pair, O_CLOEXEC), ==, 0);
	qmp_client_expect(client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"a\"}}",
			  GENERIC("No file descriptor supplied via SCM_RIGHTS"));
	qmp_client_send_fd(client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"a\"}}",
			   pair[1]);
	got = qmp_client_line(client);
	g_assert_cmpstr(got, ==, "{\"return\":{}}");
	qmp_client_expect(client, "{\"execute\":\"take\",\"arguments\":{\"text\":\"b\"}}",
			  GENERIC("File descriptor named 'b' not found"));
	qmp_client_expect(client, "{\"execute\":\"take\",\"arguments\":{\"text\":\"a\"}}",
			  "{\"return\":{}}");
	g_assert_cmpint(bench->fd, >=, 0);
	g_assert_cmpint(fcntl(bench->fd, F_GETFD), ==, FD_CLOEXEC);
	g_assert_cmpint(write(bench->fd, "x", 1), ==, 1);
	close(bench->fd);
	qmp_client_expect(client, "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"a\"}}",
			  GENERIC("File descriptor named 'a' not found"));
	close(pair[0]);
	close(pair[1]);
	qmp_client_free(client);
	bench_free(bench);
}

/* Those that nobody wants are closed, and those with a name are limited. */
static void test_many_fds(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);
	unsigned before = test_count_fds();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (unsigned i = 0; i < 40; i++) {
		g_autofree char *line = NULL;

		qmp_client_send_fd(client, "{\"execute\":\"nothing\"}", null);
		line = qmp_client_line(client);
		g_assert_cmpstr(line, ==, "{\"return\":{}}");
	}
	g_assert_cmpuint(test_count_fds(), <=, before + 2);
	for (unsigned i = 0; i < 20; i++) {
		g_autofree char *text = g_strdup_printf(
			"{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"n%u\"}}", i);
		g_autofree char *line = NULL;

		qmp_client_send_fd(client, text, null);
		line = qmp_client_line(client);
		g_assert_cmpstr(line, ==,
				i < 16 ? "{\"return\":{}}"
				       : GENERIC("16 descriptors have names already: close one "
						 "(closefd)"));
	}
	/* The last one has no name yet; who has one already may have it. */
	qmp_client_expect(client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"n5\"}}",
			  "{\"return\":{}}");
	g_assert_cmpuint(test_count_fds(), ==, before + 1 + 16);
	qmp_client_send_fd(client, "{\"execute\":\"nothing\"}", null);
	{
		g_autofree char *line = qmp_client_line(client);

		g_assert_cmpstr(line, ==, "{\"return\":{}}");
	}
	qmp_client_expect(client, "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"n3\"}}",
			  "{\"return\":{}}");
	qmp_client_expect(client, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"3\"}}",
			  GENERIC("Parameter 'fdname' expects a name not starting with a digit"));
	g_assert_cmpuint(test_count_fds(), ==, before + 1 + 16);
	close(null);
	qmp_client_free(client);
	bench_free(bench);
}

/* ---- Places ---- */

static void test_places(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *clients[70];
	const char *port;
	g_autoptr(GError) error = NULL;

	g_assert_false(qmp_server_listen(bench->server, "stdio", QMP_JSON, &error));
	g_assert_cmpstr(error->message, ==,
			"cannot take QMP's clients at stdio: expected unix:PATH or [HOST:]PORT");
	g_clear_error(&error);
	g_assert_false(qmp_server_listen(bench->server, "nonsense:x", QMP_JSON, &error));
	g_assert_nonnull(error);
	g_clear_error(&error);
	g_assert_false(qmp_server_listen(bench->server, "0,remote", QMP_PEOPLE, &error));
	g_assert_nonnull(strstr(error->message, "'0,remote': only gdb"));
	g_assert_true(qmp_server_listen(bench->server, "0", QMP_PEOPLE, NULL));
	port = strrchr(qmp_server_address(bench->server, 1), ':') + 1;
	{
		QmpClient *person = qmp_client_new(test_connect_tcp("127.0.0.1", atoi(port)));
		g_autofree char *prompt = qmp_client_bytes(person, 2);

		g_assert_cmpstr(prompt, ==, "> ");
		qmp_client_free(person);
		test_run_for(NULL, 20);
	}
	for (unsigned i = 0; i < 64; i++)
		clients[i] = join_agreed(bench);
	for (unsigned i = 64; i < G_N_ELEMENTS(clients); i++) {
		clients[i] = join(bench);
		g_assert_true(qmp_client_at_end(clients[i]));
	}
	qmp_client_expect(clients[63], "{\"execute\":\"nothing\"}", "{\"return\":{}}");
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++)
		qmp_client_free(clients[i]);
	bench_free(bench);
}

/* ---- People ---- */

static void expect_line(QmpClient *client, const char *line, const char *answer)
{
	g_autofree char *text = NULL;

	qmp_client_send(client, line);
	text = qmp_client_until(client, "> ");
	g_assert_cmpstr(text, ==, answer);
}

static void test_people(void)
{
	Bench *bench = bench_new(QMP_PEOPLE);
	QmpClient *client = join(bench), *other = join(bench);
	g_autofree char *long_line = g_strnfill(70000, 'x');

	expect_line(client, "", "> ");
	expect_line(other, "", "> ");
	expect_line(client, "one\n", "> ");
	/* What is kept for a client is his. */
	expect_line(client, "two\r\n", "first: one\n> ");
	expect_line(other, "three\n", "> ");
	expect_line(other, "four\n", "first: three\n> ");
	expect_line(client, "again\n", "turn 1\nturn 2\nturn 3\n> ");
	expect_line(client, "fail\n", "not \"now\"\n> ");
	/* Bytes of a guest go out as they are. */
	expect_line(client, "bytes\n", "a\xff\"\\\n> ");
	qmp_client_send(client, long_line);
	expect_line(client, "\n", "the line is too long\n> ");
	qmp_server_event(bench->server, "NEWS", NULL);
	qmp_client_no_event(client);
	qmp_client_free(client);
	qmp_client_free(other);
	bench_free(bench);
}

static void test_human(void)
{
	Bench *bench = bench_new(QMP_JSON);
	QmpClient *client = join_agreed(bench);
	g_autofree char *text = qmp_client_human(client, "bytes");

	/* JSON has no other bytes than UTF-8. */
	g_assert_cmpstr(text, ==, "a\xef\xbf\xbd\"\\\n");
	qmp_client_free(client);
	bench_free(bench);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"greeting", test_greeting},
		{"answers", test_answers},
		{"errors", test_errors},
		{"order", test_order},
		{"later", test_later},
		{"cut-off", test_cut_off},
		{"deaf", test_deaf},
		{"events", test_events},
		{"many-events", test_many_events},
		{"fds", test_fds},
		{"many-fds", test_many_fds},
		{"places", test_places},
		{"people", test_people},
		{"human", test_human},
		{0},
	};

	return test_main(argc, argv, "qmp", cases);
}
