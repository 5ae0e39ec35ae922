# shellcheck shell=bash
# clock.sh - sourced after lib.sh: stop a guest for LAB_CLOCK_SECONDS (30) and read its complaints.

export LAB_CLOCK_SECONDS=${LAB_CLOCK_SECONDS:-30} LAB_CPUS=2 LAB_COMMAND=42 LAB_CLOCK

# What the guest's kernel says when time has jumped, in the console from line $1 on.
complaints()
{
	tail -n "+$1" "$LOG" | grep -aE 'soft lockup|hard LOCKUP|rcu.*(stall|starved)|hung_task|blocked for more|clocksource|unstable|clock.*(jump|skew)|watchdog:'
}

# one_guest NR KIND SCRIPT...
one_guest()
{
	local nr=$1 from script said
	LAB_CLOCK=$2
	shift 2
	lab_wait 60 'gdb: listening' "$nr" || lab_die "guest $nr: lkvm does not listen"
	lab_wait 120 'guest: shell reached' "$nr" || lab_die "guest $nr: does not boot"
	lab_wait 60 'guest: tick 3 ' "$nr"
	from=$(wc -l <"$LOG")
	for script; do gdb_script 400 "$script"; done
	if lab_wait 60 'guest: tick' $(($(lab_count 'guest: tick') + 10)); then
		ok "--gdb-clock $LAB_CLOCK: the guest runs on"
	else
		not_ok "--gdb-clock $LAB_CLOCK: the guest runs on" "$(autopsy)"
	fi
	said=$(complaints "$from")
	if [ -z "$said" ]; then
		ok "--gdb-clock $LAB_CLOCK: no complaint after $LAB_CLOCK_SECONDS s"
	else
		not_ok "--gdb-clock $LAB_CLOCK: no complaint after $LAB_CLOCK_SECONDS s" "$said"
	fi
	gdb_script 60 leave
	check "--gdb-clock $LAB_CLOCK: the guest powers off" lab_wait 60 "lab: guest $LAB_CLOCK status 0"
}
