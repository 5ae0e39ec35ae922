"""patience.py - how long gdb's scripts wait for the emulator; the rules are in ../patience.sh."""

import os
import time

FAR = 10
_HZ = os.sysconf("SC_CLK_TCK")


def _family(pid):
    """The process and all that it started."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = [pid]
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children") as children:
                found += [p for child in children.read().split() for p in _family(child)]
        except OSError:
            pass  # the thread has ended
    return found


def cpu_use(pid):
    """Seconds of CPU time of all threads, and whether one of them wants a CPU or waits for a disk."""
    used, wants = 0, False
    for process in _family(pid):
        for task in os.listdir(f"/proc/{process}/task") if os.path.exists(f"/proc/{process}/task") else []:
            try:
                with open(f"/proc/{process}/task/{task}/stat", errors="replace") as stat:
                    fields = stat.read().rpartition(") ")[2].split()
            except OSError:
                continue
            used += (int(fields[11]) + int(fields[12])) / _HZ
            wants = wants or fields[0] in "RD"
    return used, wants


class Patience:
    """left() is asked every 0.3 s or so, and is false when `seconds` of a quiet machine are over."""

    def __init__(self, seconds, pid=None, console=None):
        self.seconds = seconds
        self.pid = pid or os.environ.get("LAB_EMULATOR", "")
        self.console = console or os.environ.get("LAB_LOG", os.devnull)
        self.spent = 0.0
        self.begin = self.at = time.time()
        self.used, _ = cpu_use(self.pid)
        self.size = self._size()

    def _size(self):
        try:
            return os.path.getsize(self.console)
        except OSError:
            return 0

    def left(self):
        now, size = time.time(), self._size()
        used, wants = cpu_use(self.pid)
        passed = now - self.at
        if wants:
            passed = min(passed, max(used - self.used, 0))
        elif size != self.size:
            passed /= 2
        self.spent += passed
        self.at, self.used, self.size = now, used, size
        return self.spent < self.seconds and now - self.begin < self.seconds * FAR + 60

    def wait(self, ready, pause=0.3):
        """Until ready() is true; what it answered last."""
        while True:
            answer = ready()
            if answer or not self.left():
                return answer
            time.sleep(pause)
