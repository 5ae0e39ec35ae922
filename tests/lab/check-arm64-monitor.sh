#!/bin/bash
# check-arm64-monitor.sh - a guest with KASLR on arm64: clients find its symbols, the monitor's texts
# about it are right, and after a stop of LAB_CLOCK_SECONDS (10 here) it complains of nothing.
# LX names the arm64 tree of the guest's kernel in which `make scripts_gdb` was run: then its lx-
# commands are tried, too, and those without KASLR.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/clients.sh
. "$(dirname "$0")/clients.sh"
LAB_CLOCK_SECONDS=${LAB_CLOCK_SECONDS:-10}
# shellcheck source=tests/lab/clock.sh
. "$(dirname "$0")/clock.sh"

MODULE=virtio_ring ARG1=x0 SYSREG=VBAR_EL1

write_job()
{
	cat >"$W/job" <<END
guest()
{
	lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 192 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-clock \$* \\
		--gdb-vmlinux $VMLINUX -p "console=ttyS0 $FEW_WORDS" </dev/null
	echo "lab: guest \$1 status \$?"
	[ ! -e /core ] || echo "lab: core \$(head -c 4 /core | tail -c 3) info \$(head -c 16384 /core | grep -c OSRELEASE=)"
	rm -f /core
}
guest stop --gdb-kaslr
[ -z "${LX:-}" ] || guest run
END
}

# shellcheck disable=SC2317 # called by check
# The slide that VBAR_EL1 shows and the one that the kernel chose are the same when names fit; that
# there was one at all shows here.
is_moved() { grep -qE 'kernel moved by 0x[0-9a-f]+0000$' "$W/bare.out"; }

lab_open
"$LAB/fetch" arm64 || lab_die "the downloads are not there"
VMLINUX=$CACHE/lab-arm64/vmlinux
write_job
lab_add_symbols arm64 "$VMLINUX"
lab_boot arm64 "$W/job" 2
lab_wait 60 'gdb: listening' || lab_die "lkvm does not listen"
lab_wait 120 'guest: tick' || lab_die "the guest does not boot"

gdb_bare bare "$GDB" "${HERE[@]}"
check "bare: KASLR moved the kernel" is_moved
gdb_bare with-vmlinux "$GDB" "$VMLINUX"
triple=$(printf aarch64-unknown-linux-gnu | od -An -tx1 -v | tr -d ' \n')
lldb_looks && says lldb "triple:$triple" "the triple"
if [ -n "${LX:-}" ]; then
	sed -n '/hookpost/,/end$/p' "$W/bare.out" >"$W/hook"
	lx_scripts lx-kaslr "target remote 127.0.0.1:$PORT" "source $W/hook" symbol-file
else
	skip "lx- commands" "LX names no kernel tree with scripts_gdb"
fi
one_guest 1 stop monitor clock
check "the dump is an ELF file with VMCOREINFO" lab_wait 20 'lab: core ELF info [1-9]'
if [ -n "${LX:-}" ]; then
	lab_wait 60 'gdb: listening' 2 || lab_die "the second lkvm does not listen"
	lab_wait 120 'guest: shell reached' 2 || lab_die "the second guest does not boot"
	lx_scripts lx-nokaslr "file $VMLINUX" "target remote 127.0.0.1:$PORT"
	one_guest 2 run clock
fi
finish
