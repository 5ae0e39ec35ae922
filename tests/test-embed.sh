#!/bin/bash
# test-embed.sh - the installed library: its layout, its headers without GLib, and the VMM of
# docs/embedding.md, linked with it, under gdb. TAP.
# timeout: 200
set -u

here=$(cd "$(dirname "$0")" && pwd)
LKVM=${LKVM:-$here/../lkvm}
TOP=$(cd "$(dirname "$LKVM")" && pwd)
GDB=$(command -v gdb-multiarch || command -v gdb)
W=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2>/dev/null; rm -rf "$W"' EXIT
trap 'exit 130' INT TERM HUP

n=0 bad=0
check()
{
	local name=$1
	shift
	if "$@" >"$W/log" 2>&1; then
		echo "ok $((++n)) $name"
	else
		echo "not ok $((++n)) $name"
		tail -n 30 "$W/log" | sed 's/^/# /'
		bad=1
	fi
}
skip() { echo "ok $((++n)) $1 # SKIP $2"; }
bail() { echo "1..0 # SKIP $1"; exit 0; }
finish() { echo "1..$n"; exit $bad; }

# A build for another machine, or with sanitizers that want to be loaded first.
[ -z "${EMULATOR:-}" ] || bail "this build does not run here by itself"
! grep -q '^SANITIZE := .' "$TOP/config.mak" || bail "a build with sanitizers cannot be preloaded"
unset MAKEFLAGS MFLAGS MAKELEVEL
check "make install" make --no-print-directory -C "$TOP" install "DESTDIR=$W/root"
prefix=$W/root$(sed -n 's/^PREFIX := //p' "$TOP/config.mak")
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$W/root
for f in bin/vmgdb bin/lkvm lib/libvmgdb.a lib/libvmgdb.so lib/libvmgdb.so.0 \
	lib/vmgdb/libvmgdb-preload.so include/vmgdb/kvm/kvm-gdb.h include/vmgdb/gdbstub/gdbstub.h \
	share/man/man1/vmgdb.1 share/man/man1/lkvm-run.1 share/man/man7/vmgdb.7; do
	check "installed: $f" test -e "$prefix/$f"
done
check "the installed vmgdb finds its plugin" "$prefix/bin/vmgdb" run --gdb 0 -- true

exports()
{
	nm -D --defined-only "$prefix/lib/libvmgdb.so" | awk '$2 != "A" { print $3 }' >"$W/exported"
	! grep -vE '^(kvm_gdb_|gdb_(server|reg|log)_|gdb_error_quark|gdb_break_code_hit).*@@VMGDB_0$' "$W/exported" &&
		grep -q '^kvm_gdb_run@@VMGDB_0' "$W/exported"
}
check "libvmgdb.so exports the public functions only, with a version" exports
declared()
{
	local f missing=
	for f in $(sed 's|^ \*.*||; /^static inline/d; /G_DEFINE_AUTOPTR/d' "$prefix"/include/vmgdb/*/*.h |
		grep -oE '^[A-Za-z].*\b(kvm_)?gdb_[a-z_]+\(' | grep -oE '[a-z_]+\($' | tr -d '(' | sort -u); do
		grep -q "^$f@@" "$W/exported" || missing="$missing $f"
		echo "$f" >>"$W/declared"
	done
	[ -z "$missing" ] || { echo "not exported:$missing"; return 1; }
	grep -qx kvm_gdb_run "$W/declared" && grep -qx gdb_server_listen "$W/declared"
}
check "every function of the installed headers is exported" declared

echo '#include <kvm/kvm-gdb.h>' >"$W/h.c"
for c in "gcc -std=c11" "gcc -std=gnu17 -pedantic" "g++ -xc++"; do
	command -v "${c%% *}" >/dev/null || continue
	# shellcheck disable=SC2086
	check "kvm-gdb.h by itself, without GLib: $c" $c -Wall -Wextra -Werror -fsyntax-only \
		"-I$prefix/include/vmgdb" "$W/h.c"
done
cat >"$W/h.cc" <<'END'
#include <gdbstub/gdbstub.h>
#include <gdbstub/log.h>
#include <gdbstub/regs.h>
#include <gdbstub/target.h>
#include <kvm/kvm-gdb.h>

int main()
{
	KvmGdbThread *thread = kvm_gdb_thread_new(nullptr);
	static const GdbArchitecture architecture = {"i386", nullptr, 4, nullptr};
	GdbRegSet *set = gdb_reg_set_new(&architecture, 0, 0);

	kvm_gdb_thread_free(thread);
	gdb_reg_set_free(set);
	return !thread || !set;
}
END
in_cxx()
{
	# shellcheck disable=SC2046
	g++ -Wall -Wextra -Werror -o "$W/cxx" "$W/h.cc" "-I$prefix/include/vmgdb" "-L$prefix/lib" \
		"-Wl,-rpath,$prefix/lib" -lvmgdb $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --cflags --libs \
		gio-2.0) && "$W/cxx"
}
if command -v g++ >/dev/null; then
	check "a C++ program with all headers runs" in_cxx
else
	skip "a C++ program with all headers runs" "no g++"
fi
if [ "$(uname -m)" != x86_64 ]; then
	skip "minivmm" "its guest is for x86_64"
	finish
fi
check "minivmm.c is under 200 lines" test "$(wc -l <"$here/embed/minivmm.c")" -lt 200
# No flag of GLib's: the include path of the header is all that it needs.
check "minivmm.c with the shared library" gcc -Wall -Wextra -Werror -o "$W/shared" \
	"$here/embed/minivmm.c" "-I$prefix/include/vmgdb" "-L$prefix/lib" "-Wl,-rpath,$prefix/lib" -lvmgdb
with_pkg_config()
{
	# shellcheck disable=SC2046
	gcc -Wall -Werror -o "$W/pc" "$here/embed/minivmm.c" $(pkg-config --cflags --libs vmgdb)
}
check "minivmm.c by pkg-config" with_pkg_config
# A folder without the shared library, as of a static-only installation.
with_archive()
{
	mkdir "$W/archive" && cp "$prefix/lib/libvmgdb.a" "$W/archive/" || return
	# shellcheck disable=SC2046
	gcc -o "$W/static" "$here/embed/minivmm.c" "-L$W/archive" $(PKG_CONFIG_SYSROOT_DIR='' \
		pkg-config "--define-variable=prefix=$prefix" --static --cflags --libs vmgdb) &&
		! ldd "$W/static" | grep vmgdb
}
check "minivmm.c with the archive, by pkg-config --static" with_archive
# shellcheck disable=SC2046
check "bench-hook.c" gcc -O2 -Wall -Wextra -Werror -o "$W/bench" "$here/embed/bench-hook.c" \
	"-I$prefix/include/vmgdb" "-L$prefix/lib" "-Wl,-rpath,$prefix/lib" -lvmgdb

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ] || [ -z "$GDB" ]; then
	skip "minivmm under gdb" "no usable /dev/kvm, or no gdb"
	finish
fi

# session PROGRAM COMMAND...: one gdb session with `PROGRAM 0 wait`, to the end of both
session()
{
	local address='' args=() prog=$1 c
	shift
	for c; do args+=(-ex "$c"); done
	: >"$W/out"
	timeout 60 "$prog" 0 wait >"$W/out" 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 100); do
		address=$(sed -n 's/^gdb: listening on //p' "$W/out")
		[ -z "$address" ] || break
		sleep 0.1
	done
	timeout 50 "$GDB" -nx -batch -iex 'set debuginfod enabled off' -ex "target remote $address" \
		"${args[@]}" </dev/null >"$W/gdb" 2>&1
	wait "$pid"
	c=$?
	pid=
	cat "$W/out" "$W/gdb"
	return "$c"
}
for kind in shared static; do
	# shellcheck disable=SC2016 # gdb's $
	check "minivmm ($kind) runs and ends under gdb" session "$W/$kind" 'p/x $pc' stepi \
		'p *(long *)0x9000' 'set *(int *)0x9008 = 1' continue
	check "minivmm ($kind): waits before its first instruction" grep -q '^\$1 = 0x6000' "$W/gdb"
	check "minivmm ($kind): steps it" grep -q '^\$2 = 1$' "$W/gdb"
	check "minivmm ($kind): gdb sees it end" grep -q 'exited normally' "$W/gdb"
done
check "bench-hook runs" "$W/bench" hook 3
# Time depends on what else runs here; the number of instructions does not.
check "the run hook is at most 50 instructions more than ioctl()" "$W/bench" hook count 50
check "the plugin is at most 150 instructions more than ioctl()" \
	"$prefix/bin/vmgdb" run --gdb 0 -- "$W/bench" shim count 150
finish
