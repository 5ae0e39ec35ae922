#!/bin/bash
# check-arm64-hosts.sh - a Linux guest with two CPUs on arm64 hosts that lack something: by default
# on the poorest one, with LAB_ARM_HOSTS=all on each that is listed here.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

export LAB_FEATURES
complete="max gic-version=3 sve pauth" # what check-arm64.sh runs on
hosts=("cortex-a72 gic-version=2") # CPU MACHINE FEATURES...: an ARMv8.0, so KVM is no VHE either
[ "${LAB_ARM_HOSTS:-}" != all ] || hosts+=("$complete" "max gic-version=2 sve pauth"
	"max,sve=off gic-version=3 pauth" "max,pauth=off gic-version=3 sve" "neoverse-n1 gic-version=3")

# one_host CPU MACHINE FEATURES...
one_host()
{
	local name="$1 ${2#gic-version=}" gic=${2#gic-version=} ticks
	LAB_ARM_CPU=$1 LAB_ARM_MACHINE=$2
	shift 2
	LAB_FEATURES=$*
	lab_boot arm64 "$W/job" 2
	lab_wait 60 'gdb: listening' || lab_die "$name: lkvm does not listen"
	check "$name: the guest boots" lab_wait 200 'guest: shell reached, cpus 2'
	check "$name: it has a GICv$gic" lab_wait 1 "lab: GICv$gic "
	lab_wait 60 'guest: tick'
	echo "# $name"
	gdb_script 200 host
	ticks=$(lab_count 'guest: tick')
	check "$name: the guest runs on after detach" lab_wait 60 'guest: tick' $((ticks + 3))
	check "$name: its own traps arrive" lab_wait 1 'traps: brk=1 brk0=1 kprobe=3'
	LAB_CPUS=2 LAB_COMMAND=42 gdb_script 60 leave
	check "$name: the guest powers off" lab_wait 60 'lab: lkvm status 0'
	lab_end
}

lab_open
cat >"$W/job" <<'END'
lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 256 -c 2 --dump-dtb=/dtb --gdb tcp:0.0.0.0:1234 \
	-p "console=ttyS0 text=$TEXT_ADDR" </dev/null &
guest=$!
while [ ! -s /dtb ]; do usleep 100000; done
grep -q arm,gic-v3 /dtb && echo "lab: GICv3 " || echo "lab: GICv2 "
wait $guest
echo "lab: lkvm status $?"
END
for host in "${hosts[@]}"; do
	# shellcheck disable=SC2086 # words
	one_host $host
done
finish
