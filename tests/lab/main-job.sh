# shellcheck shell=bash
# main-job.sh - sourced: the whole main job on one bench, from --gdb-wait to poweroff.
#
#   main_job BENCH CPUS BREAK     BREAK yes: this bench reports breakpoints and watchpoints

# shellcheck source=tests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

write_job()
{
	cat >"$W/job" <<END
lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 256 -c $1 --gdb tcp:0.0.0.0:1234 --gdb-wait \\
	-p "console=ttyS0 $2 text=\$TEXT_ADDR" </dev/null
echo "lab: lkvm status \$?"
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
	for _ in $(seq 600); do
		grep -q '^LAB KILL ME' "$W/running.out" && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.5
	done
	pkill -KILL -P "$(pgrep -P $pid -f timeout || echo $pid)"
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

main_job()
{
	local bench=$1 cpus=$2 traps int1 ticks main=main words="earlyprintk=ttyS0 $BOCHS_WORDS"
	[ "$bench" != arm64 ] || main=arm64 words=
	export LAB_CPUS=$cpus LAB_BREAK=$3 LAB_COMMAND=42
	lab_open
	write_job "$cpus" "$words"
	lab_boot "$bench" "$W/job" "$cpus"
	case $bench in
	svm | bochs | arm64) lab_wait 60 'gdb: listening' || lab_die "lkvm does not listen" ;;
	esac
	gdb_script 400 $main
	check "the guest reaches its shell after detach" lab_wait 200 'guest: shell reached'
	check "all CPUs came up" lab_wait 1 "guest: shell reached, cpus $cpus"
	lab_wait 60 'guest: tick' 2
	text_before=$(texts_from 1)
	check "detach left no patched byte" test "$(echo "$text_before" | wc -l)" = 1
	kill_at_breakpoint
	traps=$(traps_from 1)
	case $bench in svm | qemu) int1=0 ;; *) int1=1 ;; esac # QEMU's TCG has no int1
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
	fi
	# LAB_OPENS: a million takes hours in an emulator. LAB_COMPARE: gdb's own rate too, on stderr.
	export LAB_OPENS=${LAB_OPENS:-$([ "$bench" = bochs ] && echo 100 || echo 500)}
	gdb_script $((200 + LAB_OPENS)) condition
	[ -z "${LAB_COMPARE:-}" ] || grep 'LAB RATE' "$W/condition.out" >&2
	gdb_script 60 leave
	check "the guest powers off when told by a write of gdb" lab_wait 60 'guest: poweroff'
	case $bench in
	svm | bochs | arm64) check "poweroff ends lkvm with status 0" lab_wait 60 'lab: lkvm status 0$' ;;
	native) check "poweroff ends lkvm with status 0" wait "$EMU_PID" ;;
	esac
	finish
}
