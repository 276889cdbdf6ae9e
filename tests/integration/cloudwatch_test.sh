#!/usr/bin/env bash
# The kind cloudwatch by the real daemon, against a server that works each signature out for itself.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/cloudwatch_test.py" "$@"
