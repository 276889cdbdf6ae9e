"""The machine has no more to give: no room on the disk, a disk that may only be read, no file descriptors, no memory. The
daemon says so, goes on with what it can, and takes up the rest when there is some again."""
import http.client
import os
import re
import socket
import subprocess
import threading
import time
import unittest
import urllib.request

from storm import LONG, Storm, Target, chance, table
from world import BUILD, PATIENCE, Case, Listener, free_port, healthz, wait_for


class Disk:
    """A small disk of its own for the state, in a mount namespace that outlives the daemon."""

    def __init__(self, folder, size):
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "$0" && echo mounted && exec sleep 3600',
             self.folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.is_there = self.holder.stdout.readline() == b"mounted\n"

    def within(self):
        """What a program begins with to see it."""
        return ["nsenter", "--target", str(self.holder.pid), "--mount"]

    def sh(self, script, check=True):
        return subprocess.run([*self.within(), "sh", "-c", script, "sh", self.folder], capture_output=True, text=True,
                              check=check).stdout

    def fill(self):
        self.sh('cat /dev/zero > "$1/fill" 2>/dev/null || true')

    def free(self):
        self.sh('rm -f "$1/fill"')

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


def on_small_disk(test, size):
    if os.getuid() != 0:
        test.skipTest("only root can mount a small disk")
    disk = Disk(test.folder / "state", size)
    test.addCleanup(disk.close)
    if not disk.is_there:
        test.skipTest("mounting is not allowed here")
    return disk


def refused_start(test, *prefix):
    """What the daemon says that does not start, but may when it is tried again."""
    ended = subprocess.run([*prefix, BUILD / "yagurad", "--config", test.daemon.config], capture_output=True, text=True,
                           timeout=PATIENCE)
    test.assertEqual(ended.returncode, 1, ended.stderr)
    test.assertIn("daemon.refused", ended.stderr)
    return ended.stderr


class FullDisk(Storm):
    """Under load the disk fills, again and again; now and then the daemon is killed while it is full."""

    TIMES = 30 if LONG else 4

    def healthz(self):
        return healthz(self.load.http_port)

    def wait_for_room(self, disk):
        try:
            wait_for("room", lambda: self.healthz() == 200)
        except AssertionError as error:
            there = disk.sh('df "$1"; ls -l "$1"')
            trouble = self.daemon.ask("status")["record_trouble"]
            raise AssertionError(f"{error}\n{there}{trouble}") from None

    def start_on_full_disk(self, disk):
        """Where the record can still be opened, it watches and says that nothing can be written; else it says why not."""
        before = disk.sh('ls "$1"').replace("yagura.db-shm\n", "")
        self.daemon.launch(prefix=disk.within())
        wait_for("an answer", lambda: self.daemon.process.poll() is not None or self.daemon.has_said("READY=1"))
        if self.daemon.process.poll() is None:
            wait_for("word of the full disk", lambda: self.healthz() == 503)
            disk.free()
            self.wait_for_room(disk)
            self.watching += 1
            return
        self.assertEqual(self.daemon.process.returncode, 1, self.daemon.tail())
        self.assertRegex(self.daemon.tail(), "disk is full|No space left")
        # Nothing is set aside or begun anew.
        self.assertEqual(disk.sh('ls "$1"').replace("yagura.db-shm\n", ""), before)
        disk.free()
        self.daemon.start(prefix=disk.within())

    def test_a_disk_that_fills_again_and_again_loses_nothing(self):
        disk = on_small_disk(self, "16m" if not LONG else "128m")
        self.daemon.start(prefix=disk.within())
        self.load.begin()
        kills = self.watching = 0
        for number in range(self.TIMES):
            time.sleep(self.choose.uniform(0.3, 1))
            self.witness.read()
            disk.fill()
            wait_for("word of the full disk", lambda: self.healthz() == 503)
            self.assertTrue(self.daemon.ask("status")["record_trouble"])
            time.sleep(self.choose.uniform(0, 1.5))
            if number % 2:
                self.daemon.kill_9()
                kills += 1
                self.start_on_full_disk(disk)
            else:
                disk.free()
                self.wait_for_room(disk)
            self.is_intact()
        self.assertIn("record.trouble", self.daemon.log.read_text())
        accounts = self.rest()
        table("disk-full", times=self.TIMES, kills=kills, started_full=self.watching, **accounts.counts())


class ReadOnly(Case):
    """The state lies on a file system that may only be read."""

    FAILS = "  web: {owner: infra-ops, probes: [{kind: tcp, host: 127.0.0.1, port: %d}]}"

    def setUp(self):
        super().setUp()
        self.target = Target(chance("read-only"))
        self.addCleanup(self.target.turn_off)
        self.write(self.FAILS % self.target.port)

    def test_from_the_start_it_is_refused_with_the_reason_and_left_as_it_is(self):
        disk = on_small_disk(self, "8m")
        disk.sh('mount -o remount,ro "$1"')
        self.assertIn("mounted for reading only", refused_start(self, *disk.within()))
        disk.sh('mount -o remount,rw "$1"')
        self.daemon.start(prefix=disk.within())
        self.daemon.order("open", "--service", "other", "-m", "電話")
        self.daemon.kill_9()
        disk.sh('mount -o remount,ro "$1"')
        before = disk.sh('cd "$1" && find . -type f | sort | xargs sha256sum')
        self.assertIn("mounted for reading only", refused_start(self, *disk.within()))
        self.assertEqual(disk.sh('cd "$1" && find . -type f | sort | xargs sha256sum'), before)
        disk.sh('mount -o remount,rw "$1"')
        self.daemon.start(prefix=disk.within())
        self.assertEqual(len(self.daemon.ask("failures")), 1)
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)

    def test_where_it_becomes_so_while_the_daemon_runs_that_is_said_and_a_restart_goes_on(self):
        disk = on_small_disk(self, "40m")
        # What a kernel does that finds an error on the disk.
        image = ('cd "$1" && truncate -s 24m image && mkfs.ext4 -q image && mkdir disk && mount -o loop image disk '
                 '&& echo mounted')
        if disk.sh(image, check=False) != "mounted\n":
            self.skipTest("no file system can be mounted from a file here")
        self.addCleanup(disk.sh, 'umount "$1/disk" || umount -l "$1/disk"', check=False)
        self.daemon.config.write_text(self.daemon.config.read_text().replace("state: state", "state: state/disk"))
        self.daemon.start(prefix=disk.within())
        self.daemon.order("open", "--service", "other", "-m", "電話")
        wait_for("the mails", lambda: not [one for one in self.daemon.notices() if one["state"] == "due"])
        mails = len(self.mails())
        disk.sh('mount -o remount,abort "$1/disk"', check=False)
        self.target.turn_off()
        wait_for("word of it\n" + self.daemon.tail(), lambda: "record.trouble" in self.daemon.tail())
        self.assertTrue(self.daemon.ask("status")["record_trouble"])
        taken = self.daemon.yagura("report", "1", "-m", "復旧作業中")
        self.assertEqual(taken.status, 1)
        self.assertIn("do not repeat it", taken.err)
        self.assertEqual(len(self.mails()), mails)
        self.daemon.stop()
        self.assertIn("are lost", self.daemon.tail())

        disk.sh('umount "$1/disk" && (fsck.ext4 -y "$1/image" || [ $? -lt 4 ]) && mount -o loop "$1/image" "$1/disk"')
        self.daemon.start(prefix=disk.within())
        wait_for("the failure that was not recorded", lambda: self.mails("bank.first", "bank:aozora"))
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)


class Exhausted(Case):
    """Limits of the process."""

    def setUp(self):
        super().setUp()
        self.target = Target(chance("exhausted"))
        self.addCleanup(self.target.turn_off)

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=PATIENCE) as answer:
            found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found.group(1)) if found else 0

    def test_without_file_descriptors_probes_are_unknown_and_nothing_opens(self):
        self.write(f"""  port: {{owner: infra-ops, probes: [{{kind: tcp, host: 127.0.0.1, port: {self.target.port}}}]}}
  page: {{owner: infra-ops, probes: [{{kind: http, url: "http://127.0.0.1:{free_port(chance('page'))}/",
          expect: {{status: 200}}}}]}}
  self: {{owner: infra-ops, probes: [{{kind: process, match: faults_test.py}}]}}""")
        text = self.daemon.config.read_text()
        page = Page(int(re.search(r'url: "http://127.0.0.1:(\d+)/"', text).group(1)))
        self.addCleanup(page.close)
        self.daemon.start()
        wait_for("a run of each", lambda: all(self.metric(f'yagura_probe_runs_total{{kind="{kind}",verdict="ok"}}')
                                              for kind in ("tcp", "http", "process")))
        number = self.daemon.process.pid
        in_use = len(os.listdir(f"/proc/{number}/fd"))
        subprocess.run(["prlimit", f"--nofile={in_use + 4}:", "--pid", str(number)], check=True)
        silent = []
        self.addCleanup(lambda: [one.close() for one in silent])
        ended = time.monotonic() + 5
        while time.monotonic() < ended:
            for _ in range(3):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", self.http_port))
                silent.append(one)
            time.sleep(0.1)
        self.assertIsNone(self.daemon.process.poll(), self.daemon.tail())
        for one in silent:
            one.close()
        subprocess.run(["prlimit", "--nofile=1024:", "--pid", str(number)], check=True)
        unknown = {kind: self.metric(f'yagura_probe_runs_total{{kind="{kind}",verdict="unknown"}}')
                   for kind in ("tcp", "http", "process")}
        self.assertTrue(all(unknown.values()), unknown)
        self.assertEqual([line for line in self.daemon.ask("record") if line["what"] == "failure.opened"], [])
        wait_for("all well", lambda: all(one["state"] == "ok" for one in self.daemon.ask("status")["components"]))
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
        # It is not deaf for what really fails.
        self.target.turn_off()
        wait_for("the failure", lambda: self.daemon.failure())
        self.mail("bank.first", "bank:aozora")
        table("descriptors", connections=len(silent), **{f"unknown_{kind}": int(n) for kind, n in unknown.items()})

    def test_a_flood_does_not_grow_it(self):
        page = Page(free_port(chance("flood")), endless=True)
        self.addCleanup(page.close)
        self.write(f"""  page: {{owner: infra-ops, probes: [{{kind: http, url: "http://127.0.0.1:{page.port}/",
          expect: {{body: never}}}}]}}
  batch: {{owner: ap-ops, probes: [{{kind: job, every: 1h}}]}}""")
        # A sanitized program reserves terabytes, and counts its redzones as memory.
        sanitized = b"__asan_init" in (BUILD / "yagurad").read_bytes()
        self.daemon.start(prefix=[] if sanitized else ["prlimit", f"--as={1 << 30}"])
        before = self.peak()
        ended = time.monotonic() + (60 if LONG else 5)
        counts = [0] * 8

        def flood(number):
            while time.monotonic() < ended:
                connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
                try:
                    connection.request("POST", "/ping/batch", b"x" * 16_000_000)
                    if connection.getresponse().status == 200:
                        counts[number] += 1
                except OSError:
                    pass  # Turned away.
                finally:
                    connection.close()
        threads = [threading.Thread(target=flood, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        answers = 0
        while time.monotonic() < ended:
            self.daemon.ask("status")
            answers += 1
        for thread in threads:
            thread.join()
        self.assertIsNone(self.daemon.process.poll(), self.daemon.tail())
        grown = self.peak() - before
        if not sanitized:
            self.assertLess(grown, 100_000, "kB")
        self.assertGreater(sum(counts), 0)
        self.assertGreater(page.pieces, 0)
        table("flood", pings=sum(counts), page_megabytes=page.pieces // 16, answers=answers, grown_kb=grown)

    def peak(self):
        with open(f"/proc/{self.daemon.process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))


class Page(Listener):
    """A page that is there, or one that never ends."""

    def __init__(self, port, endless=False):
        self.port = port
        self.endless = endless
        self.pieces = 0
        self.open()

    def _serve(self, connection):
        with connection:
            try:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                while self.endless:
                    connection.sendall(b"x" * 65536)
                    self.pieces += 1
            except OSError:
                pass  # It has had enough.


if __name__ == "__main__":
    unittest.main(verbosity=2)
