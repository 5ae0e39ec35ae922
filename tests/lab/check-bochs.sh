#!/bin/bash
# check-bochs.sh - the main job on VMX, where every kind of breakpoint works.
# timeout: 900
# shellcheck source=tests/lab/main-job.sh
. "$(dirname "$0")/main-job.sh"
main_job bochs 2 yes
