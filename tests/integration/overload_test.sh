#!/usr/bin/env bash
# The real daemon with more on its hands than it ever should have: the installed one (release) where it is built.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
if [ -x "${YAGURA_RELEASE:-}/yagurad" ]; then export YAGURA_BUILD=$YAGURA_RELEASE; fi
exec python3 "$(dirname "$0")/overload_test.py" "$@"
