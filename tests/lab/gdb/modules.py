"""modules.py - gdb was started without any program, and a module is loaded and unloaded in the
guest, again and again, while gdb is attached: the stub says so."""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import a_module, attach, execute, function, report, run, run_and_interrupt

ROUNDS = 3


def has(text, wanted, name):
    report(wanted in text, name, text[-600:])


def library(name):
    """What `info sharedlibrary` says of a module; "" when it has none of that name."""
    text = gdb.execute("info sharedlibrary", to_string=True)
    lines = [line for line in text.splitlines() if line.endswith(f"/{name}.ko")]
    return lines[0] if lines else ""


def connect():
    attach()
    execute("set breakpoint pending on")
    execute("set backtrace limit 60")
    print(execute("info sharedlibrary"))
    name, its_function = a_module()
    line = library(name)
    report("target:/vmgdb/ffff" in line and "Yes" in line, "a module is a library", line)
    has(execute(f"info symbol {its_function}"), f"{name}.ko", "with its functions")
    report(not library("failover"), "one that is not loaded is none")


def load():
    has(execute("break failover_init"), "pending", "a breakpoint waits for its module")
    execute("set var panic_timeout = 46")
    execute("continue")
    report(function() == "failover_init", "it hits in the module's init function", function())
    report("-init/failover.ko" in library("failover"), "the module is a library", library("failover"))
    trace = execute("bt")
    has(trace, "do_one_initcall", "bt goes on in the kernel")
    has(trace, "do_init_module", "bt goes on to who loaded it")


def inside():
    execute("tbreak failover_event")
    execute("continue")
    report(function() == "failover_event", "break FUNCTION of the module", function())
    names = [line.split(" in ")[-1].split(" (")[0] for line in execute("bt").splitlines()]
    report("failover_init" in names and "do_one_initcall" in names, "bt through the module", names)
    has(execute("info args"), "this = 0x", "arguments by name")


def find():
    """A KVM that does not report trap instructions: the stub cannot say when a module comes."""
    execute("set var panic_timeout = 46")
    for _ in range(20):
        run_and_interrupt(0.3)
        if library("failover") and "-init" not in library("failover"):
            break
    execute("sharedlibrary")
    report("Yes" in library("failover"), "sharedlibrary finds a new module", library("failover"))


def types():
    release = re.search(r"Linux version (\d+)\.(\d+)", execute("monitor info linux"))
    if tuple(map(int, release.groups())) < (5, 11):
        return  # a module has no types
    has(execute("ptype struct failover"), "struct failover_ops *ops;", "a type of the module's")
    has(execute("whatis failover_register"), "struct failover *(struct net_device *",
        "a function's prototype")
    has(execute("info symbol failover_event"), "failover.ko", "the name of an address")


def unload():
    has(execute("break failover_exit"), "Breakpoint", "break in its exit function")
    execute("continue")
    report(function() == "failover_exit", "it hits", function())
    report("-init" not in library("failover") and library("failover"),
           "the init functions are gone before", library("failover"))
    has(execute("bt"), "delete_module", "bt goes on to who unloads it")


def again():
    hits = []
    for _ in range(2 * ROUNDS):
        execute("continue")
        hits.append(function())
    report(hits == ["failover_init", "failover_exit"] * ROUNDS, "each load and unload", hits)


def gone():
    execute("delete")
    execute("set var panic_timeout = 0")
    run_and_interrupt(2)
    report(not library("failover"), "a module that is gone is no library", library("failover"))
    execute("detach")


if os.environ["LAB_NEWS"] == "yes":
    run(connect, load, inside, types, unload, again, gone)
else:
    run(connect, find, types, unload, gone)
