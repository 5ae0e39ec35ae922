"""reboot.py - breakpoints outlive a reset of the machine: LAB_RESET is "guest", which reboots itself
when told, or "vmm", whose job resets it when it sees the line that the guest prints.
"""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def breakpoints_hit_again():
    by_guest = os.environ["LAB_RESET"] == "guest"
    asked = "guest: reboot" if by_guest else "guest: reset me"
    attach()
    execute("thbreak start_kernel")  # its memory may be used for something else by now
    execute("break run_init_process")
    execute("set variable panic_timeout = " + ("43" if by_guest else "45"))
    execute("continue")
    report(function() == "start_kernel", "hbreak hits when the machine has begun anew", function())
    report("Linux version" not in console_after(asked), "before the kernel says anything")
    cpus = int(os.environ["LAB_CPUS"])
    threads = execute("info threads")
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    execute("stepi")
    report(stop_reason() == "step", "stepi", stop_reason())
    execute("continue")
    report(function() == "run_init_process", "break hits in the kernel that was loaded again",
           f"{function()} {stop_reason()}")
    execute("delete")
    execute("watch jiffies_64")
    execute("continue")
    report(stop_reason() == "watch jiffies_64", "watch hits", stop_reason())
    execute("delete")
    execute("detach")


run(breakpoints_hit_again)
