/*
 * arm/cpu/sysregs.c - system registers: names. Data, and one search.
 */
#include "arm/cpu/sysregs.h"

#include <glib.h>

typedef struct SysReg {
	uint16_t encoding;
	const char *name;
	const char *alias; /* QEMU's, or NULL */
	const char *type;  /* or NULL */
} SysReg;

#define R(op0, op1, crn, crm, op2, name)                                                           \
	{                                                                                          \
		ARM_ENCODING(op0, op1, crn, crm, op2), name, NULL, NULL                            \
	}
#define A(op0, op1, crn, crm, op2, name, alias)                                                    \
	{                                                                                          \
		ARM_ENCODING(op0, op1, crn, crm, op2), name, alias, NULL                           \
	}
#define T(op0, op1, crn, crm, op2, name, alias, type)                                              \
	{                                                                                          \
		ARM_ENCODING(op0, op1, crn, crm, op2), name, alias, type                           \
	}

static const SysReg sysregs[] = {
	/* Debug */
	R(2, 0, 0, 0, 2, "OSDTRRX_EL1"),
	R(2, 0, 0, 2, 0, "MDCCINT_EL1"),
	T(2, 0, 0, 2, 2, "MDSCR_EL1", NULL, "mdscr_flags"),
	R(2, 0, 0, 3, 2, "OSDTRTX_EL1"),
	R(2, 0, 0, 6, 2, "OSECCR_EL1"),
	R(2, 0, 1, 0, 0, "MDRAR_EL1"),
	R(2, 0, 1, 0, 4, "OSLAR_EL1"),
	R(2, 0, 1, 1, 4, "OSLSR_EL1"),
	R(2, 0, 1, 3, 4, "OSDLR_EL1"),
	R(2, 0, 1, 4, 4, "DBGPRCR_EL1"),
	R(2, 0, 7, 8, 6, "DBGCLAIMSET_EL1"),
	R(2, 0, 7, 9, 6, "DBGCLAIMCLR_EL1"),
	R(2, 0, 7, 14, 6, "DBGAUTHSTATUS_EL1"),
	R(2, 3, 0, 1, 0, "MDCCSR_EL0"),
	R(2, 3, 0, 4, 0, "DBGDTR_EL0"),
	R(2, 4, 0, 7, 0, "DBGVCR32_EL2"),
	/* Identification */
	R(3, 0, 0, 0, 0, "MIDR_EL1"),
	R(3, 0, 0, 0, 5, "MPIDR_EL1"),
	R(3, 0, 0, 0, 6, "REVIDR_EL1"),
	A(3, 0, 0, 1, 0, "ID_PFR0_EL1", "ID_PFR0"),
	R(3, 0, 0, 1, 1, "ID_PFR1_EL1"),
	A(3, 0, 0, 1, 2, "ID_DFR0_EL1", "ID_DFR0"),
	A(3, 0, 0, 1, 3, "ID_AFR0_EL1", "ID_AFR0"),
	A(3, 0, 0, 1, 4, "ID_MMFR0_EL1", "ID_MMFR0"),
	A(3, 0, 0, 1, 5, "ID_MMFR1_EL1", "ID_MMFR1"),
	A(3, 0, 0, 1, 6, "ID_MMFR2_EL1", "ID_MMFR2"),
	A(3, 0, 0, 1, 7, "ID_MMFR3_EL1", "ID_MMFR3"),
	A(3, 0, 0, 2, 0, "ID_ISAR0_EL1", "ID_ISAR0"),
	A(3, 0, 0, 2, 1, "ID_ISAR1_EL1", "ID_ISAR1"),
	A(3, 0, 0, 2, 2, "ID_ISAR2_EL1", "ID_ISAR2"),
	A(3, 0, 0, 2, 3, "ID_ISAR3_EL1", "ID_ISAR3"),
	A(3, 0, 0, 2, 4, "ID_ISAR4_EL1", "ID_ISAR4"),
	A(3, 0, 0, 2, 5, "ID_ISAR5_EL1", "ID_ISAR5"),
	A(3, 0, 0, 2, 6, "ID_MMFR4_EL1", "ID_MMFR4"),
	A(3, 0, 0, 2, 7, "ID_ISAR6_EL1", "ID_ISAR6"),
	R(3, 0, 0, 3, 0, "MVFR0_EL1"),
	R(3, 0, 0, 3, 1, "MVFR1_EL1"),
	R(3, 0, 0, 3, 2, "MVFR2_EL1"),
	A(3, 0, 0, 3, 4, "ID_PFR2_EL1", "ID_PFR2"),
	A(3, 0, 0, 3, 5, "ID_DFR1_EL1", "ID_DFR1"),
	A(3, 0, 0, 3, 6, "ID_MMFR5_EL1", "ID_MMFR5"),
	R(3, 0, 0, 4, 0, "ID_AA64PFR0_EL1"),
	R(3, 0, 0, 4, 1, "ID_AA64PFR1_EL1"),
	R(3, 0, 0, 4, 2, "ID_AA64PFR2_EL1"),
	R(3, 0, 0, 4, 4, "ID_AA64ZFR0_EL1"),
	R(3, 0, 0, 4, 5, "ID_AA64SMFR0_EL1"),
	R(3, 0, 0, 4, 7, "ID_AA64FPFR0_EL1"),
	R(3, 0, 0, 5, 0, "ID_AA64DFR0_EL1"),
	R(3, 0, 0, 5, 1, "ID_AA64DFR1_EL1"),
	R(3, 0, 0, 5, 2, "ID_AA64DFR2_EL1"),
	R(3, 0, 0, 5, 4, "ID_AA64AFR0_EL1"),
	R(3, 0, 0, 5, 5, "ID_AA64AFR1_EL1"),
	R(3, 0, 0, 6, 0, "ID_AA64ISAR0_EL1"),
	R(3, 0, 0, 6, 1, "ID_AA64ISAR1_EL1"),
	R(3, 0, 0, 6, 2, "ID_AA64ISAR2_EL1"),
	R(3, 0, 0, 6, 3, "ID_AA64ISAR3_EL1"),
	R(3, 0, 0, 7, 0, "ID_AA64MMFR0_EL1"),
	R(3, 0, 0, 7, 1, "ID_AA64MMFR1_EL1"),
	R(3, 0, 0, 7, 2, "ID_AA64MMFR2_EL1"),
	R(3, 0, 0, 7, 3, "ID_AA64MMFR3_EL1"),
	R(3, 0, 0, 7, 4, "ID_AA64MMFR4_EL1"),
	/* System control */
	T(3, 0, 1, 0, 0, "SCTLR_EL1", "SCTLR", "sctlr_flags"),
	R(3, 0, 1, 0, 1, "ACTLR_EL1"),
	T(3, 0, 1, 0, 2, "CPACR_EL1", "CPACR", "cpacr_flags"),
	R(3, 0, 1, 0, 3, "SCTLR2_EL1"),
	R(3, 0, 1, 0, 5, "RGSR_EL1"),
	R(3, 0, 1, 0, 6, "GCR_EL1"),
	R(3, 0, 1, 2, 0, "ZCR_EL1"),
	R(3, 0, 1, 2, 1, "TRFCR_EL1"),
	R(3, 0, 1, 2, 4, "SMPRI_EL1"),
	R(3, 0, 1, 2, 6, "SMCR_EL1"),
	/* Memory */
	R(3, 0, 2, 0, 0, "TTBR0_EL1"),
	R(3, 0, 2, 0, 1, "TTBR1_EL1"),
	T(3, 0, 2, 0, 2, "TCR_EL1", NULL, "tcr_flags"),
	R(3, 0, 2, 0, 3, "TCR2_EL1"),
	R(3, 0, 2, 1, 0, "APIAKEYLO_EL1"),
	R(3, 0, 2, 1, 1, "APIAKEYHI_EL1"),
	R(3, 0, 2, 1, 2, "APIBKEYLO_EL1"),
	R(3, 0, 2, 1, 3, "APIBKEYHI_EL1"),
	R(3, 0, 2, 2, 0, "APDAKEYLO_EL1"),
	R(3, 0, 2, 2, 1, "APDAKEYHI_EL1"),
	R(3, 0, 2, 2, 2, "APDBKEYLO_EL1"),
	R(3, 0, 2, 2, 3, "APDBKEYHI_EL1"),
	R(3, 0, 2, 3, 0, "APGAKEYLO_EL1"),
	R(3, 0, 2, 3, 1, "APGAKEYHI_EL1"),
	R(3, 0, 2, 5, 0, "GCSCR_EL1"),
	R(3, 0, 2, 5, 1, "GCSPR_EL1"),
	/* Exceptions */
	R(3, 0, 5, 1, 0, "AFSR0_EL1"),
	R(3, 0, 5, 1, 1, "AFSR1_EL1"),
	T(3, 0, 5, 2, 0, "ESR_EL1", NULL, "esr_flags"),
	R(3, 0, 5, 3, 0, "ERRIDR_EL1"),
	R(3, 0, 5, 3, 1, "ERRSELR_EL1"),
	R(3, 0, 5, 6, 0, "TFSR_EL1"),
	R(3, 0, 5, 6, 1, "TFSRE0_EL1"),
	R(3, 0, 6, 0, 0, "FAR_EL1"),
	R(3, 0, 7, 4, 0, "PAR_EL1"),
	/* Performance monitors */
	R(3, 0, 9, 14, 1, "PMINTENSET_EL1"),
	R(3, 0, 9, 14, 2, "PMINTENCLR_EL1"),
	R(3, 0, 9, 14, 6, "PMMIR_EL1"),
	R(3, 3, 9, 12, 0, "PMCR_EL0"),
	R(3, 3, 9, 12, 1, "PMCNTENSET_EL0"),
	R(3, 3, 9, 12, 2, "PMCNTENCLR_EL0"),
	R(3, 3, 9, 12, 3, "PMOVSCLR_EL0"),
	R(3, 3, 9, 12, 4, "PMSWINC_EL0"),
	R(3, 3, 9, 12, 5, "PMSELR_EL0"),
	R(3, 3, 9, 12, 6, "PMCEID0_EL0"),
	R(3, 3, 9, 12, 7, "PMCEID1_EL0"),
	R(3, 3, 9, 13, 0, "PMCCNTR_EL0"),
	R(3, 3, 9, 13, 1, "PMXEVTYPER_EL0"),
	R(3, 3, 9, 13, 2, "PMXEVCNTR_EL0"),
	R(3, 3, 9, 14, 0, "PMUSERENR_EL0"),
	R(3, 3, 9, 14, 3, "PMOVSSET_EL0"),
	R(3, 3, 14, 15, 7, "PMCCFILTR_EL0"),
	/* Memory attributes, vectors, contexts */
	R(3, 0, 10, 2, 0, "MAIR_EL1"),
	R(3, 0, 10, 2, 1, "MAIR2_EL1"),
	R(3, 0, 10, 2, 2, "PIRE0_EL1"),
	R(3, 0, 10, 2, 3, "PIR_EL1"),
	R(3, 0, 10, 2, 4, "POR_EL1"),
	A(3, 0, 10, 3, 0, "AMAIR_EL1", "AMAIR0"),
	R(3, 0, 10, 4, 3, "LORC_EL1"),
	A(3, 0, 12, 0, 0, "VBAR_EL1", "VBAR"),
	R(3, 0, 12, 1, 0, "ISR_EL1"),
	R(3, 0, 12, 1, 1, "DISR_EL1"),
	R(3, 0, 13, 0, 1, "CONTEXTIDR_EL1"),
	R(3, 0, 13, 0, 4, "TPIDR_EL1"),
	R(3, 0, 13, 0, 7, "SCXTNUM_EL1"),
	A(3, 0, 14, 1, 0, "CNTKCTL_EL1", "CNTKCTL"),
	R(3, 1, 0, 0, 0, "CCSIDR_EL1"),
	A(3, 1, 0, 0, 1, "CLIDR_EL1", "CLIDR"),
	R(3, 1, 0, 0, 4, "GMID_EL1"),
	R(3, 1, 0, 0, 6, "SMIDR_EL1"),
	A(3, 1, 0, 0, 7, "AIDR_EL1", "AIDR"),
	A(3, 2, 0, 0, 0, "CSSELR_EL1", "CSSELR"),
	R(3, 3, 0, 0, 1, "CTR_EL0"),
	R(3, 3, 0, 0, 7, "DCZID_EL0"),
	R(3, 3, 4, 2, 2, "SVCR"),
	R(3, 3, 4, 4, 2, "FPMR"),
	R(3, 3, 10, 2, 4, "POR_EL0"),
	R(3, 3, 13, 0, 2, "TPIDR_EL0"),
	R(3, 3, 13, 0, 3, "TPIDRRO_EL0"),
	R(3, 3, 13, 0, 5, "TPIDR2_EL0"),
	R(3, 3, 13, 0, 7, "SCXTNUM_EL0"),
	/* Timers. KVM has the ids of CNTVCT and CNTV_CVAL exchanged (api.txt 4.68). */
	R(3, 3, 14, 0, 0, "CNTFRQ_EL0"),
	R(3, 3, 14, 0, 1, "CNTPCT_EL0"),
	R(3, 3, 14, 0, 2, "CNTV_CVAL_EL0"),
	R(3, 3, 14, 2, 1, "CNTP_CTL_EL0"),
	R(3, 3, 14, 2, 2, "CNTP_CVAL_EL0"),
	R(3, 3, 14, 3, 1, "CNTV_CTL_EL0"),
	R(3, 3, 14, 3, 2, "CNTVCT_EL0"),
	/* AArch32 state of a lower level, seen from above */
	R(3, 4, 3, 0, 0, "DACR32_EL2"),
	R(3, 4, 5, 0, 1, "IFSR32_EL2"),
	R(3, 4, 5, 3, 0, "FPEXC32_EL2"),
};

/* Registers that come in rows; %u is the number, from @crm_base and op2, or crm and op2. */
static const char *numbered_name(uint16_t encoding)
{
	static const char *const debug[] = {"DBGBVR", "DBGBCR", "DBGWVR", "DBGWCR"};
	unsigned op2 = encoding & 7, crm = encoding >> 3 & 15, rest = encoding >> 7;
	const char *stem = NULL;
	const char *el = "EL1";
	unsigned n = crm;

	if (rest == ARM_ENCODING(2, 0, 0, 0, 0) >> 7 && op2 >= 4) {
		stem = debug[op2 - 4];
	} else if (rest == ARM_ENCODING(3, 3, 14, 0, 0) >> 7 && crm >= 8) {
		stem = crm < 12 ? "PMEVCNTR" : "PMEVTYPER";
		el = "EL0";
		n = (crm & 3) << 3 | op2;
	}
	if (stem == NULL)
		return NULL;
	g_autofree char *name = g_strdup_printf("%s%u_%s", stem, n, el);
	return g_intern_string(name);
}

static const SysReg *find(uint16_t encoding)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(sysregs); i++) {
		if (sysregs[i].encoding == encoding)
			return &sysregs[i];
	}
	return NULL;
}

const char *arm_sysreg_name(uint16_t encoding)
{
	const SysReg *reg = find(encoding);
	const char *name = reg != NULL ? reg->name : numbered_name(encoding);

	if (name != NULL)
		return name;
	g_autofree char *raw =
		g_strdup_printf("S%u_%u_C%u_C%u_%u", encoding >> 14, encoding >> 11 & 7,
				encoding >> 7 & 15, encoding >> 3 & 15, encoding & 7);
	return g_intern_string(raw);
}

const char *arm_sysreg_alias(uint16_t encoding)
{
	const SysReg *reg = find(encoding);

	return reg != NULL ? reg->alias : NULL;
}

const char *arm_sysreg_type(uint16_t encoding)
{
	const SysReg *reg = find(encoding);

	return reg != NULL && reg->type != NULL ? reg->type : "int";
}
