/*
 * tests/fake-play.h - transcripts of clients, played against the server of a FakeRig: packets, each
 * with the expression that its reply must match.
 */
#ifndef VMGDB_TESTS_FAKE_PLAY_H
#define VMGDB_TESTS_FAKE_PLAY_H

#include "tests/fake-rig.h"

typedef RspLine FakeLine;

#define HEX "[0-9a-f]+"

/* rsp_play(). */
void fake_play(FakeRig *rig, const FakeLine *lines, unsigned n);
#define PLAY(rig, lines) fake_play(rig, lines, G_N_ELEMENTS(lines))

/* Connect, and say what gdb resp. lldb says before its first packet; lldb in no-ack mode. */
void fake_connect_gdb(FakeRig *rig);
void fake_connect_lldb(FakeRig *rig);
/* QStartNoAckMode. */
void fake_no_ack(FakeRig *rig);

/* The program that the tests give the fake target, and how far it was moved. */
#define VMLINUX "/kernel/vmlinux"
#define SLIDE 0x1200000u

#endif
