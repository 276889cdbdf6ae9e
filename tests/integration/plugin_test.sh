#!/usr/bin/env bash
# The real daemon with the programs of Debian's monitoring-plugins.
plugins=${YAGURA_PLUGINS:-/usr/lib/nagios/plugins}
[ -x "$plugins/check_procs" ] || { echo "monitoring-plugins-basic is not installed"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)} YAGURA_PLUGINS=$plugins
exec python3 "$(dirname "$0")/plugin_test.py" "$@"
