#!/bin/bash
# check-clients.sh - a guest with KASLR on SVM: a bare gdb, gdb vmlinux and lldb find its symbols.
# GDB_ALSO and LLDB name further clients to try (in a Debian 13 root, say). LX names the tree of the
# guest's kernel in which `make scripts_gdb` was run: then its lx- commands are tried, too.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

LLDB=${LLDB:-$(command -v lldb lldb-19 lldb-14 | head -n 1)}

# The first guest has KASLR and its vmlinux, the second one neither: a banner with another number.
write_job()
{
	cat >"$W/job" <<END
guest()
{
	lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 512 -c 2 --gdb tcp:0.0.0.0:1234 "\$@" \\
		-p "console=ttyS0 pti=on" </dev/null
	echo "lab: lkvm status \$?"
}
guest --gdb-kaslr --gdb-vmlinux $VMLINUX
printf 9 | dd of=$VMLINUX bs=1 seek=$NUMBER_AT conv=notrunc 2>/dev/null
guest --gdb-vmlinux $VMLINUX
END
}

# L1 gets the symbols under the same name as here, without the lines, which only clients read.
add_symbols()
{
	mkdir -p "$W/l1$(dirname "$VMLINUX")"
	objcopy --strip-debug "$VMLINUX" "$W/l1$VMLINUX" || lab_die "objcopy failed"
	NUMBER_AT=$(LC_ALL=C grep -aobE -m 1 '#[0-9]+ SMP PREEMPT' "$W/l1$VMLINUX" | head -n 1 |
		cut -d: -f1)
	[ -n "$NUMBER_AT" ] || lab_die "no banner in $VMLINUX"
	NUMBER_AT=$((NUMBER_AT + 1))
}

# client NAME SECONDS COMMAND...: its output goes to W/NAME.out
client()
{
	local name=$1 seconds=$2
	shift 2
	say CLIENT "$name"
	timeout -k 5 "$seconds" "$@" </dev/null >"$W/$name.out" 2>&1
}
# says NAME PATTERN TEXT: the client's output matches
says()
{
	if grep -qE -- "$2" "$W/$1.out"; then
		ok "$1: $3"
	else
		not_ok "$1: $3" "no /$2/ in: $(tail -n 30 "$W/$1.out")"
	fi
}

GDB_OPTIONS=(-nx -batch -iex 'set auto-load off' -iex 'set debuginfod enabled off'
	-ex 'set pagination off' -ex 'set remotetimeout 30')

gdb_bare()
{
	local name=$1
	shift
	client "$name" 200 "$@" "${GDB_OPTIONS[@]}" -ex "target remote 127.0.0.1:$PORT" \
		-ex 'x/s linux_banner' -ex 'p/x &_text' -ex 'p jiffies' -ex 'info line start_kernel' \
		-ex 'p init_task.comm' -ex 'maintenance packet qOffsets' \
		-ex 'maintenance packet Qqemu.sstepbits' -ex 'monitor kaslr' -ex 'info threads' -ex 'bt'
	says "$name" 'Linux version 6' "linux_banner is where the symbol says"
	says "$name" 'init/main.c' "lines are known"
	says "$name" '"swapper' "data is moved too"
	says "$name" 'received: ""' "qOffsets asked by hand is empty, as plug-ins want"
	says "$name" 'ENABLE=1' "sstepbits identify a machine"
	says "$name" 'Thread 1.2 "vCPU 1" .CPU#1 .[a-z]+. [a-z]' "threads have the names of tasks"
	says "$name" 'add-symbol-file .* -o 0x[0-9a-f]+ -s .data..percpu 0' "monitor kaslr advises"
}

# lx_scripts NAME COMMAND...: the kernel's own scripts, when gdb has done COMMANDs
lx_scripts()
{
	local name=$1 words=() c
	shift
	for c in "$@" "source ${LX:-}/vmlinux-gdb.py" lx-version lx-cmdline lx-cpus lx-ps lx-lsmod \
		'p $lx_current().comm' 'p $lx_per_cpu("runqueues", 1).cpu' lx-symbols \
		'p $lx_current().pid' lx-dmesg; do
		words+=(-ex "$c")
	done
	client "$name" 280 "$GDB" "${GDB_OPTIONS[@]}" -ex 'set confirm off' "${words[@]}"
	says "$name" 'Linux version 6.*gcc' "lx-version"
	says "$name" 'console=ttyS0' "lx-cmdline"
	says "$name" 'Online CPUs *: \[0, 1\]|Online CPUs *: 0-1|Online CPUs.*\{0-1\}' "lx-cpus"
	says "$name" '(^| )1 +init' "lx-ps"
	says "$name" 'pvpanic' "lx-lsmod"
	says "$name" '[$]1 = "[a-z]' '$lx_current().comm'
	says "$name" '[$]2 = 1' '$lx_per_cpu() of another CPU'
	says "$name" 'scanning for modules' "lx-symbols"
	says "$name" '[$]3 = [0-9]' '$lx_current() after lx-symbols'
	says "$name" '\[ +[0-9.]+\] ' "lx-dmesg"
}

# A vmlinux that is not the guest's: no symbol is moved by it, and the user is told.
wrong_vmlinux()
{
	client wrong 100 "$GDB" "${GDB_OPTIONS[@]}" -ex "target remote 127.0.0.1:$PORT" \
		-ex 'monitor kaslr'
	says wrong 'not that of the kernel that runs' "monitor kaslr says that the vmlinux is wrong"
	check "lkvm warns of the wrong vmlinux" \
		lab_wait 10 'vmlinux is not the vmlinux of the kernel that runs'
}

# Monitor commands about the machine: gdb's idea of it stays true.
machine()
{
	client machine 100 "$GDB" "${GDB_OPTIONS[@]}" "$VMLINUX" -ex "target remote 127.0.0.1:$PORT" \
		-ex 'monitor stop' -ex 'monitor info status' -ex 'p $pc' -ex 'monitor cont' \
		-ex 'monitor info status' -ex 'p $pc' -ex 'monitor system_reset' -ex 'monitor nmi' \
		-ex 'monitor system_powerdown' -ex detach
	says machine 'stays stopped: use' "cont says how to go on"
	says machine 'does not support a reset' "system_reset says that there is none"
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

gdb_bare bare "$GDB"
gdb_bare with-vmlinux "$GDB" "$VMLINUX"
# shellcheck disable=SC2086 # a command and its arguments
[ -z "${GDB_ALSO:-}" ] || gdb_bare also $GDB_ALSO

# What monitor kaslr advises gives per-CPU variables, too.
advice=$(grep -o -m 1 'add-symbol-file .*' "$W/bare.out")
sed -n '/hookpost/,/end$/p' "$W/bare.out" >"$W/hook"
client percpu 240 "$GDB" "${GDB_OPTIONS[@]}" -ex 'set confirm off' -ex "target remote 127.0.0.1:$PORT" \
	-ex 'symbol-file' -ex "$advice" -ex 'x/s linux_banner' \
	-ex 'p ((struct task_struct *)*(unsigned long *)((unsigned long)&current_task + __per_cpu_offset[1]))->comm'
says percpu 'Linux version 6' "linux_banner after monitor kaslr's commands"
says percpu '= "[a-z]' "the current task of CPU 1 has a name"

if [ -n "$LLDB" ]; then
	# It wants a program to ask qOffsets for.
	# shellcheck disable=SC2086 # a command and its arguments
	client lldb 200 $LLDB --no-lldbinit -b -o "target create $VMLINUX" \
		-o "gdb-remote 127.0.0.1:$PORT" -o 'thread list' -o 'image lookup -n start_kernel' \
		-o 'expression -- (const char *)linux_banner' -o 'register read pc arg1 flags lstar' \
		-o 'process detach'
	says lldb 'thread #2' "both CPUs are threads"
	says lldb 'Linux version 6' "linux_banner is where the symbol says"
	says lldb '^ *rdi = 0x' "arguments are registers"
	says lldb '^ *lstar = 0xffffffff' "system registers are not signed numbers"
else
	skip "lldb" "lldb is not installed"
fi
if [ -n "${LX:-}" ]; then
	lx_scripts lx-kaslr "target remote 127.0.0.1:$PORT" "source $W/hook" symbol-file
else
	skip "lx- commands" "LX names no kernel tree with scripts_gdb"
fi
ticks=$(lab_count 'guest: tick')
check "the guest runs on" lab_wait 60 'guest: tick' $((ticks + 3))
client kill 60 "$GDB" "${GDB_OPTIONS[@]}" -ex "target remote 127.0.0.1:$PORT" -ex kill
check "kill ends the machine" lab_wait 30 'lab: lkvm status 0'

lab_wait 60 'gdb: listening' 2 || lab_die "the second lkvm does not listen"
lab_wait 120 'guest: shell reached' 2 || lab_die "the second guest does not boot"
lab_wait 60 'guest: tick' $(($(lab_count 'guest: tick') + 3))
wrong_vmlinux
machine
if [ -n "${LX:-}" ]; then
	lx_scripts lx-nokaslr "file $VMLINUX" "target remote 127.0.0.1:$PORT"
fi
client quit 60 "$GDB" "${GDB_OPTIONS[@]}" -ex "target remote 127.0.0.1:$PORT" -ex 'monitor quit'
says quit 'the machine ends now' "monitor quit"
check "quit ends the machine" lab_wait 30 'lab: lkvm status 0' 2
finish
