# shellcheck shell=bash
# net.sh - sourced after lib.sh: a guest with folders of its host's and the user's network.
#
#   add_net_guest ARCH   diod, passt, a kernel that has 9p as modules (fetch full-ARCH) and an initial
#                        RAM disk that goes over to a folder: /boot/full and /boot/net.cpio in L1
#   new_root_job         the lines of a job that does what stdin says, in busybox' sh, on a root file
#                        system that is no initial one
#   net_job [WORDS]      the lines of a job that boots it with these words of lkvm
#
# The guest says "net: NAME ok" or "net: NAME BAD ...", and "net: round N ok" for each time that it has
# read the tree of files and NET_MIB MiB from a server in L1; after NET_ROUNDS of them it powers off.

NET_MIB=${NET_MIB:-100} NET_ROUNDS=${NET_ROUNDS:-2}

net_modules="virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio-rng netfs fscache
	9pnet 9pnet_virtio 9p failover net_failover virtio_net af_packet
	overlay virtio_console"

add_net_guest()
{
	local d=$W/net m full=$CACHE/lab-full-$1 root=
	for m in "$1" "full-$1"; do
		"$LAB/fetch" "$m" || lab_die "the downloads for $m are not there"
	done
	[ ! -d "$full/root" ] || root=$full/root
	add_program "$1" "$root/usr/sbin/diod" "$root"
	add_program "$1" "$root/usr/bin/passt" "$root"
	mkdir -p "$d/initrd"/{bin,lib,dev,proc,root}
	cp "$CACHE/lab-$1/busybox" "$d/initrd/bin/"
	for m in $net_modules; do
		[ ! -e "$full/modules/$m.ko" ] || cp "$full/modules/$m.ko" "$d/initrd/lib/"
	done
	{
		echo '#!/bin/busybox sh'
		echo "modules='$net_modules'"
		cat <<'END'
B=/bin/busybox
$B mount -t devtmpfs d /dev; $B mount -t proc p /proc
for m in $modules; do
	[ ! -e /lib/$m.ko ] || $B insmod /lib/$m.ko || echo "net: insmod $m BAD"
done
$B mount -t 9p -o trans=virtio,version=9p2000.L,msize=65536 /dev/root /root || echo "net: mount BAD"
init=/sbin/init
for w in $($B cat /proc/cmdline); do case $w in init=*) init=${w#init=} ;; esac; done
$B umount /proc
exec $B switch_root /root $init "$@"
END
	} >"$d/initrd/init"
	chmod +x "$d/initrd/init"
	lab_add "$full/vmlinuz" boot/full
	pack "$d/initrd" "$W/l1/boot/net.cpio"
	lab_add "$LAB/net-init" boot/net-init
}

# passt leaves the root file system, which nobody can do in an initial one.
new_root_job()
{
	cat <<'END'
mkdir /new
mount -t tmpfs -o size=90% t /new
for f in /bin /lib /lib64 /usr /boot; do [ ! -e $f ] || cp -a $f /new/; done
mkdir /new/proc /new/dev /new/sys /new/tmp /new/etc /new/mnt /new/run
cat >/new/etc/passwd <<E
root:x:0:0::/:/bin/sh
nobody:x:65534:65534::/:/bin/sh
E
echo "FEW_WORDS='$FEW_WORDS'" >/new/init2
cat >>/new/init2 <<'END_OF_JOB'
mount -t proc p /proc; mount -t devtmpfs d /dev; mount -t sysfs s /sys
mkdir /dev/pts; mount -t devpts x /dev/pts
END
	cat
	cat <<'END'
echo "lab: job done"
poweroff -f
END_OF_JOB
umount /dev/pts /dev /sys /proc
exec switch_root /new /bin/sh /init2
END
}

net_job()
{
	{
		echo "words='${1:-}' mib=$NET_MIB rounds=$NET_ROUNDS"
		cat <<'END'
ip route add default via 10.0.2.2
mkdir -p /root/bin /root/sbin /root/proc /root/sys /root/dev /root/tmp /root/mnt /srv /share
cp /bin/busybox /root/bin/
cp /boot/net-init /root/sbin/init
n=0
while [ $n -lt 40 ]; do
	mkdir -p /share/d$((n % 7))
	dd if=/dev/urandom of=/share/d$((n % 7))/f$n bs=$((n * 977 + 1)) count=5 2>/dev/null
	n=$((n + 1))
done
tree=$(cd /share && find . -type f | sort | xargs md5sum | md5sum | cut -c 1-32)
dd if=/dev/urandom of=/srv/big bs=1M count=$mib 2>/dev/null
sum=$(md5sum /srv/big | cut -c 1-32)
httpd -p 127.0.0.1:8000 -h /srv
lkvm run -k /boot/full -i /boot/net.cpio -m 256 -c 2 -d /root --9p /share,share,ro --gdb tcp:0.0.0.0:1234 \
	-n user,tcp=8080:80 $words -p "console=ttyS0 $FEW_WORDS rounds=$rounds tree=$tree sum=$sum" </dev/null &
vmm=$!
(until wget -q -O - http://10.0.2.15:8080/hello 2>/dev/null; do sleep 1; done) &
wait $vmm
echo "lab: vmm status $?"
sleep 1
ps -o comm,args | grep -E '^(diod|passt)' | grep -v grep && echo "lab: a helper is left BAD"
[ "$(cat /root/made)" = hello ] && echo "lab: written by the guest ok"
cd /srv
lkvm run -k /boot/full -i /boot/net.cpio -m 256 -d / --console virtio -p "$FEW_WORDS" </dev/null -- sh -c '
	echo "net: command in $(pwd) ok"
	[ "$(tty)" = /dev/hvc0 ] && echo "net: hvc0 ok"
	echo made >/etc/made && echo "net: overlay ok"
	exit 7'
echo "lab: command status $?"
[ ! -e /etc/made ] && echo "lab: unchanged ok"
END
	} | new_root_job
}
