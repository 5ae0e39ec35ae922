/*
 * tests/fake-rig.h - a server, a fake target behind it and a raw client in front of it, all on one
 * main context that the test runs by waiting. fake_rig_free() is itself a test: no descriptor is
 * left, the machine runs without breakpoints, and the target had no complaint about the server.
 */
#ifndef VMGDB_TESTS_FAKE_RIG_H
#define VMGDB_TESTS_FAKE_RIG_H

#include "tests/fake-target.h"
#include "tests/rsp-client.h"
#include "tests/test-util.h"

typedef struct FakeRig {
	GMainContext *context;
	FakeTarget *target;
	GdbServer *server;
	RspClient *client; /* NULL while nobody is connected */
	unsigned fds_before;
} FakeRig;

#define FAKE_VERSION "fake 1.2.3"

/* A server that does not listen, and CPUs that run. */
FakeRig *fake_rig_new(unsigned n_cpus);
void fake_rig_free(FakeRig *rig);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeRig, fake_rig_free)

/* A new client over a socketpair, in ack mode; nothing is sent. */
void fake_rig_connect(FakeRig *rig);
/* new + connect, no-ack mode, what gdb 13 offers, and the answer to `?` taken: the world stands. */
FakeRig *fake_rig_new_ready(unsigned n_cpus);
void fake_rig_handshake(FakeRig *rig);
/* What gdb 13.1 offers. */
#define FAKE_OFFER                                                                                 \
	"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;"       \
	"exec-events+;vContSupported+;QThreadEvents+;no-resumed+;memory-tagging+;xmlRegisters="    \
	"i386"

/* Listen at @where, which must succeed; returns the address for clients. */
const char *fake_rig_listen(FakeRig *rig, const char *where);
/* The number behind the last colon of the server's address. */
uint16_t fake_rig_port(FakeRig *rig);

/*
 * fake_rig_serve_stdio: what a child process does in the test of standard input and output: serve
 * one client there until it has gone. Returns main()'s answer.
 */
int fake_rig_serve_stdio(void);

/* The client closes; waits until the server has noticed and the machine runs on clean. */
void fake_rig_hangup(FakeRig *rig);
/* Wait until nobody is connected, every CPU runs and no breakpoint is left. */
void fake_rig_expect_released(FakeRig *rig);
/* Wait until the target has posted @n stops in all, without running the server. */
void fake_rig_wait_posts(FakeRig *rig, unsigned n);
/* Send 0x03; wait for one stop reply, which must begin with T02. */
void fake_rig_interrupt(FakeRig *rig);

#endif
