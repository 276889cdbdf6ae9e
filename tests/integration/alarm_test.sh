#!/usr/bin/env bash
# Alarms of other systems: the real Alertmanager, events by curl.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/alarm_test.py" "$@"
