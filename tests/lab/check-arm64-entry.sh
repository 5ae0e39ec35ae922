#!/bin/bash
# check-arm64-entry.sh - check-entry.sh on arm64, with the trampoline in the page tables of EL0.
# timeout: 400
export BENCH=arm64 WORDS=kpti=on
exec "$(dirname "$0")/check-entry.sh"
