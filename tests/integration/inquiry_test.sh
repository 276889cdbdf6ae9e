#!/usr/bin/env bash
# Inquiries by mail, with a real mail server in both directions.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
exec python3 "$(dirname "$0")/inquiry_test.py" "$@"
