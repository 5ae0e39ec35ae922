/*
 * hw/term.c - raw terminal, input source, output thread.
 */
#include "hw/term.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "hw/util.h"

#define OUTPUT_SOFT_MAX (64 * 1024)
#define OUTPUT_HARD_MAX (1024 * 1024)
#define OUTPUT_LITTLE_ROOM 4096
#define GATHER_USEC 500
#define INPUT_CHUNK 4096
#define DRAIN_TIME (2 * G_TIME_SPAN_SECOND)
#define CTRL_A 0x01

struct Term {
	const TermOps *ops;
	void *opaque;

	/* Input: main thread only, but for @input_ready. */
	int in_fd;
	bool is_tty;
	struct termios saved;
	int keeper_pipe;
	pid_t keeper;
	TermEscape escape;
	GByteArray *refused; /* input() did not take these yet */
	GSource *in_source;
	GSource *retry_source;

	/* Output. */
	GThread *thread;
	GMutex lock; /* everything below */
	GCond changed;
	int out_fd;
	GByteArray *queue;
	size_t writing; /* bytes taken out of the queue and not yet written */
	uint64_t lost;
	bool stopping;
	bool broken;  /* nobody reads any more: drop */
	bool waiting; /* a sender got little room and waits for more */
};

/* ---- The terminal's settings ---- */

/*
 * The child that outlives us. It holds nothing but the terminal and a pipe whose other end dies
 * with lkvm; a byte in the pipe says that lkvm has restored the terminal by itself.
 */
static G_NORETURN void keep_terminal(int tty_fd, int pipe_fd, const struct termios *saved)
{
	char byte;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	dup2(tty_fd, 0);
	dup2(pipe_fd, 1);
	close_range(2, ~0u, 0);
	if (read(1, &byte, 1) == 0)
		tcsetattr(0, TCSANOW, saved);
	_exit(0);
}

static void start_keeper(Term *term)
{
	int fds[2];

	if (pipe(fds) < 0)
		return;
	int tty_fd = fcntl(term->in_fd, F_DUPFD, 10);
	int pipe_fd = fcntl(fds[0], F_DUPFD, 10);
	term->keeper = fork();
	if (term->keeper == 0)
		keep_terminal(tty_fd, pipe_fd, &term->saved);
	close(tty_fd);
	close(pipe_fd);
	close(fds[0]);
	term->keeper_pipe = fds[1];
	fcntl(term->keeper_pipe, F_SETFD, FD_CLOEXEC);
}

static void make_raw(Term *term)
{
	struct termios raw;

	if (term->in_fd < 0 || tcgetattr(term->in_fd, &term->saved) < 0)
		return;
	term->is_tty = true;
	start_keeper(term);
	raw = term->saved;
	raw.c_iflag &= ~(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
	raw.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* OPOST stays: our own messages on stderr need their carriage returns. */
	tcsetattr(term->in_fd, TCSANOW, &raw);
}

static void restore(Term *term)
{
	if (!term->is_tty)
		return;
	/* Not TCSADRAIN, which waits for a Ctrl-Q that may never come; output is as it was. */
	tcsetattr(term->in_fd, TCSANOW, &term->saved);
	if (term->keeper <= 0)
		return;
	ssize_t done = write(term->keeper_pipe, "", 1);
	close(term->keeper_pipe);
	/* A keeper that gets no message sees the pipe end, restores once more and ends too. */
	(void)done;
	waitpid(term->keeper, NULL, 0);
}

/* ---- Input ---- */

static TermKey key_of(uint8_t byte)
{
	return byte == 'x' ? TERM_KEY_QUIT : byte == 'b' ? TERM_KEY_BREAK : TERM_KEY_NONE;
}

size_t term_filter(TermEscape *escape, const uint8_t *data, size_t len, uint8_t *out,
		   size_t *ret_used, TermKey *ret_key)
{
	size_t n = 0, i = 0;

	*ret_key = TERM_KEY_NONE;
	while (i < len && *ret_key == TERM_KEY_NONE) {
		uint8_t byte = data[i++];

		if (!escape->seen && byte == CTRL_A) {
			escape->seen = true;
			continue;
		}
		*ret_key = escape->seen ? key_of(byte) : TERM_KEY_NONE;
		if (escape->seen && *ret_key == TERM_KEY_NONE)
			out[n++] = CTRL_A;
		if (!escape->seen || (*ret_key == TERM_KEY_NONE && byte != 'a' && byte != CTRL_A))
			out[n++] = byte;
		escape->seen = false;
	}
	*ret_used = i;
	return n;
}

static void offer(Term *term)
{
	size_t taken = term->ops->input(term->opaque, term->refused->data, term->refused->len);

	g_byte_array_remove_range(term->refused, 0, taken);
	/* A terminal is read on for the sake of Ctrl-a x; what nobody takes is dropped. */
	if (term->is_tty)
		g_byte_array_set_size(term->refused, 0);
}

static void take_input(Term *term, const uint8_t *data, size_t len)
{
	TermKey key = TERM_KEY_NONE;

	for (size_t used; len > 0 && key != TERM_KEY_QUIT; data += used, len -= used) {
		uint8_t out[INPUT_CHUNK + 1];
		size_t n = term_filter(&term->escape, data, len, out, &used, &key);

		g_byte_array_append(term->refused, out, n);
		offer(term);
		if (key == TERM_KEY_QUIT)
			term->ops->quit(term->opaque);
		else if (key == TERM_KEY_BREAK)
			term->ops->send_break(term->opaque);
	}
}

static gboolean on_input(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	Term *term = data;
	uint8_t buf[INPUT_CHUNK];

	if (term->refused->len > 0) {
		/* Wait for term_input_wanted(). */
		g_clear_pointer(&term->in_source, g_source_unref);
		return G_SOURCE_REMOVE;
	}
	ssize_t n = read(fd, buf, INPUT_CHUNK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		/* The end of input is not the end of the guest. */
		g_clear_pointer(&term->in_source, g_source_unref);
		return G_SOURCE_REMOVE;
	}
	take_input(term, buf, n);
	return G_SOURCE_CONTINUE;
}

static void watch_input(Term *term)
{
	if (term->in_fd < 0 || term->in_source != NULL)
		return;
	term->in_source = g_unix_fd_source_new(term->in_fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	/* g_unix_fd_source_new() wants a GUnixFDSourceFunc behind the generic type. */
	g_source_set_callback(term->in_source, (GSourceFunc)(void (*)(void))on_input, term, NULL);
	g_source_attach(term->in_source, NULL);
}

static gboolean on_retry(gpointer data)
{
	Term *term = data;

	g_source_set_ready_time(term->retry_source, -1);
	offer(term);
	if (term->refused->len == 0)
		watch_input(term);
	return G_SOURCE_CONTINUE;
}

static gboolean dispatch_retry(GSource *source G_GNUC_UNUSED, GSourceFunc callback, gpointer data)
{
	return callback(data);
}

static GSourceFuncs retry_funcs = {.dispatch = dispatch_retry};

void term_input_wanted(Term *term)
{
	g_source_set_ready_time(term->retry_source, 0);
}

/* ---- Output ---- */

/* Writes all of @data; FALSE when nobody reads. Waits: output thread, without the lock. */
static bool write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n > 0) {
			data += n;
			len -= n;
		} else if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return false;
		}
	}
	return true;
}

static void write_queue_locked(Term *term)
{
	GByteArray *batch = term->queue;

	term->queue = g_byte_array_new();
	term->writing = batch->len;
	g_mutex_unlock(&term->lock);
	bool written = term->broken || write_all(term->out_fd, batch->data, batch->len);
	g_byte_array_unref(batch);
	g_mutex_lock(&term->lock);
	term->writing = 0;
	term->broken = !written || term->broken;
	g_cond_broadcast(&term->changed);
}

/* A guest sends byte by byte: wait a moment for more, so that a line is one write(). */
static void gather_locked(Term *term)
{
	if (term->stopping)
		return;
	g_mutex_unlock(&term->lock);
	g_usleep(GATHER_USEC);
	g_mutex_lock(&term->lock);
}

static void report_room_locked(Term *term)
{
	if (!term->waiting || term->stopping)
		return;
	term->waiting = false;
	g_mutex_unlock(&term->lock);
	term->ops->drained(term->opaque);
	g_mutex_lock(&term->lock);
}

static gpointer output_thread(gpointer data)
{
	Term *term = data;

	g_mutex_lock(&term->lock);
	for (;;) {
		while (term->queue->len == 0 && !term->stopping)
			g_cond_wait(&term->changed, &term->lock);
		if (term->queue->len == 0)
			break;
		gather_locked(term);
		write_queue_locked(term);
		report_room_locked(term);
	}
	g_mutex_unlock(&term->lock);
	return NULL;
}

void term_output(Term *term, const uint8_t *data, size_t len)
{
	g_mutex_lock(&term->lock);
	size_t used = term->queue->len + term->writing;
	size_t taken = MIN(len, OUTPUT_HARD_MAX - MIN(used, OUTPUT_HARD_MAX));

	if (term->queue->len == 0)
		g_cond_broadcast(&term->changed);
	g_byte_array_append(term->queue, data, taken);
	term->lost += len - taken;
	g_mutex_unlock(&term->lock);
}

size_t term_output_room(Term *term)
{
	g_mutex_lock(&term->lock);
	size_t used = term->queue->len + term->writing;
	size_t room = OUTPUT_SOFT_MAX - MIN(used, OUTPUT_SOFT_MAX);
	term->waiting |= room < OUTPUT_LITTLE_ROOM;
	g_mutex_unlock(&term->lock);
	return room;
}

/* ---- Life ---- */

Term *term_new(int in_fd, int out_fd)
{
	Term *term = g_new0(Term, 1);

	term->in_fd = in_fd;
	term->out_fd = out_fd;
	term->keeper_pipe = -1;
	term->refused = g_byte_array_new();
	term->queue = g_byte_array_new();
	g_mutex_init(&term->lock);
	g_cond_init(&term->changed);
	make_raw(term);
	return term;
}

void term_start(Term *term, const TermOps *ops, void *opaque)
{
	term->ops = ops;
	term->opaque = opaque;
	term->retry_source = g_source_new(&retry_funcs, sizeof(GSource));
	g_source_set_callback(term->retry_source, on_retry, term, NULL);
	g_source_attach(term->retry_source, NULL);
	term->thread = g_thread_new("console", output_thread, term);
	watch_input(term);
}

/* FALSE: the reader has stopped reading, the thread hangs in write(). */
static bool stop_output(Term *term)
{
	int64_t end = g_get_monotonic_time() + DRAIN_TIME;

	g_mutex_lock(&term->lock);
	term->stopping = true;
	g_cond_broadcast(&term->changed);
	while (term->queue->len + term->writing > 0 &&
	       g_cond_wait_until(&term->changed, &term->lock, end))
		;
	bool drained = term->queue->len + term->writing == 0;
	uint64_t lost = term->lost + term->queue->len;
	g_mutex_unlock(&term->lock);
	if (lost > 0)
		vm_log("%" G_GUINT64_FORMAT " bytes of console output were lost: nobody read them",
		       lost);
	return drained;
}

static void clear_source(GSource **source)
{
	if (*source != NULL)
		g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

void term_free(Term *term)
{
	if (term == NULL)
		return;
	clear_source(&term->in_source);
	clear_source(&term->retry_source);
	bool drained = term->thread == NULL || stop_output(term);
	restore(term);
	if (!drained) {
		/* The thread may use the Term until the process ends: leave it to it. */
		g_thread_unref(term->thread);
		return;
	}
	if (term->thread != NULL)
		g_thread_join(term->thread);
	g_byte_array_unref(term->queue);
	g_byte_array_unref(term->refused);
	g_cond_clear(&term->changed);
	g_mutex_clear(&term->lock);
	g_free(term);
}
