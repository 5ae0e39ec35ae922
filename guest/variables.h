/*
 * guest/variables.h - variables of a Linux kernel whose kallsyms has functions only
 * (CONFIG_KALLSYMS_ALL is off), besides those that it exports (guest/exports.h). Pure.
 *
 * One is named only where it can be no other one: a wrong address is worse than none.
 */
#ifndef VMGDB_GUEST_VARIABLES_H
#define VMGDB_GUEST_VARIABLES_H

#include "guest/kernel.h"

/*
 * linux_variables_add: adds to the symbols of @kernel what can be told by its types and by the
 * symbols that it has:
 * - those that its VMCOREINFO names, in its image;
 * - those that its BTF has in a section (per-CPU ones; since Linux 6.15 all), where two of that
 *   section have a symbol and all that have one agree where the section is;
 * - what the first task points to in what the kernel writes: init_signals, init_cred and others;
 * - runqueues: by that of the first CPU, which its idle task leads to and which leads back;
 * - super_blocks: the one node of their list that is in the image;
 * - init_mm: the one memory that begins with the kernel's code, in what the kernel writes, and has
 *   the kernel's page tables where VMCOREINFO names these.
 * - saved_command_line of arm64: what cmdline_proc_show() loads, if it is a pointer to a line.
 * How many were added. So much is looked at that it ends soon, whatever there is.
 * linux_variables_add_modules: the head of their list; FALSE as long as no module is loaded.
 */
unsigned linux_variables_add(LinuxKernel *kernel);
bool linux_variables_add_modules(LinuxKernel *kernel);

#endif
