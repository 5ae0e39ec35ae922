/*
 * plugin/machine.h - a virtual machine of the VMM, and its vCPUs, as seen through its requests.
 *
 * Everything here is called with the plugin's lock held, except where it says otherwise.
 */
#ifndef VMGDB_PLUGIN_MACHINE_H
#define VMGDB_PLUGIN_MACHINE_H

#include <glib.h>
#include <linux/kvm.h>

#include "kvm/kvm-gdb.h"
#include "plugin/table.h"

/* A memory slot; KVM deletes and moves it by its number. */
typedef struct MachineSlot {
	uint32_t id;
	unsigned flags; /* KVM_GDB_MAP_... */
	uint64_t gpa, size;
	uint8_t *host;
} MachineSlot;

/* Linux 6.8's struct kvm_memory_attributes, and its one attribute. Not in older headers. */
typedef struct MachineAttributes {
	uint64_t gpa, size, attributes, flags;
} MachineAttributes;
#define MACHINE_ATTRIBUTE_PRIVATE (1ull << 3)

typedef struct Machine {
	PluginFile file;
	int kvm_fd;	    /* our duplicate of /dev/kvm, until the engine has started; -1 */
	GArray *slots;	    /* of MachineSlot */
	GArray *attributes; /* of MachineAttributes, in their order; until there is an engine */
	GPtrArray *vcpus;   /* of MachineVcpu, in the order of their making */
	unsigned n_added;   /* vCPUs that the engine has */
	KvmGdb *gdb;	    /* atomic; NULL before the first run, and for a machine not served */
	bool bare;	    /* will not be served; why was said */
} Machine;

typedef struct MachineVcpu {
	PluginFile file;
	Machine *machine;
	unsigned long id;
	struct kvm_run *run; /* our own mapping of the shared page */
	KvmGdbVcpu *gdb;     /* atomic; from then on all requests go there */
	bool bare;	     /* atomic */
	/* What the VMM asked for before the engine was there. */
	struct kvm_guest_debug debug;
	struct kvm_signal_mask *mask;
} MachineVcpu;

Machine *machine_new(int kvm_fd, int vm_fd);
MachineVcpu *machine_add_vcpu(Machine *machine, unsigned long id, int fd);

/* Has the VMM a descriptor of it, or of a vCPU? */
bool machine_is_open(const Machine *machine);
/* What @fd, which is not known, is a duplicate of: the machine, a vCPU; NULL: neither. */
PluginFile *machine_find_same(Machine *machine, int fd);

/* After KVM took this KVM_SET_USER_MEMORY_REGION (or 2, which begins the same). */
void machine_set_slot(Machine *machine, const struct kvm_userspace_memory_region *region);
/* After KVM took this KVM_SET_MEMORY_ATTRIBUTES. */
void machine_set_attributes(Machine *machine, const MachineAttributes *attributes);
/* [addr, addr + len) of this process is about to go. */
void machine_unmap_host(Machine *machine, uint8_t *addr, size_t len);

/* What the user of `vmgdb run` wants. */
typedef struct MachineOptions {
	const char *where;	  /* kvm_gdb_listen(), or NULL */
	const char *qmp;	  /* kvm_gdb_listen_qmp(), or NULL */
	const char *monitor;	  /* kvm_gdb_listen_monitor(), or NULL */
	const char *log;	  /* kvm_gdb_set_log(), or NULL */
	const char *vmlinux;	  /* kvm_gdb_set_vmlinux(), or NULL */
	const char *modules;	  /* kvm_gdb_set_modules(), or NULL */
	const char *architecture; /* kvm_gdb_set_architecture(), or NULL */
	KvmGdbClock clock;
	bool tasks;   /* gdb sees the guest's tasks as threads */
	bool symbols; /* kvm_gdb_offer_symbols() */
	bool wait;
} MachineOptions;

/*
 * machine_start: makes an engine, gives it all that is known, listens. [engine thread]
 * machine_catch_up: gives the engine a vCPU that it does not have yet. [any thread]
 * Both with a GError when they fail.
 */
bool machine_start(Machine *machine, struct _GMainContext *context, const KvmGdbOps *ops,
		   const MachineOptions *options, GError **error);
bool machine_catch_up(MachineVcpu *vcpu, GError **error);

/* Closes what is ours; the engine has ended or never was. */
void machine_close(Machine *machine);

#endif
