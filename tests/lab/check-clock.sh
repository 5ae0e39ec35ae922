#!/bin/bash
# check-clock.sh - on SVM: the monitor's texts about Linux, and a stop of LAB_CLOCK_SECONDS (30)
# after which the guest complains of nothing, with its clocks held and, told of the stop, without.
# timeout: 500
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/clock.sh
. "$(dirname "$0")/clock.sh"

write_job()
{
	cat >"$W/job" <<'END'
for kind in stop run; do
	lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 256 -c 2 --gdb tcp:0.0.0.0:1234 \
		--gdb-clock $kind -p "console=ttyS0 $FEW_WORDS text=$TEXT_ADDR" </dev/null
	echo "lab: guest $kind status $?"
	[ ! -e /core ] || echo "lab: core $(head -c 4 /core | tail -c 3) info $(head -c 16384 /core | grep -c OSRELEASE=)"
	rm -f /core
done
END
}

lab_open
write_job
lab_boot svm "$W/job" 2
one_guest 1 stop monitor clock
check "the dump is an ELF file with VMCOREINFO" lab_wait 20 'lab: core ELF info [1-9]'
one_guest 2 run clock
finish
