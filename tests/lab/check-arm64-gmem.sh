#!/bin/bash
# check-arm64-gmem.sh - a guest_memfd on a real KVM: tests/kvm-arm-gmem.c. It needs a newer kernel for
# the KVM host than Debian 12 has; that of trixie-backports will do.
# timeout: 300
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

if [ -z "$LAB_ARM_KERNEL" ]; then
	echo "1..0 # SKIP it needs LAB_ARM_KERNEL, an arm64 Image of Linux 6.18 or newer"
	exit
fi
lab_open
tests_job >"$W/job"
build=${BUILD:-$LAB/../../build}
lab_cross "$build/arm64" build/tests/kvm-arm-gmem
[ "$(uname -m)" = aarch64 ] || build=$build/arm64/build
lab_add "$build/tests/kvm-arm-gmem" tests/kvm-arm-gmem
lab_boot arm64 "$W/job" 1
tests_results 100 kvm-arm-gmem
finish
