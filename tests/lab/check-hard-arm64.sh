#!/bin/bash
# check-hard-arm64.sh - what is hard for a debugger, on arm64: tests/lab/hard.sh. Only those that
# LAB_HARD names, or all with LAB_SLOW=yes: each takes a minute.
# timeout: 900
# shellcheck source=tests/lab/hard.sh
. "$(dirname "$0")/hard.sh"

if [ -z "${LAB_HARD:-}${LAB_SLOW:-}" ]; then
	echo "1..0 # SKIP each takes a minute: LAB_SLOW=yes, or LAB_HARD with names of" \
		"$HARD late timer, runs them"
	exit
fi
# shellcheck disable=SC2086 # words
hard_job arm64 yes $HARD late timer
