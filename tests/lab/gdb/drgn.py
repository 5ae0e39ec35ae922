"""drgn.py - gdb is attached while drgn looks at the same guest, which stands still first and then runs."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

GUEST = os.environ["LAB_NAME"]


def done(phase):
    return count_console(f"drgn: done {phase} {GUEST}")


def ended(phase):
    """Also by an error."""
    return done(phase) or count_console(f"drgn: {GUEST}: not ok drgn-live.py")


def stopped():
    attach()
    before = pc()
    Patience(300).wait(lambda: ended("stopped"))
    report(done("stopped"), "drgn is done with a guest that gdb has stopped")
    execute("maintenance flush register-cache")
    report(pc() == before, "the guest has not moved", f"{before:#x} {pc():#x}")


def running():
    run_until(lambda: ended("running"), 300)
    reason = stop_reason()
    report(reason == "SIGINT", "nothing but Ctrl-C stops the guest that drgn looks at", reason)
    report(done("running"), "drgn is done with a guest that runs under gdb")
    execute(os.environ["LAB_LEAVE"])


run(stopped, running)
