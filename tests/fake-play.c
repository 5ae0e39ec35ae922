/*
 * tests/fake-play.c - see tests/fake-play.h.
 */
#include "tests/fake-play.h"

static void play_line(FakeRig *rig, const FakeLine *line)
{
	g_autofree char *whole = g_strdup_printf("^(%s)$", line->reply);
	g_autofree char *reply = rsp_client_ask(rig->client, line->packet);

	if (!g_regex_match_simple(whole, reply, G_REGEX_DOTALL, 0)) {
		g_test_message("'%s' -> '%s', expected /%s/", line->packet, reply, line->reply);
		g_test_fail();
	}
}

void fake_play(FakeRig *rig, const FakeLine *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		play_line(rig, &lines[i]);
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
