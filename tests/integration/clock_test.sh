#!/usr/bin/env bash
# The real daemon under a wall clock that is stepped: the installed one (release), as sanitizers do not bear it.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
if [ -x "${YAGURA_RELEASE:-}/yagurad" ]; then export YAGURA_BUILD=$YAGURA_RELEASE; fi
exec python3 "$(dirname "$0")/clock_test.py" "$@"
