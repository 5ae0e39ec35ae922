"""drops.py PORT CONSOLE VMLINUX RESULTS SECONDS SEED - a client of the remote protocol that goes at any
moment, again and again, from a guest that runs ipi.c. LAB_NOBODY: nobody connects.
"""

import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import time

PORT, CONSOLE, VMLINUX, RESULTS, SECONDS, SEED = sys.argv[1:7]
# Where the CPUs are when they interrupt each other, idle, or take an interrupt.
NAMES = """smp_call_function_single generic_exec_single flush_smp_call_function_queue __perf_event_read
    perf_event_read generic_smp_call_function_single_interrupt cpu_do_idle default_idle_call do_idle
    el1_interrupt gic_handle_irq do_handle_IPI ipi_handler gic_ipi_send_mask native_safe_halt
    __sysvec_call_function_single native_send_call_func_single_ipi hrtimer_interrupt
    __flush_smp_call_function_queue smp_cross_call""".split()
STUCK = 60  # seconds without progress; a busy machine needs one or two
rng = random.Random(int(SEED))


def symbols():
    text = subprocess.run(["readelf", "-sW", VMLINUX], capture_output=True, text=True).stdout
    rows = (line.split() for line in text.splitlines())
    return {r[7]: (int(r[1], 16), int(r[2], 0)) for r in rows if len(r) == 8 and r[7] in NAMES}


class Gone(Exception):
    pass


class Client:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(PORT)), 10)
        self.data = b""
        self.thread = {0: "1", 1: "2"}
        features = self.ask("qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+")
        if "multiprocess+" in features:
            self.thread = {0: "p1.1", 1: "p1.2"}
        self.ask("?")

    def send(self, packet):
        body = packet.encode()
        self.socket.sendall(b"$%s#%02x" % (body, sum(body) % 256))

    def receive(self, timeout=10):
        """The next packet; None: none came."""
        end = time.monotonic() + timeout
        while True:
            match = re.search(rb"[$%]([^#]*)#..", self.data)
            if match:
                self.data = self.data[match.end() :]
                if match[0][:1] == b"%":
                    continue  # a stop in non-stop mode, which nobody asks about
                self.socket.sendall(b"+")
                return match[1].decode("latin-1")
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            more = self.socket.recv(65536)
            if not more:
                raise Gone("the stub has closed the connection")
            self.data += more

    def ask(self, packet, timeout=20):
        self.send(packet)
        reply = self.receive(timeout)
        while reply is not None and reply[:1] == "O" and reply != "OK":
            reply = self.receive(timeout)
        if reply is None:
            raise Gone(f"no reply to {packet}")
        return reply

    def monitor(self, command):
        self.send("qRcmd," + command.encode().hex())
        text = ""
        while True:
            reply = self.receive(20)
            if reply is None or reply == "OK" or reply[:1] == "E":
                return text
            text += bytes.fromhex(reply[1:] if reply[:1] == "O" else reply).decode("latin-1")

    def interrupt(self):
        self.socket.sendall(b"\x03")
        return self.receive(20)

    def close(self):
        if rng.random() < 0.5:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def address(client, places):
    start, size = rng.choice(list(places.values()))
    step = 1 if not ARM else 4
    return start if not ARM or rng.random() < 0.6 else start + step * rng.randrange(max(size // step, 1))


def set_breaks(client, places):
    done = []
    for _ in range(rng.randrange(4)):
        kind = "0" if rng.random() < 0.7 and ARM else "1"
        row = f"{kind},{address(client, places):x},{4 if ARM else 1}"
        if client.ask("Z" + row) == "OK":
            done.append(row)
    return done


def action(client):
    """A resume that a debugger makes: one steps and others run or are held, ranges, all run."""
    cpu = rng.randrange(2)
    own, other = client.thread[cpu], client.thread[1 - cpu]
    start, size = rng.choice(list(PLACES.values()))
    ranged = f"vCont;r{start:x},{start + size:x}:{own}"
    return rng.choice(
        ["vCont;c"] * 3
        + [f"vCont;s:{own}", f"vCont;s:{own};c", f"vCont;s:{own};c:{other}", f"vCont;c:{own}"]
        + [ranged, ranged + ";c", ranged + f";c:{other}"]
    )


def widest_range(client):
    """Steps through all of the kernel: thousands of them, until the client goes."""
    own = client.thread[rng.randrange(2)]
    base = 0xFFFF800000000000 if ARM else 0xFFFFFFFF80000000
    return f"vCont;r{base:x},{0xFFFFFFFFFFFFF000:x}:{own}" + rng.choice(["", ";c"])


def session_non_stop(client):
    """One CPU stands at a breakpoint, or neither, and both may be stepped."""
    rows = set_breaks(client, PLACES)
    what = ["non-stop", " ".join(rows)]
    client.ask("QNonStop:1")
    for _ in range(rng.randrange(1, 8)):
        own = client.thread[rng.randrange(2)]
        what.append(rng.choice(["vCont;c", f"vCont;t:{own}", f"vCont;c:{own}", f"vCont;s:{own}"]))
        client.ask(what[-1])
        time.sleep(rng.choice([0, 0.001, 0.02, 0.2]))
    return what


def session(client):
    if rng.random() < 0.15:
        return session_non_stop(client)
    what = []
    if rng.random() < 0.3:
        mode = rng.choice(["7", "1", "5", "3"])
        client.ask("Qqemu.sstep=0x" + mode)
        what.append("sstep " + mode)
    rows = set_breaks(client, PLACES)
    what.append(" ".join(rows))
    for _ in range(rng.randrange(1, 12)):
        packet = widest_range(client) if rng.random() < 0.15 else action(client)
        what.append(packet)
        client.send(packet)
        if rng.random() < 0.12:
            break
        if client.receive(rng.choice([0.05, 0.3, 1])) is None:
            if rng.random() < 0.5:
                break
            if client.interrupt() is None:
                raise Gone("no stop after an interrupt")
        if rows and rng.random() < 0.2:
            what.append("z")
            client.ask("z" + rows.pop())
    # Now, in the midst of what goes on, or as a debugger that hangs.
    time.sleep(rng.choice([0, 0, 0, 0.001, 0.01, 0.05, 0.05, 0.2, 2]))
    return what


def counts():
    with open(CONSOLE, "rb") as console:
        console.seek(max(os.path.getsize(CONSOLE) - 20000, 0))
        rows = re.findall(rb"guest: ipi (\d+) (\d+)\r*\n", console.read())
    return [int(n) for n in rows[-1]] if rows else [0, 0]


def gets_on(before):
    """Do both counters grow?"""
    end = time.monotonic() + STUCK
    while time.monotonic() < end:
        now = counts()
        if now[0] > before[0] and now[1] > before[1]:
            return True
        time.sleep(0.05)
    return False


def autopsy():
    try:
        client = Client()
        print("registers:", client.monitor("info registers -a"))
        for cpu in (0, 1):
            client.ask("Hg" + client.thread[cpu])
            print("g of CPU", cpu, client.ask("g")[:560])
        for command in ("info cpus", "dmesg -n 20"):
            print(command, client.monitor(command))
        client.socket.close()
    except (Gone, OSError) as error:
        print("autopsy:", error)


def report(good, text):
    with open(RESULTS, "a") as results:
        results.write(("ok " if good else "not ok ") + text + "\n")


def watch_alone(end):
    while time.monotonic() < end:
        if not gets_on(counts()):
            report(False, "nobody debugs: a CPU stands still")
            return
    report(True, f"nobody debugs: both CPUs got on for {SECONDS} s")


def main():
    end, n, what = time.monotonic() + float(SECONDS), 0, []
    print("drops: seed", SEED, "places", sorted(PLACES))
    if os.environ.get("LAB_NOBODY"):
        watch_alone(end)
        return
    while time.monotonic() < end:
        n += 1
        client = None
        try:
            client = Client()
            what = session(client)
        except (Gone, OSError) as error:
            report(False, f"session {n}: {error}: {what}")
            print("drops:", error)
        if client:
            client.close()
        before = counts()
        if not gets_on(before):
            print(f"drops: session {n}: stuck after", *what, sep="\n  ")
            autopsy()
            now = counts()
            freed = gets_on(now)
            report(False, f"session {n}: stuck at {before}; after another look: {freed}")
            return
        if os.environ.get("LAB_SHOW"):
            print(f"drops: session {n}: {before} {counts()}", *what, sep="; ", flush=True)
    report(True, f"{n} sessions, after each both CPUs got on; {counts()}")


PLACES = symbols()
ARM = "cpu_do_idle" in PLACES
main()
