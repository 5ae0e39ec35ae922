/*
 * tests/test-engine-pieces.c - what takes long is done in pieces: others are served meanwhile, and
 * the machine may go on. A kernel lies in the toy's RAM.
 */
#include <string.h>

#include "kvm/internal.h"
#include "kvm/linux.h"
#include "tests/linux-rig.h"
#include "tests/qmp-client.h"

#define HUMAN(line)                                                                                \
	"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"" line "\"}}"
#define EXECUTE(name) "{\"execute\":\"" name "\"}"

/* How many pieces are to be done before the search begins, and how many were asked for. */
static unsigned pieces_left, pieces_done;

static bool count_pieces(void *target)
{
	pieces_done++;
	if (!pieces_left)
		return linux_prepare(target);
	pieces_left -= pieces_left < UINT_MAX;
	return false;
}

static const GdbOsOps counting = {.prepare = count_pieces, .vmcoreinfo = linux_vmcoreinfo};

typedef struct Pieces {
	Rig *rig;
	char *dir;
	QmpClient *one, *other; /* of QMP */
} Pieces;

static QmpClient *join(Pieces *pieces)
{
	QmpClient *client =
		qmp_client_new(test_connect_unix(kvm_gdb_operator_address(pieces->rig->gdb, 0)));

	qmp_client_hello(client);
	return client;
}

/* gdb's client has it stopped. */
static Pieces pieces_new(void)
{
	Pieces pieces = {.rig = linux_rig_new(), .dir = test_dir_new()};
	g_autofree char *where = g_strdup_printf("unix:%s/q", pieces.dir);
	g_autoptr(GError) error = NULL;

	linux_rig_set_entry(pieces.rig, TOY_LINUX + 0x40);
	g_assert_true(kvm_gdb_listen_qmp(pieces.rig->gdb, where, &error));
	g_assert_no_error(error);
	pieces.rig->gdb->ops_table.os = &counting;
	pieces.one = join(&pieces);
	pieces.other = join(&pieces);
	pieces_left = UINT_MAX;
	pieces_done = 0;
	return pieces;
}

static void pieces_free(Pieces *pieces)
{
	g_clear_pointer(&pieces->one, qmp_client_free);
	qmp_client_free(pieces->other);
	test_run_for(NULL, 5);
	linux_rig_free(pieces->rig);
	test_dir_remove(pieces->dir);
}

/* The first client waits, and the second one is served. */
static void expect_waits(Pieces *pieces)
{
	for (unsigned n = 0; n < 3; n++)
		qmp_client_match(pieces->other, EXECUTE("query-status"), "\"running\":");
	g_assert_cmpuint(pieces_done, >, 0);
}

static void expect_answer(Pieces *pieces, const char *text)
{
	g_autofree char *line = qmp_client_line(pieces->one);

	while (strstr(line, "\"event\"")) {
		g_free(line);
		line = qmp_client_line(pieces->one);
	}
	if (!strstr(line, text))
		g_error("no '%s' in: %s", text, line);
}

static void test_gdb(void)
{
	Pieces pieces = pieces_new();

	pieces_left = 5;
	linux_rig_monitor(pieces.rig, "vmcoreinfo", INFO);
	g_assert_cmpuint(pieces_left, ==, 0);
	/* Nothing has to be found out for these. */
	pieces_done = 0;
	linux_rig_monitor(pieces.rig, "info status", "paused");
	g_assert_cmpuint(pieces_done, ==, 0);
	pieces_free(&pieces);
}

static void test_qmp(void)
{
	static const char *const lines[] = {HUMAN("info linux"), HUMAN("vmcoreinfo")};

	for (unsigned n = 0; n < G_N_ELEMENTS(lines); n++) {
		Pieces pieces = pieces_new();

		qmp_client_send(pieces.one, lines[n]);
		expect_waits(&pieces);
		pieces_left = 0;
		expect_answer(&pieces, n ? "OSRELEASE=" RELEASE : "Linux version " RELEASE);
		/* Now it is known. */
		pieces_done = 0;
		qmp_client_send(pieces.one, lines[n]);
		expect_answer(&pieces, RELEASE);
		g_assert_cmpuint(pieces_done, ==, 1);
		pieces_free(&pieces);
	}
}

/* Who has left is noticed at the end. */
static void test_left(void)
{
	Pieces pieces = pieces_new();
	unsigned done;

	qmp_client_send(pieces.one, HUMAN("vmcoreinfo"));
	expect_waits(&pieces);
	g_clear_pointer(&pieces.one, qmp_client_free);
	test_run_for(NULL, 5);
	pieces_left = 0;
	test_run_for(NULL, 20);
	done = pieces_done;
	test_run_for(NULL, 5);
	g_assert_cmpuint(pieces_done, ==, done);
	pieces_free(&pieces);
}

/* gdb lets the machine go on between two pieces. */
static void test_goes_on(void)
{
	Pieces pieces = pieces_new();

	qmp_client_send(pieces.one, HUMAN("info linux"));
	expect_waits(&pieces);
	rsp_client_send(pieces.rig->client, "vCont;c");
	expect_answer(&pieces, "the machine runs");
	rsp_client_write(pieces.rig->client, "\x03", 1);
	expect_stop(pieces.rig, "T02");
	pieces_free(&pieces);
}

/* No gdb has it, and it runs: it stands as long as it takes, and no longer. */
static void test_held(void)
{
	Pieces pieces = pieces_new();

	hang_up(pieces.rig);
	expect_runs(pieces.rig, 0);
	qmp_client_send(pieces.one, HUMAN("vmcoreinfo"));
	test_run_for(NULL, 20);
	qmp_client_match(pieces.other, EXECUTE("query-status"), "\"running\":false");
	pieces_left = 0;
	expect_answer(&pieces, "OSRELEASE=" RELEASE);
	expect_runs(pieces.rig, 0);
	expect_runs(pieces.rig, 1);
	pieces_free(&pieces);
}

static const TestCase cases[] = {
	{"gdb", test_gdb},	   {"qmp", test_qmp},	{"left", test_left},
	{"goes-on", test_goes_on}, {"held", test_held}, {0},
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "engine-pieces", cases);
}
