#!/bin/bash
# check-hard-svm.sh - what is hard for a debugger, on SVM: tests/lab/hard.sh. By steps alone; with
# LAB_SVM_QEMU, which names a QEMU 10, by hardware breakpoints. Only with LAB_SLOW=yes or those that
# LAB_HARD names. But not "own": KVM on SVM does not tell that the guest sets its debug registers.
# timeout: 900
# shellcheck source=tests/lab/hard.sh
. "$(dirname "$0")/hard.sh"

if [ -z "${LAB_HARD:-}${LAB_SLOW:-}" ]; then
	echo "1..0 # SKIP each takes a minute: LAB_SLOW=yes, or LAB_HARD with names of uffd hotplug" \
		"runs them; with LAB_SVM_QEMU, a QEMU 10, also fork migrate collapse two module timer"
	exit
fi
if [ -n "${LAB_SVM_QEMU:-}" ]; then
	hard_job svm hbreak uffd fork migrate collapse two hotplug module timer
else
	hard_job svm no uffd hotplug
fi
