# shellcheck shell=bash
# patience.sh - sourced by lib.sh: how long to wait for an emulator, on a machine that may be busy.
#
#   patience_start SECONDS PID...   wait for what these processes and their children do
#   patience_left                   false when that is enough; to be asked every 0.2 s or so
#   patient SECONDS COMMAND...      run COMMAND, ended when the emulator (EMU_PID) and it together
#                                   have used that up: then the status is 124
#
# SECONDS is what the work takes on a quiet machine. Time counts in full while none of the processes
# wants a CPU, half while the console grows meanwhile, and else as far as they did get one: so
# nobody gives up because other programs have the CPU. PATIENCE_FAR times as long, and a minute, is
# the end in any case: an emulator that is stuck may still look busy.
# gdb/patience.py is the same for gdb's scripts.

PATIENCE_FAR=10

# The ids of @1... and of all that they started.
family()
{
	local p todo=("$@") seen=()
	while [ ${#todo[@]} -gt 0 ]; do
		p=${todo[0]} todo=("${todo[@]:1}")
		seen+=("$p")
		mapfile -t -O ${#todo[@]} todo < <(pgrep -P "$p" 2>/dev/null)
	done
	echo "${seen[@]}"
}

# cpu_use PID...: "MS WANTS": CPU time of all their threads, and how many of them want a CPU (R) or
# wait for a disk (D). The name of a thread may have any character, also blanks and brackets.
cpu_use()
{
	local p files=()
	for p in $(family "$@"); do files+=(/proc/"$p"/task/[0-9]*/stat); done
	cat "${files[@]}" 2>/dev/null | awk -v hz="$(getconf CLK_TCK)" '
		{ sub(/^.*\) /, ""); used += $12 + $13; wants += $1 == "R" || $1 == "D" }
		END { print int(used * 1000 / hz), wants + 0 }'
}

console_size() { stat -c %s "${LOG:-/dev/null}" 2>/dev/null || echo 0; }

patience_start()
{
	P_limit=$(($1 * 1000)) P_spent=0
	shift
	P_pids=("$@")
	P_begin=$((${EPOCHREALTIME/[.,]/} / 1000))
	P_at=$P_begin
	read -r P_used _ <<<"$(cpu_use "$@")"
	P_size=$(console_size)
}

patience_left()
{
	local now used wants size time work
	now=$((${EPOCHREALTIME/[.,]/} / 1000))
	read -r used wants <<<"$(cpu_use "${P_pids[@]}")"
	size=$(console_size)
	time=$((now - P_at))
	work=$((used - P_used))
	if [ "$wants" = 0 ]; then
		[ "$size" = "$P_size" ] || time=$(((time + 1) / 2))
	else
		[ $work -gt 0 ] || work=0 # a thread that has ended takes its time along
		[ $work -gt $time ] || time=$work
	fi
	P_spent=$((P_spent + time))
	P_at=$now P_used=$used P_size=$size
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
		sleep 0.2
	done
	wait $pid
	local status=$?
	unkeep $pid
	return $status
}
