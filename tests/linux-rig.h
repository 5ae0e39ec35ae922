/*
 * tests/linux-rig.h - the machine of engine-rig.h with an image of a Linux kernel in its RAM, for
 * tests of what the engine finds of Linux.
 */
#ifndef VMGDB_TESTS_LINUX_RIG_H
#define VMGDB_TESTS_LINUX_RIG_H

#include "tests/engine-rig.h"
#include "tests/guest-rig.h"

#define RELEASE "6.1.0-toy"
#define BANNER "Linux version " RELEASE " (gcc) #1 SMP\n"
#define INFO "OSRELEASE=" RELEASE "\nPAGESIZE=4096\n"

/* Places in RAM; the kernel has it at TOY_LINUX. */
#define POINTER_AT 0x2000u /* to VMCOREINFO */
#define AREAS_AT 0x2100u   /* where each CPU has its variables */
#define AREA_AT 0x2200u	   /* that is here */
#define INFO_AT 0x3000u	   /* VMCOREINFO: a page of its own */
#define TYPES_AT 0x5000u
#define IMAGE_AT 0x8000u
#define CURRENT_AT 0x40u /* in a CPU's variables: the task that runs */

/* Tasks: the first one, which is idle, and two that sleep and one that runs. */
enum { TASK_IDLE, TASK_SHELL, TASK_THREAD, TASK_RUNS, N_TASKS };
#define TASK(n) (TOY_LINUX + 0x4000u + 0x400u * (n))

/* Two CPUs that run, and a client; the image has no types. linux_rig_free() ends it. */
Rig *linux_rig_new(void);
void linux_rig_free(Rig *rig);
/*
 * linux_rig_load: write the image once more, with the types of tasks or without types.
 * linux_rig_load_functions: without init_task: its kernel has no symbols of variables.
 */
void linux_rig_load(Rig *rig, bool has_types);
void linux_rig_load_functions(Rig *rig);
/* The kernel tells each CPU where its entries are: at @value. It is found by that. */
void linux_rig_set_entry(Rig *rig, uint64_t value);
/* Write @len bytes of @value to @addr, an address of the kernel's. */
void linux_rig_put(Rig *rig, uint64_t addr, uint64_t value, size_t len);
/* The answer to the monitor's @command must contain @text. */
void linux_rig_monitor(Rig *rig, const char *command, const char *text);

#endif
