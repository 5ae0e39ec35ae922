"""entry.py - where the page tables or the memory are not what a debugger expects: boot code that is
filled in later, the first instructions of the kernel with a user's page table (page-table isolation
must be on), a user's addresses, and where no code can be. Both architectures; needs --gdb-wait.
LAB_TRAPS=no: this KVM does not report trap instructions, and each break takes a slot.
LAB_PCID=yes: the guest's CPUs have PCID, and its kernel must use it.
"""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

ARM = "aarch64" in gdb.execute("show architecture", to_string=True)
NEVER = ("panic", "kernel_halt", "kernel_power_off", "emergency_restart", "kernel_restart",
         "machine_halt")
LOW = 1 << 47 if not ARM else 1 << 55
CALL = "svc" if ARM else "syscall"
TRAPS = os.environ.get("LAB_TRAPS", "yes") == "yes"
PCID = os.environ.get("LAB_PCID") == "yes"
CR4_PCIDE = 1 << 17
CR3_USER_PCID = 1 << 11  # Linux: the kernel's PCID for that process does not have it


def kernel_problem():
    """Why kernel memory cannot be read here; empty when it can."""
    try:
        banner = gdb.parse_and_eval("(char *)linux_banner").string()
        return "" if banner.startswith("Linux version") else banner
    except gdb.error as error:
        return str(error)


def has_users_table():
    if not ARM:
        return bool(value("$cr3") & 0x1000)
    kernel = execute(f"monitor gva2gpa {value('(unsigned long)&swapper_pg_dir'):#x}")
    return value("$TTBR1_EL1") & 0xfffffffff000 != int(kernel.split()[-1], 16)


def boot_code():
    """The kernel unpacks itself there only later; on arm64 the MMU is off."""
    attach()
    if ARM:
        return
    where = value("(unsigned long)&startup_64") - value("(unsigned long)&_text") + (16 << 20)
    execute(f"break *{where:#x}")
    execute("continue")
    report(pc() == where, "break in memory that the boot code fills later hits", hex(pc()))
    execute("delete")


def to_shell():
    execute("break run_init_process")
    execute("continue")
    report(function() == "run_init_process", "the kernel boots", function())
    execute("delete")


def entry_address():
    entry = value("$VBAR_EL1") + 0x400 if ARM else value("(unsigned long)&entry_SYSCALL_64")
    return entry % (1 << 64)


def to_user():
    """Stop where a system call returns to. Returns that address."""
    execute("hbreak do_sys_openat2" if ARM else "hbreak *entry_SYSCALL_64")
    where = LOW
    while where >= LOW:  # the kernel opens files by itself, too
        execute("continue")
        where = value("$ELR_EL1" if ARM else "$rcx") % (1 << 64)
    execute("delete")
    execute(f"break *{where:#x}")
    execute("continue")
    execute("delete")
    report(pc() == where, "break at a user's address hits",
           f"{pc():#x}, not {where:#x}")
    report(not kernel_problem(), "kernel memory can be read from there", kernel_problem())
    return where


def at_the_entry():
    to_user()
    entry = entry_address()
    execute(f"hbreak *{entry:#x}")
    execute("continue")
    report(pc() == entry, "an hbreak at the kernel's entry hits", hex(pc()))
    report(has_users_table(), "with a user's page table")
    if PCID:
        cr3, cr4 = value("$cr3"), value("$cr4")
        report(cr4 & CR4_PCIDE and cr3 & CR3_USER_PCID, "which has a PCID of its own",
               f"cr3 {cr3:#x}, cr4 {cr4:#x}")
    report(not kernel_problem(), "and kernel memory can be read", kernel_problem())
    threads = execute("info threads")
    report("Cannot" not in threads, "info threads", threads)
    execute("delete")


def breaks_from_there():
    """gdb inserts all of them there, at each continue."""
    entry = entry_address() if not ARM else pc()
    for name in NEVER[:4] if TRAPS else NEVER[:2]:
        execute("break " + name)
    execute("break do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "breaks set there: the last one hits", function())
    execute(f"hbreak *{entry:#x}")
    for n in range(4):
        execute("continue")
        report(stop_reason().startswith("break"), f"with an hbreak at the entry, too: stop {n}",
               stop_reason())
        report(not kernel_problem(), f"kernel memory can be read at stop {n}", kernel_problem())
    execute("delete")


def step_over_the_call():
    where = to_user() - (4 if ARM else 2)
    entry = entry_address()
    execute(f"hbreak *{where:#x}")
    execute("continue")
    execute("delete")
    code = execute("x/i $pc")
    report(CALL in code, "a stop at the system call", code)
    execute("stepi")
    report(pc() == entry, "stepi over it ends at the kernel's entry", f"{pc():#x}, not {entry:#x}")
    problems, tables = set(), []
    for _ in range(40):
        problems.add(kernel_problem())
        tables.append(has_users_table())
        if not tables[-1]:
            break
        gdb.execute("stepi", to_string=True)
    report(problems == {""}, "kernel memory can be read at each step from there", problems)
    report(tables[0] and not tables[-1], "the steps reach the kernel's page table", tables)


def user_break_without_a_slot():
    where = to_user()
    for name in NEVER if ARM else NEVER[:4]:
        execute("hbreak *" + name)
    execute(f"break *{where:#x}")
    execute("continue")
    report(pc() == where, "break at a user's address hits without a slot, too", hex(pc()))
    execute("delete")


def call_a_function():
    """gdb makes up a return address where no code is."""
    execute("break do_sys_openat2")
    execute("continue")
    execute("delete")
    before = pc()
    told = execute("print ((int (*)(void))nr_processes)()")
    count = int(told.split("=")[-1])
    report(0 < count < 500 and pc() == before, "print f() returns", told)
    execute("delete")
    execute("detach")


run(boot_code, to_shell, at_the_entry, breaks_from_there, step_over_the_call)
if TRAPS:
    run(user_break_without_a_slot)
run(call_a_function)
