# shellcheck shell=bash
# nofile.sh - sourced after lib.sh: a guest whose kernel is moved by KASLR, and gdb without any file.

# nofile_job MEGABYTES
nofile_job()
{
	cat >"$W/job" <<END
lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m $1 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-kaslr \\
	-p "console=ttyS0 $QUICK_WORDS" </dev/null
echo "lab: lkvm status \$?"
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
