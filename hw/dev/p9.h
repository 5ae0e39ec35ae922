/*
 * hw/dev/p9.h - what virtio-9p has to know of the messages of 9P2000.L that it carries. Pure.
 *
 * A message is size[4] type[1] tag[2] and more, little-endian; size counts all of it. Nothing here
 * trusts a byte of one.
 */
#ifndef VMGDB_HW_DEV_P9_H
#define VMGDB_HW_DEV_P9_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P9_HEADER_SIZE 7
#define P9_ERROR_SIZE 11 /* an Rlerror */

enum {
	P9_RLERROR = 7,
	P9_TVERSION = 100,
	P9_RVERSION = 101,
	P9_TATTACH = 104,
	P9_TFLUSH = 108,
};
/* The answer to a request has the next number, or is an Rlerror. */

typedef struct P9Header {
	uint32_t size;
	uint8_t type;
	uint16_t tag;
} P9Header;

/* p9_header: of P9_HEADER_SIZE bytes. FALSE: it says that it is smaller than itself. */
bool p9_header(const uint8_t *data, P9Header *ret);

/* p9_error: an Rlerror with the number @err of Linux. */
void p9_error(uint8_t ret[P9_ERROR_SIZE], uint16_t tag, int err);

/*
 * The following take a whole message. FALSE: it is shorter than its type needs.
 *
 * p9_version_size: the largest message that the one who sends it wants, of a Tversion or Rversion.
 * p9_limit_version: make that @max at most.
 * p9_flush_tag: the request that a Tflush wants back.
 */
bool p9_version_size(const uint8_t *message, size_t len, uint32_t *ret);
bool p9_limit_version(GByteArray *message, uint32_t max);
bool p9_flush_tag(const uint8_t *message, size_t len, uint16_t *ret);

/*
 * p9_may_change: could this request change a file or a folder? TRUE for types that nobody knows.
 * @message is whole.
 */
bool p9_may_change(const uint8_t *message, size_t len);

/*
 * p9_walks_up: is this a Twalk with the name ".."? A server may follow it out of its folder; Linux
 * never sends it.
 * p9_makes_other: could this request make, or give a name to, anything but a plain file: a link,
 * which a server may follow, a folder, a device? TRUE for types that nobody knows.
 */
bool p9_walks_up(const uint8_t *message, size_t len);
bool p9_makes_other(const uint8_t *message, size_t len);

#define P9_NO_USER UINT32_MAX
/*
 * p9_set_attach: have a Tattach ask for the folder @folder, by the user @uid; with P9_NO_USER by
 * the one that it names by a number, or by root when it names none. FALSE and unchanged when it is
 * no Tattach of 9P2000.L, or would become too large for its own fields.
 */
bool p9_set_attach(GByteArray *message, const char *folder, uint32_t uid);

#endif
