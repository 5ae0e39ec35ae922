/*
 * kvm/kvm-gdb.h - call me: a gdb stub for the KVM virtual machine of any VMM.
 *
 * A VMM tells the engine of its VM, memory and vCPUs, and calls kvm_gdb_run() where it called
 * ioctl(vcpu_fd, KVM_RUN, 0). The engine never owns a descriptor or a thread of the VMM.
 *
 * Threads: kvm_gdb_run() belongs to the thread of its vCPU. kvm_gdb_notify(), kvm_gdb_map(),
 * kvm_gdb_unmap(), kvm_gdb_set_private(), kvm_gdb_add_vcpu(), kvm_gdb_remove_vcpu() (one call of
 * these two at a time), kvm_gdb_vcpu_ioctl() and kvm_gdb_device_...() may be called by any thread.
 * All other functions belong to the thread that runs the engine's GMainContext, or may be called by
 * any thread while no client can be connected (before kvm_gdb_listen()). A program without a
 * GMainLoop gets such a thread from kvm_gdb_thread_new().
 *
 * Signals: the engine gets a vCPU out of KVM_RUN by a real-time signal to its thread, one that
 * nobody has a handler for. The first kvm_gdb_run() of a thread unblocks it there, and it must stay
 * so: a thread that goes back to an older mask keeps its vCPU from being stopped until the guest
 * exits by itself. (A new thread has the mask of who made it.) It is also sent late: a thread that
 * is back in the VMM may get it in a system call, which then is restarted, or fails with EINTR if
 * it is one that never is, such as poll() and nanosleep() (signal(7)).
 *
 * Only <linux/kvm.h> is needed to use this header: no program must know GLib for it.
 */
#ifndef VMGDB_KVM_GDB_H
#define VMGDB_KVM_GDB_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct KvmGdb KvmGdb;
typedef struct KvmGdbVcpu KvmGdbVcpu;
struct _GError;
struct _GMainContext;

/* A part of the machine that has a name. */
typedef enum KvmGdbPartKind {
	KVM_GDB_DEVICE, /* registers at guest-physical addresses */
	KVM_GDB_PORTS,	/* registers in x86's port space */
	KVM_GDB_LOADED, /* what the VMM has put into RAM: a kernel, tables of a firmware */
} KvmGdbPartKind;

typedef struct KvmGdbPart {
	KvmGdbPartKind kind;
	uint64_t start, size; /* in bytes, not empty */
	const char *name;     /* lives as long as the machine, or until it is reset */
} KvmGdbPart;

/*
 * What a VMM may offer. Every member may be NULL, then the feature is absent.
 * Called on the engine's thread while the world is stopped, except where it says otherwise. No lock
 * of the engine's is held for any of them.
 */
typedef struct KvmGdbOps {
	/*
	 * A debugger's access to guest-physical addresses that no kvm_gdb_map() covers: device
	 * registers. At most 8 bytes, naturally aligned. FALSE: nothing answers there. No lock is
	 * held: it may call kvm_gdb_notify(), kvm_gdb_map(), kvm_gdb_unmap() and
	 * kvm_gdb_vcpu_ioctl(), and wait for who does.
	 */
	bool (*mmio)(void *opaque, uint64_t gpa, void *data, size_t len, bool is_write);
	/*
	 * Part @i of the machine, in any order, for `info mtree` and `info roms`. FALSE: no more.
	 */
	bool (*part)(void *opaque, unsigned i, KvmGdbPart *ret);
	/*
	 * What the user reads after `info @what`, "pci" or "virtio": lines, for free(). NULL: the
	 * machine has nothing of that. It may be running.
	 */
	char *(*describe)(void *opaque, const char *what);
	/*
	 * The debugger changed guest RAM, a moment ago: for a VMM that logs dirty pages. Any
	 * thread.
	 */
	void (*mark_dirty)(void *opaque, uint64_t gpa, size_t len);
	/*
	 * The client wants the machine ended (k, vKill; quit). It is stopped, or will be very soon,
	 * and no vCPU runs before kvm_gdb_end(), which may be called in it. Without it, k detaches.
	 */
	void (*poweroff)(void *opaque);
	/*
	 * The client wants the machine reset, at once; it stays stopped until the client or the
	 * engine resumes it. FALSE with @error for the client.
	 */
	bool (*reset)(void *opaque, struct _GError **error);
	/* The client presses the power button. The machine may be running. */
	void (*powerdown)(void *opaque);
	/*
	 * The machine goes on: a device for which kvm_gdb_device_enter() was FALSE asks again. Any
	 * thread.
	 */
	void (*devices_go)(void *opaque);
	/*
	 * One line for the VMM's user ("this KVM does not report int3 ..."). NULL: g_message(). Any
	 * thread.
	 */
	void (*log)(void *opaque, const char *line);
} KvmGdbOps;

/*
 * kvm_gdb_new: an engine for one VM.
 * @kvm_fd: /dev/kvm, for capabilities and the start-up probe; used during this call only.
 * @vm_fd: the VM; must stay open as long as the engine.
 * @context: where the server runs; NULL for the default context.
 * @ops: may be NULL. @ops and @opaque must outlive the engine.
 * @error: the missing capability by name (KVM api.txt, 4.87 KVM_SET_GUEST_DEBUG).
 * Returns NULL on failure. A few milliseconds: it tries in a throwaway VM what this KVM reports.
 */
KvmGdb *kvm_gdb_new(int kvm_fd, int vm_fd, struct _GMainContext *context, const KvmGdbOps *ops,
		    void *opaque, struct _GError **error);

/*
 * kvm_gdb_end: end the session (it is reported to the client that the machine exited with
 * @exit_status), take every breakpoint out of guest memory, and let parked vCPUs return EINTR.
 * To be called before the VMM joins its vCPU threads: they return from kvm_gdb_run(), which from
 * then on is the bare ioctl. NULL is accepted.
 */
void kvm_gdb_end(KvmGdb *gdb, uint8_t exit_status);
/*
 * kvm_gdb_free: after kvm_gdb_end(), when no thread is in or can come to kvm_gdb_run() or, of a
 * device, kvm_gdb_device_enter() and kvm_gdb_device_leave().
 */
void kvm_gdb_free(KvmGdb *gdb);

#define KVM_GDB_MAP_READONLY 1u /* ROM: guest writes exit to the VMM; the debugger may write */
/*
 * The memory at @host can be read and written by plain loads and stores until kvm_gdb_unmap() has
 * returned: anonymous memory that the VMM itself maps and leaves alone. No file, which may be cut
 * short, and no device. It is copied without system calls then.
 */
#define KVM_GDB_MAP_STEADY 2u

/*
 * kvm_gdb_map / kvm_gdb_unmap: guest-physical [gpa, gpa + size) is RAM at @host in this process.
 * A mapping that overlaps replaces the part it covers. Mirrors KVM_SET_USER_MEMORY_REGION: @host
 * may also be memory that cannot be read, or registers of a device. The debugger gets an error
 * there, and touches no device. To be called before the memory is unmapped: breakpoints leave it.
 */
void kvm_gdb_map(KvmGdb *gdb, uint64_t gpa, uint64_t size, void *host, unsigned flags);
void kvm_gdb_unmap(KvmGdb *gdb, uint64_t gpa, uint64_t size);

/*
 * kvm_gdb_set_private: guest-physical [gpa, gpa + size) lies in a guest_memfd from now on, or does
 * not any more: after KVM_SET_MEMORY_ATTRIBUTES with or without KVM_MEMORY_ATTRIBUTE_PRIVATE. What
 * is mapped there is not what the guest sees: the debugger gets an error.
 */
void kvm_gdb_set_private(KvmGdb *gdb, uint64_t gpa, uint64_t size, bool is_private);

/*
 * kvm_gdb_add_vcpu: vCPU @index (gdb's thread index + 1) with its descriptor and shared page.
 * Before its first KVM_RUN. Indexes are dense from 0, but one that was removed may be added again.
 * A vCPU that is added while the world is stopped parks at its first entry. Returns NULL and sets
 * @error when KVM refuses its registers.
 */
KvmGdbVcpu *kvm_gdb_add_vcpu(KvmGdb *gdb, unsigned index, int vcpu_fd, struct kvm_run *run,
			     struct _GError **error);
/*
 * kvm_gdb_remove_vcpu: the VMM unplugs it. No thread is in kvm_gdb_run() with @vcpu or may come to
 * it again; the descriptor and the shared page may go after this call. @vcpu is gone then. Not the
 * first one, index 0. The others keep their indexes, and the client's list of threads has a hole.
 * A client that waits for this vCPU alone gets a stop.
 */
void kvm_gdb_remove_vcpu(KvmGdbVcpu *vcpu);

/*
 * kvm_gdb_renew: for a VMM that resets its machine by making a new one in KVM: @vm_fd takes the
 * VM's place. It has no vCPU until each was added again by kvm_gdb_add_vcpu(); all KvmGdbVcpu from
 * before are invalid. No thread may be in kvm_gdb_run() or come to it with one of those, the number
 * of vCPUs must be the same again, and the mappings of memory stay what they are. Called before the
 * memory gets its contents; after that the VMM says KVM_GDB_RESET. A client that is connected stays
 * so, with its breakpoints, and a stopped machine stays stopped.
 */
void kvm_gdb_renew(KvmGdb *gdb, int vm_fd);

/*
 * kvm_gdb_set_log: write packets, stops, resumes, the states of vCPUs, breakpoints and changes
 * of memory to the file @path, one line with a time stamp for each. It is created or overwritten.
 * Before kvm_gdb_listen(). FALSE with @error.
 */
bool kvm_gdb_set_log(KvmGdb *gdb, const char *path, struct _GError **error);

/*
 * kvm_gdb_listen: start the server at @where (gdb_server_listen()).
 * @wait: every vCPU parks before its first guest instruction until a client says continue.
 * kvm_gdb_address: where to connect, as gdb's `target remote` takes it.
 */
bool kvm_gdb_listen(KvmGdb *gdb, const char *where, bool wait, struct _GError **error);
const char *kvm_gdb_address(const KvmGdb *gdb);
/*
 * kvm_gdb_listen_qmp: take clients of QEMU's machine protocol (QMP) at @where: unix:PATH, mode
 * 0600, or [HOST:]PORT. Many at once, beside gdb or without kvm_gdb_listen(). They read memory,
 * write dumps, stop the machine and let it go on; what gdb has stopped stays stopped. quit needs
 * KvmGdbOps.poweroff, system_reset and system_powerdown their own. Who can connect controls the
 * guest.
 * kvm_gdb_listen_monitor: the same for people, who type the commands of `monitor`; @where may also
 * be stdio.
 * After all vCPUs were added, before a client can have connected. FALSE with @error.
 */
bool kvm_gdb_listen_qmp(KvmGdb *gdb, const char *where, struct _GError **error);
bool kvm_gdb_listen_monitor(KvmGdb *gdb, const char *where, struct _GError **error);
/* kvm_gdb_operator_address: where the @n-th of these places is; NULL behind the last. */
const char *kvm_gdb_operator_address(const KvmGdb *gdb, unsigned n);
/*
 * kvm_gdb_set_vmlinux: the ELF file of the guest's kernel, with symbols. After kvm_gdb_listen(),
 * before a client can have connected. A gdb without a program is told of it, reads it through the
 * connection if it is on another host, and is told where KASLR has put the kernel; `monitor kaslr`
 * says it later. FALSE with @error: not such a file.
 */
bool kvm_gdb_set_vmlinux(KvmGdb *gdb, const char *path, struct _GError **error);
/*
 * kvm_gdb_offer_symbols: give a gdb that has no program the symbols and types that a Linux guest
 * has in its own memory, unless there is a vmlinux. It takes some 100 milliseconds, in slices, when
 * such a gdb connects, and also when one connects that has a vmlinux of its own: it compares both.
 * Of a guest that is no Linux no page is used that it has not used itself. `monitor symbols` does
 * the same.
 */
void kvm_gdb_offer_symbols(KvmGdb *gdb);
/*
 * kvm_gdb_show_tasks: each client sees the tasks of a Linux guest as threads, behind the CPUs, as
 * after `monitor threads tasks`. They are read from the guest's memory whenever it lists threads.
 */
void kvm_gdb_show_tasks(KvmGdb *gdb);
/*
 * kvm_gdb_set_modules: a folder with the files of the guest's modules: a kernel's build folder, or
 * /lib/modules/RELEASE. A gdb hears of those that are loaded, and loads the file of each if it is
 * of the same build; else, where it gets the kernel's own symbols, what the module has in memory.
 * After kvm_gdb_listen(), before a client can have connected. FALSE with @error: no such folder.
 */
bool kvm_gdb_set_modules(KvmGdb *gdb, const char *dir, struct _GError **error);
/*
 * kvm_gdb_set_clock: do the guest's clocks (kvmclock, TSC; arm64's counter) stand still during a
 * stop that lasts (default), or go on?
 */
typedef enum KvmGdbClock { KVM_GDB_CLOCK_STOP, KVM_GDB_CLOCK_RUN } KvmGdbClock;
void kvm_gdb_set_clock(KvmGdb *gdb, KvmGdbClock clock);
/*
 * kvm_gdb_clock_held: [any thread] for how many nanoseconds the guest's clocks have been held so
 * far, in all. A VMM with timers of its own subtracts this from its time. The value grows before
 * the guest runs again.
 */
uint64_t kvm_gdb_clock_held(const KvmGdb *gdb);
/*
 * kvm_gdb_set_architecture: gdb's name of the architecture to describe: "i386" for 32-bit code on
 * an x86 CPU that has long mode, since gdb takes a 32-bit ELF file with no other; "i386:x86-64",
 * "aarch64". NULL (default): what the guest's CPU is by its CPUID. Before kvm_gdb_listen(), which
 * refuses one that this machine does not know.
 */
void kvm_gdb_set_architecture(KvmGdb *gdb, const char *name);
/* kvm_gdb_set_name: what `monitor info name` shows. NULL: nothing. Before kvm_gdb_listen(). */
void kvm_gdb_set_name(KvmGdb *gdb, const char *name);
/* kvm_gdb_has_client: [any thread] is one connected? */
bool kvm_gdb_has_client(KvmGdb *gdb);

/*
 * kvm_gdb_write_core: write memory and registers of the whole machine to the file @path, an ELF
 * core as `monitor dump-guest-memory` makes it, for crash, drgn and gdb. For a VMM whose guest has
 * died while nobody debugs it. It may be called without kvm_gdb_listen(), but after all
 * kvm_gdb_map() and kvm_gdb_add_vcpu(). No thread may be in kvm_gdb_run() or come to it meanwhile;
 * afterwards they may go on. It returns when the file is complete, which takes a second for a GiB
 * or so; progress goes to KvmGdbOps.log. FALSE with @error: there is a file of that name already,
 * the disk is full, a client is connected; a file that was begun is gone.
 */
bool kvm_gdb_write_core(KvmGdb *gdb, const char *path, struct _GError **error);

/*
 * kvm_gdb_run: [vCPU thread] drop-in for ioctl(fd, KVM_RUN, 0): same value, same errno, same
 * struct kvm_run. Returns only the exits that the VMM must handle. While the world is stopped it
 * waits inside; a signal to the thread ends the wait with EINTR, as it ends KVM_RUN. EINTR may
 * also come without a signal of the VMM's; check your flags and call again, as for KVM_RUN. The
 * exit reason is KVM_EXIT_INTR then, unless the VMM's own immediate_exit ended the call: KVM leaves
 * the last one in that case. The engine uses immediate_exit, too, with the value 2; a 1 there is
 * never taken away.
 * A NULL @vcpu is not allowed. With no client connected it costs two stores and a load.
 */
int kvm_gdb_run(KvmGdbVcpu *vcpu);

/*
 * kvm_gdb_vcpu_ioctl: [any thread] drop-in for ioctl(vcpu_fd, request, arg), for a VMM whose other
 * requests meet a debugger's: it reads and writes registers while the world is stopped, debugs by
 * itself, or uses a signal mask for KVM_RUN. Same value, same errno. What it sees to:
 *   KVM_RUN              is kvm_gdb_run()
 *   KVM_SET_GUEST_DEBUG  is kept: in force while no client is connected, and its exits are
 *                        returned. While one is, turning debugging on fails with EBUSY and a line
 *                        in the log, turning it off takes effect when the client has left.
 *   KVM_SET_SIGNAL_MASK  also holds while kvm_gdb_run() waits; the engine's own signal gets
 *                        through it.
 *   all others           see what the debugger wrote to registers, and the debugger what they
 *                        wrote. Power-on registers given to vCPU 0 are a KVM_GDB_RESET.
 * A VMM that does none of these needs only kvm_gdb_run().
 */
int kvm_gdb_vcpu_ioctl(KvmGdbVcpu *vcpu, unsigned long request, void *arg);

/*
 * For devices that work on threads of their own, beside the vCPUs: so that a stopped machine is
 * stopped for them, too, and no breakpoint gets lost in their reads and writes of guest RAM (DMA).
 *
 * kvm_gdb_device_enter: [any thread but a vCPU's] the device is about to read or write guest RAM or
 * to raise an interrupt. FALSE: the machine stands, or is about to, and the device does nothing
 * until KvmGdbOps.devices_go. It never waits. After TRUE a stop is reported only when the device
 * has called kvm_gdb_device_leave(), or after a second: what takes longer is done in pieces. Costs
 * two atomic operations while nobody debugs.
 */
bool kvm_gdb_device_enter(KvmGdb *gdb);
void kvm_gdb_device_leave(KvmGdb *gdb);
/*
 * kvm_gdb_device_meets_break: does a read or write of these bytes meet a software breakpoint? Then
 * the device shall use the next two, in place of its own copy; else it reaches the memory as it
 * likes. The answer holds up to kvm_gdb_device_leave().
 * kvm_gdb_device_read: the guest's own bytes. kvm_gdb_device_write: they are the guest's own from
 * now on, and the breakpoint stays. RAM only; all of it, or FALSE.
 */
bool kvm_gdb_device_meets_break(KvmGdb *gdb, uint64_t gpa, uint64_t len, bool is_write);
bool kvm_gdb_device_read(KvmGdb *gdb, uint64_t gpa, void *buf, size_t len);
bool kvm_gdb_device_write(KvmGdb *gdb, uint64_t gpa, const void *buf, size_t len);

/*
 * kvm_gdb_notify: [any thread] the VMM saw something that a debugger wants to know.
 * @vcpu: the vCPU that did it, or NULL. Does not wait; when a client is connected the world stops
 * (except for RESET) and @vcpu parks at its next entry.
 */
typedef enum KvmGdbEvent {
	KVM_GDB_RESET,	  /* memory and vCPUs have their power-on state again: re-arm breakpoints */
	KVM_GDB_SHUTDOWN, /* the guest's machine gave up */
	KVM_GDB_PANIC,	  /* the guest's kernel reported a panic */
} KvmGdbEvent;
void kvm_gdb_notify(KvmGdb *gdb, KvmGdbVcpu *vcpu, KvmGdbEvent event);

/*
 * A thread for the server, for a VMM that has no GMainLoop. It blocks every signal, so it takes
 * none that is meant for the VMM.
 * kvm_gdb_thread_new: starts it. NULL with @error when the system has no thread to give.
 * kvm_gdb_thread_context: its context, for kvm_gdb_new(). Owned by the thread.
 * kvm_gdb_thread_call: [any thread but this one] runs @fn(@data) on it and waits until that has
 * returned; for the functions that belong to the engine's thread. FALSE: @timeout_ms (0: no
 * limit) is over and @fn, if it has not begun, never will; if it has, it still runs.
 * kvm_gdb_thread_free: after kvm_gdb_free(); ends the thread. NULL is accepted.
 */
typedef struct KvmGdbThread KvmGdbThread;
KvmGdbThread *kvm_gdb_thread_new(struct _GError **error);
struct _GMainContext *kvm_gdb_thread_context(const KvmGdbThread *thread);
bool kvm_gdb_thread_call(KvmGdbThread *thread, void (*fn)(void *), void *data, unsigned timeout_ms);
void kvm_gdb_thread_free(KvmGdbThread *thread);

#ifdef __cplusplus
}
#endif

#endif
