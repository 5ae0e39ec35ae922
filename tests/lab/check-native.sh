#!/bin/bash
# check-native.sh - the main job on the KVM of this machine, where that boots Linux.
# timeout: 300
# shellcheck source=tests/lab/main-job.sh
. "$(dirname "$0")/main-job.sh"
lab_open
"$LAB/fetch" amd64 || lab_die "the downloads are not there"
if lab_native_works; then
	main_job native 2 yes
else
	echo "1..0 # SKIP $(cat "$W/native")"
fi
