/*
 * tests/test-qmp-frame.c - messages and lines out of bytes (qmp/frame.h).
 */
#include <string.h>

#include "qmp/frame.h"
#include "tests/test-util.h"

/* What @bytes give, with | behind each text and ! for each that is bad; in pieces of @piece. */
static char *run(QmpFrameKind kind, const char *bytes, size_t len, size_t piece)
{
	GString *out = g_string_new(NULL);
	QmpFrame frame;

	qmp_frame_init(&frame, kind);
	for (size_t at = 0; at < len;) {
		QmpFrameEvent event;
		size_t left = MIN(piece, len - at),
		       n = qmp_frame_feed(&frame, bytes + at, left, &event);

		g_assert_cmpuint(n, >=, 1);
		g_assert_cmpuint(n, <=, left);
		at += n;
		if (event == QMP_FRAME_TEXT)
			g_string_append_printf(out, "%s|", frame.text->str);
		else if (event == QMP_FRAME_BAD)
			g_string_append_c(out, '!');
		else
			g_assert_true(n == left);
	}
	qmp_frame_clear(&frame);
	return g_string_free(out, FALSE);
}

static void expect(QmpFrameKind kind, const char *bytes, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(bytes) + 1; piece++) {
		g_autofree char *got = run(kind, bytes, strlen(bytes), piece);

		g_assert_cmpstr(got, ==, expected);
	}
}

static void test_messages(void)
{
	expect(QMP_FRAME_JSON, "{}", "{}|");
	expect(QMP_FRAME_JSON, " \r\n\t{\"a\":[1,{}]}\r\n{}[]", "{\"a\":[1,{}]}|{}|[]|");
	/* White space in a message is the parser's. */
	expect(QMP_FRAME_JSON, "{\n \"a\" :\n 1\n}\n{", "{\n \"a\" :\n 1\n}|");
}

static void test_strings(void)
{
	expect(QMP_FRAME_JSON, "{\"}{\":\"]\"}", "{\"}{\":\"]\"}|");
	expect(QMP_FRAME_JSON, "{\"\\\"}\":1}{\"\\\\\"}", "{\"\\\"}\":1}|{\"\\\\\"}|");
}

static void test_bad(void)
{
	/* The rest of the line belongs to it. */
	expect(QMP_FRAME_JSON, "quit {}\n{}", "!{}|");
	expect(QMP_FRAME_JSON, "} {}\n{}", "!{}|");
	expect(QMP_FRAME_JSON, "1\n\"x\"\n{}", "!!{}|");
	/* A string has no line end, so what follows is a message again. */
	expect(QMP_FRAME_JSON, "{\"execute\n{}", "!{}|");
	expect(QMP_FRAME_JSON, "{\"a\xff\": {}}\n{}", "!{}|");
	/* Brackets of the wrong kind are for the parser. */
	expect(QMP_FRAME_JSON, "{]{}", "{]|{}|");
}

static void expect_big(size_t len, char fill, const char *end, const char *expected)
{
	g_autofree char *bytes = g_malloc(len + 32), *got = NULL;

	memset(bytes, fill, len);
	g_strlcpy(bytes + len, end, 32);
	if (fill == 'a')
		memcpy(bytes, "{\"", 2);
	got = run(QMP_FRAME_JSON, bytes, strlen(bytes), 4096);
	g_assert_cmpstr(got, ==, expected);
}

static void test_limits(void)
{
	g_autofree char *longest = NULL;

	expect_big(QMP_DEPTH_MAX + 1, '[', "\n{}", "!{}|");
	expect_big(QMP_TEXT_MAX + 1, 'a', "\"}\n{}", "!{}|");
	expect_big(1000 * 1000, '[', "]\n{}", "!{}|");
	/* As long and as deep as it may be. */
	longest = g_strnfill(QMP_TEXT_MAX - 2, ' ');
	longest[0] = '[';
	for (unsigned i = 1; i < QMP_DEPTH_MAX; i++)
		longest[i] = '[';
	{
		g_autofree char *ends = g_strnfill(QMP_DEPTH_MAX, ']');
		g_autofree char *text = NULL, *got = NULL, *expected = NULL;

		longest[QMP_TEXT_MAX - QMP_DEPTH_MAX] = '\0';
		text = g_strconcat(longest, ends, NULL);
		g_assert_cmpuint(strlen(text), ==, QMP_TEXT_MAX);
		expected = g_strconcat(text, "|", NULL);
		got = run(QMP_FRAME_JSON, text, strlen(text), 4096);
		g_assert_cmpstr(got, ==, expected);
	}
}

static void test_lines(void)
{
	g_autofree char *bytes = g_strnfill(QMP_TEXT_MAX + 1, 'x');
	g_autofree char *text = g_strconcat(bytes, "\nhelp\n", NULL), *got = NULL;

	expect(QMP_FRAME_LINES, "info cpus\nquit\r\n\nx", "info cpus|quit||");
	expect(QMP_FRAME_LINES, "a\rb\n", "a\rb|");
	g_clear_pointer(&got, g_free);
	got = run(QMP_FRAME_LINES, "quit\0x\n", 7, 7);
	g_assert_cmpstr(got, ==, "quit x|");
	g_clear_pointer(&got, g_free);
	got = run(QMP_FRAME_LINES, text, strlen(text), 4096);
	g_assert_cmpstr(got, ==, "!help|");
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"messages", test_messages}, {"strings", test_strings}, {"bad", test_bad},
		{"limits", test_limits},     {"lines", test_lines},	{0},
	};

	return test_main(argc, argv, "qmp-frame", cases);
}
