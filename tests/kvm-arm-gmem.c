/*
 * tests/kvm-arm-gmem.c - a guest_memfd on a real KVM (Linux 6.18, KVM_CAP_GUEST_MEMFD_FLAGS): the
 * guest has its memory there; this process gets an error, or the guest's bytes where the file was
 * made to be shared with it, and never other bytes.
 */
#include "tests/arm-rig.h"

#include "kvm/memory.h"

/* linux/kvm.h of Linux 6.18 */
enum { CAP_GUEST_MEMFD_FLAGS = 244, FLAG_MMAP = 1, FLAG_INIT_SHARED = 2, MEM_GUEST_MEMFD = 4 };

typedef struct CreateGuestMemfd {
	uint64_t size, flags, reserved[6];
} CreateGuestMemfd;

typedef struct MemoryRegion2 {
	uint32_t slot, flags;
	uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
	uint32_t guest_memfd, pad1;
	uint64_t pad2[14];
} MemoryRegion2;

#define CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, CreateGuestMemfd)
#define SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, MemoryRegion2)

#define GMEM 0x200000ull
#define GMEM_SIZE 0x10000
#define MARK 0x1122334455667788ull

typedef struct Gmem {
	Rig rig;
	int fd;
	void *host;
	KvmMemory *memory;
} Gmem;

static bool works(uint64_t flags)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm_fd = kvm_fd < 0 ? -1 : ioctl(kvm_fd, KVM_CREATE_VM, arch_vm_type(kvm_fd));
	int got = vm_fd < 0 ? 0 : ioctl(vm_fd, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_FLAGS);

	close(vm_fd);
	close(kvm_fd);
	return has(got > 0 && (got & flags) == flags, "such a guest_memfd");
}

static void gmem_open(Gmem *gmem, uint64_t flags)
{
	static const uint32_t code[] = {STR_X0_X1, 0};
	CreateGuestMemfd create = {.size = GMEM_SIZE, .flags = flags};
	MemoryRegion2 region = {.slot = 2,
				.flags = MEM_GUEST_MEMFD,
				.guest_phys_addr = GMEM,
				.memory_size = GMEM_SIZE};

	rig_open(&gmem->rig, code);
	gmem->fd = ioctl(gmem->rig.vm_fd, CREATE_GUEST_MEMFD, &create);
	g_assert_cmpint(gmem->fd, >=, 0);
	gmem->host = mmap(NULL, GMEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gmem->fd, 0);
	g_assert_true(gmem->host != MAP_FAILED);
	region.userspace_addr = (uintptr_t)gmem->host;
	region.guest_memfd = gmem->fd;
	g_assert_cmpint(ioctl(gmem->rig.vm_fd, SET_USER_MEMORY_REGION2, &region), ==, 0);
	gmem->memory = kvm_memory_new(NULL, NULL);
	kvm_memory_map(gmem->memory, GMEM, GMEM_SIZE, gmem->host, 0);
}

/* The guest stores MARK at GMEM. */
static void gmem_store(Gmem *gmem)
{
	g_assert_true(rig_set(&gmem->rig, ARM_X0, MARK));
	g_assert_true(rig_set(&gmem->rig, ARM_X0 + 1, GMEM));
	g_assert_cmphex(rig_run_to_end(&gmem->rig), ==, CODE + 4);
}

static void gmem_close(Gmem *gmem)
{
	kvm_memory_free(gmem->memory);
	munmap(gmem->host, GMEM_SIZE);
	close(gmem->fd);
	rig_close(&gmem->rig);
}

static void test_private(void)
{
	const uint64_t other = 1;
	uint64_t value = 0;
	Gmem gmem;

	if (!works(FLAG_MMAP))
		return;
	gmem_open(&gmem, FLAG_MMAP);
	gmem_store(&gmem);
	g_assert_cmpuint(kvm_memory_read(gmem.memory, GMEM, &value, sizeof(value)), ==, 0);
	g_assert_false(kvm_memory_write(gmem.memory, GMEM, &other, sizeof(other), true));
	gmem_close(&gmem);
}

static void test_shared(void)
{
	const uint64_t other = 1;
	uint64_t value = 0;
	Gmem gmem;

	if (!works(FLAG_MMAP | FLAG_INIT_SHARED))
		return;
	gmem_open(&gmem, FLAG_MMAP | FLAG_INIT_SHARED);
	gmem_store(&gmem);
	g_assert_cmpuint(kvm_memory_read(gmem.memory, GMEM, &value, sizeof(value)), ==, 8);
	g_assert_cmphex(value, ==, MARK);
	g_assert_true(kvm_memory_write(gmem.memory, GMEM, &other, sizeof(other), true));
	g_assert_cmpuint(kvm_memory_read(gmem.memory, GMEM, &value, sizeof(value)), ==, 8);
	g_assert_cmphex(value, ==, other);
	/* The slot is private now, as the VMM says: what is mapped there counts no more. */
	kvm_memory_set_private(gmem.memory, GMEM, GMEM_SIZE, true);
	g_assert_cmpuint(kvm_memory_read(gmem.memory, GMEM, &value, sizeof(value)), ==, 0);
	gmem_close(&gmem);
}

int main(int argc, char **argv)
{
	ArchFeatures features;

	if (!rig_init(&argc, &argv, &features))
		return g_test_run();
	g_test_add_func("/kvm-arm-gmem/private", test_private);
	g_test_add_func("/kvm-arm-gmem/shared", test_shared);
	return g_test_run();
}
