/*
 * gdbstub/log.c - lines into a file, each written out at once, so that a crash loses none.
 */
#include "gdbstub/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

struct GdbLog {
	int fd;
	GMutex lock;
	gint64 start;
	unsigned lost; /* lines, since the last one that was written */
};

/*
 * O_NONBLOCK: a FIFO that nobody reads, or nobody goes on to read, must not hold the machine up. It
 * has a reader at first; that we are one, too, keeps SIGPIPE from us when that one goes.
 */
static int create(const char *path)
{
	int flags = O_CLOEXEC | O_NONBLOCK;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | flags, 0666), both = -1;
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
		both = open(path, O_RDWR | flags);
	if (both < 0)
		return fd;
	close(fd);
	return both;
}

GdbLog *gdb_log_open(const char *path, GError **error)
{
	int fd = create(path);
	GdbLog *log;

	if (fd < 0) {
		int err = errno;

		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(err),
			    "cannot write the log %s: %s", path, g_strerror(err));
		return NULL;
	}
	log = g_new0(GdbLog, 1);
	log->fd = fd;
	log->start = g_get_monotonic_time();
	g_mutex_init(&log->lock);
	return log;
}

void gdb_log_free(GdbLog *log)
{
	if (!log)
		return;
	close(log->fd);
	g_mutex_clear(&log->lock);
	g_free(log);
}

/* All of @text, or what there is room for: FALSE. */
static bool put(const GdbLog *log, const GString *text)
{
	gssize n;

	do {
		n = write(log->fd, text->str, text->len);
	} while (n < 0 && errno == EINTR);
	return n == (gssize)text->len;
}

static void write_line(GdbLog *log, const char *text)
{
	g_autoptr(GString) line = g_string_new(NULL);
	gint64 now;

	g_mutex_lock(&log->lock);
	if (log->lost)
		g_string_append_printf(line, "\n[%u lines were lost: there was no room]\n",
				       log->lost);
	now = g_get_monotonic_time() - log->start;
	g_string_append_printf(line, "%4" G_GINT64_FORMAT ".%06d %s\n", now / 1000000,
			       (int)(now % 1000000), text);
	log->lost = put(log, line) ? 0 : log->lost + 1;
	g_mutex_unlock(&log->lock);
}

void gdb_log_packet(GdbLog *log, bool from_client, const void *payload, size_t len)
{
	g_autoptr(GString) line = NULL;
	const uint8_t *bytes = payload;

	if (!log)
		return;
	line = g_string_new(from_client ? "<- " : "-> ");
	for (size_t i = 0; i < MIN(len, GDB_LOG_PACKET_MAX); i++) {
		if (g_ascii_isprint(bytes[i]) && bytes[i] != '\\')
			g_string_append_c(line, bytes[i]);
		else
			g_string_append_printf(line, "\\x%02x", bytes[i]);
	}
	if (len > GDB_LOG_PACKET_MAX)
		g_string_append_printf(line, "... (%zu bytes)", len);
	write_line(log, line->str);
}

void gdb_log_line(GdbLog *log, const char *format, ...)
{
	g_autofree char *line = NULL;
	va_list args;

	if (!log)
		return;
	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	write_line(log, line);
}
