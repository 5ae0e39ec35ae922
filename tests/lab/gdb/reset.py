"""reset.py - monitor system_reset: the machine begins anew, and gdb with its breakpoints stays."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def machine_begins_anew():
    booted, banners = count_console("shell reached"), count_console("Linux version")
    attach()
    before = pc()
    if os.environ["LAB_BREAK"] == "yes":
        execute("break run_init_process")
    text = execute("monitor system_reset")
    report("stands before its first instruction" in text, "monitor system_reset", text)
    execute("maintenance flush register-cache")
    first = pc()
    report(first != before, "the registers are new", hex(first))
    cpus = int(os.environ["LAB_CPUS"])
    threads = execute("info threads")
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    execute("stepi")
    report(stop_reason() == "step" and pc() != first, "stepi", f"{stop_reason()} {hex(pc())}")
    report(count_console("Linux version") == banners, "the kernel has not run yet")
    if os.environ["LAB_BREAK"] == "yes":
        execute("continue")
        report(function() == "run_init_process", "break hits in the kernel that was loaded again",
               f"{function()} {stop_reason()}")
        execute("delete")
    execute("detach")
    report(wait_console("shell reached", 300, booted), "the guest boots again")


run(machine_begins_anew)
