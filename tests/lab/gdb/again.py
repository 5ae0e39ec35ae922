"""again.py - the guest reboots, KASLR moves its kernel, and gdb, which has no file but the stub's, is
told: by the guest's own reboot, and by monitor system_reset."""

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
    execute("break do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "break FUNCTION stops in it", function())


def reboot():
    """Somebody waits for a breakpoint; gdb hears of the new kernel when it stops for any reason."""
    before, boots = text_addr(), count_console("guest: shell reached")
    execute("disable 1")
    execute("set variable panic_timeout = 43")
    text = run_until(lambda: count_console("guest: shell reached") > boots, 200)
    has(text, "is executing new program: /vmgdb/vmlinux-", "gdb is told of another kernel")
    report(text_addr() != before, "KASLR has moved it", hex(before))
    symbols_fit("the symbols are where it is now")
    threads = execute("info threads")
    report(threads.count("CPU#") == 2, "a thread for each CPU", threads)
    execute("enable 1")
    execute("continue")
    report(function() == "do_sys_openat2", "the breakpoint is where the function is now", function())
    has(execute("bt"), "do_syscall_64" if "i386" in execute("show architecture") else "el0_svc", "bt")
    has(execute("info sharedlibrary"), ".ko", "the new kernel's modules are listed")


def reset():
    before, boots = text_addr(), count_console("guest: shell reached")
    has(execute("monitor system_reset"), "first instruction", "monitor system_reset")
    execute("maintenance flush register-cache")
    execute("catch exec")
    execute("disable 1")
    run_until(lambda: count_console("guest: shell reached") > boots, 200)
    has(execute("info breakpoints"), "catchpoint already hit 1 time", "catch exec stops for it")
    report(text_addr() != before, "KASLR has moved it again", hex(before))
    symbols_fit("the symbols fit again")
    execute("enable 1")
    execute("continue")
    report(stop_reason() == "SIGINT", "what had stopped the machine comes then", stop_reason())
    execute("continue")
    report(function() == "do_sys_openat2", "and the breakpoint hits", function())
    execute("detach")


run(connect, reboot, reset)
