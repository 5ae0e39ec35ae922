#!/bin/bash
# check-entry.sh - kernel entries under page-table isolation, boot code, a user's addresses: on SVM
# with breakpoints, in QEMU 10. Only when LAB_SVM_QEMU names one: tests/lab/fetch qemu-10 gets it.
# timeout: 400
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

BENCH=${BENCH:-svm} WORDS=${WORDS:-pti=on}
if [ "$BENCH" = svm ] && [ -z "${LAB_SVM_QEMU:-}" ]; then
	echo "1..0 # SKIP LAB_SVM_QEMU names no QEMU 10"
	exit
fi
lab_open
cat >"$W/job" <<END
lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 256 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-wait \\
	-p "console=ttyS0 $WORDS" </dev/null
END
lab_boot "$BENCH" "$W/job" 2
lab_wait 90 'gdb: listening' || lab_die "lkvm does not listen"
[ "$BENCH" = arm64 ] || export LAB_TRAPS=no # of QEMU
gdb_script 300 entry
check "the guest lives on" lab_wait 90 'guest: tick' 3
finish
