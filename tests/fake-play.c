/*
 * tests/fake-play.c - see tests/fake-play.h.
 */
#include "tests/fake-play.h"

void fake_play(FakeRig *rig, const FakeLine *lines, unsigned n)
{
	rsp_play(rig->client, lines, n);
}

void fake_connect_gdb(FakeRig *rig)
{
	fake_rig_connect(rig);
	rsp_client_puts(rig->client, "+");
}

void fake_no_ack(FakeRig *rig)
{
	rsp_expect(rig->client, "QStartNoAckMode", "OK");
	rig->client->no_ack = true;
}

void fake_connect_lldb(FakeRig *rig)
{
	fake_rig_connect(rig);
	rig->client->mute = true;
	rsp_client_puts(rig->client, "+");
	fake_no_ack(rig);
	rsp_client_puts(rig->client, "+");
}
