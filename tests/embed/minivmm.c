/*
 * minivmm.c - a complete VMM with a gdb stub, and without GLib. The example of docs/embedding.md.
 *
 *   minivmm [WHERE [wait]]     WHERE as for kvm_gdb_listen(): "1234", "unix:/run/vm.sock"
 *
 * Its guest, x86 64-bit code at 0x6000, counts at 0x9000 and writes to port 0x10 each turn, until
 * a debugger puts something else than 0 at 0x9008; then it halts and the VMM ends.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <kvm/kvm-gdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, CODE = 0x6000, RAM = 0x10000 };

static const unsigned char code[] = {
	0x48, 0xff, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00, /* turn: incq 0x9000 */
	0xe6, 0x10,					/* out %al, $0x10 */
	0x83, 0x3c, 0x25, 0x08, 0x90, 0x00, 0x00, 0x00, /* cmpl $0, 0x9008 */
	0x74, 0xec,					/* je turn */
	0xf4,						/* hlt */
};

typedef struct Vmm {
	int kvm_fd, vm_fd, vcpu_fd;
	unsigned char *ram;
	struct kvm_run *run;
	/* The debugger. */
	const char *where;
	bool wait, ok;
	KvmGdbThread *thread;
	KvmGdb *gdb;
	KvmGdbVcpu *gdb_vcpu;
} Vmm;

/* ---- The machine ---- */

static void *map_shared(size_t size, int flags, int fd)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	return mem;
}

static void put64(Vmm *vmm, unsigned at, unsigned long value)
{
	memcpy(vmm->ram + at, &value, sizeof(value));
}

static void make_memory(Vmm *vmm)
{
	struct kvm_userspace_memory_region region = {.memory_size = RAM};

	vmm->ram = map_shared(RAM, MAP_ANONYMOUS, -1);
	region.userspace_addr = (unsigned long)vmm->ram;
	if (ioctl(vmm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		err(1, "KVM_SET_USER_MEMORY_REGION");
	memcpy(vmm->ram + CODE, code, sizeof(code));
	put64(vmm, PML4, PDPT | 3); /* the first 2 MiB, where they are */
	put64(vmm, PDPT, PD | 3);
	put64(vmm, PD, 0x83);
}

static void set_registers(Vmm *vmm)
{
	struct kvm_segment data = {.selector = 0x10, .limit = ~0u, .type = 3};
	struct kvm_regs regs = {.rip = CODE, .rflags = 2, .rsp = 0x8000};
	struct kvm_sregs sregs;

	if (ioctl(vmm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		err(1, "KVM_GET_SREGS");
	data.present = data.s = data.db = data.g = 1;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.cs = data;
	sregs.cs.selector = 0x08;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.cr3 = PML4;
	sregs.cr4 = 0x20;	    /* PAE */
	sregs.cr0 = 0x80000001;	    /* PG, PE */
	sregs.efer = 0x100 | 0x400; /* LME, LMA */
	if (ioctl(vmm->vcpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vmm->vcpu_fd, KVM_SET_REGS, &regs) < 0)
		err(1, "KVM_SET_SREGS, KVM_SET_REGS");
}

static void set_cpuid(Vmm *vmm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = {.head.nent = 256};

	if (ioctl(vmm->kvm_fd, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 ||
	    ioctl(vmm->vcpu_fd, KVM_SET_CPUID2, &cpuid) < 0)
		err(1, "KVM_SET_CPUID2");
}

static void make_machine(Vmm *vmm)
{
	vmm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vmm->kvm_fd < 0)
		err(77, "/dev/kvm");
	vmm->vm_fd = ioctl(vmm->kvm_fd, KVM_CREATE_VM, 0);
	vmm->vcpu_fd = ioctl(vmm->vm_fd, KVM_CREATE_VCPU, 0);
	if (vmm->vm_fd < 0 || vmm->vcpu_fd < 0)
		err(1, "KVM_CREATE_VM, KVM_CREATE_VCPU");
	vmm->run = map_shared(ioctl(vmm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0), 0, vmm->vcpu_fd);
	make_memory(vmm);
	set_cpuid(vmm);
	set_registers(vmm);
}

/* ---- The debugger: all that a VMM needs to add ---- */

static void start_gdb(void *data)
{
	Vmm *vmm = data;

	vmm->gdb = kvm_gdb_new(vmm->kvm_fd, vmm->vm_fd, kvm_gdb_thread_context(vmm->thread), NULL,
			       NULL, NULL);
	if (!vmm->gdb)
		return;
	kvm_gdb_map(vmm->gdb, 0, RAM, vmm->ram, 0);
	vmm->gdb_vcpu = kvm_gdb_add_vcpu(vmm->gdb, 0, vmm->vcpu_fd, vmm->run, NULL);
	vmm->ok = vmm->gdb_vcpu && kvm_gdb_listen(vmm->gdb, vmm->where, vmm->wait, NULL);
}

static void end_gdb(void *data)
{
	kvm_gdb_end(((Vmm *)data)->gdb, 0);
}

static void open_gdb(Vmm *vmm)
{
	vmm->thread = kvm_gdb_thread_new(NULL);
	if (vmm->thread)
		kvm_gdb_thread_call(vmm->thread, start_gdb, vmm, 0);
	if (!vmm->ok)
		errx(1, "cannot let gdb in at %s", vmm->where);
	fprintf(stderr, "gdb: listening on %s\n", kvm_gdb_address(vmm->gdb));
}

static void close_gdb(Vmm *vmm)
{
	kvm_gdb_thread_call(vmm->thread, end_gdb, vmm, 0);
	kvm_gdb_free(vmm->gdb);
	kvm_gdb_thread_free(vmm->thread);
}

/* ---- The run loop ---- */

static int enter_guest(Vmm *vmm)
{
	/* The run hook: the one line that changes in a VMM's run loop. */
	return vmm->gdb_vcpu ? kvm_gdb_run(vmm->gdb_vcpu) : ioctl(vmm->vcpu_fd, KVM_RUN, 0);
}

int main(int argc, char **argv)
{
	Vmm vmm = {.where = argc > 1 ? argv[1] : NULL, .wait = argc > 2};
	unsigned long turns = 0;

	make_machine(&vmm);
	if (vmm.where)
		open_gdb(&vmm);
	for (;;) {
		if (enter_guest(&vmm) < 0) {
			if (errno != EINTR)
				err(1, "KVM_RUN");
		} else if (vmm.run->exit_reason == KVM_EXIT_IO) {
			turns++;
		} else {
			break;
		}
	}
	if (vmm.where)
		close_gdb(&vmm);
	printf("minivmm: %lu turns, then exit reason %u\n", turns, vmm.run->exit_reason);
	return vmm.run->exit_reason == KVM_EXIT_HLT ? 0 : 1;
}
