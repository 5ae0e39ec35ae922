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
not_boot=()
for f in {x86,arm}/*.[ch]; do
	case $f in */boot* | */acpi* | */hw*) ;; *) not_boot+=("$f") ;; esac
done
code=({gdbstub,kvm,hw,plugin,arm,x86}/*.[ch])

forbid "gdbstub/ knows no KVM, no VMM, no architecture" \
	"$inc(linux/|kvm/|hw/|plugin/|arm/|x86/|tests/|asm/)" gdbstub/*.[ch]
forbid "gdbstub/ includes GLib, libc and itself only" \
	"$inc(sys/ioctl|sys/mman|libfdt)" gdbstub/*.[ch]
forbid "kvm/ knows no VMM, plugin or test" "$inc(hw/|plugin/|tests/)" kvm/*.[ch]
forbid "kvm/ knows the architectures by kvm/arch.h alone" "$inc(arm/|x86/)" kvm/*.[ch]
forbid "hw/ knows the architectures by arch.h headers alone" "$inc(arm/|x86/|plugin/|tests/)" hw/*.[ch]
forbid "plugin/ knows no VMM and no architecture" "$inc(hw/|arm/|x86/|tests/)" plugin/*.[ch]
forbid "one architecture does not know the other: x86" "$inc(arm/|plugin/|tests/)" x86/*.[ch]
forbid "one architecture does not know the other: arm" "$inc(x86/|plugin/|tests/)" arm/*.[ch]
forbid "only boot code of an architecture knows hw/" "$inc"'hw/' \
	"${not_boot[@]}"
forbid "no #ifdef for an architecture" \
	'^[[:space:]]*#[[:space:]]*(if|ifdef|elif|ifndef).*(__x86_64__|__aarch64__|__i386__|CONFIG_(X86|ARM)|[^A-Z_]ARCH_)' \
	"${code[@]}"
forbid "no #if but include guards, and extern C for C++" \
	'^[[:space:]]*#[[:space:]]*((if|elif|else)([^nd]|$)|ifdef +([^_]|_[^_]|__[^c]))' "${code[@]}"
forbid "public headers name no GLib type: kvm/kvm-gdb.h" "$inc"'(glib|gio)' kvm/kvm-gdb.h

# A file that includes a KVM header cannot be tested on the other architecture.
for f in {x86,arm}/{walk,debugreg,insn,segment,exception}.[ch]; do
	[ -e "$f" ] && pure+=("$f")
done
forbid "pure files include no KVM header" "$inc(linux/kvm|kvm/)" "${pure[@]:-/dev/null}"

# The list for sandboxes has every request that the code makes. What a VMM asks for, kvm/vmm.c only
# hands on.
all_requests_listed()
{
	local arch=$1 name missing=
	shift
	for name in $(grep -hoE 'ioctl\([^;"]*\bKVM_[A-Z0-9_]+|\bKVM_(GET|SET)_[A-Z0-9_]+' "$@" |
		grep -oE '\bKVM_[A-Z0-9_]+' | grep -vE '^KVM_(CAP|MP_STATE)_' | sort -u); do
		grep -qE "REQUEST\\($name\\)" "$arch/requests.c" || missing="$missing $name"
	done
	n=$((n + 1))
	if [ -z "$missing" ]; then
		echo "ok $n every request of $arch is in $arch/requests.c"
	else
		echo "not ok $n every request of $arch is in $arch/requests.c"
		echo "# missing:$missing"
		bad=1
	fi
}
engine=()
for f in kvm/*.c; do [ $f = kvm/vmm.c ] || engine+=($f); done
for arch in x86 arm; do
	own=()
	for f in "${not_boot[@]}"; do
		case $f in $arch/requests.c | $arch/reset.c) ;; $arch/*.c) own+=("$f") ;; esac
	done
	all_requests_listed $arch "${engine[@]}" "${own[@]}"
done
echo "1..$n"
exit $bad
