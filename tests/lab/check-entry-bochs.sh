#!/bin/bash
# check-entry-bochs.sh - kernel entries under page-table isolation on VMX, whose guests have PCID, which
# no QEMU has for its own: entry.sh. It takes ten minutes, so only with LAB_SLOW=yes.
# timeout: 1800
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/entry.sh
. "$(dirname "$0")/entry.sh"

if [ -z "${LAB_SLOW:-}" ]; then
	echo "1..0 # SKIP it takes ten minutes: LAB_SLOW=yes runs it"
	exit
fi
lab_open
entry_job "$BOCHS_WORDS pti=on" >"$W/job"
lab_boot bochs "$W/job"
export LAB_PCID=yes
entry_session 1 1200
finish
