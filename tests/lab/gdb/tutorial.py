"""tutorial.py - does what a session of docs/tutorial.md shows fit what gdb printed in it?

LAB_SESSION has lines "(gdb) COMMAND", each with what the tutorial shows below it; LAB_PRINTED has
lines "@@ COMMAND", each with what gdb printed. tests/lab/tutorial.sh says what stands for what.
"""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

PROMPT = "(gdb) "

def steps(path, mark):
    """The lines below each line that begins with the mark, as pairs: a command, and its lines."""
    pairs = []
    with open(path, errors="replace") as text:
        for line in text.read().splitlines():
            if line.startswith(mark):
                pairs.append((line[len(mark):], []))
            elif pairs and not line.startswith(PROMPT): # attach() prints what it does
                pairs[-1][1].append(re.sub(r"\s+", " ", line.rstrip()))
    return pairs


def pattern(line):
    """What a line of the tutorial stands for; a line `...` is any lines."""
    if line == "...":
        return r"(?:.*\n)*?"
    text = re.escape(line).replace(r"\.\.\.", ".*").replace(r"\ ", " ")
    text = re.sub(r"0x[0-9a-f]+", "0x[0-9a-f]+", text)
    return re.sub(r"(?<![-x\[0-9])\d{2,}", r"\\d+", text) + r"\n"


def compare():
    session = os.path.basename(os.environ["LAB_SESSION"]).removesuffix(".session")
    printed = dict(enumerate(steps(os.environ["LAB_PRINTED"], "@@ ")))
    for i, (command, shown) in enumerate(steps(os.environ["LAB_SESSION"], PROMPT)):
        name, lines = printed.get(i, ("", []))
        # Which CPU was chosen before is chance.
        output = "".join(line + "\n" for line in lines
                         if line and not line.startswith("[Switching to "))
        want = "".join(pattern(line) for line in shown if line)
        report(name == command and (not want or re.fullmatch(want, output)),
               f"{session}: {command}", output or f"gdb has not come to it, but to '{name}'")


run(compare)
