/*
 * tests/test-model.c - run control in all orders of events: the real engine and session, with up to
 * three vCPUs, on one thread (tests/model.h says how, and what is checked).
 *
 * The search is breadth first, so that what it finds is as short as can be. A state is reached by
 * doing again all that leads to it; two with one digest are looked at once. Of each new state it is
 * also looked whether all that is owed in it still comes (model_finish()).
 *
 *   VMGDB_MODEL_SECONDS=60 build/tests/test-model     search longer; 8 s of CPU time else
 *   build/tests/test-model --replay SCENARIO "cpu0 cpu1 ^C ..."    one order, step by step
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kvm/invariants.h"
#include "tests/model.h"

/*
 * Hexadecimal: 90 nop, 01 add to a byte, e6 I/O, e7 store to a device, eb jump (tests/toy-kvm.h).
 */
#define LOOP_2 "9090ebfc"
#define LOOP_3 "909090ebfb"

static const ModelScenario scenarios[] = {
	{
		.name = "attach",
		.n = 2,
		.code = {LOOP_2, "90e610ebfb"},
		.signals = 1,
		.says = 4,
		.actions = {"connect", "hangup", "^C", "vCont;c"},
	},
	{
		.name = "breakpoint",
		.n = 2,
		.code = {LOOP_3, ""},
		.setup = "Z0,101,1",
		.says = 4,
		.actions = {"vCont;c", "vCont;s:1", "^C", "hangup", "z0,101,1", "Z0,101,1"},
	},
	{
		.name = "three-cpus",
		.n = 3,
		.code = {LOOP_2, "", LOOP_2},
		.setup = "Z0,100,1|Z0,101,1",
		.says = 3,
		.actions = {"vCont;c", "^C", "hangup"},
	},
	{
		.name = "step",
		.n = 2,
		.code = {LOOP_2, "90e610ebfb"},
		.setup = "Z0,121,1",
		.says = 4,
		.actions = {"vCont;s:1", "vCont;s:2", "vCont;s:2;c", "^C", "vCont;c"},
	},
	{
		.name = "step-io",
		.n = 2,
		.code = {"e61090ebfb", LOOP_2},
		.setup = "Z0,121,1|vCont;s:1;c",
		.signals = 1,
		.says = 3,
		.actions = {"vCont;s:1;c", "^C", "vCont;c", "hangup"},
	},
	{
		.name = "step-port",
		.n = 1,
		.code = {"e61090ebfb"},
		.setup = "vCont;c",
		.signals = 1,
		.says = 5,
		.actions = {"vCont;s:1", "^C", "vCont;c", "hangup"},
	},
	{
		.name = "write-in-device",
		.n = 2,
		.code = {LOOP_2, "e61090ebfb"},
		.setup = "vCont;c",
		.says = 4,
		.actions = {"^C", "Hg2|P3=4200000000000000", "vCont;c", "hangup"},
	},
	{
		.name = "step-mmio",
		.n = 1,
		.code = {"e7002090ebfa"},
		.setup = "vCont;s:1",
		.signals = 1,
		.says = 4,
		.actions = {"vCont;s:1", "^C", "vCont;c", "hangup"},
	},
	{
		.name = "step-arm",
		.n = 2,
		.code = {"e61090e7002090ebf6", LOOP_2},
		.like_arm = true,
		.setup = "Z1,102,1|Z0,121,1|vCont;s:1;c",
		.signals = 1,
		.says = 3,
		.actions = {"vCont;s:1", "vCont;s:1;c", "^C", "vCont;c", "hangup"},
	},
	{
		.name = "point",
		.n = 2,
		.code = {LOOP_3, ""},
		.setup = "Z1,101,1",
		.says = 4,
		.actions = {"vCont;c", "vCont;s:1;c", "^C", "hangup", "z1,101,1",
			    "Hg1|P4=0101000000000000"},
	},
	{
		.name = "point-again",
		.n = 1,
		.code = {LOOP_3},
		.setup = "Z1,101,1|vCont;c",
		.says = 5,
		.actions = {"vCont;c", "^C", "z1,101,1|Z1,101,1", "Hg1|P4=0101000000000000"},
	},
	{
		.name = "point-arm",
		.n = 2,
		.code = {LOOP_3, ""},
		.like_arm = true,
		.setup = "Z1,101,1|Hg1|P3=4200000000000000",
		.says = 4,
		.actions = {"vCont;c", "vCont;s:1;c", "^C", "hangup", "z1,101,1",
			    "Hg1|P4=0101000000000000"},
	},
	{
		.name = "watch",
		.n = 1,
		.code = {"01003090ebfa"},
		.no_rf = true,
		.setup = "Z2,3000,1|Z1,103,1",
		.says = 4,
		.actions = {"vCont;c", "vCont;s:1", "^C", "hangup"},
	},
	{
		.name = "watch-arm",
		.n = 1,
		.code = {"01003090ebfa"},
		.like_arm = true,
		.setup = "Z2,3000,1|Z0,103,1",
		.says = 4,
		.actions = {"vCont;c", "vCont;s:1", "^C", "hangup"},
	},
	{
		.name = "kvmtool",
		.n = 2,
		.code = {"e610ebfc", "e61190ebfb"},
		.like_kvmtool = true,
		.setup = "Z0,122,1",
		.signals = 2,
		.says = 4,
		.actions = {"vCont;c", "^C", "hangup"},
	},
	{
		.name = "errors",
		.n = 2,
		.code = {"e61090ebfb", LOOP_2},
		.like_arm = true,
		.setup = "Z0,121,1",
		.failures = 1,
		.says = 4,
		.actions = {"vCont;s:1;c", "vCont;c", "^C"},
	},
	{
		.name = "kill",
		.n = 2,
		.code = {LOOP_2, "e61090ebfb"},
		.setup = "Z0,122,1",
		.says = 3,
		.actions = {"vCont;c", "^C", "k", "vCont;s:2"},
	},
	{
		.name = "panic",
		.n = 2,
		.code = {"90e650ebfb", LOOP_3},
		.setup = "Z0,121,1|vCont;c",
		.says = 3,
		.actions = {"vCont;s:2", "vCont;c", "^C"},
	},
	{
		.name = "physical",
		.n = 2,
		.code = {LOOP_3, ""},
		.setup = "Qqemu.PhyMemMode:1|Z0,101,1|Qqemu.PhyMemMode:0|Z0,101,1",
		.says = 4,
		.actions = {"vCont;c", "^C", "z0,101,1", "Hg1|P4=0101000000000000", "hangup"},
	},
	{
		.name = "reset",
		.n = 1,
		.code = {"909090909090ebf8"},
		.setup = "Z0,101,1|Z0,102,1|Z0,103,1|Z0,104,1",
		.reset = true,
		.signals = 1,
		.says = 4,
		.actions = {"vCont;c", "Hg1|P3=4200000000000000", "^C", "hangup"},
	},
	{
		.name = "non-stop",
		.n = 2,
		.code = {LOOP_3, ""},
		.setup = "QNonStop:1|Z0,101,1|vCont;c",
		.says = 4,
		.actions = {"vCont;c", "vCont;s:1", "vCont;t:2", "^C", "hangup", "z0,101,1",
			    "Z0,102,1"},
	},
	{
		.name = "non-stop-mode",
		.n = 2,
		.code = {LOOP_3, ""},
		.setup = "Z0,101,1",
		.says = 5,
		.actions = {"vCont;c", "^C", "QNonStop:0", "QNonStop:1"},
	},
	{
		.name = "non-stop-three",
		.n = 3,
		.code = {LOOP_2, "", LOOP_2},
		.setup = "QNonStop:1|Z0,100,1|Z0,101,1|vCont;c",
		.says = 3,
		.actions = {"vCont;c", "vCont;t:3", "vCont;t", "D", "pause"},
	},
	{
		.name = "non-stop-io",
		.n = 2,
		.code = {"e61090ebfb", LOOP_2},
		.setup = "QNonStop:1|Z0,121,1|vCont;s:1;c",
		.signals = 1,
		.says = 4,
		.actions = {"vCont;s:1", "vCont;s:2", "vCont;c", "vCont;t:1", "Z0,102,1", "hangup"},
	},
	{
		.name = "non-stop-arm",
		.n = 2,
		.code = {"e61090e7002090ebf6", LOOP_2},
		.like_arm = true,
		.setup = "QNonStop:1|Z1,102,1|Z0,121,1|vCont;s:1;c",
		.signals = 1,
		.says = 3,
		.actions = {"vCont;s:1", "vCont;s:2", "vCont;c", "vCont;t:1", "^C", "hangup"},
	},
	{
		.name = "non-stop-panic",
		.n = 2,
		.code = {"90e650ebfb", LOOP_3},
		.setup = "QNonStop:1|Z0,101,1|Z0,121,1|vCont;c",
		.says = 3,
		.actions = {"vCont;s:2", "vCont;c", "^C", "k"},
	},
};

/* ---- The states that were seen ---- */

typedef struct Node {
	guint32 parent;
	uint8_t choice, depth;
	uint64_t choices;
} Node;

typedef struct Search {
	const ModelScenario *scenario;
	GArray *nodes;
	uint64_t *seen; /* open addressing; 0 is free */
	size_t n_seen, mask;
	unsigned runs;
} Search;

static bool insert(uint64_t *seen, size_t mask, uint64_t digest)
{
	size_t i = digest & mask;

	while (seen[i] && seen[i] != digest)
		i = (i + 1) & mask;
	if (seen[i])
		return false;
	seen[i] = digest;
	return true;
}

static void grow(Search *search)
{
	size_t mask = search->mask * 2 + 1;
	uint64_t *seen = g_new0(uint64_t, mask + 1);

	for (size_t i = 0; i <= search->mask; i++) {
		if (search->seen[i])
			insert(seen, mask, search->seen[i]);
	}
	g_free(search->seen);
	search->seen = seen;
	search->mask = mask;
}

static bool is_new(Search *search, uint64_t digest)
{
	if (!insert(search->seen, search->mask, digest | 1))
		return false;
	if (++search->n_seen * 2 > search->mask)
		grow(search);
	return true;
}

static const Node *node_at(const Search *search, guint32 i)
{
	return &g_array_index(search->nodes, Node, i);
}

static void add_node(Search *search, guint32 parent, unsigned choice, uint64_t choices)
{
	unsigned depth = search->nodes->len ? node_at(search, parent)->depth + 1u : 0;
	Node node = {parent, choice, MIN(depth, UINT8_MAX), choices};

	g_array_append_val(search->nodes, node);
}

/* ---- Searching ---- */

static unsigned path_to(const Search *search, guint32 i, uint8_t *path)
{
	unsigned n = node_at(search, i)->depth;

	for (unsigned at = n; at > 0; i = node_at(search, i)->parent)
		path[--at] = node_at(search, i)->choice;
	return n;
}

static void report(const Search *search, const uint8_t *path, unsigned n, const char *fault)
{
	const char *name = search->scenario->name;

	printf("# %s: %s\n# build/tests/test-model --replay %s \"", name, fault, name);
	for (unsigned i = 0; i < n; i++)
		printf("%s%s", i ? " " : "", model_choice_name(search->scenario, path[i]));
	printf("\"\n");
	fflush(stdout);
}

/* TRUE: no rule is broken. */
static bool try(Search *search, guint32 parent, unsigned choice)
{
	uint8_t path[UINT8_MAX + 1];
	unsigned n = path_to(search, parent, path);
	Model *model = model_new(search->scenario);
	bool fine;

	path[n++] = choice;
	search->runs++;
	for (unsigned i = 0; i < n && !model_fault(model); i++)
		model_choose(model, path[i]);
	if (!model_fault(model) && is_new(search, model_digest(model))) {
		add_node(search, parent, choice, model_choices(model));
		model_finish(model);
	}
	fine = !model_fault(model);
	if (!fine)
		report(search, path, n, model_fault(model));
	model_free(model);
	return fine;
}

static bool expand(Search *search, guint32 i)
{
	uint64_t choices = node_at(search, i)->choices;

	for (unsigned choice = 0; choice < MODEL_CHOICES; choice++) {
		if (choices >> choice & 1 && !try(search, i, choice))
			return false;
	}
	return true;
}

static void add_first_node(Search *search)
{
	Model *model = model_new(search->scenario);

	g_assert_cmpstr(model_fault(model), ==, NULL);
	add_node(search, 0, 0, model_choices(model));
	model_free(model);
}

static double seconds_each(void)
{
	const char *wish = g_getenv("VMGDB_MODEL_SECONDS");
	const unsigned n = G_N_ELEMENTS(scenarios);

	return (wish ? g_ascii_strtod(wish, NULL) : 8) / n;
}

/* On a busy machine, too, it searches as far: it is all on this thread. */
static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* ThreadSanitizer keeps a stack of calls for each thread, and coroutines are none to it. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN true
#else
#define UNDER_TSAN false
#endif

static void test_scenario(gconstpointer data)
{
	Search search = {data, g_array_new(FALSE, FALSE, sizeof(Node)), NULL, 0, 0xffff, 0};
	double began = cpu_seconds();
	bool fine = true;
	guint32 i;

	if (UNDER_TSAN) {
		g_test_skip("all runs on one thread here, so no two threads can race");
		return;
	}
	search.seen = g_new0(uint64_t, search.mask + 1);
	add_first_node(&search);
	for (i = 0; i < search.nodes->len && fine; i++) {
		if (cpu_seconds() - began > seconds_each())
			break;
		fine = expand(&search, i);
	}
	g_test_message("%u orders of events, %u states, all up to depth %u%s", search.runs,
		       search.nodes->len,
		       i < search.nodes->len ? node_at(&search, i)->depth : UINT8_MAX,
		       i < search.nodes->len ? "" : ": there are no more");
	g_array_unref(search.nodes);
	g_free(search.seen);
	g_assert_true(fine);
}

/* ---- The rules for the engine's own state ---- */

static void expect_rule(Model *model, const char *words)
{
	unsigned cpu;
	const char *rule = invariants_broken(model->gdb, &cpu);

	g_assert_nonnull(rule);
	g_assert_nonnull(strstr(rule, words));
}

/* Each is broken by hand: the model shows that the engine keeps them. */
static void test_invariants(void)
{
	Model *model = model_new(&scenarios[0]);
	KvmGdbVcpu *vcpu = model->cpus[1].vcpu;
	unsigned cpu;

	g_assert_cmpstr(invariants_broken(model->gdb, &cpu), ==, NULL);
	model->gdb->frees_when_stopped = true;
	expect_rule(model, "no stop is on its way");
	model->gdb->frees_when_stopped = false;
	model->gdb->turns.over = vcpu;
	expect_rule(model, "has its turn while nobody runs");
	model->gdb->turns.over = NULL;
	vcpu->leaving.over = OVER_WAITING;
	expect_rule(model, "waits its turn");
	vcpu->leaving.over = OVER_NOTHING;
	vcpu->action.kind = GDB_ACTION_HOLD;
	expect_rule(model, "held that nobody debugs");
	vcpu->action.kind = GDB_ACTION_CONTINUE;
	g_assert_cmpstr(invariants_broken(model->gdb, &cpu), ==, NULL);
	model_free(model);
}

/* ---- Replaying ---- */

static const ModelScenario *find_scenario(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(scenarios); i++) {
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	}
	return NULL;
}

static unsigned find_choice(const ModelScenario *scenario, const char *name)
{
	unsigned choice = 0;

	while (choice < MODEL_CHOICES && g_strcmp0(model_choice_name(scenario, choice), name) != 0)
		choice++;
	return choice;
}

static int replay(const char *name, const char *order)
{
	g_auto(GStrv) words = g_strsplit(order, " ", -1);
	const ModelScenario *scenario = find_scenario(name);
	Model *model;

	if (!scenario) {
		fprintf(stderr, "test-model: there is no scenario %s\n", name);
		return 2;
	}
	model = model_new(scenario);
	model_print(model);
	for (unsigned i = 0; words[i] && !model_fault(model); i++) {
		unsigned choice = find_choice(scenario, words[i]);

		if (choice == MODEL_CHOICES || !(model_choices(model) >> choice & 1)) {
			fprintf(stderr, "test-model: %s cannot be now\n", words[i]);
			return 2;
		}
		printf("# %s\n", words[i]);
		model_choose(model, choice);
		model_print(model);
	}
	if (!model_fault(model)) {
		printf("# and everybody goes on\n");
		model_finish(model);
		model_print(model);
	}
	printf("# %s\n", model_fault(model) ? model_fault(model) : "no rule was broken");
	return model_fault(model) ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--replay"))
		return replay(argv[2], argv[3]);
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(scenarios); i++) {
		g_autofree char *path = g_strconcat("/model/", scenarios[i].name, NULL);

		g_test_add_data_func(path, &scenarios[i], test_scenario);
	}
	g_test_add_func("/model/invariants", test_invariants);
	return g_test_run();
}
