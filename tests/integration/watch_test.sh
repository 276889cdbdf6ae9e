#!/usr/bin/env bash
# The real daemon, and who watches it: systemd's watchdog and the outgoing heartbeat.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/watch_test.py" "$@"
