#!/usr/bin/env bash
# The newcomer's first ten minutes: what ./quickstart prints can be done as printed, and leaves nothing running.
set -euo pipefail
[ -x "$YAGURA_RELEASE/yagurad" ] && [ -x "$YAGURA_RELEASE/yagura" ] ||
  { echo "the release preset is not built (./quickstart --build)"; exit 77; }
# What has no part in this is not asked for: an up-to-date build is looked at, packages are not.
cd "$YAGURA_SOURCE"

folder=$(mktemp -d)
finish() { ./quickstart --stop --dir "$folder" >/dev/null 2>&1 || true; rm -rf "$folder"; }
trap finish EXIT
fail() { echo "$*"; tail -n 20 "$folder/log" 2>/dev/null; exit 1; }
# until_true WHAT COMMAND…
until_true() {
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@"; then return; fi
    sleep 0.1
  done
  fail "waited in vain for $what"
}

./quickstart --dir "$folder" >"$folder/printed"
PATH=$YAGURA_RELEASE:$PATH
export YAGURA_SOCKET=$folder/control.sock
# shows PATTERN COMMAND…: what it prints has the pattern.
shows() {
  local pattern=$1 printed
  shift
  printed=$("$@") && grep -q "$pattern" <<<"$printed"
}
# command WORDS…: the printed line that begins so, without its explanation.
command_printed() { grep -m 1 -E "^ +$1" "$folder/printed" | sed -E 's/^ +//; s/ {3,}.*//'; }

eval "$(command_printed 'yagura status')" >"$folder/status"
grep -q '管理画面' "$folder/status" || fail "status does not show the services"
shows '^\[\]' yagura --json failures || fail "something failed before it was broken"

eval "$(command_printed 'kill ')"
opened() { shows '"class":"major"' yagura --json failures; }
until_true 'a major failure' opened
shows 'switch-to-standby' eval "$(command_printed 'yagura show 1')" || fail "the primary response does not show"
shows 'aozora' eval "$(command_printed 'yagura why 1')" || fail "why says nothing of the bank"
told() { shows '"kind":"bank.first"' yagura --json notices --all; }
until_true "the bank's notice" told
if grep -q 'which waits' "$folder/printed"; then
  shows 'bank.first' eval "$(command_printed 'yagura notices --held')" || fail "the held notice does not show"
fi
mailed() { shows '重大障害' "$folder/mails"; }
until_true 'mail to the lead' mailed
shows '^Subject: ' "$folder/mails" 1 || fail "a mail cannot be shown whole"

eval "$(command_printed 'yagura ack 1')" >/dev/null
eval "$(command_printed "$folder/web start web-1")" >/dev/null
recovered() { shows '"phase":"recovered"' yagura --json failures; }
until_true 'the recovery' recovered
eval "$(command_printed 'yagura confirm 1')" >/dev/null
shows '^\[\]' yagura --json failures || fail "the failure is not closed"
job_ran() { shows '"verdict":"ok"' yagura --json jobs; }
until_true "the job's first run" job_ran

# A second run replaces the first and keeps what happened; so does one after a crash.
./quickstart --dir "$folder" >"$folder/printed"
shows '"id":1' yagura --json failures --all || fail "the second run has forgotten the first"
grep -q 'yagura show 2' "$folder/printed" || fail "the second run speaks of the first one's failure"
kill -9 "$(cat "$folder/yagurad.pid")"
./quickstart --dir "$folder" >"$folder/printed"
yagura status >/dev/null

eval "$(command_printed './quickstart --stop')" >/dev/null
for name in yagurad web-1 web-2 jobs; do
  [ ! -e "$folder/$name.pid" ] || fail "$name is still there"
done
if pgrep -f "$folder/" >/dev/null; then fail "something still runs: $(pgrep -af "$folder/")"; fi
