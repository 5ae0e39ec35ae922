#!/bin/bash
# check-arm64-entry.sh - kernel entries on arm64, with the trampoline in the page tables of EL0: entry.sh.
# timeout: 400
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/entry.sh
. "$(dirname "$0")/entry.sh"

lab_open
entry_job kpti=on >"$W/job"
lab_boot arm64 "$W/job" 2
entry_session 1
entry_restart
finish
