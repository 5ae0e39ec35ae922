/*
 * kvm/probe.h - call me: find out what this KVM's guest debugging really does, by trying it.
 *
 * Capabilities say what the interface accepts, not what works. kvm/probe.c owns the throwaway VM,
 * the thread that it runs on and the watchdog; arch_probe() makes the experiments in it, by the
 * functions below that take a Probe or a ProbeVcpu, all on that thread.
 */
#ifndef VMGDB_KVM_PROBE_H
#define VMGDB_KVM_PROBE_H

#include "kvm/arch.h"

/*
 * kvm_probe: what works. FALSE with GDB_ERROR_UNSUPPORTED when KVM_CAP_SET_GUEST_DEBUG is missing,
 * with GDB_ERROR_IO when not even the VM can be made; a feature that does not work is just false.
 * Never hangs: a run that does not end is interrupted. Any thread.
 */
bool kvm_probe(int kvm_fd, ArchFeatures *ret, GError **error);

#define PROBE_RAM 0x10000 /* bytes at guest-physical 0; full pages on every host */

/* probe_vm_fd: the throwaway VM. probe_ram: its memory, PROBE_RAM bytes, zero at first. */
int probe_vm_fd(const Probe *probe);
uint8_t *probe_ram(Probe *probe);

/* A fresh vCPU of it, one per experiment. */
typedef struct ProbeVcpu {
	Probe *probe;
	int fd;
	struct kvm_run *run;
} ProbeVcpu;

/* probe_open: FALSE: KVM refuses. Close it in any case. */
bool probe_open(ProbeVcpu *ret, Probe *probe);
void probe_close(ProbeVcpu *vcpu);

/* Sets @control with KVM_GUESTDBG_ENABLE and, where it is not NULL, one hardware point. */
bool probe_debug(ProbeVcpu *vcpu, uint32_t control, const GdbBreak *point);

/* KVM_RUN under the watchdog. FALSE: it failed or was interrupted. */
bool probe_run(ProbeVcpu *vcpu);

#endif
