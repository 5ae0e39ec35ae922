#!/bin/bash
# check-hard-arm64.sh - what is hard for a debugger, on arm64: tests/lab/hard.sh. All but the timer, which
# takes minutes: it only with LAB_SLOW=yes, or when LAB_HARD names it; then only those that it names.
# Debuggers in the guest have a script of their own there, gdb/own.py.
# timeout: 900
# shellcheck source=tests/lab/hard.sh
. "$(dirname "$0")/hard.sh"

[ -n "${LAB_HARD:-}${LAB_SLOW:-}" ] || skip timer "it takes minutes: LAB_SLOW=yes or LAB_HARD=timer runs it"
# shellcheck disable=SC2086 # words
hard_job arm64 yes ${HARD% own} late ${LAB_SLOW:+timer}
