#!/usr/bin/env bash
# The unit as systemd reads it: no mistake in it, and a sandbox that does not grow weaker. Also the user that it runs as.
set -euo pipefail
# Tenths of systemd's scale from 0 (closed) to 10 (open). Three of them are for being asked how well the clock is kept, which the
# scale takes for leave to set it.
at_most=23

command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Where the daemon is not installed, the one of this build stands in for it.
sed "s,^ExecStart=/usr/sbin/yagurad,ExecStart=$YAGURA_BUILD/yagurad," \
  "$YAGURA_SOURCE/systemd/yagurad.service" >"$folder/yagurad.service"
grep -q "^ExecStart=$YAGURA_BUILD/yagurad --config " "$folder/yagurad.service"

# What it finds it says, and not always in its status.
findings=$(systemd-analyze verify --man=no "$folder/yagurad.service" 2>&1) || { echo "$findings"; exit 1; }
if grep -F yagurad.service <<<"$findings"; then exit 1; fi

if ! systemd-analyze security --offline=true --threshold=$at_most --no-pager "$folder/yagurad.service" \
    >"$folder/report" 2>&1; then
  cat "$folder/report"
  echo "the sandbox is weaker than it was: at most $at_most tenths are agreed on"
  exit 1
fi
tail -n 1 "$folder/report"

# Probes have to see other users' processes, temporary files and the users themselves.
for harmful in ProtectProc ProcSubset PrivateUsers PrivateNetwork; do
  if grep "^$harmful=" "$folder/yagurad.service"; then echo "$harmful would blind the probes"; exit 1; fi
done

# Everybody may use the control socket, so everybody has to get to it.
grep -qx 'RuntimeDirectoryMode=07[15][15]' "$folder/yagurad.service"

if command -v systemd-sysusers >/dev/null; then
  mkdir -p "$folder/root/etc"
  systemd-sysusers --root="$folder/root" "$YAGURA_SOURCE/systemd/yagura.sysusers"
  grep '^yagura:.*:/var/lib/yagura:/usr/sbin/nologin$' "$folder/root/etc/passwd"
fi
