/*
 * hw/serial-line.c - the second UART's line: bytes between a UART and a stream of the host's.
 */
#include "hw/serial-line.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "gdbstub/alarm.h"
#include "gdbstub/door.h"
#include "gdbstub/transport.h"
#include "hw/util.h"

#define QUEUE_SOFT_MAX (64 * 1024)   /* a guest that looks at its UART's bits sends no more */
#define QUEUE_HARD_MAX (1024 * 1024) /* and of one that does not, the rest is lost */
#define LITTLE_ROOM 4096
#define CHUNK 4096
#define GATHER_USEC 500

struct SerialLine {
	Serial *serial; /* NULL: there is none just now */
	char *place;
	GdbTransport *transport; /* of a socket or a device */
	GdbDoor *door;		 /* of a socket */
	GIOStream *stream;	 /* NULL: nobody is there, or a file */
	int file;		 /* -1: none */
	int terminal; /* the pseudo terminal's other side, open so that it never ends; -1: none */
	GSource *in, *out;
	GByteArray *refused; /* the UART had no room for these */
	GdbAlarm *work;

	GMutex lock; /* everything below */
	GByteArray *queue;
	bool listens;	/* somebody gets what is sent */
	bool is_waited; /* the UART got little room and waits for more */
};

static bool is_pty(const SerialLine *line)
{
	return line->terminal >= 0;
}

/* ---- The UART's side: any thread, with the UART's lock ---- */

static size_t room(void *opaque)
{
	SerialLine *line = opaque;

	g_mutex_lock(&line->lock);
	bool is_free = !line->listens || is_pty(line);
	size_t left =
		is_free ? QUEUE_SOFT_MAX : QUEUE_SOFT_MAX - MIN(line->queue->len, QUEUE_SOFT_MAX);
	line->is_waited |= left < LITTLE_ROOM;
	g_mutex_unlock(&line->lock);
	return left;
}

/* A moment later there may be more, as a guest sends byte by byte. */
static void output(void *opaque, const uint8_t *data, size_t len)
{
	SerialLine *line = opaque;

	g_mutex_lock(&line->lock);
	size_t taken = line->listens ? MIN(len, QUEUE_HARD_MAX - line->queue->len) : 0;
	bool is_first = line->queue->len == 0 && taken > 0;
	g_byte_array_append(line->queue, data, taken);
	g_mutex_unlock(&line->lock);
	if (is_first)
		gdb_alarm_set(line->work, g_get_monotonic_time() + GATHER_USEC);
}

static void input_wanted(void *opaque)
{
	SerialLine *line = opaque;

	gdb_alarm_set(line->work, GDB_ALARM_SOON);
}

SerialPeer serial_line_peer(SerialLine *line)
{
	return (SerialPeer){room, output, input_wanted, line};
}

/* ---- Who is there ---- */

static void clear_source(GSource **source)
{
	if (*source != NULL)
		g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

static void set_listens(SerialLine *line, bool listens)
{
	g_mutex_lock(&line->lock);
	line->listens = listens;
	g_byte_array_set_size(line->queue, 0);
	g_mutex_unlock(&line->lock);
}

static void tell_room(SerialLine *line)
{
	g_mutex_lock(&line->lock);
	bool is_enough = line->queue->len <= QUEUE_SOFT_MAX - LITTLE_ROOM;
	bool is_news = line->is_waited && is_enough;
	line->is_waited &= !is_enough;
	g_mutex_unlock(&line->lock);
	if (is_news && line->serial != NULL)
		serial_room_changed(line->serial);
}

/* Nobody is there any more; a socket waits for the next one. */
static void hang_up(SerialLine *line)
{
	clear_source(&line->in);
	clear_source(&line->out);
	set_listens(line, false);
	if (line->stream != NULL && line->door != NULL)
		g_io_stream_close(line->stream, NULL, NULL);
	g_clear_object(&line->stream);
	tell_room(line);
}

static void complain(SerialLine *line, const char *what)
{
	vm_log("--tty: %s: %s; what the guest sends there is lost from now on", line->place, what);
	hang_up(line);
}

/* ---- From the host ---- */

static void watch_input(SerialLine *line);

static void offer(SerialLine *line)
{
	size_t taken = line->serial != NULL
			       ? serial_input(line->serial, line->refused->data, line->refused->len)
			       : 0;

	g_byte_array_remove_range(line->refused, 0, taken);
	if (line->refused->len == 0)
		watch_input(line);
}

/* @n is what a read gave: nothing, or an error, is the end. */
static void end_of_input(SerialLine *line, gssize n)
{
	if (line->door != NULL)
		hang_up(line);
	else
		complain(line, n == 0 ? "it has ended" : "it cannot be read");
}

/* FALSE: there is nothing to wait for. */
static bool read_some(SerialLine *line)
{
	GInputStream *in = g_io_stream_get_input_stream(line->stream);
	g_autoptr(GError) error = NULL;
	uint8_t buf[CHUNK];
	gssize n = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(in), buf,
							    sizeof(buf), NULL, &error);

	if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		return true;
	if (n <= 0) {
		end_of_input(line, n);
		return false;
	}
	g_byte_array_append(line->refused, buf, n);
	offer(line);
	return true;
}

static gboolean on_readable(GObject *stream G_GNUC_UNUSED, gpointer data)
{
	SerialLine *line = data;

	if (line->refused->len == 0)
		return read_some(line) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
	/* Wait for input_wanted(). */
	g_clear_pointer(&line->in, g_source_unref);
	return G_SOURCE_REMOVE;
}

static void watch_input(SerialLine *line)
{
	if (line->stream == NULL || line->in != NULL)
		return;
	line->in = g_pollable_input_stream_create_source(
		G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(line->stream)), NULL);
	g_source_set_callback(line->in, G_SOURCE_FUNC(on_readable), line, NULL);
	g_source_attach(line->in, NULL);
}

/* ---- To the host ---- */

static size_t peek(SerialLine *line, uint8_t buf[CHUNK])
{
	g_mutex_lock(&line->lock);
	size_t n = MIN(line->queue->len, CHUNK);
	if (n > 0)
		memcpy(buf, line->queue->data, n);
	g_mutex_unlock(&line->lock);
	return n;
}

static void forget(SerialLine *line, size_t n)
{
	g_mutex_lock(&line->lock);
	g_byte_array_remove_range(line->queue, 0, MIN(n, line->queue->len));
	g_mutex_unlock(&line->lock);
}

/* 0: not now. -1: never again, and why. */
static gssize write_some(SerialLine *line, const uint8_t *data, size_t len, GError **error)
{
	gssize n;

	if (line->file < 0) {
		n = gdb_transport_write(line->stream, data, len, error);
		if (n >= 0 || !g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
			return n;
		g_clear_error(error);
		return 0;
	}
	n = TEMP_FAILURE_RETRY(write(line->file, data, len));
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		g_set_error_literal(error, G_IO_ERROR, g_io_error_from_errno(errno),
				    g_strerror(errno));
	return n;
}

static void watch_output(SerialLine *line);

static void cannot_write(SerialLine *line, const GError *error)
{
	if (line->door != NULL)
		hang_up(line);
	else
		complain(line, error->message);
}

/* Nobody reads a pseudo terminal: whoever comes later gets the newest. */
static void keep_newest(SerialLine *line)
{
	g_mutex_lock(&line->lock);
	size_t len = line->queue->len;
	g_mutex_unlock(&line->lock);
	if (is_pty(line) && len > QUEUE_SOFT_MAX)
		forget(line, len - QUEUE_SOFT_MAX / 2);
}

static void flush(SerialLine *line)
{
	g_autoptr(GError) error = NULL;
	uint8_t chunk[CHUNK];
	gssize done = 0;

	while (line->stream != NULL || line->file >= 0) {
		size_t n = peek(line, chunk);

		if (n == 0)
			break;
		done = write_some(line, chunk, n, &error);
		if (done <= 0)
			break;
		forget(line, done);
	}
	if (done < 0)
		cannot_write(line, error);
	keep_newest(line);
	tell_room(line);
	watch_output(line);
}

static gboolean on_writable(GObject *stream G_GNUC_UNUSED, gpointer data)
{
	SerialLine *line = data;

	g_clear_pointer(&line->out, g_source_unref);
	flush(line);
	return G_SOURCE_REMOVE;
}

static gboolean on_file_writable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
				 gpointer data)
{
	return on_writable(NULL, data);
}

/* Until the queue is empty. A file never makes anybody wait, but a FIFO may stand for one. */
static void watch_output(SerialLine *line)
{
	g_mutex_lock(&line->lock);
	bool is_wanted = line->queue->len > 0;
	g_mutex_unlock(&line->lock);
	if ((line->stream == NULL && line->file < 0) || line->out != NULL || !is_wanted)
		return;
	if (line->file >= 0) {
		line->out = g_unix_fd_source_new(line->file, G_IO_OUT);
		g_source_set_callback(line->out, G_SOURCE_FUNC(on_file_writable), line, NULL);
	} else {
		line->out = g_pollable_output_stream_create_source(
			G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(line->stream)),
			NULL);
		g_source_set_callback(line->out, G_SOURCE_FUNC(on_writable), line, NULL);
	}
	g_source_attach(line->out, NULL);
}

static void on_work(void *data)
{
	flush(data);
	offer(data);
}

void serial_line_connect(SerialLine *line, Serial *serial)
{
	line->serial = serial;
	gdb_alarm_set(line->work, GDB_ALARM_SOON);
}

/* ---- Places ---- */

static void take(SerialLine *line, GIOStream *stream)
{
	line->stream = g_object_ref(stream);
	g_byte_array_set_size(line->refused, 0);
	set_listens(line, true);
	watch_input(line);
}

static void came(GIOStream *stream, void *data)
{
	SerialLine *line = data;

	/* The one before may have gone, and that may not have come up yet. */
	if (line->stream != NULL && line->refused->len == 0)
		read_some(line);
	if (line->stream == NULL)
		take(line, stream);
	else
		g_io_stream_close(stream, NULL, NULL);
}

static bool fail(GError **error, const char *what)
{
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "%s: %s", what,
		    g_strerror(errno));
	return false;
}

/* O_NONBLOCK: a FIFO that nobody reads, or nobody goes on to read, must not hold us up. */
static bool open_file(SerialLine *line, const char *path, GError **error)
{
	line->file =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0666);
	if (line->file < 0)
		return fail(error, path);
	line->place = g_strdup(path);
	line->listens = true;
	return true;
}

/*
 * Raw from the start: what the guest sends must not come back as an echo before somebody is there.
 */
static bool open_terminal(SerialLine *line, GError **error)
{
	struct termios raw;

	line->terminal = open(line->place, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (line->terminal < 0 || tcgetattr(line->terminal, &raw) < 0)
		return fail(error, line->place);
	cfmakeraw(&raw);
	return tcsetattr(line->terminal, TCSANOW, &raw) == 0 || fail(error, line->place);
}

static bool open_pty(SerialLine *line, GError **error)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	char name[64];

	if (master < 0)
		return fail(error, "cannot make a pseudo terminal");
	g_autoptr(GInputStream) in = g_unix_input_stream_new(master, TRUE);
	g_autoptr(GOutputStream) out = g_unix_output_stream_new(master, FALSE);
	g_autoptr(GIOStream) stream = g_simple_io_stream_new(in, out);
	if (grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)) != 0)
		return fail(error, "cannot make a pseudo terminal");
	line->place = g_strdup(name);
	if (!open_terminal(line, error))
		return false;
	take(line, stream);
	return true;
}

static bool open_device(SerialLine *line, GError **error)
{
	g_autoptr(GIOStream) stream = gdb_transport_get_line(line->transport, error);

	if (stream != NULL)
		take(line, stream);
	return stream != NULL;
}

static bool open_transport(SerialLine *line, const char *where, GError **error)
{
	line->transport = gdb_transport_open_without_files(where, true, error);
	if (line->transport == NULL)
		return false;
	line->place = g_strdup(gdb_transport_get_address(line->transport));
	if (gdb_transport_get_listener(line->transport, 0) == NULL)
		return open_device(line, error);
	line->door = gdb_door_new(g_main_context_default(), line->transport, came, line);
	return true;
}

static bool open_place(SerialLine *line, const char *where, GError **error)
{
	if (strcmp(where, "pty") == 0)
		return open_pty(line, error);
	if (g_str_has_prefix(where, "file:"))
		return open_file(line, where + strlen("file:"), error);
	return open_transport(line, where, error);
}

SerialLine *serial_line_open(const char *where, GError **error)
{
	SerialLine *line = g_new0(SerialLine, 1);

	g_mutex_init(&line->lock);
	line->file = line->terminal = -1;
	line->queue = g_byte_array_new();
	line->refused = g_byte_array_new();
	line->work = gdb_alarm_new(g_main_context_default(), "serial line", on_work, line);
	if (open_place(line, where, error))
		return line;
	serial_line_free(line);
	return NULL;
}

void serial_line_free(SerialLine *line)
{
	if (line == NULL)
		return;
	flush(line);
	clear_source(&line->in);
	clear_source(&line->out);
	gdb_alarm_free(line->work);
	g_clear_object(&line->stream);
	gdb_door_free(line->door);
	gdb_transport_close(line->transport);
	if (line->file >= 0)
		close(line->file);
	if (line->terminal >= 0)
		close(line->terminal);
	g_byte_array_unref(line->queue);
	g_byte_array_unref(line->refused);
	g_mutex_clear(&line->lock);
	g_free(line->place);
	g_free(line);
}

const char *serial_line_place(const SerialLine *line)
{
	return line->place;
}
