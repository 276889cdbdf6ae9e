#!/usr/bin/env bash
# The real daemon where the machine has no more to give: the installed one (release) where it is built.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
if [ -x "${YAGURA_RELEASE:-}/yagurad" ]; then export YAGURA_BUILD=$YAGURA_RELEASE; fi
exec python3 "$(dirname "$0")/faults_test.py" "$@"
