"""many.py - gdb was started without any program, and the guest has many tasks (tasks=200): how long
does it take to show where all of them are?"""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, execute, report, run


def timed(name, command):
    began = time.monotonic()
    text = gdb.execute(command, to_string=True)
    seconds = time.monotonic() - began
    print(f"TIME {name}: {seconds:.2f} s")
    return text, seconds


def connect():
    attach()
    execute("set backtrace limit 60")


def tasks():
    execute("monitor threads tasks")
    text, _ = timed("info threads", "info threads")
    listed = len(gdb.selected_inferior().threads())
    report(listed > 200, "each of many tasks is a thread", listed)
    text, seconds = timed(f"thread apply all backtrace, {listed} threads", "thread apply all backtrace")
    ends = "do_syscall_64", "el0t_64_sync (", "el0_sync (", "ret_from_fork"
    whole = sum(text.count(end) for end in ends)
    report(whole > 200, "thread apply all backtrace shows where they wait", whole)
    report(seconds < 60, f"in {seconds:.1f} s", seconds)
    text, _ = timed("info os processes", "info os processes")
    report(text.count("busybox") >= 200, "info os processes", text[-400:])
    execute("monitor threads cpus")
    execute("detach")


run(connect, tasks)
