#!/bin/bash
# test-layers.sh - who may include whom, as the README's picture of the layers says. TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0

# forbid NAME REGEX FILES...: no line of FILES matches
forbid()
{
	local name=$1 regex=$2 hits f files=()
	shift 2
	for f; do [ -e "$f" ] && files+=("$f"); done
	n=$((n + 1))
	hits=$(grep -nE "$regex" "${files[@]}" /dev/null)
	if [ -z "$hits" ]; then
		echo "ok $n $name"
	else
		echo "not ok $n $name"
		echo "# ${hits//$'\n'/$'\n# '}"
		bad=1
	fi
}

inc='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
code=({gdbstub,guest,qmp,kvm,hw,hw/dev,plugin,{x86,arm}/{cpu,kvm,hw}}/*.[ch])

# may FOLDER WHAT: besides itself its files include nothing of ours or the kernel's but WHAT, a regular
# expression. libc and GLib everybody may.
# shellcheck disable=SC2086 # the folder's files
may()
{
	local hits
	n=$((n + 1))
	hits=$(grep -nE "$inc(linux/|asm/|libfdt|libelf|gelf|bpf/|sys/ioctl|[a-z0-9]+/[a-z0-9/-]+\.h\")" $1/*.[ch] |
		grep -vE "include[[:space:]]*[<\"]($1/[a-z0-9-]+\.h|$2)[>\"]")
	if [ -z "$hits" ]; then
		echo "ok $n $1/ includes what is below it, and nothing else"
	else
		echo "not ok $n $1/ includes what is below it, and nothing else"
		echo "# ${hits//$'\n'/$'\n# '}"
		bad=1
	fi
}

kernel='linux/kvm\.h|sys/ioctl\.h'
may gdbstub 'none'
may guest 'bpf/btf\.h|linux/btf\.h|libelf\.h|gelf\.h'
may qmp 'gdbstub/(alarm|transport|door)\.h'
may kvm "$kernel|gdbstub/(alarm|target|gdbstub|break-code|monitor|text)\.h|guest/[a-z0-9-]+\.h|qmp/qmp\.h"
may x86/cpu 'gdbstub/(regs|target)\.h'
may arm/cpu 'gdbstub/(regs|target)\.h'
may x86/kvm "$kernel|x86/cpu/[a-z0-9-]+\.h|kvm/(arch|probe|monitor)\.h|guest/vmcore\.h|gdbstub/(regs|target)\.h|xml/resources\.h"
may arm/kvm "$kernel|arm/cpu/[a-z0-9-]+\.h|kvm/(arch|probe|monitor)\.h|guest/vmcore\.h|gdbstub/(regs|target)\.h|xml/resources\.h"
may hw "$kernel|linux/(if_tun|vhost|virtio_config)\.h|kvm/(kvm-gdb|arch)\.h|hw/dev/[a-z0-9-]+\.h|gdbstub/(alarm|transport|door)\.h"
may hw/dev 'hw/(vm|util|gdb)\.h|linux/(serial_reg|pci_regs|virtio_[a-z0-9]+)\.h'
may x86/hw "$kernel|x86/cpu/bits\.h|asm/bootparam\.h|hw/([a-z0-9-]+|dev/[a-z0-9-]+)\.h"
may arm/hw "$kernel|libfdt\.h|hw/([a-z0-9-]+|dev/[a-z0-9-]+)\.h"
may plugin "$kernel|linux/(seccomp|kcmp|filter|audit)\.h|kvm/(kvm-gdb|arch|module-files)\.h|guest/vmlinux\.h|gdbstub/address\.h"
forbid "no #ifdef for an architecture" \
	'^[[:space:]]*#[[:space:]]*(if|ifdef|elif|ifndef).*(__x86_64__|__aarch64__|__i386__|CONFIG_(X86|ARM)|[^A-Z_]ARCH_)' \
	"${code[@]}"
forbid "no #if but include guards, and extern C for C++" \
	'^[[:space:]]*#[[:space:]]*((if|elif|else)([^nd]|$)|ifdef +([^_]|_[^_]|__[^c]))' "${code[@]}"
forbid "an architecture is named in its own folder only" \
	'"(i386|x86|amd64|aarch64|arm64)[^"]*"|\bEM_(X86|AARCH|386|ARM)|"(lstar|VBAR_EL1|SP_EL0)"' \
	{gdbstub,guest,qmp,kvm,plugin,hw,hw/dev}/*.c
forbid "the session knows the families by their hooks only" \
	'gdb_(commands|lldb|symbols|run|qemu|monitor|xfer|mem|regs|query|search)_' \
	gdbstub/{session,reply,server,conn}.c
forbid "public headers name no GLib type: kvm/kvm-gdb.h" "$inc"'(glib|gio)' kvm/kvm-gdb.h

# The list for sandboxes has every request that the code makes. What a VMM asks for, kvm/vmm-ioctl.c only
# hands on.
all_requests_listed()
{
	local arch=$1 name missing=
	shift
	while read -r name; do
		grep -qE "REQUEST\\($name\\)" "$arch/kvm/requests.c" || missing="$missing $name"
	done < <(grep -hoE 'ioctl\([^;"]*\bKVM_[A-Z0-9_]+|\bKVM_(GET|SET)_[A-Z0-9_]+' "$@" |
		grep -oE '\bKVM_[A-Z0-9_]+' | grep -vE '^KVM_(CAP|MP_STATE)_' | sort -u)
	n=$((n + 1))
	if [ -z "$missing" ]; then
		echo "ok $n every request of $arch is in $arch/kvm/requests.c"
	else
		echo "not ok $n every request of $arch is in $arch/kvm/requests.c"
		echo "# missing:$missing"
		bad=1
	fi
}
engine=()
for f in kvm/*.c; do [ "$f" = kvm/vmm-ioctl.c ] || engine+=("$f"); done
for arch in x86 arm; do
	own=()
	for f in "$arch"/kvm/*.c; do
		case $f in */requests.c | */reset.c) ;; *) own+=("$f") ;; esac
	done
	all_requests_listed $arch "${engine[@]}" "${own[@]}"
done
# What has threads runs under the thread sanitizer, too: by itself or by the rig that it uses.
threads='g_thread_new|pthread_create|"(tests/(engine|qmp|linux|fake)-rig|hw/term)\.h"'
untold=$(grep -lE "$threads" tests/test-*.c | grep -vxFf <(make -s list-threaded))
n=$((n + 1))
if [ -z "$untold" ]; then
	echo "ok $n the Makefile knows the tests with threads"
else
	echo "not ok $n the Makefile knows the tests with threads"
	echo "# in THREADED is not:$untold"
	bad=1
fi
echo "1..$n"
exit $bad
