/*
 * tests/bench/bench.c - our stub, QEMU's, and what the machine can do, side by side.
 *
 *   bench [--rounds N] [--seconds S] [--json FILE] [--only WORD] [--ratios]
 *   bench --compare OLD NEW     two files that --json wrote: which rows have become worse?
 *
 * In each round every machine is started once with each stub, in turns; a figure is the median of
 * its operations in a round, and the best of the rounds: on a machine that does other work too
 * that is the round which was disturbed least. Limits are taken right after our figure.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/arch.h"
#include "tests/bench/compare.h"
#include "tests/bench/figure.h"
#include "tests/bench/limit.h"
#include "tests/bench/times.h"

typedef struct Row {
	double best[N_STUBS]; /* NAN: none yet */
	double limit;
	const char *why[N_STUBS];
} Row;

typedef struct Options {
	int rounds;
	double seconds;
	gboolean ratios; /* the host is emulated: no other figure means anything */
	char *compare;	 /* NULL: measure */
	char *json, *only;
	char *lkvm, *qemu, *guests;
} Options;

typedef struct Report {
	Options options;
	Paths paths;
	Echo *echo;
	Row *rows;
	KvmLimits kvm;
	double step_trip; /* the echo beside a stepi; NAN: not taken */
} Report;

static const struct {
	const char *const *guest;
	unsigned cpus;
} setups[] = {
	[ONE_CPU] = {&bench_arch.loop, 1},     [TWO_CPUS] = {&bench_arch.smp, 2},
	[EIGHT_CPUS] = {&bench_arch.smp, 8},   [MANY_CPUS] = {&bench_arch.loop, 64},
	[MOST_CPUS] = {&bench_arch.loop, 255}, [BIG_DATA] = {&bench_arch.fill, 1},
	[BIG_SMP] = {&bench_arch.fill, 8},
};

static const char *const stub_names[] = {[STUB_OURS] = "ours", [STUB_QEMU] = "QEMU"};

/* ---- Measuring ---- */

static void keep_limit(Report *report, const Figure *figure, Row *row, const Traffic *traffic,
		       double count)
{
	double seconds = report->options.seconds, trip;

	bool is_step = figure->limit == LIMIT_STEP_TRIP;

	if ((is_step || figure->limit == LIMIT_TRIP) && traffic->trips > 0) {
		trip = echo_trip(report->echo, lround(traffic->sent / traffic->trips),
				 lround(traffic->received / traffic->trips), seconds);
		trip = trip * traffic->trips / count;
		if (is_step && lround(traffic->trips) == 1)
			keep_least(&report->step_trip, trip);
		keep_least(&row->limit, trip + (is_step ? report->kvm.step : 0));
	} else if (figure->limit == LIMIT_CROWD) {
		trip = echo_trip(report->echo, 1, lround(traffic->received), seconds);
		keep_least(&row->limit, trip + crowd_stop(setups[figure->setup].cpus));
	} else if (figure->limit == LIMIT_STREAM) {
		keep_least(&row->limit,
			   echo_trip(report->echo, 1, 256 << 20, seconds) / (256 << 20));
	}
}

/*
 * In an emulated host: what takes minutes where a packet takes milliseconds, and what depends on
 * whether a timer tick falls into it. By name only.
 */
static bool is_left_out(const Figure *figure)
{
	return figure->quantile > 0 || figure->unit == MIB_PER_SECOND ||
	       figure->unit == MILLISECONDS || figure->setup == MANY_CPUS ||
	       figure->setup == MOST_CPUS || figure->setup == BIG_SMP;
}

static bool is_chosen(const Report *report, const Figure *figure)
{
	if (report->options.only)
		return strstr(figure->name, report->options.only) != NULL;
	return !report->options.ratios || !is_left_out(figure);
}

static void take_figure(Report *report, unsigned index, Bench *bench)
{
	const Figure *figure = &figures[index];
	Row *row = &report->rows[index];
	Traffic traffic;
	double value = figure_take(figure, bench, report->options.seconds, &traffic);

	if (isnan(value)) {
		row->why[bench->stub] = bench->why;
		return;
	}
	keep_least(&row->best[bench->stub], value);
	if (bench->stub == STUB_OURS)
		keep_limit(report, figure, row, &traffic, bench->count);
}

/* Why nothing could be taken on this machine, for all of its rows. */
static void give_up(Report *report, Setup setup, Stub stub, const char *why)
{
	for (unsigned n = 0; n < n_figures; n++) {
		if (figures[n].setup == setup)
			report->rows[n].why[stub] = why;
	}
}

static bool needs(const Report *report, Setup setup)
{
	for (unsigned n = 0; n < n_figures; n++) {
		if (figures[n].setup == setup && is_chosen(report, &figures[n]))
			return true;
	}
	return false;
}

static void take_setup(Report *report, Setup setup, Stub stub)
{
	g_autoptr(Machine) machine = NULL;
	Bench bench = {.stub = stub};
	const char *why;

	fprintf(stderr, "bench: %s, %s, %u vCPUs\n", stub_names[stub], *setups[setup].guest,
		setups[setup].cpus);
	machine = machine_new(&report->paths, stub, *setups[setup].guest, setups[setup].cpus, &why);
	if (!machine) {
		give_up(report, setup, stub, why);
		return;
	}
	bench.machine = machine;
	for (unsigned n = 0; n < n_figures; n++) {
		if (figures[n].setup != setup || !is_chosen(report, &figures[n]))
			continue;
		/* After a failure the next figure begins with a fresh connection. */
		if (bench.wire && bench.wire->broken)
			g_clear_pointer(&bench.wire, wire_free);
		if (!bench.wire)
			bench.wire = wire_new(machine->port);
		if (bench.wire)
			take_figure(report, n, &bench);
		else
			report->rows[n].why[stub] = "the stub does not answer";
	}
	wire_free(bench.wire);
}

static void take_in_process(Report *report)
{
	kvm_limits(&report->kvm);
	for (unsigned n = 0; n < n_figures; n++) {
		if (figures[n].limit == LIMIT_STEP)
			report->rows[n].limit = report->kvm.step;
		if (figures[n].limit == LIMIT_EXIT) {
			report->rows[n].limit = report->kvm.bare_exit;
			report->rows[n].best[STUB_OURS] = report->kvm.hook_exit;
			report->rows[n].why[STUB_QEMU] = "no such hook";
		}
	}
}

static void take_round(Report *report, int round)
{
	take_in_process(report);
	for (Setup setup = ONE_CPU; setup < IN_PROCESS; setup++) {
		if (!needs(report, setup))
			continue;
		for (unsigned turn = 0; turn < N_STUBS; turn++)
			take_setup(report, setup, (round + turn) % N_STUBS);
	}
}

/* ---- Telling ---- */

static const struct {
	const char *name;
	bool is_rate;
	double scale;
	int digits;
} units[] = {
	[PER_SECOND] = {"/s", true, 1, 0},
	[MICROSECONDS] = {"us", false, 1e6, 1},
	[MILLISECONDS] = {"ms", false, 1e3, 1},
	[MIB_PER_SECOND] = {"MiB/s", true, 1.0 / (1 << 20), 1},
	[PERCENT] = {"%", false, 100, 1},
};

static double shown(Unit unit, double seconds)
{
	return units[unit].is_rate ? units[unit].scale / seconds : units[unit].scale * seconds;
}

static char *cell(Unit unit, double seconds)
{
	if (isnan(seconds))
		return g_strdup("-");
	return g_strdup_printf("%.*f", units[unit].digits, shown(unit, seconds));
}

static char *quotient(double over, double under, double scale, int digits, const char *mark)
{
	if (isnan(over) || isnan(under) || under <= 0)
		return g_strdup("-");
	return g_strdup_printf("%.*f%s", digits, scale * over / under, mark);
}

static void print_ratio(const Figure *figure, const Row *row)
{
	double ours = row->best[STUB_OURS];
	g_autofree char *ratio = quotient(row->best[STUB_QEMU], ours, 1, 1, "x");
	g_autofree char *share = quotient(row->limit, ours, 100, 1, "%");

	printf("| %-32s | %7s | %7s |\n", figure->name, ratio, share);
}

static void print_row(const Figure *figure, const Row *row)
{
	double ours_s = row->best[STUB_OURS], qemu_s = row->best[STUB_QEMU];
	g_autofree char *ours = cell(figure->unit, ours_s), *qemu = cell(figure->unit, qemu_s);
	g_autofree char *ratio = quotient(qemu_s, ours_s, 1, 1, "x");
	g_autofree char *limit = cell(figure->unit, row->limit);
	g_autofree char *share = quotient(row->limit, ours_s, 100, 1, "%");

	printf("| %-32s | %-5s | %10s | %10s | %7s | %10s | %7s |\n", figure->name,
	       units[figure->unit].name, ours, qemu, ratio, limit, share);
}

static void print_reasons(const Report *report)
{
	for (unsigned n = 0; n < n_figures; n++) {
		for (unsigned stub = 0; stub < N_STUBS; stub++) {
			const Row *row = &report->rows[n];

			if (isnan(row->best[stub]) && row->why[stub])
				printf("- %s, %s: not measured: %s\n", figures[n].name,
				       stub_names[stub], row->why[stub]);
		}
	}
}

static void print_head(bool ratios)
{
	if (ratios) {
		printf("| %-32s | %7s | %7s |\n", "figure", "ratio", "share");
		puts("|----------------------------------|--------:|--------:|");
		return;
	}
	printf("| %-32s | %-5s | %10s | %10s | %7s | %10s | %7s |\n", "figure", "unit", "ours",
	       "QEMU", "ratio", "limit", "share");
	puts("|----------------------------------|-------|-----------:|-----------:|--------:|"
	     "-----------:|--------:|");
}

static void print_table(const Report *report)
{
	void (*print)(const Figure *, const Row *) =
		report->options.ratios ? print_ratio : print_row;

	print_head(report->options.ratios);
	for (unsigned n = 0; n < n_figures; n++) {
		if (is_chosen(report, &figures[n]))
			print(&figures[n], &report->rows[n]);
	}
	putchar('\n');
	print_reasons(report);
	if (report->options.ratios)
		return;
	if (!isnan(report->step_trip))
		printf("- stepi with nothing but an echo and a step handed to another thread and "
		       "back: %.0f /s\n",
		       1 / (report->step_trip + report->kvm.handed_step));
	printf("- a bare step with KVM_SET_GUEST_DEBUG and KVM_GET_REGS around it: %.0f /s\n",
	       1 / report->kvm.full_step);
}

static void json_number(FILE *file, const char *name, double value)
{
	if (isnan(value))
		fprintf(file, ", \"%s\": null", name);
	else
		fprintf(file, ", \"%s\": %.6g", name, value);
}

static void json_row(FILE *file, const Figure *figure, const Row *row)
{
	fprintf(file, "    {\"figure\": \"%s\", \"unit\": \"%s\"", figure->name,
		units[figure->unit].name);
	json_number(file, "ours", shown(figure->unit, row->best[STUB_OURS]));
	json_number(file, "qemu", shown(figure->unit, row->best[STUB_QEMU]));
	json_number(file, "limit", shown(figure->unit, row->limit));
	json_number(file, "ratio", row->best[STUB_QEMU] / row->best[STUB_OURS]);
	json_number(file, "share", row->limit / row->best[STUB_OURS]);
	for (unsigned stub = 0; stub < N_STUBS; stub++) {
		if (isnan(row->best[stub]) && row->why[stub])
			fprintf(file, ", \"why_not_%s\": \"%s\"", stub_names[stub], row->why[stub]);
	}
	fputc('}', file);
}

static bool write_json(const Report *report, const char *machine)
{
	FILE *file = fopen(report->options.json, "w");
	bool first = true;

	if (!file) {
		perror(report->options.json);
		return false;
	}
	fprintf(file, "{\n  \"machine\": \"%s\", \"rounds\": %d,\n  \"figures\": [\n", machine,
		report->options.rounds);
	for (unsigned n = 0; n < n_figures; n++) {
		if (!is_chosen(report, &figures[n]))
			continue;
		fputs(first ? "" : ",\n", file);
		json_row(file, &figures[n], &report->rows[n]);
		first = false;
	}
	fputs("\n  ]\n}\n", file);
	return fclose(file) == 0;
}

/* ---- Start ---- */

/* @new: the file that stands alone; NULL: none does. */
static bool parse(Options *options, int argc, char **argv, const char **new)
{
	const GOptionEntry entries[] = {
		{"rounds", 0, 0, G_OPTION_ARG_INT, &options->rounds, "how often", "N"},
		{"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options->seconds, "for each figure", "S"},
		{"json", 0, 0, G_OPTION_ARG_FILENAME, &options->json, "also as JSON", "FILE"},
		{"only", 0, 0, G_OPTION_ARG_STRING, &options->only, "figures with WORD", "WORD"},
		{"ratios", 0, 0, G_OPTION_ARG_NONE, &options->ratios, "in an emulated host", NULL},
		{"compare", 0, 0, G_OPTION_ARG_FILENAME, &options->compare, "with NEW", "OLD"},
		{"lkvm", 0, 0, G_OPTION_ARG_FILENAME, &options->lkvm, "our VMM", "FILE"},
		{"qemu", 0, 0, G_OPTION_ARG_FILENAME, &options->qemu, "QEMU", "FILE"},
		{"guests", 0, 0, G_OPTION_ARG_FILENAME, &options->guests, "bare guests", "DIR"},
		{0},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "bench: %s\n", error->message);
		return false;
	}
	*new = argc > 1 ? argv[1] : NULL;
	if (argc - 1 == !!options->compare)
		return true;
	fprintf(stderr, "bench: expected %s\n",
		options->compare ? "--compare OLD NEW" : "options only");
	return false;
}

/* Status: 1 when a row has become worse, or none could be compared. */
static int compare(const char *old, const char *new)
{
	g_autoptr(GString) worse = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	Comparison comparison;

	if (!compare_files(old, new, worse, &comparison, &error)) {
		fprintf(stderr, "bench: %s\n", error->message);
		return 2;
	}
	printf("%s%u rows compared with %s, %u lost more than %.0f %%\n", worse->str,
	       comparison.compared, old, comparison.worse, 100 * (1 - COMPARE_KEEPS));
	return comparison.worse || !comparison.compared;
}

static void make_rows(Report *report)
{
	report->rows = g_new(Row, n_figures);
	for (unsigned n = 0; n < n_figures; n++)
		report->rows[n] = (Row){{NAN, NAN}, NAN, {NULL, NULL}};
	report->step_trip = NAN;
	report->kvm = (KvmLimits){NAN, NAN, NAN, NAN, NAN};
}

static char *describe_machine(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%F %H:%M UTC");
	double load[1] = {0};
	struct utsname name;

	uname(&name);
	getloadavg(load, 1);
	return g_strdup_printf("%s, Linux %s %s, %u CPUs, load %.1f", date, name.release,
			       name.machine, g_get_num_processors(), load[0]);
}

int main(int argc, char **argv)
{
	Report report = {
		.options = {.rounds = 3,
			    .seconds = 0.25,
			    .lkvm = "./lkvm",
			    .guests = "build/tests",
			    .qemu = (char *)bench_arch.qemu},
	};
	g_autofree char *machine = describe_machine(), *qemu = NULL;
	const char *new;
	bool written;

	if (!parse(&report.options, argc, argv, &new))
		return 2;
	if (report.options.compare)
		return compare(report.options.compare, new);
	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		puts("bench: skipped: /dev/kvm cannot be opened");
		return 0;
	}
	qemu = g_find_program_in_path(report.options.qemu);
	report.paths = (Paths){{report.options.lkvm, qemu}, report.options.guests};
	report.echo = echo_new();
	if (!report.echo)
		g_error("no TCP on the loopback");
	make_rows(&report);
	for (int round = 0; round < report.options.rounds; round++)
		take_round(&report, round);
	printf("%s; medians, best of %d rounds\n\n", machine, report.options.rounds);
	print_table(&report);
	written = !report.options.json || write_json(&report, machine);
	echo_free(report.echo);
	g_free(report.rows);
	return written ? 0 : 1;
}
