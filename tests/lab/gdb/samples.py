"""samples.py - the stops that nofile.py has kept in LAB_SAMPLES, once more with the vmlinux: each is
put back into the machine, which is good for nothing else afterwards."""

import json
import os
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import attach, execute, report, run

VMLINUX = os.environ["LAB_VMLINUX"]
COMPARED = int(os.environ.get("LAB_COMPARED", "0"))  # 0: all of them
WANTED = float(os.environ.get("LAB_WHOLE", "0.9"))

with open(os.environ["LAB_SAMPLES"]) as kept:
    DATA = json.load(kept)


def connect():
    attach()
    execute("set backtrace limit 60")
    execute("symbol-file")
    execute(f"file {VMLINUX}")
    link = int(gdb.parse_and_eval("(unsigned long)&_stext"))
    execute("symbol-file")
    slide = DATA["_stext"] - link
    execute(f"add-symbol-file {VMLINUX} -o 0x{slide % (1 << 64):x}")


def put(sample):
    """FALSE: the task has ended, and its stack is gone."""
    inferior = gdb.selected_inferior()
    try:
        for page, data in sample["stack"].items():
            inferior.write_memory(int(page), bytes.fromhex(data))
    except gdb.MemoryError as error:
        print(f"a stack is gone: {error}")
        return False
    for name, number in sample["regs"].items():
        gdb.execute(f"set ${name} = {number}", to_string=True)
    return True


def pcs():
    """Without those that only the vmlinux knows of: code put into others, and jumps at the end."""
    found, frame = [], gdb.newest_frame()
    while frame is not None and len(found) < 60:
        if frame.name() is None:
            break  # in no function: a user's, or it has lost its way
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            found.append(frame.pc())
        frame = frame.older()
    return found


def in_kernel(pcs):
    """Up to where it comes to the user, or has lost its way."""
    return pcs[:next((n for n, pc in enumerate(pcs) if pc < 1 << 63), len(pcs))]


def compare():
    same = total = 0
    for number, sample in enumerate(DATA["samples"]):
        if (COMPARED and total == COMPARED) or not put(sample):
            continue
        total += 1
        expected = in_kernel(pcs())
        found = in_kernel([frame["pc"] for frame in sample["frames"]])
        # The vmlinux has no frame information for the entries of interrupts, and ends there.
        fits = found[:len(expected)] == expected
        same += fits
        if not fits:
            print(f"sample {number}: {[hex(n) for n in found]}")
            print(f"vmlinux: {[hex(n) for n in expected]}")
            print([frame["name"] for frame in sample["frames"]])
    report(total >= max(COMPARED, 1), "the stacks are still there", f"of {total}")
    report(same >= WANTED * total, f"backtraces are those that the vmlinux gives: {same} of {total}",
           "see above")


run(connect, compare)
