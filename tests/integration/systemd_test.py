"""Probes of the kind unit against a real systemd. Runs in namespaces of its own (systemd_test.sh), of which it first makes a
machine that systemd cannot change: see own_machine()."""
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

UNITS = pathlib.Path("/run/units")
RUNTIME = pathlib.Path("/run/user/0")


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def own_machine():
    """A /run, /tmp and /var that are nobody else's, all else read-only, and of the cgroups only our own. What cannot be had ends the test
    before systemd is started."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        at = line.split()[4].encode().decode("unicode_escape")
        if not at.startswith(("/proc", "/sys", "/dev")):
            subprocess.run(["mount", "-o", "remount,bind,ro", at], stderr=subprocess.DEVNULL)
    source = os.environ["YAGURA_SOURCE"]
    build = os.environ["YAGURA_BUILD"]
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    kept = []
    for number, path in enumerate((source, build)):
        at = pathlib.Path(f"/run/kept-{number}")
        at.mkdir()
        mount("--bind", path, str(at))
        mount("-o", "remount,bind,ro", str(at))
        kept.append((at, path))
    for path in ("/tmp", "/var"):
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", path)
    for at, path in kept:
        if not os.path.isdir(path):
            os.makedirs(path)
            mount("--bind", str(at), path)
            mount("-o", "remount,bind,ro", path)
    mount("-t", "tmpfs", "tmpfs", "/sys/fs/cgroup")
    mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")

    # Nothing is believed: it is looked at. To systemd a /tmp of others would be one to clear.
    def cannot(why):
        print(f"{why}: systemd is not started")
        sys.exit(77)
    for path in ("/", "/etc", "/root", "/usr", "/home", "/srv", source, build):
        if os.access(path, os.W_OK):
            cannot(f"{path} can be written to")
    for path in ("/tmp", "/run", "/var"):
        if not os.path.ismount(path) or not os.access(path, os.W_OK):
            cannot(f"{path} is not our own")
    inside = set(pathlib.Path("/sys/fs/cgroup/cgroup.procs").read_text().split())
    if not inside <= {name for name in os.listdir("/proc") if name.isdigit()}:
        cannot("the cgroup has other processes in it")
    for folder in ("/run/systemd/system", "/run/none", str(RUNTIME), str(UNITS)):
        os.makedirs(folder)


if __name__ == "__main__":
    if os.getpid() != 1:
        sys.exit("start this by systemd_test.sh: it has to be in namespaces of its own")
    own_machine()

from world import Case, wait_for  # noqa: E402  (its folders lie in the own /tmp)

ENVIRONMENT = {**os.environ, "XDG_RUNTIME_DIR": str(RUNTIME), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUNTIME}/bus",
               "SYSTEMD_UNIT_PATH": str(UNITS), "SYSTEMD_GENERATOR_PATH": "/run/none", "SYSTEMD_LOG_TARGET": "console",
               "SYSTEMD_ENVIRONMENT_GENERATOR_PATH": "/run/none", "HOME": "/run/none"}

SERVICES = {
    **{f"{name}.target": f"[Unit]\nDescription={name}" for name in ("default", "basic", "timers", "shutdown", "time-set", "time-sync")},
    # As Debian has them: systemd is on a bus that is its own unit.
    "dbus.socket": "[Socket]\nListenStream=%t/bus\nRemoveOnStop=yes",
    "dbus.service": "[Unit]\nRequires=dbus.socket\n[Service]\nType=notify\nNotifyAccess=main\nExecStart=" + (shutil.which("dbus-daemon") or "/usr/bin/dbus-daemon")
                    + " --session --address=systemd: --nofork --nopidfile --systemd-activation",
    "web.service": "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=50ms",
    "broken.service": "[Service]\nExecStart=/bin/sh -c 'exit 3'",
    "killed.service": "[Service]\nExecStart=/bin/sh -c 'kill -KILL $$$$'",
    "lost.service": "[Service]\nType=forking\nExecStart=/run/no-such-program",
    "slow.service": "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\nTimeoutStartSec=infinity",
    "dump.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'test ! -e /run/no-dump'",
    "dump.timer": "[Timer]\nOnActiveSec=10ms\nOnCalendar=daily\nAccuracySec=1ms",
    "idle.service": "[Service]\nType=oneshot\nExecStart=/bin/true",
    "idle.timer": "[Timer]\nOnCalendar=daily",
}


def systemctl(*arguments, check=True):
    done = subprocess.run(["systemctl", "--user", *arguments], env=ENVIRONMENT, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"systemctl {arguments}: {done.stderr}")
    return done.stdout


def start_bus():
    systemctl("start", "dbus.socket", "dbus.service")
    wait_for("systemd on the bus", lambda: "org.freedesktop.systemd1" in subprocess.run(
        ["busctl", "--user", "list"], env=ENVIRONMENT, capture_output=True, text=True).stdout)


def setUpModule():
    global manager
    for name, text in SERVICES.items():
        (UNITS / name).write_text(text + "\n")
    (UNITS / "masked.service").symlink_to("/dev/null")
    with open("/run/systemd.log", "w") as log:
        manager = subprocess.Popen(["/lib/systemd/systemd", "--user"], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def answers():
        if manager.poll() is not None:
            raise unittest.SkipTest("systemd does not run here: " + pathlib.Path("/run/systemd.log").read_text()[-500:])
        return systemctl("is-system-running", check=False).strip() in ("running", "degraded")
    wait_for("systemd", answers)
    start_bus()


def tearDownModule():
    manager.kill()
    manager.wait()


class Units(Case):
    def start(self, probes):
        lines = "".join(f"\n      - {{kind: unit, name: {name}, bus: {RUNTIME}/bus, interval: 5m, {keys}}}" for name, keys in probes.items())
        self.write(f"  target:\n    owner: ap-ops\n    probes:{lines}")
        self.daemon.start()

    def look(self):
        return {one["probe"]: one for one in self.daemon.ask("probe", "target")}

    def says(self, observation, verdict, pattern):
        self.assertEqual(observation["verdict"], verdict, observation)
        self.assertRegex(observation["reason"], pattern)

    def test_units_as_systemd_has_them(self):
        systemctl("start", "web.service", "idle.timer")
        systemctl("start", "--no-block", "slow.service")
        for name in ("broken", "killed", "lost"):
            systemctl("start", f"{name}.service", check=False)
            wait_for(name, lambda: systemctl("is-failed", f"{name}.service", check=False).strip() == "failed")
        self.start({"web": "unit: web, restarts: {warning: 1, failing: 3}", "broken": "unit: broken", "killed": "unit: killed.service",
                    "lost": "unit: lost", "none": "unit: no-such-thing.service", "masked": "unit: masked", "slow": "unit: slow",
                    "slower": "unit: slow, grace: 1s", "off": "unit: dump", "idle": "unit: idle.timer, ran_within: 26h"})
        time.sleep(1.1)  # so that `slower` is over, whatever else took how long
        found = self.look()
        self.says(found["web"], "ok", r"^web.service is active \(running\) since \d\d:\d\d; 0 restarts within 1h$")
        self.says(found["broken"], "failing", r"^broken.service failed \(exit-code 3\) since \d\d:\d\d$")
        self.says(found["killed"], "failing", r"^killed.service failed \(signal 9/KILL\) since \d\d:\d\d$")
        self.says(found["lost"], "failing", r"^lost.service failed \(exit-code")
        self.says(found["none"], "failing", r"^there is no unit no-such-thing.service")
        self.says(found["masked"], "failing", r"^masked.service is masked")
        self.says(found["slow"], "ok", r"^slow.service has been starting \(start\) for \d+s$")
        self.says(found["slower"], "failing", r"longer than 1s")
        self.says(found["off"], "failing", r"^dump.service does not run \(dead\)")
        self.says(found["idle"], "ok", r"^idle.service has not run successfully yet; next at")
        children = "".join(file.read_text() for file in pathlib.Path(f"/proc/{self.daemon.process.pid}/task").glob("*/children"))
        self.assertEqual(children, "")

        before = systemctl("show", "-p", "NRestarts", "--value", "web.service").strip()
        systemctl("kill", "-s", "KILL", "web.service")
        wait_for("the restart", lambda: systemctl("show", "-p", "NRestarts", "--value", "web.service").strip() != before
                 and systemctl("is-active", "web.service", check=False).strip() == "active")
        self.says(self.look()["web"], "warning", r"^1 restart within 1h, warning at >= 1; web.service is active")
        systemctl("stop", "slow.service", "web.service")

    def test_a_timer_by_its_runs_over_a_restart_of_both(self):
        self.start({"dump": "unit: dump.timer, ran_within: 26h"})
        self.says(self.look()["dump"], "failing", r"^dump.timer is inactive, and nothing starts dump.service")

        def ran():
            return systemctl("show", "-p", "LastTriggerUSec", "--value", "dump.timer").strip() not in ("", "n/a", "0") and \
                systemctl("show", "-p", "ActiveState", "--value", "dump.service").strip() in ("inactive", "failed")
        systemctl("start", "dump.timer")
        wait_for("a run", ran)
        self.says(self.look()["dump"], "ok", r"^dump.service last succeeded at \d\d:\d\d; next at")

        pathlib.Path("/run/no-dump").touch()
        systemctl("start", "dump.service", check=False)
        wait_for("it failed", lambda: systemctl("is-failed", "dump.service", check=False).strip() == "failed")
        self.says(self.look()["dump"], "failing", r"^dump.service failed \(exit-code 1\) at \d\d:\d\d; next at")
        self.daemon.kill_9()
        self.daemon.start()
        self.says(self.look()["dump"], "failing", r"^dump.service failed \(exit-code 1\) at")
        # Somebody knows of it: well again, by the success that the record has.
        systemctl("reset-failed", "dump.service")
        self.says(self.look()["dump"], "ok", r"^dump.service last succeeded at")

    def test_a_bus_that_goes_away(self):
        self.start({"web": "unit: web"})
        self.says(self.look()["web"], "failing", r"does not run")
        systemctl("stop", "dbus.service", "dbus.socket")
        self.says(self.look()["web"], "unknown", r"^the bus at .* cannot be asked: No such file or directory; does dbus run\?$")
        start_bus()
        self.says(self.look()["web"], "failing", r"does not run")


if __name__ == "__main__":
    unittest.main(verbosity=2)
