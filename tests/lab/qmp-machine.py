"""qmp-machine.py SOCKET GUEST - a machine of lkvm's, ruled by QMP alone: looked at, stopped, saved, reset and
ended; and clients who mean no good. check-drgn.sh runs it when gdb has left.
"""

import os
import socket
import sys
import threading
import time

from qmp import *

PATH, GUEST = sys.argv[1:3]
report = Report(GUEST)
WANTED = """query-version query-commands query-status query-cpus-fast query-kvm query-name stop cont
    system_reset system_powerdown quit inject-nmi memsave pmemsave dump-guest-memory getfd closefd
    human-monitor-command query-target qmp_capabilities"""


def queries(qmp):
    names = {row["name"] for row in qmp.execute("query-commands")}
    report(set(WANTED.split()) <= names, "query-commands has what drgn and scripts use", names)
    report("qemu" in qmp.execute("query-version"), "query-version")
    report(qmp.execute("query-kvm") == {"enabled": True, "present": True}, "query-kvm")
    cpus = qmp.execute("query-cpus-fast")
    tasks = os.listdir(f"/proc/{qmp.peer()}/task")
    good = all(str(cpu["thread-id"]) in tasks for cpu in cpus)
    report(good and [cpu["cpu-index"] for cpu in cpus] == [0, 1], "query-cpus-fast names threads", cpus)
    report(refused(qmp, "query-nonsense") == "CommandNotFound", "an unknown command is CommandNotFound")
    report(refused(qmp, "stop", foo=1) == "GenericError", "an unknown argument is GenericError")


def stop_and_cont(qmp, other):
    text = qmp.monitor("vmcoreinfo")
    report(text.startswith("OSRELEASE="), "vmcoreinfo, of a machine that runs", text)
    report(qmp.execute("query-status")["running"], "it runs on")
    text = qmp.monitor("info registers")
    report("RIP=" not in text, "a machine that runs shows no registers", text)
    qmp.execute("stop")
    other.wait_event("STOP")
    report(qmp.execute("query-status")["status"] == "paused", "stop pauses the machine")
    first = qmp.monitor("info registers -a")
    time.sleep(1)
    report("RIP=" in first and qmp.monitor("info registers -a") == first, "no CPU moves", first)
    (start, size, host) = next(host_addresses(qmp, ram_ranges(qmp.monitor("info mtree -f"))))
    qmp.execute("pmemsave", val=start, size=1 << 16, filename="/tmp/part")
    with open("/tmp/part", "rb") as part:
        same = part.read() == process_read(qmp.peer(), host, 1 << 16)
    report(same, "pmemsave writes what process_vm_readv reads")
    qmp.execute("cont")
    other.wait_event("RESUME")
    report(qmp.execute("query-status")["running"], "cont lets it run")


def dump(qmp, other):
    slowest, done = 0, threading.Event()
    errors = []

    def save():
        try:
            qmp.execute("dump-guest-memory", paging=False, protocol="file:/tmp/core")
        except Exception as error:
            errors.append(error)
        done.set()

    threading.Thread(target=save).start()
    while not done.is_set():
        begin = time.monotonic()
        other.execute("query-status")
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.05)
    size = os.path.getsize("/tmp/core")
    with open("/tmp/core", "rb") as core:
        report(not errors and b"OSRELEASE=" in vmcoreinfo(core.read()), "dump-guest-memory", errors)
    report(size >= 256 << 20, "the dump has all memory", size)
    report.say(f"{GUEST}: seen: a dump of {size} bytes; others wait {slowest:.2f} s at most meanwhile")
    os.unlink("/tmp/core")


def goes_in_the_midst(other):
    """The client of a dump is gone before its answer."""
    client = Qmp(PATH)
    client.socket.sendall(
        b'{"execute":"dump-guest-memory","arguments":{"paging":false,"protocol":"file:/tmp/cut"}}\r\n'
    )
    time.sleep(0.3)
    client.close()
    end = time.monotonic() + PATIENCE
    while not other.execute("query-status")["running"] and time.monotonic() < end:
        time.sleep(0.3)
    report(other.execute("query-status")["running"], "without its client a dump ends, and the machine runs")


def hostile(other):
    """Nothing of it may hurt the machine or those who behave."""
    many = [Qmp(PATH) for _ in range(50)]
    report(all(m.execute("query-status")["running"] for m in many), "fifty clients at once")
    bad = [
        b"[" * 100000,
        b'{"execute":"',
        b"\xff\xfe\0\n",
        b'{"execute":"stop","arguments":[]}\n',
        b'{"a":' * 5000,
        b'"' + b"x" * 3000000,
    ]
    for client, data in zip(many, bad):
        try:
            client.socket.sendall(data)
        except OSError:
            pass  # it has been thrown out, which is fine
    read, write = os.pipe()
    socket.send_fds(many[-1].socket, [b" "], [read] * 20)  # nobody wants them
    many[-2].execute("getfd", [write], fdname="pipe")
    error = refused(many[-2], "dump-guest-memory", paging=False, protocol="fd:pipe")
    report(error == "GenericError", "no dump into a pipe, where it might wait", error)
    begin = time.monotonic()
    report(other.execute("query-status")["running"], "the machine and others do not notice")
    report.say(f"{GUEST}: seen: an answer {time.monotonic() - begin:.2f} s after bad clients")
    for client in many:
        client.close()


def ends(qmp, other):
    qmp.execute("inject-nmi")
    report(qmp.execute("query-status")["running"], "inject-nmi leaves it running")
    qmp.execute("system_reset")
    reset = other.wait_event("RESET")
    report(reset and reset["guest"] is False, "system_reset", reset)
    report.say(f"{GUEST}: reset")
    console = f"/tmp/{GUEST}.log"
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and open(console, errors="replace").read().count("guest: tick 2 ") < 2:
        time.sleep(0.5)
    shells = open(console, errors="replace").read().count("guest: shell reached")
    report(shells == 2, "the guest boots again", shells)
    qmp.execute("quit")
    shutdown = other.wait_event("SHUTDOWN")
    report(shutdown and shutdown["reason"] == "host-qmp-quit", "quit", shutdown)


def main():
    qmp, other = Qmp(PATH), Qmp(PATH)
    queries(qmp)
    stop_and_cont(qmp, other)
    dump(qmp, other)
    goes_in_the_midst(other)
    hostile(other)
    ends(qmp, other)


try:
    main()
except Exception as error:
    report(False, "qmp-machine.py", repr(error))
    raise
