# shellcheck shell=bash
# main-job.sh - sourced: the whole main job on one bench, from --gdb-wait to poweroff.
#
#   main_job BENCH CPUS BREAK [VMM]   BREAK yes: this bench reports breakpoints and watchpoints;
#                                     VMM is lkvm (default), or qemu: Debian's under vmgdb run
#   main_session BENCH CPUS BREAK     the part of gdb, when a guest called vmm listens, to its end;
#                                     LAB_RESET=guest: with a reboot, for which lkvm ends;
#                                     LAB_KPTI=yes: the arm64 guest is lkvm's, and has kpti=on

# shellcheck source=tests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# write_job VMM CPUS WORDS
write_job()
{
	if [ "$1" = qemu ]; then
		cat >"$W/job" <<END
. /qemu.sh
vmgdb run \$gdb --gdb-wait -- \$qemu -smp $2 -append "\$words $3" </dev/null
echo "lab: vmm status \$?"
END
		return
	fi
	cat >"$W/job" <<END
lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 256 -c $2 --gdb tcp:0.0.0.0:1234 --gdb-wait \\
	-p "console=ttyS0 $3 text=\$TEXT_ADDR" </dev/null
echo "lab: vmm status \$?"
END
}

# Whole tick lines from number N on; the last one may still be in the making.
ticks_from() { tr -d '\r' <"$LOG" | grep -E 'guest: tick .* text: [0-9a-f]{32}$' | tail -n "+$1"; }
# The bytes of do_sys_openat2 that they show, and what became of the guest's own traps; each is one
# line if it never changes.
texts_from() { ticks_from "$1" | sed 's/.*text: //' | sort -u; }
traps_from() { ticks_from "$1" | sed 's/.*traps: //; s/ text.*//' | sort -u; }

# kill_at_breakpoint: gdb is at a breakpoint; SIGKILL it, nothing may be left in the guest.
kill_at_breakpoint()
{
	local pid ticks now
	: >"$W/results"
	say GDB "running, then SIGKILL at a breakpoint"
	lab_gdb 300 -x "$LAB/gdb/running.py" >"$W/running.out" 2>&1 &
	pid=$!
	keep $pid
	until grep -q '^LAB KILL ME' "$W/running.out"; do
		kill -0 $pid 2>/dev/null || break
		sleep 0.5
	done
	family $pid
	kill -KILL "${FAMILY[@]}" 2>/dev/null
	wait $pid 2>/dev/null
	results running
	if ! grep -q '^LAB KILL ME' "$W/running.out"; then
		not_ok "gdb reached a breakpoint to be killed at" "$(tail -n 20 "$W/running.out")"
		return
	fi
	ticks=$(lab_count 'guest: tick')
	check "the guest runs on after gdb was killed at a breakpoint" \
		lab_wait 90 "guest: tick" $((ticks + 3))
	now=$(texts_from $((ticks + 2)))
	check "no patched byte is left: the text is as before" test "$now" = "$text_before"
}

main_session()
{
	local bench=$1 cpus=$2 traps int1 ticks main=main
	[ "$bench" != arm64 ] || main=arm64
	export LAB_CPUS=$cpus LAB_BREAK=$3 LAB_COMMAND=42
	case $bench in
	svm | bochs | arm64) lab_wait 60 'gdb: listening' || lab_die "the VMM does not listen" ;;
	esac
	gdb_script 400 $main
	check "the guest reaches its shell after detach" lab_wait 200 'guest: shell reached'
	check "all CPUs came up" lab_wait 1 "guest: shell reached, cpus $cpus"
	lab_wait 60 'guest: tick' 2
	text_before=$(texts_from 1)
	check "detach left no patched byte" test "$(echo "$text_before" | wc -l)" = 1
	kill_at_breakpoint
	traps=$(traps_from 1)
	# QEMU 7.2's TCG has no int1.
	case $bench${LAB_SVM_QEMU:+10} in svm | qemu) int1=0 ;; *) int1=1 ;; esac
	case $bench in
	arm64) check "the guest's own BRKs and kernel probes work with and without gdb ($traps)" \
		test "$traps" = "brk=1 brk0=1 kprobe=3" ;;
	*) check "the guest's own int3, int \$3, int1 and steps work with and without gdb ($traps)" \
		test "$traps" = "int3=1 intn=1 int1=$int1 steps=5" ;;
	esac
	if [ "$bench" = arm64 ]; then
		ticks=$(lab_count 'guest: tick')
		gdb_script 60 warn
		check "the guest lives on after WARN" lab_wait 60 'guest: tick' $((ticks + 3))
		[ -z "${LAB_KPTI:-}" ] || gdb_script 500 own
	fi
	# LAB_OPENS: a million takes hours in an emulator. LAB_COMPARE: gdb's own rate too, on stderr.
	export LAB_OPENS=${LAB_OPENS:-$([ "$bench" = bochs ] && echo 100 || echo 500)}
	gdb_script $((200 + LAB_OPENS)) condition
	[ -z "${LAB_COMPARE:-}" ] || grep 'LAB RATE' "$W/condition.out" >&2
	[ -z "${LAB_KPTI:-}" ] || gdb_script 400 reset # on x86: check-svm.sh
	listening=1 shells=1
	if [ -n "${LAB_RESET:-}" ]; then
		gdb_script 400 reboot
		next_shell "reset by the $LAB_RESET"
	fi
	gdb_script 60 leave
	check "the guest powers off when told by a write of gdb" lab_wait 60 'guest: poweroff'
	case $bench in
	svm | bochs | arm64) check "poweroff ends the VMM with status 0" lab_wait 60 'lab: vmm status 0$' ;;
	native) check "poweroff ends the VMM with status 0" wait "$EMU_PID" ;;
	esac
}

# A guest that sets debug registers of its own, which only VMX reports: the test of lkvm, before Linux.
add_own_points()
{
	local build=${BUILD:-$LAB/../../build}/tests
	lab_add "$build/guest/own.elf" tests/guest/own.elf
	add_program amd64 "$build/kvm-lkvm"
	mv "$W/l1/bin/kvm-lkvm" "$W/l1/tests/"
	{ tests_job '-p /lkvm/gdb-own-points'; cat "$W/job"; } >"$W/job.own"
	mv "$W/job.own" "$W/job"
}

main_job()
{
	local bench=$1 cpus=$2 vmm=${4:-lkvm} words=$BOCHS_GUEST_WORDS arch=amd64
	# With the trampoline the kernel is not in the page tables of EL0.
	[ "$bench" != arm64 ] || words="$FEW_WORDS kpti=on" arch=arm64 LAB_KPTI=yes
	export LAB_KPTI
	lab_open
	[ "$vmm" != qemu ] || add_plugin $arch
	write_job "$vmm" "$cpus" "$words"
	[ "$bench$vmm" != bochslkvm ] || add_own_points
	lab_boot "$bench" "$W/job" "$cpus"
	[ "$bench$vmm" != bochslkvm ] || tests_results 60 kvm-lkvm
	main_session "$bench" "$cpus" "$3"
	finish
}
