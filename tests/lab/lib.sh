# shellcheck shell=bash
# shellcheck disable=SC2034 # the variables that scripts use
# lib.sh - sourced by the lab's scripts: boots a KVM host (L1) in an emulator and helps to test.
# Everything it starts is ended, by the ids kept here, when the script ends in whatever way.
#
#   lab_open                      make the work folder, set the traps
#   lab_add FILE NAME             put FILE into L1 at /NAME (before lab_boot); add_plugin ARCH,
#                                 program.sh: put vmgdb and QEMU there
#   lab_add_symbols ARCH NAME     put the symbols of the guest's kernel there
#   lab_boot BENCH JOB [CPUS]     boot L1 on svm, bochs or arm64; its init runs the script JOB
#                                 (busybox sh). Two benches run no L1 but one guest: native (lkvm
#                                 here), qemu (QEMU's own stub, to try the gdb scripts on)
#   lab_native_works              does KVM here boot Linux? W/native says why not
#   lab_wait SECONDS PATTERN [N]  wait until the Nth line of the console matches (grep -E)
#   lab_end                       end the emulator
#   lab_gdb SECONDS ARGS...       run gdb-multiarch, bounded
#                                 All SECONDS are those of a quiet machine: patience.sh
#   ok/not_ok/check/skip/finish   TAP
# Variables: W work folder, LOG the console of L1 (and of the guest in it), PORT where gdb
# connects on 127.0.0.1, VMLINUX the guest kernel's symbols; LAB_ARM_MACHINE and LAB_ARM_CPU may say
# what kind of KVM host the arm64 bench is (QEMU's -M virt,... and -cpu), LAB_ARM_QEMU another QEMU,
# LAB_ARM_KERNEL and LAB_ARM_WORDS another Image for L1, which has no network then, and words for it.
# LAB_GUEST may name another kernel for the guest, one that fetch knows, such as amd64-trixie.
# LAB_SVM_QEMU may name another QEMU for the svm bench, such as that of `fetch qemu-10`: there
# hardware breakpoints work. LAB_MEMORY is what L1 has in QEMU, in MiB. With LAB_COUNTED the clock of
# L1 counts instructions, one for each 2^LAB_COUNTED ns: what is measured there does not depend on this machine.

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LKVM=${LKVM:-$LAB/../../lkvm}
LKVM_ARM64=${LKVM_ARM64:-} # for arm64 benches; built when it is not given
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vmgdb
GDB=${GDB:-gdb-multiarch}
# An index of what the kernel's debug information has, which gdb makes the first time, saves most of
# the seconds that each start of gdb takes.
GDB_OPTIONS=(-nx -batch -iex 'set auto-load off' -iex 'set debuginfod enabled off'
	-iex "set index-cache directory $CACHE/gdb-index" -iex 'set index-cache enabled on'
	-ex 'set pagination off' -ex 'set remotetimeout 120')
LAB_ARM_MACHINE=${LAB_ARM_MACHINE:-gic-version=3}
# Linux signs and checks each return address; by the algorithm of the architecture that takes the
# emulator two thirds of its time, by its own nearly nothing.
LAB_ARM_CPU=${LAB_ARM_CPU:-max,pauth-impdef=on}
LAB_ARM_QEMU=${LAB_ARM_QEMU:-qemu-system-aarch64}
LAB_ARM_KERNEL=${LAB_ARM_KERNEL:-} LAB_ARM_WORDS=${LAB_ARM_WORDS:-}
# At each boot Linux tests its crypto code, loads certificates for modules and looks through its trace
# events: two thirds of all the instructions until its init runs.
QUICK_WORDS="cryptomgr.notests initcall_blacklist=load_system_certificate_list,trace_eval_init"
# A byte on a guest's console costs an emulated host 2 ms, and a kernel that boots says 13 KB. With these
# words it says only what is not just information, until the guest's init turns that off (make_l2).
FEW_WORDS="loglevel=6 $QUICK_WORDS"
LAB_GUEST=${LAB_GUEST:-}
LAB_COUNTED=${LAB_COUNTED:-}
W='' LOG='' PORT='' VMLINUX='' TEXT_ADDR='' EMU_PID='' PIDS=()

# shellcheck source=tests/lab/program.sh
. "$LAB/program.sh"
# shellcheck source=tests/lab/patience.sh
. "$LAB/patience.sh"

# Progress goes to stderr, so that stdout stays TAP.
say() { printf '  %-7s %s\n' "$1" "$2" >&2; }

lab_die()
{
	echo "lab: $*" >&2
	echo "Bail out! $*"
	exit 1
}

lab_open()
{
	W=$(mktemp -d)
	LOG=$W/console
	trap lab_close EXIT
	trap 'exit 130' INT TERM HUP
	mkdir -p "$W/l1/bin" "$W/l1/lib" "$W/l1/boot" "$W/l2/bin"
	build_tool gcc wire
}

# build_tool CC NAME [FLAGS...]: NAME.c, linked statically, into W. It is built once for all lab programs.
build_tool()
{
	local kept=${BUILD:-$LAB/../../build}/lab/$1/$2
	if [ ! "$kept" -nt "$LAB/$2.c" ] || [ ! "$kept" -nt "$LAB/lib.sh" ]; then
		mkdir -p "${kept%/*}"
		"$1" -D_GNU_SOURCE -O2 -g -static "${@:3}" -o "$kept.$$" "$LAB/$2.c" ||
			lab_die "cannot build $2.c with $1"
		mv "$kept.$$" "$kept" # another lab program may do the same now
	fi
	cp "$kept" "$W/$2"
}

lab_close()
{
	lab_end
	rm -rf "$W"
}

# keep PID: end it with everything else; unkeep PID: it has ended
keep() { PIDS+=("$1"); }
unkeep()
{
	local p left=()
	for p in "${PIDS[@]}"; do [ "$p" = "$1" ] || left+=("$p"); done
	PIDS=("${left[@]}")
}

# Ends each kept process and its children, TERM first, and waits until they are gone.
lab_end()
{
	local p all=()
	for p in "${PIDS[@]}"; do
		mapfile -t -O ${#all[@]} all < <(pgrep -P "$p" 2>/dev/null)
		all+=("$p")
	done
	PIDS=() EMU_PID=
	[ ${#all[@]} -gt 0 ] || return 0
	kill "${all[@]}" 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 "${all[@]}" 2>/dev/null || break
		sleep 0.2
	done
	kill -9 "${all[@]}" 2>/dev/null
	wait "${all[@]}" 2>/dev/null
	return 0
}

# guest_of ARCH: the folder of the guest's kernel
guest_of() { echo "$CACHE/lab-${LAB_GUEST:-$1}"; }

# pack DIR FILE: an initramfs, not compressed: an emulator takes longer to unpack it than to load it
pack() { (cd "$1" && find . | cpio -o -H newc --quiet) >"$2"; }

# The guest's initramfs. Every second or so it prints a line "guest: tick ..." about its health;
# a debugger that writes 42 to 45 to the kernel's panic_timeout, or do=42 in the kernel's words, makes
# it power off, reboot, crash or ask for a reset; 46: load a module or, in turns, unload it; 100 and
# more: open so many files; 51 and so on: run a program of hard.c, the Nth of HARD, and 50: none. With
# LAB_IPI there is also ipi.c, and the word ipi runs it.
HARD="uffd exclusive fork migrate collapse two hotplug module own"
make_l2()
{
	build_tool "$(cross "$1" gcc)" guest
	# Where no other program has code: a hardware breakpoint at a user's address is hit in each.
	build_tool "$(cross "$1" gcc)" hard -Wl,-Ttext-segment=0x10000000
	cp "$CACHE/lab-$1/busybox" "$W/l2/bin/"
	cp "$W/guest" "$W/hard" "$W/l2/bin/"
	if [ "$1" = arm64 ] || [ -n "${LAB_HARD_TRACER:-}" ]; then
		build_tool "$(cross "$1" gcc)" tracer -Wl,-Ttext-segment=0x18000000
		cp "$W/tracer" "$W/l2/bin/"
	fi
	if [ -n "${LAB_IPI:-}" ]; then
		build_tool "$(cross "$1" gcc)" ipi
		cp "$W/ipi" "$W/l2/bin/"
	fi
	echo "hards='$HARD'" >"$W/l2/bin/hards"
	mkdir -p "$W/l2/lib"
	cp "$(guest_of "$1")"/modules/{pvpanic*,button,virtio_ring,configfs,failover}.ko "$W/l2/lib/" \
		2>/dev/null
	cat >"$W/l2/init" <<'END'
#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /sys /dev
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
echo 7 >/proc/sys/kernel/printk
for m in button pvpanic pvpanic-mmio virtio_ring configfs; do
	[ ! -e /lib/$m.ko ] || $B insmod /lib/$m.ko
done
for w in $($B cat /proc/cmdline); do
	case $w in
	text=*) text=${w#text=} ;;
	do=*) echo ${w#do=} >/proc/sys/kernel/panic ;;
	ipi) ipi & ;;
	twins) for n in 1 2; do guest twin $n & done ;; # of twins.py
	tasks=*) for n in $($B seq ${w#tasks=}); do $B sleep 100000 & done ;; # more that sleep
	hwclock) # what is written stays, whatever the kernel's own clock says
		$B date -u -s '2031-05-06 07:08:09' >/dev/null
		$B hwclock -u -w
		$B date -u -s '2001-01-01 00:00:00' >/dev/null
		echo "guest: hwclock $($B hwclock -u -r 2>&1)"
		;;
	esac
done
echo "guest: shell reached, cpus $($B grep -c ^processor /proc/cpuinfo)"
# Toggling a static key makes the kernel patch its own code by int3. Not under SVM, that is QEMU 7.2:
# its threads may keep a translation made while another CPU writes, int3 and all, and the guest dies.
. /bin/hards
patches=yes
$B grep -q AuthenticAMD /proc/cpuinfo && patches=
machine=$($B uname -m)
n=0
pressed=
while :; do
	n=$((n + 1))
	old=$pressed
	read -r pressed rest 2>/dev/null </sys/firmware/acpi/interrupts/ff_pwr_btn
	[ "$old" = "$pressed" ] || echo "guest: power button pressed $pressed times"
	[ -z "$patches" ] || echo $((n % 2)) >/proc/sys/kernel/sched_schedstats
	echo "guest: tick $n traps: $(guest traps 2>&1) text: $([ -z "$text" ] || guest text $text 16)"
	[ "$machine" != aarch64 ] || echo "guest: debug $(tracer debug) $(tracer a32)"
	wish=$($B cat /proc/sys/kernel/panic)
	if [ "$wish" -ge 100 ]; then
		echo 0 >/proc/sys/kernel/panic
		echo "guest: opens $wish $(guest opens $wish)"
		$B rm -f /lab-opens
	fi
	if [ "$wish" -ge 50 ] && [ "$wish" -lt 60 ]; then
		echo 0 >/proc/sys/kernel/panic
		$B killall -9 hard 2>/dev/null
		name=$(echo $hards | $B cut -d' ' -f$((wish - 50)) 2>/dev/null)
		[ -z "$name" ] || (hard $name; echo "hard: $name ended $?") &
	fi
	case $wish in
	42) echo "guest: poweroff"; $B poweroff -f ;;
	43) echo "guest: reboot"; $B reboot -f ;;
	44) echo "guest: crash"; echo c >/proc/sysrq-trigger ;;
	45) echo "guest: reset me"; $B sleep 1000 ;;
	46) if [ -d /sys/module/failover ]; then $B rmmod failover; else $B insmod /lib/failover.ko; fi ;;
	esac
	$B usleep 300000
done
END
	chmod +x "$W/l2/init"
	mkdir -p "$W/l2/dev" "$W/l2/proc" "$W/l2/sys"
	pack "$W/l2" "$W/l1/boot/l2.cpio"
}

# lab_add_symbols ARCH NAME: the guest's vmlinux as NAME, without the lines, which only gdb reads
lab_add_symbols()
{
	"$LAB/fetch" "$1" || lab_die "the downloads for $1 are not there"
	mkdir -p "$W/l1/$(dirname "$2")"
	"$(cross "$1" objcopy)" --strip-debug "$CACHE/lab-$1/vmlinux" "$W/l1/$2" ||
		lab_die "objcopy failed"
}

lab_add()
{
	mkdir -p "$W/l1/$(dirname "$2")"
	cp "$1" "$W/l1/$2"
}

# l1_modules BENCH: what L1 needs there, in the order of loading
l1_modules()
{
	local net="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover
		net_failover virtio_net"
	case $1 in
	bochs) echo irqbypass kvm kvm-intel ;;
	svm) echo irqbypass ccp kvm kvm-amd "$net" ;;
	arm64) [ -n "$LAB_ARM_KERNEL" ] || echo "$net" ;; # another kernel refuses them
	esac
}

# make_l1 ARCH JOB BENCH
make_l1()
{
	local cache=$CACHE/lab-$1 m
	cp "$cache/busybox" "$W/l1/bin/"
	[ "$1" = arm64 ] || cp "$W/wire" "$W/l1/bin/"
	cp "$(guest_of "$1")/vmlinuz" "$W/l1/boot/"
	for m in $(l1_modules "$3"); do
		[ ! -e "$cache/modules/$m.ko" ] || cp "$cache/modules/$m.ko" "$W/l1/lib/"
	done
	l1_modules "$3" >"$W/l1/modules"
	{ echo "TEXT_ADDR=$TEXT_ADDR FEW_WORDS='$FEW_WORDS'"; cat "$2"; } >"$W/l1/job"
	mkdir -p "$W/l1/dev" "$W/l1/proc" "$W/l1/sys" "$W/l1/tmp"
	cat >"$W/l1/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc p /proc; mount -t devtmpfs d /dev; mount -t sysfs s /sys
mkdir -p /dev/pts; mount -t devpts x /dev/pts
for m in $(cat /modules); do insmod /lib/$m.ko 2>/dev/null; done
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up 2>/dev/null
[ -e /dev/kvm ] || echo "lab: no /dev/kvm in L1"
[ -c /dev/ttyS1 ] && [ ! -e /sys/class/net/eth0 ] && wire guest /dev/ttyS1 1234 &
echo # the BIOS has left its cursor in the midst of a line
echo "lab: L1 up"
. /job
echo "lab: job done"
poweroff -f
END
	chmod +x "$W/l1/init"
	pack "$W/l1" "$W/l1.cpio"
}

# has_ports PID: waits until the wire with this id has said which ports it took
has_ports()
{
	patience_start 5 "$1"
	until [ -s "$W/ports" ]; do
		patience_left || lab_die "wire takes no ports"
		sleep 0.05
	done
}

free_port()
{
	"$W/wire" host "$W/ports" & # it takes free ports; ask it and let it go
	local pid=$!
	has_ports $pid
	kill $pid
	wait $pid 2>/dev/null
	cut -d' ' -f2 "$W/ports"
	rm -f "$W/ports"
}

boot_qemu()
{
	local qemu=$1 console=$2
	shift 2
	PORT=$(free_port)
	"$qemu" "$@" -m "${LAB_MEMORY:-1536}" -nographic -no-reboot -initrd "$W/l1.cpio" \
		-append "console=$console panic=-1 quiet $QUICK_WORDS $LAB_ARM_WORDS" \
		-netdev "user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:$PORT-:1234" \
		-device virtio-net-pci,netdev=n,romfile= </dev/null >"$LOG" 2>"$W/emu.log" &
	EMU_PID=$!
	keep $EMU_PID
}

# A CD that isolinux boots, because bochs loads no kernel by itself.
make_cd()
{
	local cd=$W/cd words=$1
	mkdir -p "$cd/isolinux"
	cp "$CACHE/lab-amd64/vmlinuz" "$cd/vmlinuz"
	mv "$W/l1.cpio" "$cd/l1.cpio"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$cd/isolinux/"
	printf 'DEFAULT l\nLABEL l\n KERNEL /vmlinuz\n INITRD /l1.cpio\n APPEND %s\n' "$words" \
		>"$cd/isolinux/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$W/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table "$cd" 2>"$W/xorriso.log" ||
		lab_die "xorriso: $(tail -n 1 "$W/xorriso.log")"
	rm -rf "$cd"
}

# The reference: one guest, CPUS wide, stopped before its first instruction; no lkvm.
boot_qemu_stub()
{
	PORT=$(free_port)
	qemu-system-x86_64 -accel tcg -cpu EPYC -smp "$1" -m 256 -nographic -no-reboot \
		-kernel "$CACHE/lab-amd64/vmlinuz" -initrd "$W/l1/boot/l2.cpio" \
		-append "console=ttyS0 earlyprintk=ttyS0 panic=-1 nokaslr $QUICK_WORDS text=$TEXT_ADDR" \
		-nic none -gdb "tcp:127.0.0.1:$PORT" -S </dev/null >"$LOG" 2>"$W/emu.log" &
	EMU_PID=$!
	keep $EMU_PID
}

# lkvm without any emulator: stopped before the first instruction.
boot_native()
{
	"$LKVM" run -k "$CACHE/lab-amd64/vmlinuz" -i "$W/l1/boot/l2.cpio" -m 256 -c "$1" \
		--gdb tcp:127.0.0.1:0 --gdb-wait \
		-p "console=ttyS0 earlyprintk=ttyS0 text=$TEXT_ADDR" </dev/null >"$LOG" 2>&1 &
	EMU_PID=$!
	keep $EMU_PID
	lab_wait 10 'gdb: listening' || lab_die "lkvm does not listen: $(tail -n 1 "$LOG")"
	PORT=$(lab_last 'gdb: listening' | sed 's/.*://')
}

# A software KVM may run tiny guests only, so look rather than believe in /dev/kvm.
lab_native_works()
{
	local why='' last
	if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		why="no usable /dev/kvm"
	else
		make_l2 amd64
		"$LKVM" run -k "$CACHE/lab-amd64/vmlinuz" -i "$W/l1/boot/l2.cpio" -m 256 \
			-p "console=ttyS0 earlyprintk=ttyS0 do=42" </dev/null >"$LOG" 2>&1 &
		EMU_PID=$!
		keep $EMU_PID
		{ lab_wait 10 'Linux version' && lab_wait 60 'guest: shell reached'; } ||
			why=no
		last=$(tail -n 1 "$LOG" | tr -d '\r')
		[ -z "$why" ] || why="KVM here does not boot Linux: ${last:-its console stays empty}"
		lab_end
	fi
	echo "$why" >"$W/native"
	[ -z "$why" ]
}

# Where do_sys_openat2 begins: the guest prints these bytes, to show that nobody left a patch.
find_text()
{
	TEXT_ADDR=$(readelf -sW "$VMLINUX" | awk '$8 == "do_sys_openat2" { print $2; exit }')
	[ -n "$TEXT_ADDR" ] || lab_die "readelf finds no do_sys_openat2 in $VMLINUX"
}

# Words for a kernel in bochs: no calibration loops, no mitigations that cost emulation time.
BOCHS_WORDS="mitigations=off nokaslr lpj=10000000 tsc=reliable no_timer_check"
BOCHS_GUEST_WORDS="$BOCHS_WORDS $FEW_WORDS"

boot_bochs()
{
	local line_port
	gcc -O2 -shared -fPIC -o "$W/hurry.so" "$LAB/hurry.c" || lab_die "cannot build hurry.c"
	make_cd "console=ttyS0 earlyprintk=ttyS0 panic=-1 quiet $QUICK_WORDS $BOCHS_WORDS"
	"$W/wire" host "$W/ports" &
	keep $!
	has_ports $!
	read -r line_port PORT <"$W/ports"
	cat >"$W/bochsrc" <<END
config_interface: textconfig
display_library: term
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=1, ignore_bad_msrs=1
memory: guest=1024, host=1024
boot: cdrom
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="$W/cd.iso", status=inserted
com1: enabled=1, mode=file, dev=$LOG
com2: enabled=1, mode=socket-client, dev=127.0.0.1:$line_port
panic: action=fatal
error: action=ignore
info: action=ignore
log: $W/emu.log
clock: sync=none, time0=local
END
	echo c >"$W/bochs.go" # Debian's bochs starts in its debugger, and wants a terminal
	mkfifo "$W/bochs.in"
	exec 8<>"$W/bochs.in"
	TERM=vt100 script -qfc "stty rows 40 cols 100; export LD_PRELOAD=$W/hurry.so; exec bochs -q -f $W/bochsrc \
		-rc $W/bochs.go" /dev/null <&8 >"$W/bochs.out" 2>&1 &
	EMU_PID=$!
	keep $EMU_PID
}

# One of the CPUs that we may run on, not that of a lab program beside us (LAB_SLOT, from tests/run).
one_cpu()
{
	local all
	mapfile -t all < <(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
		sed 's/^\([0-9]*\)$/\1-\1/; s/-/ /; s/:.*//' | while read -r first last; do
			seq "$first" "$last"; done)
	echo "${all[${LAB_SLOT:-0} % ${#all[@]}]}"
}

lab_boot()
{
	local bench=$1 job=$2 cpus=${3:-2} arch=amd64 tcg=(-accel "tcg,thread=multi")
	[ "$bench" = arm64 ] && arch=arm64
	"$LAB/fetch" $arch || lab_die "the downloads for $arch are not there"
	[ $arch = amd64 ] || [ -n "$LKVM_ARM64" ] || lab_cross "${BUILD:-$LAB/../../build}/arm64"
	[ -z "$LAB_GUEST" ] || "$LAB/fetch" "$LAB_GUEST" || lab_die "the downloads for $LAB_GUEST are not there"
	VMLINUX=$(guest_of $arch)/vmlinux
	if [ -e "$VMLINUX" ]; then find_text; else VMLINUX=; fi
	make_l2 $arch
	case $bench in
	qemu | native) ;;
	*)
		add_lkvm $arch
		make_l1 $arch "$job" "$bench"
		;;
	esac
	: >"$LOG"
	case $bench in
	qemu) boot_qemu_stub "$cpus" && return ;;
	native) boot_native "$cpus" && return ;;
	esac
	[ -z "$LAB_COUNTED" ] || tcg=(-accel "tcg,thread=single" -icount "shift=$LAB_COUNTED,sleep=off")
	say LAB "booting a KVM host on $bench"
	case $bench in
	# TCG does not intercept a nested guest's XSETBV: without XSAVE its x87 state stays whole.
	# (Linux 7.2 uses AVX then, if the CPU says that it has it.) With
	# a thread per CPU nested guests die or hang now and then when the threads really run at the
	# same time, with one thread they hang for good: so the threads share one of our CPUs.
	svm) boot_qemu taskset ttyS0 -c "$(one_cpu)" "${LAB_SVM_QEMU:-qemu-system-x86_64}" \
		"${tcg[@]}" -cpu "EPYC,-xsave${LAB_GUEST:+,-avx}" -smp "$cpus" -kernel "$CACHE/lab-amd64/vmlinuz" ;;
	arm64) boot_qemu "$LAB_ARM_QEMU" ttyAMA0 -M "virt,virtualization=on,$LAB_ARM_MACHINE" \
		"${tcg[@]}" -cpu "$LAB_ARM_CPU" -smp "$cpus" \
		-kernel "${LAB_ARM_KERNEL:-$CACHE/lab-arm64/vmlinuz}" ;;
	bochs) boot_bochs ;;
	*) lab_die "no bench $bench: svm, bochs, arm64, native and qemu are known" ;;
	esac
	lab_wait "$([ "$bench" = bochs ] && echo 200 || echo 60)" '^lab: L1 up' ||
		lab_die "L1 did not come up: $(tail -n 3 "$LOG" "$W/emu.log" | tr '\r\n' '  ')"
}

# lab_has PATTERN N: N lines match. It is not read again as long as it is older than the last look.
lab_has()
{
	[ ! "$W/seen" -nt "$LOG" ] || return 1
	: >"$W/seen"
	[ "$(lab_count "$1")" -ge "$2" ]
}

# lab_need_breakpoints: the svm bench gets a QEMU whose guests have them: the one that LAB_SVM_QEMU
# names, or Debian 13's; where that cannot be had the script is skipped.
lab_need_breakpoints()
{
	[ -z "${LAB_SVM_QEMU:-}" ] || return 0
	if ! "$LAB/fetch" qemu-10; then
		echo "1..0 # SKIP QEMU 10, whose guests have breakpoints, cannot be had"
		exit
	fi
	LAB_SVM_QEMU=$CACHE/qemu-10/qemu-system-x86_64
}

# lab_wait SECONDS PATTERN [N]: until N lines (1) match; false when patience ends, or when L1 has ended
lab_wait()
{
	local next=$((SECONDS + 15)) n=${3:-1} last=
	rm -f "$W/seen"
	patience_start "$1" "$EMU_PID"
	while ! lab_has "$2" "$n"; do
		if ! patience_left; then
			say ... "no '$2' in $(patience_report)"
			return 1
		fi
		[ -z "$last" ] || return 1
		kill -0 "$EMU_PID" 2>/dev/null || last=y # look once more
		if [ $SECONDS -ge $next ]; then
			say ... "waiting for '$2', ${SECONDS} s: $(tail -n 1 "$LOG" | tr -d '\r' | cut -c 1-60)"
			next=$((SECONDS + 15))
		fi
		nap 0.3
	done
}

# One guest after the other in the same L1: next_listens NAME waits until its VMM listens, next_shell
# NAME until its kernel, or that of the same guest after a reset, runs. Both may be told how many
# there were before by listening= and shells=.
listening=0 shells=0
next_listens()
{
	listening=$((listening + 1))
	lab_wait 60 'gdb: listening' $listening || lab_die "$1: does not listen"
}
next_shell()
{
	shells=$((shells + 1))
	lab_wait 300 "guest: shell reached, cpus $LAB_CPUS" $shells ||
		lab_die "$1: the guest does not boot"
	ok "$1: the guest boots"
	lab_wait 60 'guest: tick 2 ' $shells
}

lab_count() { tr -d '\r' <"$LOG" | grep -cE -- "$1"; }
lab_last() { tr -d '\r' <"$LOG" | grep -E -- "$1" | tail -n 1; }

# lab_gdb SECONDS ARGS...: gdb in batch mode, told of the port and the file for results
lab_gdb()
{
	local seconds=$1
	shift
	touch "$W/results"
	LAB_PORT=$PORT LAB_DIR=$LAB LAB_RESULTS=$W/results LAB_LOG=$LOG LAB_EMULATOR=$EMU_PID \
		patient "$seconds" "$GDB" "${GDB_OPTIONS[@]}" -ex 'set confirm off' ${VMLINUX:+"$VMLINUX"} "$@"
}

# ---- Test programs in L1: /tests/kvm-*, which lie there with what they need ----

# tests_job [ARGS]: the lines of a job that runs them
tests_job()
{
	echo "args='${1:-}'"
	cat <<'END'
cd /tests
for test in kvm-*; do
	TEST_SLOW=yes LKVM=/bin/lkvm G_TEST_BUILDDIR=/tests ./$test $args >/tmp/out 2>&1
	echo "lab: status $? of $test" >>/tmp/out
	sed 's/^/test: /' /tmp/out
done
echo "lab: tests done"
cd /
END
}

# tests_results SECONDS PROGRAM...: waits for them, and reports what they did
tests_results()
{
	local test
	lab_wait "$1" '^lab: tests done' || not_ok "the tests in L1 end" "took more than $1 s"
	shift
	for test; do check "$test ends with status 0" lab_wait 1 "^test: lab: status 0 of $test\$"; done
	tr -d '\r' <"$LOG" | sed -nE 's/^test: ((not )?ok) [0-9]+ (.*)/\1 \3/p' >"$W/results"
	results L1
}

# ---- TAP ----

tap_n=0 tap_bad=0
ok() { echo "ok $((++tap_n)) $1"; }
not_ok()
{
	echo "not ok $((++tap_n)) $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
	tap_bad=1
}
skip() { echo "ok $((++tap_n)) $1 # SKIP $2"; }
# check NAME COMMAND...
check()
{
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name" "failed: $*"; fi
}
# gdb_script SECONDS NAME: run gdb/NAME.py, turn its reports into TAP; its output is in $W/NAME.out
gdb_script()
{
	local code n=0
	: >"$W/results"
	say GDB "$2"
	lab_gdb "$1" -x "$LAB/gdb/$2.py" >"$W/$2.out" 2>&1
	code=$?
	n=$(wc -l <"$W/results")
	results "$2"
	if [ $code != 0 ] || [ "$n" = 0 ] || [ $tap_bad = 1 ]; then
		[ $code = 0 ] || not_ok "$2: gdb ended with status $code" "$([ $code = 124 ] && echo "took more than $1 s")"
		[ "$n" != 0 ] || not_ok "$2: a script without a check" "it ended early"
		tail -n 70 "$W/$2.out" | sed 's/^/# | /'
	fi
	return $code
}
# autopsy: prints where each CPU of a guest is that should run and does not, and its timer
autopsy()
{
	local cpu=() n
	for n in 0 1; do cpu+=(-ex "monitor info lapic $n"); done
	say GDB autopsy
	lab_gdb 60 -ex "target remote 127.0.0.1:$PORT" -ex 'monitor info registers -a' "${cpu[@]}" \
		-ex 'thread apply all backtrace 20' -ex 'p jiffies_64' 2>&1
}
# results PREFIX: what a gdb script wrote with report(): lines "ok NAME" and "not ok NAME: WHY"
results()
{
	local line
	while read -r line; do
		case $line in
		ok\ *) ok "$1: ${line#ok }" ;;
		*) not_ok "$1: ${line#not ok }" ;;
		esac
	done <"$W/results"
	: >"$W/results"
}
finish()
{
	echo "1..$tap_n"
	if [ $tap_bad = 1 ]; then
		echo "# console:"
		tail -n 60 "$LOG" | tr -d '\r' | sed 's/^/# /'
	fi
	exit $tap_bad
}
