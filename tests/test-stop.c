/*
 * tests/test-stop.c - the sentences of gdbstub/stop.h.
 */
#include "gdbstub/stop.h"

static const GdbFeatures nothing;
static const GdbFeatures everything = {
	.multiprocess = true, .swbreak = true, .hwbreak = true, .error_message = true};

static void check(GdbStopKind kind, const GdbFeatures *features, const char *expected)
{
	GdbStop stop = {.cpu = 1, .kind = kind, .addr = 0xffff888000001230};
	g_autoptr(GString) out = g_string_new(NULL);

	gdb_stop_append(out, &stop, features);
	g_assert_cmpstr(out->str, ==, expected);
}

static void test_signals(void)
{
	check(GDB_STOP_PAUSED, &nothing, "T02thread:02;");
	check(GDB_STOP_STEP, &nothing, "T05thread:02;");
	check(GDB_STOP_SHUTDOWN, &nothing, "T0bthread:02;");
	check(GDB_STOP_PANIC, &nothing, "T06thread:02;");
	check(GDB_STOP_INTERNAL_ERROR, &nothing, "T06thread:02;");
	check(GDB_STOP_WATCHDOG, &nothing, "T0ethread:02;");
	check(GDB_STOP_IO_ERROR, &nothing, "T11thread:02;");
	check(GDB_STOP_LIBRARY, &nothing, "T05thread:02;library:;");
	check(GDB_STOP_PROGRAM, &nothing, "T05thread:02;");
	check(GDB_STOP_PAUSED, &everything, "T02thread:p01.02;");
}

static void test_reasons(void)
{
	static const GdbFeatures sw = {.swbreak = true}, hw = {.hwbreak = true};

	check(GDB_STOP_SWBREAK, &nothing, "T05thread:02;");
	check(GDB_STOP_SWBREAK, &hw, "T05thread:02;");
	check(GDB_STOP_SWBREAK, &sw, "T05thread:02;swbreak:;");
	check(GDB_STOP_HWBREAK, &nothing, "T05thread:02;");
	check(GDB_STOP_HWBREAK, &sw, "T05thread:02;");
	check(GDB_STOP_HWBREAK, &hw, "T05thread:02;hwbreak:;");
}

static void test_watch(void)
{
	check(GDB_STOP_WATCH, &nothing, "T05thread:02;watch:ffff888000001230;");
	check(GDB_STOP_RWATCH, &nothing, "T05thread:02;rwatch:ffff888000001230;");
	check(GDB_STOP_AWATCH, &everything, "T05thread:p01.02;awatch:ffff888000001230;");
}

/* Further ones only for a client that takes them, each with its own word. */
static void test_watches(void)
{
	static const GdbFeatures multi = {.multi_watch = true};
	static const GdbStop stop = {.cpu = 1,
				     .kind = GDB_STOP_WATCH,
				     .addr = 0x10,
				     .n_also = 2,
				     .also = {{GDB_STOP_AWATCH, 0x14}, {GDB_STOP_RWATCH, 0x18}}};
	g_autoptr(GString) out = g_string_new(NULL);

	gdb_stop_append(out, &stop, &multi);
	g_assert_cmpstr(out->str, ==, "T05thread:02;watch:10;awatch:14;rwatch:18;");
	g_string_truncate(out, 0);
	gdb_stop_append(out, &stop, &nothing);
	g_assert_cmpstr(out->str, ==, "T05thread:02;watch:10;");
}

static void test_register(void)
{
	static const GdbReg rip = {.name = "rip", .num = 16, .bits = 64};
	static const GdbReg eflags = {.name = "eflags", .num = 17, .bits = 32};
	g_autoptr(GString) out = g_string_new("T05thread:01;");

	gdb_stop_append_register(out, &rip, (const uint8_t *)"\xf0\xff\0\0\0\0\0\x80");
	gdb_stop_append_register(out, &eflags, (const uint8_t *)"\x02\0\0\0");
	g_assert_cmpstr(out->str, ==, "T05thread:01;10:f0ff000000000080;11:02000000;");
}

static void test_exit(void)
{
	g_autoptr(GString) out = g_string_new(NULL);

	gdb_stop_append_exit(out, 0, &nothing);
	g_assert_cmpstr(out->str, ==, "W00");
	g_string_truncate(out, 0);
	gdb_stop_append_exit(out, 0x2a, &everything);
	g_assert_cmpstr(out->str, ==, "W2a;process:1");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/stop/signals", test_signals);
	g_test_add_func("/stop/reasons", test_reasons);
	g_test_add_func("/stop/watch", test_watch);
	g_test_add_func("/stop/watches", test_watches);
	g_test_add_func("/stop/register", test_register);
	g_test_add_func("/stop/exit", test_exit);
	return g_test_run();
}
