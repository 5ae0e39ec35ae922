#!/bin/bash
# check-hard-bochs.sh - what is hard for a debugger, on VMX: tests/lab/hard.sh. Only those that
# LAB_HARD names, or all with LAB_SLOW=yes: each takes minutes.
# timeout: 3000
# shellcheck source=tests/lab/hard.sh
. "$(dirname "$0")/hard.sh"

if [ -z "${LAB_HARD:-}${LAB_SLOW:-}" ]; then
	echo "1..0 # SKIP each takes minutes: LAB_SLOW=yes, or LAB_HARD with names of" \
		"uffd fork migrate collapse two hotplug module own timer, runs them"
	exit
fi

hard_job bochs yes uffd fork migrate collapse two hotplug module own timer
