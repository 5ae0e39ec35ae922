"""crash.py - a guest that panics while gdb is connected stops in gdb; a reset brings it back."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def panic_stops():
    attach()
    execute("set variable panic_timeout = 44")
    execute("continue")
    reason = stop_reason()
    report(wait_console("guest: crash", 30), "the guest crashed")
    report(reason.startswith("SIG"), "the panic is a stop", reason)
    backtrace = execute("bt")
    report("panic" in backtrace, "bt shows the panic", backtrace)


def reset_brings_it_back():
    booted = count_console("shell reached")
    crashed = pc()
    if os.environ["LAB_BREAK"] == "yes":
        execute("break run_init_process")
    text = execute("monitor system_reset")
    report("stands before its first instruction" in text, "monitor system_reset", text)
    execute("maintenance flush register-cache")
    first = pc()
    report(first != crashed, "the registers are new", hex(first))
    cpus = int(os.environ["LAB_CPUS"])
    threads = execute("info threads")
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    execute("stepi")
    report(stop_reason() == "step" and pc() != first, "stepi", f"{stop_reason()} {hex(pc())}")
    report("Linux version" not in console_after("guest: crash"), "the kernel has not run yet")
    if os.environ["LAB_BREAK"] == "yes":
        execute("continue")
        report(function() == "run_init_process", "break hits in the kernel that was loaded again",
               f"{function()} {stop_reason()}")
        execute("delete")
    execute("detach")
    report(wait_console("shell reached", 300, booted), "the guest boots again")


run(panic_stops, reset_brings_it_back)
