/*
 * x86/hw/cpuid.h - what the guest's CPUID instruction says.
 */
#ifndef VMGDB_X86_HW_CPUID_H
#define VMGDB_X86_HW_CPUID_H

#include <glib.h>
#include <linux/kvm.h>
#include <stdbool.h>

/* How many entries cpuid_adjust() may add. */
#define CPUID_EXTRA 2

/*
 * cpuid_adjust: turn what KVM supports into what CPU @apic_id of @n_cpus is: its ids, and a
 * topology of one package of @n_cpus cores with one thread each. @cpuid has room for CPUID_EXTRA
 * more entries. Pure.
 */
void cpuid_adjust(struct kvm_cpuid2 *cpuid, unsigned apic_id, unsigned n_cpus, bool tsc_deadline);

/* cpuid_set_up: all that KVM supports, adjusted, into @vcpu_fd. */
bool cpuid_set_up(int kvm_fd, int vcpu_fd, unsigned apic_id, unsigned n_cpus, GError **error);

#endif
