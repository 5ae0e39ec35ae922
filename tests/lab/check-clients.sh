#!/bin/bash
# check-clients.sh - a guest with KASLR on SVM: a bare gdb, gdb vmlinux and lldb find its symbols.
# GDB_ALSO and LLDB name further clients to try (in a Debian 13 root, say). LX names the tree of the
# guest's kernel in which `make scripts_gdb` was run: then its lx- commands are tried, too.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/clients.sh
. "$(dirname "$0")/clients.sh"

MODULE=pvpanic PERCPU=' -s .data..percpu 0' ARG1=rdi SYSREG=lstar

# The first guest has KASLR and its vmlinux, the second one neither: a banner with another number.
write_job()
{
	cat >"$W/job" <<END
guest()
{
	lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 512 -c 2 --gdb tcp:0.0.0.0:1234 "\$@" \\
		-p "console=ttyS0 $FEW_WORDS pti=on" </dev/null
	echo "lab: lkvm status \$?"
}
guest --gdb-kaslr --gdb-vmlinux $VMLINUX
printf 9 | dd of=$VMLINUX bs=1 seek=$NUMBER_AT conv=notrunc 2>/dev/null
guest --gdb-vmlinux $VMLINUX
END
}

add_symbols()
{
	lab_add_symbols amd64 "$VMLINUX"
	NUMBER_AT=$(LC_ALL=C grep -aobE -m 1 '#[0-9]+ SMP PREEMPT' "$W/l1$VMLINUX" | head -n 1 |
		cut -d: -f1)
	[ -n "$NUMBER_AT" ] || lab_die "no banner in $VMLINUX"
	NUMBER_AT=$((NUMBER_AT + 1))
}

# A vmlinux that is not the guest's: no symbol is moved by it, and the user is told.
wrong_vmlinux()
{
	client wrong 100 "$GDB" "${GDB_OPTIONS[@]}" "${HERE[@]}" -ex "target remote 127.0.0.1:$PORT" \
		-ex 'monitor kaslr'
	says wrong 'not that of the kernel that runs' "monitor kaslr says that the vmlinux is wrong"
	check "lkvm warns of the wrong vmlinux" \
		lab_wait 10 'vmlinux is not the vmlinux of the kernel that runs'
}

# What README says of a gdb on another host: no file is at hand there.
elsewhere()
{
	client elsewhere 100 "$GDB" "${GDB_OPTIONS[@]}" -ex "target remote 127.0.0.1:$PORT" \
		-ex 'x/s &linux_banner' -ex 'info symbol start_kernel'
	says elsewhere "^Reading symbols from target:$VMLINUX" "the vmlinux is read through the connection"
	says elsewhere 'Linux version 6' "linux_banner is where KASLR has put it"
	says elsewhere '^start_kernel in section' "and so is start_kernel"
}

# Monitor commands about the machine: gdb's idea of it stays true.
machine()
{
	client machine 100 "$GDB" "${GDB_OPTIONS[@]}" "$VMLINUX" -ex "target remote 127.0.0.1:$PORT" \
		-ex 'monitor stop' -ex 'monitor info status' -ex 'p $pc' -ex 'monitor cont' \
		-ex 'monitor info status' -ex 'p $pc' -ex 'monitor nmi' \
		-ex 'monitor system_powerdown' -ex detach
	says machine 'stays stopped: use' "cont says how to go on"
	check "after stop and cont it stands where it stood" test 1 = \
		"$(sed -n 's/^[$][12] = //p' "$W/machine.out" | sort | uniq | wc -l)"
	check "and is paused" test 2 = "$(grep -c 'VM status: paused' "$W/machine.out")"
	check "nmi reaches the guest" lab_wait 60 'NMI received for unknown reason'
	if [ -e "$W/l2/lib/button.ko" ]; then
		check "system_powerdown presses the guest's button" \
			lab_wait 60 'guest: power button pressed 1 times'
	else
		skip "system_powerdown" "no button.ko in the cache: remove $CACHE/lab-amd64 to fetch it"
	fi
}

lab_open
"$LAB/fetch" amd64 || lab_die "the downloads are not there"
VMLINUX=$CACHE/lab-amd64/vmlinux
add_symbols
write_job
lab_boot svm "$W/job" 2
lab_wait 60 'gdb: listening' || lab_die "lkvm does not listen"
lab_wait 120 'guest: tick' || lab_die "the guest does not boot"

gdb_bare bare "$GDB" "${HERE[@]}"
elsewhere
gdb_bare with-vmlinux "$GDB" "$VMLINUX"
# shellcheck disable=SC2086 # a command and its arguments
[ -z "${GDB_ALSO:-}" ] || gdb_bare also $GDB_ALSO

# What monitor kaslr advises gives per-CPU variables, too.
advice=$(grep -o -m 1 'add-symbol-file .*' "$W/bare.out")
sed -n '/hookpost/,/end$/p' "$W/bare.out" >"$W/hook"
client percpu 240 "$GDB" "${GDB_OPTIONS[@]}" "${HERE[@]}" -ex 'set confirm off' -ex "target remote 127.0.0.1:$PORT" \
	-ex 'symbol-file' -ex "$advice" -ex 'x/s linux_banner' \
	-ex 'p ((struct task_struct *)*(unsigned long *)((unsigned long)&current_task + __per_cpu_offset[1]))->comm'
says percpu 'Linux version 6' "linux_banner after monitor kaslr's commands"
says percpu '= "[a-z]' "the current task of CPU 1 has a name"

lldb_looks
if [ -n "${LX:-}" ]; then
	lx_scripts lx-kaslr "target remote 127.0.0.1:$PORT" "source $W/hook" symbol-file
else
	skip "lx- commands" "LX names no kernel tree with scripts_gdb"
fi
ticks=$(lab_count 'guest: tick')
check "the guest runs on" lab_wait 60 'guest: tick' $((ticks + 3))
client kill 60 "$GDB" "${GDB_OPTIONS[@]}" "${HERE[@]}" -ex "target remote 127.0.0.1:$PORT" -ex kill
check "kill ends the machine" lab_wait 30 'lab: lkvm status 0'

lab_wait 60 'gdb: listening' 2 || lab_die "the second lkvm does not listen"
lab_wait 120 'guest: shell reached' 2 || lab_die "the second guest does not boot"
lab_wait 60 'guest: tick' $(($(lab_count 'guest: tick') + 3))
wrong_vmlinux
machine
if [ -n "${LX:-}" ]; then
	lx_scripts lx-nokaslr "file $VMLINUX" "target remote 127.0.0.1:$PORT"
fi
client quit 60 "$GDB" "${GDB_OPTIONS[@]}" "${HERE[@]}" -ex "target remote 127.0.0.1:$PORT" -ex 'monitor quit'
says quit 'the machine ends now' "monitor quit"
check "quit ends the machine" lab_wait 30 'lab: lkvm status 0' 2
finish
