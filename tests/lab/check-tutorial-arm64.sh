#!/bin/bash
# check-tutorial-arm64.sh - the arm64 sessions of docs/tutorial.md: a module, a data race and a user's
# process; then the guest with the mistake mended.
# timeout: 240
# shellcheck source=tests/lab/tutorial.sh
. "$(dirname "$0")/tutorial.sh"

lab_open
"$LAB/fetch" arm64 || lab_die "the downloads for arm64 are not there"
tutorial_files arm64
tutorial_job module fixed >"$W/job"
lab_boot arm64 "$W/job" 2
tutorial_gdb 100 module
tutorial_console 60 module
tutorial_gdb 100 race
tutorial_gdb 100 process
tutorial_console 60 fixed "lab: module status"
tutorial_gdb 60 fixed
finish
