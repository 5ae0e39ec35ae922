/*
 * tracer - what the debugged Linux runs: debuggers of its own, linked statically.
 *
 *   tracer debug    a hardware breakpoint, a watchpoint and five single steps in a child; prints
 *                   which of them stopped it at the right pc: "hwbp=1 hwwp=1 steps=5"
 *   tracer a32      (arm64) a 32-bit program with a BKPT in A32 and one in T32 code; prints which
 *                   stopped it at the right pc, and its result: "a32=1 t32=1 exit=102"
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __aarch64__
#include <asm/ptrace.h>
#endif

extern char debuggee_break[], debuggee_watch[], debuggee_steps[];
static uint64_t watched;

#ifdef __x86_64__
#define STORE "movq $0, (%0)"
#define WATCH_AT debuggee_steps /* the trap comes behind the store */
#define STEP_SIZE 1
#define FIRST_STEP (debuggee_steps + 1)
#define PC a64.rip
#define DR7_BREAK 1ul				     /* L0: execution of DR0 */
#define DR7_WATCH (1ul << 2 | 1ul << 20 | 2ul << 22) /* L1, R/W1, LEN1: stores, eight bytes */

static void set_points(pid_t pid, int wants_break, int wants_watch)
{
	uint64_t dr7 = (wants_break ? DR7_BREAK : 0) | (wants_watch ? DR7_WATCH : 0);

	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), debuggee_break);
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[1]), &watched);
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), dr7);
}
#else
#define STORE "str xzr, [%0]"
#define WATCH_AT debuggee_watch
#define STEP_SIZE 4
#define FIRST_STEP debuggee_steps
#define PC a64.pc
#define HW_ENABLE 1u
#define HW_STORE (2u << 3)
#define HW_LEN(bytes) (((1u << (bytes)) - 1) << 5)

/* Set or clear (@control 0) the first debug register of a kind in the traced process. */
static int set_debug(pid_t pid, long kind, const void *at, uint32_t control)
{
	struct user_hwdebug_state state = {.dbg_regs = {{.addr = (uintptr_t)at, .ctrl = control}}};
	struct iovec part = {&state, offsetof(struct user_hwdebug_state, dbg_regs[1])};

	return ptrace(PTRACE_SETREGSET, pid, kind, &part);
}

static void set_points(pid_t pid, int wants_break, int wants_watch)
{
	set_debug(pid, NT_ARM_HW_BREAK, debuggee_break, wants_break ? HW_LEN(4) | HW_ENABLE : 0);
	set_debug(pid, NT_ARM_HW_WATCH, &watched,
		  wants_watch ? HW_LEN(8) | HW_STORE | HW_ENABLE : 0);
}
#endif

/* Noinline: its labels are unique. */
static __attribute__((noinline)) void debuggee(void)
{
	asm volatile(".globl debuggee_break, debuggee_watch, debuggee_steps\n"
		     "debuggee_break:\tnop\n"
		     "debuggee_watch:\t" STORE "\n"
		     "debuggee_steps:\tnop\n\tnop\n\tnop\n\tnop\n\tnop"
		     :
		     : "r"(&watched)
		     : "memory");
}

/* NT_PRSTATUS of a 64-bit and of a 32-bit process. */
typedef union Regs {
	struct user_regs_struct a64;
	uint32_t a32[18];
} Regs;

#define A32_PC 15

/* Resume a traced process; is it stopped by SIGTRAP with @code then? With its registers. */
static int run_to_trap(pid_t pid, int request, int code, Regs *ret)
{
	struct iovec part = {ret, sizeof(*ret)};
	siginfo_t info;
	int status;

	return !ptrace(request, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP &&
	       !ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) && info.si_code == code &&
	       !ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part);
}

static int traps_at(pid_t pid, int request, int code, uint64_t at)
{
	Regs regs;

	return run_to_trap(pid, request, code, &regs) && regs.PC == at;
}

static int debug(void)
{
	pid_t pid = fork();
	int status, steps = 0;
	uint64_t pc = (uintptr_t)FIRST_STEP;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		debuggee();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	set_points(pid, 1, 1);
	int bp = traps_at(pid, PTRACE_CONT, TRAP_HWBKPT, (uintptr_t)debuggee_break);
	set_points(pid, 0, 1);
	int wp = traps_at(pid, PTRACE_CONT, TRAP_HWBKPT, (uintptr_t)WATCH_AT);
	set_points(pid, 0, 0);
	for (; steps < 5; steps++, pc += STEP_SIZE)
		if (!traps_at(pid, PTRACE_SINGLESTEP, TRAP_TRACE, pc))
			break;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("hwbp=%d hwwp=%d steps=%d\n", bp, wp, steps);
	return 0;
}

/* ---- Debugging a 32-bit process ---- */

#define A32_BASE 0x10000
#define A32_FILE "/a32"

/* Counts in r4; each trap must be passed by its debugger. */
static const uint32_t a32_code[] = {
	0xe3a04000, /* mov r4, #0 */
	0xe24dd010, /* sub sp, sp, #16 */
	0xe2844001, /* 1: add r4, r4, #1 */
	0xe3540064, /* cmp r4, #100 */
	0x1afffffc, /* bne 1b */
	0xe1200077, /* bkpt #7 */
	0xe2844001, /* add r4, r4, #1 */
	0xe28f1004, /* adr r1, 2f */
	0xe3811001, /* orr r1, r1, #1 */
	0xe12fff11, /* bx r1 */
	0x3401be03, /* 2: bkpt #3; adds r4, #1 */
	0x27014620, /* mov r0, r4; movs r7, #1 */
	0xbf00df00, /* svc #0: exit(r4); nop */
};

#define A32_BKPT 5
#define T32_BKPT 10

/* A program file: the two headers and the code, loaded as one at A32_BASE. */
typedef struct A32Program {
	Elf32_Ehdr ehdr;
	Elf32_Phdr phdr;
	uint32_t code[sizeof(a32_code) / sizeof(a32_code[0])];
} A32Program;

static uint32_t a32_addr(unsigned index)
{
	return A32_BASE + offsetof(A32Program, code) + 4 * index;
}

static int write_a32(void)
{
	A32Program program = {
		.ehdr = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
				     EV_CURRENT},
			 .e_type = ET_EXEC,
			 .e_machine = EM_ARM,
			 .e_version = EV_CURRENT,
			 .e_entry = a32_addr(0),
			 .e_phoff = offsetof(A32Program, phdr),
			 .e_flags = 0x05000000,
			 .e_ehsize = sizeof(Elf32_Ehdr),
			 .e_phentsize = sizeof(Elf32_Phdr),
			 .e_phnum = 1},
		.phdr = {.p_type = PT_LOAD,
			 .p_vaddr = A32_BASE,
			 .p_filesz = sizeof(program),
			 .p_memsz = sizeof(program),
			 .p_flags = PF_R | PF_X,
			 .p_align = 0x1000},
	};
	int fd = open(A32_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	memcpy(program.code, a32_code, sizeof(a32_code));
	int ok = fd >= 0 && write(fd, &program, sizeof(program)) == sizeof(program);
	return fd >= 0 && close(fd) == 0 && ok;
}

/* Runs into the BKPT at @at and goes on behind it, @len bytes further. */
static int pass_bkpt(pid_t pid, uint32_t at, unsigned len)
{
	Regs regs;
	struct iovec part = {&regs, sizeof(regs.a32)};

	if (!run_to_trap(pid, PTRACE_CONT, TRAP_BRKPT, &regs) || regs.a32[A32_PC] != at)
		return 0;
	regs.a32[A32_PC] += len;
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part) == 0;
}

static int debug_a32(void)
{
	int status = 0, a32, t32;
	pid_t pid;

	if (!write_a32())
		return 1;
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(A32_FILE, A32_FILE, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0); /* the new program has not begun */
	a32 = pass_bkpt(pid, a32_addr(A32_BKPT), 4);
	t32 = pass_bkpt(pid, a32_addr(T32_BKPT), 2);
	if (!WIFEXITED(status) && !ptrace(PTRACE_CONT, pid, NULL, NULL))
		waitpid(pid, &status, 0);
	printf("a32=%d t32=%d exit=%d\n", a32, t32, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	kill(pid, SIGKILL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "debug") == 0)
		return debug();
	if (argc == 2 && strcmp(argv[1], "a32") == 0)
		return debug_a32();
	fprintf(stderr, "usage: tracer debug | tracer a32\n");
	return 2;
}
