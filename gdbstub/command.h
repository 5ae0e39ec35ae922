/*
 * gdbstub/command.h - the tables of packets: finding the row, reading its arguments. Pure.
 *
 * Each family of packets (cmd-*.c) is one table of rows. To add a packet is to add a row.
 */
#ifndef VMGDB_GDBSTUB_COMMAND_H
#define VMGDB_GDBSTUB_COMMAND_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "gdbstub/session.h"
#include "gdbstub/text.h"

/*
 * What a handler answers: exactly one of these. The text of DATA, HEX and OUTPUT is what
 * the handler appended to session->reply (gdbstub/internal.h).
 */
typedef enum GdbReplyKind {
	GDB_REPLY_EMPTY, /* the packet is not known */
	GDB_REPLY_OK,
	GDB_REPLY_DATA,	   /* the text as it is */
	GDB_REPLY_HEX,	   /* long hex: the text with runs shortened */
	GDB_REPLY_OUTPUT,  /* console text: O packets, then OK */
	GDB_REPLY_ERROR,   /* @error */
	GDB_REPLY_STOP,	   /* later, by a stop */
	GDB_REPLY_WORK,	   /* later, by the work the handler set up */
	GDB_REPLY_NOTHING, /* the packet has no reply (k) */
} GdbReplyKind;

typedef struct GdbReply {
	GdbReplyKind kind;
	GError *error; /* for GDB_REPLY_ERROR, handed over */
} GdbReply;

/* The arguments of one packet, in the order of its row's schema. They point into the packet. */
#define GDB_ARGS_MAX 4
typedef struct GdbArg {
	uint64_t number;  /* x */
	GdbThread thread; /* t */
	GdbText text;	  /* s and * */
} GdbArg;

typedef struct GdbArgs {
	unsigned n; /* how many are there; those behind the ? only if the client sent them */
	GdbArg v[GDB_ARGS_MAX];
} GdbArgs;

typedef enum GdbMatch {
	GDB_MATCH_WHOLE,  /* the packet is the name and nothing else */
	GDB_MATCH_PREFIX, /* the name, then the arguments */
} GdbMatch;

typedef GdbReply (*GdbHandler)(GdbSession *session, const GdbArgs *args);

/*
 * One packet.
 * @schema: for GDB_MATCH_PREFIX, one character per piece of what follows the name:
 *   x  a hex number          t  a thread id
 *   s  text up to the character that follows in the schema, possibly empty
 *   *  all the rest, possibly empty
 *   ?  the packet may end here
 *   any other character stands for itself.
 * @states: bits of GdbSessionState in which it is legal; in the others it gets an error.
 * @may_stop: may it be answered by a stop, that is by GDB_REPLY_STOP?
 */
typedef struct GdbCommand {
	const char *name;
	GdbMatch match;
	const char *schema;
	unsigned states;
	bool may_stop;
	GdbHandler handler;
} GdbCommand;

#define GDB_WHEN_STOPPED GDB_SESSION_STOPPED
#define GDB_WHEN_ATTACHED (GDB_SESSION_STOPPED | GDB_SESSION_RUNNING)
/* Of those that are legal while stopped, the others wait for a moment in which no CPU runs. */
#define GDB_AT_ONCE (GDB_WHEN_ATTACHED | GDB_SESSION_MIXED)
#define GDB_ALWAYS (GDB_SESSION_NONE | GDB_WHEN_ATTACHED | GDB_SESSION_KILLED)

/*
 * What a family does beside its own packets. Each may be NULL.
 * attached: a client was attached: set what the family keeps in the session for it.
 * take_place: does this packet, of any family, name at its end the thread that it is for? Then @len
 * is shortened by that; @ret: cpu is UINT_MAX for one that is not there. Else nothing is changed.
 * handled: a packet was handled; @row: NULL for one that is not known.
 * append_stop: "key:value;" words at the end of a stop reply.
 * gone: the client has gone: free what the family keeps for it. Also called when there was none.
 * is_kill: does this packet end the machine?
 */
typedef struct GdbHooks {
	void (*attached)(GdbSession *session);
	bool (*take_place)(GdbSession *session, const char *packet, size_t *len, GdbPlace *ret);
	void (*handled)(GdbSession *session, const GdbCommand *row);
	void (*append_stop)(GdbSession *session, GString *out);
	void (*gone)(GdbSession *session);
	bool (*is_kill)(const GdbSession *session, const char *packet, size_t len);
} GdbHooks;

/*
 * Only gdb 16 and later agrees on errors with words (error-message). What does an older gdb do with
 * the reply to a packet of this family, so that its user can be told as well?
 */
typedef enum GdbErrorForm {
	GDB_ERROR_FORM_NUMBER, /* it shows no words, or takes them for data (m) */
	GDB_ERROR_FORM_SHOWN,  /* it takes E.text for an error and shows it as it comes */
	GDB_ERROR_FORM_CITED, /* no gdb tells its user of an error (find: "Pattern not found."), but
			       * each cites a reply that it does not know: "E16 text" is one */
} GdbErrorForm;

/* A family. A list of tables is an array of pointers that ends with NULL. */
typedef struct GdbCommandTable {
	const GdbCommand *rows;
	unsigned n_rows;
	const GdbHooks *hooks; /* or NULL */
	GdbErrorForm errors;
} GdbCommandTable;

/*
 * gdb_command_find: the row for a packet; the longest name wins, and of two equal ones WHOLE.
 * NULL when there is none. @ret_args: what follows the name.
 */
const GdbCommand *gdb_command_find(const GdbCommandTable *const *tables, const char *packet,
				   size_t len, GdbText *ret_args);

/*
 * gdb_command_parse: read @text by @schema. TRUE when it fits to the last byte. @ret_args has
 * no meaning otherwise.
 */
bool gdb_command_parse(const char *schema, GdbText text, GdbArgs *ret_args);

/*
 * gdb_command_shadowed: two rows of which one can never be found, because they have the same
 * name and match; or a row whose schema has more than GDB_ARGS_MAX arguments. NULL when all is
 * well: the name otherwise. For the tests.
 */
const char *gdb_command_shadowed(const GdbCommandTable *const *tables);

#endif
