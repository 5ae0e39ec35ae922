"""condition.py - a condition on a busy kernel function that is false LAB_OPENS times and then true,
and a dprintf there that prints as often: by the stub, with a software and a hardware breakpoint.
Conditions that gdb evaluates: a Ctrl-C meets their stops. And jump to where the breakpoint is.
"""

import os
import signal
import sys
import threading
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

OPENS = int(os.environ["LAB_OPENS"])
IS_LAST = "how->mode == 04751"
PRESSES = 10
ANSWERED = f" failed {OPENS}, made 1"  # the end of the guest's line, which comes byte by byte


def let_it_open(times):
    """Ask the guest to; how often it has answered so far."""
    execute(f"set variable panic_timeout = {times}")
    return count_console("guest: opens")


def rate(times, start):
    print(f"LAB RATE {times / (time.time() - start):.0f}/s", flush=True)


def run_and_interrupt_after(text, before):
    """What gdb says until the console has more than so many lines with this text."""
    return run_until(lambda: count_console(text) > before, 240)


def false_then_true(command, where):
    before = let_it_open(OPENS)
    answered = count_console(ANSWERED)
    execute(f"{command} do_sys_openat2 if {IS_LAST}")
    point = gdb.breakpoints()[-1]
    start = time.time()
    execute("continue")
    rate(OPENS, start)
    name = gdb.parse_and_eval("filename").string()
    report(stop_reason() == "break do_sys_openat2" and name == "/lab-opens",
           f"{where}: false {OPENS} times, then it stops with the right arguments",
           f"{stop_reason()} in {function()}, {name}")
    report(count_console("guest: opens") == before, f"{where}: the guest is in its last open")
    run_and_interrupt_after(ANSWERED, answered)
    report(point.hit_count == 1 and stop_reason() == "SIGINT", f"{where}: it stops once",
           f"{point.hit_count} hits, {stop_reason()}")
    answer = console_after("guest: opens").split("text")[0]
    report(f"{OPENS} failed {OPENS}, made 1" in answer, f"{where}: the guest saw nothing of it", answer)
    execute("delete")


def in_the_stub():
    attach()
    execute("set breakpoint condition-evaluation target")
    false_then_true("break", "break")


def in_the_stub_hardware():
    false_then_true("hbreak", "hbreak")


def printed_by_the_stub():
    times = min(OPENS, 500)
    execute("set dprintf-style agent")
    execute('dprintf do_sys_openat2,"LAB %s %o\\n", filename, how->mode')
    execute("condition $bpnum *(int *) (filename + 1) == 0x2d62616c")  # /lab-
    before = let_it_open(times)
    text = run_and_interrupt_after("guest: opens", before)
    report(stop_reason() == "SIGINT", "dprintf: it does not stop", stop_reason())
    report(text.count("LAB /lab-none 0\n") == times, f"dprintf: {times} lines", text[:200])
    report(text.count("LAB /lab-opens 4751\n") == 1, "dprintf: the last one", text[-200:])
    execute("delete")


def jump_to_itself():
    """To jump to a breakpoint is to hit it, also where it was just told."""
    let_it_open(100)
    execute("break do_sys_openat2")
    execute("continue")
    where, thread = pc(), gdb.selected_thread().num
    execute("set scheduler-locking on")
    execute("jump *$pc")
    report((stop_reason(), pc(), gdb.selected_thread().num) ==
           ("break do_sys_openat2", where, thread), "jump to a breakpoint hits it",
           f"{stop_reason()} at {pc():#x}")
    execute("set scheduler-locking replay")
    execute("delete")


def presses_until_stop(seconds):
    """continue, and press Ctrl-C after some time: how often that takes."""
    stopped, presses = threading.Event(), []

    def press():
        time.sleep(seconds)
        while not stopped.is_set() and len(presses) < 3:
            presses.append(os.kill(os.getpid(), signal.SIGINT))
            Patience(30).wait(stopped.is_set)

    waiter = threading.Thread(target=press)
    waiter.start()
    try:
        execute("continue")
    finally:
        stopped.set()
        waiter.join()
    return len(presses) if stop_reason() == "SIGINT" else stop_reason()


def interrupts_in_gdb():
    """gdb goes on by itself from the stops that meet a Ctrl-C."""
    execute("set breakpoint condition-evaluation host")
    execute("break __schedule if $sp == 1")
    seen = [presses_until_stop(0.5 + n / 10) for n in range(PRESSES)]
    report(seen == [1] * PRESSES, f"one Ctrl-C stops a guest that gdb resumes all the time, {PRESSES} times",
           seen)
    execute("delete")
    execute("set breakpoint condition-evaluation target")


def in_gdb_for_comparison():
    """The same, evaluated by gdb: only its rate is of interest."""
    times = max(100, OPENS // 200)
    execute("set breakpoint condition-evaluation host")
    execute(f"break do_sys_openat2 if {IS_LAST}")
    let_it_open(times)
    start = time.time()
    execute("continue")
    rate(times, start)
    execute("delete")
    execute("set breakpoint condition-evaluation target")


run(in_the_stub, in_the_stub_hardware, printed_by_the_stub, jump_to_itself)
if OPENS > 100:  # not in bochs, where gdb takes a second for each hit
    run(interrupts_in_gdb)
if os.environ.get("LAB_COMPARE"):
    run(in_gdb_for_comparison)
execute("detach")
