/*
 * x86/kvm/reg-access.h - making the register set of a guest, apart from KVM. Private to x86/ and
 * its tests.
 */
#ifndef VMGDB_X86_KVM_REG_ACCESS_H
#define VMGDB_X86_KVM_REG_ACCESS_H

#include <linux/kvm.h>

#include "x86/kvm/reg-table.h"
#include "x86/kvm/vcpu.h"

/*
 * x86_guest_has: X86_HAS_ bits by the CPUID that the VMM gave the guest. Not by XCR0: the guest
 * sets that long after the description was sent, and a component that is off reads as its
 * initial state. A component without a place in @layout does not count.
 */
unsigned x86_guest_has(const struct kvm_cpuid_entry2 *entries, unsigned n,
		       const X86XsaveLayout *layout);

/* x86_guest_is_i386: does that CPUID, if there is any, say that there is no long mode? */
bool x86_guest_is_i386(const struct kvm_cpuid_entry2 *entries, unsigned n);

/*
 * x86_i386_set_new: as x86_reg_set_new(), for 32-bit code (x86/kvm/i386.h).
 * x86_reg_set_new: the rows for @has. @msrs: those of x86_msr_index[]; an MSR row that is not
 * present is left out, unless it is in g.
 */
GdbRegSet *x86_reg_set_new(unsigned has, const X86Msr *msrs);
GdbRegSet *x86_i386_set_new(unsigned has, const X86Msr *msrs);

#endif
