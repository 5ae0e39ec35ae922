#!/bin/bash
# check-devices-arm64.sh - as check-devices.sh, on arm64: with LAB_SLOW=yes.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/devices.sh
. "$(dirname "$0")/devices.sh"

if [ -z "${LAB_SLOW:-}" ]; then
	echo "1..0 # SKIP check-devices does it on x86; it takes two minutes: LAB_SLOW=yes runs it"
	exit
fi
lab_open
devices_files arm64
devices_job ""
lab_boot arm64 "$W/job" 2
devices_session
finish
