"""timer.py - a breakpoint in the timer interrupt of a guest with one CPU, ignored a million times by
gdb: the guest gets on.
"""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

HITS = 50


def ignored():
    attach()
    execute("hbreak hrtimer_interrupt" if os.environ["LAB_BREAK"] == "hbreak"
            else "break hrtimer_interrupt")
    point = gdb.breakpoints()[-1]
    execute(f"ignore {point.number} 1000000")
    ticks = count_console("guest: tick")
    run_until(lambda: count_console("guest: tick") > ticks + 1 and point.hit_count > HITS, 240)
    now = count_console("guest: tick")
    report(stop_reason() == "SIGINT" and now > ticks + 1 and point.hit_count > HITS,
           "ignored in gdb: the guest gets on",
           f"{point.hit_count} hits, {now - ticks} ticks, {stop_reason()}")
    execute("delete")
    execute("detach")
    report(wait_console("guest: tick", 60, now + 2), "and without gdb")


run(ignored)
