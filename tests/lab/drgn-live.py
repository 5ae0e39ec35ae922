"""drgn-live.py SOCKET VMLINUX RELEASE INIT_TASK GUEST PHASE... - drgn on a guest that runs.

check-drgn.sh runs it. INIT_TASK is the address that vmlinux has for the symbol.

It prints a line "drgn: GUEST: ok NAME" or "drgn: GUEST: not ok NAME: WHY" for each check, and "drgn: done
PHASE GUEST" after each phase: "alone", "stopped" (it waits until somebody has stopped the machine) and
"running" (until it runs).

drgn connects to SOCKET by itself where it was built with json-c (`drgn --qemu`). Debian's was not.
Then this program says on the socket what drgn says, and gives drgn the guest's memory and VMCOREINFO.
"""

import sys
import time

import drgn
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_state_to_char

from qmp import *

PATH, VMLINUX, RELEASE, INIT_TASK, GUEST = sys.argv[1:6]
PHASES = sys.argv[6:]
KERNEL_MAP = 0xFFFFFFFF80000000
report = Report(GUEST)
say = report.say


def add_segment(prog, pid, start, size, host):
    prog.add_memory_segment(
        start, size, lambda address, count, offset, physical: process_read(pid, host + offset, count), True
    )


def connect(path):
    """What `drgn --qemu` does."""
    if drgn._with_json_c:
        prog = drgn.Program()
        prog.set_qemu_qmp(path)
        return prog
    qmp = Qmp(path)
    arch = drgn.Architecture[qmp.execute("query-target")["arch"].upper()]
    prog = drgn.Program(drgn.Platform(arch))
    prog.add_memory_segment(
        0, 2**64 - 1, lambda address, count, offset, physical: xp(qmp, address, count), True
    )
    pid = qmp.peer()
    ranges = ram_ranges(qmp.monitor("info mtree -f"))
    for start, size, host in host_addresses(qmp, ranges):
        try:
            process_read(pid, host, 1)
        except OSError as error:
            report(False, "the VMM's memory can be read", error)
            break
        add_segment(prog, pid, start, size, host)
    prog.set_linux_kernel_custom(dump_vmcoreinfo(qmp, ranges[0][0]), True)
    return prog


def by_hand(path):
    """Without drgn: the name of the first task, in the VMM's memory and in the monitor's words."""
    qmp = Qmp(path)
    ranges = ram_ranges(qmp.monitor("info mtree -f"))
    lines = dump_vmcoreinfo(qmp, ranges[0][0]).decode().splitlines()
    note = dict(line.split("=", 1) for line in lines)
    moved = int(note["KERNELOFFSET"], 16) + int(note["NUMBER(phys_base)"])
    task = int(INIT_TASK, 16) - KERNEL_MAP + moved
    for start, size, host in host_addresses(qmp, ranges):
        if start <= task < start + size:
            data = process_read(qmp.peer(), host + task - start, 16384)
            at = data.find(b"swapper/0\0")
            report(at >= 0, f"init_task at {task:#x} has its name in the VMM's memory", ranges)
            report(xp(qmp, task + at, 10) == b"swapper/0\0", "xp shows the same")
    qmp.close()


def trace(prog, task):
    """The names of its functions; none if it wakes meanwhile."""
    try:
        return [frame.name for frame in prog.stack_trace(task)]
    except (ValueError, drgn.FaultError):
        return []


def tasks_of(prog):
    """By pid. A task that ends under the reader may lead it out of the list: then once more."""
    for tries_left in reversed(range(20)):
        try:
            return {task.pid.value_(): task for task in for_each_task(prog)}
        except drgn.FaultError:
            if not tries_left:
                raise
            time.sleep(0.1)


def look(prog, phase):
    """What is asked of a guest, whatever it does meanwhile."""
    begin = time.monotonic()
    release = prog["init_uts_ns"].name.release.string_().decode()
    report(release == RELEASE, f"{phase}: init_uts_ns has the release", release)
    report(
        prog["init_task"].comm.string_() == b"swapper/0", f"{phase}: init_task", prog["init_task"].comm
    )
    tasks = tasks_of(prog)
    names = [task.comm.string_().decode(errors="replace") for task in tasks.values()]
    known = {"init", "kthreadd", "kswapd0"} <= set(names)
    report(known and len(names) > 20, f"{phase}: the processes", names)
    sleepers = [pid for pid, task in tasks.items() if task_state_to_char(task) in "SI"]
    frames = {pid: trace(prog, tasks[pid]) for pid in sleepers if tasks[pid].on_cpu.value_() == 0}
    good = [pid for pid in frames if "__schedule" in frames[pid] or "schedule" in frames[pid]]
    report(len(good) > 20, f"{phase}: sleeping tasks wait in schedule()", frames)
    report("kthreadd" in frames.get(2, []), f"{phase}: kthreadd waits in its function", frames.get(2))
    say(
        f"{GUEST}: seen {phase}: {len(names)} tasks, {len(good)} of {len(frames)} traces, "
        f"{time.monotonic() - begin:.1f} s; kthreadd: {' '.join(map(str, frames.get(2, [])))}"
    )


def wait_until(qmp, running):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if qmp.execute("query-status")["running"] == running:
            return
        time.sleep(0.5)
    raise TimeoutError(f"the machine is not running={running}")


def main():
    by_hand(PATH)
    begin = time.monotonic()
    prog = connect(PATH)
    connected = time.monotonic()
    prog.load_debug_info([VMLINUX])
    took = f"connected in {connected - begin:.1f} s, symbols {time.monotonic() - connected:.1f} s"
    say(f"{GUEST}: seen: {took}")
    other = None  # a second client at the same time, which QEMU does not let in
    for phase in PHASES:
        if phase != "alone":
            other = other or Qmp(PATH)
            wait_until(other, phase == "running")
        look(prog, phase)
        if phase == "stopped":
            error = refused(other, "cont")
            report(error == "GenericError", "cont does not let go what gdb has stopped", error)
            report(not other.execute("query-status")["running"], "it stays stopped")
        say(f"done {phase} {GUEST}")


try:
    main()
except Exception as error:
    report(False, "drgn-live.py", repr(error))
    raise
