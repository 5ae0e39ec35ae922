"""times.py - how long gdb takes from connecting to a prompt with symbols. LAB_ROUNDS: how often, in
a session each, of which each reads everything anew."""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, execute, report, run

NAME = os.environ["LAB_TIMED"]


def connect():
    began = time.monotonic()
    attach()
    connected = time.monotonic() - began
    text = execute("info symbol do_sys_openat2")
    if NAME.startswith("bare"):
        text += execute("p init_task.comm")
    ready = time.monotonic() - began
    print(f"TIME {NAME}: connected in {connected:.2f} s, symbols in {ready:.2f} s")
    if NAME.startswith("bare"):
        report("swapper" in text and "do_sys_openat2" in text, "symbols and types are there", text)
        report(ready < 3, f"{NAME}: a prompt with symbols in under 3 s: {ready:.2f}")
    else:
        report(True, f"{NAME}: {ready:.2f} s")
    execute("detach")


run(connect)
