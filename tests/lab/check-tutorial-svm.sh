#!/bin/bash
# check-tutorial-svm.sh - what needs breakpoints on SVM, in one KVM host: kernel entries
# (entry.sh), what people report of other stubs (reports.sh), and the x86 sessions of
# docs/tutorial.md, early boot and a panic. So a QEMU 10: the one that LAB_SVM_QEMU names, or Debian 13's.
# timeout: 400
# shellcheck source=tests/lab/tutorial.sh
. "$(dirname "$0")/tutorial.sh"
# shellcheck source=tests/lab/entry.sh
. "$(dirname "$0")/entry.sh"
# shellcheck source=tests/lab/reports.sh
. "$(dirname "$0")/reports.sh"

lab_need_breakpoints
lab_open
reports_files
tutorial_files amd64
{
	entry_job pti=on
	reports_job
	tutorial_job early
} >"$W/job"
lab_boot svm "$W/job" 1
export LAB_TRAPS=no # QEMU's KVM has none
entry_session 1
entry_restart
listening=1
reports_session
next_listens "the tutorial's lkvm"
tutorial_gdb 100 early
tutorial_console 60 panic
finish
