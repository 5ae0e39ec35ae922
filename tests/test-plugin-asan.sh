#!/bin/bash
# test-plugin-asan.sh - test-plugin.sh with the plugin that is built with the address sanitizer. TAP.
# timeout: 300
here=$(cd "$(dirname "$0")" && pwd)
asan=$(dirname "${LKVM:-$here/../lkvm}")/build/asan
if [ ! -e "$asan/build/libvmgdb-preload.so" ]; then
	echo "1..0 # SKIP $asan has no plugin: make check builds it"
	exit
fi
LKVM=$asan/lkvm exec "$here/test-plugin.sh"
