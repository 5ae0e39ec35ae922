/*
 * hw/dev/virtio.c - the status of a device, its features, queues and configuration.
 *
 * Two locks: @turn is held by whoever changes the status, from the moment when the worker is asked
 * to pause until it goes on; @lock guards the fields, is held for moments and taken last. What the
 * worker reads without a lock changes only while it is held (worker_hold()).
 */
#include "hw/dev/virtio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "hw/util.h"

#define TRANSPORT_FEATURES                                                                         \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_INDIRECT_DESC |                        \
	 1ull << VIRTIO_RING_F_EVENT_IDX)
/* What a driver sets; the others are the device's own. */
#define DRIVER_BITS                                                                                \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |      \
	 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)
/* A guest that breaks its queues over and over is not to fill the log. */
#define MAX_COMPLAINTS 8

typedef struct Queue {
	VirtioQueue fields;
	Ring ring; /* the worker's, from start() to reset() */
} Queue;

struct Virtio {
	const VirtioKind *kind;
	void *self;
	const VirtioHost *host;
	uint64_t offered;
	Worker *worker;
	VirtioBus bus;
	GMutex turn;
	bool started; /* changes only while the worker is held */

	GMutex lock; /* everything below, but for the rings */
	uint64_t accepted;
	uint8_t status, generation;
	uint16_t config_vector;
	uint8_t *config;
	size_t config_size;
	char *detail;
	unsigned complaints;
	Queue queues[VIRTIO_MAX_QUEUES];
};

/* ---- For the device ---- */

const Dma *virtio_dma(const Virtio *virtio)
{
	return virtio->host->dma;
}

Worker *virtio_worker(const Virtio *virtio)
{
	return virtio->worker;
}

uint64_t virtio_features(const Virtio *virtio)
{
	return virtio->accepted;
}

static bool has_failed(Virtio *virtio)
{
	return virtio_status(virtio) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static Ring *ring_of(Virtio *virtio, unsigned queue)
{
	Ring *ring = &virtio->queues[queue].ring;

	return ring->size != 0 ? ring : NULL;
}

Ring *virtio_ring(Virtio *virtio, unsigned queue)
{
	Ring *ring = queue < virtio->kind->n_queues ? ring_of(virtio, queue) : NULL;

	return ring != NULL && ring->broken == NULL ? ring : NULL;
}

void virtio_notify(Virtio *virtio, unsigned queue)
{
	Ring *ring = virtio_ring(virtio, queue);

	if (ring == NULL || !ring_wants_interrupt(ring))
		return;
	g_mutex_lock(&virtio->lock);
	uint16_t vector = virtio->queues[queue].fields.vector;
	g_mutex_unlock(&virtio->lock);
	if (virtio->bus.queue_interrupt != NULL)
		virtio->bus.queue_interrupt(virtio->bus.opaque, vector);
}

void virtio_serve(Virtio *virtio, unsigned queue, void (*serve)(void *self, Ring *ring))
{
	Ring *ring = virtio_ring(virtio, queue);

	if (ring == NULL || ring_is_empty(ring))
		return;
	ring_want_kicks(ring, false);
	serve(virtio->self, ring);
	virtio_notify(virtio, queue);
	ring_want_kicks(ring, true);
	if (!ring_is_empty(ring))
		virtio_kick(virtio);
}

/* A driver that is not there yet reads all of it later anyway. */
static void tell_of_config(Virtio *virtio)
{
	g_mutex_lock(&virtio->lock);
	bool wanted = virtio->status & VIRTIO_CONFIG_S_DRIVER_OK;
	uint16_t vector = virtio->config_vector;
	g_mutex_unlock(&virtio->lock);
	if (wanted && virtio->bus.config_interrupt != NULL)
		virtio->bus.config_interrupt(virtio->bus.opaque, vector);
}

void virtio_set_config(Virtio *virtio, size_t offset, const void *data, size_t len)
{
	g_return_if_fail(offset <= virtio->config_size && len <= virtio->config_size - offset);
	g_mutex_lock(&virtio->lock);
	memcpy(virtio->config + offset, data, len);
	virtio->generation++;
	g_mutex_unlock(&virtio->lock);
	tell_of_config(virtio);
}

void virtio_fail(Virtio *virtio, const char *why)
{
	g_mutex_lock(&virtio->lock);
	bool first = !(virtio->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	bool said = first && virtio->complaints < MAX_COMPLAINTS;

	virtio->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio->complaints += said;
	g_mutex_unlock(&virtio->lock);
	if (said)
		vm_log("%s: the guest's driver must reset it: %s", virtio->kind->name, why);
	if (first)
		tell_of_config(virtio);
}

/* ---- Its thread ---- */

static void fail_if_broken(Virtio *virtio)
{
	for (unsigned i = 0; i < virtio->kind->n_queues; i++) {
		const char *broken = virtio->queues[i].ring.broken;

		if (broken != NULL) {
			g_autofree char *why = g_strdup_printf("queue %u: %s", i, broken);

			virtio_fail(virtio, why);
			return;
		}
	}
}

static void on_work(void *opaque)
{
	Virtio *virtio = opaque;

	if (!virtio->started || has_failed(virtio)) {
		/* Nobody takes what is ready there. */
		worker_watch_nothing(virtio->worker);
		return;
	}
	virtio->kind->work(virtio->self);
	fail_if_broken(virtio);
}

void virtio_kick(Virtio *virtio)
{
	worker_kick(virtio->worker);
}

/* ---- Its life ---- */

static void clear_driver_locked(Virtio *virtio)
{
	virtio->accepted = 0;
	virtio->status = 0;
	virtio->config_vector = VIRTIO_NO_VECTOR;
	for (unsigned i = 0; i < virtio->kind->n_queues; i++) {
		virtio->queues[i] = (Queue){
			.fields = {.size = virtio->kind->queue_size, .vector = VIRTIO_NO_VECTOR},
		};
	}
}

Virtio *virtio_new(const VirtioKind *kind, void *self, uint64_t features, const void *config,
		   size_t config_size, const VirtioHost *host)
{
	Virtio *virtio = g_new0(Virtio, 1);

	g_assert(kind->n_queues <= VIRTIO_MAX_QUEUES && kind->queue_size <= RING_MAX_SIZE);
	virtio->kind = kind;
	virtio->self = self;
	virtio->host = host;
	virtio->offered = features | TRANSPORT_FEATURES;
	virtio->config = g_memdup2(config, config_size);
	virtio->config_size = config_size;
	g_mutex_init(&virtio->turn);
	g_mutex_init(&virtio->lock);
	clear_driver_locked(virtio);
	virtio->worker = worker_new(kind->name, host->gate, on_work, virtio);
	return virtio;
}

static void stop(Virtio *virtio)
{
	if (virtio->started && virtio->kind->reset != NULL)
		virtio->kind->reset(virtio->self);
	virtio->started = false;
}

void virtio_free(Virtio *virtio)
{
	if (virtio == NULL)
		return;
	worker_hold(virtio->worker);
	stop(virtio);
	worker_free(virtio->worker);
	virtio->kind->free(virtio->self);
	g_mutex_clear(&virtio->turn);
	g_mutex_clear(&virtio->lock);
	g_free(virtio->config);
	g_free(virtio->detail);
	g_free(virtio);
}

void virtio_attach(Virtio *virtio, const VirtioBus *bus)
{
	virtio->bus = *bus;
}

/* ---- The status (virtio 1.2, 2.1 and 3.1) ---- */

uint8_t virtio_status(Virtio *virtio)
{
	g_mutex_lock(&virtio->lock);
	uint8_t status = virtio->status;
	g_mutex_unlock(&virtio->lock);
	return status;
}

static void reset(Virtio *virtio)
{
	worker_hold(virtio->worker);
	stop(virtio);
	g_mutex_lock(&virtio->lock);
	clear_driver_locked(virtio);
	g_mutex_unlock(&virtio->lock);
	worker_go(virtio->worker);
}

static void set_up_queue(Virtio *virtio, Queue *queue)
{
	const VirtioQueue *fields = &queue->fields;

	if (fields->enabled)
		ring_set_up(&queue->ring, virtio->host->dma, fields->size, fields->desc,
			    fields->avail, fields->used,
			    virtio->accepted & 1ull << VIRTIO_RING_F_EVENT_IDX);
}

/* The queues' fields do not change any more: the status says DRIVER_OK. */
static void start(Virtio *virtio)
{
	worker_hold(virtio->worker);
	for (unsigned i = 0; i < virtio->kind->n_queues; i++)
		set_up_queue(virtio, &virtio->queues[i]);
	fail_if_broken(virtio);
	if (!has_failed(virtio)) {
		if (virtio->kind->start != NULL)
			virtio->kind->start(virtio->self);
		virtio->started = true;
	}
	worker_go(virtio->worker);
	/* The driver may have filled its queues before. */
	worker_kick(virtio->worker);
}

static bool features_fit_locked(const Virtio *virtio)
{
	return !(virtio->accepted & ~virtio->offered) &&
	       virtio->accepted & 1ull << VIRTIO_F_VERSION_1;
}

/* Bits are only added; what may not be is left out, and the driver sees that. */
static uint8_t add_status_locked(Virtio *virtio, uint8_t status)
{
	uint8_t before = virtio->status, bits = status & DRIVER_BITS & ~before;

	if (bits & VIRTIO_CONFIG_S_FEATURES_OK && !features_fit_locked(virtio))
		bits &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	virtio->status |= bits;
	if (!(virtio->status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		virtio->status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
		bits &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	}
	return bits;
}

void virtio_set_status(Virtio *virtio, uint8_t status)
{
	g_mutex_lock(&virtio->turn);
	if (status == 0) {
		reset(virtio);
	} else {
		g_mutex_lock(&virtio->lock);
		uint8_t added = add_status_locked(virtio, status);
		g_mutex_unlock(&virtio->lock);
		if (added & VIRTIO_CONFIG_S_DRIVER_OK)
			start(virtio);
	}
	g_mutex_unlock(&virtio->turn);
}

/* ---- Features ---- */

uint64_t virtio_offered(const Virtio *virtio)
{
	return virtio->offered;
}

/* They are settled once the device has said FEATURES_OK. */
void virtio_accept(Virtio *virtio, unsigned word, uint32_t bits)
{
	if (word > 1)
		return;
	g_mutex_lock(&virtio->lock);
	if (!(virtio->status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		virtio->accepted &= ~(0xffffffffull << 32 * word);
		virtio->accepted |= (uint64_t)bits << 32 * word;
	}
	g_mutex_unlock(&virtio->lock);
}

uint32_t virtio_accepted(Virtio *virtio, unsigned word)
{
	g_mutex_lock(&virtio->lock);
	uint32_t bits = word <= 1 ? (uint32_t)(virtio->accepted >> 32 * word) : 0;
	g_mutex_unlock(&virtio->lock);
	return bits;
}

/* ---- The configuration ---- */

size_t virtio_config_size(const Virtio *virtio)
{
	return virtio->config_size;
}

uint8_t virtio_generation(Virtio *virtio)
{
	g_mutex_lock(&virtio->lock);
	uint8_t generation = virtio->generation;
	g_mutex_unlock(&virtio->lock);
	return generation;
}

static size_t part_of_config(const Virtio *virtio, size_t offset, size_t len)
{
	return offset < virtio->config_size ? MIN(len, virtio->config_size - offset) : 0;
}

void virtio_read_config(Virtio *virtio, size_t offset, void *data, size_t len)
{
	size_t part = part_of_config(virtio, offset, len);

	memset(data, 0, len);
	if (part == 0)
		return;
	g_mutex_lock(&virtio->lock);
	memcpy(data, virtio->config + offset, part);
	g_mutex_unlock(&virtio->lock);
}

void virtio_write_config(Virtio *virtio, size_t offset, const void *data, size_t len)
{
	size_t part = part_of_config(virtio, offset, len);

	if (part == 0 || virtio->kind->config_written == NULL)
		return;
	g_mutex_lock(&virtio->lock);
	memcpy(virtio->config + offset, data, part);
	virtio->kind->config_written(virtio->self, offset, part);
	g_mutex_unlock(&virtio->lock);
}

void virtio_set_config_vector(Virtio *virtio, uint16_t vector)
{
	g_mutex_lock(&virtio->lock);
	virtio->config_vector = vector;
	g_mutex_unlock(&virtio->lock);
}

uint16_t virtio_config_vector(Virtio *virtio)
{
	g_mutex_lock(&virtio->lock);
	uint16_t vector = virtio->config_vector;
	g_mutex_unlock(&virtio->lock);
	return vector;
}

/* ---- Queues ---- */

bool virtio_get_queue(Virtio *virtio, unsigned queue, VirtioQueue *ret)
{
	if (queue >= virtio->kind->n_queues)
		return false;
	g_mutex_lock(&virtio->lock);
	*ret = virtio->queues[queue].fields;
	g_mutex_unlock(&virtio->lock);
	return true;
}

static bool is_size(const Virtio *virtio, uint16_t size)
{
	return size != 0 && size <= virtio->kind->queue_size && (size & (size - 1)) == 0;
}

/* After DRIVER_OK it is too late to enable one. */
static void set_queue_locked(Virtio *virtio, VirtioQueue *fields, const VirtioQueue *value)
{
	uint16_t size = is_size(virtio, value->size) ? value->size : fields->size;

	fields->vector = value->vector;
	if (fields->enabled || virtio->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return;
	*fields = *value;
	fields->size = size;
}

void virtio_set_queue(Virtio *virtio, unsigned queue, const VirtioQueue *value)
{
	if (queue >= virtio->kind->n_queues)
		return;
	g_mutex_lock(&virtio->lock);
	set_queue_locked(virtio, &virtio->queues[queue].fields, value);
	g_mutex_unlock(&virtio->lock);
}

/* ---- For people ---- */

const VirtioKind *virtio_kind(const Virtio *virtio)
{
	return virtio->kind;
}

void virtio_set_detail(Virtio *virtio, const char *text)
{
	g_mutex_lock(&virtio->lock);
	g_free(virtio->detail);
	virtio->detail = g_strdup(text);
	g_mutex_unlock(&virtio->lock);
}

static const char *state_name(uint8_t status)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} states[] = {
		{VIRTIO_CONFIG_S_NEEDS_RESET, "needs a reset"},
		{VIRTIO_CONFIG_S_FAILED, "driver failed"},
		{VIRTIO_CONFIG_S_DRIVER_OK, "driver ready"},
		{VIRTIO_CONFIG_S_DRIVER, "driver starting"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
		if (status & states[i].bit)
			return states[i].name;
	}
	return "no driver";
}

char *virtio_describe(Virtio *virtio)
{
	unsigned enabled = 0;

	g_mutex_lock(&virtio->lock);
	for (unsigned i = 0; i < virtio->kind->n_queues; i++)
		enabled += virtio->queues[i].fields.enabled;
	char *text = g_strdup_printf("%s, %s, %u queue%s%s%s", virtio->kind->name,
				     state_name(virtio->status), enabled, enabled == 1 ? "" : "s",
				     virtio->detail != NULL ? ", " : "",
				     virtio->detail != NULL ? virtio->detail : "");
	g_mutex_unlock(&virtio->lock);
	return text;
}
