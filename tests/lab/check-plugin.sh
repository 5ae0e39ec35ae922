#!/bin/bash
# check-plugin.sh - VMMs that nobody here wrote, unmodified, under `vmgdb run` on SVM: Debian's QEMU,
# and our own lkvm as if it were a stranger's.
# timeout: 1500
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# One guest after the other in the same L1.
write_job()
{
	cat >"$W/job" <<'END'
. /qemu.sh
guest late "vmgdb run $gdb --gdb-log log --"
echo "lab: log $(grep -c vCont /log)"
guest wait "vmgdb run $gdb --gdb-wait --"
ended_by TERM
ended_by KILL
guest own "vmgdb run --gdb tcp:127.0.0.1:1299 --" -gdb tcp:0.0.0.0:1234
vmgdb run $gdb -- lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 384 -c 2 \
	-p "console=ttyS0 nokaslr $FEW_WORDS text=$TEXT_ADDR" </dev/null
echo "lab: lkvm status $?"
vmgdb run $gdb --gdb-arch i386 -- qemu-system-i386 -L /rom -M pc -vga none -accel kvm -cpu host \
	-nodefaults -display none -m 64 -kernel /boot/i386 </dev/null
echo "lab: i386 status $?"
vmgdb run $gdb -- stranger slow
END
}

# The i386 QEMU, and a guest for it. Debian's is a script that runs the one in libexec.
add_i386()
{
	local qemu
	gcc -g -m32 -nostdlib -static -no-pie -Wl,-N,-Ttext=0x100000,--build-id=none \
		-Wl,--no-warn-rwx-segments -o "$W/i386.elf" "$LAB/i386.S" || lab_die "cannot build i386.S"
	lab_add "$W/i386.elf" boot/i386
	add_rom multiboot_dma.bin
	qemu=$(command -v qemu-system-i386) || lab_die "no qemu-system-i386"
	lab_add "$qemu" bin/qemu-system-i386 # it needs the libraries of qemu-system-x86_64
	[ ! -x /usr/libexec/qemu-system-i386 ] || lab_add /usr/libexec/qemu-system-i386 \
		usr/libexec/qemu-system-i386
}

# A VMM that takes a second to end.
add_stranger()
{
	gcc -O1 -o "$W/stranger" "$LAB/../embed/stranger.c" -pthread || lab_die "cannot build stranger.c"
	add_program amd64 "$W/stranger"
}

lab_open
write_job
add_plugin amd64
add_i386
add_stranger
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
check "late: the log has what gdb sent" lab_wait 20 'lab: log [1-9]'

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

next_listens "i386"
VMLINUX=$W/i386.elf gdb_script 60 i386
check "i386: gdb's kill ends QEMU" lab_wait 60 'lab: i386 status'

next_listens slow
patient 60 "$GDB" "${GDB_OPTIONS[@]}" -ex "target remote 127.0.0.1:$PORT" -ex kill </dev/null >"$W/slow.out" 2>&1
check "slow: the guest does nothing after the kill" \
	lab_wait 60 'stranger: slow ran 0 turns after SIGTERM'
finish
