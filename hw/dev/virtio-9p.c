/*
 * hw/dev/virtio-9p.c - requests from the queue to the socket, replies from there to the queue.
 *
 * A request waits in @pending, by its tag, until its reply has come. Only one that was written to
 * the socket as a whole lets the next one be taken from the queue, so that a server that does not
 * read holds up its guest, and memory is bounded.
 */
#include "hw/dev/virtio-9p.h"

#include <errno.h>
#include <linux/virtio_9p.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hw/util.h"

#define MAX_COMPLAINTS 8
/* Linux's messages have at most 500 KiB, because its queue has 128 descriptors. */
#define MAX_MESSAGE (1u << 20)
#define READ_SIZE (1u << 16)
/* How often one call of work() reads, so that somebody who waits for its end gets it. */
#define MAX_READS 64
#define QUEUE_SIZE 128

typedef struct P9 {
	Virtio *virtio;
	Virtio9pServer server;
	char *tag;
	int fd;		/* -1: no session */
	bool used;	/* the session has got a message */
	bool lost;	/* it has ended by itself */
	uint32_t msize; /* the largest message, as the server says */
	GIOCondition watched;
	GHashTable *pending; /* tag -> Request */
	GByteArray *out;     /* a message, of which @sent bytes are written */
	size_t sent;
	GByteArray *in; /* the beginning of a reply */
	unsigned complaints;
} P9;

typedef struct Request {
	P9Header header;
	uint16_t flushed; /* of a Tflush: the request that it wants back */
	RingChain chain;
} Request;

static void request_free(gpointer data)
{
	Request *request = data;

	ring_chain_clear(&request->chain);
	g_free(request);
}

/* ---- The session ---- */

static void watch(P9 *p9, GIOCondition conditions)
{
	if (p9->watched != conditions)
		worker_watch(virtio_worker(p9->virtio), p9->fd, conditions);
	p9->watched = conditions;
}

static bool begin_session(P9 *p9, GError **error)
{
	p9->fd = p9->server.begin(p9->server.opaque, error);
	p9->used = false;
	p9->msize = MAX_MESSAGE;
	return p9->fd >= 0;
}

/* What the server still owes is forgotten. */
static void end_session(P9 *p9)
{
	if (p9->fd >= 0) {
		watch(p9, 0);
		close(p9->fd);
		p9->fd = -1;
		p9->server.end(p9->server.opaque);
	}
	g_hash_table_remove_all(p9->pending);
	g_byte_array_set_size(p9->out, 0);
	g_byte_array_set_size(p9->in, 0);
	p9->sent = 0;
}

/* ---- Answers to the guest ---- */

static void give_back(P9 *p9, const Request *request, const uint8_t *reply, size_t len)
{
	Ring *ring = virtio_ring(p9->virtio, 0);

	if (ring != NULL)
		ring_push(ring, request->chain.head,
			  chain_write(&request->chain, virtio_dma(p9->virtio), 0, reply, len));
}

/* A buffer that is too small even for that stays empty. */
static void give_error(P9 *p9, const Request *request, int err)
{
	uint8_t reply[P9_ERROR_SIZE];

	p9_error(reply, request->header.tag, err);
	give_back(p9, request, reply, request->chain.in_len >= sizeof(reply) ? sizeof(reply) : 0);
}

static void abort_session(P9 *p9)
{
	GHashTableIter iter;
	gpointer request;

	g_hash_table_iter_init(&iter, p9->pending);
	while (g_hash_table_iter_next(&iter, NULL, &request))
		give_error(p9, request, EIO);
	end_session(p9);
}

/* @why: NULL, or what the server did. */
static void lose_session(P9 *p9, const char *why)
{
	g_autofree char *words = why == NULL && p9->server.last_words != NULL
					 ? p9->server.last_words(p9->server.opaque)
					 : NULL;

	if (why == NULL)
		why = words != NULL ? words : "the server has closed its socket";
	/* A guest that loses one session after the other is not to fill the log. */
	if (p9->complaints++ < MAX_COMPLAINTS)
		vm_log("9p %s: every access fails from now on: %s", p9->tag, why);
	p9->lost = true;
	abort_session(p9);
}

/* ---- Replies ---- */

static gpointer key_of(uint16_t tag)
{
	return GUINT_TO_POINTER(tag + 1u);
}

static bool is_reply_to(const P9Header *reply, const Request *request)
{
	return reply->type == request->header.type + 1 || reply->type == P9_RLERROR;
}

/* The server may never answer a request that was flushed, and it comes back empty then. */
static void drop_flushed(P9 *p9, const Request *flush)
{
	Request *request = g_hash_table_lookup(p9->pending, key_of(flush->flushed));

	if (request == NULL || request == flush)
		return;
	give_back(p9, request, NULL, 0);
	g_hash_table_remove(p9->pending, key_of(flush->flushed));
}

static void deliver(P9 *p9, Request *request, const P9Header *header, const uint8_t *reply)
{
	if (header->type == P9_RVERSION && p9_version_size(reply, header->size, &p9->msize))
		p9->msize = MIN(p9->msize, MAX_MESSAGE);
	if (header->type == P9_TFLUSH + 1)
		drop_flushed(p9, request);
	if (header->size > request->chain.in_len)
		give_error(p9, request, EIO);
	else
		give_back(p9, request, reply, header->size);
	g_hash_table_remove(p9->pending, key_of(header->tag));
}

/* A reply at the beginning of @in: how long it is; 0 when it is not there as a whole. */
static size_t take_reply(P9 *p9, const uint8_t *data, size_t len, const char **ret_wrong)
{
	P9Header header;

	if (len < P9_HEADER_SIZE)
		return 0;
	if (!p9_header(data, &header) || header.size > MAX_MESSAGE) {
		*ret_wrong = "the server has sent a message of a wrong size";
		return 0;
	}
	if (len < header.size)
		return 0;
	Request *request = g_hash_table_lookup(p9->pending, key_of(header.tag));
	if (request == NULL || !is_reply_to(&header, request)) {
		*ret_wrong = "the server has answered what nobody asked";
		return 0;
	}
	deliver(p9, request, &header, data);
	return header.size;
}

static void take_replies(P9 *p9)
{
	const char *wrong = NULL;
	size_t done = 0, len;

	do {
		len = take_reply(p9, p9->in->data + done, p9->in->len - done, &wrong);
		done += len;
	} while (len > 0);
	if (wrong != NULL)
		lose_session(p9, wrong);
	else if (done > 0)
		g_byte_array_remove_range(p9->in, 0, done);
}

/* TRUE: there was something. */
static bool read_some(P9 *p9)
{
	unsigned before = p9->in->len;
	ssize_t n;

	g_byte_array_set_size(p9->in, before + READ_SIZE);
	do {
		n = recv(p9->fd, p9->in->data + before, READ_SIZE, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	int err = errno;
	g_byte_array_set_size(p9->in, before + (n > 0 ? n : 0));
	if (n > 0)
		return true;
	if (n == 0 || err != EAGAIN)
		lose_session(p9, NULL);
	return false;
}

static void read_socket(P9 *p9)
{
	for (unsigned i = 0; i < MAX_READS && p9->fd >= 0 && read_some(p9); i++)
		take_replies(p9);
}

/* ---- Requests ---- */

/* FALSE: the rest must wait. */
static bool write_socket(P9 *p9)
{
	while (p9->fd >= 0 && p9->sent < p9->out->len) {
		ssize_t n = send(p9->fd, p9->out->data + p9->sent, p9->out->len - p9->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			p9->sent += n;
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR)
			lose_session(p9, NULL);
	}
	g_byte_array_set_size(p9->out, 0);
	p9->sent = 0;
	return true;
}

/*
 * A Tversion is the start of a session (9P2000, version(5)): what was asked before has no answer.
 */
static void renew_session(P9 *p9)
{
	g_autoptr(GError) error = NULL;

	if (p9->fd < 0 || !p9->used)
		return;
	abort_session(p9);
	if (!begin_session(p9, &error))
		lose_session(p9, error->message);
}

/* The message of @request into @out: an errno, or 0. */
static int read_message(P9 *p9, Request *request)
{
	const RingChain *chain = &request->chain;
	const Dma *dma = virtio_dma(p9->virtio);
	uint8_t head[P9_HEADER_SIZE];

	if (chain_read(chain, dma, 0, head, sizeof(head)) != sizeof(head) ||
	    !p9_header(head, &request->header) || request->header.size > chain->out_len)
		return EPROTO;
	if (request->header.type == P9_TVERSION)
		renew_session(p9);
	if (request->header.size > p9->msize)
		return EMSGSIZE;
	g_byte_array_set_size(p9->out, request->header.size);
	if (chain_read(chain, dma, 0, p9->out->data, p9->out->len) != p9->out->len)
		return EPROTO;
	/* The guest may have changed these since. */
	memcpy(p9->out->data, head, sizeof(head));
	return 0;
}

/* What the server must not get as the guest has written it. */
static int change_message(P9 *p9, Request *request)
{
	switch (request->header.type) {
	case P9_TVERSION:
		return p9_limit_version(p9->out, MAX_MESSAGE) ? 0 : EPROTO;
	case P9_TATTACH:
		return p9_set_attach(p9->out, p9->server.folder, p9->server.uid) ? 0 : EPROTO;
	case P9_TFLUSH:
		return p9_flush_tag(p9->out->data, p9->out->len, &request->flushed) ? 0 : EPROTO;
	default:
		return 0;
	}
}

/* What the server is not to see: an errno, or 0. */
static int refuse(const P9 *p9)
{
	const uint8_t *message = p9->out->data;
	size_t len = p9->out->len;

	if (p9->server.read_only && p9_may_change(message, len))
		return EROFS;
	return p9_walks_up(message, len) || (p9->server.files_only && p9_makes_other(message, len))
		       ? EPERM
		       : 0;
}

/* An errno, or 0: it is in @out, and waits for its reply. */
static int begin_request(P9 *p9, Request *request)
{
	int err = read_message(p9, request);

	if (err == 0 && p9->fd < 0)
		err = EIO;
	if (err == 0 && g_hash_table_contains(p9->pending, key_of(request->header.tag)))
		err = EPROTO;
	if (err == 0)
		err = refuse(p9);
	if (err == 0)
		err = change_message(p9, request);
	if (err != 0)
		g_byte_array_set_size(p9->out, 0);
	return err;
}

/* FALSE: there is none. */
static bool take_request(P9 *p9, Ring *ring)
{
	Request *request = g_new0(Request, 1);

	ring_chain_init(&request->chain);
	if (!ring_pop_or_wait(ring, &request->chain)) {
		request_free(request);
		return false;
	}
	int err = begin_request(p9, request);
	if (err != 0) {
		give_error(p9, request, err);
		request_free(request);
		return true;
	}
	p9->used = true;
	g_hash_table_insert(p9->pending, key_of(request->header.tag), request);
	return true;
}

/*
 * As many as the queue has descriptors: each may be a request, by an indirect table, and more of
 * them are there only in a hostile one.
 */
static void take_requests(P9 *p9, Ring *ring)
{
	for (unsigned i = 0; i < ring->size; i++) {
		if (!write_socket(p9))
			return;
		if (g_hash_table_size(p9->pending) >= ring->size && !ring_is_empty(ring)) {
			virtio_fail(p9->virtio, "the queue holds more requests than it has room");
			return;
		}
		if (!take_request(p9, ring))
			return;
	}
	worker_kick(virtio_worker(p9->virtio));
}

/* ---- The device ---- */

static void work(void *self)
{
	P9 *p9 = self;
	Ring *ring = virtio_ring(p9->virtio, 0);
	g_autoptr(GError) error = NULL;

	if (ring == NULL)
		return;
	if (p9->fd < 0 && !p9->lost && !begin_session(p9, &error))
		lose_session(p9, error->message);
	read_socket(p9);
	take_requests(p9, ring);
	if (p9->fd >= 0)
		watch(p9, G_IO_IN | (p9->out->len > 0 ? G_IO_OUT : 0));
	virtio_notify(p9->virtio, 0);
}

/* The first session waits for its first driver. */
static void reset(void *self)
{
	P9 *p9 = self;

	if (p9->fd >= 0)
		watch(p9, 0);
	if (p9->fd >= 0 && !p9->used)
		return;
	end_session(p9);
	p9->lost = false;
}

static void p9_free(void *self)
{
	P9 *p9 = self;

	if (p9->fd >= 0) {
		close(p9->fd);
		p9->server.end(p9->server.opaque);
	}
	if (p9->server.free != NULL)
		p9->server.free(p9->server.opaque);
	g_hash_table_unref(p9->pending);
	g_byte_array_unref(p9->out);
	g_byte_array_unref(p9->in);
	g_free(p9->tag);
	g_free(p9);
}

static const VirtioKind kind = {
	.name = "virtio-9p",
	.id = VIRTIO_ID_9P,
	.pci_class = 0x018000, /* mass storage, other */
	.n_queues = 1,
	.queue_size = QUEUE_SIZE,
	.work = work,
	.reset = reset,
	.free = p9_free,
};

Virtio *virtio_9p_new(const char *tag, const Virtio9pServer *server, const VirtioHost *host,
		      GError **error)
{
	P9 *p9 = g_new0(P9, 1);
	g_autoptr(GByteArray) config = g_byte_array_new();
	size_t len = MIN(strlen(tag), VIRTIO_9P_MAX_TAG);
	uint8_t head[2] = {(uint8_t)len, 0};

	p9->server = *server;
	p9->tag = g_strdup(tag);
	p9->pending = g_hash_table_new_full(NULL, NULL, NULL, request_free);
	p9->out = g_byte_array_new();
	p9->in = g_byte_array_new();
	if (!begin_session(p9, error)) {
		p9_free(p9);
		return NULL;
	}
	g_byte_array_append(config, head, sizeof(head));
	g_byte_array_append(config, (const uint8_t *)tag, len);
	p9->virtio =
		virtio_new(&kind, p9, 1ull << VIRTIO_9P_MOUNT_TAG, config->data, config->len, host);
	g_autofree char *detail = g_strdup_printf("%s, tag %s", server->folder, tag);
	virtio_set_detail(p9->virtio, detail);
	return p9->virtio;
}
