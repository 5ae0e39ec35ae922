"""place.py - gdb at a guest that counts (tests/guest/counter.S), wherever its stub listens.
LAB_COMMAND: how to leave, detach or kill."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def look():
    attach()
    report(gets_on(lambda: value("*(long *)&counter")), "the guest counts on", stop_reason())
    execute(os.environ["LAB_COMMAND"])


run(look)
