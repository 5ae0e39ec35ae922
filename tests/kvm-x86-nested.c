/*
 * tests/kvm-x86-nested.c - a debugger at a guest that runs a guest of its own, by SVM: tests/guest/
 * nested.S under lkvm, on a real KVM. A KVM that gives its guests no SVM skips all of it.
 */
#include <string.h>

#include "tests/lkvm-run.h"
#include "tests/test-util.h"

/* Of tests/guest/nested.S. */
#define KERNEL 0xffff800000000000ull
#define INSIDE 0x40000000ull
#define TURN 11 /* instructions inside */
enum { OUTER_TURNS = 0, INNER_TURNS = 8, ENTER = 16, LEAVE, FINISH, BACK = 24 };

/* lkvm with this guest, the client that stopped it, and where its `state` is. */
typedef struct Nested {
	Run *run;
	RspClient *client;
	uint64_t state;
} Nested;

#define X G_GINT64_MODIFIER "x"

/* ---- What the client asks ---- */

static uint64_t read_8(Nested *nested, uint64_t addr)
{
	g_autofree char *packet = g_strdup_printf("m%" X ",8", addr);

	return run_number(nested->client, packet);
}

static void write_1(Nested *nested, uint64_t addr)
{
	g_autofree char *packet = g_strdup_printf("M%" X ",1:01", addr);

	rsp_expect(nested->client, packet, "OK");
}

static uint64_t get_rip(Nested *nested)
{
	return run_number(nested->client, "p10");
}

static bool is_inside(Nested *nested)
{
	g_autofree char *hex = rsp_client_ask(nested->client, "qThreadExtraInfo,1");
	g_autofree char *text = rsp_text(hex);

	g_test_message("thread: %s", text);
	return strstr(text, "in a guest of this guest") != NULL;
}

/* Refused, and the words say why. */
static void expect_refused(Nested *nested, const char *name, uint64_t addr, const char *rest)
{
	g_autofree char *packet = g_strdup_printf("%s%" X "%s", name, addr, rest);
	g_autofree char *reply = rsp_client_ask(nested->client, packet);

	g_test_message("%s: %s", packet, reply);
	g_assert_true(g_str_has_prefix(reply, "E."));
	g_assert_nonnull(strstr(reply, "a guest inside this guest"));
}

/* ---- Going on and stopping ---- */

static void interrupt(Nested *nested)
{
	rsp_client_write(nested->client, "\x03", 1);
	g_free(rsp_expect_next_prefix(nested->client, "T02"));
}

static void go_on_until(Nested *nested, const char *said)
{
	rsp_client_send(nested->client, "vCont;c");
	g_assert_true(run_read_until(nested->run, said));
}

/* FALSE: skipped. The guest waits for `enter`. */
static bool nested_open(Nested *nested)
{
	if (run_impossible())
		return false;
	nested->run = run_new("nested", "--gdb 0", -1);
	g_assert_true(run_read_until(nested->run, "outer\n") ||
		      strstr(nested->run->said->str, "no SVM"));
	if (strstr(nested->run->said->str, "no SVM")) {
		g_test_skip("this KVM gives its guests no SVM, and VMX is not tried");
		run_free(nested->run);
		return false;
	}
	nested->client = run_attach(nested->run);
	g_free(rsp_client_ask(nested->client, "qSupported:error-message+"));
	nested->state = run_number(nested->client, "p1");
	return true;
}

/* The guest inside runs, and is stopped. */
static void enter(Nested *nested)
{
	go_on_until(nested, "inner\n");
	interrupt(nested);
	g_assert_true(is_inside(nested));
	g_assert_cmphex(get_rip(nested) & ~0xfffffull, ==, INSIDE);
}

/* Its own turns count on, and nobody else's. */
static void goes_on_inside(Nested *nested)
{
	uint64_t inner = read_8(nested, KERNEL + nested->state + INNER_TURNS);
	uint64_t outer = read_8(nested, KERNEL + nested->state + OUTER_TURNS);

	rsp_client_send(nested->client, "vCont;c");
	g_usleep(300000);
	interrupt(nested);
	g_assert_true(is_inside(nested));
	g_assert_cmpuint(read_8(nested, KERNEL + nested->state + INNER_TURNS), >, inner);
	g_assert_cmpuint(read_8(nested, KERNEL + nested->state + OUTER_TURNS), ==, outer);
}

/* The guest inside has left; all memory is this guest's again. Then the guest ends as it should. */
static void finish(Nested *nested)
{
	uint64_t before = read_8(nested, nested->state + OUTER_TURNS), inner;

	g_assert_false(is_inside(nested));
	g_assert_cmphex(get_rip(nested) & KERNEL, ==, KERNEL);
	inner = read_8(nested, nested->state + INNER_TURNS);
	rsp_client_send(nested->client, "vCont;c");
	g_usleep(300000);
	interrupt(nested);
	g_assert_false(is_inside(nested));
	g_assert_cmpuint(read_8(nested, nested->state + OUTER_TURNS), >, before);
	g_assert_cmpuint(read_8(nested, KERNEL + nested->state + INNER_TURNS), ==, inner);
	write_1(nested, nested->state + FINISH);
	rsp_client_send(nested->client, "vCont;c");
	g_assert_cmpint(run_end(nested->run), ==, 0);
	rsp_client_free(nested->client);
	run_free(nested->run);
}

/* ---- Tests ---- */

/* A guest inside whose own addresses mean nothing here, while the kernel's are known. */
static void test_stop(void)
{
	Nested nested;
	uint64_t back;

	if (!nested_open(&nested))
		return;
	back = read_8(&nested, nested.state + BACK);
	write_1(&nested, nested.state + ENTER);
	enter(&nested);
	expect_refused(&nested, "m", get_rip(&nested), ",8");
	expect_refused(&nested, "m", nested.state, ",8");
	expect_refused(&nested, "M", get_rip(&nested), ",1:cc");
	/* Asked twice: nothing that the guest inside has takes the place of the kernel's. */
	for (unsigned n = 0; n < 2; n++)
		g_assert_cmphex(read_8(&nested, KERNEL + nested.state + BACK), ==, back);
	goes_on_inside(&nested);
	g_assert_cmphex(read_8(&nested, KERNEL + nested.state + BACK), ==, back);
	write_1(&nested, KERNEL + nested.state + LEAVE);
	go_on_until(&nested, "back\n");
	interrupt(&nested);
	finish(&nested);
}

/* No root of this guest was seen before: then nothing is guessed. Physical memory is there. */
static void test_unknown(void)
{
	Nested nested;

	if (!nested_open(&nested))
		return;
	rsp_expect(nested.client, "Qqemu.PhyMemMode:1", "OK");
	write_1(&nested, nested.state + ENTER);
	enter(&nested);
	rsp_expect(nested.client, "Qqemu.PhyMemMode:0", "OK");
	expect_refused(&nested, "m", nested.state, ",8");
	expect_refused(&nested, "m", KERNEL + nested.state, ",8");
	rsp_expect(nested.client, "Qqemu.PhyMemMode:1", "OK");
	write_1(&nested, nested.state + LEAVE);
	rsp_expect(nested.client, "Qqemu.PhyMemMode:0", "OK");
	go_on_until(&nested, "back\n");
	interrupt(&nested);
	finish(&nested);
}

/* Steps in the guest inside are steps there; it goes on unharmed. */
static void test_steps(void)
{
	Nested nested;
	uint64_t turns;

	if (!nested_open(&nested))
		return;
	read_8(&nested, nested.state);
	write_1(&nested, nested.state + ENTER);
	enter(&nested);
	turns = read_8(&nested, KERNEL + nested.state + INNER_TURNS);
	for (unsigned n = 0; n < 4 * TURN; n++) {
		rsp_client_send(nested.client, "vCont;s:1");
		g_free(rsp_expect_next_prefix(nested.client, "T05"));
		g_assert_true(is_inside(&nested));
	}
	g_assert_cmpuint(read_8(&nested, KERNEL + nested.state + INNER_TURNS), ==, turns + 4);
	goes_on_inside(&nested);
	write_1(&nested, KERNEL + nested.state + LEAVE);
	go_on_until(&nested, "back\n");
	interrupt(&nested);
	finish(&nested);
}

/* A breakpoint in the kernel, set while the guest inside runs, is hit when that has left. */
static void test_break(void)
{
	g_autofree char *set = NULL, *gone = NULL, *reply = NULL;
	Nested nested;
	uint64_t back;

	if (!nested_open(&nested))
		return;
	back = read_8(&nested, nested.state + BACK);
	write_1(&nested, nested.state + ENTER);
	enter(&nested);
	set = g_strdup_printf("Z0,%" X ",1", back);
	gone = g_strdup_printf("z0,%" X ",1", back);
	reply = rsp_client_ask(nested.client, set);
	if (strcmp(reply, "OK") != 0)
		g_test_skip("this KVM reports no breakpoints");
	goes_on_inside(&nested);
	write_1(&nested, KERNEL + nested.state + LEAVE);
	if (strcmp(reply, "OK") == 0) {
		rsp_client_send(nested.client, "vCont;c");
		g_free(rsp_expect_next_prefix(nested.client, "T05"));
		g_assert_cmphex(get_rip(&nested), ==, back);
		rsp_expect(nested.client, gone, "OK");
	}
	go_on_until(&nested, "back\n");
	interrupt(&nested);
	finish(&nested);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"stop", test_stop},
		{"unknown", test_unknown},
		{"steps", test_steps},
		{"break", test_break},
		{0},
	};

	return test_main(argc, argv, "kvm-x86-nested", cases);
}
