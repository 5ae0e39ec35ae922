# shellcheck shell=bash
# tutorial.sh - sourced: runs the sessions of docs/tutorial.md, and looks for what it shows.
#
# In the tutorial a comment in front of a block says what the block is; blocks of the same name are one:
#   <!-- run NAME -->       shell commands; those with lkvm become the lines of the job in L1
#   <!-- console NAME -->   lines of the guest's console, in this order
#   <!-- gdb NAME -->       a session with gdb: its commands, and what gdb answers
#   <!-- diff NAME -->      a change for patch(1)
# What a block shows is a pattern: a number with 0x is any such number, one of two digits and more is any
# decimal number, `...` is any text, a line `...` is any lines, and blanks are as many as there are.
# A command that shows nothing may answer anything, but no error.
#
#   tutorial_block KIND NAME      print a block
#   tutorial_files ARCH           what the reader makes there goes to /tutorial in L1
#   tutorial_job NAME...          print the job: the lkvm commands of these blocks
#   tutorial_gdb SECONDS NAME     run a session; LAB_SHOW=yes shows what gdb printed
#   tutorial_console SECONDS NAME [AFTER]   wait for the lines of a console, behind a line AFTER

# shellcheck source=tests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
DOC=$LAB/../../docs

tutorial_block()
{
	local text
	text=$(awk -v tag="<!-- $1 $2 -->" '$0 == tag { on = 1; next }
		on && /^```/ { if (inside) on = 0; inside = on; next }
		inside' "$DOC/tutorial.md")
	[ -n "$text" ] || lab_die "docs/tutorial.md has no block '$1 $2'"
	printf '%s\n' "$text"
}

# The module, by Debian's kernel headers, in $W/$1; the guest's program beside it.
build_module()
{
	local headers=$CACHE/headers-arm64
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$headers/build" M="$W/$1" ARCH=arm64 CROSS_COMPILE="$(cross arm64 '')" \
		CC="$(cross arm64 gcc)" modules >"$W/module.log" 2>&1 ||
		lab_die "cannot build the module: $(tail -n 3 "$W/module.log")"
}

# initrd DIR FILE: the guest's initial RAM disk, as the tutorial packs it
initrd()
{
	local root=$W/root
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev"
	cp "$CACHE/lab-arm64/busybox" "$1/reader" "$root/bin/"
	cp "$1/tally.ko" "$root/"
	install -m 755 "$DOC/tutorial/init" "$root/init"
	pack "$root" "$root.cpio"
	gzip -1 <"$root.cpio" >"$2"
}

tutorial_files()
{
	mkdir -p "$W/l1/tutorial" "$W/mine"
	if [ "$1" = amd64 ]; then
		cp "$CACHE/lab-amd64/vmlinuz" "$W/l1/tutorial/bzImage"
		return
	fi
	"$LAB/fetch" headers-arm64 || lab_die "no kernel headers for arm64"
	cp "$DOC"/tutorial/* "$W/mine/"
	build_module mine
	"$(cross arm64 gcc)" -g -O1 -static -no-pie -o "$W/mine/reader" "$W/mine/reader.c" ||
		lab_die "cannot build reader.c"
	cp "$CACHE/lab-arm64/vmlinuz" "$W/l1/tutorial/Image"
	initrd "$W/mine" "$W/l1/tutorial/initrd.gz"
	cp -r "$W/mine" "$W/fixed"
	tutorial_block diff fix | patch -s -d "$W/fixed" || lab_die "the tutorial's change does not fit"
	build_module fixed
	initrd "$W/fixed" "$W/l1/tutorial/fixed.gz"
}

# In L1 gdb comes from outside, and nobody types.
tutorial_job()
{
	local name
	echo "cd /tutorial"
	for name; do
		tutorial_block run "$name" | sed -n '/^\$ lkvm run/,/[^\\]$/{s/^\$ //; s/--gdb 1234/--gdb tcp:0.0.0.0:1234/; s/[^\\]$/& <\/dev\/null/; p}'
		echo "echo \"lab: $name status \$?\""
	done
}

# gdb runs the session as a script, so that what it prints is what a reader sees; it ends at an error.
tutorial_gdb()
{
	say GDB "$2"
	tutorial_block gdb "$2" >"$W/$2.session"
	sed -n 's/^(gdb) //p' "$W/$2.session" | while IFS= read -r command; do
		printf 'echo \\n@@ %s\\n\n' "$command"
		case $command in
		"target remote"*) echo "python attach()" ;; # at the port that the lab has taken
		*) printf '%s\n' "$command" ;;
		esac
	done >"$W/$2.gdb"
	(cd "$W/mine" && lab_gdb "$1" \
		-ex "python import sys; sys.path.insert(0, '$LAB/gdb'); from lab import attach" \
		-x "$W/$2.gdb") >"$W/$2.printed" 2>&1 || not_ok "$2: gdb ends with status $?"
	[ -z "${LAB_SHOW:-}" ] || cat "$W/$2.printed" >&2
	LAB_SESSION=$W/$2.session LAB_PRINTED=$W/$2.printed gdb_script 60 tutorial
}

# pattern: lines of the tutorial as regular expressions of grep -E
pattern()
{
	sed -E 's/[][\\.*^$+?(){}|]/\\&/g; s/0x[0-9a-f]+/0x[0-9a-f]+/g; s/[0-9]{2,}/[0-9]+/g
		s/(\\\.){3}/.*/g'
}

# console_has PATTERN AFTER SECONDS
console_has()
{
	patience_start "$3" "$EMU_PID"
	until tr -d '\r' <"$LOG" | sed -E "0,/$2/d" | grep -qE -- "$1"; do
		patience_left || return 1
		nap 0.3
	done
}

tutorial_console()
{
	local line
	while IFS= read -r line; do
		[ "$line" = ... ] || check "$2: the console says: $line" \
			console_has "$(printf '%s\n' "$line" | pattern)" "${3:-lab: L1 up}" "$1"
	done < <(tutorial_block console "$2")
}
