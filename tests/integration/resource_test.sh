#!/usr/bin/env bash
# The real daemon and the resources of a machine: a link that goes down, traffic that fills it, kinds that read the kernel.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
unshare --net true 2>/dev/null || { echo "no network namespace is allowed here"; exit 77; }
command -v ip >/dev/null || { echo "ip (iproute2) is not installed"; exit 77; }
exec python3 "$(dirname "$0")/resource_test.py" "$@"
