#!/usr/bin/env bash
# The real daemon with real logs: sshd, journald and rsyslog, joined as on Debian, in a mount namespace of their own with its own /run and /dev.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
PATH=$PATH:/usr/sbin:/sbin
unshare --mount true 2>/dev/null || { echo "no mount namespace is allowed here"; exit 77; }
for program in sshd rsyslogd ssh ssh-keygen su logger; do
  command -v "$program" >/dev/null || { echo "$program is not installed"; exit 77; }
done
[ -x /lib/systemd/systemd-journald ] || { echo "systemd-journald is not installed"; exit 77; }
[ -s /etc/machine-id ] || { echo "the machine has no /etc/machine-id, which journald needs"; exit 77; }
exec unshare --mount --propagation private python3 "$(dirname "$0")/logins_test.py" "$@"
