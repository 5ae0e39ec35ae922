# shellcheck shell=bash
# reports.sh - sourced after lib.sh: what people have reported of other stubs, with small guests that
# boot at once: code outside of 64-bit mode, a guest of a guest, and all that they type after --gdb.
#
#   reports_files, reports_job   what is needed in L1, and the lines of the job
#   reports_session              the part of gdb; the first of these guests is the next that listens

reports_files()
{
	local guest
	gcc -g -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x7c00,-N,--build-id=none,-e,start \
		-Wl,--no-warn-rwx-segments -o "$W/modes.elf" "$LAB/modes.S" || lab_die "cannot build modes.S"
	objcopy -O binary "$W/modes.elf" "$W/modes" || lab_die "objcopy does not work"
	lab_add "$W/modes" boot/modes
	for guest in nested counter; do
		gcc -g -I"$LAB/../.." -nostdlib -static -no-pie -Wl,--build-id=none \
			-Wl,-T,"$LAB/../guest/guest.ld" -Wl,--no-warn-rwx-segments -o "$W/$guest.elf" \
			"$LAB/../guest/$guest.S" || lab_die "cannot build tests/guest/$guest.S"
		lab_add "$W/$guest.elf" "boot/$guest"
	done
	build_tool gcc through
	lab_add "$W/through" bin/through
}

reports_job()
{
	cat <<'JOB'
lkvm run -k /boot/modes -m 64 --gdb 0.0.0.0:1234 --gdb-wait --gdb-arch i386 </dev/null
echo "lab: modes status $?"
lkvm run -k /boot/nested -m 2304 --gdb tcp:0.0.0.0:1234 </dev/null
echo "lab: nested status $?"
# place WHERE WAY...: a guest there, and gdb's connection goes on by each WAY in turn
place()
{
	lkvm run -k /boot/counter -m 64 --gdb $1 </dev/null &
	shift
	for way; do
		until $way </dev/null >/dev/null 2>&1; do usleep 100000; done
		echo "lab: way by $way"
		nc -l -p 1234 -e $way
	done
	wait
	echo "lab: places $(ls /tmp)"
}
place localhost:1300 "nc 127.0.0.1 1300" "nc ::1 1300"
place :1300 "nc 127.0.0.1 1300"
place unix:/tmp/gdb,server,nowait "through /tmp/gdb"
JOB
}

# reports_way NR COMMAND: gdb comes by the NRth of them, and leaves by COMMAND
reports_way()
{
	export LAB_COMMAND=$2
	lab_wait 60 'lab: way by' "$1" || lab_die "way $1: nobody listens"
	VMLINUX=$W/counter.elf gdb_script 60 place
}

reports_session()
{
	next_listens modes
	VMLINUX=$W/modes.elf gdb_script 120 modes
	check "modes: gdb's kill ends lkvm with status 0" lab_wait 60 'lab: modes status 0$'
	next_listens nested
	VMLINUX=$W/nested.elf gdb_script 120 nested
	check "nested: both guests end well" lab_wait 60 'lab: nested status 0$'
	next_listens localhost
	reports_way 1 detach
	reports_way 2 kill
	next_listens :1300
	reports_way 3 kill
	next_listens "unix:PATH,server,nowait"
	reports_way 4 kill
	check "no file has QEMU's words in its name" lab_wait 30 'lab: places' 3
	check "nor is the socket left" test "$(lab_count 'lab: places ..*')" = 0
}
