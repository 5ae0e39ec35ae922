#!/bin/bash
# fuzz.sh - run every libFuzzer program for FUZZ_SECONDS (30) altogether. TAP.
# timeout: 600
# New inputs go to the build folder, never to the seed corpus (tests/corpus/NAME).
set -u
src=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$src/../build}
shopt -s nullglob
fuzzers=("$build"/fuzz/fuzz-*)
if [ ${#fuzzers[@]} = 0 ]; then
	echo "1..0 # SKIP no fuzzers: clang is not installed, or no tests/fuzz-*.c"
	exit 0
fi
seconds=$((${FUZZ_SECONDS:-30} / ${#fuzzers[@]}))
echo "1..${#fuzzers[@]}"
n=0 bad=0
for fuzzer in "${fuzzers[@]}"; do
	name=$(basename "$fuzzer")
	n=$((n + 1))
	found=$build/fuzz/corpus/$name
	mkdir -p "$found"
	seeds=()
	for dir in "$src/corpus/$name" "$src/corpus/${name#fuzz-}"; do
		[ -d "$dir" ] && seeds+=("$dir")
	done
	if (cd "$build/fuzz" && "$fuzzer" -max_total_time=$((seconds > 1 ? seconds : 1)) -timeout=10 -rss_limit_mb=1024 \
		-print_final_stats=1 "$found" "${seeds[@]}") >"$found.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found.log")
		echo "ok $n $name survives ${runs:-?} inputs in $seconds s, ${#seeds[@]} seed corpus"
	else
		echo "not ok $n $name; the input is in $build/fuzz"
		tail -n 40 "$found.log" | sed 's/^/# /'
		bad=1
	fi
done
exit $bad
