# shellcheck shell=bash
# reports.sh - sourced after lib.sh: what people have reported of other stubs, with small guests that
# boot at once: code outside of 64-bit mode, a guest of a guest.
#
#   reports_files, reports_job   what is needed in L1, and the lines of the job
#   reports_session              the part of gdb; the first of these guests is the next that listens

reports_files()
{
	gcc -g -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x7c00,-N,--build-id=none,-e,start \
		-Wl,--no-warn-rwx-segments -o "$W/modes.elf" "$LAB/modes.S" || lab_die "cannot build modes.S"
	objcopy -O binary "$W/modes.elf" "$W/modes" || lab_die "objcopy does not work"
	lab_add "$W/modes" boot/modes
	gcc -g -I"$LAB/../.." -nostdlib -static -no-pie -Wl,--build-id=none \
		-Wl,-T,"$LAB/../guest/guest.ld" -Wl,--no-warn-rwx-segments -o "$W/nested.elf" \
		"$LAB/../guest/nested.S" || lab_die "cannot build tests/guest/nested.S"
	lab_add "$W/nested.elf" boot/nested
}

reports_job()
{
	cat <<'JOB'
lkvm run -k /boot/modes -m 64 --gdb 0.0.0.0:1234 --gdb-wait --gdb-arch i386 </dev/null
echo "lab: modes status $?"
lkvm run -k /boot/nested -m 2304 --gdb tcp:0.0.0.0:1234 </dev/null
echo "lab: nested status $?"
JOB
}

reports_session()
{
	next_listens modes
	VMLINUX=$W/modes.elf gdb_script 120 modes
	check "modes: gdb's kill ends lkvm with status 0" lab_wait 60 'lab: modes status 0$'
	next_listens nested
	VMLINUX=$W/nested.elf gdb_script 120 nested
	check "nested: both guests end well" lab_wait 60 'lab: nested status 0$'
}
