/*
 * tests/rsp-client.h - RspClient, a small raw client of the gdb remote protocol that lives on the
 * same main context as the server it talks to. Nothing here knows the server's code.
 */
#ifndef VMGDB_TESTS_RSP_CLIENT_H
#define VMGDB_TESTS_RSP_CLIENT_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The client. It reads whatever arrives as soon as it arrives, except while `deaf` is set, and
 * answers good packets with '+' until `no_ack` is set. Every function that waits gives up with a
 * test failure after TEST_PATIENCE.
 */
typedef struct RspClient {
	GMainContext *context;
	GSource *source;
	GByteArray *in; /* bytes that are not consumed yet */
	int fd;
	unsigned acks, naks;	/* '+' and '-' consumed so far */
	uint64_t received;	/* bytes read so far */
	bool eof, no_ack, mute; /* mute: never send '+' or '-' by itself */
} RspClient;

/* Takes @fd over. */
RspClient *rsp_client_new(GMainContext *context, int fd);
/* Closes the descriptor (FIN). */
void rsp_client_free(RspClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RspClient, rsp_client_free)

/* Stop or go on reading: a client that does not drain its socket. */
void rsp_client_set_deaf(RspClient *client, bool deaf);
/* Raw bytes; waits while the socket is full. FALSE when the server has closed. */
bool rsp_client_write(RspClient *client, const void *data, size_t len);
bool rsp_client_puts(RspClient *client, const char *text);
/* One packet: '$', the text as it is, '#', checksum. Does not wait for an answer. */
void rsp_client_send(RspClient *client, const char *text);
void rsp_client_send_bytes(RspClient *client, const void *data, size_t len);
/*
 * The next packet's payload with run lengths and escapes undone, NUL-terminated; @ret_len may be
 * NULL; a notification's begins with its '%'. Fails the test at a bad checksum, at a byte that
 * belongs to nothing and at the end of the stream; rsp_client_poll() returns NULL when there is no
 * whole packet within @ms.
 */
char *rsp_client_recv(RspClient *client, size_t *ret_len);
char *rsp_client_poll(RspClient *client, unsigned ms, size_t *ret_len);
/* send and recv in one. */
char *rsp_client_ask(RspClient *client, const char *text);
/* The text that a reply gives as two hex digits for each character. */
char *rsp_text(const char *hex);
/* The text that `monitor COMMAND` prints; its last reply must be OK. */
char *rsp_client_monitor(RspClient *client, const char *command);
/* ask, and the reply must be @reply; resp. begin with @prefix. */
void rsp_expect(RspClient *client, const char *text, const char *reply);
void rsp_expect_prefix(RspClient *client, const char *text, const char *prefix);
/* The reply must be an error: Exx or E.text. */
void rsp_expect_error(RspClient *client, const char *text);
/* The next packet must be @reply, resp. begin with @prefix. */
void rsp_expect_next(RspClient *client, const char *reply);
char *rsp_expect_next_prefix(RspClient *client, const char *prefix);
/*
 * A transcript: each packet, with a regular expression for its whole reply; without a packet, for
 * what comes next by itself. A reply that does not match fails the test, which goes on. The client
 * leaves the ack mode where it says so.
 */
typedef struct RspLine {
	const char *packet, *reply;
} RspLine;
void rsp_play(RspClient *client, const RspLine *lines, unsigned n);
/* Nothing but what is consumed already arrives within @ms. */
void rsp_expect_silence(RspClient *client, unsigned ms);
/* The server closes within TEST_PATIENCE; what it still says is dropped. */
void rsp_expect_eof(RspClient *client);
/* Wait until at least @n raw bytes are unread in client->in. */
void rsp_expect_bytes(RspClient *client, size_t n);

/* "...#cs" for @text, as a new string: what rsp_client_send() writes. */
char *rsp_frame(const char *text);

#endif
