#!/bin/bash
# check-svm.sh - everything but breakpoints on SVM, 1 to 8 CPUs (QEMU/TCG reports none to KVM), a reset
# after a panic, the keys for a BREAK, and a hardware clock that the guest sets.
# timeout: 400
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# One guest after the other in the same L1: CPUS and the words of lkvm.
write_job()
{
	cat >"$W/job" <<'END'
guest()
{
	cpus=$1 words=$2
	shift 2
	lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 512 -c $cpus "$@" \
		-p "console=ttyS0 $FEW_WORDS text=$TEXT_ADDR $words"
	echo "lab: guest $cpus status $?"
}
# Ctrl-a b, h: once somebody in the guest reads its console
press()
{
	until grep -q 'guest: tick' /out; do sleep 1; done
	printf '\001bh'
}
gdb="--gdb tcp:0.0.0.0:1234"
: >/out
press | guest 2 "pti=on hwclock" $gdb | tee /out
guest 1 - $gdb --gdb-wait </dev/null
guest 8 - $gdb </dev/null
guest 4 - $gdb </dev/null
guest 3 do=44 </dev/null
END
}

# one_guest NR CPUS COMMAND STATUS SCRIPT...: the NRth guest, ended by COMMAND
one_guest()
{
	local nr=$1 status=$4 script
	export LAB_CPUS=$2 LAB_COMMAND=$3 LAB_BREAK=no
	shift 4
	lab_wait 60 'gdb: listening' "$nr" || lab_die "guest $nr: lkvm does not listen"
	[ "$LAB_CPUS" = 1 ] || lab_wait 120 'guest: shell reached' "$nr" || lab_die "guest $nr: does not boot"
	for script; do gdb_script 120 "$script"; done
	check "$LAB_CPUS CPUs: lkvm ends with status $status" \
		lab_wait 90 "lab: guest $LAB_CPUS status $status\$"
}

lab_open
write_job
lab_boot svm "$W/job" 2
one_guest 1 2 42 0 look leave
check "2 CPUs: both came up" lab_wait 1 'shell reached, cpus 2'
check "Ctrl-a b is a BREAK for Linux: h is SysRq's" lab_wait 1 'sysrq: HELP'
check "the hardware clock keeps what hwclock -w wrote" \
	lab_wait 1 'guest: hwclock Tue May  6 07:08:.. 2031'
one_guest 2 1 43 0 wait leave
one_guest 3 8 42 0 look leave
check "8 CPUs: all came up" lab_wait 1 'shell reached, cpus 8'
one_guest 4 4 42 0 crash reset leave
check "without gdb a panic ends lkvm with status 1" lab_wait 90 'lab: guest 3 status 1$'
finish
