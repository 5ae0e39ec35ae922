#!/bin/bash
# check-plugin-arm64.sh - Debian's qemu-system-aarch64, unmodified, under `vmgdb run` on arm64: the main
# job, breakpoints over a reboot, and a VMM that is killed while gdb holds its guest. With LAB_SLOW=yes also
# attaching late, a reset by QEMU's monitor, and an end by SIGTERM, which check-plugin has on x86.
# timeout: 1200
# shellcheck source=tests/lab/main-job.sh
. "$(dirname "$0")/main-job.sh"

lab_open
add_plugin arm64
cat >"$W/job" <<END
. /qemu.sh
guest vmm "vmgdb run \$gdb --gdb-wait --"
${LAB_SLOW:+reset_by_vmm}
${LAB_SLOW:+ended_by TERM}
ended_by KILL
END
lab_boot arm64 "$W/job" 2
export LAB_RESET=guest
main_session arm64 2 yes

if [ -n "${LAB_SLOW:-}" ]; then
	next_listens late
	next_shell late
	gdb_script 120 look
	LAB_RESET=vmm gdb_script 240 reboot
	next_shell "late, reset by the vmm"
	LAB_COMMAND=42 gdb_script 60 leave
	check "late: QEMU ends with status 0" lab_wait 60 'lab: reset status 0$'
else
	skip "late, reset by the vmm" "it takes a minute: LAB_SLOW=yes runs it"
fi

for signal in ${LAB_SLOW:+TERM} KILL; do
	next_listens "$signal"
	next_shell "$signal"
	LAB_COMMAND=$signal gdb_script 90 gone
done
if [ -n "${LAB_SLOW:-}" ]; then
	check "QEMU ends by SIGTERM as ever, also while gdb holds its guest" \
		lab_wait 1 'lab: TERM status 0$'
else
	skip "QEMU ends by SIGTERM" "check-plugin does it on x86; LAB_SLOW=yes runs it here, too"
fi
finish
