/*
 * tests/fuzz-9p.c - fuzzes virtio-9p from both sides: whatever the guest asks and the server
 * answers, no more than a buffer holds is written into it, no request comes back twice, and all of
 * it ends.
 *
 * The input: steps, of which each is a byte that says who does something, and what belongs to that.
 * The worker is not a thread here: its work is done between the steps.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hw/dev/virtio-9p.h"
#include "hw/util.h"
#include "tests/virtio-driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOTS 8
#define SLOT_SIZE 512
#define MAX_STEPS 64

/* The device's complaints are no finding. */
void vm_log(const char *format G_GNUC_UNUSED, ...)
{
}

/* ---- A worker that works when it is told to ---- */

struct Worker {
	void (*work)(void *opaque);
	void *opaque;
	bool kicked;
};

Worker *worker_new(const char *name G_GNUC_UNUSED, const WorkerGate *gate G_GNUC_UNUSED,
		   void (*work)(void *opaque), void *opaque)
{
	Worker *worker = g_new0(Worker, 1);

	worker->work = work;
	worker->opaque = opaque;
	return worker;
}

void worker_free(Worker *worker)
{
	g_free(worker);
}

void worker_kick(Worker *worker)
{
	worker->kicked = true;
}

int worker_kick_fd(const Worker *worker G_GNUC_UNUSED)
{
	return -1;
}

void worker_wake(Worker *worker)
{
	worker->kicked = true;
}

void worker_watch(Worker *worker G_GNUC_UNUSED, int fd G_GNUC_UNUSED,
		  GIOCondition conditions G_GNUC_UNUSED)
{
}

void worker_watch_nothing(Worker *worker G_GNUC_UNUSED)
{
}

void worker_hold(Worker *worker G_GNUC_UNUSED)
{
}

void worker_go(Worker *worker G_GNUC_UNUSED)
{
}

/* ---- The server, the guest ---- */

typedef struct Rig {
	RigDriver driver;
	int server;
	uint16_t next_slot;
	uint32_t in_len[SLOTS]; /* the largest of those offered there */
	unsigned offered, taken;
} Rig;

static int on_begin(void *opaque, GError **error G_GNUC_UNUSED)
{
	Rig *rig = opaque;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		g_error("socketpair");
	rig->server = pair[1];
	return pair[0];
}

static void close_server(Rig *rig)
{
	if (rig->server >= 0)
		close(rig->server);
	rig->server = -1;
}

static void on_end(void *opaque)
{
	close_server(opaque);
}

typedef struct Input {
	const uint8_t *data;
	size_t size;
} Input;

static uint8_t next(Input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static void ask(Rig *rig, Input *input)
{
	RigQueue *queue = &rig->driver.queue[0];
	unsigned slot = rig->next_slot++ % SLOTS;
	uint64_t out = DRIVER_DATA + 2ull * SLOT_SIZE * slot, in = out + SLOT_SIZE;
	size_t len = next(input);
	uint32_t in_len = next(input);

	len = MIN(len, input->size);
	memcpy(rig_at(&rig->driver.ram, out, SLOT_SIZE), input->data, len);
	input->data += len;
	input->size -= len;
	rig->in_len[slot] = MAX(rig->in_len[slot], in_len);
	rig_desc(queue, 2 * slot, out, len, RIG_NEXT, 2 * slot + 1);
	rig_desc(queue, 2 * slot + 1, in, in_len, RIG_WRITE, 0);
	rig->offered++;
	rig_driver_offer(&rig->driver, 0, 2 * slot);
}

static void send_bytes(Rig *rig, Input *input)
{
	size_t len = next(input);

	len = MIN(len, input->size);
	if (rig->server >= 0)
		send(rig->server, input->data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	input->data += len;
	input->size -= len;
}

/* The server answers the next request as it should. */
static void answer(Rig *rig)
{
	uint8_t message[SLOT_SIZE + 8];
	P9Header header;

	if (rig->server < 0 ||
	    recv(rig->server, message, P9_HEADER_SIZE, MSG_DONTWAIT) != P9_HEADER_SIZE ||
	    !p9_header(message, &header))
		return;
	if (header.size > sizeof(message))
		g_error("a request of %u bytes", header.size);
	recv(rig->server, message + P9_HEADER_SIZE, header.size - P9_HEADER_SIZE, MSG_DONTWAIT);
	message[4]++;
	send(rig->server, message, header.size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void restart(Rig *rig)
{
	rig_driver_restart(&rig->driver, 1);
	memset(rig->in_len, 0, sizeof(rig->in_len));
	rig->offered = rig->taken = 0;
}

static void do_step(Rig *rig, Input *input)
{
	switch (next(input) % 8) {
	default:
		ask(rig, input);
		break;
	case 1:
		send_bytes(rig, input);
		break;
	case 2:
	case 3:
		answer(rig);
		break;
	case 4:
		restart(rig);
		break;
	case 5:
		close_server(rig);
		break;
	}
}

/* ---- What must hold ---- */

static void check(Rig *rig)
{
	uint32_t written;
	uint16_t head;

	while (rig_take(&rig->driver.queue[0], &head, &written)) {
		if (++rig->taken > rig->offered)
			g_error("a request came back twice");
		if (head % 2 != 0 || head / 2 >= SLOTS || written > rig->in_len[head / 2])
			g_error("%u bytes written for head %u", written, head);
	}
}

static void work(Rig *rig)
{
	Worker *worker = virtio_worker(rig->driver.virtio);

	worker->kicked = true;
	for (unsigned i = 0; worker->kicked; i++) {
		if (i == 10)
			g_error("it has always more to do");
		worker->kicked = false;
		worker->work(worker->opaque);
	}
	check(rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Rig rig = {.server = -1};
	Input input = {data, size};
	Virtio9pServer server = {
		.folder = "/src",
		.read_only = next(&input) % 4 == 0,
		.uid = P9_NO_USER,
		.begin = on_begin,
		.end = on_end,
		.opaque = &rig,
	};

	rig_driver_init(&rig.driver);
	rig_driver_start(&rig.driver, virtio_9p_new("tag", &server, &rig.driver.host, NULL), 1);
	for (unsigned i = 0; i < MAX_STEPS && input.size > 0; i++) {
		do_step(&rig, &input);
		work(&rig);
	}
	rig_driver_clear(&rig.driver);
	close_server(&rig);
	return 0;
}
