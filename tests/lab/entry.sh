# shellcheck shell=bash
# entry.sh - sourced after lib.sh: kernel entries under page-table isolation, boot code, a user's
# addresses: gdb/entry.py with a Linux guest of its own.
#
#   entry_job WORDS     the line of the job for that guest; WORDS turn the isolation on
#   entry_session N [SECONDS]   the part of gdb, which may take SECONDS (300), with the Nth guest that
#                       listens, until the guest runs on

entry_job()
{
	echo "lkvm run -k /boot/vmlinuz -i /boot/l2.gz -m 256 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-wait" \
		"-p 'console=ttyS0 $FEW_WORDS $1' </dev/null"
}

entry_session()
{
	local ticks
	lab_wait 90 'gdb: listening' "$1" || lab_die "lkvm does not listen"
	ticks=$(lab_count 'guest: tick')
	gdb_script "${2:-300}" entry
	check "the guest lives on" lab_wait 90 'guest: tick' $((ticks + 3))
}
