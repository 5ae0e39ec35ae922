#!/bin/bash
# check-soak.sh - a short soak; tests/lab/soak does the long one.
# timeout: 400
exec "$(dirname "$0")/soak" 200 20
