"""lab.py - what the lab's gdb scripts share; runs inside gdb.

A script reports each check by report() and ends by done(); tests/lab/lib.sh turns the file
LAB_RESULTS into TAP. An exception anywhere is a failed check, never silence.
"""

import os
import signal
import sys
import threading
import time
import traceback

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from patience import Patience

PORT = os.environ["LAB_PORT"]
_stops = []
gdb.events.stop.connect(_stops.append)
_results = open(os.environ["LAB_RESULTS"], "a", buffering=1)


def report(cond, name, detail=""):
    """One check: cond must be true; detail says what was seen instead."""
    detail = " ".join(str(detail).split())
    line = f"ok {name}" if cond else f"not ok {name}: {detail}"
    _results.write(line + "\n")
    print("LAB " + line, flush=True)
    return cond


def run(*tests):
    """Run test functions in order; one that raises fails, the next ones still run. That is also what
    a Ctrl-C does that comes when gdb has just stopped."""
    for test in tests:
        try:
            test()
        except (Exception, KeyboardInterrupt) as error:
            traceback.print_exc()
            report(False, test.__name__, repr(error))


def execute(command):
    """A gdb command, its output as text."""
    print("(gdb) " + command, flush=True)
    _stops.clear()
    text = gdb.execute(command, to_string=True)
    print(text, end="", flush=True)
    return text


def stop_reason():
    """Why the guest stopped last: "SIGINT", "break LOCATION", "watch EXPRESSION", "step",
    or "none": the last command was not ended by a stop."""
    if not _stops:
        return "none"
    event = _stops[-1]
    if isinstance(event, gdb.BreakpointEvent):
        point = event.breakpoints[0]
        return f"break {point.location}" if point.location else f"watch {point.expression}"
    if isinstance(event, gdb.SignalEvent):
        return event.stop_signal
    return "step"


def attach(seconds=20, port=PORT, how="remote"):
    """Connect; the emulator accepts a little before the stub behind it listens."""
    patience = Patience(seconds)
    while True:
        try:
            return execute(f"target {how} 127.0.0.1:{port}")
        except gdb.error as error:
            if not patience.left():
                raise
            print(f"connect: {error}; again", flush=True)
            time.sleep(0.5)


def value(expression):
    return int(gdb.parse_and_eval(expression))


def pc():
    return value("(unsigned long)$pc")


def function():
    """The name of the function at pc, or '?'."""
    symbol = gdb.selected_frame().function()
    if symbol is not None:
        return symbol.name
    return gdb.selected_frame().name() or "?"


def a_module():
    """A module that the guest has loaded, and a function of it."""
    if os.environ.get("LAB_GUEST"):
        return "configfs", "configfs_register_subsystem"
    return "virtio_ring", "virtqueue_add_split"


def run_and_interrupt(seconds):
    """continue, and press Ctrl-C after some time. Returns the reason of the stop."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        execute("continue")
    finally:
        timer.cancel()
    return stop_reason()


def gets_on(number, seconds=30):
    """continue and Ctrl-C, until number(), which the guest changes, is another one. False when a stop has
    another reason, or when that many seconds of a quiet machine are over."""
    patience, before = Patience(seconds), number()
    while run_and_interrupt(0.2) == "SIGINT":
        if number() != before:
            return True
        if not patience.left():
            break
    return False


def run_until(ready, seconds):
    """continue, until the guest stops by itself or ready() is true, then by Ctrl-C; for so many
    seconds of a quiet machine at most. Returns what gdb said."""
    stopped = threading.Event()

    def interrupt():
        Patience(seconds).wait(lambda: stopped.is_set() or ready())
        if not stopped.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    waiter = threading.Thread(target=interrupt)
    waiter.start()
    try:
        return execute("continue")
    finally:
        stopped.set()
        waiter.join()


def wait_console(text, seconds, more_than=0):
    """Wait until the console has more than so many lines with this text; their number, or 0."""

    def more():
        count = count_console(text)
        return count if count > more_than else 0

    return Patience(seconds).wait(more)


def count_console(text):
    """How many lines of the console have this text."""
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        return sum(text in line for line in log)


def console_after(text):
    """The console after the last place where it says this; all of it if it never did."""
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        return log.read().rpartition(text)[2]
