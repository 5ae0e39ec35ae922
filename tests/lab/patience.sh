# shellcheck shell=bash
# patience.sh - sourced by lib.sh: how long to wait for an emulator, on a machine that may be busy.
#
#   patience_start SECONDS PID...   wait for what these processes and their children do
#   patience_left                   false when that is enough; to be asked every 0.2 s or so
#   nap SECONDS                     sleep, without starting a program
#   patient SECONDS COMMAND...      run COMMAND, ended when the emulator (EMU_PID) and it together
#                                   have used that up: then the status is 124
#
# SECONDS is what the work takes on a quiet machine. Time counts in full while none of the processes
# wants a CPU, half while the console grows meanwhile, and else as far as they did get one: so
# nobody gives up because other programs have the CPU. PATIENCE_FAR times as long, and a minute, is
# the end in any case: an emulator that is stuck may still look busy.
# gdb/patience.py is the same for gdb's scripts.

PATIENCE_FAR=10

exec {NAP}<> <(:) # nobody writes into this pipe
nap() { read -r -t "$1" -u "$NAP" || :; }

P_HZ=$(getconf CLK_TCK)

# This is asked several times a second while emulators need the CPUs, so it starts no programs.
# FAMILY becomes the ids of @1... and of all that they started.
family()
{
	local p tasks children todo=("$@")
	FAMILY=()
	while [ ${#todo[@]} -gt 0 ]; do
		p=${todo[0]} todo=("${todo[@]:1}")
		FAMILY+=("$p")
		for tasks in /proc/"$p"/task/[0-9]*/children; do
			children=()
			read -r -a children 2>/dev/null <"$tasks" # it has no newline: status 1
			todo+=("${children[@]}")
		done
	done
}

# cpu_use PID...: USED becomes the ms of CPU time of all their threads, and WANTS how many of them want
# a CPU (R) or wait for a disk (D). The name of a thread may have any character, also blanks and brackets.
cpu_use()
{
	local p file stat
	USED=0 WANTS=0
	family "$@"
	for p in "${FAMILY[@]}"; do
		for file in /proc/"$p"/task/[0-9]*/stat; do
			stat=
			read -r -d '' stat 2>/dev/null <"$file" # to the end; the thread may be gone
			read -r -a stat <<<"${stat##*) }"
			[ ${#stat[@]} -gt 12 ] || continue
			USED=$((USED + (stat[11] + stat[12]) * 1000 / P_HZ))
			case ${stat[0]} in R | D) WANTS=$((WANTS + 1)) ;; esac
		done
	done
}

console_size() { stat -c %s "${LOG:-/dev/null}" 2>/dev/null || echo 0; }

patience_start()
{
	P_limit=$(($1 * 1000)) P_spent=0
	shift
	P_pids=("$@")
	P_begin=$((${EPOCHREALTIME/[.,]/} / 1000))
	P_at=$P_begin
	cpu_use "$@"
	P_used=$USED
	P_size=$(console_size)
}

patience_left()
{
	local now size time work
	now=$((${EPOCHREALTIME/[.,]/} / 1000))
	cpu_use "${P_pids[@]}"
	time=$((now - P_at))
	work=$((USED - P_used))
	if [ "$WANTS" = 0 ]; then
		size=$(console_size)
		[ "$size" = "$P_size" ] || time=$(((time + 1) / 2))
		P_size=$size
	else
		[ $work -gt 0 ] || work=0 # a thread that has ended takes its time along
		[ $work -gt $time ] || time=$work
	fi
	P_spent=$((P_spent + time))
	P_at=$now P_used=$USED
	[ "$P_spent" -lt "$P_limit" ] && [ $((now - P_begin)) -lt $((P_limit * PATIENCE_FAR + 60000)) ]
}

# What became of the time, for messages.
patience_report() { echo "$(((P_at - P_begin) / 1000)) s, of which $((P_spent / 1000)) s count"; }

# The command leads a process group, and gets Ctrl-C as in the foreground.
patient()
{
	local seconds=$1 pid
	shift
	set -m
	timeout -k 5 $((seconds * PATIENCE_FAR + 60)) "$@" </dev/null &
	pid=$!
	set +m
	keep $pid
	patience_start "$seconds" $pid ${EMU_PID:+"$EMU_PID"}
	while kill -0 $pid 2>/dev/null; do
		if ! patience_left; then
			kill -TERM $pid 2>/dev/null # timeout hands it on, and 5 s later KILL
			wait $pid 2>/dev/null
			unkeep $pid
			return 124
		fi
		nap 0.2
	done
	wait $pid
	local status=$?
	unkeep $pid
	return $status
}
