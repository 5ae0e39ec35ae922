/*
 * tests/guest-rig.h - a small made-up kernel for the tests of guest/: memory, symbols, and BTF by
 * libbpf's writer.
 */
#ifndef VMGDB_TESTS_GUEST_RIG_H
#define VMGDB_TESTS_GUEST_RIG_H

#include <glib.h>

#include "guest/kernel.h"

#define RIG_BASE 0xffff800010000000u
#define RIG_SIZE (256u * 1024)

/* @mem: what is at RIG_BASE. Unreadable elsewhere. @reads: counts. */
typedef struct GuestRig {
	LinuxKernel kernel;
	uint8_t mem[RIG_SIZE];
	struct btf *btf;
	unsigned reads;
	int u32, u64, composite; /* types in @btf: two numbers, and the last structure */
} GuestRig;

GuestRig *kern_new(void);
void kern_free(GuestRig *rig);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestRig, kern_free)

/* A structure and its members, in bytes; @type as libbpf numbers types. Returns its number. */
int kern_struct(GuestRig *rig, const char *name, uint32_t size);
void kern_field(GuestRig *rig, const char *name, int type, uint32_t offset);
int kern_array(GuestRig *rig, int of, uint32_t n);
void kern_symbol(GuestRig *rig, const char *name, uint64_t addr);
/* After the last of these: the kernel has them now. */
void kern_ready(GuestRig *rig);

/* The log's structures as Linux 6.1 and, printk_log, 4.19 have them. */
void kern_log_types(GuestRig *rig);

/*
 * struct task_struct (512 bytes: tasks at 16, thread_node 32, signal 48, pid 56, tgid 60,
 * real_parent 64, comm 72, __state 88, exit_state 92, mm 96, cpu 104, on_cpu 108, thread 128),
 * struct mm_struct (pgd at 8) and what else the list of tasks needs; @on_stack: as x86 saves
 * registers, else as arm64.
 */
#define KERN_TASK_SIZE 512u
void kern_task_types(GuestRig *rig, bool on_stack);

/*
 * struct module (1,024 bytes): state at 0, list 8, name 24, sect_attrs 96, kallsyms 104, refcnt
 * 112, srcversion 400, and its memory at 128: core_layout and init_layout, or @mem pieces of 24
 * bytes. struct module_sect_attrs: @pointed, as since 6.14. struct btf_module: list at 0, module
 * 16, btf 24; struct btf: data 0, data_size 32.
 */
void kern_module_types(GuestRig *rig, bool mem, bool pointed);

/* Write at an address; little-endian. */
void kern_put(GuestRig *rig, uint64_t addr, const void *data, size_t len);
void kern_put_u16(GuestRig *rig, uint64_t addr, uint16_t value);
void kern_put_u32(GuestRig *rig, uint64_t addr, uint32_t value);
void kern_put_u64(GuestRig *rig, uint64_t addr, uint64_t value);

#endif
