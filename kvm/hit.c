/*
 * kvm/hit.c - a vCPU has hit something: does the client want to hear of it?
 *
 * Runs on that vCPU's thread under the engine's lock, with its registers and its view of memory.
 * No device is touched: the world is not stopped, and reading a device may change it.
 */
#include <inttypes.h>
#include <string.h>

#include "kvm/process.h"

static bool ask_reg(void *opaque, unsigned num, uint64_t *ret)
{
	KvmGdbVcpu *vcpu = opaque;
	const GdbReg *reg = gdb_reg_set_by_num(vcpu->gdb->regs, num);
	uint8_t bytes[GDB_REG_MAX_BYTES] = {0};

	if (!reg || !arch_read_reg(vcpu->arch, reg, bytes, NULL))
		return false;
	*ret = 0;
	for (unsigned i = 0; i < 8 && i < gdb_reg_bytes(reg); i++)
		*ret |= (uint64_t)bytes[i] << (8 * i);
	return true;
}

static bool ask_mem(void *opaque, uint64_t addr, void *buf, size_t len)
{
	return addr + (len - 1) >= addr && virtual_read_ram(opaque, addr, buf, len) == len;
}

static void print(void *opaque, const char *text, size_t len)
{
	KvmGdb *gdb = ((KvmGdbVcpu *)opaque)->gdb;

	if (gdb->attached && gdb->server)
		gdb_server_post_output(gdb->server, text, len);
}

static const GdbAxOps ask_ops = {ask_reg, ask_mem, print};

static void say_failure(KvmGdbVcpu *vcpu, uint64_t addr, GdbAxStatus status)
{
	g_autofree char *line =
		g_strdup_printf("[the commands at 0x%" PRIx64 " failed on CPU %u: %s]\n", addr,
				vcpu->index, gdb_ax_status_text(status));

	print(vcpu, line, strlen(line));
}

typedef struct Question {
	KvmGdbVcpu *vcpu;
	GdbAxBudget budget; /* of this hit: the engine's lock is held */
	bool stop;
} Question;

/* Each of the client's breakpoints here is asked, also when one has said yes: they may print. */
static void ask_one(void *opaque, const GdbBreak *bp)
{
	Question *question = opaque;
	const GdbBreakCode *code = kvm_conditions_get(question->vcpu->gdb->conditions, bp);
	GdbAxStatus status = GDB_AX_OK;

	if (!process_may_stop(question->vcpu, bp))
		return;
	question->stop |= !code || gdb_break_code_hit(code, &ask_ops, question->vcpu,
						      &question->budget, &status);
	if (status != GDB_AX_OK)
		say_failure(question->vcpu, bp->addr, status);
}

/* Nobody hears of it but the log. */
static bool is_wanted(const Question *question, bool any, uint64_t pc)
{
	if (!any || question->stop)
		return true;
	gdb_log_line(question->vcpu->gdb->log,
		     "CPU %u: skipped at 0x%" PRIx64 ": condition, dprintf or process",
		     question->vcpu->index, pc);
	return false;
}

bool hit_at_patch(KvmGdbVcpu *vcpu, uint64_t pc, uint64_t gpa)
{
	const KvmBreaks *breaks = vcpu->gdb->breaks;
	Question question = {vcpu, GDB_AX_BUDGET, false};
	bool any = kvm_breaks_each_at_patch(breaks, pc, gpa, ask_one, &question);

	if (!any && kvm_breaks_has_internal(breaks, pc, gpa))
		return false;
	return is_wanted(&question, any, pc);
}

bool hit_at_point(KvmGdbVcpu *vcpu, uint64_t pc, unsigned index)
{
	Question question = {vcpu, GDB_AX_BUDGET, false};
	bool any = kvm_breaks_each_at_point(vcpu->gdb->breaks, index, ask_one, &question);

	return is_wanted(&question, any, pc);
}
