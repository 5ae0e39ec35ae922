"""own.py - the guest debugs itself while gdb is there: hardware breakpoints, watchpoints and steps
of a debugger in the guest (tests/lab/tracer.c), its 32-bit processes, its kernel probes. And gdb
reports a panic in the guest's stead.
"""

import os
import re
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

A32 = "a32=1 t32=1 exit=102"
ALL = "hwbp=1 hwwp=1 steps=5 " + A32
A32_LOOP = 0x1005c  # of tracer.c: add, cmp, bne back to the add
T32_TAIL = 0x10080  # mov, movs, svc
AARCH32_USER = 0x10
PVPANIC = 0x1040000
PROBED = "__arm64_sys_getppid"
TICKS = r"guest: tick .* kprobe=(\d+)"


def console(pattern):
    """What the guest said: all that match, of whole lines."""
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        text = log.read().replace("\r", "")
    return re.findall(pattern, text[:text.rfind("\n") + 1])


def run_for(seconds):
    """On a slow machine the CPU may be in its serial port for longer than a stop waits for it."""
    try:
        run_and_interrupt(seconds)
    except gdb.error as error:
        if "not available" not in str(error):
            raise
        time.sleep(0.5)
        execute("maintenance flush register-cache")


def run_to_lines(pattern, more, seconds=120):
    """Run until so many more lines match; these lines, without one that had begun before."""
    before, patience = len(console(pattern)), Patience(seconds)
    while len(console(pattern)) <= before + more and patience.left():
        run_for(1)
    return console(pattern)[before + 1:]


def debugs():
    return set(run_to_lines(r"guest: debug (.*)", 2))


def alone():
    attach()
    seen = debugs()
    report(seen == {ALL}, "the guest's own debugger works as long as gdb sets nothing", seen)


def beside_break():
    execute("break panic")
    seen = debugs()
    good = {line for line in seen if line.startswith("hwbp=1 hwwp=1") and line.endswith(A32)}
    report(seen and seen == good, "its breakpoints and watchpoints work beside a break", seen)
    execute("delete")


def beside_hbreak():
    execute("hbreak panic")
    seen = debugs()
    report(seen and all(line.endswith(A32) for line in seen), "it lives beside an hbreak", seen)
    execute("delete")
    seen = debugs()
    report(seen == {ALL}, "and all works again when that is gone", seen)


def state():
    return pc(), value("$cpsr") & 0x1f, value("$sp") == value("$x13")


def stop_in_a32():
    execute(f"hbreak *{A32_LOOP:#x}")
    execute("continue")
    report(state() == (A32_LOOP, AARCH32_USER, True), "a stop in a 32-bit process: pc, cpsr, sp",
           state())
    report("0x" in execute("x/4xw $sp"), "its stack can be read")
    execute("delete")
    before, seen = value("$x4"), []
    for _ in range(6):
        gdb.execute("stepi", to_string=True)
        seen.append((pc() - A32_LOOP) // 4)
    report(seen == [1, 2, 0, 1, 2, 0] and value("$x4") == before + 2, "stepi in A32 code", seen)


def break_in_a32():
    """The bytes of an A64 BRK are a store there: the breakpoint takes hardware."""
    execute(f"break *{A32_LOOP + 4:#x}")
    execute("continue")
    report(pc() == A32_LOOP + 4, "break in A32 code hits", hex(pc()))
    execute("delete")
    execute(f"hbreak *{T32_TAIL:#x}")
    execute("continue")
    seen = []
    for _ in range(2):
        gdb.execute("stepi", to_string=True)
        seen.append(pc() - T32_TAIL)
    report(seen == [2, 4], "stepi in T32 code", seen)
    execute("delete")
    seen = debugs()
    report(seen == {ALL}, "32-bit processes run on as before", seen)


def break_on_a_probe():
    """The probe is there when the function is called: a BRK of the kernel's, and then one of ours."""
    execute("hbreak " + PROBED)
    execute("continue")
    probed, code = pc(), execute("x/i $pc")
    report("brk" in code, "an hbreak where the kernel has a probe hits in front of it", code)
    for call in (2, 3):
        # Where gdb has a breakpoint it takes the kernel's BRK for its own, and jumps over it.
        execute("delete")
        execute(f"break *{probed + 8:#x}")
        execute("continue")
        execute("delete")
        execute(f"break *{probed:#x}")
        execute("continue")
        report(pc() == probed, f"a break where the kernel has a probe hits, call {call}", hex(pc()))
    execute("delete")
    before = len(console(TICKS))
    patience = Patience(120)
    while len(console(TICKS)) == before and patience.left():
        run_for(1)
    seen = console(TICKS)[before:]
    report(seen[:1] == ["3"], "the kernel's probe was hit three times too", seen)


def probe_on_a_break():
    """The kernel reads our BRK there, and probes no BRK: as it would at a BRK of its own."""
    execute("break " + PROBED)
    seen = run_to_lines(TICKS, 1)
    report(set(seen) == {"99"}, "the kernel refuses a probe where gdb has a break", seen)
    execute("delete")
    seen = run_to_lines(TICKS, 1)
    report(set(seen) == {"3"}, "and takes it when that is gone", seen)


def write_to_pvpanic():
    """A device that tells the stub of it while the stub writes there."""
    execute("maintenance packet Qqemu.PhyMemMode:1")
    told = execute(f"maintenance packet M{PVPANIC:x},1:01")
    execute("maintenance packet Qqemu.PhyMemMode:0")
    report('"OK"' in told, "a write to pvpanic is answered", told)
    execute("continue")
    report(stop_reason() == "SIGABRT", "and stops the guest as its own would", stop_reason())
    run_for(0.5)
    execute("detach")


run(alone, beside_break, beside_hbreak, stop_in_a32, break_in_a32, break_on_a_probe,
    probe_on_a_break, write_to_pvpanic)
