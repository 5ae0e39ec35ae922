# shellcheck shell=dash
# shellcheck disable=SC2034,SC2086 # the variables that jobs use; those of words are to be split
# l1-qemu.sh - sourced by jobs in L1: Debian's QEMU as it comes, and how it is started.
#   $gdb    words of vmgdb: gdb connects from outside
#   $qemu   a machine with 2 CPUs and the guest's kernel; -append takes $words and others

gdb="--gdb tcp:0.0.0.0:1234"
case $(uname -m) in
aarch64)
	# gdb 13 cannot unwind signed return addresses; lkvm says nopauth by itself.
	qemu="qemu-system-aarch64 -M virt,gic-version=3"
	words="console=ttyAMA0 nokaslr arm64.nopauth $FEW_WORDS text=$TEXT_ADDR"
	;;
*)
	qemu="qemu-system-x86_64 -L /rom -M pc -vga none"
	words="console=ttyS0 nokaslr $FEW_WORDS text=$TEXT_ADDR"
	;;
esac
qemu="$qemu -accel kvm -cpu host -nodefaults -display none -serial stdio -m 384 -smp 2"
qemu="$qemu -kernel /boot/vmlinuz -initrd /boot/l2.cpio"

# guest NAME PREFIX QEMU-WORDS...
guest()
{
	name=$1 how=$2
	shift 2
	$how $qemu "$@" -append "$words" </dev/null
	echo "lab: $name status $?"
}

# A guest whose VMM gets the signal $1 some seconds after gdb came: port 1234 is 04D2, state 01 a
# connection.
ended_by()
{
	vmgdb run $gdb -- $qemu -append "$words" </dev/null &
	pid=$!
	while ! grep -qE ':04D2 [0-9A-F]+:[0-9A-F]+ 01 ' /proc/net/tcp; do sleep 1; done
	sleep 4
	kill -$1 $pid
	wait $pid
	echo "lab: $1 status $?"
}

# A guest that QEMU resets when it asks for it.
reset_by_vmm()
{
	: >/reset
	vmgdb run $gdb -- $qemu -monitor tcp:127.0.0.1:1235,server=on,wait=off -append "$words" \
		</dev/null >>/reset 2>&1 &
	pid=$!
	tail -f /reset &
	tail=$!
	until grep -q 'guest: reset me' /reset; do sleep 1; done
	(echo system_reset; sleep 2) | nc 127.0.0.1 1235 >/dev/null
	wait $pid
	status=$?
	kill $tail
	echo "lab: reset status $status"
}
