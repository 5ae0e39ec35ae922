/*
 * kvm/states.c - the states of a machine and of its vCPUs: which may follow which.
 */
#include "kvm/states.h"

#define TO(state) (1u << (state))

/* Every set of states that may follow, by the state before. */

static const unsigned world_moves[] = {
	/* STOPPED: the next client came while the breakpoints of the last one were taken out. */
	[WORLD_FREE] = TO(WORLD_STOPPING) | TO(WORLD_STOPPED),
	[WORLD_RUNNING] = TO(WORLD_STOPPING),
	[WORLD_STOPPING] = TO(WORLD_STOPPED),
	/* FREE: the client has left. */
	[WORLD_STOPPED] = TO(WORLD_RUNNING) | TO(WORLD_FREE),
};

static const unsigned vcpu_moves[] = {
	[VCPU_OUTSIDE] = TO(VCPU_RUNNING) | TO(VCPU_GONE),
	[VCPU_RUNNING] = TO(VCPU_OUTSIDE) | TO(VCPU_PARKED),
	[VCPU_PARKED] = TO(VCPU_RUNNING) | TO(VCPU_OUTSIDE),
	/* Its place is taken by another one, which is new. */
	[VCPU_GONE] = 0,
};

static const unsigned exit_moves[] = {
	[EXIT_FINISHED] = TO(EXIT_OPEN),
	/* From what KVM_RUN has brought: for the VMM, for the client first, or for the guest. */
	[EXIT_OPEN] = TO(EXIT_FINISHED) | TO(EXIT_HELD) | TO(EXIT_GUEST_TRAP),
	/* The VMM gets it now. */
	[EXIT_HELD] = TO(EXIT_OPEN),
	/* It was delivered, or KVM refused it. */
	[EXIT_GUEST_TRAP] = TO(EXIT_FINISHED),
};

static const unsigned kick_moves[] = {
	/* TAKEN: the end of debugging owes an EINTR to who is parked. */
	[KICK_NONE] = TO(KICK_SENT) | TO(KICK_TAKEN),
	[KICK_SENT] = TO(KICK_TAKEN),
	[KICK_TAKEN] = TO(KICK_SENT) | TO(KICK_NONE),
};

static const unsigned over_moves[] = {
	[OVER_NOTHING] = TO(OVER_WAITING),
	[OVER_WAITING] = TO(OVER_ALONE) | TO(OVER_NOTHING),
	/* WAITING: its turn was too short, or cut off. */
	[OVER_ALONE] = TO(OVER_NOTHING) | TO(OVER_WAITING),
};

static const unsigned step_moves[] = {
	[STEP_NONE] = TO(STEP_BY_CPU) | TO(STEP_THROUGH),
	[STEP_BY_CPU] = TO(STEP_TO_PATCH) | TO(STEP_NONE),
	/* BY_CPU: the patch went with all others. */
	[STEP_TO_PATCH] = TO(STEP_BY_CPU) | TO(STEP_NONE),
	[STEP_THROUGH] = TO(STEP_NONE),
};

static const struct {
	const char *name;
	const unsigned *moves;
	unsigned n;
} tables[] = {
	[STATE_WORLD] = {"World", world_moves, G_N_ELEMENTS(world_moves)},
	[STATE_VCPU] = {"VcpuState", vcpu_moves, G_N_ELEMENTS(vcpu_moves)},
	[STATE_EXIT] = {"Exit", exit_moves, G_N_ELEMENTS(exit_moves)},
	[STATE_KICK] = {"Kick", kick_moves, G_N_ELEMENTS(kick_moves)},
	[STATE_OVER] = {"Over", over_moves, G_N_ELEMENTS(over_moves)},
	[STATE_STEP] = {"StepKind", step_moves, G_N_ELEMENTS(step_moves)},
};

bool states_may_follow(StateKind kind, unsigned from, unsigned to)
{
	return from == to || (from < tables[kind].n && tables[kind].moves[from] & TO(to));
}

void states_check(StateKind kind, unsigned from, unsigned to)
{
	if (!states_may_follow(kind, from, to))
		g_error("vmgdb: %s %u may not follow %u", tables[kind].name, to, from);
}
