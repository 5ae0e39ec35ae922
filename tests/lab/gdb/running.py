"""running.py - a guest that runs user programs with traps of its own while gdb is attached."""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def own_traps():
    attach()
    execute("info threads")
    if os.environ["LAB_BREAK"] == "yes":
        execute("break panic")  # keeps software breakpoints switched on; never hit
    wanted = count_console("guest: tick") + 5
    run_until(lambda: count_console("guest: tick") >= wanted, 200)
    reason = stop_reason()
    report(reason == "SIGINT", "no trap of the guest's own stops in gdb", reason)
    report(count_console("guest: tick") >= wanted,
           "the guest runs its own traps and patches its own code under gdb")
    execute("delete")


def hit_then_hang():
    if os.environ["LAB_BREAK"] != "yes":
        execute("detach")
        return
    execute("break do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "re-attach: break hits", function())
    print("LAB KILL ME", flush=True)
    time.sleep(3600)  # at the breakpoint; the script sends SIGKILL


run(own_traps, hit_then_hang)
