"""nofile.py - gdb was started without any program: the stub gives it the kernel's own symbols and
types. What it says is kept in the file LAB_SAMPLES, for samples.py, which knows the vmlinux."""

import json
import os
import random
import sys
import time

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import a_module, attach, execute, report, run, run_and_interrupt, value

SAMPLES = int(os.environ.get("LAB_N_SAMPLES", "12"))
ARM = "aarch64" in gdb.execute("show architecture", to_string=True)


def has(text, wanted, name):
    report(wanted in text, name, text[-600:])


def connect():
    began = time.monotonic()
    attach()
    print(f"connected in {time.monotonic() - began:.1f} s")
    global ARM
    ARM = "aarch64" in execute("show architecture")
    execute("set backtrace limit 60")
    has(execute("info files"), "target:/vmgdb/vmlinux-", "gdb takes its program from the stub")
    text = execute("monitor info linux")
    has(text, "types: yes", "the kernel has types")
    seconds = [int(line.split()[1]) for line in text.splitlines() if line.startswith("uptime: ")]
    report(seconds and 0 < seconds[0] < 3600, "and tells how long it is up", text)
    has(execute("monitor symbols"), "symbol-file target:/vmgdb/vmlinux-", "monitor symbols")
    has(execute("monitor vmcoreinfo"), "OSRELEASE=", "monitor vmcoreinfo")


def types():
    has(execute("ptype struct task_struct"), "comm[16];", "ptype struct task_struct")
    has(execute("whatis do_sys_openat2"), "struct open_how *", "a function's prototype")
    has(execute("p init_task.comm"), '"swapper', "a variable that the kernel exports")
    has(execute("p linux_banner"), '= "Linux version ', "p linux_banner")
    length = len(gdb.parse_and_eval("(char *)linux_banner").string()) + 1
    report(value("sizeof(linux_banner)") == length, "which is as long as its text", length)
    # Those of a kernel that has functions only in its kallsyms, too (Debian's for arm64).
    report(value("init_mm.mm_users.counter") == 2, "init_mm", execute("p init_mm"))
    report(value("super_blocks.next->prev == &super_blocks"), "super_blocks")
    report(value("modules.next->prev == &modules"), "modules")
    has(execute("p saved_command_line"), '"', "saved_command_line")
    report(value("(long)((struct rq *)((long)&runqueues + __per_cpu_offset[1]))->cpu") == 1,
           "runqueues")
    has(execute("info types ^list_head$"), "File vmlinux-", "the unit has a plain name")
    has(execute("info symbol do_sys_openat2"), "do_sys_openat2", "the name of an address")


def arguments():
    execute("tbreak do_sys_openat2")
    execute("continue")
    report(gdb.selected_frame().name() == "do_sys_openat2", "break FUNCTION stops in it",
           gdb.selected_frame().name())
    has(execute("info args"), "how = 0xffff", "arguments by name")
    has(execute("p *how"), "flags = ", "p *how")
    has(execute("x/s (char *)filename"), '"/', "a file name of the user's")
    trace = execute("bt")
    has(trace, "el0_svc" if ARM else "do_syscall_64", "bt crosses the system call")


# Where else a CPU's oldest frame is: it idles. Of the last two the code is gone that has called them;
# a kernel of 5.10 says that nobody has called secondary_start_kernel.
IDLE = {"secondary_startup_64_no_verify", "secondary_startup_64", "__secondary_switched",
        "secondary_start_kernel", "arch_call_rest_init", "start_kernel"}
# In what it stands then.
INTERRUPTED = {"arch_cpu_idle", "cpu_do_idle", "__cpu_do_idle", "default_idle_call", "default_idle",
               "native_safe_halt", "pv_native_safe_halt", "do_idle"}


def interrupt():
    """A timer's, until it has interrupted the kernel: the backtrace goes on there."""
    execute("break hrtimer_interrupt")
    names = []
    for _ in range(30):
        execute("continue")
        frame, interrupted, names = gdb.newest_frame(), False, []
        while frame is not None and len(names) < 60:
            interrupted |= bool(names) and names[-1] == "<signal>" and (frame.name() or "") in INTERRUPTED
            names.append("<signal>" if frame.type() == gdb.SIGTRAMP_FRAME else frame.name())
            frame = frame.older()
        if interrupted:
            break
    report(interrupted, "an interrupt of the idle task", names)
    report([name for name in names if name][-1] in IDLE, "bt crosses it", names)
    execute("delete")


def call():
    has(execute("p (int)nr_processes()"), "= ", "p FUNCTION() runs it in the guest")
    report(value("(int)nr_processes()") > 5, "and tells how many processes there are")


def threads():
    text = execute("info threads")
    report("CPU#0 [" in text and "CPU#1 [" in text, "a thread for each CPU", text)


# Where a task stands that sleeps: in what switches, or where a new one begins.
FIRST = {"__schedule", "__switch_to", "ret_from_fork"}
# Where the oldest frame of a task is that sleeps in a system call, or of a thread of the kernel.
ENDS = {"el0t_64_sync", "el0t_32_sync", "el0_sync", "entry_SYSCALL_64_after_hwframe", "entry_SYSCALL_64",
        "ret_from_fork", "ret_from_fork_asm", "asm_exc_page_fault", None}


def tasks():
    """Each task that sleeps is a thread: pid 1 waits in a system call, and so do many."""
    execute("monitor threads tasks")
    listed = [t for t in gdb.selected_inferior().threads() if t.ptid[1] > 0x1000]
    began = time.monotonic()
    report(len(listed) > 20, "a thread for each task that sleeps", len(listed))
    text = execute("info threads")
    has(text, '"kthreadd" (pid 2 [S])', "with its name and pid")
    report('"vCPU 0" (CPU#0 [' in text and '"vCPU 1" (CPU#1 [' in text, "the CPUs stay", text)
    whole, wrong = 0, []
    for thread in listed:
        thread.switch()
        found, _ = frames()
        names = [frame["name"] for frame in found]
        # One that was just made has not run yet.
        if names[0] in FIRST and names[-1] in ENDS:
            whole += 1
        else:
            wrong.append((thread.ptid[1] - 0x1000, names))
    report(whole == len(listed), f"a whole backtrace of each of {len(listed)}", wrong[:5])
    print(f"{len(listed)} tasks listed and unwound in {time.monotonic() - began:.1f} s")
    # Where pid 1 waits depends on the moment, and so does whether it does.
    waits = [t for t in listed if t.ptid[1] == 0x1002][0]
    waits.switch()
    has(execute("bt"), " kthreadd (", "bt of kthreadd, which waits for work")
    has(execute("p $x0" if ARM else "p $rdi"), "<unavailable>", "what it has not saved")
    try:
        execute("set $sp = 0")
        report(False, "its registers cannot be written")
    except gdb.error as error:
        report(True, f"its registers cannot be written: {error}")
    # gdb only warns, and shows where it stands; gdb 18 goes to another thread.
    where = value("(unsigned long)$pc")
    execute("stepi")
    waits.switch()
    report(value("(unsigned long)$pc") == where, "stepi of it leaves it where it is")
    # User addresses are those of the process that was chosen, whatever runs on the CPUs.
    rows = [row.split() for row in execute("monitor ps").splitlines()]
    addr = next(row[5] for row in rows if row[0] == "1")
    words = value(f"((struct task_struct *){addr})->mm->arg_start")
    execute("thread 1")
    execute("monitor process 1")
    text = execute(f"x/s {words}")
    report("init" in text or "busybox" in text, "monitor process 1: its command line", text)
    has(execute("monitor process"), "those of the CPU", "and back to the CPU's addresses")
    if any(t.ptid[1] == 0x1001 for t in listed):
        execute("thread " + str([t for t in listed if t.ptid[1] == 0x1001][0].num))
        text = execute(f"x/s {words}")
        report("init" in text or "busybox" in text, "the command line of a task's process", text)
    execute("monitor threads cpus")
    report(len(gdb.selected_inferior().threads()) == 2, "only the CPUs are threads again")
    execute("thread 1")


def new_task():
    """One that was just made and has not run: it begins where a fork ends."""
    execute("tbreak wake_up_new_task")
    execute("continue")
    thread_id = 0x1000 + value("p->pid")
    execute("monitor threads tasks")
    [t for t in gdb.selected_inferior().threads() if t.ptid[1] == thread_id][0].switch()
    names = [frame["name"] for frame in frames()[0]]
    report(names and set(names) <= {"ret_from_fork", "ret_from_fork_asm"}, "the backtrace of a new task", names)
    trace = execute("bt")
    report("unavailable" not in trace, "nothing of it is missing", trace)
    execute("monitor threads cpus")
    execute("thread 1")


def current_pid():
    """Of what the stopped CPU runs, also in user mode."""
    cpu = f"{gdb.selected_thread().num - 1}*"
    rows = [row.split() for row in execute("monitor ps").splitlines()]
    return next((int(row[0]) for row in rows if cpu in row[3:5]), 0)


def stops(count):
    pids = []
    for _ in range(count):
        execute("continue")
        pids.append(current_pid())
    return pids


def saved_registers(task):
    """Of its user mode, at the end of its stack; x86 kernels with FRED keep 16 bytes free there."""
    for free in (0, 16):
        regs = f"((struct pt_regs *)((char *)((struct task_struct *){task})->stack + {16384 - free}) - 1)"
        if ARM or value(f"{regs}->cs & 0xffff") == 0x33:
            break
    return regs


def one_process():
    """Pid 1 and each of its children come back from fork() at the same address."""
    rows = [row.split() for row in execute("monitor ps").splitlines()]
    addr = next(row[5] for row in rows if row[0] == "1")
    execute("break kernel_clone")
    while stops(1) != [1]:
        pass
    execute("delete")
    behind = value(f"{saved_registers(addr)}->{'pc' if ARM else 'ip'}")
    execute("monitor break-process 1")
    execute(f"hbreak *{behind}")
    pids = stops(4)
    report(set(pids) == {1}, "monitor break-process 1: its children do not stop", pids)
    has(execute("monitor break-process any"), "any process", "and any process again")
    pids = stops(8)
    report(len(set(pids)) > 1, "then they do", pids)
    execute("delete")


def frames():
    """The frames of the selected thread, and what of the stacks is needed to find them."""
    found, stack, frame = [], {}, gdb.newest_frame()
    inferior = gdb.selected_inferior()
    while frame is not None and len(found) < 60:
        sp = int(frame.read_register("sp"))
        found.append({"pc": frame.pc(), "name": frame.name()})
        page = sp & ~0xFFF
        for at in (page, page + 0x1000):
            if at >= 1 << 63 and at not in stack:
                try:
                    stack[at] = bytes(inferior.read_memory(at, 0x1000)).hex()
                except gdb.MemoryError:
                    pass
        frame = frame.older()
    return found, stack


ARM_NAMES = [f"x{n}" for n in range(31)] + ["sp", "pc"]
X86_NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip"]
X86_NAMES += [f"r{n}" for n in range(8, 16)]


def samples():
    """Random stops in the kernel; idle CPUs are not much of a test, so only one of them counts."""
    kept, tries, idle = [], 0, 0
    random.seed(1)
    while len(kept) < SAMPLES and tries < 12 * SAMPLES:
        tries += 1
        run_and_interrupt(0.05 + random.random() / 3)
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            if gdb.newest_frame().pc() < 1 << 63 or len(kept) == SAMPLES:
                continue
            found, stack = frames()
            lazy = any("idle" in (frame["name"] or "") for frame in found)
            idle += lazy
            if lazy and idle > 2:
                continue
            regs = {n: int(gdb.newest_frame().read_register(n)) & (1 << 64) - 1
                    for n in (ARM_NAMES if ARM else X86_NAMES)}
            kept.append({"frames": found, "stack": stack, "regs": regs})
    with open(os.environ["LAB_SAMPLES"], "w") as out:
        json.dump({"_stext": value("(unsigned long)&_stext"), "samples": kept}, out)
    report(len(kept) >= SAMPLES // 2, "random stops in the kernel", len(kept))


def monitor():
    has(execute("monitor dmesg -n 2000"), "Linux version ", "monitor dmesg")
    has(execute("monitor ps"), " init", "monitor ps")
    has(execute("monitor lsmod"), a_module()[0], "monitor lsmod")
    has(execute("info os processes"), "init", "info os processes")
    has(execute("info os modules"), a_module()[0], "info os modules")
    has(execute("info os threads"), "kthreadd", "info os threads")
    has(execute("info os cpus"), "core", "info os cpus")
    execute("detach")


run(connect, types, threads, tasks, new_task, one_process, arguments, interrupt, call, samples, monitor)
