/*
 * guest/dmesg.h - the kernel's log, out of its buffer: on a dead or hung kernel, too, and before it
 * has a console. Pure.
 */
#ifndef VMGDB_GUEST_DMESG_H
#define VMGDB_GUEST_DMESG_H

#include "guest/kernel.h"

/*
 * linux_dmesg: appends the last @lines lines (0: all, but not more than 16 MiB) as dmesg(1) prints
 * them, "[    1.234567] text". What is not printable is \xHH. FALSE with @error, and nothing
 * appended, when there is no log or it cannot be right.
 */
bool linux_dmesg(const LinuxKernel *kernel, unsigned lines, GString *out, GError **error);

#endif
