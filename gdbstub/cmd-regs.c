/*
 * gdbstub/cmd-regs.c - the packets g G p P: registers of the chosen CPU.
 *
 * gdb manual, "Packets". A value that can not be read is x digits in g, and an error in p, but not
 * of a task, which has saved only some.
 */
#include "gdbstub/internal.h"

static const GdbRegSet *get_set(GdbSession *session)
{
	return session->ops->registers->set(session->target);
}

static void append_unavailable(GString *out, const GdbReg *reg)
{
	for (size_t at = 0; at < gdb_reg_bytes(reg); at++)
		g_string_append(out, "xx");
}

static size_t count_bytes(const GdbReg *const *regs, unsigned n)
{
	size_t bytes = 0;

	while (n--)
		bytes += gdb_reg_bytes(regs[n]);
	return bytes;
}

/* Asked for many at once, because each question takes the target a lock. */
static GdbReply cmd_read_all(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	const GdbRegSet *set = get_set(session);
	uint8_t *bytes = gdb_session_memory(session);
	const GdbReg *const *regs;
	unsigned n = gdb_reg_set_g_count(set), n_rows, done;
	GError *error = NULL;

	if (!gdb_non_stop_check(session, session->view.place, &error))
		return gdb_reply_error(error);
	for (regs = gdb_reg_set_rows(set, &n_rows); n; regs += done, n -= done) {
		done = session->ops->registers->read(session->target, session->view.place, regs, n,
						     bytes, NULL);
		gdb_hex_append(session->reply, bytes, count_bytes(regs, done));
		if (done < n)
			append_unavailable(session->reply, regs[done++]);
	}
	return gdb_reply(GDB_REPLY_HEX);
}

static bool is_unavailable(const char *hex, size_t len)
{
	for (size_t n = 0; n < len; n++) {
		if (hex[n] != 'x')
			return false;
	}
	return true;
}

/* Reads the packet to its end before anything is written. */
static bool decode_all(const GdbRegSet *set, const char *hex, uint8_t *ret_bytes)
{
	const GdbReg *const *regs;
	unsigned n_regs;

	regs = gdb_reg_set_rows(set, &n_regs);
	for (unsigned n = 0; n < gdb_reg_set_g_count(set); n++) {
		size_t len = gdb_reg_bytes(regs[n]);

		if (!is_unavailable(hex, 2 * len) && !gdb_hex_decode(hex, 2 * len, ret_bytes))
			return false;
		hex += 2 * len;
		ret_bytes += len;
	}
	return true;
}

static bool write_all(GdbSession *session, const char *hex, const uint8_t *bytes, GError **error)
{
	const GdbRegSet *set = get_set(session);
	const GdbReg *const *regs;
	unsigned n_regs;

	regs = gdb_reg_set_rows(set, &n_regs);
	for (unsigned n = 0; n < gdb_reg_set_g_count(set); n++) {
		size_t len = gdb_reg_bytes(regs[n]);

		if (!is_unavailable(hex, 2 * len) &&
		    !session->ops->registers->write(session->target, session->view.place, regs[n],
						    bytes, error))
			return false;
		hex += 2 * len;
		bytes += len;
	}
	return true;
}

static GdbReply cmd_write_all(GdbSession *session, const GdbArgs *args)
{
	const GdbText *hex = &args->v[0].text;
	const GdbRegSet *set = get_set(session);
	size_t len = gdb_reg_set_g_bytes(set);
	uint8_t *bytes = gdb_session_memory(session);
	GError *error = NULL;

	/* Which also says that it fits: no packet is longer than GDB_PACKET_MAX. */
	if (gdb_text_left(hex) != 2 * len)
		return gdb_reply_fail(GDB_ERROR_INVAL, "G with %zu digits; expected %zu",
				      gdb_text_left(hex), 2 * len);
	if (!decode_all(set, hex->at, bytes))
		return gdb_reply_fail(GDB_ERROR_INVAL, "G: the data is not hex");
	if (!gdb_non_stop_check(session, session->view.place, &error) ||
	    !write_all(session, hex->at, bytes, &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

static const GdbReg *find_reg(GdbSession *session, uint64_t num, GdbReply *ret_reply)
{
	const GdbReg *reg = NULL;

	if (num <= G_MAXUINT)
		reg = gdb_reg_set_by_num(get_set(session), num);
	if (!reg)
		*ret_reply = gdb_reply_fail(GDB_ERROR_NOENT,
					    "no register with the number %" PRIx64 "", num);
	return reg;
}

static GdbReply cmd_read_one(GdbSession *session, const GdbArgs *args)
{
	uint8_t bytes[GDB_REG_MAX_BYTES];
	GError *error = NULL;
	const GdbReg *reg;
	GdbReply reply;

	reg = find_reg(session, args->v[0].number, &reply);
	if (!reg)
		return reply;
	if (!gdb_non_stop_check(session, session->view.place, &error))
		return gdb_reply_error(error);
	if (gdb_session_read_register(session, session->view.place, reg, bytes, &error))
		gdb_hex_append(session->reply, bytes, gdb_reg_bytes(reg));
	else if (!session->view.place.task)
		return gdb_reply_error(error);
	else
		append_unavailable(session->reply, reg);
	g_clear_error(&error);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_write_one(GdbSession *session, const GdbArgs *args)
{
	const GdbText *hex = &args->v[1].text;
	uint8_t bytes[GDB_REG_MAX_BYTES];
	GError *error = NULL;
	const GdbReg *reg;
	GdbReply reply;

	reg = find_reg(session, args->v[0].number, &reply);
	if (!reg)
		return reply;
	if (gdb_text_left(hex) != 2 * gdb_reg_bytes(reg))
		return gdb_reply_fail(GDB_ERROR_INVAL, "P: %s has %zu digits; expected %zu",
				      reg->name, gdb_text_left(hex), 2 * gdb_reg_bytes(reg));
	if (!gdb_hex_decode(hex->at, gdb_text_left(hex), bytes))
		return gdb_reply_fail(GDB_ERROR_INVAL, "P: the value of %s is not hex", reg->name);
	if (!gdb_non_stop_check(session, session->view.place, &error) ||
	    !session->ops->registers->write(session->target, session->view.place, reg, bytes,
					    &error))
		return gdb_reply_error(error);
	return gdb_reply(GDB_REPLY_OK);
}

/* While other CPUs run, too. */
#define WHEN (GDB_WHEN_STOPPED | GDB_SESSION_MIXED)

static const GdbCommand rows[] = {
	{"g", GDB_MATCH_WHOLE, NULL, WHEN, false, cmd_read_all},
	{"G", GDB_MATCH_PREFIX, "*", WHEN, false, cmd_write_all},
	{"p", GDB_MATCH_PREFIX, "x", WHEN, false, cmd_read_one},
	{"P", GDB_MATCH_PREFIX, "x=*", WHEN, false, cmd_write_one},
};

const GdbCommandTable gdb_commands_regs = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.errors = GDB_ERROR_FORM_SHOWN,
};
