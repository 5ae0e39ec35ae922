/*
 * arm/kvm/reg-table.c - the tables of arm64 registers that do not depend on the vCPU. Data only.
 *
 * gdb knows org.gnu.gdb.aarch64.core and .pauth_v2 by name and demands their register names (gdb
 * manual, "AArch64 Features").
 */
#include "arm/kvm/reg-table.h"

#include "arm/cpu/pauth.h"
#include "arm/kvm/vcpu.h"

#define X(n)                                                                                       \
	{                                                                                          \
		"x" #n, n, 64, "int", NULL, ARM_FROM_SLOT, ARM_X0 + n                              \
	}
#define PAUTH(name, i, which)                                                                      \
	{                                                                                          \
		name, ARM_NUM_PAUTH + i, 64, "int", "system", ARM_FROM_PAUTH, which                \
	}

static const GdbReg core_rows[] = {
	X(0),
	X(1),
	X(2),
	X(3),
	X(4),
	X(5),
	X(6),
	X(7),
	X(8),
	X(9),
	X(10),
	X(11),
	X(12),
	X(13),
	X(14),
	X(15),
	X(16),
	X(17),
	X(18),
	X(19),
	X(20),
	X(21),
	X(22),
	X(23),
	X(24),
	X(25),
	X(26),
	X(27),
	X(28),
	X(29),
	X(30),
	{"sp", ARM_NUM_SP, 64, "data_ptr", NULL, ARM_FROM_SP, 0},
	{"pc", ARM_NUM_PC, 64, "code_ptr", NULL, ARM_FROM_SLOT, ARM_PC},
	{"cpsr", ARM_NUM_CPSR, 32, "cpsr_flags", NULL, ARM_FROM_CPSR, 0},
};

static const GdbReg pauth_rows[] = {
	PAUTH("pauth_dmask", 0, 0),
	PAUTH("pauth_cmask", 1, ARM_PAUTH_CODE),
	PAUTH("pauth_dmask_high", 2, ARM_PAUTH_HIGH),
	PAUTH("pauth_cmask_high", 3, ARM_PAUTH_HIGH | ARM_PAUTH_CODE),
};

const GdbFeature arm_core_feature = {
	.name = "org.gnu.gdb.aarch64.core",
	.rows = core_rows,
	.n_rows = G_N_ELEMENTS(core_rows),
};

const GdbFeature arm_pauth_feature = {
	.name = "org.gnu.gdb.aarch64.pauth_v2",
	.rows = pauth_rows,
	.n_rows = G_N_ELEMENTS(pauth_rows),
};

#define SAME(n, generic)                                                                           \
	{                                                                                          \
		n, n, generic                                                                      \
	}
#define VECTOR(n)                                                                                  \
	{                                                                                          \
		ARM_NUM_V0 + n, 64 + n, NULL                                                       \
	}

const GdbRegHint arm_hints[] = {
	SAME(0, "arg1"),
	SAME(1, "arg2"),
	SAME(2, "arg3"),
	SAME(3, "arg4"),
	SAME(4, "arg5"),
	SAME(5, "arg6"),
	SAME(6, "arg7"),
	SAME(7, "arg8"),
	SAME(8, NULL),
	SAME(9, NULL),
	SAME(10, NULL),
	SAME(11, NULL),
	SAME(12, NULL),
	SAME(13, NULL),
	SAME(14, NULL),
	SAME(15, NULL),
	SAME(16, NULL),
	SAME(17, NULL),
	SAME(18, NULL),
	SAME(19, NULL),
	SAME(20, NULL),
	SAME(21, NULL),
	SAME(22, NULL),
	SAME(23, NULL),
	SAME(24, NULL),
	SAME(25, NULL),
	SAME(26, NULL),
	SAME(27, NULL),
	SAME(28, NULL),
	SAME(29, "fp"),
	SAME(30, "ra"),
	{ARM_NUM_SP, 31, "sp"},
	{ARM_NUM_PC, 32, "pc"},
	{ARM_NUM_CPSR, 33, "flags"}, /* lldb's number */
	VECTOR(0),
	VECTOR(1),
	VECTOR(2),
	VECTOR(3),
	VECTOR(4),
	VECTOR(5),
	VECTOR(6),
	VECTOR(7),
	VECTOR(8),
	VECTOR(9),
	VECTOR(10),
	VECTOR(11),
	VECTOR(12),
	VECTOR(13),
	VECTOR(14),
	VECTOR(15),
	VECTOR(16),
	VECTOR(17),
	VECTOR(18),
	VECTOR(19),
	VECTOR(20),
	VECTOR(21),
	VECTOR(22),
	VECTOR(23),
	VECTOR(24),
	VECTOR(25),
	VECTOR(26),
	VECTOR(27),
	VECTOR(28),
	VECTOR(29),
	VECTOR(30),
	VECTOR(31),
};
const unsigned arm_n_hints = G_N_ELEMENTS(arm_hints);
