/* tests/bench/figure.c - the operations, and the table of all figures. */
#include "tests/bench/figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/arch.h"
#include "tests/bench/times.h"

#define MAX_TIMES 200000
#define MANY_BREAKS 10000
#define DUMP_BYTES (256u << 20)
#define FILL_BYTES (2u << 20) /* of "fill": a dump reads them again and again */
#define RUN_US 2000	      /* how long the guest runs before Ctrl-C */
#define ALL_RUN_US 20000      /* the same until very many vCPUs are in KVM_RUN */
#define SPREE_US 200000	      /* how long ranges and conditions run */

/* An answer to g has more bytes than this on the wire, and an error fewer. */
#define SOME_REGISTERS 40

/* From `loop` to `inner_end` the guest "loop" executes this many instructions a turn. */
#define TURN_INSNS 7

static bool fail(Bench *bench, const char *why)
{
	bench->why = bench->wire->broken ? "no answer" : why;
	return false;
}

static bool is_stop(const char *reply)
{
	return reply[0] == 'T' || reply[0] == 'S';
}

/* @what: Z or z. */
static bool set_break(Bench *bench, char what, unsigned type, uint64_t addr)
{
	char packet[64];

	snprintf(packet, sizeof(packet), "%c%u,%" PRIx64 ",%x", what, type, addr,
		 bench_arch.break_kind);
	return wire_ok(bench->wire, packet) || fail(bench, "not supported by the stub here");
}

static bool interrupt(Bench *bench)
{
	wire_put(bench->wire, "\003", 1);
	return is_stop(wire_recv(bench->wire)) || fail(bench, "no stop");
}

/* ---- Steps ---- */

static bool step(Bench *bench, unsigned others_run)
{
	const char *packet = others_run ? "vCont;s:p1.1;c:p1.-1" : "vCont;s:p1.1";

	return is_stop(wire_ask(bench->wire, packet)) || fail(bench, "no stop");
}

static bool step_and_g(Bench *bench, unsigned arg)
{
	if (!step(bench, arg))
		return false;
	return wire_ask_raw(bench->wire, "g") > SOME_REGISTERS || fail(bench, "no registers");
}

static bool range(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	uint64_t start = machine_symbol(bench->machine, "loop");
	uint64_t end = machine_symbol(bench->machine, "inner_end") + 1;
	g_autofree char *packet =
		g_strdup_printf("vCont;r%" PRIx64 ",%" PRIx64 ":p1.1", start, end);
	uint64_t before;

	if (!strstr(wire_ask(bench->wire, "vCont?"), ";r"))
		return fail(bench, "the stub has no vCont;r");
	before = wire_g_word(bench->wire, 0);
	bench->started = bench_now();
	wire_send(bench->wire, packet);
	usleep(SPREE_US);
	if (!interrupt(bench))
		return false;
	bench->direct = (bench_now() - bench->started) /
			((double)(wire_g_word(bench->wire, 0) - before) * TURN_INSNS);
	return true;
}

/* ---- Breakpoints ---- */

static bool pair(Bench *bench, unsigned type)
{
	uint64_t addr = machine_symbol(bench->machine, "loop");

	bench->started = bench_now();
	return set_break(bench, 'Z', type, addr) && set_break(bench, 'z', type, addr);
}

/* gdb steps off a breakpoint with the breakpoint taken out. */
static bool step_off(Bench *bench, unsigned type, uint64_t addr)
{
	return set_break(bench, 'z', type, addr) && step(bench, 0) &&
	       set_break(bench, 'Z', type, addr);
}

/* @type: of the breakpoint, which is at the guest's only nop, or where it goes round. */
static bool hit(Bench *bench, unsigned type)
{
	uint64_t addr = machine_symbol(bench->machine, "inner");
	bool ok;

	if (!addr)
		addr = machine_symbol(bench->machine, "loop");
	if (!step_off(bench, type, addr))
		return false;
	bench->started = bench_now();
	ok = is_stop(wire_ask(bench->wire, "vCont;c:p1.-1"));
	bench->direct = bench_now() - bench->started;
	return set_break(bench, 'z', type, addr) && (ok || fail(bench, "no stop"));
}

/* What gdb does for each hit of a condition that the stub does not know. */
static bool false_in_client(Bench *bench, uint64_t addr)
{
	if (!set_break(bench, 'Z', 1, addr) || !is_stop(wire_ask(bench->wire, "vCont;c:p1.-1")) ||
	    wire_ask_raw(bench->wire, "g") < SOME_REGISTERS)
		return fail(bench, "no stop");
	return set_break(bench, 'z', 1, addr) && step(bench, 0);
}

/* The condition is $rax == 0. */
static bool false_in_stub(Bench *bench, uint64_t addr)
{
	uint64_t before = wire_g_word(bench->wire, 0);
	g_autofree char *packet =
		g_strdup_printf("Z1,%" PRIx64 ",%x;X7,26000022001327", addr, bench_arch.break_kind);

	if (!wire_ok(bench->wire, packet))
		return fail(bench, "not supported by the stub here");
	bench->started = bench_now();
	wire_send(bench->wire, "vCont;c:p1.-1");
	usleep(SPREE_US);
	if (!interrupt(bench))
		return false;
	bench->direct =
		(bench_now() - bench->started) / (double)(wire_g_word(bench->wire, 0) - before);
	return set_break(bench, 'z', 1, addr);
}

enum { IN_CLIENT, IN_STUB, IN_STUB_STEPPED };

static bool false_condition(Bench *bench, unsigned in_stub)
{
	/* At a nop, or at what must be executed. */
	const char *at = in_stub == IN_STUB_STEPPED ? "inner_end" : "inner";
	uint64_t addr = machine_symbol(bench->machine, at);

	if (!in_stub)
		return false_in_client(bench, addr);
	if (!wire_offers(bench->wire, "ConditionalBreakpoints+"))
		return fail(bench, "the stub takes no conditions");
	return false_in_stub(bench, addr);
}

/* All of them, or none. */
static bool many_in(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	uint64_t start = machine_symbol(bench->machine, "fill_start");
	unsigned n = 0;

	while (n < MANY_BREAKS && set_break(bench, 'Z', 0, start + 16ull * n))
		n++;
	bench->has_many = n == MANY_BREAKS;
	while (!bench->has_many && n && set_break(bench, 'z', 0, start + 16ull * (n - 1)))
		n--;
	return bench->has_many || fail(bench, "this KVM reports no int3: only hardware slots");
}

static bool many_out(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	uint64_t start = machine_symbol(bench->machine, "fill_start");

	if (!bench->has_many)
		return fail(bench, "the 10,000 breakpoints are not there");
	for (unsigned n = 0; n < MANY_BREAKS; n++) {
		if (!set_break(bench, 'z', 0, start + 16ull * n))
			return false;
	}
	bench->has_many = false;
	return true;
}

/* ---- Registers, memory, threads ---- */

static bool registers(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	return wire_ask_raw(bench->wire, "g") > SOME_REGISTERS || fail(bench, "no registers");
}

/* How much one packet can bring: as gdb reckons for m; x leaves room for escapes. */
static size_t largest(const Wire *wire, char how)
{
	return how == 'm' ? wire->packet_size / 2 : wire->packet_size - wire->packet_size / 8;
}

static bool read_memory(Bench *bench, char how, uint64_t addr, size_t len)
{
	char packet[64];

	snprintf(packet, sizeof(packet), "%c%" PRIx64 ",%zx", how, addr, len);
	return wire_ask_raw(bench->wire, packet) > len || fail(bench, "no memory");
}

/* @arg: how many bytes; 0: as many as a packet takes. bench->count is in bytes then. */
static bool read_hex(Bench *bench, unsigned arg)
{
	size_t len = arg ? arg : largest(bench->wire, 'm');
	uint64_t addr = machine_symbol(bench->machine, "fill_start");

	bench->count = arg ? 1 : len;
	bench->started = bench_now();
	return read_memory(bench, 'm', addr, len);
}

static bool can_binary(Bench *bench)
{
	return wire_offers(bench->wire, "binary-upload+") || fail(bench, "the stub has no x");
}

static bool read_binary(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	size_t len = largest(bench->wire, 'x');
	uint64_t addr = machine_symbol(bench->machine, "fill_start");

	bench->count = len;
	bench->started = bench_now();
	return can_binary(bench) && read_memory(bench, 'x', addr, len);
}

/* The best way the stub has; bytes are counted as the guest's. */
static bool dump(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	char how = wire_offers(bench->wire, "binary-upload+") ? 'x' : 'm';
	uint64_t addr = machine_symbol(bench->machine, "fill_start");
	size_t part = largest(bench->wire, how);

	bench->count = DUMP_BYTES;
	bench->started = bench_now();
	for (size_t done = 0, at = 0; done < DUMP_BYTES; done += part, at += part) {
		if (at + part > FILL_BYTES)
			at = 0;
		if (!read_memory(bench, how, addr + at, MIN(part, DUMP_BYTES - done)))
			return false;
	}
	return true;
}

static bool list_by_xml(Bench *bench)
{
	char packet[64];
	size_t at = 0;
	const char *reply;

	do {
		snprintf(packet, sizeof(packet), "qXfer:threads:read::%zx,%zx", at,
			 bench->wire->packet_size - 8);
		reply = wire_ask(bench->wire, packet);
		if (reply[0] != 'm' && reply[0] != 'l')
			return fail(bench, "no thread list");
		at += bench->wire->reply->len - 1;
	} while (reply[0] == 'm');
	return true;
}

static bool list_by_packets(Bench *bench)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	const char *reply = wire_ask(bench->wire, "qfThreadInfo");

	for (; reply[0] == 'm'; reply = wire_ask(bench->wire, "qsThreadInfo")) {
		g_auto(GStrv) some = g_strsplit(reply + 1, ",", -1);

		for (char **id = some; *id; id++)
			g_ptr_array_add(ids, g_strdup(*id));
	}
	for (unsigned n = 0; n < ids->len; n++) {
		g_autofree char *packet =
			g_strconcat("qThreadExtraInfo,", g_ptr_array_index(ids, n), NULL);

		wire_ask(bench->wire, packet);
	}
	return ids->len > 0 || fail(bench, "no thread list");
}

/* As gdb asks for it. */
static bool list_threads(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	return wire_offers(bench->wire, "qXfer:threads:read+") ? list_by_xml(bench)
							       : list_by_packets(bench);
}

/* ---- Stopping ---- */

/* @run_us: how long the guest runs before it. */
static bool ctrl_c(Bench *bench, unsigned run_us)
{
	wire_send(bench->wire, "vCont;c:p1.-1");
	usleep(run_us);
	bench->started = bench_now();
	return interrupt(bench);
}

static bool attach(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	if (!wire_ok(bench->wire, "D;1"))
		return fail(bench, "no detach");
	wire_free(bench->wire);
	bench->wire = NULL;
	usleep(RUN_US);
	bench->started = bench_now();
	bench->wire = wire_new(bench->machine->port);
	if (!bench->wire)
		bench->why = "no answer";
	return bench->wire != NULL;
}

static bool idle(Bench *bench, unsigned arg G_GNUC_UNUSED)
{
	double before = machine_cpu_time(bench->machine), start = bench_now();

	sleep(2);
	bench->direct = (machine_cpu_time(bench->machine) - before) / (bench_now() - start);
	return true;
}

/* ---- Beside many breakpoints ---- */

/* What is to cost the same with them and without. */
enum { STEP, PAIR, READ, HIT, PAUSE, N_BESIDE };
#define AMONG_MANY 0x100 /* and they are there */

static bool beside(Bench *bench, unsigned arg)
{
	static const struct {
		bool (*op)(Bench *bench, unsigned arg);
		unsigned arg;
	} ops[N_BESIDE] = {
		[STEP] = {step, 0}, [PAIR] = {pair, 0},	   [READ] = {read_hex, 8},
		[HIT] = {hit, 0},   [PAUSE] = {ctrl_c, 0},
	};

	if (arg & AMONG_MANY && !bench->has_many)
		return fail(bench, "the 10,000 breakpoints are not there");
	return ops[arg & ~AMONG_MANY].op(bench, ops[arg & ~AMONG_MANY].arg);
}

/* ---- The table ---- */

#define ON_ALL(name, unit, limit, op, arg, quantile, max)                                          \
	{name ", 1 vCPU", ONE_CPU, unit, limit, op, arg, quantile, max},                           \
		{name ", 2 vCPUs", TWO_CPUS, unit, limit, op, arg, quantile, max},                 \
	{                                                                                          \
		name ", 8 vCPUs", EIGHT_CPUS, unit, limit, op, arg, quantile, max                  \
	}

/* 8 vCPUs; at first without the breakpoints, and then with them. */
#define BESIDE_MANY(many, when)                                                                    \
	{"stepi, " when, BIG_SMP, PER_SECOND, LIMIT_STEP_TRIP, beside, many + STEP, 0, 0},         \
		{"Z0 + z0, " when, BIG_SMP, PER_SECOND, LIMIT_TRIP, beside, many + PAIR, 0, 0},    \
		{"m, 8 bytes, " when, BIG_SMP, PER_SECOND, LIMIT_TRIP, beside, many + READ, 0, 0}, \
		{"hit, " when, BIG_SMP, MICROSECONDS, LIMIT_NONE, beside, many + HIT, 0, 0},       \
	{                                                                                          \
		"Ctrl-C, " when, BIG_SMP, MICROSECONDS, LIMIT_NONE, beside, many + PAUSE, 0, 100   \
	}

const Figure figures[] = {
	ON_ALL("stepi", PER_SECOND, LIMIT_STEP_TRIP, step, 0, 0, 0),
	{"stepi, 8 vCPUs, others run", EIGHT_CPUS, PER_SECOND, LIMIT_STEP_TRIP, step, 1, 0, 0},
	ON_ALL("stepi + g", PER_SECOND, LIMIT_STEP_TRIP, step_and_g, 0, 0, 0),
	{"range step, instructions", ONE_CPU, PER_SECOND, LIMIT_STEP, range, 0, 0, 2},
	ON_ALL("Z0 + z0", PER_SECOND, LIMIT_TRIP, pair, 0, 0, 0),
	ON_ALL("Z1 + z1", PER_SECOND, LIMIT_TRIP, pair, 1, 0, 0),
	{"g", ONE_CPU, PER_SECOND, LIMIT_TRIP, registers, 0, 0, 0},
	{"m, 8 bytes", BIG_DATA, PER_SECOND, LIMIT_TRIP, read_hex, 8, 0, 0},
	{"m, 1,024 bytes", BIG_DATA, PER_SECOND, LIMIT_TRIP, read_hex, 1024, 0, 0},
	{"m, largest packet", BIG_DATA, MIB_PER_SECOND, LIMIT_TRIP, read_hex, 0, 0, 0},
	{"x, largest packet", BIG_DATA, MIB_PER_SECOND, LIMIT_TRIP, read_binary, 0, 0, 0},
	{"dump of 256 MiB", BIG_DATA, MIB_PER_SECOND, LIMIT_STREAM, dump, 0, 0, 1},
	ON_ALL("Ctrl-C to stop, median", MICROSECONDS, LIMIT_NONE, ctrl_c, RUN_US, 0, 200),
	ON_ALL("Ctrl-C to stop, p99", MICROSECONDS, LIMIT_NONE, ctrl_c, RUN_US, 0.99, 200),
	{"Ctrl-C to stop, 64 vCPUs", MANY_CPUS, MICROSECONDS, LIMIT_CROWD, ctrl_c, ALL_RUN_US, 0,
	 100},
	{"Ctrl-C to stop, 255 vCPUs", MOST_CPUS, MICROSECONDS, LIMIT_CROWD, ctrl_c, ALL_RUN_US, 0,
	 100},
	{"attach to first stop, 8 vCPUs", EIGHT_CPUS, MICROSECONDS, LIMIT_NONE, attach, 0, 0, 50},
	{"thread list, 1 vCPU", ONE_CPU, PER_SECOND, LIMIT_TRIP, list_threads, 0, 0, 0},
	{"thread list, 8 vCPUs", EIGHT_CPUS, PER_SECOND, LIMIT_TRIP, list_threads, 0, 0, 0},
	{"thread list, 64 vCPUs", MANY_CPUS, PER_SECOND, LIMIT_TRIP, list_threads, 0, 0, 0},
	{"thread list, 255 vCPUs", MOST_CPUS, PER_SECOND, LIMIT_TRIP, list_threads, 0, 0, 0},
	{"breakpoint hit to stop reply", ONE_CPU, MICROSECONDS, LIMIT_NONE, hit, 1, 0, 0},
	{"false condition, by gdb", ONE_CPU, PER_SECOND, LIMIT_TRIP, false_condition, IN_CLIENT, 0,
	 0},
	{"false condition, in the stub", ONE_CPU, PER_SECOND, LIMIT_STEP, false_condition, IN_STUB,
	 0, 2},
	{"false condition, where it steps", ONE_CPU, PER_SECOND, LIMIT_STEP, false_condition,
	 IN_STUB_STEPPED, 0, 2},
	BESIDE_MANY(0, "no breakpoints"),
	{"10,000 breakpoints in", BIG_SMP, MILLISECONDS, LIMIT_TRIP, many_in, 0, 0, 1},
	BESIDE_MANY(AMONG_MANY, "10,000 breakpoints"),
	{"10,000 breakpoints out", BIG_SMP, MILLISECONDS, LIMIT_TRIP, many_out, 0, 0, 1},
	{"CPU while stopped", ONE_CPU, PERCENT, LIMIT_NONE, idle, 0, 0, 1},
	{"exit of KVM_RUN by kvm_gdb_run()", IN_PROCESS, PER_SECOND, LIMIT_EXIT, NULL, 0, 0, 0},
};
const unsigned n_figures = G_N_ELEMENTS(figures);

/* ---- Taking one ---- */

static Traffic count_traffic(const Wire *wire, const Traffic *before, unsigned n)
{
	return (Traffic){
		((double)wire->sent - before->sent) / n,
		((double)wire->received - before->received) / n,
		((double)wire->trips - before->trips) / n,
	};
}

double figure_take(const Figure *figure, Bench *bench, double seconds, Traffic *ret)
{
	g_autofree double *times = g_new(double, MAX_TIMES);
	unsigned n = 0, max = figure->max ? figure->max : MAX_TIMES;
	Traffic before = {bench->wire->sent, bench->wire->received, bench->wire->trips};
	double end = bench_now() + seconds;

	do {
		bench->count = 1;
		bench->direct = -1;
		bench->started = bench_now();
		if (!figure->op(bench, figure->arg))
			return NAN;
		times[n++] = bench->direct >= 0 ? bench->direct
						: (bench_now() - bench->started) / bench->count;
	} while (n < max && bench_now() < end);
	*ret = count_traffic(bench->wire, &before, n);
	times_sort(times, n);
	return times[(unsigned)((n - 1) * (figure->quantile > 0 ? figure->quantile : 0.5))];
}
