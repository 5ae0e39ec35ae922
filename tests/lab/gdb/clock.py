"""clock.py - a long stop: with LAB_CLOCK=stop the guest does not notice, with run time went on."""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

SECONDS = int(os.environ["LAB_CLOCK_SECONDS"])
HZ = 250  # of Debian's kernels
RUN = 5


def jiffies():
    return value("(unsigned long)jiffies_64")


def wall_clock():
    return value("tk_core.timekeeper.xtime_sec")


def long_stop():
    attach()
    before, wall_before = jiffies(), wall_clock()
    begin = time.time()
    time.sleep(SECONDS)
    report(jiffies() == before, "nothing runs during the stop")
    held = time.time() - begin
    run_from = time.time()
    run_and_interrupt(RUN)
    run = time.time() - run_from  # on a busy machine Ctrl-C takes its time
    passed, wall = (jiffies() - before) / HZ, wall_clock() - wall_before
    detail = f"{passed:.1f} s passed in the guest, the stop was {held:.1f} s"
    if os.environ["LAB_CLOCK"] == "stop":
        report(passed < run + SECONDS / 2, "the guest's clock stood still", detail)
        report(wall < run + SECONDS / 2, "the guest's wall clock stood still", f"{wall} s")
    else:
        report(passed >= held, "the guest's clock went on", detail)
        # It is kept up to a tick ago, in whole seconds.
        report(wall >= int(held) - 1, "the guest's wall clock went on", f"{wall} s")
    report(passed > 0, "the guest's clock goes on after the stop", detail)
    execute("detach")


run(long_stop)
