"""soak.py - many attach/detach cycles, then Ctrl-C and continue for a while, by bare packets."""

import os
import random
import re
import socket
import sys
import time

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *

BOUND = 20  # seconds that any answer may take, on a quiet machine


class Client:
    """As little of the protocol as the soak needs."""

    def __init__(self):
        self.sock = socket.create_connection(("127.0.0.1", int(PORT)), BOUND)
        self.sock.settimeout(1)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""

    def send(self, text):
        data = text.encode()
        self.sock.sendall(b"$%s#%02x" % (data, sum(data) % 256))

    def packet(self):
        """The next packet of the stub, acknowledged."""
        patience = Patience(BOUND)
        while True:
            match = re.search(rb"\$([^#]*)#..", self.buf)
            if match:
                self.buf = self.buf[match.end():]
                self.sock.sendall(b"+")
                return match.group(1).decode()
            try:
                data = self.sock.recv(4096)
            except socket.timeout:
                if not patience.left():
                    raise
                continue
            if not data:
                raise EOFError("the stub closed the connection")
            self.buf += data

    def ask(self, text):
        self.send(text)
        return self.packet()

    def interrupt(self):
        self.sock.sendall(b"\x03")


def resources():
    """Descriptors and kB of lkvm, as the job in L1 prints them; the first line may be too early."""
    start = count_console("lab: fds")
    wait_console("lab: fds", 60, start + 1)
    with open(os.environ["LAB_LOG"], errors="replace") as log:
        return [int(n) for n in re.findall(r"lab: fds (\d+) rss (\d+)", log.read())[-1]]


def is_alive(when):
    ticks = count_console("guest: tick")
    if not report(wait_console("guest: tick", 60, ticks + 1), "the guest is alive " + when):
        attach()
        execute("thread apply all bt")
        execute("thread apply all info registers rip eflags cr8 cs dr6 dr7")
        execute("thread apply all x/6i $pc")
        execute("p jiffies_64")
        execute("p/x irq_stat")
        execute("detach")


def attach_and_detach():
    cycles = int(os.environ["LAB_CYCLES"])
    before = None
    done = 0
    for n in range(cycles):
        client = Client()
        stop = client.ask("?")
        bye = client.ask("D") if n % 2 else "OK"  # every other one just hangs up
        client.sock.close()
        if not stop.startswith("T") or bye != "OK":
            report(False, f"cycle {n}", f"? answered {stop!r}, D answered {bye!r}")
            return
        done += 1
        if n == min(20, cycles - 1):
            before = resources()  # everything that is allocated once is there
    report(done == cycles, f"{cycles} attach/detach cycles", done)
    after = resources()
    report(after[0] <= before[0], "no descriptor is left", f"{before} {after}")
    report(after[1] <= before[1] + 2048, "no memory is left", f"{before} {after}")
    is_alive("after attaching and detaching")


def interrupt_and_continue():
    seconds = int(os.environ["LAB_SECONDS"])
    client = Client()
    client.ask("?")
    before = resources() if seconds > 60 else None
    end = time.time() + seconds
    n, wrong = 0, []
    while time.time() < end:
        client.send("vCont;c")
        if random.random() < 0.8:
            time.sleep(random.random() * 0.02)
        client.interrupt()
        stop = client.packet()
        n += 1
        if not stop.startswith("T02"):
            wrong.append(stop)
    report(n > seconds and not wrong, f"Ctrl-C and continue for {seconds} s: no stop is lost",
           f"{n} stops, wrong: {wrong[:3]}")
    print(f"LAB {n} stops", flush=True)
    if before:
        client.send("vCont;c")
        after = resources()
        client.interrupt()
        client.packet()
        report(after[0] <= before[0] and after[1] <= before[1] + 2048, "nothing has grown",
               f"{before} {after}")
    client.ask("D")
    client.sock.close()
    is_alive("after Ctrl-C and continue")


run(attach_and_detach, interrupt_and_continue)
