"""wait.py - --gdb-wait where no breakpoint works: look at the very first instruction, let go."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def first_instruction():
    booted = count_console("shell reached")
    attach()
    report(value("(unsigned long)$rip") != 0, "there is a first instruction", hex(pc()))
    report("Linux version" not in console_after("gdb: listening"), "the kernel has not run yet")
    first = pc()
    execute("stepi")
    report(pc() != first, "stepi executes it", hex(pc()))
    execute("detach")
    report(wait_console("shell reached", 300, booted), "after detach it boots")


run(first_instruction)
