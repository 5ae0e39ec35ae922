"""devices.py - a guest that writes a disk and reads it back, stopped and stepped all the time, by a gdb
that has no file."""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

ROUND = "guest: disk round"


def interrupt_of_the_disk():
    text = execute("break virtblk_done")
    if "not defined" in text:
        raise gdb.error("gdb does not know the disk's driver: " + execute("info sharedlibrary"))
    execute("continue")
    report(stop_reason() == "break virtblk_done", "a breakpoint in the disk's interrupt is hit",
           f"{stop_reason()} in {function()}")
    text = execute("backtrace 6")
    report("vring_interrupt" in text, "who called it is known", text)
    execute("delete")


def stands_still():
    """Nothing of the guest moves while it is stopped, however long its disk has something to do."""
    before = execute("monitor info irq") if has_info("irq") else ""
    rounds = count_console(ROUND)
    first = execute("monitor info virtio")
    time.sleep(3)
    report(execute("monitor info virtio") == first and count_console(ROUND) == rounds,
           "its devices stand with it")
    report("virtio-blk" in first, "monitor info virtio has the disks", first)
    report("vda" in first or "root.img" in first, "and their files", first)
    text = execute("monitor info pci")
    report("1af4" in text, "monitor info pci has them", text)
    report(before == "" or before == execute("monitor info irq"), "no interrupt comes meanwhile")


def has_info(what):
    try:
        gdb.execute(f"monitor info {what}", to_string=True)
        return True
    except gdb.error:
        return False


def stops():
    n = int(os.environ["LAB_STOPS"])
    reasons = [run_and_interrupt(0.1) for _ in range(n)]
    report(reasons == ["SIGINT"] * n, f"{n} stops", set(reasons))
    report(gets_on(lambda: count_console(ROUND), 60), "the disk is used meanwhile")


def steps():
    n = int(os.environ["LAB_STEPS"])
    execute("break virtblk_done")
    execute("continue")
    execute("delete")
    for _ in range(n):
        gdb.execute("stepi", to_string=True)
    report(stop_reason() in ("step", "none"), f"{n} steps in and behind its interrupt", stop_reason())
    report(gets_on(lambda: count_console(ROUND), 60), "the disk goes on")


def reboot():
    execute("set variable panic_timeout = 43")
    execute("detach")


attach()
run(interrupt_of_the_disk, stands_still, stops, steps, reboot)
