"""i386.py - a 32-bit guest with a 32-bit ELF file (tests/lab/i386.S), told to gdb as such."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def address(symbol):
    return value("(unsigned long)&" + symbol)


def look():
    execute("set architecture i386")
    said = attach()
    report("rejected" not in said and "Invalid" not in said, "gdb takes the description", said)
    inside = range(address("loop"), address("end"))
    run_and_interrupt(1)
    report(pc() in inside, "Ctrl-C stops in the guest's code", hex(pc()))
    registers = execute("info registers")
    report("eip" in registers and "rip" not in registers and "unavailable" not in registers,
           "info registers has those of 32 bits", registers)
    report(value("$ebx") == 0x12345678 and value("$cs") == 8, "they are the guest's", registers)
    report("=>" in execute("x/3i $pc"), "x/3i $pc")


def count():
    """Memory and registers, both ways."""
    before = value("(int)turns")
    run_and_interrupt(1)
    report(value("(int)turns") != before, "the guest runs on", before)
    execute("set {int}&turns = 7")
    execute("maintenance flush dcache")
    report(value("(int)turns") == 7, "memory keeps what was written")
    execute("set $esi = 0x76543210")
    execute("maintenance flush register-cache")
    report(value("$esi") == 0x76543210, "a register keeps what was written", value("$esi"))


def stepi():
    gdb.execute("stepi", to_string=True)
    return pc()


def step():
    """stepi on int n goes to its handler, or behind it where no breakpoint can be there."""
    for _ in range(12):
        if pc() == address("interrupt") or stepi() == address("interrupt"):
            break
    report(pc() == address("interrupt"), "stepi gets to int", hex(pc()))
    here = stepi()
    report(here in (address("handler"), address("behind"), address("loop")),
           "stepi on int ends at its handler or behind", hex(here))
    if here == address("handler"):
        frame = [value(f"((unsigned *)$esp)[{i}]") for i in range(3)]
        report(frame[:2] == [address("behind"), 8] and frame[2] & 0x100 == 0,
               "the handler's frame has no TF", frame)
    way = [stepi() for _ in range(20)]
    report(all(address("loop") <= at < address("end") for at in way) and stop_reason() == "step",
           "steps stay in the guest's code", [hex(at) for at in way])
    report(value("$eflags") & 0x100 == 0, "no TF is seen", hex(value("$eflags")))


run(look, count, step)
execute("kill")
