/*
 * tests/fuzz-ring.c - fuzzes a virtqueue: whatever the guest's RAM holds, every chain that comes
 * out of it is finite and in RAM, and a broken ring stays silent.
 *
 * The input: a byte of the ring's size, one of options, 2 of the driver's index, the places of its
 * three parts, and then the RAM.
 */
#include <string.h>

#include "hw/dev/ring.h"
#include "hw/util.h"
#include "tests/virtio-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM_BASE 0x1000ull
#define RAM_SIZE 0x1000ull
#define HEAD 10

/* Of the devices that the rig is for, too. */
void vm_log(const char *format G_GNUC_UNUSED, ...)
{
}

static uint64_t check_parts(const GArray *parts, const Dma *dma)
{
	uint64_t sum = 0;

	for (guint i = 0; i < parts->len; i++) {
		const RingPart *part = &g_array_index(parts, RingPart, i);

		g_assert_cmpuint(part->len, >, 0);
		g_assert_nonnull(dma->at(dma->opaque, part->gpa, part->len));
		sum += part->len;
	}
	return sum;
}

static void check_iov(const RingChain *chain, const Dma *dma, bool in, uint64_t len)
{
	struct iovec iov[16];
	uint64_t sum = 0;
	unsigned n = chain_iov(chain, dma, in, len / 3, len - len / 3, iov, G_N_ELEMENTS(iov));

	for (unsigned i = 0; i < n; i++)
		sum += iov[i].iov_len;
	g_assert_true(n == 0 || sum == len - len / 3);
}

static void check_chain(const RingChain *chain, const Dma *dma)
{
	uint8_t buf[300];

	g_assert_cmpuint(chain->out->len + chain->in->len, <=, 2 * RING_MAX_SIZE);
	g_assert_cmpuint(check_parts(chain->out, dma), ==, chain->out_len);
	g_assert_cmpuint(check_parts(chain->in, dma), ==, chain->in_len);
	check_iov(chain, dma, false, chain->out_len);
	check_iov(chain, dma, true, chain->in_len);
	memset(buf, 0x5a, sizeof(buf));
	g_assert_cmpuint(chain_read(chain, dma, 7, buf, sizeof(buf)), ==,
			 chain->out_len < 7 ? 0 : MIN(chain->out_len - 7, sizeof(buf)));
	g_assert_cmpuint(chain_write(chain, dma, chain->in_len / 2, buf, sizeof(buf)), ==,
			 MIN(chain->in_len - chain->in_len / 2, sizeof(buf)));
}

/* As a device does it; what it writes changes the descriptors that come next. */
static void work(Ring *ring)
{
	g_auto(RingChain) chain;
	unsigned n = 0;

	ring_chain_init(&chain);
	ring_want_kicks(ring, false);
	while (n++ < 64 && ring_pop(ring, &chain)) {
		check_chain(&chain, ring->dma);
		if (n % 5 == 0)
			ring_unpop(ring);
		else
			ring_push(ring, chain.head, chain.in_len);
		if (n % 3 == 0)
			ring_wants_interrupt(ring);
	}
	ring_want_kicks(ring, true);
	ring_wants_interrupt(ring);
	if (ring->broken != NULL)
		g_assert_true(ring_is_empty(ring));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t sizes[] = {1, 2, 4, 8, 16, 64, 3, 0, 2048};
	RigRam ram;
	Ring ring;
	uint16_t places[3];

	rig_ram_init_at(&ram, RAM_BASE, RAM_SIZE);
	if (size >= HEAD) {
		memcpy(ram.bytes, data + HEAD, MIN(size - HEAD, RAM_SIZE));
		memcpy(places, data + 4, sizeof(places));
		if (data[1] & 2)
			ram.break_at = RAM_BASE + data[2] * 16;
		if (ring_set_up(&ring, &ram.dma, sizes[data[0] % G_N_ELEMENTS(sizes)], places[0],
				places[1], places[2], data[1] & 1)) {
			ring.next_avail = ring.next_used = ring.notified_used =
				data[2] << 8 | data[3];
			work(&ring);
		}
	}
	rig_ram_clear(&ram);
	return 0;
}
