"""relay.py - a wire between gdb and the stub, on which a script can put bytes of its own. It is a
process: gdb lets no Python thread run while it waits for the stub's answer to most questions."""

import os
import select
import signal
import socket

from lab import execute, pc, report, stop_reason


class Relay:
    """Takes one client after the other at port, and connects each to the stub's."""

    def __init__(self, stub_port):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        orders, self._orders = os.pipe()
        self._done, done = os.pipe()
        if os.fork() == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                os.close(self._orders)
                os.close(self._done)
                _serve(listener, stub_port, orders, done)
            finally:
                os._exit(0)
        listener.close()
        os.close(orders)
        os.close(done)

    def inject(self, data):
        """Bytes for the stub, in front of what the client sends next."""
        os.write(self._orders, data)
        if not os.read(self._done, 1):
            raise RuntimeError("the relay has ended")


def interrupt_owed(relay):
    """A 0x03 while the machine is stopped ends the next resume, and only that one."""
    relay.inject(b"\x03")
    execute("continue")
    report(stop_reason() == "SIGINT", "0x03 while stopped: the next continue ends in SIGINT",
           stop_reason())
    here = pc()
    relay.inject(b"\x03\x03")
    execute("stepi")
    report(stop_reason() == "SIGINT", "so does a stepi, once for two", stop_reason())
    execute("stepi")
    report(stop_reason() != "SIGINT" and pc() != here, "the one after it steps",
           f"{stop_reason()} {pc():#x}")


def _serve(listener, stub_port, orders, done):
    while True:
        ready, _, _ = select.select([listener, orders], [], [])
        if orders in ready:
            return  # gdb has ended, or nobody is there to send it to
        client = listener.accept()[0]
        stub = socket.create_connection(("127.0.0.1", stub_port))
        for end in (client, stub):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _carry(client, stub, orders, done)
        client.close()
        stub.close()


def _carry(client, stub, orders, done):
    while True:
        ready, _, _ = select.select([client, stub, orders], [], [])
        for source in ready:
            data = os.read(source if source is orders else source.fileno(), 65536)
            if not data:
                return
            sink = client if source is stub else stub
            sink.sendall(data)
            if source is orders:
                os.write(done, b".")
