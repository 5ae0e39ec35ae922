# shellcheck shell=bash
# nofile.sh - sourced after lib.sh: a guest whose kernel is moved by KASLR, and gdb without any file.

# nofile_job MEGABYTES [WORDS [OPTIONS]]: WORDS: more of the kernel's; OPTIONS: of lkvm
nofile_job()
{
	cat >"$W/job" <<END
lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m $1 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-kaslr ${3:-} \\
	-p "console=ttyS0 $QUICK_WORDS ${2:-}" </dev/null
echo "lab: lkvm status \$?"
END
}

# The same guest in QEMU under `vmgdb run`; after add_plugin.
nofile_plugin_job()
{
	cat >"$W/job" <<END
. /qemu.sh
vmgdb run --gdb tcp:0.0.0.0:1234 --gdb-symbols -- \$qemu -append "console=ttyS0 $QUICK_WORDS tasks=200" </dev/null
echo "lab: vmgdb status \$?"
END
}

nofile()
{
	LAB_VMLINUX=$VMLINUX
	LAB_SAMPLES=$W/samples
	export LAB_VMLINUX LAB_SAMPLES LAB_GUEST
	lab_wait 60 'gdb: listening' || lab_die "lkvm does not listen"
	lab_wait 200 'guest: tick 3 ' || lab_die "the guest does not boot"
	VMLINUX='' gdb_script 500 nofile
	if lab_wait 60 'guest: tick' $(($(lab_count 'guest: tick') + 5)); then
		ok "the guest runs on"
	else
		not_ok "the guest runs on" "$(autopsy)"
	fi
	VMLINUX=''
}

# nofile_modules NEWS: modules come and go. NEWS: yes where KVM reports trap instructions, so that the
# stub can say so.
nofile_modules()
{
	LAB_NEWS=$1
	export LAB_NEWS
	VMLINUX='' gdb_script 300 modules
}

# nofile_again: the guest, started with --reboot, boots twice more, and gdb is told of each kernel.
nofile_again()
{
	VMLINUX='' gdb_script 500 again
}

# The stops that it has kept once more, with the vmlinux.
nofile_backtraces()
{
	gdb_script 300 samples
}

# nofile_others ARCH: kernels that a default run leaves out
nofile_others()
{
	[ -n "$LAB_GUEST" ] || skip "kernels of other releases of Debian" \
		"LAB_GUEST=$1-bullseye, $1-trixie or $1-sid and $0 look at them"
}

# nofile_lldb: lldb does not ask a stub for files; gdb fetches the same one for it.
nofile_lldb()
{
	local name
	if [ -z "$LLDB" ]; then
		skip "lldb without a vmlinux" "lldb is not installed"
		return
	fi
	VMLINUX='' lab_gdb 200 -ex "target remote 127.0.0.1:$PORT" -ex 'monitor symbols' \
		-ex detach -batch >"$W/name.out" 2>&1
	name=$(sed -n 's/^ *symbol-file target://p' "$W/name.out" | tr -d '\r' | head -n 1)
	VMLINUX='' lab_gdb 200 -ex "target remote 127.0.0.1:$PORT" -ex "remote get $name $W/made.elf" \
		-ex detach -batch >"$W/get.out" 2>&1
	check "gdb's remote get saves the kernel's symbols in a file" test -s "$W/made.elf"
	client lldb 200 "$LLDB" --no-lldbinit -b -o "target create $W/made.elf" \
		-o "gdb-remote 127.0.0.1:$PORT" -o 'image lookup -n start_kernel' \
		-o 'expression -- init_task.comm' -o 'image lookup -t task_struct' \
		-o 'breakpoint set -n do_sys_openat2' -o 'thread backtrace all' -o 'process detach'
	says lldb 'Address: .*start_kernel|Summary: .*start_kernel' "lldb finds a function"
	says lldb '"swapper' "a variable has its type"
	says lldb 'struct task_struct \{' "lldb finds a type"
	says lldb 'Breakpoint 1: where = .*do_sys_openat2' "a breakpoint by name"
	says lldb 'frame #0: 0x[0-9a-f]+ made.elf`[a-z_]' "a frame has the name of its function"
}
