#!/bin/bash
# check-plugin-bochs.sh - the main job with Debian's QEMU under `vmgdb run` on VMX, where every kind of
# breakpoint works, and breakpoints over a reboot. It takes ten minutes, so only with LAB_SLOW=yes.
# timeout: 1800
# shellcheck source=tests/lab/main-job.sh
. "$(dirname "$0")/main-job.sh"
if [ -z "${LAB_SLOW:-}" ]; then
	echo "1..0 # SKIP it takes ten minutes: LAB_SLOW=yes runs it"
	exit
fi
export LAB_RESET=guest
main_job bochs 2 yes qemu
