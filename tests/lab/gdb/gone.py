"""gone.py - the VMM ends by a signal while gdb holds the guest stopped."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def ends_while_stopped():
    attach()
    name = os.environ["LAB_COMMAND"]
    report("#0" in execute("bt"), f"{name}: stopped")
    ended = wait_console(f"lab: {name} status", 60)
    report(ended, f"{name}: the VMM ends although gdb holds the guest")
    try:
        text = execute("stepi")
        report("exited" in text, f"{name}: gdb learns that the machine exited", text)
    except gdb.error as error:
        report("closed" in str(error) or "reset" in str(error) or "not being run" in str(error),
               f"{name}: gdb learns that the machine is gone", error)


run(ends_while_stopped)
