"""host.py - a Linux guest on another kind of arm64 host: LAB_FEATURES says what its CPUs have."""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

FEATURES = os.environ["LAB_FEATURES"].split()


def threads():
    attach()
    text = execute("info threads")
    report(text.count("Thread") == 2 and "[off]" not in text, "both CPUs are there", text)


def is_there(register):
    return str(gdb.parse_and_eval("$" + register)) != "void"


def registers():
    for feature, register in (("sve", "z0"), ("sve", "vg"), ("pauth", "pauth_dmask"),
                              ("pauth", "APIAKEYLO_EL1"), ("mte", "GCR_EL1")):
        have = feature in FEATURES
        report(is_there(register) == have, f"${register} is {'' if have else 'not '}there")
    report("{" in execute("p $v0"), "p $v0")
    execute("set $v7.d.u[1] = 0x1122334455667788")
    execute("set $v7.d.u[0] = 7")
    execute("maintenance flush register-cache")
    report(value("$v7.d.u[1]") == 0x1122334455667788 and value("$v7.d.u[0]") == 7,
           "a vector register keeps what was written", execute("p $v7.d.u"))
    execute("set $v7.d.u[1] = 0")
    execute("set $v7.d.u[0] = 0")
    for feature, field in (("sve", "$ID_AA64PFR0_EL1 >> 32 & 15"),
                           ("mte", "$ID_AA64PFR1_EL1 >> 8 & 15")):
        report((value(field) != 0) == (feature in FEATURES),
               f"{feature}: the guest's ID register agrees", value(field))
    report("M" in execute("p $SCTLR_EL1"), "p $SCTLR_EL1")
    wrong = []
    for register in ("SP_EL0", "SP_EL1", "ELR_EL1", "VBAR_EL1", "FAR_EL1", "TPIDR_EL1", "SCTLR_EL1"):
        try:
            gdb.parse_and_eval(f"${register} >> 63 & 1")
        except gdb.error as error:
            wrong.append(f"{register}: {error}")
    report(not wrong, "one can calculate with system registers, as lx_current() does", wrong)
    report("CPU#0" in execute("monitor info registers"), "monitor info registers")
    report("Linux version" in execute("x/s linux_banner"), "x/s on a kernel pointer")


def kernel_is_found():
    """By VBAR_EL1, which holds something else in user mode: ask again."""
    for _ in range(10):
        text = execute("monitor kaslr")
        if "moved" in text:
            break
        run_and_interrupt(0.5)
    report("kernel moved by 0x0" in text, "monitor kaslr finds the kernel", text)


def break_step_watch():
    execute("break do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "break hits", function())
    report("el0t_64_sync" in execute("bt"), "bt reaches the entry from user space")
    report(re.search(r"\[running\] [a-z]", execute("info threads")), "threads have tasks' names")
    execute("delete")
    start = pc()
    execute("stepi")
    report(pc() != start and stop_reason() == "step", "stepi", hex(pc()))
    execute("next")
    report(function() == "do_sys_openat2", "next stays in the function", function())
    for command in ("watch", "rwatch"):
        execute(command + " jiffies_64")
        execute("continue")
        report(stop_reason() == "watch jiffies_64", command + " jiffies_64", stop_reason())
        execute("delete")
    execute("hbreak do_sys_openat2")
    execute("continue")
    report(stop_reason() == "break do_sys_openat2", "hbreak hits", stop_reason())
    execute("delete")


def control_c_and_leave():
    report(run_and_interrupt(1) == "SIGINT", "Ctrl-C", stop_reason())
    execute("detach")


run(threads, registers, kernel_is_found, break_step_watch, control_c_and_leave)
