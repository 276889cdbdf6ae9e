#!/usr/bin/env bash
# What the operators' command does without a daemon: configurations, the calendar, rehearsals.
set -euo pipefail
yagura=$YAGURA_BUILD/yagura
fail() { echo "$*"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$YAGURA_SOURCE"

# The configurations that come along are good ones.
for file in etc/yagura.yaml tests/data/example.yaml tests/rehearsal/platform.yaml; do
  "$yagura" config check "$file" >"$folder/out" 2>&1 || fail "$file: $(cat "$folder/out")"
done
# Of a bad one every error is told, with its place.
sed -e 's/owner: infra-ops/owner: nobody/' -e 's/^timezone:.*/timezone: Asia\/Edo/' tests/data/example.yaml >"$folder/bad.yaml"
status=0
"$yagura" config check "$folder/bad.yaml" >"$folder/out" 2>&1 || status=$?
[ $status -eq 2 ] || fail "a bad configuration gives exit status $status"
[ "$(grep -cE 'bad\.yaml:[0-9]+:[0-9]+: ' "$folder/out")" -ge 3 ] || fail "not every error is told: $(cat "$folder/out")"

# The calendar, as scripts read it.
"$yagura" calendar --json --config tests/data/example.yaml --from 2026-09-21 --until 2026-09-24 >"$folder/days"
python3 - "$folder/days" <<'END'
import json, sys
days = json.load(open(sys.argv[1]))
assert [day["business_day"] for day in days] == [False, False, False, True], days
assert days[1]["holiday"] and days[3]["holiday"] is None, days
END
answer=$("$yagura" calendar --json --config tests/data/example.yaml --window bank_mail --at 2026-12-28T17:00:00+09:00)
grep -q '"open":false' <<<"$answer" && grep -q '2027-01-04T10:00' <<<"$answer" || fail "the window is not closed until January 4: $answer"

# The same story gives the same bytes.
story="tests/rehearsal/year_end.yaml"
for run in 1 2; do "$yagura" rehearse --json --config tests/rehearsal/platform.yaml $story >"$folder/run.$run"; done
cmp "$folder/run.1" "$folder/run.2" || fail "two rehearsals of one story differ"

# A year of the example platform takes less than ten seconds of processor time, failures in each week included.
[ -x "$YAGURA_RELEASE/yagura" ] || exit 0
python3 - >"$folder/year.yaml" <<'END'
import datetime
start = datetime.datetime(2026, 1, 1, 9)
print("from: 2026-01-01T00:00:00+09:00\nuntil: 2027-01-01T00:00:00+09:00\nstory:")
for week in range(52):
    at = start + datetime.timedelta(weeks=week, days=week % 5)
    print(f"  - {{at: {at.isoformat()}+09:00, failing: database/tcp, reason: connection refused}}")
    print("  - {at: +40m, ok: database/tcp}")
    print(f"  - {{at: +1h, confirm: {week + 1}, by: suzuki, message: 異常なし}}")
END
TIMEFORMAT='%U %S'
spent=$({ time "$YAGURA_RELEASE/yagura" rehearse --json --config tests/data/example.yaml "$folder/year.yaml" >"$folder/year"; } 2>&1)
closed=$(grep -c '"failure.closed"' "$folder/year")
[ "$closed" -eq 52 ] || fail "$closed failures closed, not 52"
echo "a year took $spent seconds of processor time (user, system)"
awk '{ exit $1 + $2 < 10 ? 0 : 1 }' <<<"$spent" || fail "a year takes too long"
