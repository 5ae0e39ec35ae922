#!/bin/bash
# check-svm-breaks.sh - the main job on SVM, with hardware breakpoints and watchpoints: in QEMU 10,
# whose nested guests have them. Only when LAB_SVM_QEMU names one: tests/lab/fetch qemu-10 gets it.
# timeout: 900
# shellcheck source=tests/lab/main-job.sh
. "$(dirname "$0")/main-job.sh"
if [ -z "${LAB_SVM_QEMU:-}" ]; then
	echo "1..0 # SKIP it takes minutes: after tests/lab/fetch qemu-10," \
		"LAB_SVM_QEMU=$CACHE/qemu-10/qemu-system-x86_64 runs it"
	exit
fi
main_job svm 2 yes
