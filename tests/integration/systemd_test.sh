#!/usr/bin/env bash
# Probes of the kind unit in a real daemon, of a real systemd: the manager of a user, with units of the test's own only, as the machine's own one is
# not to be touched. It sees a read-only machine with a /tmp, /run and /var of its own, and a cgroup of its own: nothing of it is left.
export PYTHONDONTWRITEBYTECODE=1 YAGURA_SOURCE=${YAGURA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
[ "$(id -u)" -eq 0 ] || { echo "it takes root to give systemd a cgroup and mounts of its own"; exit 77; }
[ -x /lib/systemd/systemd ] || { echo "systemd is not installed"; exit 77; }
command -v dbus-daemon >/dev/null || { echo "dbus-daemon is not installed"; exit 77; }
cgroups=$(findmnt -n -t cgroup2 -o TARGET | tail -n 1)
[ -n "$cgroups" ] || { echo "there is no cgroup2 hierarchy for systemd to have a part of"; exit 77; }
unshare --mount --pid --cgroup --fork true 2>/dev/null || { echo "no namespaces are allowed here"; exit 77; }
here=$(sed -n 's/^0:://p' /proc/self/cgroup)
own=$cgroups${here%/}/yagura-test-$$
mkdir "$own" 2>/dev/null || { echo "no cgroup can be made in $cgroups$here"; exit 77; }
trap 'find "$own" -depth -type d -exec rmdir {} \; 2>/dev/null' EXIT
# It goes there first: the namespace's root is where it stands then, and systemd takes what is in its root for its own.
unshare --mount --pid --ipc --uts --fork --kill-child --propagation private \
  bash -c 'echo 0 >"$1/cgroup.procs" && shift && exec unshare --cgroup python3 "$@"' - "$own" "$(dirname "$0")/systemd_test.py" "$@"
