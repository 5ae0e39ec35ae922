"""leave.py - attach once more, look, tell the guest to end by LAB_COMMAND, let it go."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def last_words():
    attach()
    cpus = int(os.environ["LAB_CPUS"])
    threads = execute("info threads")
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    execute("set variable panic_timeout = " + os.environ["LAB_COMMAND"])
    execute("detach")


run(last_words)
