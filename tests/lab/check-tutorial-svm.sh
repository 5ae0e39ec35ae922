#!/bin/bash
# check-tutorial-svm.sh - the x86 sessions of docs/tutorial.md: early boot and a panic. They need
# breakpoints, so a QEMU 10: the one that LAB_SVM_QEMU names, or Debian 13's.
# timeout: 240
# shellcheck source=tests/lab/tutorial.sh
. "$(dirname "$0")/tutorial.sh"

if [ -z "${LAB_SVM_QEMU:-}" ]; then
	if ! "$LAB/fetch" qemu-10; then
		echo "1..0 # SKIP QEMU 10, whose guests have breakpoints, cannot be had"
		exit
	fi
	LAB_SVM_QEMU=$CACHE/qemu-10/qemu-system-x86_64
fi
lab_open
tutorial_files amd64
tutorial_job early >"$W/job"
lab_boot svm "$W/job" 1
tutorial_gdb 100 early
tutorial_console 60 panic
finish
