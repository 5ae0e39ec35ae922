/*
 * kvm/armed.c - which hardware points one vCPU gets for its next run: the client's, the landings
 * of a step, and the guest's own.
 */
#include <string.h>

#include "kvm/internal.h"
#include "kvm/states.h"

static bool encode(const KvmGdbVcpu *vcpu, struct kvm_guest_debug_arch *ret)
{
	const Armed *armed = &vcpu->applied.armed;

	memset(ret, 0, sizeof(*ret));
	return !armed->n ||
	       arch_encode_hw(&vcpu->gdb->features, armed->points, armed->n, ret, NULL);
}

/* FALSE: there is no room for it. @client: -1 for a landing, which may be where a client's is. */
static bool add_point(KvmGdbVcpu *vcpu, const GdbBreak *point, int client)
{
	Armed *armed = &vcpu->applied.armed;
	struct kvm_guest_debug_arch hw;

	for (unsigned i = 0; i < armed->n; i++) {
		if (armed->points[i].type != point->type || armed->points[i].addr != point->addr ||
		    (client >= 0 && armed->client[i] >= 0))
			continue;
		armed->client[i] = MAX(armed->client[i], client);
		return true;
	}
	if (armed->n == ARMED_MAX)
		return false;
	armed->points[armed->n] = *point;
	armed->client[armed->n++] = client;
	if (encode(vcpu, &hw))
		return true;
	armed->n--;
	return false;
}

/*
 * The client's points, less those that are being passed. FALSE: there is no room for all of them.
 */
static bool add_clients(KvmGdbVcpu *vcpu, bool breaks)
{
	unsigned n;
	const GdbBreak *points = kvm_breaks_points(vcpu->gdb->breaks, &n);
	bool fits = true;

	for (unsigned i = 0; i < n; i++) {
		if ((points[i].type == GDB_BREAK_HW) == breaks &&
		    !leaving_passes(vcpu, &points[i]) && through_arms(vcpu, &points[i]))
			fits &= add_point(vcpu, &points[i], i);
	}
	return fits;
}

static bool add_landing(KvmGdbVcpu *vcpu, unsigned i)
{
	GdbBreak landing = {GDB_BREAK_HW, vcpu->step.arch.landings[i], 1};

	return vcpu->step.kind && i < vcpu->step.arch.n_landings && vcpu->gdb->features.hw_break &&
	       add_point(vcpu, &landing, -1);
}

static unsigned count_left_out(KvmGdbVcpu *vcpu)
{
	struct kvm_guest_debug_arch hw;

	encode(vcpu, &hw);
	return arch_own_points(vcpu->arch, &hw, false);
}

/*
 * Watchpoints have all slots, and must keep them. A step over a patch, which holds all others, is
 * to end all the same, and while nobody else runs a patch at the landing hurts nobody.
 */
static void patch_landing(KvmGdbVcpu *vcpu)
{
	KvmPatches *patches = vcpu->gdb->patches;
	Step *step = &vcpu->step;

	if (step->kind != STEP_BY_CPU || !step->arch.n_landings ||
	    vcpu->leaving.over != OVER_ALONE ||
	    !translate_pc(vcpu, step->arch.landings[0], &step->patch_gpa) ||
	    !kvm_patches_fits(patches, step->patch_gpa))
		return;
	kvm_patches_ref(patches, step->patch_gpa);
	set_step(vcpu, STEP_TO_PATCH);
}

bool armed_by_patch(const KvmGdbVcpu *vcpu, uint64_t pc)
{
	return vcpu->step.kind == STEP_TO_PATCH && pc == vcpu->step.arch.landings[0];
}

void armed_drop_patch(KvmGdbVcpu *vcpu)
{
	if (vcpu->step.kind != STEP_TO_PATCH)
		return;
	kvm_patches_unref(vcpu->gdb->patches, vcpu->step.patch_gpa);
	set_step(vcpu, STEP_BY_CPU);
}

/* The ways out of a run through code. A hardware point is as long as a trap instruction. */
static bool add_ways(KvmGdbVcpu *vcpu)
{
	const Step *step = &vcpu->step;
	bool fits = true;
	size_t len;

	arch_trap_insn(&len);
	for (unsigned i = 0; step->kind == STEP_THROUGH && i < step->arch.n_ways; i++)
		fits &= add_point(vcpu, &(GdbBreak){GDB_BREAK_HW, step->arch.ways[i], len}, -1);
	return fits;
}

/*
 * A step ends where its instruction enters the kernel; nobody knows when that will return. For that
 * it needs one slot, and takes what neither the client nor the guest itself uses. A breakpoint of
 * the client elsewhere cannot be hit by one instruction: the last one waits, if it must.
 */
static bool add_all(KvmGdbVcpu *vcpu)
{
	const Step *step = &vcpu->step;
	unsigned n, left_out;
	bool fits;

	vcpu->applied.armed.n = 0;
	fits = add_clients(vcpu, false);
	if (!add_landing(vcpu, 0))
		patch_landing(vcpu);
	fits &= add_clients(vcpu, true);
	for (unsigned i = 1; step->kind && i < step->arch.n_landings; i++) {
		n = vcpu->applied.armed.n;
		left_out = count_left_out(vcpu);
		if (!add_landing(vcpu, i))
			break;
		if (count_left_out(vcpu) > left_out)
			vcpu->applied.armed.n = n;
	}
	return add_ways(vcpu) && fits;
}

/* The guest's own points that do not fire now are reported to the user once. */
static void tell_left_out(KvmGdbVcpu *vcpu, unsigned left_out)
{
	const KvmGdb *gdb = vcpu->gdb;
	g_autofree char *text = NULL;

	if (vcpu->step.kind)
		return;
	if (left_out > vcpu->applied.left_out && gdb->attached && gdb->server) {
		text = g_strdup_printf("CPU %u: the guest has %u breakpoints or watchpoints of its "
				       "own that do not fire: no debug register is free\n",
				       vcpu->index, left_out);
		gdb_server_post_output(gdb->server, text, strlen(text));
	}
	vcpu->applied.left_out = left_out;
}

bool armed_fits(KvmGdbVcpu *vcpu)
{
	return add_all(vcpu);
}

bool armed_compute(KvmGdbVcpu *vcpu, struct kvm_guest_debug_arch *ret)
{
	/* A step is to get past the instruction. */
	bool tell = vcpu->gdb->features.tells_own && !vcpu->step.kind;
	bool ours;

	add_all(vcpu);
	encode(vcpu, ret);
	ours = vcpu->applied.armed.n ||
	       (vcpu->leaving.by_step && vcpu->leaving.met & MET_GUEST_POINT);
	tell_left_out(vcpu, arch_own_points(vcpu->arch, ours ? ret : NULL, tell));
	return ours;
}
