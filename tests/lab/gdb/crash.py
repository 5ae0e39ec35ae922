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
    report(wait_console("guest: crash", 1), "the guest crashed")
    report("SIG" in stop_reason(), "the panic is a stop", stop_reason())
    backtrace = execute("bt")
    report("panic" in backtrace, "bt shows the panic", backtrace)
    execute("kill")


run(panic_stops)
