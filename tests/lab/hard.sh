# shellcheck shell=bash
# hard.sh - sourced: a debugger beside the programs of hard.c, in one Linux guest. Two NAMEs are guests
# of their own:
#   late    (arm64) code that is filled in after the breakpoint is set: tests/guest/arm/late.S
#   timer   a breakpoint that is ignored very often in the timer interrupt, with one CPU
#
#   hard_job BENCH BREAK NAME...   BREAK: which breakpoints this bench has: yes, hbreak, no.
#                                  LAB_HARD="NAME..." runs these instead

# shellcheck source=tests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
LAB_WORDS=

# hard_lkvm CPUS: the line of the job for a Linux guest
hard_lkvm()
{
	echo "lkvm run -k /boot/vmlinuz -i /boot/l2.cpio -m 256 -c $1 --gdb tcp:0.0.0.0:1234" \
		"-p 'console=ttyS0 nokaslr $FEW_WORDS $LAB_WORDS' </dev/null; echo \"lab: guest $1 status \$?\""
}

build_late()
{
	"$(cross arm64 gcc)" -I"$LAB/../.." -nostdlib -static -no-pie -Wl,--no-warn-rwx-segments \
		-Wl,--build-id=none,-T,"$LAB/../guest/arm/guest.ld" -o "$W/late.elf" \
		"$LAB/../guest/arm/late.S" || lab_die "cannot build tests/guest/arm/late.S"
	"$(cross arm64 objcopy)" -O binary "$W/late.elf" "$W/late" || lab_die "objcopy does not work"
	lab_add "$W/late" boot/late
	echo "lkvm run -k /boot/late -m 64 -c 1 --gdb tcp:0.0.0.0:1234 --gdb-wait </dev/null"
}

hard_job()
{
	local bench=$1 name linux='' own=''
	export LAB_BREAK=$2 LAB_CPUS LAB_COMMAND=42 LAB_HARD_ORDER=$HARD LAB_HARD_FILE LAB_HARD
	export LAB_HARD_TRACER
	shift 2
	for name in ${LAB_HARD:-$*}; do
		case $name in late | timer) own="$own $name" ;; *) linux="$linux $name" ;; esac
	done
	[ "$bench" != bochs ] || LAB_WORDS=$BOCHS_WORDS
	lab_open
	LAB_HARD_FILE=$W/hard LAB_HARD_TRACER=$W/tracer
	{
		[ -z "$linux" ] || hard_lkvm 2
		for name in $own; do
			case $name in late) build_late ;; timer) hard_lkvm 1 ;; esac
		done
	} >"$W/job"
	lab_boot "$bench" "$W/job" 2
	if [ -n "$linux" ]; then
		one_guest 2
		for LAB_HARD in $linux; do
			gdb_script 1500 hard
			! grep -qF 'RuntimeError(' "$W/results" || lab_die "the guest does not get on"
		done
		leave 2
	fi
	for name in $own; do
		case $name in
		late)
			next_listens late
			VMLINUX=$W/late.elf gdb_script 200 late
			;;
		timer)
			one_guest 1
			gdb_script 400 timer
			leave 1
			;;
		esac
	done
	finish
}

one_guest()
{
	LAB_CPUS=$1
	shells=0 # with so many CPUs
	next_listens "$1 CPUs"
	next_shell "$1 CPUs"
}

leave()
{
	gdb_script 60 leave
	check "$1 CPUs: lkvm ends with status 0" lab_wait 90 "lab: guest $1 status 0\$"
}
