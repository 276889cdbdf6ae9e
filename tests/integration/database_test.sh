#!/usr/bin/env bash
# The care of the record with real programs: backups under load, damage, restoring.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/database_test.py" "$@"
