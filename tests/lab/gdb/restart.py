"""restart.py - an IDE's restart: run, in extended mode, and R, from before that. Both reset the machine,
and gdb's breakpoints stay. Meanwhile a 0x03 comes while it is stopped. It ends by kill."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *
from relay import Relay, interrupt_owed

EARLY = "start_kernel"


def hits_again(how):
    report(function() == EARLY and stop_reason() == f"break *{EARLY}",
           f"{how}: the break hits in the kernel that was loaded again", f"{function()} {stop_reason()}")
    threads = execute("info threads")
    report(threads.count("Thread") == 2 and "off" in threads.splitlines()[-1],
           f"{how}: CPU 1 is off again", threads)


def step_a_cpu_that_is_off():
    execute("thread 2")
    try:
        told = execute("stepi")
    except gdb.error as error:
        told = str(error)
    report("CPU 1 is off and cannot be stepped" in told, "stepi of a CPU that is off says so", told)
    execute("thread 1")


def by_run():
    """gdb goes on by itself after it."""
    attach(how="extended-remote", port=relay.port)
    execute(f"break *{EARLY}")
    execute("run")
    hits_again("run")
    step_a_cpu_that_is_off()
    interrupt_owed(relay)


def by_packet():
    """No gdb sends it to a stub that knows vRun. It has no reply."""
    relay.inject(b"$R00#b2")
    anew("R")


def by_monitor():
    told = execute("monitor reset")
    report("stands before its first instruction" in told, "monitor reset", told)
    anew("monitor reset")


def anew(how):
    execute("maintenance flush register-cache")
    report(function() != EARLY, f"{how}: the registers are new", hex(pc()))
    execute("continue")
    hits_again(how)


def end():
    execute("kill")
    execute("disconnect")


relay = Relay(int(PORT))
run(by_run, by_packet, by_monitor, end)
