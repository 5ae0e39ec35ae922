/*
 * hw/dev/ring.h - a split virtqueue as its device sees it (virtio 1.2, 2.7). Pure: no KVM, no
 * thread, no descriptor. The guest's bytes are hostile: loops, addresses outside of RAM, wrong
 * lengths, indirect in indirect, an index that jumps. Such a queue is broken until it is set up
 * again, and the device asks for a reset (virtio 1.2, 2.1.2).
 *
 * One thread at a time uses a Ring.
 */
#ifndef VMGDB_HW_DEV_RING_H
#define VMGDB_HW_DEV_RING_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "hw/dev/dma.h"

#define RING_MAX_SIZE 1024 /* descriptors; virtio allows 32768, no driver needs them */

typedef struct Ring {
	const Dma *dma;
	uint16_t size;		    /* a power of two; 0: not set up */
	uint64_t desc, avail, used; /* guest-physical */
	bool event_idx;		    /* VIRTIO_F_EVENT_IDX was negotiated */
	uint16_t next_avail;	    /* the next entry of the avail ring to take */
	uint16_t next_used;	    /* and of the used ring to fill */
	uint16_t notified_used;	    /* next_used when ring_wants_interrupt() was last asked */
	const char *broken;	    /* what was wrong with it, a literal; or NULL */
} Ring;

/*
 * ring_set_up: @size descriptors at these places. FALSE and @ring->broken says why: a size that is
 * no power of two or too large, a part outside of RAM or not aligned (2.7: 16, 2, 4 bytes).
 */
bool ring_set_up(Ring *ring, const Dma *dma, uint16_t size, uint64_t desc, uint64_t avail,
		 uint64_t used, bool event_idx);

/* A stretch of guest memory. */
typedef struct RingPart {
	uint64_t gpa;
	uint32_t len;
} RingPart;

/*
 * A chain of descriptors that the driver made available; all of it is RAM. Descriptors without
 * bytes are left out. An indirect table (2.7.5.3) may stand at its end.
 */
typedef struct RingChain {
	uint16_t head;
	GArray *out; /* of RingPart: the device reads them; made by ring_chain_init() */
	GArray *in;  /* and writes these, which come behind */
	uint64_t out_len, in_len; /* bytes in all; at most 4 GiB together */
} RingChain;

void ring_chain_init(RingChain *chain);
void ring_chain_clear(RingChain *chain);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RingChain, ring_chain_clear)

/* ring_pop: the next chain, in place of what @ret held. FALSE: there is none, or it is broken. */
bool ring_pop(Ring *ring, RingChain *ret);
/*
 * ring_pop_or_wait: the same; FALSE: and the driver kicks when there is one. A chain that comes
 * while it is asked for that is not missed.
 */
bool ring_pop_or_wait(Ring *ring, RingChain *ret);
/* ring_push: the driver gets @head back; the device has written @written bytes of its in parts. */
void ring_push(Ring *ring, uint16_t head, uint32_t written);
/* ring_unpop: the chain taken last was not used: the next ring_pop() takes it again. */
void ring_unpop(Ring *ring);

/*
 * ring_wants_interrupt: does the driver want to hear of what was pushed since the last call? After
 * the last ring_push() of a batch (2.7.7).
 */
bool ring_wants_interrupt(Ring *ring);
/*
 * ring_want_kicks: does the device want to hear of new chains (2.7.10)? After TRUE look once more
 * whether there are some: ring_is_empty().
 */
void ring_want_kicks(Ring *ring, bool wanted);
bool ring_is_empty(Ring *ring);

/*
 * chain_read, chain_write: copy from the out parts, or to the in parts, from byte @offset of them
 * on. Returns how many: less where the chain ends, or where RAM cannot be reached.
 */
size_t chain_read(const RingChain *chain, const Dma *dma, uint64_t offset, void *buf, size_t len);
size_t chain_write(const RingChain *chain, const Dma *dma, uint64_t offset, const void *buf,
		   size_t len);
/*
 * chain_iov: the bytes [offset, offset + len) of the out parts, or of the in parts, for readv() and
 * writev(): at most @max pieces. 0: there are not so many bytes, they need more pieces, or a
 * breakpoint lies there: copy then.
 */
unsigned chain_iov(const RingChain *chain, const Dma *dma, bool in, uint64_t offset, uint64_t len,
		   struct iovec *iov, unsigned max);

#endif
