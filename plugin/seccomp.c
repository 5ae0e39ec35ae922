/*
 * plugin/seccomp.c - classic BPF, as far as seccomp has it.
 */
#include "plugin/seccomp.h"

#include <elf.h>
#include <linux/audit.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define MEM_WORDS BPF_MEMWORDS

typedef struct Machine {
	const struct seccomp_data *data;
	uint32_t a, x, mem[MEM_WORDS];
} Machine;

static bool load(const Machine *m, const struct sock_filter *f, uint32_t *ret)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		if (f->k > sizeof(*m->data) - 4 || f->k % 4)
			return false;
		memcpy(ret, (const char *)m->data + f->k, 4);
		return true;
	case BPF_IMM:
		*ret = f->k;
		return true;
	case BPF_LEN:
		*ret = sizeof(*m->data);
		return true;
	case BPF_MEM:
		if (f->k >= MEM_WORDS)
			return false;
		*ret = m->mem[f->k];
		return true;
	default:
		return false;
	}
}

static bool compute(Machine *m, const struct sock_filter *f)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		m->a += b;
		break;
	case BPF_SUB:
		m->a -= b;
		break;
	case BPF_MUL:
		m->a *= b;
		break;
	case BPF_DIV:
		if (!b)
			return false;
		m->a /= b;
		break;
	case BPF_AND:
		m->a &= b;
		break;
	case BPF_OR:
		m->a |= b;
		break;
	case BPF_XOR:
		m->a ^= b;
		break;
	case BPF_LSH:
		m->a = b < 32 ? m->a << b : 0;
		break;
	case BPF_RSH:
		m->a = b < 32 ? m->a >> b : 0;
		break;
	case BPF_NEG:
		m->a = -m->a;
		break;
	default:
		return false;
	}
	return true;
}

/* How many instructions are skipped. */
static uint32_t jump(const Machine *m, const struct sock_filter *f)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	bool taken = false;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		taken = m->a == b;
		break;
	case BPF_JGT:
		taken = m->a > b;
		break;
	case BPF_JGE:
		taken = m->a >= b;
		break;
	case BPF_JSET:
		taken = m->a & b;
		break;
	}
	return taken ? f->jt : f->jf;
}

/* One instruction that neither jumps nor returns; false: the kernel would not have loaded it. */
static bool step(Machine *m, const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return load(m, f, &m->a);
	case BPF_LDX:
		return load(m, f, &m->x);
	case BPF_ST:
	case BPF_STX:
		if (f->k >= MEM_WORDS)
			return false;
		m->mem[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
		return true;
	case BPF_ALU:
		return compute(m, f);
	case BPF_MISC:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

uint32_t seccomp_run(const struct sock_fprog *filter, const struct seccomp_data *data)
{
	Machine m = {.data = data};

	/* Jumps go forward only, so this ends. */
	for (uint64_t at = 0; at < filter->len; at++) {
		const struct sock_filter *f = &filter->filter[at];

		if (BPF_CLASS(f->code) == BPF_RET)
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		if (BPF_CLASS(f->code) == BPF_JMP)
			at += jump(&m, f);
		else if (!step(&m, f))
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static bool allows(const struct sock_fprog *filter, int number, uint64_t arg0, uint64_t arg1)
{
	extern const Elf64_Ehdr __ehdr_start; /* this object's own: which machine we are */
	struct seccomp_data data = {
		.nr = number,
		.arch = __ehdr_start.e_machine | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE,
		.args = {arg0, arg1},
	};
	uint32_t action = seccomp_run(filter, &data) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

const char *seccomp_forbids(const struct sock_fprog *filter)
{
	static const struct {
		int number;
		const char *name;
		uint64_t arg0, arg1;
	} needed[] = {
		/* in the run hook, on vCPU threads */
		{SYS_ppoll, "ppoll", 0, 0},
		{SYS_futex, "futex", 0, 0},
		{SYS_rt_sigprocmask, "rt_sigprocmask", 0, 0},
		{SYS_tgkill, "tgkill", 0, 0},
		{SYS_read, "read", 0, 0},
		{SYS_write, "write", 0, 0},
		{SYS_process_vm_readv, "process_vm_readv", 0, 0},
		{SYS_process_vm_writev, "process_vm_writev", 0, 0},
		{SYS_mincore, "mincore", 0, 0},
		/* in the server */
		{SYS_socket, "socket", AF_INET, SOCK_STREAM | SOCK_CLOEXEC},
		{SYS_bind, "bind", 0, 0},
		{SYS_listen, "listen", 0, 0},
		{SYS_accept4, "accept4", 0, 0},
		{SYS_recvfrom, "recvfrom", 0, 0},
		{SYS_sendto, "sendto", 0, 0},
		{SYS_getsockopt, "getsockopt", 0, 0},
		{SYS_setsockopt, "setsockopt", 0, 0},
		{SYS_eventfd2, "eventfd2", 0, 0},
		{SYS_close, "close", 0, 0},
		{SYS_ioctl, "ioctl (KVM_GET_REGS)", 0, KVM_GET_REGS},
		{SYS_ioctl, "ioctl (KVM_SET_GUEST_DEBUG)", 0, KVM_SET_GUEST_DEBUG},
	};

	for (unsigned i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (!allows(filter, needed[i].number, needed[i].arg0, needed[i].arg1))
			return needed[i].name;
	}
	return NULL;
}
