#!/bin/bash
# check-clients.sh - a guest with KASLR on SVM: a bare gdb, gdb vmlinux and lldb find its symbols.
# GDB_ALSO and LLDB name further clients to try (in a Debian 13 root, say).
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

LLDB=${LLDB:-$(command -v lldb lldb-19 lldb-14 | head -n 1)}

write_job()
{
	cat >"$W/job" <<END
lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 512 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-kaslr \\
	--gdb-vmlinux $VMLINUX -p "console=ttyS0 pti=on" </dev/null
echo "lab: lkvm status \$?"
END
}

# L1 gets the symbols under the same name as here, without the lines, which only clients read.
add_symbols()
{
	mkdir -p "$W/l1$(dirname "$VMLINUX")"
	objcopy --strip-debug "$VMLINUX" "$W/l1$VMLINUX" || lab_die "objcopy failed"
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
		-ex 'maintenance packet Qqemu.sstepbits' -ex 'monitor kaslr' -ex 'bt'
	says "$name" 'Linux version 6' "linux_banner is where the symbol says"
	says "$name" 'init/main.c' "lines are known"
	says "$name" '"swapper' "data is moved too"
	says "$name" 'received: ""' "qOffsets asked by hand is empty, as plug-ins want"
	says "$name" 'ENABLE=1' "sstepbits identify a machine"
	says "$name" 'add-symbol-file .* -o 0x[0-9a-f]+ -s .data..percpu 0' "monitor kaslr advises"
}

lab_open
"$LAB/fetch" amd64 || lab_die "the downloads are not there"
VMLINUX=$CACHE/lab-amd64/vmlinux
write_job
add_symbols
lab_boot svm "$W/job" 2
lab_wait 60 'gdb: listening' || lab_die "lkvm does not listen"
lab_wait 120 'guest: tick' || lab_die "the guest does not boot"

gdb_bare bare "$GDB"
gdb_bare with-vmlinux "$GDB" "$VMLINUX"
[ -z "${GDB_ALSO:-}" ] || gdb_bare also $GDB_ALSO

# What monitor kaslr advises gives per-CPU variables, too.
advice=$(grep -o 'add-symbol-file .*' "$W/bare.out")
client percpu 240 "$GDB" "${GDB_OPTIONS[@]}" -ex 'set confirm off' -ex "target remote 127.0.0.1:$PORT" \
	-ex 'symbol-file' -ex "$advice" -ex 'x/s linux_banner' \
	-ex 'p ((struct task_struct *)*(unsigned long *)((unsigned long)&current_task + __per_cpu_offset[1]))->comm'
says percpu 'Linux version 6' "linux_banner after monitor kaslr's commands"
says percpu '= "[a-z]' "the current task of CPU 1 has a name"

if [ -n "$LLDB" ]; then
	# It wants a program to ask qOffsets for.
	client lldb 200 $LLDB --no-lldbinit -b -o "target create $VMLINUX" \
		-o "gdb-remote 127.0.0.1:$PORT" -o 'thread list' -o 'image lookup -n start_kernel' \
		-o 'expression -- (const char *)linux_banner' -o 'register read rip' -o 'process detach'
	says lldb 'thread #2' "both CPUs are threads"
	says lldb 'Linux version 6' "linux_banner is where the symbol says"
else
	skip "lldb" "lldb is not installed"
fi
ticks=$(lab_count 'guest: tick')
check "the guest runs on" lab_wait 60 'guest: tick' $((ticks + 3))
finish
