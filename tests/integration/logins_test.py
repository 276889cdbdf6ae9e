"""Probes of the kinds log and logins in a real daemon, of what a real sshd and su say through a real journald and a real rsyslog.
Runs in a mount namespace of its own: what is mounted here is seen by nobody else, and gone with it."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from world import Case, free_port, wait_for

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def program(name):
    return shutil.which(name, path=PATH)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def own_run_and_dev():
    """A /run, a /dev whose log is journald's, and a /var/log of this namespace."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for folder in ("sshd", "systemd/journal", "log", "user"):
        pathlib.Path("/run", folder).mkdir(parents=True)
    dev = pathlib.Path("/run/dev")
    dev.mkdir()
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(dev))
    for name in ("null", "zero", "urandom", "random", "tty"):
        (dev / name).touch()
        mount("--bind", f"/dev/{name}", str(dev / name))
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    mount("--bind", "/dev/pts", str(dev / "pts"))
    (dev / "ptmx").symlink_to("pts/ptmx")
    (dev / "fd").symlink_to("/proc/self/fd")
    (dev / "log").symlink_to("/run/systemd/journal/dev-log")
    mount("--move", str(dev), "/dev")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/log")


class Machine:
    """Who writes the logs: journald, rsyslog with both of its forms, sshd with keys of its own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="yagura-logins."))
        self.folder.chmod(0o755)  # sshd looks for keys as another user
        self.port = free_port()
        self.auth = self.folder / "auth.log"
        self.traditional = self.folder / "traditional.log"
        self.running = []

    def start(self):
        for name in ("host", "known", "unknown"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        (self.folder / "rsyslog.conf").write_text(f"""
module(load="imuxsock" SysSock.Name="/run/systemd/journal/syslog" SysSock.RateLimit.Interval="0")
*.* action(type="omfile" file="{self.auth}" template="RSYSLOG_FileFormat")
*.* action(type="omfile" file="{self.traditional}" template="RSYSLOG_TraditionalFileFormat")
""")
        (self.folder / "sshd_config").write_text(f"""
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
AuthorizedKeysFile {self.folder}/known.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
""")
        self.run("/lib/systemd/systemd-journald")
        wait_for("journald", pathlib.Path("/run/systemd/journal/dev-log").exists)
        self.rsyslog = self.run(program("rsyslogd"), "-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "rsyslog.pid")
        wait_for("rsyslog", pathlib.Path("/run/systemd/journal/syslog").exists)
        self.run(program("sshd"), "-D", "-f", self.folder / "sshd_config")
        wait_for("sshd's line in auth.log", lambda: self.auth.exists() and "Server listening" in self.auth.read_text())

    def run(self, *command):
        self.running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL))
        return self.running[-1]

    def stop(self):
        for one in reversed(self.running):
            one.terminate()
            one.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ssh(self, account, *options):
        return subprocess.run(
            ["ssh", "-F", "/dev/null", "-p", str(self.port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             "-o", "IdentitiesOnly=yes", *options, f"{account}@127.0.0.1", "true"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            env={**os.environ, "SSH_ASKPASS": str(self.folder / "ask"), "SSH_ASKPASS_REQUIRE": "force"}).returncode

    def wrong_key(self, account):
        return self.ssh(account, "-o", "BatchMode=yes", "-i", str(self.folder / "unknown"))

    def right_key(self, account):
        return self.ssh(account, "-o", "BatchMode=yes", "-i", str(self.folder / "known"))

    def wrong_password(self, account):
        (self.folder / "ask").write_text("#!/bin/sh\necho wrong\n")
        (self.folder / "ask").chmod(0o755)
        return self.ssh(account, "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1")

    def rotate(self):
        for log in (self.auth, self.traditional):
            log.rename(f"{log}.1")
        self.rsyslog.send_signal(signal.SIGHUP)


def setUpModule():
    own_run_and_dev()
    global machine
    machine = Machine()
    machine.start()


def tearDownModule():
    machine.stop()


class Logs(Case):
    def probes(self, component="bastion"):
        found = next(one for one in self.daemon.ask("status")["components"] if one["id"] == component)
        return {one["name"]: one for one in found["probes"]}

    def verdicts(self, wanted):
        def as_wanted():
            found = self.probes()
            return found if all(found[name]["verdict"] == verdict for name, verdict in wanted.items()) else None
        return wait_for(f"{wanted}\n{self.daemon.tail()}", as_wanted)

    def start(self):
        self.daemon.start()
        # Every probe has found the end of its log: what comes now is new.
        wait_for("the first runs", lambda: all(one["reason"] for one in self.probes().values()))

    def test_a_burst_a_login_after_it_and_a_first_root_login(self):
        sources = {"rfc": f"path: {machine.auth}", "traditional": f"path: {machine.traditional}", "journal": "journal: true"}
        self.write("  bastion: {owner: infra-ops, probes: ["
                   + ", ".join(f"{{kind: logins, name: {name}, {source}, failures: 3, accounts: [root]}}"
                               for name, source in sources.items()) + "]}")
        self.start()
        self.verdicts({name: "ok" for name in sources})
        self.assertNotEqual(machine.wrong_key("root"), 0)
        self.assertNotEqual(machine.wrong_key("nobody-here"), 0)
        self.daemon.kill_9()
        # What comes while nobody watches is found afterwards, through a rotation as well.
        machine.rotate()
        self.assertNotEqual(machine.wrong_password("root"), 0)
        self.start()
        for found in self.verdicts({name: "failing" for name in sources}).values():
            self.assertIn("3 failed attempts from 127.0.0.1, a burst is 3 within 10m", found["reason"])
        failure = wait_for("a failure\n" + self.daemon.tail(), self.daemon.failure)
        self.assertEqual((failure["cause"], failure["owner"]), ("bastion", "infra-ops"))
        self.assertIn("failed attempts from 127.0.0.1", self.mail("failure.detected", "infra-ops").get_content())

        self.assertEqual(machine.right_key("root"), 0)
        for name in sources:
            reason = wait_for("the login\n" + self.daemon.tail(),
                              lambda: (lambda said: said if "after" in said else None)(self.probes()[name]["reason"]))
            self.assertIn("login of root from 127.0.0.1 (sshd) after 3 failed attempts within 10m", reason)
            self.assertIn("first root login of root from 127.0.0.1 (sshd)", reason)

    def test_lines_of_a_log_and_of_the_journal(self):
        log = self.folder / "app.log"
        log.write_text("ERROR of yesterday\n")
        self.write("  bastion: {owner: infra-ops, probes: ["
                   f"{{kind: log, name: file, path: {log}, report: ERROR, failing: \">= 2\", warning: \">= 1\"}}, "
                   "{kind: log, name: journal, journal: true, report: \"^backup.*: cannot\"}, "
                   f"{{kind: logins, journal: true, accounts: [nobody], root: ignore}}]}}")
        self.start()
        self.verdicts({"file": "ok", "journal": "ok", "logins": "ok"})
        with log.open("a") as more:
            more.write("ERROR 1\n")
        self.verdicts({"file": "warning"})
        log.rename(f"{log}.1")
        log.write_bytes(b"ERROR \x1b[2J\xff\n")
        self.assertIn("2 lines within 10m, failing at >= 2", self.verdicts({"file": "failing"})["file"]["reason"])
        self.assertIn("ERROR \\x1b[2J\ufffd", self.probes()["file"]["reason"])

        subprocess.run(["logger", "-t", "backup", "cannot write to the tape"], check=True)
        self.assertIn("last: backup[", self.verdicts({"journal": "failing"})["journal"]["reason"])
        # Anybody can log in sshd's name; journald knows better. What su says of itself is believed.
        subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups",
                        "logger", "-t", "sshd", "Accepted password for eve from 203.0.113.7 port 1 ssh2"], check=True)
        subprocess.run(["su", "nobody", "-s", "/bin/sh", "-c", "su root -c true"], stdin=subprocess.DEVNULL, capture_output=True)
        measured = wait_for("su's line", lambda: (lambda one: one if one["values"]["failed_attempts"] == 1 else None)(
            self.daemon.ask("probe", "bastion/logins")[0]))
        self.assertEqual(measured["verdict"], "ok", measured["reason"])
        self.assertTrue(measured["reason"].startswith("no login is out of the ordinary"), measured["reason"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
