"""again.py - KASLR moves the kernel at each boot, and gdb, which has no file but the stub's, is told of
the next one by itself: when the guest reboots (--reboot), and after monitor system_reset."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, count_console, execute, function, report, run, run_until, stop_reason, value


def has(text, wanted, name):
    report(wanted in text, name, text[-600:])


def text_addr():
    return value("(unsigned long)&_stext")


def symbols_fit(name):
    report(gdb.parse_and_eval("(char *)linux_banner").string().startswith("Linux version "), name)


def connect():
    attach()
    execute("set backtrace limit 60")
    symbols_fit("the symbols are where the kernel is")
    has(execute("info sharedlibrary"), ".ko", "modules are listed")


def reboot():
    """Nobody interrupts: gdb hears of the new kernel when that begins, and the breakpoint hits in it."""
    before = text_addr()
    execute("delete")
    execute("set variable panic_timeout = 43")
    execute("break run_init_process")
    text = execute("continue")
    has(text, "is executing new program: /vmgdb/vmlinux-", "gdb is told of another kernel")
    report(function() == "run_init_process", "a breakpoint is hit while it boots", function())
    report(count_console("guest: shell reached") == 1, "before it runs any program")
    report(text_addr() != before, "KASLR has moved it", hex(before))
    symbols_fit("the symbols are where it is now")
    threads = execute("info threads")
    report(threads.count("CPU#") == 2, "a thread for each CPU", threads)
    has(execute("bt"), "kernel_init", "bt")
    execute("delete")
    execute("hbreak do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "and others later", function())


def reset():
    before = text_addr()
    boots, ticks = count_console("guest: shell reached"), count_console("guest: tick 3 ")
    has(execute("monitor system_reset"), "first instruction", "monitor system_reset")
    execute("maintenance flush register-cache")
    execute("delete")
    execute("catch exec")
    execute("continue")
    has(execute("info breakpoints"), "catchpoint already hit 1 time", "catch exec stops for it")
    report(count_console("guest: shell reached") == boots, "before it runs any program")
    report(text_addr() != before, "KASLR has moved it again", hex(before))
    symbols_fit("the symbols fit again")
    text = run_until(lambda: count_console("guest: tick 3 ") > ticks, 200)
    report(stop_reason() == "SIGINT", "nothing else stops it", text)
    has(execute("info sharedlibrary"), ".ko", "the new kernel's modules are listed")
    execute("detach")


run(connect, reboot, reset)
