/*
 * kvm/invariants.h - call me: what is always true of a machine and its vCPUs while nobody holds the
 * engine's lock.
 *
 * Run control is a handful of enums and flags for each vCPU and for the machine, of which most
 * combinations mean nothing. Each function that changes some of them leaves one that means
 * something before it gives the lock up. Builds with --enable-checks, and those with a sanitizer,
 * look at every unlock and end the process with the rule that was broken; all others never look.
 */
#ifndef VMGDB_KVM_INVARIANTS_H
#define VMGDB_KVM_INVARIANTS_H

#include "kvm/kvm-gdb.h"

/* The rule that is broken, a literal, or NULL; *ret_cpu: by which CPU. With the lock held. */
const char *invariants_broken(KvmGdb *gdb, unsigned *ret_cpu);

#endif
