#!/bin/bash
# check-arm64.sh - the main job on arm64: KVM in an emulated machine with EL2, all debug features.
# timeout: 900
# shellcheck source=tests/lab/main-job.sh
. "$(dirname "$0")/main-job.sh"

main_job arm64 2 yes
