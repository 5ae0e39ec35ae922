"""warn.py - the guest runs into WARN, a BRK of its own, while gdb has a breakpoint set and after it
has left. The system call clock_nanosleep, which the guest makes now and then, is led there:
refcount_warn_saturate(counter, kind) warns and returns. Debian's kernel has no LKDTM to do so.
"""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

WARNING = "WARNING: CPU: "


def lead_to_warn(kind):
    """At the entry of clock_nanosleep: go to the function that warns, with a counter on the stack."""
    stack = value("(unsigned long)$sp")
    execute(f"set $x0 = {stack - 0x800:#x}")
    execute(f"set $x1 = {kind}")
    execute("set $pc = refcount_warn_saturate")


def warn_under_gdb():
    attach()
    gdb.Breakpoint("__arm64_sys_clock_nanosleep")
    execute("continue")
    report(function() == "__arm64_sys_clock_nanosleep", "the guest calls clock_nanosleep", function())
    before = count_console(WARNING)
    lead_to_warn(0)
    execute("continue")
    report(stop_reason() == "break __arm64_sys_clock_nanosleep", "gdb does not stop for WARN",
           stop_reason() + " in " + function())
    report(wait_console(WARNING, 10, before) == before + 1, "the kernel says WARNING, once")


def warn_without_gdb():
    before = count_console(WARNING)
    lead_to_warn(1)
    execute("delete")
    execute("detach")
    report(wait_console(WARNING, 10, before) == before + 1, "it does so too when gdb has left")


run(warn_under_gdb, warn_without_gdb)
