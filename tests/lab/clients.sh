# shellcheck shell=bash
# clients.sh - sourced after lib.sh: gdb without a vmlinux, lldb, and the kernel's own scripts, with
# the guest of check-clients.sh. MODULE is one that the guest has loaded, PERCPU what `monitor kaslr`
# says of the per-CPU section, ARG1 the
# register of a first argument, SYSREG one with a kernel's address, LX a tree of the guest's kernel in which `make scripts_gdb` was run.

# To the stub every client here is on another host, and reads the vmlinux there, which has no lines,
# through the connection. With this gdb takes the one at the same path on its own host, which has.
# shellcheck disable=SC2034 # for who sources this
HERE=(-iex 'set sysroot')

LLDB=${LLDB:-$(command -v lldb lldb-19 lldb-14 | head -n 1)}

# client NAME SECONDS COMMAND...: its output goes to W/NAME.out
client()
{
	local name=$1 seconds=$2
	shift 2
	say CLIENT "$name"
	patient "$seconds" "$@" >"$W/$name.out" 2>&1
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
	says "$name" '(Thread 1.2|CPU 1) "vCPU 1" .CPU#1 .[a-z]+. [a-z]' "threads have the names of tasks"
	says "$name" 'add-symbol-file .* -o 0x[0-9a-f]+'"${PERCPU:-}" "monitor kaslr advises"
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
	says "$name" "0x[0-9a-f]+ +$MODULE " "lx-lsmod"
	says "$name" '[$]1 = "[a-z]' '$lx_current().comm'
	says "$name" '[$]2 = 1' '$lx_per_cpu() of another CPU'
	says "$name" 'scanning for modules' "lx-symbols"
	says "$name" '[$]3 = [0-9]' '$lx_current() after lx-symbols'
	says "$name" '\[ +[0-9.]+\] ' "lx-dmesg"
}

# It wants a program to ask qOffsets for. FALSE: there is no lldb, and that is said.
lldb_looks()
{
	if [ -z "$LLDB" ]; then
		skip "lldb" "lldb is not installed"
		return 1
	fi
	# shellcheck disable=SC2016,SC2086 # LLDB may be words; $pc is lldb's
	client lldb 200 $LLDB --no-lldbinit -b -o "target create $VMLINUX" \
		-o "gdb-remote 127.0.0.1:$PORT" -o 'thread list' -o 'image lookup -n start_kernel' \
		-o 'expression -- (const char *)linux_banner' -o "register read pc arg1 $SYSREG" \
		-o 'memory region &linux_banner' -o 'process plugin packet send qProcessInfo' \
		-o 'process detach'
	says lldb 'thread #2' "both CPUs are threads"
	says lldb 'Linux version 6' "linux_banner is where the symbol says"
	says lldb "^ *$ARG1 = 0x" "arguments are registers"
	says lldb "^ *$SYSREG = 0xffff" "system registers are not signed numbers"
	says lldb '\[0xffff[0-9a-f]+-0xffff[0-9a-f]+\) r-- ' "it is read-only"
}
