#!/usr/bin/env bash
# The record for auditors, with real programs: who looked, parts of it, what leaves it.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/record_test.py" "$@"
