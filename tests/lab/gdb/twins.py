"""twins.py - two processes of the guest have code at the same user address (guest.c, twin): one page
is each one's own, the other is the same page of memory. A breakpoint there that is bound to one of them
stops that one only, and the other goes on right."""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, execute, pc, report, run, wait_console

# So many hardware breakpoints leave none for a `break` at a user address: it becomes a trap instruction in
# memory, which else it would not be. 0: KVM reports no such instructions.
FILLERS = int(os.environ["LAB_FILLERS"])
LINE = re.compile(r"guest: twin (\d) pid (\d+) own (0x[0-9a-f]+) shared (0x[0-9a-f]+) turns (\d+) wrong (\d+)")


def twins():
    """What each has said last."""
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        text = log.read()
    text = text[:text.rfind("\n")]
    return {int(m[1]): {"pid": int(m[2]), "own": m[3], "shared": m[4], "turns": int(m[5]), "wrong": int(m[6])}
            for m in LINE.finditer(text)}


def who():
    """The pid of what the stopped CPU runs."""
    cpu = f"{gdb.selected_thread().num - 1}*"
    rows = [row.split() for row in execute("monitor ps").splitlines()]
    return next((int(row[0]) for row in rows if cpu in row[3:5]), 0)


def set_break(kind, where, twin):
    fillers = FILLERS if kind == "patch" else 0
    for n in range(fillers):
        execute(f"hbreak *{int(twin['own'], 16) + 0x800 + 16 * n}")  # nothing is there
    execute(f"{'break' if kind == 'patch' else kind} *{twin[where]}")


def stops(count, addr):
    found = set()
    for _ in range(count):
        execute("continue")
        found.add((pc() == int(addr, 16), who()))
    return found


def bound(kind, where, mine, other):
    """Of a @kind (break, hbreak or patch), bound to twin @mine; twin @other runs over it all the time."""
    name = f"{kind} in code that is {where}"
    before = twins()
    pid = before[mine]["pid"]
    execute(f"monitor break-process {pid}")
    execute(f"monitor process {pid}")
    set_break(kind, where, before[mine])
    found = stops(25, before[mine][where])
    report(found == {(True, pid)}, f"{name}: only twin {mine} stops", found)
    now = twins()
    report(now[other]["turns"] >= before[other]["turns"] + 10, f"{name}: twin {other} runs on meanwhile",
           (before[other], now[other]))
    execute("monitor break-process any")
    pids = {found for _, found in stops(12, before[mine][where])}
    # Who has other code in this place, such as the shell, stops at a hardware breakpoint there, too.
    wanted = {before[mine]["pid"], before[other]["pid"]}
    if kind == "patch":
        good = pids == (wanted if where == "shared" else {pid})
    else:
        good = pids >= wanted
    report(good, f"{name}: any process stops that comes to it", (pids, wanted))
    execute("delete")
    execute("monitor process")


def look():
    attach()
    for mine, other in (1, 2), (2, 1):
        for where in "own", "shared":
            for kind in ("break", "hbreak", "patch") if FILLERS else ("break", "hbreak"):
                bound(kind, where, mine, other)
    execute("detach")


def afterwards():
    before = twins()
    turns = before[1]["turns"] + 20
    report(wait_console(f"guest: twin 1 pid {before[1]['pid']} own {before[1]['own']} shared "
                        f"{before[1]['shared']} turns {turns} ", 60), "both go on")
    report(all(t["wrong"] == 0 for t in twins().values()), "and neither got anything wrong", twins())


run(look, afterwards)
