#!/bin/bash
# check-linux.sh - gdb without any file, a kernel with KASLR on SVM: the stub gives gdb the kernel's
# own symbols and types. LAB_N_SAMPLES: at how many random stops the backtrace is compared with that
# of the vmlinux. LAB_GUEST: a kernel of another release of Debian (tests/lab/fetch).
# timeout: 600
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/nofile.sh
. "$(dirname "$0")/nofile.sh"
# shellcheck source=tests/lab/clients.sh
. "$(dirname "$0")/clients.sh"

lab_need_breakpoints
lab_open
nofile_job 512
lab_boot svm "$W/job" 2
nofile
nofile_modules no # QEMU does not report trap instructions to its KVM
nofile_backtraces
nofile_lldb
nofile_others amd64
finish
