/*
 * hw/dev/virtio-blk.c - requests of a disk's driver.
 *
 * A request has a header in its out parts, data behind it or in its in parts, and its last in byte
 * is the status.
 */
#include "hw/dev/virtio-blk.h"

#include <linux/virtio_blk.h>
#include <string.h>

/* One for each CPU of most guests, whose interrupt need not disturb another CPU. */
#define N_QUEUES VIRTIO_MAX_QUEUES
#define QUEUE_SIZE 256
#define MAX_PIECES 1024 /* IOV_MAX */
/* Bytes of one request, which nothing interrupts. Linux asks for a few MiB. */
#define MAX_DATA (64u << 20)
#define BOUNCE (128u << 10)
/* After so much work() looks whether it may go on, and the driver hears of what is done. */
#define TURN_REQUESTS 32
#define TURN_BYTES (4u << 20)
/* A range may have to be filled with zeros by writing them, which nothing interrupts. */
#define MAX_ZERO_SECTORS ((64u << 20) / DISK_SECTOR)
#define MAX_DISCARD_SECTORS ((1u << 30) / DISK_SECTOR)
#define MAX_RANGES 16

typedef struct Blk {
	Virtio *virtio;
	Disk *disk;
	RingChain chain;
	struct iovec iov[MAX_PIECES];
	uint8_t *bounce;
	unsigned first; /* queue of this turn */
	unsigned n;	/* requests that this turn has dealt with */
	uint64_t bytes; /* likewise, of the disk */
} Blk;

typedef struct virtio_blk_outhdr Header;
typedef struct virtio_blk_discard_write_zeroes Range;

G_STATIC_ASSERT(sizeof(Header) == 16);
G_STATIC_ASSERT(sizeof(Range) == 16);

static bool has_feature(const Blk *blk, unsigned bit)
{
	return virtio_features(blk->virtio) & 1ull << bit;
}

/* ---- Data ---- */

/* Where a breakpoint lies in the guest's bytes, or they are in too many pieces. */
static ssize_t copy_some(Blk *blk, bool in, uint64_t at, uint64_t len, uint64_t offset,
			 bool durable)
{
	const Dma *dma = virtio_dma(blk->virtio);
	struct iovec iov = {blk->bounce, MIN(len, BOUNCE)};

	if (!in)
		return chain_read(&blk->chain, dma, at, iov.iov_base, iov.iov_len) == iov.iov_len
			       ? disk_write(blk->disk, &iov, 1, offset, durable)
			       : -1;
	ssize_t n = disk_read(blk->disk, &iov, 1, offset);
	if (n < 0 || chain_write(&blk->chain, dma, at, blk->bounce, n) != (size_t)n)
		return -1;
	return n;
}

static ssize_t move_some(Blk *blk, bool in, uint64_t at, uint64_t len, uint64_t offset,
			 bool durable)
{
	unsigned n =
		chain_iov(&blk->chain, virtio_dma(blk->virtio), in, at, len, blk->iov, MAX_PIECES);

	if (n == 0)
		return copy_some(blk, in, at, len, offset, durable);
	return in ? disk_read(blk->disk, blk->iov, n, offset)
		  : disk_write(blk->disk, blk->iov, n, offset, durable);
}

static bool is_inside(const Blk *blk, uint64_t sector, uint64_t len)
{
	uint64_t size = disk_size(blk->disk);

	return len <= size && sector <= (size - len) / DISK_SECTOR;
}

/* @len bytes of the in or out parts, from byte @at on. */
static uint8_t move(Blk *blk, bool in, uint64_t at, uint64_t len, uint64_t sector)
{
	/* A driver that never flushes wants each write to be on the disk (5.2.6.2). */
	bool durable = !has_feature(blk, VIRTIO_BLK_F_FLUSH);

	if (len % DISK_SECTOR != 0 || len > MAX_DATA || !is_inside(blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	for (uint64_t done = 0; done < len;) {
		ssize_t n = move_some(blk, in, at + done, len - done, sector * DISK_SECTOR + done,
				      durable);

		if (n < 0)
			return VIRTIO_BLK_S_IOERR;
		done += n;
	}
	return VIRTIO_BLK_S_OK;
}

/* ---- Requests ---- */

static uint8_t do_in(Blk *blk, const Header *header)
{
	return move(blk, true, 0, blk->chain.in_len - 1, header->sector);
}

static uint8_t do_out(Blk *blk, const Header *header)
{
	if (disk_is_read_only(blk->disk))
		return VIRTIO_BLK_S_IOERR;
	return move(blk, false, sizeof(*header), blk->chain.out_len - sizeof(*header),
		    header->sector);
}

static uint8_t do_flush(Blk *blk, const Header *header G_GNUC_UNUSED)
{
	return disk_flush(blk->disk) ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* The image's name; 20 bytes, without an end if it is longer. */
static uint8_t do_get_id(Blk *blk, const Header *header G_GNUC_UNUSED)
{
	g_autofree char *name = g_path_get_basename(disk_path(blk->disk));
	char id[VIRTIO_BLK_ID_BYTES] = {0};

	memcpy(id, name, MIN(strlen(name), sizeof(id)));
	if (blk->chain.in_len - 1 < sizeof(id))
		return VIRTIO_BLK_S_IOERR;
	chain_write(&blk->chain, virtio_dma(blk->virtio), 0, id, sizeof(id));
	return VIRTIO_BLK_S_OK;
}

static uint8_t discard_range(Blk *blk, const Range *range)
{
	uint64_t len = (uint64_t)range->num_sectors * DISK_SECTOR;

	if (range->flags != 0)
		return VIRTIO_BLK_S_UNSUPP;
	if (range->num_sectors > MAX_DISCARD_SECTORS || !is_inside(blk, range->sector, len))
		return VIRTIO_BLK_S_IOERR;
	blk->bytes += len;
	return len == 0 || disk_discard(blk->disk, range->sector * DISK_SECTOR, len)
		       ? VIRTIO_BLK_S_OK
		       : VIRTIO_BLK_S_IOERR;
}

static uint8_t zero_range(Blk *blk, const Range *range)
{
	uint64_t len = (uint64_t)range->num_sectors * DISK_SECTOR;
	bool may_unmap = range->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

	if (range->flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)
		return VIRTIO_BLK_S_UNSUPP;
	if (range->num_sectors > MAX_ZERO_SECTORS || !is_inside(blk, range->sector, len))
		return VIRTIO_BLK_S_IOERR;
	blk->bytes += len;
	return len == 0 || disk_zero(blk->disk, range->sector * DISK_SECTOR, len, may_unmap)
		       ? VIRTIO_BLK_S_OK
		       : VIRTIO_BLK_S_IOERR;
}

static uint8_t do_ranges(Blk *blk, uint8_t (*do_range)(Blk *blk, const Range *range))
{
	uint64_t len = blk->chain.out_len - sizeof(Header);
	unsigned n = len / sizeof(Range);
	Range ranges[MAX_RANGES];
	uint8_t status = VIRTIO_BLK_S_OK;

	if (disk_is_read_only(blk->disk) || len == 0 || len % sizeof(Range) != 0 ||
	    len > sizeof(ranges) ||
	    chain_read(&blk->chain, virtio_dma(blk->virtio), sizeof(Header), ranges, len) != len)
		return VIRTIO_BLK_S_IOERR;
	for (unsigned i = 0; i < n && status == VIRTIO_BLK_S_OK; i++)
		status = do_range(blk, &ranges[i]);
	return status;
}

static uint8_t do_discard(Blk *blk, const Header *header G_GNUC_UNUSED)
{
	return do_ranges(blk, discard_range);
}

static uint8_t do_write_zeroes(Blk *blk, const Header *header G_GNUC_UNUSED)
{
	return do_ranges(blk, zero_range);
}

static const struct {
	uint32_t type;
	uint8_t (*run)(Blk *blk, const Header *header);
} requests[] = {
	{VIRTIO_BLK_T_IN, do_in},	    {VIRTIO_BLK_T_OUT, do_out},
	{VIRTIO_BLK_T_FLUSH, do_flush},	    {VIRTIO_BLK_T_GET_ID, do_get_id},
	{VIRTIO_BLK_T_DISCARD, do_discard}, {VIRTIO_BLK_T_WRITE_ZEROES, do_write_zeroes},
};

static uint8_t run(Blk *blk, const Header *header)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(requests); i++) {
		if (requests[i].type == header->type)
			return requests[i].run(blk, header);
	}
	return VIRTIO_BLK_S_UNSUPP;
}

/* ---- The queue ---- */

/* FALSE: there is no place for an answer. */
static bool answer(Blk *blk, Ring *ring)
{
	const Dma *dma = virtio_dma(blk->virtio);
	Header header;

	if (chain_read(&blk->chain, dma, 0, &header, sizeof(header)) != sizeof(header) ||
	    blk->chain.in_len == 0)
		return false;
	uint8_t status = run(blk, &header);
	chain_write(&blk->chain, dma, blk->chain.in_len - 1, &status, 1);
	ring_push(ring, blk->chain.head, status == VIRTIO_BLK_S_OK ? blk->chain.in_len : 1);
	return true;
}

static void serve(void *self, Ring *ring)
{
	Blk *blk = self;

	for (; blk->n < TURN_REQUESTS && blk->bytes < TURN_BYTES; blk->n++) {
		if (!ring_pop(ring, &blk->chain))
			break;
		blk->bytes += blk->chain.in_len + blk->chain.out_len;
		if (!answer(blk, ring)) {
			virtio_fail(blk->virtio,
				    "a request has no header, or no place for its status");
			return;
		}
	}
}

static void blk_work(void *self)
{
	Blk *blk = self;

	blk->n = 0;
	blk->bytes = 0;
	for (unsigned i = 0; i < N_QUEUES; i++)
		virtio_serve(blk->virtio, (blk->first + i) % N_QUEUES, serve);
	/* Who came too late for this turn comes earlier in the next. */
	blk->first = (blk->first + 1) % N_QUEUES;
}

/* ---- The device ---- */

static void blk_free(void *self)
{
	Blk *blk = self;

	ring_chain_clear(&blk->chain);
	g_free(blk->bounce);
	g_free(blk);
}

static const VirtioKind blk_kind = {
	.name = "virtio-blk",
	.id = 2,
	.pci_class = 0x018000, /* mass storage, of no other kind */
	.n_queues = N_QUEUES,
	.queue_size = QUEUE_SIZE,
	.work = blk_work,
	.free = blk_free,
};

static uint64_t features_of(const Disk *disk)
{
	uint64_t features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			    1ull << VIRTIO_BLK_F_TOPOLOGY | 1ull << VIRTIO_BLK_F_FLUSH |
			    1ull << VIRTIO_BLK_F_MQ;

	if (disk_is_read_only(disk))
		return features | 1ull << VIRTIO_BLK_F_RO;
	return features | 1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
}

/* A segment may be as long as the driver likes: there is no size_max. */
static struct virtio_blk_config config_of(const Disk *disk)
{
	unsigned sectors = disk_block_size(disk) / DISK_SECTOR;

	return (struct virtio_blk_config){
		.capacity = disk_size(disk) / DISK_SECTOR,
		.seg_max = QUEUE_SIZE - 2, /* beside the header and the status */
		.blk_size = DISK_SECTOR,
		.physical_block_exp = __builtin_ctz(sectors),
		.min_io_size = sectors,
		.num_queues = N_QUEUES,
		.max_discard_sectors = MAX_DISCARD_SECTORS,
		.max_discard_seg = MAX_RANGES,
		.discard_sector_alignment = sectors,
		.max_write_zeroes_sectors = MAX_ZERO_SECTORS,
		.max_write_zeroes_seg = MAX_RANGES,
		.write_zeroes_may_unmap = 1,
	};
}

Virtio *virtio_blk_new(Disk *disk, const VirtioHost *host)
{
	struct virtio_blk_config config = config_of(disk);
	Blk *blk = g_new0(Blk, 1);

	blk->disk = disk;
	blk->bounce = g_malloc(BOUNCE);
	ring_chain_init(&blk->chain);
	/* What comes behind is of features that are not offered. */
	blk->virtio = virtio_new(
		&blk_kind, blk, features_of(disk), &config,
		offsetof(struct virtio_blk_config, unused1) + sizeof(config.unused1), host);
	virtio_set_detail(blk->virtio, disk_path(disk));
	return blk->virtio;
}
