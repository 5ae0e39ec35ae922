# shellcheck shell=bash
# program.sh - sourced by lib.sh: programs for L1, with the libraries that they need.
#
#   lab_cross BUILD [TARGET...]    LKVM_ARM64 becomes an lkvm for arm64, vmgdb and its plugin beside
#                            it, and what else is to be made
#   cross ARCH TOOL          the name of gcc or readelf for ARCH
#   add_program ARCH FILE [ROOT]   FILE into /bin of L1; what it needs is searched in ROOT first
#   add_lkvm ARCH
#   add_plugin ARCH          vmgdb, its plugin and Debian's QEMU; /qemu.sh, which jobs source

# In a folder of its own; another lab program may be there at the same time, and waits.
make_cross()
{
	exec 9>lab.lock && flock 9 || return
	[ -e config.mak ] || "$LAB/../../configure" --host=aarch64-linux-gnu --install-deps || return
	env -u MAKEFLAGS -u MAKELEVEL make -j"$(nproc)" all "$@"
}

# lab_cross BUILD: unless LKVM is one
lab_cross()
{
	local build=$1
	shift
	if [ "$(uname -m)" = aarch64 ]; then
		# shellcheck disable=SC2153 # lib.sh sets it
		LKVM_ARM64=$LKVM
		return
	fi
	say BUILD "lkvm and vmgdb for arm64"
	mkdir -p "$build"
	(cd "$build" && make_cross "$@") >"$W/cross.log" 2>&1 ||
		lab_die "cannot build for arm64: $(tail -n 3 "$W/cross.log" | tr '\n' ' ')"
	LKVM_ARM64=$build/lkvm
}

cross()
{
	[ "$1" = arm64 ] && [ "$(uname -m)" != aarch64 ] && printf aarch64-linux-gnu-
	echo "$2"
}

# cross_libs FILE [ROOT]: the libraries of a cross-built program, which ldd here cannot find.
cross_libs()
{
	local todo=("$1" ld-linux-aarch64.so.1) seen=' ' lib dir root=${2:-}
	local dirs=('' /lib/aarch64-linux-gnu/ /usr/lib/aarch64-linux-gnu/)
	[ -z "$root" ] || dirs=('' "$root/lib/aarch64-linux-gnu/" "$root/usr/lib/aarch64-linux-gnu/")
	while [ ${#todo[@]} -gt 0 ]; do
		lib=${todo[0]} todo=("${todo[@]:1}")
		case $seen in *" $lib "*) continue ;; esac
		seen="$seen$lib "
		for dir in "${dirs[@]}"; do
			[ -e "$dir$lib" ] || continue
			[ -z "$dir" ] || echo "$dir$lib"
			mapfile -t -O ${#todo[@]} todo < <("$(cross arm64 readelf)" -d "$dir$lib" |
				sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
			break
		done
	done
}
host_libs() { ldd "$1" | grep -o '/[^ ]*'; }

add_program()
{
	local arch=$1 file=$2 root=${3:-} lib list=host_libs
	[ "$arch" = arm64 ] && { [ -n "$root" ] || [ "$(uname -m)" != aarch64 ]; } && list=cross_libs
	cp -L "$file" "$W/l1/bin/"
	$list "$file" "$root" | while read -r lib; do
		mkdir -p "$W/l1$(dirname "${lib#"$root"}")"
		[ -e "$W/l1${lib#"$root"}" ] || cp -L "$lib" "$W/l1${lib#"$root"}"
	done
	# The loader's path is in the program.
	[ $list = host_libs ] || cp -L "$root/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1" "$W/l1/lib/"
}

add_lkvm()
{
	local lkvm=$LKVM
	[ "$1" != arm64 ] || lkvm=$LKVM_ARM64
	[ -x "$lkvm" ] || lab_die "no ${lkvm:-lkvm for $1}: run make first"
	add_program "$1" "$lkvm"
}

add_rom()
{
	local dir
	for dir in /usr/share/seabios /usr/share/qemu; do
		[ -e "$dir/$1" ] || continue
		lab_add "$dir/$1" "rom/$1"
		return
	done
	lab_die "no $1 of QEMU"
}

add_plugin()
{
	local arch=$1 qemu root='' rom top=${LKVM%/*}
	"$LAB/fetch" "$arch" || lab_die "the downloads for $arch are not there"
	case $arch in
	arm64)
		lab_cross "${BUILD:-$LAB/../../build}/arm64"
		top=${LKVM_ARM64%/*}
		"$LAB/fetch" qemu-arm64 || lab_die "no QEMU for arm64"
		root=$CACHE/qemu-arm64
		qemu=$root/usr/bin/qemu-system-aarch64
		;;
	*)
		qemu=$(command -v qemu-system-x86_64) || lab_die "no qemu-system-x86_64"
		for rom in bios-256k.bin linuxboot_dma.bin kvmvapic.bin; do add_rom $rom; done
		;;
	esac
	add_program "$arch" "$qemu" "$root"
	add_program "$arch" "$top/vmgdb" "$root"
	add_program "$arch" "$top/build/libvmgdb-preload.so" "$root"
	lab_add "$LAB/l1-qemu.sh" qemu.sh
}
