/*
 * gdbstub/cmd-file.c - vFile: the target's own files, which the client reads through the
 * connection.
 *
 * gdb manual, "Host I/O Packets", "struct stat", "Errno Values", "Open Flags"; for size, mode and
 * exists LLDB's documentation, "GDB Platform Packets". Read only, and no file but those that the
 * target offers. A client that is not offered any hears that the packets are not known.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gdbstub/internal.h"

/* The errors of the packets, which have numbers of their own. Those of GdbError are the same. */
enum {
	FILE_ENOENT = GDB_ERROR_NOENT,
	FILE_EIO = GDB_ERROR_IO,
	FILE_EBADF = 9,
	FILE_EBUSY = GDB_ERROR_BUSY,
	FILE_EINVAL = GDB_ERROR_INVAL,
	FILE_EMFILE = 24,
	FILE_EROFS = 30,
	FILE_ENAMETOOLONG = 91,
};

enum {
	FILE_WRITE_FLAGS = 0x1 | 0x2 | 0x8 | 0x200 | 0x400 | 0x800,
	FILE_MODE = 0100444,
	PATH_LENGTH_MAX = 4096,
	PREAD_HEADER = 16, /* "F", the number of bytes and ";" */
	PREAD_FIRST = 8192,
};

const char *gdb_session_program(GdbSession *session)
{
	const GdbFileOps *files = session->ops->files;

	if (!session->program && !session->agreed.files_refused && files &&
	    session->state == GDB_SESSION_STOPPED)
		session->program = g_strdup(files->program(session->target));
	return session->program;
}

bool gdb_session_reads_files(GdbSession *session)
{
	if (gdb_session_program(session))
		return true;
	return session->elsewhere && session->ops->files && !session->agreed.files_refused &&
	       gdb_session_exec_file(session);
}

static GdbReply file_error(GdbSession *session, int number)
{
	g_string_append_printf(session->reply, "F-1,%x", number);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply file_result(GdbSession *session, uint64_t number)
{
	g_string_append_c(session->reply, 'F');
	gdb_number_append(session->reply, number);
	return gdb_reply(GDB_REPLY_DATA);
}

/* ---- From a path to a file ---- */

/* What a packet wants of the file @fd, which it takes over, and which is at @path. */
typedef GdbReply FileUse(GdbSession *session, const char *path, int fd);

typedef struct OpenWork {
	GdbWork work;
	char *path;
	FileUse *use;
} OpenWork;

static GdbReply open_failed(GdbSession *session, const char *path, const GError *error)
{
	if (session->log)
		gdb_log_line(session->log, "%s: %s", path, error->message);
	return file_error(session, error->domain == GDB_ERROR ? error->code : FILE_EIO);
}

static bool try_open(GdbSession *session, const char *path, FileUse *use, GdbReply *ret_reply)
{
	g_autoptr(GError) error = NULL;
	int fd = session->ops->files->open(session->target, path, &error);

	if (fd < 0 && !error)
		return false;
	*ret_reply = fd < 0 ? open_failed(session, path, error) : use(session, path, fd);
	return true;
}

static bool open_step(GdbSession *session, GdbWork *base, GdbReply *ret_reply)
{
	OpenWork *work = (OpenWork *)base;

	return try_open(session, work->path, work->use, ret_reply);
}

static void open_free(GdbWork *base)
{
	OpenWork *work = (OpenWork *)base;

	g_free(work->path);
	g_free(work);
}

/* 0, or an error. */
static int decode_path(const GdbText *hex, char **ret_path)
{
	size_t len = gdb_text_left(hex) / 2;
	g_autofree char *path = NULL;

	if (len > PATH_LENGTH_MAX)
		return FILE_ENAMETOOLONG;
	path = g_malloc0(len + 1);
	if (!gdb_hex_decode(hex->at, gdb_text_left(hex), (uint8_t *)path))
		return FILE_EINVAL;
	if (strlen(path) < len)
		return FILE_ENOENT;
	*ret_path = g_steal_pointer(&path);
	return 0;
}

static GdbReply with_file(GdbSession *session, const GdbText *hex, FileUse *use)
{
	g_autofree char *path = NULL;
	int number = decode_path(hex, &path);
	OpenWork *work;
	GdbReply reply;

	if (number)
		return file_error(session, number);
	if (session->state != GDB_SESSION_STOPPED)
		return file_error(session, FILE_EBUSY);
	if (try_open(session, path, use, &reply))
		return reply;
	work = g_new0(OpenWork, 1);
	*work = (OpenWork){.work = {.step = open_step, .free = open_free},
			   .path = g_steal_pointer(&path),
			   .use = use};
	session->work = &work->work;
	return gdb_reply(GDB_REPLY_WORK);
}

/* ---- Descriptors ---- */

static void close_files(GdbSession *session)
{
	for (unsigned n = 0; n < GDB_FILES_MAX; n++) {
		if (session->files[n].fd)
			close(session->files[n].fd - 1);
		session->files[n] = (GdbOpenFile){0};
	}
	session->known = (GdbKnownProgram){0};
	g_clear_pointer(&session->program, g_free);
}

static GdbReply keep_file(GdbSession *session, const char *path, int fd)
{
	bool is_program = g_strcmp0(path, session->program) == 0;

	for (unsigned n = 0; n < GDB_FILES_MAX; n++) {
		if (session->files[n].fd)
			continue;
		session->files[n] = (GdbOpenFile){.fd = fd + 1, .is_program = is_program};
		if (is_program)
			gdb_session_program_opened(session);
		return file_result(session, n);
	}
	close(fd);
	return file_error(session, FILE_EMFILE);
}

/* -1: there is no such one. */
static int find_file(const GdbSession *session, uint64_t n)
{
	return n < GDB_FILES_MAX ? session->files[n].fd - 1 : -1;
}

static GdbReply cmd_open(GdbSession *session, const GdbArgs *args)
{
	if (args->v[1].number & FILE_WRITE_FLAGS)
		return file_error(session, FILE_EROFS);
	return with_file(session, &args->v[0].text, keep_file);
}

static GdbReply cmd_close(GdbSession *session, const GdbArgs *args)
{
	int fd = find_file(session, args->v[0].number);

	if (fd < 0)
		return file_error(session, FILE_EBADF);
	close(fd);
	session->files[args->v[0].number] = (GdbOpenFile){0};
	return file_result(session, 0);
}

/*
 * gdb asks for a whole packet of bytes whenever it wants a few, also where each section of an ELF
 * file begins: it gets those when it goes on.
 */
static size_t read_ahead(const GdbOpenFile *file, uint64_t offset)
{
	return offset && offset == file->next ? GDB_PACKET_MAX - PREAD_HEADER : PREAD_FIRST;
}

static GdbReply cmd_pread(GdbSession *session, const GdbArgs *args)
{
	const size_t room = GDB_PACKET_MAX - PREAD_HEADER;
	int fd = find_file(session, args->v[0].number);
	GdbOpenFile *file = fd < 0 ? NULL : &session->files[args->v[0].number];
	uint64_t offset = args->v[2].number;
	size_t count = file ? MIN(args->v[1].number, read_ahead(file, offset)) : 0;
	uint8_t *buf = gdb_session_memory(session);
	ssize_t n = 0;

	if (fd < 0)
		return file_error(session, FILE_EBADF);
	if (offset <= INT64_MAX - room)
		n = pread(fd, buf, count, offset);
	if (n < 0)
		return file_error(session, FILE_EIO);
	n = gdb_frame_fit(buf, n, room);
	file->next = offset + n;
	if (file->is_program)
		gdb_session_program_read(session, fd, n);
	file_result(session, n);
	g_string_append_c(session->reply, ';');
	g_string_append_len(session->reply, (const char *)buf, n);
	return gdb_reply(GDB_REPLY_DATA);
}

/* ---- What is known of a file ---- */

static void append_big_endian(GString *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		g_string_append_c(out, (char)(value >> 8 * bytes));
}

static GdbReply tell_stat(GdbSession *session, int fd)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct stat st;

	if (fstat(fd, &st))
		return file_error(session, FILE_EIO);
	append_big_endian(bytes, st.st_dev, 4);
	append_big_endian(bytes, st.st_ino, 4);
	append_big_endian(bytes, FILE_MODE, 4);
	append_big_endian(bytes, 1, 4); /* st_nlink; then st_uid, st_gid and st_rdev */
	append_big_endian(bytes, 0, 4);
	append_big_endian(bytes, 0, 4);
	append_big_endian(bytes, 0, 4);
	append_big_endian(bytes, st.st_size, 8);
	append_big_endian(bytes, st.st_blksize, 8);
	append_big_endian(bytes, st.st_blocks, 8);
	append_big_endian(bytes, st.st_atime, 4);
	append_big_endian(bytes, st.st_mtime, 4);
	append_big_endian(bytes, st.st_ctime, 4);
	file_result(session, bytes->len);
	g_string_append_c(session->reply, ';');
	g_string_append_len(session->reply, bytes->str, bytes->len);
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply cmd_fstat(GdbSession *session, const GdbArgs *args)
{
	int fd = find_file(session, args->v[0].number);

	return fd < 0 ? file_error(session, FILE_EBADF) : tell_stat(session, fd);
}

static GdbReply tell_stat_and_close(GdbSession *session, G_GNUC_UNUSED const char *path, int fd)
{
	GdbReply reply = tell_stat(session, fd);

	close(fd);
	return reply;
}

static GdbReply tell_size(GdbSession *session, G_GNUC_UNUSED const char *path, int fd)
{
	struct stat st = {0};
	bool known = fstat(fd, &st) == 0;

	close(fd);
	return known ? file_result(session, st.st_size) : file_error(session, FILE_EIO);
}

static GdbReply tell_mode(GdbSession *session, G_GNUC_UNUSED const char *path, int fd)
{
	close(fd);
	return file_result(session, FILE_MODE);
}

static GdbReply tell_exists(GdbSession *session, G_GNUC_UNUSED const char *path, int fd)
{
	close(fd);
	g_string_append(session->reply, "F,1");
	return gdb_reply(GDB_REPLY_DATA);
}

static GdbReply tell_no_link(GdbSession *session, G_GNUC_UNUSED const char *path, int fd)
{
	close(fd);
	return file_error(session, FILE_EINVAL);
}

static GdbReply cmd_stat(GdbSession *session, const GdbArgs *args)
{
	return with_file(session, &args->v[0].text, tell_stat_and_close);
}

static GdbReply cmd_readlink(GdbSession *session, const GdbArgs *args)
{
	return with_file(session, &args->v[0].text, tell_no_link);
}

static GdbReply cmd_size(GdbSession *session, const GdbArgs *args)
{
	return with_file(session, &args->v[0].text, tell_size);
}

static GdbReply cmd_mode(GdbSession *session, const GdbArgs *args)
{
	return with_file(session, &args->v[0].text, tell_mode);
}

static GdbReply cmd_exists(GdbSession *session, const GdbArgs *args)
{
	return with_file(session, &args->v[0].text, tell_exists);
}

/* There is one file system, whatever process is named. */
static GdbReply cmd_setfs(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	return file_result(session, 0);
}

static GdbReply cmd_read_only(GdbSession *session, G_GNUC_UNUSED const GdbArgs *args)
{
	return file_error(session, FILE_EROFS);
}

/* ---- The packets ---- */

static const GdbCommand operations[] = {
	{"setfs:", GDB_MATCH_PREFIX, "x", GDB_ALWAYS, false, cmd_setfs},
	{"open:", GDB_MATCH_PREFIX, "s,x,x", GDB_ALWAYS, false, cmd_open},
	{"close:", GDB_MATCH_PREFIX, "x", GDB_ALWAYS, false, cmd_close},
	{"pread:", GDB_MATCH_PREFIX, "x,x,x", GDB_ALWAYS, false, cmd_pread},
	{"fstat:", GDB_MATCH_PREFIX, "x", GDB_ALWAYS, false, cmd_fstat},
	{"stat:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_stat},
	{"lstat:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_stat},
	{"readlink:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_readlink},
	{"size:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_size},
	{"mode:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_mode},
	{"exists:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_exists},
	{"pwrite:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_read_only},
	{"unlink:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_read_only},
};

static const GdbCommandTable operation_table = {
	.rows = operations,
	.n_rows = G_N_ELEMENTS(operations),
};

static void handle(GdbSession *session, const GdbCommand *row, GdbText rest, GdbReply *ret)
{
	GdbArgs args;

	if (gdb_command_parse(row->schema, rest, &args))
		*ret = row->handler(session, &args);
	else
		*ret = file_error(session, FILE_EINVAL);
}

static GdbReply cmd_file(GdbSession *session, const GdbArgs *args)
{
	const GdbCommandTable *const tables[] = {&operation_table, NULL};
	const GdbText *text = &args->v[0].text;
	const GdbCommand *row;
	GdbText rest;
	GdbReply reply;

	if (!gdb_session_knows_program(session))
		return gdb_reply(GDB_REPLY_WORK);
	if (!gdb_session_reads_files(session)) {
		session->agreed.files_refused = true;
		return gdb_reply(GDB_REPLY_EMPTY);
	}
	row = gdb_command_find(tables, text->at, gdb_text_left(text), &rest);
	if (!row)
		return gdb_reply(GDB_REPLY_EMPTY);
	handle(session, row, rest, &reply);
	return reply;
}

static const GdbCommand rows[] = {
	{"vFile:", GDB_MATCH_PREFIX, "*", GDB_ALWAYS, false, cmd_file},
};

static const GdbHooks hooks = {.gone = close_files};

const GdbCommandTable gdb_commands_file = {
	.rows = rows,
	.n_rows = G_N_ELEMENTS(rows),
	.hooks = &hooks,
};
