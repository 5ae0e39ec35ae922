/*
 * kvm/host.c - copies that the kernel makes for us.
 */
#include "kvm/host.h"

#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

struct KvmHost {
	pid_t pid;
	int mem; /* /proc/self/mem, where process_vm_readv() does not work; else -1 */
};

KvmHost *kvm_host_new(void)
{
	KvmHost *host = g_new0(KvmHost, 1);
	char from = 0, to = 0;

	host->pid = getpid();
	host->mem = -1;
	if (kvm_host_read(host, &from, &to, 1) != 1)
		host->mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	return host;
}

void kvm_host_free(KvmHost *host)
{
	if (!host)
		return;
	if (host->mem >= 0)
		close(host->mem);
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
