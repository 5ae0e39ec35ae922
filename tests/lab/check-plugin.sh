#!/bin/bash
# check-plugin.sh - VMMs that nobody here wrote, unmodified, under `vmgdb run` on SVM: Debian's QEMU,
# and our own lkvm as if it were a stranger's.
# timeout: 1500
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

TOP=$(dirname "$(readlink -f "$LKVM")")
QEMU=$(command -v qemu-system-x86_64) || lab_die "no qemu-system-x86_64: run tests/lab/fetch"

# add_program FILE: into /bin of L1, with its libraries
add_program()
{
	local lib
	cp -L "$1" "$W/l1/bin/"
	ldd "$1" | grep -o '/[^ ]*' | while read -r lib; do
		mkdir -p "$W/l1$(dirname "$lib")"
		[ -e "$W/l1$lib" ] || cp -L "$lib" "$W/l1$lib"
	done
}

add_vmms()
{
	local rom
	add_program "$TOP/vmgdb"
	add_program "$QEMU"
	add_program "$TOP/build/libvmgdb-preload.so"
	mkdir -p "$W/l1/rom"
	for rom in bios-256k.bin linuxboot_dma.bin kvmvapic.bin; do
		cp -L "/usr/share/seabios/$rom" "$W/l1/rom/" 2>/dev/null ||
			cp -L "/usr/share/qemu/$rom" "$W/l1/rom/" || lab_die "no $rom of QEMU"
	done
}

# One guest after the other in the same L1. guest NAME PREFIX QEMU-WORDS...
write_job()
{
	cat >"$W/job" <<'END'
qemu="qemu-system-x86_64 -L /rom -accel kvm -M pc -cpu host -nodefaults -vga none -display none"
qemu="$qemu -serial stdio -m 384 -smp 2 -kernel /boot/vmlinuz -initrd /boot/l2.gz"
guest()
{
	name=$1 how=$2
	shift 2
	$how $qemu "$@" -append "console=ttyS0 nokaslr text=$TEXT_ADDR" </dev/null
	echo "lab: $name status $?"
}
# A guest whose VMM gets a signal some seconds after gdb came: port 1234 is 04D2, state 01 a
# connection.
ended_by()
{
	vmgdb run $gdb -- $qemu -append "console=ttyS0 nokaslr text=$TEXT_ADDR" </dev/null &
	pid=$!
	while ! grep -qE ':04D2 [0-9A-F]+:[0-9A-F]+ 01 ' /proc/net/tcp; do sleep 1; done
	sleep 4
	kill -$1 $pid
	wait $pid
	echo "lab: $1 status $?"
}
gdb="--gdb tcp:0.0.0.0:1234"
guest late "vmgdb run $gdb --"
guest wait "vmgdb run $gdb --gdb-wait --"
ended_by TERM
ended_by KILL
guest own "vmgdb run --gdb tcp:127.0.0.1:1299 --" -gdb tcp:0.0.0.0:1234
vmgdb run $gdb -- lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 384 -c 2 \
	-p "console=ttyS0 nokaslr text=$TEXT_ADDR" </dev/null
echo "lab: lkvm status $?"
END
}

# next_guest NAME: wait until it listens, and until its guest runs
listening=0 shells=0
next_listens()
{
	listening=$((listening + 1))
	lab_wait 60 'gdb: listening' $listening || lab_die "$1: does not listen"
}
next_shell()
{
	shells=$((shells + 1))
	lab_wait 300 'guest: shell reached, cpus 2' $shells || lab_die "$1: the guest does not boot"
	ok "$1: the guest boots"
	lab_wait 30 'guest: tick [2-9]'
}

lab_open
write_job
add_vmms
export LAB_CPUS=2 LAB_BREAK=no
lab_boot svm "$W/job" 2

next_listens late
next_shell late
gdb_script 120 look
LAB_COMMAND=43 gdb_script 60 leave
next_shell "late, rebooted by the guest"
gdb_script 120 look
LAB_COMMAND=42 gdb_script 60 leave
check "late: QEMU ends with status 0" lab_wait 150 'lab: late status 0$'

next_listens wait
gdb_script 360 wait
next_shell wait
LAB_COMMAND=42 gdb_script 60 leave
check "wait: QEMU ends with status 0" lab_wait 150 'lab: wait status 0$'

for signal in TERM KILL; do
	next_listens $signal
	next_shell $signal
	LAB_COMMAND=$signal gdb_script 90 gone
done
check "QEMU ends by SIGTERM as ever, also while gdb holds its guest" \
	lab_wait 1 'lab: TERM status 0$'

next_listens own
next_shell "QEMU's own stub beside the plugin"
LAB_COMMAND=42 gdb_script 60 leave
check "own: QEMU ends with status 0" lab_wait 150 'lab: own status 0$'

next_listens lkvm
next_shell "lkvm under the plugin"
gdb_script 120 look
LAB_COMMAND=42 gdb_script 60 leave
check "lkvm: ends with status 0" lab_wait 150 'lab: lkvm status 0$'
finish
