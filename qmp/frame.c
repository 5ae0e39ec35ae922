/*
 * qmp/frame.c - where a message ends in what a client sends.
 */
#include "qmp/frame.h"

void qmp_frame_init(QmpFrame *frame, QmpFrameKind kind)
{
	*frame = (QmpFrame){.kind = kind, .text = g_string_new(NULL)};
}

void qmp_frame_clear(QmpFrame *frame)
{
	g_string_free(g_steal_pointer(&frame->text), TRUE);
}

static void start(QmpFrame *frame)
{
	g_string_truncate(frame->text, 0);
	frame->depth = 0;
	frame->in_string = frame->escaped = frame->bad = frame->complete = false;
}

static bool keep(QmpFrame *frame, char c)
{
	if (frame->text->len == QMP_TEXT_MAX)
		return false;
	g_string_append_c(frame->text, c);
	return true;
}

/* FALSE: @c cannot be there. */
static bool take_in_string(QmpFrame *frame, char c)
{
	if (c == '\n' || c == '\xff')
		return false;
	if (frame->escaped)
		frame->escaped = false;
	else if (c == '\\')
		frame->escaped = true;
	else if (c == '"')
		frame->in_string = false;
	return keep(frame, c);
}

static bool take_json(QmpFrame *frame, char c)
{
	bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';

	if (frame->in_string)
		return take_in_string(frame, c);
	if (!frame->depth && g_ascii_isspace(c))
		return true;
	if (!frame->depth && !opens)
		return false;
	if (opens && ++frame->depth > QMP_DEPTH_MAX)
		return false;
	if (closes)
		frame->complete = --frame->depth == 0;
	frame->in_string = c == '"';
	return keep(frame, c);
}

static bool take_line(QmpFrame *frame, char c)
{
	frame->complete = c == '\n';
	if (!frame->complete)
		return keep(frame, c ? c : ' ');
	if (g_str_has_suffix(frame->text->str, "\r"))
		g_string_truncate(frame->text, frame->text->len - 1);
	return true;
}

static QmpFrameEvent take(QmpFrame *frame, char c)
{
	bool (*take_one)(QmpFrame *, char) = frame->kind == QMP_FRAME_JSON ? take_json : take_line;

	if (!frame->bad)
		frame->bad = !take_one(frame, c);
	if (frame->bad && c == '\n') {
		frame->complete = true;
		return QMP_FRAME_BAD;
	}
	return frame->complete ? QMP_FRAME_TEXT : QMP_FRAME_NONE;
}

size_t qmp_frame_feed(QmpFrame *frame, const char *data, size_t len, QmpFrameEvent *ret_event)
{
	*ret_event = QMP_FRAME_NONE;
	if (frame->complete)
		start(frame);
	for (size_t n = 0; n < len; n++) {
		*ret_event = take(frame, data[n]);
		if (*ret_event != QMP_FRAME_NONE)
			return n + 1;
	}
	return len;
}
