/*
 * tests/rsp-client.c - owns the raw client of the gdb remote protocol.
 */
#include "tests/rsp-client.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test-util.h"

static gboolean client_readable(int fd, GIOCondition condition, gpointer data)
{
	RspClient *client = data;
	uint8_t buf[65536];
	ssize_t n;

	(void)condition;
	n = read(fd, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		client->eof = true;
		return G_SOURCE_REMOVE;
	}
	g_byte_array_append(client->in, buf, n);
	client->received += n;
	return G_SOURCE_CONTINUE;
}

void rsp_client_set_deaf(RspClient *client, bool deaf)
{
	if (client->source) {
		g_source_destroy(client->source);
		g_clear_pointer(&client->source, g_source_unref);
	}
	if (deaf || client->eof)
		return;
	client->source = g_unix_fd_source_new(client->fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	g_source_set_callback(client->source, G_SOURCE_FUNC(client_readable), client, NULL);
	g_source_attach(client->source, client->context);
}

RspClient *rsp_client_new(GMainContext *context, int fd)
{
	RspClient *client = g_new0(RspClient, 1);

	g_assert_cmpint(fd, >=, 0);
	client->context = context;
	client->in = g_byte_array_new();
	client->fd = fd;
	g_assert_true(g_unix_set_fd_nonblocking(fd, TRUE, NULL));
	rsp_client_set_deaf(client, false);
	return client;
}

void rsp_client_free(RspClient *client)
{
	rsp_client_set_deaf(client, true);
	g_byte_array_unref(client->in);
	close(client->fd);
	g_free(client);
}

bool rsp_client_write(RspClient *client, const void *data, size_t len)
{
	int64_t deadline = g_get_monotonic_time() + TEST_PATIENCE * (int64_t)1000;
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = send(client->fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == ENOTSOCK)
			n = write(client->fd, p, len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0 && g_get_monotonic_time() > deadline)
			g_error("the server does not take %zu bytes", len);
		if (n < 0) {
			test_run_for(client->context, 1);
			continue;
		}
		p += n;
		len -= n;
	}
	return true;
}

bool rsp_client_puts(RspClient *client, const char *text)
{
	return rsp_client_write(client, text, strlen(text));
}

static GByteArray *frame_bytes(const void *data, size_t len)
{
	GByteArray *out = g_byte_array_new();
	const uint8_t *bytes = data;
	char tail[4];
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += bytes[i];
	g_byte_array_append(out, (const uint8_t *)"$", 1);
	g_byte_array_append(out, bytes, len);
	g_snprintf(tail, sizeof(tail), "#%02x", sum);
	g_byte_array_append(out, (const uint8_t *)tail, 3);
	return out;
}

char *rsp_frame(const char *text)
{
	GByteArray *out = frame_bytes(text, strlen(text));

	g_byte_array_append(out, (const uint8_t *)"", 1);
	return (char *)g_byte_array_free(out, FALSE);
}

void rsp_client_send_bytes(RspClient *client, const void *data, size_t len)
{
	g_autoptr(GByteArray) out = frame_bytes(data, len);

	rsp_client_write(client, out->data, out->len);
}

void rsp_client_send(RspClient *client, const char *text)
{
	rsp_client_send_bytes(client, text, strlen(text));
}

static char *decode(const uint8_t *raw, size_t len, size_t *ret_len)
{
	GString *out = g_string_new(NULL);

	for (size_t i = 0; i < len; i++) {
		if (raw[i] == '}' && i + 1 < len) {
			g_string_append_c(out, raw[++i] ^ 0x20);
		} else if (raw[i] == '*' && i + 1 < len && out->len > 0) {
			char last = out->str[out->len - 1];

			g_assert_cmpuint(raw[i + 1], >=, 32);
			g_assert_cmpuint(raw[i + 1], <=, 126);
			for (int n = raw[++i] - 29; n > 0; n--)
				g_string_append_c(out, last);
		} else {
			g_string_append_c(out, raw[i]);
		}
	}
	if (ret_len)
		*ret_len = out->len;
	return g_string_free(out, FALSE);
}

/* Consumes the acknowledgements in front; a byte that begins nothing fails the test. */
static void take_acks(RspClient *client)
{
	while (client->in->len > 0 && client->in->data[0] != '$' && client->in->data[0] != '%') {
		uint8_t c = client->in->data[0];

		if (c != '+' && c != '-')
			g_error("the server sent the stray byte 0x%02x", c);
		if (c == '+')
			client->acks++;
		else
			client->naks++;
		g_byte_array_remove_index(client->in, 0);
	}
}

static char *take_packet(RspClient *client, size_t *ret_len)
{
	const uint8_t *data, *hash;
	char *payload;
	uint8_t sum = 0;
	bool is_note;
	size_t len;

	take_acks(client);
	data = client->in->data;
	is_note = client->in->len && data[0] == '%';
	hash = client->in->len ? memchr(data, '#', client->in->len) : NULL;
	if (!hash || hash + 3 > data + client->in->len)
		return NULL;
	len = hash - data - 1;
	for (size_t i = 0; i < len; i++)
		sum += data[1 + i];
	g_assert_cmpint(g_ascii_xdigit_value(hash[1]) * 16 + g_ascii_xdigit_value(hash[2]), ==,
			sum);
	payload = decode(data + 1, len, ret_len);
	g_byte_array_remove_range(client->in, 0, len + 4);
	if (is_note) {
		g_autofree char *text = payload;

		if (ret_len)
			++*ret_len;
		return g_strconcat("%", text, NULL);
	}
	if (!client->no_ack && !client->mute)
		rsp_client_puts(client, "+");
	return payload;
}

typedef struct Wanted {
	RspClient *client;
	char *payload;
	size_t len, raw;
} Wanted;

static bool have_packet(void *data)
{
	Wanted *wanted = data;

	wanted->payload = take_packet(wanted->client, &wanted->len);
	return wanted->payload || wanted->client->eof;
}

char *rsp_client_poll(RspClient *client, unsigned ms, size_t *ret_len)
{
	Wanted wanted = {.client = client};

	test_wait(client->context, have_packet, &wanted, ms);
	if (ret_len)
		*ret_len = wanted.len;
	return wanted.payload;
}

char *rsp_client_recv(RspClient *client, size_t *ret_len)
{
	char *payload = rsp_client_poll(client, TEST_PATIENCE, ret_len);

	if (!payload)
		g_error(client->eof ? "the server closed, a packet was expected"
				    : "no packet from the server within %d ms",
			TEST_PATIENCE);
	return payload;
}

char *rsp_client_ask(RspClient *client, const char *text)
{
	rsp_client_send(client, text);
	return rsp_client_recv(client, NULL);
}

char *rsp_text(const char *hex)
{
	GString *text = g_string_new(NULL);

	for (; hex[0] && hex[1]; hex += 2)
		g_string_append_c(text, (char)(g_ascii_xdigit_value(hex[0]) << 4 |
					       g_ascii_xdigit_value(hex[1])));
	return g_string_free(text, FALSE);
}

char *rsp_client_monitor(RspClient *client, const char *command)
{
	g_autoptr(GString) packet = g_string_new("qRcmd,"), text = g_string_new(NULL);

	for (const char *at = command; *at; at++)
		g_string_append_printf(packet, "%02x", (uint8_t)*at);
	rsp_client_send(client, packet->str);
	for (;;) {
		g_autofree char *reply = rsp_client_recv(client, NULL);

		if (g_str_equal(reply, "OK"))
			return g_strdup(text->str);
		g_assert_cmpint(reply[0], ==, 'O');
		g_autofree char *line = rsp_text(reply + 1);

		g_string_append(text, line);
	}
}

void rsp_expect_next(RspClient *client, const char *reply)
{
	g_autofree char *got = rsp_client_recv(client, NULL);

	g_assert_cmpstr(got, ==, reply);
}

char *rsp_expect_next_prefix(RspClient *client, const char *prefix)
{
	char *got = rsp_client_recv(client, NULL);

	if (!g_str_has_prefix(got, prefix))
		g_error("expected \"%s...\", the server said \"%s\"", prefix, got);
	return got;
}

void rsp_expect(RspClient *client, const char *text, const char *reply)
{
	g_autofree char *got = rsp_client_ask(client, text);

	if (strcmp(got, reply) != 0)
		g_error("%s: expected \"%s\", the server said \"%s\"", text, reply, got);
}

void rsp_expect_prefix(RspClient *client, const char *text, const char *prefix)
{
	g_autofree char *got = rsp_client_ask(client, text);

	if (!g_str_has_prefix(got, prefix))
		g_error("%s: expected \"%s...\", the server said \"%s\"", text, prefix, got);
}

static void play_line(RspClient *client, const RspLine *line)
{
	g_autofree char *whole = g_strdup_printf("^(%s)$", line->reply), *got = NULL;

	if (line->packet)
		rsp_client_send(client, line->packet);
	got = rsp_client_recv(client, NULL);
	if (g_strcmp0(line->packet, "QStartNoAckMode") == 0)
		client->no_ack = true;
	if (g_regex_match_simple(whole, got, G_REGEX_DOTALL | G_REGEX_RAW, 0))
		return;
	g_test_message("'%s' -> '%s', expected /%s/", line->packet ? line->packet : "(nothing)",
		       got, line->reply);
	g_test_fail();
}

void rsp_play(RspClient *client, const RspLine *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		play_line(client, &lines[i]);
}

static bool is_error(const char *s)
{
	if (s[0] != 'E')
		return false;
	return s[1] == '.' ||
	       (g_ascii_isxdigit(s[1]) && g_ascii_isxdigit(s[2]) && (s[3] == '\0' || s[3] == ' '));
}

void rsp_expect_error(RspClient *client, const char *text)
{
	g_autofree char *got = rsp_client_ask(client, text);

	if (!is_error(got))
		g_error("%.60s: expected an error, the server said \"%.60s\"", text, got);
}

void rsp_expect_silence(RspClient *client, unsigned ms)
{
	uint64_t before = client->received;

	g_assert_cmpuint(client->in->len, ==, 0);
	test_run_for(client->context, ms);
	if (client->received != before)
		g_error("expected silence, the server said \"%.*s\"", (int)client->in->len,
			(char *)client->in->data);
}

static bool at_eof(void *data)
{
	RspClient *client = data;

	g_byte_array_set_size(client->in, 0);
	return client->eof;
}

void rsp_expect_eof(RspClient *client)
{
	g_assert_true(test_wait(client->context, at_eof, client, TEST_PATIENCE));
}

static bool have_bytes(void *data)
{
	Wanted *wanted = data;

	return wanted->client->in->len >= wanted->raw || wanted->client->eof;
}

void rsp_expect_bytes(RspClient *client, size_t n)
{
	Wanted wanted = {.client = client, .raw = n};

	g_assert_true(test_wait(client->context, have_bytes, &wanted, TEST_PATIENCE));
	g_assert_cmpuint(client->in->len, >=, n);
}
