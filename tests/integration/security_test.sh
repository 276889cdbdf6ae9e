#!/usr/bin/env bash
# The daemon among the hostile: what docs/security.md says of it.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/security_test.py" "$@"
