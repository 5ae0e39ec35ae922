"""hard.py - a debugger beside the programs of tests/lab/hard.c, those that LAB_HARD names: they go on
as if it were not there, breakpoints are hit, steps end.

LAB_BREAK says which breakpoints this bench has: yes, hbreak (only such), no.
"""

import os
import re
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

ORDER = os.environ["LAB_HARD_ORDER"].split()
KIND = {"yes": "break", "hbreak": "hbreak", "no": ""}[os.environ["LAB_BREAK"]]
CODE = 0x20000000
PATIENCE = 240  # seconds of a quiet machine until a few rounds must be over: bochs loads a module in 20
NEVER = "if $sp == 1"  # a condition that the stub evaluates


def rounds(name):
    return count_console(f"hard: {name} ")


def hangs():
    """The guest's kernel says that a CPU of it does not get on, for a minute and more."""
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        return re.search(r"soft lockup - CPU#\d+ stuck for ([6-9]\d|\d{3,})s", log.read())


def begin(name):
    """The program runs, and has the machine for itself."""
    attach()
    execute(f"set variable panic_timeout = {51 + ORDER.index(name)}")
    before = rounds(name)
    run_until(lambda: rounds(name) > before + 1 or hangs(), PATIENCE)
    said = console_after("guest: tick")
    if not report(rounds(name) > before + 1 and "bad" not in said, f"{name}: it runs", said[-300:]):
        execute("bt")
        raise RuntimeError("the guest's kernel hangs" if hangs() else "there is no use in more")


def goes_on(name, how, more=3, seconds=PATIENCE):
    """So many rounds more, all good; gdb does not stop meanwhile."""
    before = rounds(name)
    run_until(lambda: rounds(name) >= before + more, seconds)
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        lines = re.findall(rf"hard: {name}[- ][^\r\n]*", log.read())
    wrong = [line for line in lines if "bad" in line or "ended" in line]
    now = rounds(name)
    return report(now >= before + more and not wrong and stop_reason() == "SIGINT",
                  f"{name}: it goes on {how}",
                  f"{now - before} rounds, {wrong[-1:]}, the stop is {stop_reason()} at {pc():#x}")


def end(name):
    """Nothing of ours is left behind: it runs on without gdb."""
    execute("delete")
    goes_on(name, "without breakpoints")
    before = rounds(name)
    execute("detach")
    report(wait_console(f"hard: {name} ", PATIENCE, before + 2), f"{name}: it goes on without gdb",
           console_after("hard:")[-300:])
    report(count_console(f"hard: {name} ended") == 0, f"{name}: it has not died")


def hits(name, where, times=3):
    """The last breakpoint is hit again and again, and continue gets on."""
    seen = []
    for _ in range(times):
        run_until(lambda: False, PATIENCE)
        seen.append(stop_reason() if pc() == where else f"{stop_reason()} at {pc():#x}")
    report(all(reason.startswith("break") for reason in seen),
           f"{name}: {KIND} hits {times} times", seen)


def point(where, condition=""):
    execute(f"{KIND} *{where:#x} {condition}")


def address(symbol):
    return value("(unsigned long)&" + symbol)


# ---- An instruction that faults and sleeps ----


def step_over_the_fault():
    """stepi on it ends behind it, or where the kernel takes the fault; in its task in any case."""
    gdb.execute("stepi", to_string=True)
    here = pc()
    report(here == address("hard_touched") or "fault" in function() or "el0" in function() or
           function() == "vectors", "uffd: stepi ends in this task", f"{here:#x} {function()}")


def to_the_wait():
    """Without breakpoints: stop in the loop in front of the instruction, and step out of it."""
    execute("set variable hard_hold = 1")
    inside = range(address("hard_wait"), address("hard_touch"))
    for _ in range(40):
        run_and_interrupt(0.5)
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            if pc() in inside:
                execute("set variable hard_hold = 0")
                for _ in range(8):
                    if pc() == address("hard_touch"):
                        return True
                    gdb.execute("stepi", to_string=True)
                return pc() == address("hard_touch")
        execute("set variable hard_hold = 1")
    return False


def uffd():
    begin("uffd")
    if KIND:
        touch = address("hard_touch")
        point(touch)
        hits("uffd", touch)
        step_over_the_fault()
        execute("delete")
    elif report(to_the_wait(), "uffd: at the instruction that faults", hex(pc())):
        step_over_the_fault()
    end("uffd")


# ---- Exclusive sequences ----


def exclusive():
    begin("exclusive")
    ldxr = address("hard_ldxr")
    execute("watch hard_count if hard_count == 1")
    goes_on("exclusive", "with a watch")
    execute("delete")
    for command in ("break", "hbreak"):
        execute(f"{command} *{ldxr:#x} {NEVER}")
        goes_on("exclusive", f"with a {command} at its start that does not stop")
        execute("delete")
    point(ldxr)
    hits("exclusive", ldxr)
    counts = []
    for _ in range(3):
        execute("continue")
        counts.append(value("hard_count"))
    report(counts == [counts[0], counts[0] + 1, counts[0] + 2], "exclusive: each continue counts once",
           counts)
    execute("delete")
    point(address("hard_stxr"))
    hits("exclusive", address("hard_stxr"), 1)
    end("exclusive")


# ---- Code that the kernel copies, or that is different in each process ----


def code(name):
    begin(name)
    point(CODE, NEVER)
    goes_on(name, f"with a {KIND} in its code that does not stop")
    execute("delete")
    point(CODE)
    hits(name, CODE, 5)
    end(name)


def fork():
    code("fork")


def migrate():
    code("migrate")


def collapse():
    code("collapse")


def two():
    begin("two")
    for n in range(6):
        run_and_interrupt(0.3 + n / 10)
        point(CODE, NEVER)
        if not goes_on("two", f"with a {KIND}, set at a stop in {function()}", 1):
            break
        execute("delete")
    end("two")


# ---- The machine changes ----


def hotplug():
    begin("hotplug")
    if KIND:
        execute(f"{KIND} do_sys_openat2 {NEVER}")
    goes_on("hotplug", "beside " + (KIND or "gdb"), 5)
    end("hotplug")


def module_places():
    """Whole lines only: a message of the kernel's may stand in the middle of one."""
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        return re.findall(r"hard: module is at 0x([0-9a-f]+)\r*\n", log.read())


def module():
    begin("module")
    run_until(module_places, PATIENCE)
    point(int(module_places()[-1], 16), NEVER)
    goes_on("module", f"with a {KIND} in it", 5)
    end("module")
    said = console_after("hard: module 1 ")
    report("Oops" not in said and "BUG" not in said, "module: the kernel is well", said[-300:])


# ---- The guest debugs itself ----


def step_in_the_stepped():
    """A process that its own debugger steps: its steps end as before, with a stepi of ours between."""
    stepped, seen = address("debuggee_steps") + 2, []
    point(stepped)
    hits("own", stepped)
    for _ in range(3):
        execute("continue")
        at = pc()
        gdb.execute("stepi", to_string=True)
        seen.append(at == stepped and (pc() == stepped + 1 or function() == "asm_exc_debug"))
    report(all(seen), "own: stepi there ends behind it, or where its own trap is handled", seen)
    execute("delete")
    goes_on("own", "after stepi in its steps")
    point(stepped, NEVER)
    goes_on("own", f"with a {KIND} in its steps that does not stop")
    execute("delete")


def own():
    begin("own")
    execute("hbreak panic")
    goes_on("own", "beside an hbreak")
    execute("watch panic_on_warn")
    goes_on("own", "beside an hbreak and a watch")
    execute("delete")
    execute("break panic")
    goes_on("own", "beside a break")
    execute("delete")
    step_in_the_stepped()
    end("own")


for file in ("LAB_HARD_FILE", "LAB_HARD_TRACER"):
    execute(f"add-symbol-file {os.environ[file]}")
for test in os.environ["LAB_HARD"].split():
    run(globals()[test])
execute("quit")
