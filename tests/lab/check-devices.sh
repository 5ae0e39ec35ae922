#!/bin/bash
# check-devices.sh - a guest with disks on SVM: its root on one of them, the other written and read back
# while gdb stops and steps it.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/devices.sh
. "$(dirname "$0")/devices.sh"

lab_need_breakpoints
lab_open
devices_files amd64
add_program amd64 "$(command -v e2fsck || echo /sbin/e2fsck)"
devices_job ""
lab_boot svm "$W/job" 2
devices_session
finish
