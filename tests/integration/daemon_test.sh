#!/usr/bin/env bash
# The real daemon and the operators' command, on real servers.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/daemon_test.py" "$@"
