"""drgn-core.py CORE VMLINUX - what drgn finds in a dump of the lab's guest; run by tests/lab/core."""

import sys

import drgn
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.pid import for_each_task

prog = drgn.Program()
prog.set_core_dump(sys.argv[1])
prog.load_debug_info([sys.argv[2]])
print("banner:", prog["linux_banner"].string_().decode().strip())
print("tasks:", *(task.comm.string_().decode() for task in for_each_task(prog)))
for cpu in range(2):
    task = per_cpu(prog["runqueues"], cpu).curr
    # A task that runs has its registers in the dump's notes only.
    print(f"cpu {cpu}:", task.comm.string_().decode())
for thread in prog.threads() if hasattr(prog, "threads") else ():
    if thread.tid == 1:
        print("init:", " ".join(str(thread.stack_trace()).split()))
