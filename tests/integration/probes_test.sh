#!/usr/bin/env bash
# Kinds of probes against the real servers that they are for.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/probes_test.py" "$@"
