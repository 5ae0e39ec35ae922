"""monitor.py - the monitor's texts about a Linux guest, taken apart as QEMU's clients do it."""

import os
import re
import sys

import gdb

sys.path.insert(0, os.environ["LAB_DIR"] + "/gdb")
from lab import *


ARM = gdb.selected_inferior().architecture().name().startswith("aarch64")
RIGHTS = "[u-]r[w-][x-]"
TLB_LINE = ("[0-9a-f]{16}: [0-9a-f]{16} [0-9a-f]{13}000 [-UWXxAGC]{7}$" if ARM else
            "[0-9a-f]{16}: [0-9a-f]{16} X?[-A-Z]{8,9}$")


def monitor(command):
    return execute("monitor " + command)


def arm_registers():
    text = monitor("info registers")
    for name, register in (("PC", "pc"), ("X30", "x30"), ("SP", "sp"), ("PSTATE", "cpsr")):
        found = re.search(name + r"=(\w+)", text)
        report(found and int(found.group(1), 16) == value("$" + register) % 2**64,
               f"info registers: {name}", text)
    all_registers()


def registers():
    text = monitor("info registers")
    for name, register in (("IDT", "idt_base"), ("GDT", "gdt_base")):
        found = re.search(name + r"\s*=\s*(\w+) (\w+)", text)
        report(found and int(found.group(1), 16) == value(f"(unsigned long)${register}"),
               f"info registers: {name}", text)
    found = re.search(r"CR3=(\S+)", text)
    report(found and int(found.group(1), 16) == value("(unsigned long)$cr3"),
           "info registers: CR3", text)
    found = re.search(r"TR\s*=\s*(\w+) (\w+) (\w+) (\w+)", text)
    report(found and int(found.group(2), 16) == value("(unsigned long)$tr_base"),
           "info registers: TR", text)
    all_registers()


def all_registers():
    cpus = int(os.environ["LAB_CPUS"])
    report(monitor("info registers -a").count("CPU#") == cpus, "info registers -a")
    report(len(monitor("info cpus").splitlines()) == cpus, "info cpus")


def addresses():
    banner = value("(unsigned long)&linux_banner")
    text = monitor(f"gva2gpa {banner}")
    found = re.search(r"gpa: (0x\S+)", text)
    report(found, "gva2gpa takes a decimal number", text)
    gpa = found.group(1)
    words = monitor(f"xp/8xb {gpa}").split()
    text = bytes(int(word, 16) for word in words[1:])
    report(text == b"Linux ve", "xp shows what is there", words)
    report("Linux version" in monitor("x /1s linux_banner".replace("linux_banner", hex(banner))),
           "x shows a string")
    report(re.search(r"is (0x[0-9a-f]+)", monitor("gpa2hva " + gpa)), "gpa2hva")
    report("Unmapped" in monitor("gva2gpa 0xffff800000000000"), "gva2gpa of a hole")


def covers(line, address):
    start, end = (int(number, 16) for number in line.split()[0].split("-"))
    return start <= address < end


def page_tables():
    lines = monitor("info mem").splitlines()
    wrong = []
    for line in lines:
        addresses, size, rights = line.split()
        start, end = (int(number, 16) for number in addresses.split("-"))
        if end - start != int(size, 16) or not re.fullmatch(RIGHTS, rights):
            wrong.append(line)
    report(lines and not wrong, "info mem: END - START is the size", wrong)
    for name, rights in (("linux_banner", "-r-"), ("jiffies_64", "-rw")):
        address = value(f"(unsigned long)&{name}")
        found = [line for line in lines if covers(line, address)]
        report(len(found) == 1 and f" {rights}" in found[0], f"info mem: {name} is {rights}",
               found)
    page = value("(unsigned long)&linux_banner") & ~0xfff
    text = monitor(f"info tlb {page:#x}").splitlines()
    report(re.match(TLB_LINE, text[0]), "info tlb", text[:2])


def machine():
    text = monitor("info mtree -f")
    report("Root memory region: system" in text and ", ram):" in text, "info mtree -f", text)
    report(monitor("info kvm").startswith("kvm support: enabled"), "info kvm")
    report("paused" in monitor("info status"), "info status")
    if ARM:
        report("no non-maskable" in monitor("nmi"), "nmi says that there is none")
    else:
        report("dumping local APIC" in monitor("info lapic"), "info lapic")
        lstar = monitor("info msr 0xc0000082")
        report(lstar == f"msr[0xc0000082] = {value('$lstar'):#018x}\n", "info msr", lstar)
        report("no MSR 0x12345678" in monitor("info msr 0x12345678"), "an MSR that is none")
        report("32 bits" in monitor("info msr 0x100000000"), "a number that no MSR can have")
    report("unknown command: 'nonsense'" in monitor("nonsense"), "an unknown command")


def dump():
    text = monitor("dump-guest-memory /core")
    report("VMCOREINFO found" in text, "dump-guest-memory finds VMCOREINFO", text)


def all_of_it():
    # In user mode behind KPTI the kernel's page tables are not the CPU's: stop in the kernel.
    attach()
    for _ in range(20):
        if value("(unsigned long)$pc") >> 63:
            break
        run_and_interrupt(0.5)
    run(arm_registers if ARM else registers, addresses, page_tables, machine, dump)
    execute("detach")


run(all_of_it)
