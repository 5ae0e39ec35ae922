"""times.py - how long gdb takes from connecting to a prompt with symbols: on the clock, and what of a
CPU it and the emulator have used for it, which is what it takes on a quiet machine."""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, execute, report, run
from patience import cpu_use

NAME = os.environ["LAB_TIMED"]


def used():
    return cpu_use(os.environ["LAB_EMULATOR"])[0] + sum(os.times()[:2])


def connect():
    began, before = time.monotonic(), used()
    attach()
    connected = time.monotonic() - began
    text = execute("info symbol do_sys_openat2")
    if NAME.startswith("bare"):
        text += execute("p init_task.comm")
    ready, busy = time.monotonic() - began, used() - before
    print(f"TIME {NAME}: connected in {connected:.2f} s, symbols in {ready:.2f} s, {busy:.2f} s of CPU")
    ready = min(ready, busy)
    if NAME.startswith("bare"):
        report("swapper" in text and "do_sys_openat2" in text, "symbols and types are there", text)
        report(ready < 3, f"{NAME}: a prompt with symbols in under 3 s: {ready:.2f}")
    else:
        report(True, f"{NAME}: {ready:.2f} s")
    execute("detach")


run(connect)
