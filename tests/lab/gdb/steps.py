"""steps.py - tests/guest/arm/steps.S in one of the ways LAB_STEPS: free, quiet, open.

free runs it and keeps what it left in memory in the file LAB_RESULT; quiet steps through all of it
and compares; open does so with interrupts let into the steps.
"""

import json
import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

KIND = os.environ["LAB_STEPS"]
EL0_ALIAS = 0x40000000
MAX_STEPS = 5000
IRQ_ELR = 1  # of the 4 words that each interrupt leaves


def address(symbol):
    return value("(unsigned long)&" + symbol)


def words(name):
    start, end = address(name), address(name + "_end")
    memory = gdb.selected_inferior().read_memory(start, end - start).tobytes()
    return [int.from_bytes(memory[i : i + 8], "little") for i in range(0, len(memory), 8)]


def waits():
    """Where only an interrupt leads on: address after address before."""
    found = {}
    for n in range(1, 7):
        alias = EL0_ALIAS if n == 4 else 0
        found[address(f"wait_{n}") + alias] = address(f"past_{n}") + alias
    return found


def run_past(where):
    """No quiet step lets the interrupt in, so run."""
    breakpoint = gdb.Breakpoint(f"*{where:#x}")
    gdb.execute("continue", to_string=True)
    breakpoint.delete()
    if pc() != where:
        raise gdb.error(f"the stop is at {pc():#x}, not {where:#x}")


def step_to_the_end():
    """Returns how many steps and how often it had to run."""
    end, places, steps, runs, seen = address("done"), waits(), 0, 0, 0
    while (here := pc()) != end:
        if here in places:
            seen += 1
            if seen == 2:
                run_past(places[here])
                runs, seen = runs + 1, 0
                continue
        if steps == MAX_STEPS:
            raise gdb.error(f"{MAX_STEPS} steps, and at {here:#x}")
        gdb.execute("stepi", to_string=True)
        steps += 1
    return steps, runs


def without_place(interrupts):
    """The interrupts, but not where they came, since steps delay them."""
    return [0 if i % 4 == IRQ_ELR else word for i, word in enumerate(interrupts)]


def differences(seen, wanted):
    return " ".join(f"[{i}] {a:#x} not {b:#x}"
                    for i, (a, b) in enumerate(zip(seen, wanted)) if a != b)


def free():
    run_past(address("done"))
    results, interrupts = words("results"), words("interrupts")
    taken = [word for i, word in enumerate(interrupts) if i % 4 == 0]
    report(taken == [27] * 4 + [3, 27, 0, 0], "six interrupts came", taken)
    report(2**64 - 2 not in results, "no other exception came", results)
    print("results", [hex(word) for word in results], [hex(word) for word in interrupts])
    with open(os.environ["LAB_RESULT"], "w") as file:
        json.dump([results, interrupts], file)


def stepped():
    with open(os.environ["LAB_RESULT"]) as file:
        results, interrupts = json.load(file)
    steps, runs = step_to_the_end()
    report(steps > 500, f"{KIND}: stepped through all of it", steps)
    report(KIND == "open" or runs == 6, f"{KIND}: runs only to let interrupts in", runs)
    bad = differences(words("results"), results)
    report(bad == "", f"{KIND}: registers and exceptions are as without steps", bad)
    bad = differences(without_place(words("interrupts")), without_place(interrupts))
    report(bad == "", f"{KIND}: interrupts are as without steps", bad)


def last():
    gdb.execute("detach")


execute("set architecture aarch64")
attach()
if KIND == "open":
    execute("maintenance packet Qqemu.sstep=0x1")
run(free if KIND == "free" else stepped, last)
