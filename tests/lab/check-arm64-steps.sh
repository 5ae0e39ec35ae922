#!/bin/bash
# check-arm64-steps.sh - on arm64: a bare-metal guest leaves the same in memory whether it runs as it
# is, in steps that no interrupt disturbs, or in steps that interrupts may enter. Another one, of two
# CPUs, gets on with breakpoints and watchpoints in its exclusive sequences. And the tests of the arm
# code on a real KVM.
# timeout: 900
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

export LAB_STEPS LAB_RESULT

lab_open
tests_job >"$W/job"
cat >>"$W/job" <<'JOB'
for kind in free quiet open; do
	lkvm run -k /boot/steps -m 64 -c 1 --gdb tcp:0.0.0.0:1234 --gdb-wait </dev/null
	echo "lab: guest $kind status $?"
done
lkvm run -k /boot/exclusive -m 64 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-wait </dev/null
JOB
for guest in steps exclusive; do
	"$(cross arm64 gcc)" -I"$LAB/../.." -nostdlib -static -no-pie -Wl,--no-warn-rwx-segments \
		-Wl,--build-id=none,-T,"$LAB/../guest/arm/guest.ld" -o "$W/$guest.elf" \
		"$LAB/../guest/arm/$guest.S" || lab_die "cannot build tests/guest/arm/$guest.S"
	"$(cross arm64 objcopy)" -O binary "$W/$guest.elf" "$W/$guest" ||
		lab_die "objcopy does not work"
	lab_add "$W/$guest" "boot/$guest"
done
build=${BUILD:-$LAB/../../build}
lab_cross "$build/arm64" build/tests/kvm-arm-{debug,step,el2,run}
[ "$(uname -m)" = aarch64 ] || build=$build/arm64/build
for test in kvm-arm-debug kvm-arm-step kvm-arm-el2 kvm-arm-run; do
	lab_add "$build/tests/$test" "tests/$test"
done
lab_boot arm64 "$W/job" 2
tests_results 240 kvm-arm-debug kvm-arm-step kvm-arm-el2 kvm-arm-run
VMLINUX=$W/steps.elf LAB_RESULT=$W/free.json
nr=0
for LAB_STEPS in free quiet open; do
	lab_wait 60 'gdb: listening' $((++nr)) || lab_die "guest $LAB_STEPS: lkvm does not listen"
	gdb_script 300 steps
	check "$LAB_STEPS: the guest ends with status 0" lab_wait 20 "lab: guest $LAB_STEPS status 0$"
done
VMLINUX=$W/exclusive.elf
lab_wait 60 'gdb: listening' 4 || lab_die "guest exclusive: lkvm does not listen"
gdb_script 600 exclusive
finish
