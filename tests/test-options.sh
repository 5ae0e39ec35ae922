#!/bin/bash
# test-options.sh - `lkvm help run` and the man page speak of the same options, and the README of no
# others; `vmgdb help` and its page have the same options and commands. TAP.
set -u
src=$(cd "$(dirname "$0")/.." && pwd)
lkvm=${LKVM:-$src/lkvm}
if [ ! -x "$lkvm" ]; then
	echo "1..0 # SKIP no $lkvm: it is not built"
	exit 0
fi
vmgdb=${lkvm%/*}/vmgdb
if [ -n "${EMULATOR:-}" ]; then lkvm="$EMULATOR $lkvm" vmgdb="$EMULATOR $vmgdb"; fi

# The long options of a text, one per line.
options() { grep -oE -- '--[a-z0-9][a-z0-9-]*' | sort -u; }

help=$($lkvm help run | options)
man=$(sed 's/\\-/-/g; s/\\f[BIRP]//g' "$src/docs/lkvm-run.1" | options)
readme=$(sed -n '/^## Options/,/^## /p' "$src/README.md" | options)
short=$($lkvm help run | grep -oE '^ +-[a-zA-Z],' | tr -d ' ,' | sort -u)

n=0 bad=0
# same NAME A B
same()
{
	local diff
	n=$((n + 1))
	if diff=$(diff <(echo "$2") <(echo "$3")) && [ -n "$2" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		echo "# ${diff//$'\n'/$'\n# '}"
		bad=1
	fi
}
same "the man page has the options of lkvm help run" "$help" "$man"
same "each option in the README is one of lkvm help run" "$readme" \
	"$(comm -12 <(echo "$readme") <(echo "$help"))"
same "the man page has the short options" "$short" \
	"$(sed -n 's/^\.B *\\-\([a-zA-Z]\) .*/-\1/p' "$src/docs/lkvm-run.1" | sort -u)"
same "lkvm run --help says the same as lkvm help run" "$($lkvm help run)" "$($lkvm run --help)"
if [ -x "${vmgdb##* }" ]; then
	page=$(sed 's/\\-/-/g; s/\\f[BIRP]//g' "$src/docs/vmgdb.1")
	# The page has also what is understood and not worth a line in the help.
	same "vmgdb(1) has the options of vmgdb help" "$($vmgdb help | options)" \
		"$(echo "$page" | options | grep -vxE -- '--help|--version')"
	same "vmgdb(1) has the commands of vmgdb help" \
		"$($vmgdb help | sed -n 's/^  \([a-z][a-z]*\)   *[a-z].*/\1/p' | sort)" \
		"$(echo "$page" | sed -n '/^.SH COMMANDS/,/^.SH LIMITS/s/^.B \([a-z]*\)$/\1/p' | sort)"
	for word in --help -h; do
		same "vmgdb $word is vmgdb help" "$($vmgdb help)" "$($vmgdb $word)"
	done
	same "vmgdb --version is vmgdb version" "$($vmgdb version)" "$($vmgdb --version)"
fi
echo "1..$n"
exit $bad
