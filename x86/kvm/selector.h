/*
 * x86/kvm/selector.h - loading a segment register as the CPU would. Private to x86/.
 */
#ifndef VMGDB_X86_KVM_SELECTOR_H
#define VMGDB_X86_KVM_SELECTOR_H

#include "x86/kvm/vcpu.h"

/*
 * x86_load_selector: what the segment register at offset @reg of struct kvm_sregs2 holds after
 * @selector was loaded into it in the vCPU's present mode: selector << 4 in real and virtual 8086
 * mode, else what the descriptor in the guest's GDT or LDT says. Privileges are not checked.
 * FALSE with GDB_ERROR_INVAL (selector or descriptor unfit) or GDB_ERROR_FAULT (table not
 * readable). Changes neither the vCPU nor guest memory: the descriptor's accessed bit stays.
 */
bool x86_load_selector(ArchVcpu *vcpu, size_t reg, uint16_t selector, struct kvm_segment *ret,
		       GError **error);

#endif
