#!/usr/bin/env bash
# The manuals are well formed, and name every command that there is.
set -euo pipefail
cd "$YAGURA_SOURCE/docs/man"
command -v man >/dev/null || { echo "man-db is not installed"; exit 77; }

for page in *.[158]; do
  findings=$(LC_ALL=C.UTF-8 man --warnings=w --encoding=UTF-8 --ditroff --local-file "$page" 2>&1 >/dev/null)
  if [ -n "$findings" ]; then echo "$page: $findings"; exit 1; fi
done

# A command stands in the manual as `.It Cm NAME`, or within `.Xo` as `.Cm NAME`.
help=$("$YAGURA_BUILD/yagura" --help)
for command in status failures show why notices jobs probe record ack respond report recover confirm classify banks open \
    stops stop reload calendar rehearse backup restore; do
  grep -qE "^\.(It )?Cm $command( |$)" yagura.1 || { echo "yagura.1 does not name the command $command"; exit 1; }
  grep -qE "(^| )$command( |$)" <<<"$help" || { echo "yagura --help does not name the command $command"; exit 1; }
  "$YAGURA_BUILD/yagura" "$command" --help >/dev/null || { echo "yagura $command --help fails"; exit 1; }
done
