"""exclusive.py - points in tests/guest/arm/exclusive.S: the sequences come to their ends, each round
once, and nobody waits for ever."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

MASKS = 0x3C0  # DAIF: clear in this guest


def word(symbol):
    return value(f"*(unsigned long *)&{symbol}")


def on_cpu(n):
    gdb.execute(f"thread {n + 1}", to_string=True)


def goes_round(make, where, condition, name):
    """A point that is false for many rounds; its condition is the stub's or gdb's."""
    on_cpu(0)
    before, rounds = word("counter"), value("$x20")
    point = make(where)
    point.condition = condition(rounds)
    why = run_and_interrupt(60)
    on_cpu(0)
    masks = value("$cpsr") & MASKS
    point.delete()
    took, counted = value("$x20") - rounds, word("counter") - before
    report(why != "SIGINT" and took > 0 and abs(took - counted) <= 1 and masks == 0,
           f"{name}: it goes round", f"{why}, {took} rounds, counted {counted}, masks {masks:#x}")


def software(where):
    return gdb.Breakpoint("*&" + where)


def hardware(where):
    return gdb.Breakpoint("*&" + where, type=gdb.BP_HARDWARE_BREAKPOINT)


def watch(_):
    return gdb.Breakpoint("*(unsigned long *)&counter", type=gdb.BP_WATCHPOINT)


def after(n):
    return lambda rounds: f"$x20 == {rounds + n}"


def false_points():
    for where in ("add_load", "add_store"):
        goes_round(software, where, after(50), f"break {where} if false")
        goes_round(hardware, where, after(50), f"hbreak {where} if false")
    goes_round(watch, None, after(10), "watch if false")


def told_points():
    for make, where in ((software, "add_load"), (software, "add_store"), (hardware, "add_load")):
        point, rounds = make(where), []
        for _ in range(5):
            execute("continue")
            rounds.append((value("$x20"), word("counter")))
        point.delete()
        apart = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(rounds, rounds[1:])]
        report(apart == [(1, 1)] * 4, f"continue from {make.__name__} {where}: the next round",
               apart)


def watched():
    point, values = watch(None), []
    for _ in range(5):
        execute("continue")
        values.append(word("counter"))
    why = stop_reason()
    point.delete()
    report(values == list(range(values[0], values[0] + 5)) and why.startswith("watch"),
           "watch: each change is told", f"{why} {values}")


def stepped():
    point = software("add_load")
    execute("continue")
    point.delete()
    before, places = word("counter"), []
    for _ in range(3):
        execute("stepi")
        places.append(pc())
    report(word("counter") == before + 1, "stepi over the sequence",
           f"{word('counter') - before} {[hex(p) for p in places]}")


def locks():
    """Both CPUs hit it all the time, one holds what the other waits for."""
    for make in (software, hardware):
        on_cpu(1)
        before, rounds = word("locked"), value("$x21")
        point = make("lock_load")
        # x21 is a register of CPU 1 only; what gdb itself must look at holds all others meanwhile
        point.condition = f"$x21 == {rounds + 20}"
        why = run_and_interrupt(120)
        point.delete()
        report(why != "SIGINT" and word("locked") >= before + 20,
               f"{make.__name__} break in a spin lock", f"{why} {word('locked') - before}")


def runs_on():
    gdb.execute("delete")
    before, locked = word("counter"), word("locked")
    run_and_interrupt(2)
    report(word("counter") > before + 10 and word("locked") > locked + 10,
           "without points it runs", f"{word('counter') - before} {word('locked') - locked}")


def last():
    gdb.execute("detach")


execute("set architecture aarch64")
attach()
run_and_interrupt(2)
run(false_points, told_points, watched, stepped, locks, runs_on, last)
