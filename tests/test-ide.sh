#!/bin/bash
# test-ide.sh - real gdbs as front ends use them, with a bare guest of two CPUs on the KVM of this
# machine: MI as VS Code's cpptools says it, and the debug adapter (-i=dap) of gdb 14 and later, both
# with `maint set target-non-stop on`. Breakpoints are set and removed while the guest runs, and the
# stub's log holds no error reply. TAP. The gdbs: the installed one, and those of `tests/lab/fetch
# gdb-16` and `gdb-new` if they are there.
# timeout: 400
set -u

here=$(cd "$(dirname "$0")" && pwd)
LKVM=${LKVM:-$here/../lkvm}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vmgdb
W=$(mktemp -d)
vm='' client='' TO='' seq=0 said=0
trap 'stop; rm -rf "$W"' EXIT
trap 'exit 130' INT TERM HUP

n=0 bad=0
ok() { echo "ok $((++n)) $1"; }
not_ok()
{
	echo "not ok $((++n)) $1"
	tail -c 3000 "$W/out" "$W/vm" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
	bad=1
}
check()
{
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}
bail() { echo "1..0 # SKIP $1"; exit 0; }

stop()
{
	local p
	for p in $client $vm; do
		kill -KILL "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	client='' vm=''
	rm -f "$W/in" "$W/socket"
}

# soon PATTERN: what the client has said since the last command, one message a line, has it
soon()
{
	local tries
	for tries in $(seq 600); do
		tail -c +$((said + 1)) "$W/out" | sed 's/Content-Length:/\n/g' | grep -qaE -- "$1" && return 0
		kill -0 "$client" 2>/dev/null || [ "$tries" = 600 ] || tries=600
		sleep 0.05
	done
	return 1
}

# start GDB ARGS...: a running guest, and a gdb with a pipe to it
start()
{
	stop
	: >"$W/out"
	said=0 seq=0
	"$LKVM" run -c 2 --console=none --gdb="unix:$W/socket" --gdb-log "$W/log" "$W/smp.elf" >"$W/vm" 2>&1 </dev/null &
	vm=$!
	for _ in $(seq 100); do
		grep -q '^gdb: listening' "$W/vm" && grep -q 'all$' "$W/vm" && break
		kill -0 $vm 2>/dev/null || return 1
		sleep 0.1
	done
	mkfifo "$W/in"
	"$@" -nx -q -iex 'set debuginfod enabled off' -iex 'maint set target-non-stop on' \
		<"$W/in" >"$W/out" 2>&1 &
	client=$!
	exec {TO}>"$W/in"
}

# mi COMMAND [RESULT]
mi()
{
	seq=$((seq + 1)) said=$(stat -c %s "$W/out")
	echo "$seq$1" >&"$TO"
	soon "^$seq\\^${2:-done}"
}
stopped() { soon "^\\*stopped,reason=\"$1\""; }

# dap COMMAND ARGUMENTS: sent, and done, which is said at once or, of attach, later
dap_send()
{
	local text
	seq=$((seq + 1))
	text="{\"seq\":$seq,\"type\":\"request\",\"command\":\"$1\",\"arguments\":$2}"
	printf 'Content-Length: %s\r\n\r\n%s' ${#text} "$text" >&"$TO"
}
dap_done() { soon "\"request_seq\": $1,.*\"success\": true"; }
dap()
{
	said=$(stat -c %s "$W/out")
	dap_send "$@"
	dap_done "$seq"
}
event() { soon "\"event\": \"stopped\".*\"reason\": \"$1\""; }

# The end of both: the guest runs on.
left()
{
	check "$1: no error reply" test "$(grep -cE -- '-> E([0-9.])' "$W/log")" = 0
	check "$1: the guest runs on" kill -0 $vm
}

session_mi()
{
	local name="MI, $1"
	shift
	start "$@" -i=mi || { not_ok "$name: the guest starts"; return; }
	check "$name: mi-async" mi "-gdb-set mi-async on"
	check "$name: symbols" mi "-file-exec-and-symbols $W/smp.elf"
	check "$name: attach" mi "-target-select remote $W/socket" connected
	check "$name: -thread-info" mi -thread-info
	check "$name: continue" mi -exec-continue running
	check "$name: a breakpoint while it runs" mi "-break-insert -f loop"
	check "$name: is hit" stopped breakpoint-hit
	check "$name: the stack" mi "-stack-list-frames 0 100"
	check "$name: a step off it" mi -exec-next-instruction running
	check "$name: ends" stopped end-stepping-range
	check "$name: remove it" mi "-break-delete 1"
	check "$name: continue again" mi -exec-continue running
	check "$name: memory while it runs" mi "-data-read-memory-bytes &turns 8"
	check "$name: one that is not hit" mi "-break-insert -f quit"
	check "$name: removed while it runs" mi "-break-delete 2"
	check "$name: pause" mi -exec-interrupt
	check "$name: stops" stopped signal-received
	check "$name: continue once more" mi -exec-continue running
	check "$name: detach while it runs" mi -target-detach
	mi -gdb-exit exit
	left "$name"
}

line() { grep -n "$1" "$here/guest/smp.S" | head -n 1 | cut -d: -f1; }
lines() { echo "{\"source\":{\"path\":\"$here/guest/smp.S\"},\"breakpoints\":[${1:+{\"line\":$1\}}]}"; }

session_dap()
{
	local name="DAP, $1" attach
	shift
	start "$@" -i=dap || { not_ok "$name: the guest starts"; return; }
	check "$name: initialize" dap initialize '{"adapterID":"test"}'
	dap_send attach "{\"program\":\"$W/smp.elf\",\"target\":\"$W/socket\"}"
	attach=$seq
	check "$name: configurationDone" dap configurationDone '{}'
	said=0
	check "$name: attach" dap_done $attach
	check "$name: stands" event attach
	check "$name: threads" dap threads '{}'
	check "$name: continue" dap continue '{"threadId":1}'
	check "$name: a breakpoint while it runs" dap setBreakpoints "$(lines "$(line 'incq.*turns')")"
	check "$name: is set" soon '"verified": true'
	check "$name: is hit" event breakpoint
	check "$name: stackTrace" dap stackTrace '{"threadId":1}'
	check "$name: remove it" dap setBreakpoints "$(lines)"
	check "$name: continue again" dap continue '{"threadId":1}'
	check "$name: one that is not hit" dap setBreakpoints "$(lines "$(line '^4:.hlt')")"
	check "$name: is set, too" soon '"verified": true'
	check "$name: removed while it runs" dap setBreakpoints "$(lines)"
	check "$name: pause" dap pause '{"threadId":1}'
	check "$name: stops" event pause
	check "$name: next" dap next '{"threadId":1,"granularity":"instruction"}'
	check "$name: ends" event step
	check "$name: continue once more" dap continue '{"threadId":1}'
	check "$name: disconnect while it runs" dap disconnect '{"terminateDebuggee":false}'
	left "$name"
}

[ -z "${EMULATOR:-}" ] || bail "this build does not run here by itself"
[ -x "$LKVM" ] || bail "no lkvm: run make"
[ "$(uname -m)" = x86_64 ] || bail "the guest is for x86_64"
[ -w /dev/kvm ] || bail "no /dev/kvm that may be used"
gcc -g -I"$here/.." -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
	-Wl,-T,"$here/guest/guest.ld" -o "$W/smp.elf" "$here/guest/smp.S" || bail "gcc cannot make the guest"

for gdb in "$(command -v gdb-multiarch || command -v gdb)" "$CACHE"/gdb-{16,new}/gdb; do
	[ -x "$gdb" ] || continue
	version=$("$gdb" --version | sed -n '1s/.* \([0-9]*\.[0-9]*\).*/\1/p')
	session_mi "$version" "$gdb"
	[ "${version%%.*}" -lt 14 ] || session_dap "$version" "$gdb"
done
[ $n -gt 0 ] || bail "no gdb"
echo "1..$n"
exit $bad
