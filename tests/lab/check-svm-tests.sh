#!/bin/bash
# check-svm-tests.sh - the tests of the x86 code and of lkvm that want a KVM, on that of an emulated
# host, where the machine itself has none, or one without the CPU's help.
# timeout: 400
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# A software KVM leaves out half of them.
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
	echo "1..0 # SKIP they have run on this machine's own KVM"
	exit
fi
build=${BUILD:-$LAB/../../build}/tests
lab_open
tests_job >"$W/job"
for guest in "$build"/guest/*.elf; do lab_add "$guest" "tests/guest/${guest##*/}"; done
for test in "$build"/kvm-*; do
	[ -x "$test" ] || continue
	add_program amd64 "$test"
	mv "$W/l1/bin/${test##*/}" "$W/l1/tests/"
done
lab_boot svm "$W/job" 2
mapfile -t tests < <(cd "$W/l1/tests" && ls kvm-*)
tests_results 300 "${tests[@]}"
finish
