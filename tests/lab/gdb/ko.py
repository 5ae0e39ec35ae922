"""ko.py - gdb was started without any program; a module's file with its debug information lies where
the stub runs."""

import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, execute, function, report, run


def has(text, wanted, name):
    report(wanted in text, name, text[-600:])


def module():
    attach()
    execute("set backtrace limit 60")
    has(execute("info sharedlibrary"), "target:/ko/tally.ko", "the module's own file is its library")
    has(execute("info line tally_add"), "tally.c", "lines of its source")
    has(execute("info address tally"), "static storage", "its variables")
    execute("break tally_add")
    execute("continue")
    report(function() == "tally_add", "a breakpoint in it hits", function())
    has(execute("bt"), "tally.c:", "with arguments and lines in a backtrace")
    has(execute("bt"), "kthread", "which goes on in the kernel, of which there is no file")
    has(execute("info locals") + execute("info args"), "who = ", "arguments")
    has(execute("p tally"), "total = ", "a variable of the module")
    has(execute("ptype struct task_struct"), "comm[16]", "types of the kernel")
    execute("delete")
    execute("detach")


run(module)
