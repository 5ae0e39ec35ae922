#!/bin/bash
# check-devices-arm64.sh - the same on arm64.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/devices.sh
. "$(dirname "$0")/devices.sh"

lab_open
devices_files arm64
devices_job ""
lab_boot arm64 "$W/job" 2
devices_session
finish
