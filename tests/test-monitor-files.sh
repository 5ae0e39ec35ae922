#!/bin/bash
# test-monitor-files.sh - what lkvm's monitor saves, opened by readelf and gdb. TAP.
# timeout: 100
# shellcheck disable=SC2016,SC2317 # gdb's $rip; functions that check() calls
set -u
src=$(cd "$(dirname "$0")/.." && pwd)
lkvm=${LKVM:-$src/lkvm}
guest=${BUILD:-$src/build}/tests/guest/counter.elf
gdb=$(command -v gdb-multiarch || command -v gdb)

bail() { echo "1..0 # SKIP $1"; exit 0; }
[ -x "$lkvm" ] || bail "no $lkvm: it is not built"
[ -z "${EMULATOR:-}" ] || bail "lkvm is built for another machine"
[ "$(uname -m)" = x86_64 ] || bail "the guest is for x86"
[ -e "$guest" ] || bail "no $guest: it is not built"
[ -n "$gdb" ] || bail "no gdb"
[ -w /dev/kvm ] || bail "no usable /dev/kvm"
command -v readelf >/dev/null || bail "no readelf"

W=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2>/dev/null; rm -rf "$W"' EXIT
trap 'exit 130' INT TERM HUP

"$lkvm" run -k "$guest" -c 2 -m 64 --gdb "unix:$W/gdb" </dev/null >"$W/console" 2>&1 &
pid=$!
for _ in $(seq 100); do
	grep -q '^ready' "$W/console" && break
	sleep 0.1
done
grep -q '^ready' "$W/console" || bail "lkvm does not run here: $(tail -n 1 "$W/console")"

timeout 60 "$gdb" -nx -batch -iex 'set auto-load off' "$guest" -ex "target remote $W/gdb" \
	-ex 'printf "rip %#lx\n", $rip' -ex 'printf "other %#lx\n", *(long *)&other' \
	-ex "monitor dump-guest-memory $W/core" -ex "monitor memsave \$rip 16 $W/code" \
	-ex 'echo code start\n' -ex 'x/16xb $rip' -ex 'monitor gva2gpa $rip' \
	-ex 'monitor quit' </dev/null >"$W/live" 2>&1
wait $pid
status=$?
pid=

n=0 bad=0
# check NAME FILE COMMAND...
check()
{
	local name=$1 file=$2
	shift 2
	n=$((n + 1))
	if "$@"; then
		echo "ok $n $name"
	else
		echo "not ok $n $name"
		head -c 3000 "$file" | sed 's/^/# /'
		bad=1
	fi
}
matches() { grep -qE -- "$1" "$2"; }

rip=$(sed -n 's/^rip //p' "$W/live")
gpa=$(sed -n 's/^gpa: //p' "$W/live")
check "monitor quit ends lkvm with status 0" "$W/live" test $status = 0
check "gdb saw the guest in its loop" "$W/live" test -n "$rip" -a "$rip" = "$gpa"

readelf -hlnW "$W/core" >"$W/elf" 2>&1
check "readelf: a core file for x86-64" "$W/elf" matches 'Type: .*CORE' "$W/elf"
check "readelf: one bank of memory at physical 0" "$W/elf" \
	matches 'LOAD +0x[0-9a-f]+ 0x0+ 0x0+ 0x0*4000000 0x0*4000000' "$W/elf"
check "readelf: a status for each CPU" "$W/elf" \
	test "$(grep -c 'CORE.*NT_PRSTATUS' "$W/elf")" = 2
check "readelf complains of nothing" "$W/elf" test "$(grep -ciE 'warning|error' "$W/elf")" = 0

timeout 60 "$gdb" -nx -batch -iex 'set auto-load off' "$guest" "$W/core" -ex 'info threads' \
	-ex 'printf "rip %#lx\n", $rip' -ex 'printf "other %#lx\n", *(long *)&other' \
	</dev/null >"$W/dead" 2>&1
check "gdb opens it: two threads" "$W/dead" test "$(grep -cE '^[* ] +[0-9]+ .*LWP' "$W/dead")" = 2
check "gdb: the pc of the live guest" "$W/dead" matches "^rip $rip\$" "$W/dead"
check "gdb: memory of the live guest" "$W/dead" matches '^other 0x1122334455667788$' "$W/dead"

live=$(sed -n '/^code start/,/^gpa/s/^0x[^:]*:\(.*\)/\1/p' "$W/live" | tr -d '\t\n' | sed 's/0x//g')
check "memsave: the bytes that gdb saw" "$W/live" \
	test -n "$live" -a "$(od -An -tx1 "$W/code" | tr -d ' \n')" = "$live"
echo "1..$n"
exit $bad
