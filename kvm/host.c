/*
 * kvm/host.c - copies that the kernel makes for us.
 */
#include "kvm/host.h"

#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct KvmHost {
	pid_t pid;
	int mem;     /* /proc/self/mem, where process_vm_readv() does not work; else -1 */
	int map;     /* /proc/self/pagemap; -1: it cannot be read */
	size_t page; /* bytes in a page */
};

KvmHost *kvm_host_new(void)
{
	KvmHost *host = g_new0(KvmHost, 1);
	char from = 0, to = 0;

	host->pid = getpid();
	host->mem = -1;
	if (kvm_host_read(host, &from, &to, 1) != 1)
		host->mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	host->page = (size_t)sysconf(_SC_PAGESIZE);
	host->map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return host;
}

void kvm_host_free(KvmHost *host)
{
	if (!host)
		return;
	if (host->mem >= 0)
		close(host->mem);
	if (host->map >= 0)
		close(host->map);
	g_free(host);
}

static ssize_t read_some(const KvmHost *host, const void *addr, void *buf, size_t len)
{
	struct iovec to = {buf, len}, from = {(void *)addr, len};

	if (host->mem >= 0)
		return pread(host->mem, buf, len, (off_t)(uintptr_t)addr);
	return process_vm_readv(host->pid, &to, 1, &from, 1, 0);
}

static ssize_t write_some(const KvmHost *host, void *addr, const void *buf, size_t len)
{
	struct iovec from = {(void *)buf, len}, to = {addr, len};

	if (host->mem >= 0)
		return pwrite(host->mem, buf, len, (off_t)(uintptr_t)addr);
	return process_vm_writev(host->pid, &from, 1, &to, 1, 0);
}

/* The kernel stops before the first byte it cannot copy, and after 2 GiB. */
size_t kvm_host_read(const KvmHost *host, const void *addr, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n = 1;

	for (; done < len && n > 0; done += MAX(n, 0))
		n = read_some(host, (const char *)addr + done, (char *)buf + done, len - done);
	return done;
}

size_t kvm_host_write(const KvmHost *host, void *addr, const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n = 1;

	for (; done < len && n > 0; done += MAX(n, 0))
		n = write_some(host, (char *)addr + done, (const char *)buf + done, len - done);
	return done;
}

/* ---- Which pages there are ---- */

#define PAGES_MAX 512u

/* Documentation/admin-guide/mm/pagemap.rst: it is in memory, or on a disk. */
#define MAP_HAS_PAGE (UINT64_C(3) << 62)

/*
 * mincore(2) knows what of a file is in memory, also if this process has not used it, but not what
 * was swapped out; the page map knows just that.
 */
static bool find_used(const KvmHost *host, uintptr_t page, size_t n, bool *used)
{
	unsigned char resident[PAGES_MAX];
	uint64_t map[PAGES_MAX] = {0};

	if (mincore((void *)page, n * host->page, resident))
		return false;
	if (host->map < 0 ||
	    pread(host->map, map, n * sizeof(*map), (off_t)(page / host->page * sizeof(*map))) <
		    (ssize_t)sizeof(*map))
		memset(map, 0, sizeof(map));
	for (size_t i = 0; i < n; i++)
		used[i] = resident[i] & 1 || map[i] & MAP_HAS_PAGE;
	return true;
}

bool kvm_host_used(const KvmHost *host, const void *addr, size_t *len)
{
	size_t before = (uintptr_t)addr % host->page, same = 1;
	size_t n = MIN((before + *len + host->page - 1) / host->page, PAGES_MAX);
	bool used[PAGES_MAX];

	if (!n || !find_used(host, (uintptr_t)addr - before, n, used))
		return true;
	while (same < n && used[same] == used[0])
		same++;
	*len = MIN(*len, same * host->page - before);
	return used[0];
}
