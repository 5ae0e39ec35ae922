/*
 * hw/vm.h - the virtual machine: descriptors, memory, buses, vCPUs, and how it ends.
 *
 * Life: vm_new() makes everything, vm_run() starts the vCPUs and runs the main loop until
 * somebody calls vm_end(), vm_free() takes everything apart in reverse order. A reset is that in
 * the small: what the guest can change is taken apart and made again by the same code.
 */
#ifndef VMGDB_HW_VM_H
#define VMGDB_HW_VM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/config.h"
#include "hw/dev/bus.h"
#include "hw/dev/devices.h"
#include "hw/dev/virtio-console.h"
#include "hw/memory.h"
#include "hw/serial-line.h"
#include "hw/term.h"
#include "hw/vcpu.h"
#include "kvm/kvm-gdb.h"

/* lkvm's exit status: 0 when the guest powered off or rebooted, the guest's own by port 0xf4. */
#define VM_STATUS_OK 0
#define VM_STATUS_FAILED 1 /* panic, triple fault, an exit that lkvm cannot handle */

/* What an architecture keeps for itself; defined in its folder. */
typedef struct VmArch VmArch;
typedef struct VmDma VmDma; /* hw/dma.h */

/* The PCI bus of a machine that has one; see hw/pci.h. */
typedef struct VmPci VmPci;

/* What the machine has of these; NULL where it has none. [any thread] */
typedef struct VmPower {
	void (*press_button)(void *opaque);
	void *opaque;
} VmPower;

/*
 * What vCPUs have asked the main loop for, to be done while none of them runs: a set, since two of
 * them may ask at one time. It is done in this order.
 */
typedef enum VmAsked {
	VM_ASKED_NOTHING = 0,
	VM_ASKED_CORE = 1,   /* vm_gdb_write_core() */
	VM_ASKED_REBOOT = 2, /* vm_reset(); else they go on */
} VmAsked;

typedef struct Vm {
	const VmConfig *config;
	int kvm_fd;
	int vm_fd;
	GuestMemory memory;
	Bus *pio;
	Bus *mmio;
	GPtrArray *devices; /* VmDevice */
	GPtrArray *vcpus;   /* Vcpu, by index */
	VmDma *dma;
	GPtrArray *disks; /* Disk, in --disk's order */
	Term *term;
	GMutex console_lock; /* for the terminal's thread, while devices come and go */
	Serial *console;     /* the UART that the terminal is connected to */
	SerialLine *tty;     /* of the second UART; NULL: there is none */
	VirtioConsole *hvc;  /* with --console virtio: what is typed goes there */
	KvmGdb *gdb;	     /* NULL without --gdb */
	bool gdb_ended;
	VmArch *arch;
	VmPci *pci; /* one of the devices; NULL: none */
	VmPower power;
	int halting; /* atomic: the vCPUs' threads are to end for now */
	int asked;   /* atomic VmAsked: likewise, until the main loop has done it */
	int died;    /* atomic: there is to be a core file, where --gdb-core says */
	int ended;   /* atomic: 1: a vm_end() stores @status; 2: the machine has ended */
	int status;  /* atomic: the exit status of the first vm_end() */
} Vm;

/*
 * vm_new: a machine as @config wants it, loaded and reset, not running. @config must outlive it.
 * [main thread, before any other thread exists]
 */
Vm *vm_new(const VmConfig *config, GError **error);
void vm_free(Vm *vm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vm, vm_free)

/*
 * vm_run: until the end, by SIGTERM, SIGINT or SIGHUP, too; with --gdb-core also by SIGUSR2, as if
 * the guest had died. Returns the exit status; -1 with @error when it could not start.
 */
int vm_run(Vm *vm, GError **error);

/*
 * vm_end: end the machine with @status. [any thread] The first call counts. Returns at once; the
 * vCPUs leave their run loops and vm_run() returns.
 */
void vm_end(Vm *vm, uint8_t status);
bool vm_ended(Vm *vm);
/*
 * vm_die: the same with VM_STATUS_FAILED, since the guest cannot go on; with --gdb-core there is a
 * core file then. [any thread]
 */
void vm_die(Vm *vm);
/* vm_ask: have the main loop do that soon; the vCPUs leave their loops now. [any thread] */
void vm_ask(Vm *vm, VmAsked what);
/*
 * vm_reboot: the guest asks for a reset. [any thread] It is the end, as kvmtool has it, or with
 * --reboot a vm_reset() as soon as the main loop comes to it; the vCPUs leave their loops now.
 */
void vm_reboot(Vm *vm);
/* vm_running: are vCPUs to run, or to leave their loops? [any thread] */
bool vm_running(Vm *vm);

/*
 * vm_reset: as if power had been off and on: everything of KVM's and every device is made again,
 * RAM is cleared, the kernel and its files are read again. The terminal and the stub stay, with the
 * client's breakpoints. FALSE with @error: there is no machine any more, and it has ended.
 * [main thread, in vm_run(), with the world stopped in the stub]
 */
bool vm_reset(Vm *vm, GError **error);

/* vm_own: @device belongs to @vm and is freed with it by @destroy. Returns @device. */
void *vm_own(Vm *vm, void *device, GDestroyNotify destroy);

/* vm_new_console: the UART that the user's terminal talks to. At most one per machine. */
Serial *vm_new_console(Vm *vm, unsigned irq);

/* vm_new_tty: the UART that --tty asks for, in a machine whose vm->tty says so. At most one. */
Serial *vm_new_tty(Vm *vm, unsigned irq);

/* vm_irq: interrupt input @irq of this machine, for a device. */
IrqLine vm_irq(Vm *vm, unsigned irq);

#endif
