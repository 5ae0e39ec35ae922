/*
 * tests/test-engine-ide.c - front ends of gdb, played against the engine on the toy KVM: packets as
 * they were recorded of sessions with a bare guest of two CPUs, with the toy's addresses. The user
 * attaches, lets the guest run, sets a breakpoint meanwhile, steps, goes on, sets and removes
 * others, pauses and leaves while it runs; no reply is an error.
 *
 * In all of them gdb was told `maint set target-non-stop on`: all-stop mode for the user, non-stop
 * mode on the wire. Without it gdb refuses breakpoints while the guest runs by itself.
 */
#include <string.h>

#include "tests/engine-rig.h"

#define HEX "[0-9a-f]+"
#define REGS "(" HEX ":" HEX ";)*" /* the toy sends none */
#define BINARY "b.*"

#define GDB_OFFERS                                                                                 \
	"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;"       \
	"exec-events+;vContSupported+;QThreadEvents+;"
#define WE_OFFER "PacketSize=" HEX ";.*;QNonStop\\+;swbreak\\+;hwbreak\\+.*"

/* What the client asks for, and what it is told; @thread of what stopped. */
#define ASK(packet)                                                                                \
	{                                                                                          \
		packet, "OK"                                                                       \
	}
#define LIST                                                                                       \
	{                                                                                          \
		"qXfer:threads:read::0,1000", "l<\\?xml.*id=\"p01\\.01\".*id=\"p01\\.02\".*"       \
	}
#define TOLD(signal, thread, reason)                                                               \
	{NULL, "%Stop:T" signal "thread:p01\\.0" thread ";" reason REGS}, ASK("vStopped")
#define BINARY_READ(addr)                                                                          \
	{                                                                                          \
		"x" addr, BINARY                                                                   \
	}
#define HEX_READ(addr)                                                                             \
	{                                                                                          \
		"m" addr, HEX                                                                      \
	}

/* From the end of the hello to where CPU 0 stands, and to where both do. */
#define ATTACH                                                                                     \
	{"Hgp0.0", "OK"}, {"qXfer:features:read:target.xml:0,1000", "[lm]<\\?xml.*"},              \
		ASK("QNonStop:1"), LIST, {"qAttached:1", "1"}, {"qTStatus", ""},                   \
		{"?", "T00thread:p01\\.01;" REGS}, ASK("vStopped"), LIST
#define STOP_ALL                                                                                   \
	ASK("vCont;t:p1.2"), TOLD("00", "2", ""), ASK("Hgp1.2"), ASK("Hgp0.0"), LIST, LIST,        \
		ASK("Hgp1.1")
/* The CPU of @thread has stopped, and so shall the @other one. */
#define STOP_OTHER(thread, other)                                                                  \
	ASK("Hgp0.0"), LIST, ASK("vCont;t:p1." other), TOLD("00", other, ""), LIST, LIST,          \
		ASK("Hgp1." thread), LIST

/* The engine asks for those of a Linux kernel, and gdb has none. */
#define NO_SYMBOLS                                                                                 \
	{                                                                                          \
		"qSymbol::", "qSymbol:" HEX                                                        \
	}

static const uint8_t loop[] = {0x90, 0x90, 0xeb, 0xfc};

/* CPU 0 goes round 0x100 to 0x103, CPU 1 round 0x200 to 0x203. */
static Rig *new_running(void)
{
	const char *port;
	Rig *rig = rig_new(2, false);

	memcpy(toy_ram(rig->vm) + 0x200, loop, sizeof(loop));
	toy_set_pc(rig->vm, 1, 0x200);
	start_all(rig);
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	port = strrchr(kvm_gdb_address(rig->gdb), ':') + 1;
	rig->client = rsp_client_new(NULL, test_connect_tcp("127.0.0.1", atoi(port)));
	rsp_client_puts(rig->client, "+");
	return rig;
}

/* It left while the guest ran: no breakpoint is left, and the connection stays open. */
static void end(Rig *rig)
{
	g_assert_true(has_code(rig, 0x100, loop, sizeof(loop)));
	g_assert_true(has_code(rig, 0x200, loop, sizeof(loop)));
	expect_runs(rig, 0);
	expect_runs(rig, 1);
	hang_up(rig);
	rig_free(rig);
}

static void play(const RspLine *lines, unsigned n)
{
	Rig *rig = new_running();

	rsp_play(rig->client, lines, n);
	end(rig);
}

/*
 * gdb 16.3, -i=dap: attach, continue, setBreakpoints, setBreakpoints (none), continue, the two
 * again, pause, next and stepIn, continue, disconnect.
 */
static const RspLine dap_16[] = {
	{GDB_OFFERS "QThreadOptions+;no-resumed+;memory-tagging+;xmlRegisters=i386;"
		    "error-message+",
	 WE_OFFER},
	{"vCont?", "vCont;c;C;s;S;t;r"},
	{"vMustReplyEmpty", ""},
	ASK("QStartNoAckMode"),
	ATTACH,
	STOP_ALL,
	NO_SYMBOLS,
	LIST,
	ASK("Tp1.1"),
	BINARY_READ("100,1"),
	ASK("vCont;c"),
	BINARY_READ("100,1"),
	ASK("Z0,100,1"),
	TOLD("05", "1", "swbreak:;"),
	STOP_OTHER("1", "2"),
	ASK("z0,100,1"),
	LIST,
	ASK("Tp1.1"),
	BINARY_READ("100,1"),
	BINARY_READ("800,40"),
	BINARY_READ("0,9"),
	ASK("Tp1.1"),
	ASK("vCont;c"),
	BINARY_READ("240,1"),
	ASK("Z0,240,1"),
	ASK("z0,240,1"),
	ASK("vCtrlC"),
	TOLD("02", "1", ""),
	STOP_OTHER("1", "2"),
	ASK("Tp1.1"),
	BINARY_READ("100,40"),
	ASK("vCont;s:p1.1;c"),
	TOLD("05", "1", ""),
	BINARY_READ("100,1"),
	STOP_OTHER("1", "2"),
	ASK("Tp1.1"),
	ASK("vCont;r102,104:p1.1;c"),
	TOLD("05", "1", ""),
	STOP_OTHER("1", "2"),
	ASK("Tp1.1"),
	BINARY_READ("100,1"),
	ASK("vCont;c"),
	ASK("D;1"),
};

static void test_dap_16(void)
{
	play(dap_16, G_N_ELEMENTS(dap_16));
}

/*
 * gdb 18.1, -i=dap: attach, continue, setFunctionBreakpoints, continue with the breakpoint there,
 * setFunctionBreakpoints (none), continue, threads, setInstructionBreakpoints and none, pause,
 * continue, disconnect.
 */
static const RspLine dap_18[] = {
	{GDB_OFFERS "QThreadOptions+;no-resumed+;memory-tagging+;single-inf-arg+;xmlRegisters=i386;"
		    "error-message+;multi-wp-addr+",
	 WE_OFFER},
	{"vCont?", "vCont;c;C;s;S;t;r"},
	{"vMustReplyEmpty", ""},
	ASK("QStartNoAckMode"),
	{"qExecAndArgs", ""},
	ATTACH,
	STOP_ALL,
	NO_SYMBOLS,
	LIST,
	ASK("Tp1.1"),
	ASK("vCont;c"),
	BINARY_READ("100,1"),
	ASK("Z0,100,1"),
	TOLD("05", "1", "swbreak:;"),
	STOP_OTHER("1", "2"),
	ASK("z0,100,1"),
	LIST,
	ASK("Tp1.1"),
	BINARY_READ("100,1"),
	/* A step off the breakpoint, alone, and then all. */
	ASK("Z0,100,1"),
	ASK("Hgp0.0"),
	LIST,
	ASK("Hgp1.1"),
	ASK("z0,100,1"),
	ASK("vCont;s:p1.1"),
	TOLD("05", "1", ""),
	ASK("Z0,100,1"),
	LIST,
	ASK("vCont;c"),
	TOLD("05", "1", "swbreak:;"),
	STOP_OTHER("1", "2"),
	ASK("z0,100,1"),
	ASK("vCont;c"),
	LIST,
	BINARY_READ("240,1"),
	ASK("Z0,240,1"),
	ASK("z0,240,1"),
	ASK("vCtrlC"),
	TOLD("02", "1", ""),
	STOP_OTHER("1", "2"),
	ASK("Tp1.1"),
	ASK("vCont;c"),
	ASK("D;1"),
};

static void test_dap_18(void)
{
	play(dap_18, G_N_ELEMENTS(dap_18));
}

/*
 * What VS Code's cpptools says by MI, in gdb 16.3: -gdb-set mi-async on, -target-select,
 * -thread-info, -exec-continue, -break-insert, -thread-info, -exec-next-instruction with the
 * breakpoint there, -break-delete, -exec-continue, one on the other CPU, -exec-interrupt,
 * -exec-step-instruction, -exec-continue, -break-insert, -break-delete, -target-detach.
 */
static const RspLine mi_16[] = {
	{GDB_OFFERS "QThreadOptions+;no-resumed+;memory-tagging+;xmlRegisters=i386;"
		    "error-message+",
	 WE_OFFER},
	{"vCont?", "vCont;c;C;s;S;t;r"},
	{"vMustReplyEmpty", ""},
	ASK("QStartNoAckMode"),
	ATTACH,
	STOP_ALL,
	BINARY_READ("100,1"),
	NO_SYMBOLS,
	LIST,
	ASK("Hgp1.2"),
	BINARY_READ("200,9"),
	ASK("Hgp1.1"),
	ASK("vCont;c"),
	BINARY_READ("100,1"),
	ASK("Z0,100,1"),
	TOLD("05", "1", "swbreak:;"),
	STOP_OTHER("1", "2"),
	ASK("z0,100,1"),
	BINARY_READ("100,1"),
	LIST,
	ASK("Hgp1.2"),
	BINARY_READ("200,1"),
	ASK("Tp1.1"),
	ASK("Hgp1.1"),
	BINARY_READ("100,40"),
	/* A step off the breakpoint, alone. */
	ASK("Z0,100,1"),
	ASK("Hgp0.0"),
	LIST,
	LIST,
	ASK("Hgp1.1"),
	ASK("z0,100,1"),
	ASK("vCont;s:p1.1"),
	TOLD("05", "1", ""),
	ASK("Z0,100,1"),
	LIST,
	BINARY_READ("101,1"),
	ASK("Hgp0.0"),
	LIST,
	ASK("Hgp1.1"),
	ASK("z0,100,1"),
	ASK("Hgp1.2"),
	{"g", HEX},
	ASK("vCont;c"),
	ASK("Hgp1.1"),
	BINARY_READ("200,1"),
	ASK("Z0,200,1"),
	TOLD("05", "2", "swbreak:;"),
	STOP_OTHER("2", "1"),
	ASK("z0,200,1"),
	LIST,
	ASK("Hgp1.1"),
	BINARY_READ("101,1"),
	ASK("Hgp1.2"),
	ASK("vCont;c"),
	ASK("vCtrlC"),
	TOLD("02", "2", ""),
	STOP_OTHER("2", "1"),
	BINARY_READ("200,40"),
	ASK("vCont;s:p1.2;c"),
	TOLD("05", "2", ""),
	STOP_OTHER("2", "1"),
	ASK("vCont;c"),
	BINARY_READ("240,1"),
	ASK("Z0,240,1"),
	ASK("z0,240,1"),
	ASK("D;1"),
};

static void test_mi_16(void)
{
	play(mi_16, G_N_ELEMENTS(mi_16));
}

/* The same in gdb 13.1, which has no x. */
static const RspLine mi_13[] = {
	{GDB_OFFERS "no-resumed+;memory-tagging+;xmlRegisters=i386", WE_OFFER},
	{"vMustReplyEmpty", ""},
	ASK("QStartNoAckMode"),
	ATTACH,
	{"vCont?", "vCont;c;C;s;S;t;r"},
	STOP_ALL,
	HEX_READ("100,1"),
	NO_SYMBOLS,
	LIST,
	ASK("vCont;c"),
	HEX_READ("100,1"),
	ASK("Z0,100,1"),
	TOLD("05", "1", "swbreak:;"),
	STOP_OTHER("1", "2"),
	ASK("z0,100,1"),
	HEX_READ("100,1"),
	ASK("Z0,100,1"),
	ASK("Hgp1.1"),
	ASK("z0,100,1"),
	ASK("vCont;s:p1.1"),
	TOLD("05", "1", ""),
	ASK("Z0,100,1"),
	LIST,
	ASK("z0,100,1"),
	ASK("vCont;c"),
	HEX_READ("200,1"),
	ASK("Z0,200,1"),
	TOLD("05", "2", "swbreak:;"),
	STOP_OTHER("2", "1"),
	ASK("z0,200,1"),
	ASK("vCont;c"),
	ASK("vCtrlC"),
	TOLD("02", "2", ""),
	STOP_OTHER("2", "1"),
	ASK("vCont;s:p1.2;c"),
	TOLD("05", "2", ""),
	STOP_OTHER("2", "1"),
	ASK("vCont;c"),
	ASK("Z0,240,1"),
	ASK("z0,240,1"),
	ASK("D;1"),
};

static void test_mi_13(void)
{
	play(mi_13, G_N_ELEMENTS(mi_13));
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{"dap-16", test_dap_16},
		{"dap-18", test_dap_18},
		{"mi-16", test_mi_16},
		{"mi-13", test_mi_13},
		{0},
	};

	return test_main(argc, argv, "engine-ide", cases);
}
