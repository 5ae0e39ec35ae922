/*
 * arm/cpu/exclusive.c - see exclusive.h.
 */
#include "arm/cpu/exclusive.h"

#include "arm/cpu/insn.h"

/*
 * Between STXR and the branch that tries again there is a compare at most, in what compilers make.
 */
#define RETRY_MAX 8

/* All as indices into the code; a branch may lead anywhere. */
typedef struct Scan {
	const ArmCode *code;
	unsigned load, store;
	unsigned first, last; /* of the whole: @last is behind it */
	bool falls_out;	      /* the instruction before @last can be followed by @last */
} Scan;

static uint32_t insn_at(const ArmCode *code, unsigned i)
{
	return arm_insn_load((const uint8_t *)&code->insns[i]);
}

static ArmFlow flow_at(const ArmCode *code, unsigned i, int64_t *target)
{
	ArmFlow flow = arm_insn_flow(insn_at(code, i), target);

	*target = *target / 4 + i;
	return flow;
}

static ArmInsnKind kind_at(const ArmCode *code, unsigned i)
{
	return arm_insn_decode(insn_at(code, i)).kind;
}

static bool goes_on(const ArmCode *code, unsigned i)
{
	int64_t target;
	ArmFlow flow = flow_at(code, i, &target);

	return flow == ARM_FLOW_NEXT || flow == ARM_FLOW_EITHER;
}

/* The load whose reservation the instruction @at still has. */
static bool find_load(Scan *scan, unsigned at)
{
	for (unsigned i = at + 1; i-- > 0 && at - i <= ARM_SEQUENCE_MAX;) {
		ArmInsnKind kind = kind_at(scan->code, i);

		scan->load = i;
		if (kind == ARM_INSN_LOAD_EXCLUSIVE)
			return true;
		if (!goes_on(scan->code, i) || (kind == ARM_INSN_STORE_EXCLUSIVE && i != at))
			return false;
	}
	return false;
}

static bool find_store(Scan *scan)
{
	for (unsigned i = scan->load + 1; i < scan->code->n; i++) {
		ArmInsnKind kind = kind_at(scan->code, i);

		scan->store = i;
		if (kind == ARM_INSN_STORE_EXCLUSIVE)
			return true;
		if (!goes_on(scan->code, i) || kind == ARM_INSN_LOAD_EXCLUSIVE ||
		    i - scan->load == ARM_SEQUENCE_MAX)
			return false;
	}
	return false;
}

static bool all_go_on(const ArmCode *code, unsigned from, unsigned to)
{
	while (from < to && goes_on(code, from))
		from++;
	return from >= to;
}

/* The branch that tries again when the store has failed, and what it does again before the load. */
static void find_retry(Scan *scan)
{
	const ArmCode *code = scan->code;

	scan->first = scan->load;
	scan->last = scan->store + 1;
	scan->falls_out = true;
	for (unsigned i = scan->last; i < code->n && i <= scan->store + RETRY_MAX; i++) {
		int64_t target;
		ArmFlow flow = flow_at(code, i, &target);
		bool branch = flow == ARM_FLOW_EITHER || flow == ARM_FLOW_JUMP;

		if (branch && target >= 0 && target <= scan->load &&
		    all_go_on(code, target, scan->load)) {
			scan->first = target;
			scan->last = i + 1;
			scan->falls_out = flow == ARM_FLOW_EITHER;
			return;
		}
		if (!goes_on(code, i) || kind_at(code, i) != ARM_INSN_OTHER)
			return;
	}
}

static bool add_exit(ArmSequence *sequence, uint64_t addr)
{
	for (unsigned i = 0; i < sequence->n_exits; i++) {
		if (sequence->exits[i] == addr)
			return true;
	}
	if (sequence->n_exits == ARM_EXITS_MAX)
		return false;
	sequence->exits[sequence->n_exits++] = addr;
	return true;
}

static bool add_exits(const Scan *scan, ArmSequence *ret)
{
	if (scan->falls_out && !add_exit(ret, ret->end))
		return false;
	for (unsigned i = scan->first; i < scan->last; i++) {
		int64_t target;
		ArmFlow flow = flow_at(scan->code, i, &target);

		if (flow == ARM_FLOW_NEXT || (target >= scan->first && target < scan->last))
			continue;
		if (!add_exit(ret, scan->code->addr + target * 4))
			return false;
	}
	return true;
}

bool arm_sequence_find(const ArmCode *code, unsigned at, ArmSequence *ret)
{
	Scan scan = {.code = code};

	*ret = (ArmSequence){0};
	if (at >= code->n || !find_load(&scan, at) || !find_store(&scan))
		return false;
	find_retry(&scan);
	ret->start = code->addr + (uint64_t)scan.first * 4;
	ret->end = code->addr + (uint64_t)scan.last * 4;
	return add_exits(&scan, ret);
}

bool arm_sequence_near(const uint32_t *insns, unsigned n)
{
	const ArmCode code = {insns, n, 0};
	unsigned i = 0;

	while (i < n && goes_on(&code, i) && kind_at(&code, i) != ARM_INSN_STORE_EXCLUSIVE)
		i++;
	return i < n && kind_at(&code, i) == ARM_INSN_STORE_EXCLUSIVE;
}
