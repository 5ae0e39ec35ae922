#!/bin/bash
# check-svm.sh - everything but breakpoints on SVM, 1 to 8 CPUs (QEMU/TCG reports none to KVM).
# timeout: 400
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# One guest after the other in the same L1: CPUS and the words of lkvm.
write_job()
{
	cat >"$W/job" <<'END'
guest()
{
	lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 512 -c $1 --gdb tcp:0.0.0.0:1234 $3 \
		-p "console=ttyS0 $2 text=$TEXT_ADDR" </dev/null
	echo "lab: guest $1 status $?"
}
guest 2 pti=on
guest 1 x --gdb-wait
guest 8 x
guest 4 panic=0
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
one_guest 2 1 43 0 wait leave
one_guest 3 8 42 0 look leave
check "8 CPUs: all came up" lab_wait 1 'shell reached, cpus 8'
one_guest 4 4 44 1 crash
finish
