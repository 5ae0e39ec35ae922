/*
 * guest/uptime.h - for how long the guest's kernel has been up. Pure.
 */
#ifndef VMGDB_GUEST_UPTIME_H
#define VMGDB_GUEST_UPTIME_H

#include "guest/kernel.h"

/*
 * linux_uptime: in seconds, as /proc/uptime has it: by the kernel's own clock; where there is no
 * symbol for that (CONFIG_KALLSYMS_ALL is off) by when a task ran last. FALSE: not known.
 */
bool linux_uptime(const LinuxKernel *kernel, uint64_t *ret);

#endif
