"""main.py - the main job, from the first instruction on: needs breakpoints and --gdb-wait."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def at_the_reset():
    attach()
    threads = execute("info threads")
    cpus = int(os.environ.get("LAB_CPUS", "2"))
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    said = console_after("gdb: listening")
    report("Linux version" not in said and pc() < 1 << 32, "--gdb-wait: the kernel has not run yet",
           f"pc {pc():#x}, console: {said[-100:]}")


def break_start_kernel():
    execute("break start_kernel")
    execute("continue")
    report(function() == "start_kernel", "break start_kernel before the kernel unpacked itself",
           function())
    execute("delete")


def step_source_lines():
    lines = []
    for _ in range(5):
        execute("next")
        lines.append(gdb.selected_frame().find_sal().line)
    report(function() == "start_kernel" and len(set(lines)) > 2, "next x5 stays in start_kernel",
           f"{function()} {lines}")


def finish():
    execute("tbreak early_security_init")
    execute("continue")
    execute("finish")
    report(function() == "start_kernel", "finish returns to the caller", function())


def watch():
    execute("watch jiffies_64")
    before = value("jiffies_64")
    execute("continue")
    reason = stop_reason()
    report(reason == "watch jiffies_64", "watch jiffies_64 hits", reason)
    report(value("jiffies_64") != before, "the watched value changed", before)
    execute("delete")


def hbreak():
    execute("hbreak run_init_process")
    execute("continue")
    report(stop_reason() == "break run_init_process" and function() == "run_init_process",
           "hbreak hits", f"{stop_reason()} in {function()}")
    execute("delete")


def break_from_user():
    execute("break do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "break do_sys_openat2 hits", function())
    backtrace = execute("bt")
    report("entry_SYSCALL_64" in backtrace, "it was called from user space", backtrace)
    rdi = value("(unsigned int)$rdi")
    report(rdi == 0xffffff9c, "p/x $rdi is AT_FDCWD", hex(rdi))
    name = execute("x/s $rsi")
    report('"/' in name or '"' in name and value("*(unsigned char *)$rsi") > 0x20,
           "x/s on a user pointer", name)
    banner = execute("x/s linux_banner")
    report("Linux version" in banner, "x/s on a kernel pointer", banner)


def system_registers():
    cr3 = value("(unsigned long)$cr3")
    report(cr3 & ~0xfff, "p $cr3", cr3)
    fs_base = execute("p $fs_base")
    report(" = " in fs_base and "void" not in fs_base, "p $fs_base", fs_base)
    report("v4_int32" in execute("p $xmm0"), "p $xmm0")
    flags = execute("info registers eflags")
    report("[" in flags and "IF" in flags, "info registers eflags", flags)


def twenty_steps():
    seen = []
    for _ in range(20):
        gdb.execute("stepi", to_string=True)
        seen.append(function())
    bad = [f for f in seen if "irq" in f or "sysvec" in f or f.startswith(("asm_", "common_int"))]
    report(not bad, "20 stepi, none in an interrupt handler", bad)
    report(len(set(seen)) >= 1 and seen[0] == "do_sys_openat2", "stepi moves on", seen)
    execute("delete")


def control_c():
    reason = run_and_interrupt(3)
    report(reason == "SIGINT", "Ctrl-C stops the running guest", reason)
    report(execute("bt") != "", "bt after Ctrl-C")


def leave():
    text = execute("detach")
    report("detached" in text, "detach", text)


run(at_the_reset, break_start_kernel, step_source_lines, finish, watch, hbreak, break_from_user,
    system_registers, twenty_steps, control_c, leave)
