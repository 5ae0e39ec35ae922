/*
 * plugin/seccomp.h - what a seccomp filter does with a system call, found by running it.
 */
#ifndef VMGDB_PLUGIN_SECCOMP_H
#define VMGDB_PLUGIN_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

/*
 * seccomp_run: the filter's answer (SECCOMP_RET_...) for @data, as the kernel computes it
 * (Documentation/userspace-api/seccomp_filter.rst; classic BPF over struct seccomp_data). A program
 * that the kernel would not load answers SECCOMP_RET_KILL_PROCESS. Pure; terminates on any program.
 */
uint32_t seccomp_run(const struct sock_fprog *filter, const struct seccomp_data *data);

/*
 * The name of a system call, or of a request to KVM (arch_requests), that the engine may make from
 * its start to its end, and that the filter does not allow; NULL: none.
 */
const char *seccomp_forbids(const struct sock_fprog *filter);

#endif
