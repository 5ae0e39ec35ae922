#!/bin/bash
# test-plugin.sh - `vmgdb run` on the KVM of this machine: programs without a machine, strange VMMs
# (tests/embed/stranger.c), lkvm and Debian's QEMU. TAP.
# timeout: 200
set -u

here=$(cd "$(dirname "$0")" && pwd)
LKVM=${LKVM:-$here/../lkvm}
TOP=$(cd "$(dirname "$LKVM")" && pwd)
GDB=$(command -v gdb-multiarch || command -v gdb)
W=$(mktemp -d)
pid=
trap 'stop; rm -rf "$W"' EXIT
trap 'exit 130' INT TERM HUP
cd "$W" || exit 1

stop()
{
	[ -n "$pid" ] || return 0
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	pid=
}

n=0 bad=0
ok() { echo "ok $((++n)) $1"; }
not_ok()
{
	echo "not ok $((++n)) $1"
	head -c 2000 "$W/out" "$W/gdb" 2>/dev/null | sed 's/^/# /'
	bad=1
}
check()
{
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}
skip() { echo "ok $((++n)) $1 # SKIP $2"; }
bail() { echo "1..0 # SKIP $1"; exit 0; }

says() { grep -qF -- "$1" "$W/out"; }
sane() { ! grep -E -A30 'ERROR: AddressSanitizer|runtime error' "$W/out" >&2; }
silent() { ! grep -q vmgdb "$W/out"; }

# run STATUS COMMAND...: to its end; what it says is in W/out
run()
{
	local want=$1 status
	shift
	: >"$W/gdb"
	timeout 20 "$@" >"$W/out" 2>&1 </dev/null
	status=$?
	[ $status = "$want" ] || echo "(status $status, expected $want: $*)" >>"$W/out"
	[ $status = "$want" ]
}

# What the strange VMM counted; how often its own kicks met a vCPU is chance.
saw() { sed -n 's/ eintrs .* debugs/ debugs/p' "$W/out"; }

# start COMMAND...: in the background until `stop`; sets address when it listens
start()
{
	stop
	: >"$W/out"
	"$TOP/vmgdb" run --gdb 0 "$@" >"$W/out" 2>&1 </dev/null &
	pid=$!
	address=
	for _ in $(seq 100); do
		address=$(sed -n 's/^gdb: listening on //p' "$W/out" | head -n 1)
		[ -n "$address" ] && return 0
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# with_gdb COMMAND...: one session
with_gdb()
{
	local args=()
	for c; do args+=(-ex "$c"); done
	timeout 30 "$GDB" -nx -batch -iex 'set debuginfod enabled off' -ex 'set pagination off' \
		-ex 'set confirm off' -ex 'set architecture i386:x86-64' \
		-ex "target remote $address" "${args[@]}" >"$W/gdb" 2>&1 </dev/null
}
answered() { grep -qE -- "$1" "$W/gdb"; }

# ends STATUS: the started program does, within ten seconds
ends()
{
	local status
	for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
	kill -0 "$pid" 2>/dev/null && return 1
	wait "$pid"
	status=$?
	pid=
	[ $status = "$1" ]
}

[ -z "${EMULATOR:-}" ] || bail "this build does not run here by itself"
sanitize=$(sed -n 's/^SANITIZE := //p' "$TOP/config.mak")
case $sanitize in
'') ;;
# It wants to be the first object, which the plugin is. What the plugin keeps for the VMM's threads
# is never freed.
address) export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 ;;
*) bail "the $sanitize sanitizer cannot be preloaded" ;;
esac
[[ -x $TOP/vmgdb && -e $TOP/build/libvmgdb-preload.so ]] || bail "no vmgdb: run make"
[ "$(uname -m)" = x86_64 ] || bail "the strange VMM is for x86_64"
vmgdb=$TOP/vmgdb
gcc -O1 ${sanitize:+"-fsanitize=$sanitize"} -o stranger "$here/embed/stranger.c" -pthread || { echo "Bail out! stranger.c"; exit 1; }
gcc -O1 -static -o static "$here/embed/stranger.c" -pthread || { echo "Bail out! static"; exit 1; }

# ---- Without a machine ----

check "help" run 0 "$vmgdb" help
check "version" run 0 "$vmgdb" version
check "no command is a usage error" run 2 "$vmgdb"
check "run without --gdb is a usage error" run 2 "$vmgdb" run -- true
check "an unknown option is a usage error" run 2 "$vmgdb" run --gdb 0 --nonsense -- true
check "a wrong address is a usage error" run 2 "$vmgdb" run --gdb nowhere -- true
check "which names it" says "'nowhere'"
check "a wrong clock is a usage error" run 2 "$vmgdb" run --gdb 0 --gdb-clock=fast -- true
check "which names it" says "--gdb-clock fast: expected stop or run"
check "a log that cannot be written" run 2 "$vmgdb" run --gdb 0 --gdb-log /nonexistent/log -- true
check "which names it" says "/nonexistent/log: No such file"
check "a vmlinux that is none" run 2 "$vmgdb" run --gdb 0 --gdb-vmlinux "$here/test-plugin.sh" -- true
check "which names it" says "not an ELF file"
check "an empty vmlinux is for none" run 0 "$vmgdb" run --gdb 0 --gdb-vmlinux= -- ./stranger none
check "an option without its value" run 2 "$vmgdb" run --gdb
check "a value for an option that has none" run 2 "$vmgdb" run --gdb 0 --gdb-wait=1 -- true
[ -n "$sanitize" ] || {
	# shellcheck disable=SC2016 # the shell that vmgdb runs expands it
	check "options reach the plugin" run 0 env VMGDB_CLOCK=run VMGDB_LOG=/old "$vmgdb" run \
		--gdb=0 --gdb-log=log --gdb-wait --gdb-symbols -- \
		sh -c 'echo "$VMGDB_LOG,$VMGDB_WAIT,$VMGDB_CLOCK,$VMGDB_SYMBOLS"'
	check "files by their absolute path, and none of an older run" grep -qx "$W/log,1,,1" "$W/out"
}
for option in --qmp --monitor; do
	check "$option at stdio is a usage error" run 2 "$vmgdb" run $option stdio -- true
	check "which says what is expected" says "stdio: expected unix:PATH or [HOST:]PORT"
	check "$option has no ,remote" run 2 "$vmgdb" run $option 0,remote -- true
	check "$option without --gdb is enough" run 0 "$vmgdb" run $option 0 -- ./stranger none
done
[ -n "$sanitize" ] || {
	# shellcheck disable=SC2016 # the shell that vmgdb runs expands it
	check "a relative path stays right in another folder" run 0 "$vmgdb" run --qmp unix:q -- \
		sh -c 'cd / && echo "qmp $VMGDB_QMP"'
	check "it is absolute" says "qmp unix:$W/q"
}
check "the VMM's own stdio cannot be taken" run 2 "$vmgdb" run --gdb stdio -- true
check "a missing program is status 127" run 127 "$vmgdb" run --gdb 0 -- ./missing
check "attach says why not" run 1 "$vmgdb" attach 1
check "a program that makes no machine runs" run 0 "$vmgdb" run --gdb 0 -- ./stranger none
check "and is told of at its end" says "never made a KVM virtual machine"
check "its own output is whole" says "stranger: no machine"
# A program without the sanitizer does not bear one that comes with the plugin.
[ -n "$sanitize" ] || check "its status is kept" run 3 "$vmgdb" run --gdb 0 -- sh -c 'exit 3'
check "a static program runs" run 0 "$vmgdb" run --gdb 0 -- ./static none
check "with a word about it" says "is statically linked"

# ---- Strange VMMs, nobody attached ----

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	skip "everything with a machine" "no usable /dev/kvm"
	echo "1..$n"
	exit $bad
fi
for mode in plain scratch dup reuse slots mask kick halt thread debugger tries fork; do
	run 0 ./stranger $mode 300
	did=$(saw)
	check "$mode: the VMM ends as without the plugin" run 0 "$vmgdb" run --gdb 0 -- ./stranger $mode 300
	check "$mode: it sees the same" test "$(saw)" = "$did"
	check "$mode: it listened" says "gdb: listening on 127.0.0.1:"
	check "$mode: no sanitizer complains" sane
done
check "seccomp: the VMM runs on" run 0 "$vmgdb" run --gdb 0 -- ./stranger seccomp 300
check "seccomp: what it forbids is named" says "forbids ppoll"
check "two: the VMM runs on" run 0 "$vmgdb" run --gdb 0 -- ./stranger two 300
check "two: the second is told of" says "another virtual machine of this process is debugged"
check "an address in use: the VMM runs on" run 0 "$vmgdb" run --gdb tcp:192.0.2.1:1 -- ./stranger plain 300
check "and why is said" says "cannot listen on 192.0.2.1"
[ -n "$sanitize" ] || check "several processes of one script" run 0 "$vmgdb" run --gdb "unix:$W/s" -- \
	sh -c './stranger none; ./stranger plain 30; ./stranger plain 30'

# ---- With gdb ----

if [ -z "$GDB" ]; then
	skip "everything with gdb" "no gdb"
	echo "1..$n"
	exit $bad
fi
for mode in plain dup reuse slots mask kick halt thread fork; do
	check "$mode: listens" start -- ./stranger $mode
	with_gdb 'p/x $pc' stepi 'p *(long *)0x9000' 'x/xb 0x9008' detach
	check "$mode: attach late, step, read" answered '^\$2 = [1-9]'
	before=$(sed -n 's/^\$2 = //p' gdb)
	sleep 0.2
	with_gdb 'p *(long *)0x9000' 'set $rax = 77' 'p $rax' 'set *(int *)0x9008 = 1' continue
	check "$mode: it ran on in between" test "$(sed -n 's/^\$1 = //p' gdb)" -gt "${before:-0}"
	check "$mode: attach again, write a register" answered '^\$2 = 77'
	check "$mode: gdb sees it exit" answered 'exited normally'
	check "$mode: the VMM ends by itself" ends 0
	check "$mode: no sanitizer complained" sane
done

check "slots: listens" start -- ./stranger slots
with_gdb 'x/xb 0x100000' 'x/xb 0x104001' 'x/xb 0x108001' 'set *(char *)0x108001 = 7' 'x/xb 0x108001' \
	'p $pc' 'set *(int *)0x9008 = 1' continue
check "slots: nothing is where memory was taken away" answered 'annot access memory at address 0x100000'
check "slots: memory that was moved" answered '^0x104001:.0x5a'
check "slots: memory that the guest cannot write" answered '^0x108001:.0xa5'
check "slots: but gdb can" answered '^0x108001:.0x07'
ends 0

start --gdb-wait -- ./stranger plain
with_gdb 'p/x $pc' 'p *(long *)0x9000' stepi 'p/x $pc' 'stepi 3' 'hbreak *0x6000' continue 'p $pc' kill
check "wait: the first instruction has not run" answered '^\$2 = 0$'
check "wait: one step" answered '^\$3 = 0x6008'
check "kill ends the VMM" ends 143
start -- ./stranger slow
with_gdb 'p $pc' kill
check "a VMM that ends slowly, too" ends 0
check "the guest does nothing after the kill" says "slow ran 0 turns after SIGTERM"

for mode in mask kick; do
	start --gdb-wait -- ./stranger $mode
	with_gdb 'shell sleep 0.5' 'set *(int *)0x9008 = 1' continue
	ends 0
	check "$mode: kicks end the wait of a stopped vCPU and are left for the VMM" \
		test "$(sed -n 's/.*kicks \([0-9]*\).*/\1/p' out)" -ge 5
done

start --gdb-wait -- ./stranger debugger 300
with_gdb stepi stepi detach
ends 0
check "debugger: the VMM's own steps are back when the client has left" grep -qE 'debugs [1-9]' out

start --gdb-wait -- ./stranger tries
with_gdb 'stepi 4' 'set *(int *)0x9008 = 1' continue
ends 0
check "tries: debugging by the VMM is refused while a client is there" grep -qE 'refused [1-9]' out
check "tries: and a line says so" says "the VMM's own debugger is refused"

start --gdb-wait -- ./stranger plain
kill -TERM "$pid"
check "a VMM that waits for gdb ends by SIGTERM" ends 143

start -- ./stranger plain
for _ in 1 2 3 4 5; do
	with_gdb 'p $pc' detach
	answered '^\$1 = ' || break
done
check "five clients, one after the other" answered '^\$1 = '
stop

# A child that goes on by itself keeps copies of all descriptors of its parent.
listens() { (exec 3<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null; }
child_lives() { kill -0 "$(sed -n 's/^stranger: child //p' out)" 2>/dev/null; }
start -- ./stranger child
for _ in $(seq 50); do child_lives && break; sleep 0.1; done
check "child: its parent is listened for" listens
with_gdb 'p $pc' "shell kill -KILL $pid" stepi
check "child: gdb sees that the parent was killed" answered 'closed|reset by peer|exited'
check "child: it lives" child_lives
check "child: and keeps no address in use" eval '! listens'
kill "$(sed -n 's/^stranger: child //p' out)" 2>/dev/null
stop

if [ -n "$sanitize" ]; then
	echo "1..$n"
	exit $bad
fi

# ---- VMMs of others ----

guest=$TOP/build/tests/guest/counter.elf
if [ ! -e "$guest" ]; then
	skip "lkvm and QEMU" "no $guest: run make tests"
	echo "1..$n"
	exit $bad
fi
try_vmm()
{
	local name=$1
	shift
	check "$name: listens" start "$@"
	with_gdb 'p/x $pc' 'info threads' stepi 'p/x $pc' 'p/x *(long *)&other' "file $guest" \
		'p/x *(long *)&other' detach
	check "$name: attach, step, symbols, memory" answered '= 0x1122334455667788'
	with_gdb "file $guest" 'hbreak loop' continue 'p $pc' detach
	check "$name: a hardware breakpoint" answered '<loop>'
	stop
}
# CPU time in ticks, of all threads.
ticks() { cut -d' ' -f14,15 "/proc/$pid/stat"; }
if [ -e "$TOP/build/tests/guest/halt.elf" ]; then
	start -- "$LKVM" run -k "$TOP/build/tests/guest/halt.elf" -m 64
	with_gdb 'p $pc' detach
	sleep 1
	before=$(ticks)
	sleep 3
	check "an idle guest under the plugin uses no CPU time" test "$(ticks)" = "$before"
	stop
fi
words="-m 64 -nodefaults -no-user-config -display none -serial stdio -smp 2"
try_vmm lkvm -- "$LKVM" run -k "$guest" -m 64
if command -v qemu-system-x86_64 >/dev/null; then
	# shellcheck disable=SC2086
	try_vmm "QEMU microvm" -- qemu-system-x86_64 -accel kvm -M microvm $words -kernel "$guest"
	# shellcheck disable=SC2086
	try_vmm "QEMU with its sandbox" -- qemu-system-x86_64 -accel kvm -M microvm $words \
		-kernel "$guest" -sandbox on
	# QEMU's own stub, with the plugin loaded but unused.
	# shellcheck disable=SC2086
	start -- qemu-system-x86_64 -accel kvm -M microvm $words -kernel "$guest" -gdb "unix:$W/own,server=on,wait=off"
	address=$W/own
	with_gdb 'p/x $pc' stepi 'p/x $pc' "file $guest" 'p/x *(long *)&other' detach
	check "QEMU's own stub works beside the plugin" answered '= 0x1122334455667788'
	stop
else
	skip "QEMU" "no qemu-system-x86_64"
fi
echo "1..$n"
exit $bad
