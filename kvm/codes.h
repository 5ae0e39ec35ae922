/*
 * kvm/codes.h - the conditions and commands of one machine's breakpoints, by breakpoint.
 *
 * Owns references to the client's bytecode and bounds how much there is. No lock: the engine calls
 * it under its own.
 */
#ifndef VMGDB_KVM_CODES_H
#define VMGDB_KVM_CODES_H

#include "gdbstub/break-code.h"
#include "gdbstub/target.h"

/* Bytes of bytecode in one machine. */
#define KVM_CODES_MAX (16 * 1024 * 1024)

typedef struct KvmCodes KvmCodes;

KvmCodes *kvm_codes_new(void);
void kvm_codes_free(KvmCodes *codes);

/* Is there room for @code in place of what @bp has now? FALSE with NOSPC. */
bool kvm_codes_fit(const KvmCodes *codes, const GdbBreak *bp, const GdbBreakCode *code,
		   GError **error);
/*
 * kvm_codes_set: @bp has this code from now on; NULL: it has none. The length of an execution
 * breakpoint ("kind") does not tell two of them apart. Takes its own reference.
 */
void kvm_codes_set(KvmCodes *codes, const GdbBreak *bp, GdbBreakCode *code);
/* NULL when @bp has none: it always stops. */
GdbBreakCode *kvm_codes_get(const KvmCodes *codes, const GdbBreak *bp);
/* Is there any? */
bool kvm_codes_any(const KvmCodes *codes);
void kvm_codes_clear(KvmCodes *codes);

#endif
