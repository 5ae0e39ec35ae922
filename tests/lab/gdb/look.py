"""look.py - what works without breakpoints: attach, look, write, step, Ctrl-C, many times."""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


def register_names():
    """What a program counter, a page table, a vector and a general register are called here."""
    if gdb.selected_frame().architecture().name() == "aarch64":
        return "pc", "$TTBR1_EL1", "$v0", "$x20"
    return "rip", "$cr3", "$xmm0", "$r15"


def look():
    attach()
    counter, table, vector, _ = register_names()
    threads = execute("info threads")
    cpus = int(os.environ["LAB_CPUS"])
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    # No vmlinux is given to the stub here: it asks gdb for the symbols it needs.
    tasks = re.findall(r"\[(?:running|halted)\] [a-z]", threads)
    report(len(tasks) == cpus, "threads have the names of tasks", threads)
    banner = execute("x/s linux_banner")
    report("Linux version" in banner, "x/s on a kernel pointer", banner)
    report(counter in execute("info registers"), "info registers")
    report("#0" in execute("bt"), "bt")
    report("=>" in execute("x/5i $pc"), "x/5i $pc")
    report(value(f"(unsigned long){table}"), "p " + table)
    report("{" in execute("p " + vector), "p " + vector)


def every_thread_has_a_pc():
    pcs = []
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
        thread.switch()
        pcs.append(pc())
    report(all(pcs), "every thread has registers", pcs)


def registers_can_be_written():
    execute("thread 1")
    general = register_names()[3]
    old = value(f"(unsigned long){general}")
    execute(f"set {general} = 0x1122334455667788")
    execute("maintenance flush register-cache")
    new = value(f"(unsigned long){general}")
    execute(f"set {general} = {old}")
    report(new == 0x1122334455667788, "a register keeps what was written", hex(new))


def memory_can_be_written():
    execute("set variable panic_timeout = 7")
    execute("maintenance flush dcache")
    report(value("panic_timeout") == 7, "memory keeps what was written")
    execute("set variable panic_timeout = 0")


def steps():
    names, pcs = [], []
    for _ in range(20):
        gdb.execute("stepi", to_string=True)
        names.append(function())
        pcs.append(pc())
    report(len(set(pcs)) > 1, "20 stepi move the pc", [hex(n) for n in pcs])
    bad = [f for f in names if "sysvec" in f or f.startswith(("asm_", "common_int", "el1h_64_irq"))]
    report(not bad, "20 stepi, none in an interrupt handler", bad)


def control_c_again_and_again():
    seen = [run_and_interrupt(0.3) for _ in range(10)]
    lost = [reason for reason in seen if reason != "SIGINT"]
    report(not lost, "Ctrl-C and continue, 10 times", lost)


def leave_and_come_back():
    ticks = count_console("guest: tick")
    execute("detach")
    report(wait_console("guest: tick", 60, ticks + 1), "the guest runs on after detach")


run(look, every_thread_has_a_pc, registers_can_be_written, memory_can_be_written, steps,
    control_c_again_and_again, leave_and_come_back)
