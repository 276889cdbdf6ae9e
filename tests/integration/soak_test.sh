#!/usr/bin/env bash
# The installed daemon (release) under valgrind.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
if [ -x "${YAGURA_RELEASE:-}/yagurad" ]; then export YAGURA_BUILD=$YAGURA_RELEASE; fi
exec python3 "$(dirname "$0")/soak_test.py" "$@"
