#!/bin/bash
# check-arm64-hosts.sh - a Linux guest with two CPUs on other arm64 hosts than check-arm64.sh's: by
# default on the poorest one, with LAB_ARM_HOSTS=all on each that is listed here, or on the one that
# LAB_ARM_HOSTS describes: "CPU MACHINE FEATURES...".
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

export LAB_FEATURES
hosts=("cortex-a72 gic-version=2") # an ARMv8.0: its KVM has no VHE, its kernel is isolated
case ${LAB_ARM_HOSTS:-} in
'') ;;
all) hosts+=("max gic-version=2 sve pauth" "max,sve=off gic-version=3 pauth"
	"max,pauth=off gic-version=3 sve" "neoverse-n1 gic-version=3"
	"max gic-version=3,mte=on sve pauth mte") ;;
*) hosts=("$LAB_ARM_HOSTS") ;;
esac

# one_host CPU MACHINE FEATURES...
one_host()
{
	local name="$1 $2" gic=${2#gic-version=} ticks
	LAB_ARM_CPU=$1 LAB_ARM_MACHINE=$2
	shift 2
	LAB_FEATURES=$*
	lab_boot arm64 "$W/job" 2
	lab_wait 60 'gdb: listening' || lab_die "$name: lkvm does not listen"
	check "$name: the guest boots" lab_wait 200 'guest: shell reached, cpus 2'
	check "$name: it has a GICv$gic" lab_wait 1 "lab: GICv${gic%%,*} "
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
lab_add_symbols arm64 boot/vmlinux
cat >"$W/job" <<'END'
lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 256 -c 2 --dump-dtb=/dtb --gdb tcp:0.0.0.0:1234 \
	--gdb-vmlinux /boot/vmlinux -p "console=ttyS0 $FEW_WORDS text=$TEXT_ADDR" </dev/null &
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
