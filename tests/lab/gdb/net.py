"""net.py - a guest that reads files by 9p and a large one by the network: stopped again and again by
Ctrl-C, and once for longer than TCP's patience; what it reads must stay whole."""

import os
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

STOPS = int(os.environ.get("LAB_STOPS", "20"))
LONG = int(os.environ.get("LAB_LONG_STOP", "60"))


def devices():
    attach()
    text = execute("monitor info virtio")
    report("virtio-9p, driver ready" in text, "info virtio names the folders", text)
    report("virtio-net, driver ready" in text, "info virtio names the network card", text)


def stops():
    bad = []
    for _ in range(STOPS):
        reason = run_and_interrupt(0.5)
        if reason != "SIGINT":
            bad.append(reason)
    report(not bad, f"{STOPS} stops", bad)
    time.sleep(LONG)
    report(run_and_interrupt(0.5) == "SIGINT", f"a stop of {LONG} s")
    execute("detach")


run(devices, stops)
