#!/bin/bash
# test-options.sh - `lkvm help run`, the man page and the README speak of the same options. TAP.
set -u
src=$(cd "$(dirname "$0")/.." && pwd)
lkvm=${LKVM:-$src/lkvm}
if [ ! -x "$lkvm" ]; then
	echo "1..0 # SKIP no $lkvm: it is not built"
	exit 0
fi
if [ -n "${EMULATOR:-}" ]; then lkvm="$EMULATOR $lkvm"; fi

# The long options of a text, one per line.
options() { grep -oE -- '--[a-z][a-z-]*' | sort -u; }

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
same "the README has the options of lkvm help run" "$help" "$readme"
same "the man page has the short options" "$short" \
	"$(sed -n 's/^\.B *\\-\([a-zA-Z]\) .*/-\1/p' "$src/docs/lkvm-run.1" | sort -u)"
same "lkvm run --help says the same as lkvm help run" "$($lkvm help run)" "$($lkvm run --help)"
echo "1..$n"
exit $bad
