/*
 * x86/kvm/own.h - what the guest debugs itself with (TF, DR0-7) while gdb debugs it, too.
 *
 * Private to x86/. KVM's single-step hides the guest's TF and drops it at the end, and while debug
 * registers of the debugger are in force the guest's are not (KVM api.txt 4.87). So its TF is kept
 * here and put back, its enabled points go into the slots that are free, and what they report goes
 * to it with its own numbers. That the guest changes them is seen by DR7.GD where KVM looks at it,
 * and else at the next exit.
 */
#ifndef VMGDB_X86_KVM_OWN_H
#define VMGDB_X86_KVM_OWN_H

#include "x86/kvm/vcpu.h"

/* X86_REGS were read: add the TF that KVM hides. They were written: that is what is hidden now. */
void x86_own_show_tf(ArchVcpu *vcpu);
void x86_own_note_tf(ArchVcpu *vcpu);
/* The guest's own TF is this now. Before it is read or written again nothing else need be done. */
void x86_own_set_tf(ArchVcpu *vcpu, bool tf);

/* Does KVM exit where the guest is about to change its debug registers, when DR7.GD asks for it? */
bool x86_tells_own_points(void);

/* A #DB: which part of its DR6 is the guest's? Also kept for arch_reinject(). */
uint64_t x86_own_find_cause(ArchVcpu *vcpu, const struct kvm_debug_exit_arch *exit);

#endif
