"""arm64.py - the main job on arm64, from the first instruction on: needs --gdb-wait."""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

PSTATE_I = 1 << 7
ROOT = 0xFFFF_FFFF_FFFE  # the table's address in a TTBR: no ASID above, no CnP below
# What may go elsewhere than to the next instruction.
BRANCH = re.compile(r"(b|bl|br|blr|b\.\w+|cbn?z|tbn?z|ret\w*|blra\w*|bra\w*|eret\w*|svc|hvc)\s?")


def run_to(where, seconds=60):
    """Run to a place that the guest comes to again and again."""
    breakpoint = gdb.Breakpoint(where)
    pending = breakpoint.pending
    if not pending:
        run_until(lambda: False, seconds)
    reason = "not set" if pending else stop_reason()
    breakpoint.delete()
    if reason != "break " + where:
        raise gdb.error(f"{where} is not reached, the stop is {reason}")


def at_the_reset():
    execute("set architecture aarch64")
    attach()
    threads = execute("info threads")
    cpus = int(os.environ.get("LAB_CPUS", "2"))
    report(threads.count("Thread") == cpus, f"info threads lists {cpus}", threads)
    report(threads.count("[off]") == cpus - 1, "all CPUs but one are off", threads)
    report(value("$SCTLR_EL1") & 1 == 0, "the MMU is off", execute("p $SCTLR_EL1"))


def break_start_kernel():
    execute("break start_kernel")
    execute("continue")
    report(function() == "start_kernel", "break start_kernel before the MMU is on", function())
    execute("delete")


def step_source_lines():
    # The first location is in front of the function's own lines.
    run_to("early_security_init")
    execute("finish")
    report(function() == "start_kernel", "finish returns to the caller", function())
    lines = []
    for _ in range(5):
        execute("next")
        lines.append(gdb.selected_frame().find_sal().line)
    report(function() == "start_kernel" and len(set(lines)) > 2, "next x5 stays in start_kernel",
           f"{function()} {lines}")


def watches():
    for command, kind in (("watch", "written"), ("rwatch", "read"), ("awatch", "accessed")):
        execute(command + " jiffies_64")
        execute("continue")
        reason = stop_reason()
        report(reason == "watch jiffies_64", f"{command} jiffies_64 hits when it is {kind}", reason)
        execute("delete")
    before = value("jiffies_64")
    execute("watch jiffies_64")
    for _ in range(3):
        execute("continue")
    report(value("jiffies_64") > before, "the watched value changed", before)
    execute("delete")


def hbreaks():
    execute("hbreak run_init_process")
    execute("continue")
    report(stop_reason() == "break run_init_process" and function() == "run_init_process",
           "hbreak hits", f"{stop_reason()} in {function()}")
    execute("delete")


def too_many_hbreaks():
    start = value("(unsigned long)&do_sys_openat2")
    for n in range(17):
        execute(f"hbreak *{start + 4 * n}")
    try:
        text = execute("stepi")
    except gdb.error as error:
        text = str(error)
    report(re.search("insert hardware breakpoint|aborted", text), "more hbreak than slots is refused", text)
    execute("delete")
    execute("stepi")
    report(stop_reason() == "step", "and stepping works when they are gone", stop_reason())


def break_from_user():
    execute("break do_sys_openat2")
    execute("continue")
    report(function() == "do_sys_openat2", "break do_sys_openat2 hits", function())
    backtrace = execute("bt")
    report("el0t_64_sync" in backtrace, "bt reaches the entry from user space", backtrace)
    execute("delete")


def at_el0():
    """Kernel and user pointers from an EL0 stop: behind the trampoline the kernel is not mapped."""
    run_to("el0_svc")
    kernel_root = value("$TTBR1_EL1") & ROOT
    user_pc = value("(unsigned long)$ELR_EL1")
    execute(f"hbreak *{user_pc}")
    execute("continue")
    report(pc() == user_pc and value("$cpsr") & 15 == 0, "a stop at EL0", execute("p $cpsr"))
    if os.environ.get("LAB_KPTI"):
        report(value("$TTBR1_EL1") & ROOT != kernel_root,
               "TTBR1 has the trampoline's table at EL0", execute("p/x $TTBR1_EL1"))
    banner = execute("x/s linux_banner")
    report("Linux version" in banner, "x/s on a kernel pointer from EL0", banner)
    code = gdb.execute("x/2i el0_svc", to_string=True)
    report("el0_svc" in code and "Cannot" not in code, "x/i on kernel code from EL0", code)
    report(value("jiffies_64") > 0, "a kernel variable from EL0")
    report("0x" in execute("x/2gx $sp"), "x on a user pointer from EL0")
    execute("delete")


def registers():
    for name in ("TTBR1_EL1", "TCR_EL1", "VBAR_EL1", "SP_EL0", "ESR_EL1", "FAR_EL1", "SCTLR",
                 "VBAR", "CPACR"):
        text = execute(f"p/x ${name}")
        report("0x" in text, f"p ${name}", text)
    report("M C" in execute("p $SCTLR_EL1"), "p $SCTLR_EL1 shows flags")
    report("{" in execute("p $v0"), "p $v0")
    report("{" in execute("p $z0"), "p $z0")
    old = value("$x0")
    execute("set $x0 = 5")
    execute("maintenance flush register-cache")
    report(value("$x0") == 5, "set $x0 = 5", execute("p $x0"))
    execute(f"set $x0 = {old}")
    execute("set $v5.d.u[1] = 0x1122")
    execute("maintenance flush register-cache")
    report(value("$v5.d.u[1]") == 0x1122 and value("$z5.d.u[1]") == 0x1122,
           "a vector register keeps what was written", execute("p $z5.d.u"))
    execute("set $v5.d.u[1] = 0")
    execute("set $TPIDRRO_EL0 = 0x77")
    execute("maintenance flush register-cache")
    report(value("$TPIDRRO_EL0") == 0x77, "a system register keeps what was written",
           execute("p $TPIDRRO_EL0"))
    execute("set $TPIDRRO_EL0 = 0")


def step_odd(count):
    """stepi so many times; those steps that went where the instruction does not say."""
    odd = []
    for _ in range(count):
        before = pc()
        insn = gdb.execute("x/i $pc", to_string=True).split(":", 1)[1].strip()
        gdb.execute("stepi", to_string=True)
        if pc() != before + 4 and not BRANCH.match(insn):
            odd.append(f"{before:#x} {insn} -> {pc():#x}")
    return odd


def quiet_steps():
    for where in ("el0_svc", "raw_spin_rq_lock_nested", "do_idle"):
        run_to(where)
        was_masked = value("$cpsr") & PSTATE_I
        odd = step_odd(50)
        report(not odd, f"50 stepi from {where} follow the instructions", odd)
        print(f"{where}: I was {was_masked}, now {execute('p $cpsr')}")


def daif_is_the_guests():
    """The masks of a step are not seen by the guest: local_irq_save, and what comes of it."""
    run_to("__schedule")
    seen = set()
    for _ in range(400):
        insn = gdb.execute("x/i $pc", to_string=True).split(":", 1)[1].strip()
        match = re.match(r"mrs\s+(x\d+), daif", insn)
        masks = value("$cpsr") & 0x3c0
        gdb.execute("stepi", to_string=True)
        if match:
            seen.add("same" if value("$" + match[1]) == masks else f"{insn}: {masks:#x}")
        elif re.match(r"msr\s+daifset, #0x3", insn):
            seen.add("set" if value("$cpsr") & 0xc0 == 0xc0 else f"{insn} left it clear")
        elif re.match(r"msr\s+daifclr, #0x3", insn):
            seen.add("clear" if value("$cpsr") & 0xc0 == 0 else f"{insn} left it set")
        elif value("$cpsr") & 0x3c0 != masks and not re.match("eret|msr|svc", insn):
            seen.add(f"{insn} changed DAIF")
    print(seen)
    report(seen and seen <= {"same", "set", "clear"}, "DAIF is the guest's own in every step", seen)


def control_c():
    reason = run_and_interrupt(2)
    report(reason == "SIGINT", "Ctrl-C stops the running guest", reason)
    report("#0" in execute("bt"), "bt after Ctrl-C")


def leave():
    text = execute("detach")
    report("detached" in text, "detach", text)


run(at_the_reset, break_start_kernel, step_source_lines, watches, hbreaks, too_many_hbreaks,
    break_from_user, at_el0, registers, quiet_steps, daif_is_the_guests, control_c, leave)
