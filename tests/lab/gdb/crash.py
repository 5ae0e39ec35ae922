"""crash.py - a guest that panics while gdb is connected stops in gdb."""

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
    execute("detach")


run(panic_stops)
