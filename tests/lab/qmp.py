"""qmp.py - a client of the VMM's machine protocol, and what can be read by it: for the programs that
check-drgn.sh runs in L1.
"""

import ctypes
import json
import os
import re
import socket
import struct

PATIENCE = 600
NOTE = struct.Struct("<III")


class QmpError(Exception):
    """An answer of the VMM: its class and its text."""


class Report:
    """Lines for check-drgn.sh: "drgn: GUEST: ok NAME", "drgn: GUEST: not ok NAME: WHY"."""

    def __init__(self, guest):
        self.guest = guest

    def say(self, text):
        print("drgn:", text, flush=True)

    def __call__(self, cond, name, detail=""):
        detail = " ".join(str(detail).split())
        self.say(f"{self.guest}: ok {name}" if cond else f"{self.guest}: not ok {name}: {detail}")


class Qmp:
    """One connection to the VMM."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")
        self.events = []  # that have come
        self.greeting = self.receive()["QMP"]
        self.execute("qmp_capabilities")

    def receive(self):
        while True:
            line = self.lines.readline()
            if not line:
                raise EOFError("the VMM has closed the connection")
            message = json.loads(line)
            if "event" not in message:
                return message
            self.events.append(message)

    def execute(self, command, descriptors=(), **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        data = json.dumps(message, separators=(",", ":")).encode() + b"\r\n"
        if descriptors:
            socket.send_fds(self.socket, [data], descriptors)
        else:
            self.socket.sendall(data)
        answer = self.receive()
        if "error" in answer:
            raise QmpError(answer["error"]["class"], answer["error"]["desc"])
        return answer["return"]

    def wait_event(self, name):
        """The data of the next event of this name; those before it are forgotten."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["event"] == name:
                    return event.get("data")
            line = self.lines.readline()
            if not line:
                raise EOFError(f"the VMM has closed the connection, without {name}")
            self.events.append(json.loads(line))

    def close(self):
        self.lines.close()
        self.socket.close()

    def monitor(self, line):
        return self.execute("human-monitor-command", **{"command-line": line})

    def peer(self):
        size = struct.calcsize("3i")
        data = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return struct.unpack("3i", data)[0]


def refused(qmp, command, **arguments):
    """The class of the error that this command gets, or None."""
    try:
        qmp.execute(command, **arguments)
    except QmpError as error:
        return error.args[0]
    return None


def ram_ranges(tree):
    """The guest's memory, from the view of `info mtree -f` that belongs to the CPUs."""
    view = next(v for v in tree.split("FlatView") if re.search(r'^\s*AS "memory"', v, re.M))
    view = view[view.index("Root memory region:") :]
    found = re.findall(r"^\s*([0-9a-f]+)-([0-9a-f]+) \(prio \d+, (?:nv-)?(?:ram|romd?)\)", view, re.M)
    return [(int(start, 16), int(end, 16)) for start, end in found]


def process_read(pid, address, size):
    """Memory of another process."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(size)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), size)
    remote = (ctypes.c_size_t * 2)(address, size)
    done = libc.process_vm_readv(pid, local, ctypes.c_ulong(1), remote, ctypes.c_ulong(1), ctypes.c_ulong(0))
    if done != size:
        raise OSError(ctypes.get_errno(), f"process_vm_readv of {size} bytes at {address:#x}: {done}")
    return buffer.raw


def xp(qmp, address, size):
    """Guest memory in the monitor's words, at most 1024 bytes a command."""
    data = b""
    while len(data) < size:
        at, n = address + len(data), min(size - len(data), 1024)
        text = qmp.monitor(f"xp /{n}xb {at:#x}")
        values = [int(v, 16) for line in text.splitlines() for v in line.split(":")[1].split()]
        if len(values) != n:
            raise ValueError(f"{at:#x}: {text}")
        data += bytes(values)
    return data


def vmcoreinfo(core):
    """The note of an ELF core file."""
    (table,) = struct.unpack_from("<Q", core, 32)
    size, count = struct.unpack_from("<HH", core, 54)
    for at in range(table, table + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", core, at)
        end = offset + length
        while kind == 4 and offset < end:
            names, descs, _ = NOTE.unpack_from(core, offset)
            desc = offset + NOTE.size + (names + 3 & ~3)
            if core[offset + NOTE.size :].startswith(b"VMCOREINFO\0"):
                return core[desc : desc + descs]
            offset = desc + (descs + 3 & ~3)
    raise ValueError("the core has no VMCOREINFO")


def dump_vmcoreinfo(qmp, address):
    """A core of one byte of the guest's memory has the note, too."""
    fd = os.memfd_create("drgn-qmp-dump", 0)
    qmp.execute("getfd", [fd], fdname="drgn-dump")
    qmp.execute("dump-guest-memory", paging=False, protocol="fd:drgn-dump", begin=address, length=1)
    core = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return vmcoreinfo(core)


def host_addresses(qmp, ranges):
    """Where the VMM has them: (start, size, address)."""
    for start, end in ranges:
        text = qmp.monitor(f"gpa2hva {start:#x}")
        found = re.fullmatch(r"Host virtual address for [^)]*\) is (0x[0-9a-f]+)\s*", text)
        if found:
            yield start, end - start + 1, int(found[1], 16)
        else:
            raise ValueError(f"gpa2hva of {start:#x}: {text}")
