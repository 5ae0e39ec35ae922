"""late.py - a breakpoint where the guest puts its code later (tests/guest/arm/late.S), first with the
MMU off, then with it on.
"""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def address(symbol):
    return value("(unsigned long)&" + symbol)


def run_to(where):
    run_until(lambda: False, 15)
    return stop_reason() if pc() == where else f"{stop_reason()} at {pc():#x}"


def mmu_off():
    execute("set architecture aarch64")
    attach()
    copied = address("copied")
    report(value("*(int *)&copied") == 0, "nothing is there yet")
    execute(f"break *{copied:#x}")
    seen = [run_to(copied) for _ in range(3)]
    report(all(reason.startswith("break") for reason in seen), "MMU off: it hits three times", seen)
    execute("delete")


def written_over():
    late, copied = address("late"), address("copied")
    execute(f"hbreak *{late:#x}")
    report(run_to(late).startswith("break"), "the guest turns the MMU on", hex(pc()))
    execute("delete")
    execute(f"break *{copied:#x}")
    first = run_to(copied)  # the guest writes over it first
    seen = [run_to(copied) for _ in range(3)]
    report(all(reason.startswith("break") for reason in seen),
           "written over, it is put back at the next resume", [first] + seen)
    execute("delete")
    before = value("*(long *)&calls")
    run_and_interrupt(1)
    now = value("*(long *)&calls")
    report(now > before, "without it the guest runs on", f"{before} {now}")
    execute("kill")


run(mmu_off, written_over)
