#!/bin/bash
# check-drgn.sh - drgn looks at a Linux guest by --qmp, in the same KVM host (SVM): alone, while gdb has the
# guest stopped, and while it runs under gdb; of lkvm with KASLR, and of QEMU under `vmgdb run`. At last
# a program rules lkvm's machine by QMP alone.
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

write_job()
{
	local guest
	guest=$(guest_of amd64)
	{
		echo "release=$(sed 's/^linux-image-//' "$guest/version")"
		echo "init_task=$(nm "$guest/vmlinux" | sed -n 's, [A-Za-z] init_task$,,p')"
	} >"$W/job"
	cat >>"$W/job" <<'END'
. /qemu.sh
# look NAME VMM...: a file has the guest's console, too, and says when the guest is up. Whole lines are
# written, so that those of drgn stay whole.
look()
{
	name=$1
	shift
	mkfifo /tmp/$name
	: >/tmp/$name.log
	while read -r line; do
		echo "$line" >>/tmp/$name.log
		echo "$line"
	done </tmp/$name &
	"$@" </dev/null >/tmp/$name 2>&1 &
	pid=$!
	until grep -q 'guest: tick 2 ' /tmp/$name.log || ! kill -0 $pid; do sleep 1; done
	/drgn/python3 /lab/drgn-live.py /tmp/$name.qmp /vmlinux $release $init_task $name \
		alone stopped running 2>&1 || echo "drgn: $name: not ok drgn-live.py: status $?"
	[ $name != lkvm ] || /drgn/python3 /lab/qmp-machine.py /tmp/$name.qmp $name 2>&1
	wait $pid
	echo "lab: $name status $?"
}
look lkvm lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 256 -c 2 --gdb-kaslr $gdb \
	--qmp unix:/tmp/lkvm.qmp -p "console=ttyS0 $FEW_WORDS"
look plugin vmgdb run $gdb --qmp unix:/tmp/plugin.qmp -- $qemu -append "$words"
END
}

# What drgn reads of the guest's vmlinux: less than half of it.
add_symbols()
{
	objcopy -R '.rela*' -R .debug_loclists -R .debug_aranges "$(guest_of amd64)/vmlinux" \
		"$W/l1/vmlinux" || lab_die "objcopy failed"
}

# drgn_says NAME N: the checks that the programs in L1 made of this guest, N of them
drgn_says()
{
	tr -d '\r' <"$LOG" | sed -nE "s/^drgn: $1: ((not )?ok .*)/\1/p" >"$W/results"
	check "$1: the programs made their checks" test "$(wc -l <"$W/results")" = "$2"
	results "$1"
	tr -d '\r' <"$LOG" | sed -nE "s/^drgn: $1: (seen.*)/# drgn: \1/p"
}

# guest NAME LEAVE N: gdb's last command is LEAVE, and N checks are made in L1
guest()
{
	export LAB_NAME=$1 LAB_LEAVE=$2
	next_listens "$1"
	next_shell "$1"
	check "$1: drgn looks at a guest without gdb" \
		lab_wait 200 "drgn: (done alone $1|$1: not ok drgn-live)"
	gdb_script 700 drgn
	check "$1: the VMM ends" lab_wait 200 "lab: $1 status"
	drgn_says "$1" "$3"
}

lab_open
if ! "$LAB/fetch" drgn; then
	echo "1..0 # SKIP drgn cannot be had"
	exit
fi
"$LAB/fetch" amd64 || lab_die "the downloads are not there"
write_job
add_plugin amd64
add_symbols
cp -r "$CACHE/drgn" "$W/l1/drgn"
for file in qmp.py drgn-live.py qmp-machine.py; do lab_add "$LAB/$file" lab/$file; done
export LAB_CPUS=2 LAB_MEMORY=${LAB_MEMORY:-3072}
lab_boot svm "$W/job" 2
guest lkvm detach 42
check "lkvm: quit is status 0" lab_wait 1 'lab: lkvm status 0$'
guest plugin kill 19
finish
