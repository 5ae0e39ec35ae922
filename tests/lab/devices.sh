# shellcheck shell=bash
# devices.sh - sourced: a Linux guest with a root file system on a disk, a second disk that it writes and
# reads back all the time, and gdb, without any file, that stops it meanwhile.
#
#   devices_files ARCH     the disks and the guest's initial RAM disk, which only loads modules
#   devices_job [WORDS]    the job: the guest, which reboots, until gdb lets it power off
#   devices_session        gdb's part
# LAB_STOPS, LAB_STEPS: how often gdb stops and steps it; a quick run's are few.

# What the guest's kernel has as modules, in the order of loading.
DEVICE_MODULES="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk
	virtio-rng failover net_failover virtio_net"

# The root file system: busybox, and an init that works on the second disk.
devices_root()
{
	local root=$1
	mkdir -p "$root"/{bin,dev,proc,sys,mnt,etc}
	cp "$CACHE/lab-$2/busybox" "$W/guest" "$root/bin/"
	cat >"$root/init" <<'END'
#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc p /proc; $B mount -t sysfs s /sys
echo "guest: root is $($B grep ' / ' /proc/mounts | $B grep -v rootfs)"
for d in /sys/bus/virtio/devices/*; do
	echo "guest: device $($B cat $d/device) driver $($B readlink $d/driver | $B sed 's|.*/||')"
done
echo "guest: interrupts $($B grep -c virtio /proc/interrupts) $($B grep virtio /proc/interrupts | $B head -n 1)"
echo "guest: rng $($B cat /sys/class/misc/hw_random/rng_current) $($B head -c 8 /dev/hwrng | $B hexdump -e '8/1 "%02x"')"
[ ! -e /mark ] || echo "guest: mark $($B cat /mark)"
echo "boots $(($($B wc -l </boots 2>/dev/null || echo 0) + 1))" >>/boots
$B sync
echo "guest: shell reached, $($B tail -n 1 /boots)"
n=0
while :; do
	n=$((n + 1))
	# Bytes that are different each time; the disk must be asked for them again.
	$B dd if=/dev/urandom of=/dev/shm.tmp bs=64k count=16 2>/dev/null
	want=$($B md5sum </dev/shm.tmp)
	$B dd if=/dev/shm.tmp of=/dev/vdb bs=64k seek=$((n % 8 * 16)) conv=fsync 2>/dev/null
	echo 3 >/proc/sys/vm/drop_caches
	got=$($B dd if=/dev/vdb bs=64k skip=$((n % 8 * 16)) count=16 2>/dev/null | $B md5sum)
	[ "$want" = "$got" ] && echo "guest: disk round $n same" || echo "guest: disk round $n DIFFERS $want $got"
	case $($B cat /proc/sys/kernel/panic) in
	42) $B sync; $B mount -o remount,ro /; echo "guest: poweroff"; $B poweroff -f ;;
	43) echo "again" >/mark; $B sync; $B mount -o remount,ro /; echo "guest: reboot"; $B reboot -f ;;
	esac
done
END
	chmod +x "$root/init"
}

# devices_initrd ARCH DISK: the initial RAM disk loads the modules and waits for /dev/DISK, the last one;
# then it does what stdin says, with busybox in $B.
devices_initrd()
{
	local dir=$W/early m
	mkdir -p "$dir"/{bin,dev,proc,sys,lib,root}
	cp "$CACHE/lab-$1/busybox" "$dir/bin/"
	for m in $DEVICE_MODULES; do
		cp "$(guest_of "$1")/modules/$m.ko" "$dir/lib/" || lab_die "no module $m: remove $CACHE/lab-$1"
	done
	{
		cat <<END
#!/bin/busybox sh
B=/bin/busybox
\$B mount -t proc p /proc; \$B mount -t devtmpfs d /dev
for m in ${DEVICE_MODULES//[$'\n\t']/ }; do \$B insmod /lib/\$m.ko; done
for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/$2 ] && break; \$B usleep 200000; done
END
		cat
	} >"$dir/init"
	chmod +x "$dir/init"
	pack "$dir" "$W/l1/boot/early.cpio"
}

devices_files()
{
	"$LAB/fetch" "$1" || lab_die "the downloads for $1 are not there"
	build_tool "$(cross "$1" gcc)" guest
	devices_root "$W/root" "$1"
	mke2fs -q -t ext4 -d "$W/root" "$W/l1/boot/root.img" 16M >&2 || lab_die "mke2fs failed"
	devices_initrd "$1" vdb <<'END'
$B mount -t ext4 /dev/vda /root || echo "guest: no root"
$B mount --move /dev /root/dev; $B umount /proc
exec $B switch_root /root /init
END
}

devices_job()
{
	cat >"$W/job" <<END
dd if=/dev/zero of=/tmp/data.img bs=1M count=16 2>/dev/null
lkvm run -k /boot/vmlinuz -i /boot/early.cpio -m 384 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-kaslr --reboot \\
	-d /boot/root.img -d /tmp/data.img $* -p "console=ttyS0 \$QUICK_WORDS" </dev/null
echo "lab: lkvm status \$?"
[ ! -x /bin/e2fsck ] || e2fsck -f -n /boot/root.img
echo "lab: e2fsck status \$?"
END
}

devices_session()
{
	export LAB_STOPS=${LAB_STOPS:-20} LAB_STEPS=${LAB_STEPS:-200} LAB_CPUS=2 LAB_BREAK=yes
	# shellcheck disable=SC2034 # lib.sh reads it
	VMLINUX=
	lab_wait 60 'gdb: listening' || lab_die "lkvm does not listen: $(tail -n 3 "$LOG")"
	lab_wait 200 'guest: disk round 2 ' || lab_die "the guest does not boot from its disk: $(tail -n 3 "$LOG")"
	check "its root is the first disk" lab_wait 1 'guest: root is /dev/(root|vda) / ext4'
	check "the disks' interrupts are messages" lab_wait 1 'guest: interrupts .*MSI'
	check "random bytes come from the host" lab_wait 1 'guest: rng virtio_rng.0 [0-9a-f]{16}'
	gdb_script 500 devices
	check "the guest reboots, and its disk has what it wrote" lab_wait 200 'guest: mark again'
	check "whenever it said so" lab_wait 60 'guest: shell reached, boots 2'
	export LAB_COMMAND=42
	gdb_script 200 leave
	check "it powers off" lab_wait 90 'lab: lkvm status 0$'
	check "what was written is what is read, always" test "$(lab_count 'guest: disk round .* DIFFERS')" = 0
	check "no CPU hung, no I/O error" test \
		"$(lab_count 'soft lockup|rcu: INFO|blocked for more|I/O error|EXT4-fs error|recovery')" = 0
	check "the file system is clean" lab_wait 90 'lab: e2fsck status 0'
}
