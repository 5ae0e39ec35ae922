/*
 * kvm/conditions.h - the conditions and commands of one machine's breakpoints, by breakpoint.
 *
 * Owns references to the client's bytecode and bounds how much there is. No lock: the engine calls
 * it under its own.
 */
#ifndef VMGDB_KVM_CONDITIONS_H
#define VMGDB_KVM_CONDITIONS_H

#include "gdbstub/break-code.h"
#include "gdbstub/target.h"

/* Bytes of bytecode in one machine. */
#define KVM_CONDITIONS_MAX (16 * 1024 * 1024)

typedef struct KvmConditions KvmConditions;

KvmConditions *kvm_conditions_new(void);
void kvm_conditions_free(KvmConditions *codes);

/* Is there room for @code in place of what @bp has now? FALSE with NOSPC. */
bool kvm_conditions_fit(const KvmConditions *codes, const GdbBreak *bp, const GdbBreakCode *code,
			GError **error);
/*
 * kvm_conditions_set: @bp has this code from now on; NULL: it has none. The length of an execution
 * breakpoint ("kind") does not tell two of them apart. Takes its own reference.
 */
void kvm_conditions_set(KvmConditions *codes, const GdbBreak *bp, GdbBreakCode *code);
/* NULL when @bp has none: it always stops. */
GdbBreakCode *kvm_conditions_get(const KvmConditions *codes, const GdbBreak *bp);
/* Is there any? */
bool kvm_conditions_any(const KvmConditions *codes);
void kvm_conditions_clear(KvmConditions *codes);

#endif
