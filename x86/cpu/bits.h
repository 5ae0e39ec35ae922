/*
 * x86/cpu/bits.h - bits of the registers, numbers of MSRs and of exceptions, by their names in the
 * manuals. Each stands here once.
 *
 * SDM volume 3: 2.3 (RFLAGS), 2.5 (CR0, CR3, CR4), 2.2.1 (EFER), 4.5 (entries of page
 * tables), 6.3.1 (vectors), 17.2 (DR6, DR7); volume 2, CPUID; volume 4 (MSRs).
 */
#ifndef VMGDB_X86_CPU_BITS_H
#define VMGDB_X86_CPU_BITS_H

#define X86_VECTOR_DB 1
#define X86_VECTOR_BP 3
#define X86_VECTOR_DF 8
#define X86_VECTOR_PF 14

#define X86_RFLAGS_FIXED (1ull << 1) /* always set */
#define X86_RFLAGS_TF (1ull << 8)
#define X86_RFLAGS_RF (1ull << 16)
#define X86_RFLAGS_VM (1ull << 17)

#define X86_CR0_PE (1ull << 0)
#define X86_CR0_MP (1ull << 1)
#define X86_CR0_ET (1ull << 4)
#define X86_CR0_NE (1ull << 5)
#define X86_CR0_PG (1ull << 31)

#define X86_CR4_PSE (1ull << 4)
#define X86_CR4_PAE (1ull << 5)
#define X86_CR4_LA57 (1ull << 12)
#define X86_CR4_VMXE (1ull << 13)
#define X86_CR4_PCIDE (1ull << 17)
#define X86_CR4_CET (1ull << 23)

#define X86_EFER_LME (1ull << 8)
#define X86_EFER_LMA (1ull << 10)
#define X86_EFER_SVME (1ull << 12)

#define X86_CPUID_1_ECX_XSAVE (1u << 26)
#define X86_CPUID_7_ECX_PKU (1u << 3)
#define X86_CPUID_EXT1_EDX_LONG_MODE (1u << 29)

#define X86_DR6_HITS 0xfull	   /* B0-B3: that slot's condition was met */
#define X86_DR6_BD (1ull << 13)	   /* an access to a debug register with DR7.GD set */
#define X86_DR6_BS (1ull << 14)	   /* a single step */
#define X86_DR6_BT (1ull << 15)	   /* a task switch */
#define X86_DR6_ONES 0xffff0ff0ull /* read as 1, or are active when 0 (RTM, bus lock) */
#define X86_DR7_GD (1ull << 13)

#define X86_PTE_PRESENT (1ull << 0)
#define X86_PTE_WRITABLE (1ull << 1)
#define X86_PTE_USER (1ull << 2)
#define X86_PTE_LARGE (1ull << 7)
#define X86_PTE_NX (1ull << 63)
#define X86_PTE_ADDR 0x000ffffffffff000ull /* bits 51:12; what lies above is flags and keys */

#define X86_MSR_TSC 0x10
#define X86_MSR_SYSENTER_CS 0x174
#define X86_MSR_SYSENTER_ESP 0x175
#define X86_MSR_SYSENTER_EIP 0x176
#define X86_MSR_MISC_ENABLE 0x1a0
#define X86_MSR_PAT 0x277
#define X86_MSR_MTRR_DEF_TYPE 0x2ff
#define X86_MSR_STAR 0xc0000081
#define X86_MSR_LSTAR 0xc0000082
#define X86_MSR_CSTAR 0xc0000083
#define X86_MSR_FMASK 0xc0000084
#define X86_MSR_KERNEL_GS_BASE 0xc0000102
#define X86_MSR_TSC_AUX 0xc0000103

#endif
