"""nested.py - gdb at a guest that runs a guest of its own (tests/guest/nested.S), then what takes long."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

KERNEL = 0xffff800000000000
MEGABYTE = 1 << 20


def failure(command):
    """What gdb says instead of doing it; empty when it does it."""
    try:
        execute(command)
    except gdb.error as error:
        print(error, flush=True)
        return str(error)
    return ""


def go_on_until(console):
    before = count_console(console)
    run_until(lambda: count_console(console) > before, 30)


def system_register():
    old = value("(unsigned long)$cr0")
    told = failure(f"set $cr0 = {old:#x}UL")
    report(not told and value("(unsigned long)$cr0") == old, "set $cr0 = 0x...UL", told)
    told = failure("set $cr0 = 1")
    report(told == "Invalid cast.", "set $cr0 = 1 is what vmgdb(7) says", told)


def find_too_long():
    """It ends before gdb's patience does, and the next answers are those of the next questions. That the
    pattern ends in zeros makes it long: memory is full of them, and the search moves on by single bytes."""
    told = failure(f"find /w 0, {2048 * MEGABYTE:#x}, 0x12ab34cd, 0")
    report("came as far as 0x" in told, "a find that takes too long says how far it came", told)
    in_sync("after it")


def in_sync(when):
    same = {value("(unsigned long)$pc") for _ in range(3)}
    code = execute("x/i $pc")
    threads = execute("info threads")
    report(len(same) == 1 and "=>" in code and threads.count("Thread") == 1,
           f"{when} gdb and the stub understand each other", f"{same} {code} {threads}")


def inside():
    state = value("(unsigned long)&state")
    execute("set *(char *)&enter = 1")
    go_on_until("inner")
    threads = execute("info threads")
    report("in a guest of this guest" in threads, "info threads says that a guest runs there", threads)
    told = failure(f"x/xg {state:#x}")  # gdb before 16 has no words for it
    report("Cannot access" in told or "a guest inside this guest" in told,
           "a user's address is refused", told)
    back = value(f"*(unsigned long *){KERNEL + value('(unsigned long)&kernel_back'):#x}")
    report(back == KERNEL + value("(unsigned long)&back"), "a kernel's address can be read", hex(back))
    turns = f"*(long *){KERNEL + value('(unsigned long)&inner_turns'):#x}"
    report(gets_on(lambda: value(turns)), "continue: the guest inside goes on", stop_reason())
    return back


def out_again(back):
    execute(f"break *{back:#x}")
    execute(f"set *(char *){KERNEL + value('(unsigned long)&leave'):#x} = 1")
    execute("continue")
    report(value("(unsigned long)$pc") == back, "a break in the kernel hits when it has left", hex(pc()))
    execute("delete")
    threads = execute("info threads")
    report("guest of this" not in threads, "and no guest is shown any more", threads)
    execute("set *(char *)&finish = 1")
    execute("detach")


def all_of_it():
    out_again(inside())


attach()
run(system_register, find_too_long, all_of_it)
