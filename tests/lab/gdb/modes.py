"""modes.py - stepi on int n outside of 64-bit mode (tests/lab/modes.S), and Ctrl-C at moments that gdb
does not expect. Needs --gdb-wait.
"""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *
from relay import Relay, interrupt_owed

TF = 0x100


def address(symbol):
    return value("(unsigned long)&" + symbol)


def go_to(symbol):
    """By a breakpoint in the code, which leaves all slots to the step."""
    execute(f"hbreak *{address(symbol):#x}")
    execute("continue")
    report(pc() == address(symbol), f"hbreak at {symbol} hits", hex(pc()))
    execute("delete")


def top_of_stack(words, size):
    kind = "unsigned short" if size == 2 else "unsigned int"
    base = value("(unsigned long)$esp")
    return [value(f"(({kind} *){base:#x})[{n}]") for n in range(words)]


def step_into(symbol, handler, behind, size=4):
    """From the int at symbol to the first instruction of its handler."""
    go_to(symbol)
    selector = value("$cs")
    execute("stepi")
    report(stop_reason() == "step" and pc() == address(handler), f"stepi at {symbol} ends at {handler}",
           f"{pc():#x} {stop_reason()}")
    frame = top_of_stack(3, size)
    report(frame[:2] == [behind, selector] and not frame[2] & TF,
           f"{handler}: its frame has no TF", [hex(word) for word in frame])
    report(not value("(int)$eflags") & TF, f"{handler}: no TF is seen")


def steps(n, first, last):
    """None of them leaves the guest's code."""
    way = []
    for _ in range(n):
        gdb.execute("stepi", to_string=True)
        way.append(pc())
    wrong = [hex(at) for at in way if not address(first) <= at < address(last)]
    report(not wrong and stop_reason() == "step", f"{n} steps stay in the code", wrong)
    seen_nothing()


def seen_nothing():
    report(not value("(int)seen") & TF, "the guest has seen no TF", hex(value("(int)seen")))


def without_a_slot(symbol, behind):
    """The watches have all slots: the step ends one instruction after the handler, which sees TF."""
    go_to(symbol)
    for n in range(4):
        execute(f"watch *(int *){0x20000 + 4 * n:#x}")
    execute("stepi")
    report(stop_reason() == "step" and pc() in (address(behind), address(behind) + 1),
           f"stepi at {symbol} without a slot ends behind", f"{pc():#x} {stop_reason()}")
    execute("delete")
    execute("set {int}&seen = 0")


def runs_on(name):
    report(gets_on(lambda: value("(int)turns")), f"{name}: the guest runs on",
           f"{stop_reason()} {value('(int)turns')}")
    seen_nothing()


def real_mode():
    execute("set architecture i8086")
    go_to("real_int")
    code = execute("x/3i $pc")
    report("int    $0x50" in code and "int    $0x51" in code, "x/i shows code of 16 bits", code)
    step_into("real_int", "real_back", address("real_behind"), 2)
    steps(40, "real_loop", "protect")
    step_into("real_int_gone", "real_gone", address("real_int_gone") + 2, 2)
    steps(40, "real_loop", "protect")
    without_a_slot("real_int", "real_behind")
    runs_on("real mode")
    execute("set {char}&go = 1")


def ring_0():
    execute("set architecture i386")
    step_into("int_back", "back", address("behind"))
    steps(40, "loop", "end")
    step_into("int_gone", "gone", address("int_gone") + 2)
    steps(10, "loop", "end")
    step_into("int_short", "back_short", address("behind_short"), 2)
    steps(10, "loop", "end")
    without_a_slot("int_back", "behind")


def ring_3():
    step_into("user_int", "back", address("user_behind"))
    steps(4, "back", "end")
    step_into("user_int_gone", "gone", address("user_int_gone") + 2)
    steps(60, "loop", "end")
    without_a_slot("user_int", "user_behind")
    runs_on("protected mode")


def interrupts_at_stops():
    """gdb goes on by itself after each hit, hundreds of times a second."""
    execute("set breakpoint condition-evaluation host")
    execute(f"hbreak *{address('user'):#x} if 0")
    reasons = []
    for n in range(10):
        reasons.append(run_and_interrupt(0.3 + 0.003 * n))
    execute("delete")
    report(reasons == ["SIGINT"] * 10, "Ctrl-C between and in stops: each is one SIGINT", reasons)
    runs_on("after that")


relay = Relay(int(PORT))
attach(port=relay.port)
execute("set architecture i386")
run(real_mode, ring_0, ring_3, lambda: interrupt_owed(relay), interrupts_at_stops)
execute("kill")
