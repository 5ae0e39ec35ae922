#!/bin/bash
# check-arm64-linux.sh - what check-linux.sh does, on arm64.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/nofile.sh
. "$(dirname "$0")/nofile.sh"

lab_open
nofile_job 192
lab_boot arm64 "$W/job" 2
nofile
nofile_modules yes
nofile_backtraces
nofile_others arm64
finish
