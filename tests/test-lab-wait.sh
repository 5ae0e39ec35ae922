#!/bin/bash
# test-lab-wait.sh - the lab waits as long as its emulator makes progress: with programs instead of
# emulators that are slow, hang, spin, talk or end. TAP.
# timeout: 300
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lab/lib.sh"
say() { :; }

W=$(mktemp -d)
LOG=$W/console
: >"$LOG"
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

# A program that says "there" when it has had @1 ms of CPU time.
cat >"$W/slow" <<'END'
work()
{
	local i stat=() used=0
	while [ $used -lt "$1" ]; do
		for ((i = 0; i < 500; i++)); do :; done
		read -r -a stat </proc/self/stat # of 100 ticks a second
		used=$(((stat[13] + stat[14]) * 10))
	done
}
work "$1"
echo there
exec sleep 1000
END

# emulator COMMAND...: what lab_wait looks at
emulator()
{
	: >"$LOG"
	"$@" >"$LOG" &
	EMU_PID=$!
	keep $EMU_PID
}
# took BELOW: less than that many seconds since $from
took() { [ $((SECONDS - from)) -lt "$1" ]; }
gone() { ! grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; } # no one may have reaped it
is() { [ "$1" = "$2" ]; }
fails() { ! "$@"; }

# Others have the CPU: the emulator gets a twentieth of it.
one=$(one_cpu)
for _ in 1 2; do
	taskset -c "$one" bash -c 'while :; do :; done' &
	keep $!
done
emulator taskset -c "$one" nice -n 10 bash "$W/slow" 200
from=$SECONDS
check "an emulator that gets little of the CPU is waited for" lab_wait 1 there
check "and it did take longer" fails took 2
lab_end

emulator sleep 1000
from=$SECONDS
check "one that hangs is given up" fails lab_wait 1 there
check "soon" took 20
check "and it still lives" kill -0 "$EMU_PID"
lab_end

emulator bash -c 'exec sleep 1000'
kill -STOP "$EMU_PID"
from=$SECONDS
check "one that is stopped is given up" fails lab_wait 1 there
check "soon, too" took 20
kill -CONT "$EMU_PID"
lab_end

emulator bash -c 'while :; do :; done'
check "one that spins is given up" fails lab_wait 1 there
lab_end

emulator bash -c 'while :; do echo here; sleep 0.1; done'
check "one that says other things is given up" fails lab_wait 1 there
lab_end

emulator bash -c 'sleep 0.5; echo there'
check "what one says at its end is seen" lab_wait 60 there
emulator bash -c 'sleep 0.5; echo here'
from=$SECONDS
check "one that ends is not waited for" fails lab_wait 100 there
check "at all" took 30
lab_end

PATIENCE_FAR=0
emulator bash -c 'while :; do :; done'
patience_start 1 "$EMU_PID"
P_begin=$((P_begin - 61000))
check "the far limit ends it whatever the emulator does" fails patience_left
PATIENCE_FAR=10
lab_end

# ---- patient ----

EMU_PID=
patient 20 bash -c 'exit 3'
check "patient: the command's status" is $? 3
patient 1 bash -c 'echo $$ >"$0"; exec sleep 1000' "$W/pid"
check "patient: one that hangs is ended" is $? 124
check "and is gone" gone "$(cat "$W/pid")"
patient 1 bash -c 'trap "" TERM; echo $$ >"$0"; while :; do sleep 1; done' "$W/pid"
check "patient: also one that does not want to" is $? 124
check "and it is gone, too" gone "$(cat "$W/pid")"
(sleep 1; kill -INT "$(cat "$W/pid")") &
patient 20 bash -c 'trap "exit 5" INT; echo $$ >"$0"; while :; do sleep 0.1; done' "$W/pid"
check "patient: it gets Ctrl-C" is $? 5
wait

# ---- The same for gdb's scripts ----

if command -v python3 >/dev/null; then
	cat >"$W/try.py" <<'END'
import sys, time
from patience import Patience

pid, how = sys.argv[1:3]
began = time.time()
patience = Patience(1, pid, sys.argv[3])
ready = lambda: "there" in open(sys.argv[3]).read()
sys.exit(0 if bool(patience.wait(ready)) == (how == "comes") and time.time() - began < 200 else 1)
END
	by_python() { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here/lab/gdb python3 "$W/try.py" "$EMU_PID" "$1" "$LOG"; }
	taskset -c "$one" bash -c 'while :; do :; done' &
	keep $!
	emulator taskset -c "$one" nice -n 10 bash "$W/slow" 150
	check "python: an emulator that gets little of the CPU is waited for" by_python comes
	lab_end
	emulator sleep 1000
	check "python: one that hangs is given up" by_python never
	lab_end
	emulator bash -c 'while :; do :; done'
	check "python: one that spins is given up" by_python never
	lab_end
else
	skip "python: patience" "python3 is not installed"
fi
echo "1..$tap_n"
exit $tap_bad
