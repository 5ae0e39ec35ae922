/*
 * gdbstub/cmd-lldb.c - what lldb asks beyond gdb's packets.
 *
 * LLDB's documentation, "GDB Remote Protocol Extensions". lldb needs to hear that a Linux machine
 * is here: otherwise it looks for another system's kernel in all of memory.
 */
#include "gdbstub/internal.h"

static void append_machine(GdbSession *session, bool host)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);
	const GdbArchitecture *architecture = gdb_reg_set_architecture(set);

	if (architecture->triple) {
		g_string_append(session->reply, "triple:");
		gdb_hex_append(session->reply, architecture->triple, strlen(architecture->triple));
		g_string_append_c(session->reply, ';');
	}
	if (host && architecture->host_info)
		g_string_append(session->reply, architecture->host_info);
	g_string_append_printf(session->reply, "endian:little;ptrsize:%u;",
			       architecture->pointer_bytes);
}

static GdbReply cmd_host_info(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	append_machine(session, true);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_process_info(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_string_append_printf(session->reply, "pid:%x;", GDB_PROCESS);
	append_machine(session, false);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_thread_suffix(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	session->agreed.thread_suffix = true;
	session->agreed.features.reasons = true;
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_list_threads(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	session->agreed.list_threads = true;
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_error_strings(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	session->agreed.features.error_strings = true;
	return gdb_reply(GDB_REPLY_OK);
}

static GdbReply cmd_echo(GdbSession *session, const GdbArgs *args)
{
	const GdbText *text = &args->v[0].text;

	g_string_append(session->reply, "qEcho:");
	g_string_append_len(session->reply, text->at, gdb_text_left(text));
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_watch_slots(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	if (!session->ops->breaks || !session->ops->breaks->watch_slots)
		return gdb_reply(GDB_REPLY_EMPTY);
	g_string_append_printf(session->reply, "num:%u;",
			       session->ops->breaks->watch_slots(session->target));
	return gdb_reply(GDB_REPLY_DATA);
}

/* ---- Threads ---- */

/* lldb writes it as ";thread:ID;". */
static bool take_suffix(GdbSession *session, const char *packet, size_t *len, GdbPlace *ret)
{
	static const char word[] = ";thread:";
	const size_t word_len = strlen(word);
	GdbThread thread;
	size_t at = *len;
	GdbText text;

	if (!session->agreed.thread_suffix || !*len || !strchr("gGpP", *packet))
		return false;
	/* Only the last such word counts, and it must be the end of the packet. */
	while (at > 0 && (*len - at < word_len || memcmp(packet + at, word, word_len)))
		at--;
	if (!at)
		return false;
	text = gdb_text(packet + at + word_len, *len - at - word_len);
	if (!gdb_text_thread(&text, &thread) || !gdb_text_equal(&text, ";"))
		return false;
	*len = at;
	if (!gdb_session_find_place(session, &thread, ret, NULL))
		ret->cpu = UINT_MAX;
	return true;
}

/* 0 for a register that cannot be read. */
static uint64_t read_number(GdbSession *session, GdbPlace place, const GdbReg *reg)
{
	uint8_t bytes[GDB_REG_MAX_BYTES] = {0};

	if (!reg || !gdb_session_read_register(session, place, reg, bytes, NULL))
		return 0;
	return gdb_reg_number(bytes, sizeof(uint64_t));
}

/* The program counter of @place as lldb writes numbers there: most significant digit first. */
static void append_pc(GdbSession *session, GString *out, GdbPlace place)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);

	gdb_number_append(out, read_number(session, place, gdb_reg_set_pc(set)));
}

/* "threads:1,2;thread-pcs:...;" for a client that asked for it. */
static void append_threads(GdbSession *session, GString *out)
{
	g_autoptr(GString) pcs = g_string_new(NULL);
	g_autoptr(GArray) places = NULL;
	const char *comma = "";

	if (!session->agreed.list_threads)
		return;
	places = gdb_session_places(session);
	g_string_append(out, "threads:");
	for (unsigned n = 0; n < places->len; n++) {
		GdbPlace place = g_array_index(places, GdbPlace, n);

		g_string_append_printf(out, "%s%x", comma, gdb_place_thread(place));
		g_string_append(pcs, comma);
		append_pc(session, pcs, place);
		comma = ",";
	}
	g_string_append_printf(out, ";thread-pcs:%s;", pcs->str);
}

/* ---- Memory that a backtrace reads ---- */

/* Of each a page walk, for each CPU at each stop. */
#define FRAMES_MAX 16

/* Two pointers that a frame pointer points at: the caller's frame pointer, and where it goes on. */
typedef struct Frame {
	uint64_t at;
	uint8_t bytes[16];
	size_t len;
} Frame;

/* In non-stop mode others run, and it is not asked what the guest's memory says. */
static bool read_frame(GdbSession *session, GdbPlace place, uint64_t at, Frame *ret)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);

	ret->at = at;
	ret->len = 2 * gdb_reg_set_architecture(set)->pointer_bytes;
	return !place.task && !gdb_non_stop_is_on(session) && ret->len <= sizeof(ret->bytes) &&
	       at && at <= UINT64_MAX - ret->len &&
	       session->ops->memory->read(session->target, place, at, ret->bytes, ret->len, NULL) ==
		       ret->len;
}

/* A stack grows down: whoever called has his frame above. */
static uint64_t frame_of_caller(const Frame *frame)
{
	uint64_t caller = gdb_reg_number(frame->bytes, frame->len / 2);

	return caller > frame->at ? caller : 0;
}

/* As a key of a stop reply, or as an object of JSON. */
static void append_frame(GString *out, const Frame *frame, bool json)
{
	g_string_append_printf(
		out, json ? "{\"address\":%" PRIu64 ",\"bytes\":\"" : "memory:0x%" PRIx64 "=",
		frame->at);
	gdb_hex_append(out, frame->bytes, frame->len);
	g_string_append(out, json ? "\"}" : ";");
}

static void append_frames(GdbSession *session, GString *out, GdbPlace place, bool json)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);
	uint64_t at = read_number(session, place, gdb_reg_set_generic(set, "fp"));
	Frame frame;

	for (unsigned n = 0; n < FRAMES_MAX && read_frame(session, place, at, &frame); n++) {
		g_string_append(out, json && n ? "," : "");
		append_frame(out, &frame, json);
		at = frame_of_caller(&frame);
	}
}

/* At the end of a stop reply. */
static void append_stop(GdbSession *session, GString *out)
{
	append_threads(session, out);
	if (session->agreed.features.reasons)
		append_frames(session, out, gdb_place_cpu(session->run.stop.cpu), false);
}

/* ---- Each thread ---- */

/* In hex where it may have any bytes. */
static void append_name(GdbSession *session, GdbPlace place)
{
	g_autoptr(GString) name = g_string_new(NULL);

	gdb_place_append_name(session, name, place);
	g_string_append(session->reply, place.task ? ";hexname:" : ";name:");
	if (place.task)
		gdb_hex_append(session->reply, name->str, name->len);
	else
		g_string_append(session->reply, name->str);
	g_string_append_c(session->reply, ';');
}

/* The thread that stopped has its stop reply; the others only stand. */
static GdbReply cmd_thread_stop(GdbSession *session, const GdbArgs *args)
{
	GError *error = NULL;
	GdbPlace place;

	if (!gdb_session_find_place(session, &args->v[0].thread, &place, &error))
		return gdb_reply_error(error);
	if (gdb_place_is(place, session->run.stop.cpu)) {
		gdb_session_append_stop(session, session->reply);
		return gdb_reply(GDB_REPLY_DATA);
	}
	g_string_append(session->reply, "T00thread:");
	gdb_place_append_thread(session, session->reply, place);
	append_name(session, place);
	gdb_session_append_expedited(session, session->reply, place);
	return gdb_reply(GDB_REPLY_DATA);
}

static void append_json_registers(GdbSession *session, GdbPlace place)
{
	const GdbRegSet *set = session->ops->registers->set(session->target);
	uint8_t bytes[GDB_REG_MAX_BYTES];
	const char *comma = "";
	const unsigned *nums;
	unsigned n_nums;

	nums = gdb_reg_set_expedited(set, &n_nums);
	for (unsigned n = 0; n < n_nums; n++) {
		const GdbReg *reg = gdb_reg_set_by_num(set, nums[n]);

		if (!reg || !gdb_session_read_register(session, place, reg, bytes, NULL))
			continue;
		g_string_append_printf(session->reply, "%s\"%u\":\"", comma, reg->num);
		gdb_hex_append(session->reply, bytes, gdb_reg_bytes(reg));
		g_string_append_c(session->reply, '"');
		comma = ",";
	}
}

/* RFC 8259, section 7. What is not ASCII is not shown. */
static void append_json_name(GdbSession *session, GdbPlace place)
{
	g_autoptr(GString) name = g_string_new(NULL);

	gdb_place_append_name(session, name, place);
	for (size_t n = 0; n < name->len; n++) {
		char c = g_ascii_isprint(name->str[n]) ? name->str[n] : '?';

		if (c == '"' || c == '\\')
			g_string_append_c(session->reply, '\\');
		g_string_append_c(session->reply, c);
	}
}

static void append_json_stop(GdbSession *session, const GdbStop *stop)
{
	const char *reason = gdb_stop_reason(stop->kind);

	g_string_append_printf(session->reply, ",\"reason\":\"%s\",\"signal\":%u", reason,
			       gdb_stop_signal(stop->kind));
	/* lldb reads the address that was hit out of the text. */
	if (g_str_equal(reason, "watchpoint"))
		g_string_append_printf(session->reply, ",\"description\":\"%" PRIu64 " 0\"",
				       stop->addr);
}

static GdbReply cmd_threads_json(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	g_autoptr(GArray) places = gdb_session_places(session);

	for (unsigned n = 0; n < places->len; n++) {
		GdbPlace place = g_array_index(places, GdbPlace, n);

		g_string_append_printf(session->reply, "%s{\"tid\":%u,\"name\":\"",
				       session->reply->len ? "," : "[", gdb_place_thread(place));
		append_json_name(session, place);
		g_string_append_c(session->reply, '"');
		if (gdb_place_is(place, session->run.stop.cpu))
			append_json_stop(session, &session->run.stop);
		g_string_append(session->reply, ",\"registers\":{");
		append_json_registers(session, place);
		g_string_append(session->reply, "},\"memory\":[");
		append_frames(session, session->reply, place, true);
		g_string_append(session->reply, "]}");
	}
	g_string_append_c(session->reply, ']');
	return gdb_reply(GDB_REPLY_DATA);
}

/* ---- Memory ---- */

static GdbReply cmd_region(GdbSession *session, const GdbArgs *args)
{
	GdbRegion region = {0};
	GError *error = NULL;

	if (!session->ops->memory->region)
		return gdb_reply(GDB_REPLY_EMPTY);
	if (!session->ops->memory->region(session->target, session->view.place, args->v[0].number,
					  &region, &error))
		return gdb_reply_error(error);
	/* The whole space has no size in 64 bits: it is reported without its last byte. */
	g_string_append_printf(session->reply, "start:%" PRIx64 ";size:%" PRIx64 ";", region.start,
			       MAX(region.last - region.start + 1, region.last - region.start));
	if (region.mapped)
		g_string_append_printf(session->reply, "permissions:%s%s%s;",
				       region.read ? "r" : "", region.write ? "w" : "",
				       region.execute ? "x" : "");
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_region_known(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	return gdb_reply(session->ops->memory->region ? GDB_REPLY_OK : GDB_REPLY_EMPTY);
}

static const GdbCommand rows[] = {
	{"qHostInfo", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_host_info},
	{"qProcessInfo", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_process_info},
	{"QThreadSuffixSupported", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_thread_suffix},
	{"QListThreadsInStopReply", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_list_threads},
	{"QEnableErrorStrings", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_error_strings},
	{"qEcho:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_echo},
	{"qWatchpointSupportInfo:", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_watch_slots},
	{"qThreadStopInfo", GDB_MATCH_PREFIX, "t", GDB_WHEN_STOPPED, false, cmd_thread_stop},
	{"jThreadsInfo", GDB_MATCH_WHOLE, NULL, GDB_WHEN_STOPPED, false, cmd_threads_json},
	{"qMemoryRegionInfo", GDB_MATCH_WHOLE, NULL, GDB_ALWAYS, false, cmd_region_known},
	{"qMemoryRegionInfo:", GDB_MATCH_PREFIX, "x", GDB_WHEN_STOPPED, false, cmd_region},
};

static const GdbHooks hooks = {
	.take_place = take_suffix,
	.append_stop = append_stop,
};

const GdbCommandTable gdb_commands_lldb = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.hooks = &hooks,
};
