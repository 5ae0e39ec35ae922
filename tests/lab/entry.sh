# shellcheck shell=bash
# entry.sh - sourced after lib.sh: kernel entries under page-table isolation, boot code, a user's
# addresses: gdb/entry.py with a Linux guest of its own.
#
#   entry_job WORDS     the line of the job for that guest; WORDS turn the isolation on
#   entry_session N [SECONDS]   the part of gdb, which may take SECONDS (300), with the Nth guest that
#                       listens, until the guest runs on
#   entry_restart       gdb resets that machine, as an IDE does, and kills it

entry_job()
{
	echo "lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 256 -c 2 --gdb tcp:0.0.0.0:1234 --gdb-wait" \
		"-p 'console=ttyS0 $FEW_WORDS $1' </dev/null; echo \"lab: entry status \$?\""
}

entry_session()
{
	local ticks
	lab_wait 90 'gdb: listening' "$1" || lab_die "lkvm does not listen"
	ticks=$(lab_count 'guest: tick')
	gdb_script "${2:-300}" entry
	check "the guest lives on" lab_wait 90 'guest: tick' $((ticks + 3))
}

entry_restart()
{
	LAB_CPUS=2 gdb_script 200 restart
	check "gdb's kill ends lkvm with status 0" lab_wait 60 'lab: entry status 0$'
}
