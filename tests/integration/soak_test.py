"""The installed daemon under valgrind: no invalid access, nothing leaked, and no growth. What it lives through comes round again
and again: probes turn, a component fails and recovers, mail goes out, people and scrapers ask, what comes in is nonsense, the
configuration is read anew. After the first rounds, which fill what is kept of samples and caches, its heap may grow by nothing
but what each failure leaves: itself and its notices (FOR_A_FAILURE)."""
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

from storm import LONG, Target, chance, table
from world import BUILD, PATIENCE, Case, Relay, wait_for

ROUNDS = 40 if LONG else 3
WARM = 8 if LONG else 2            # rounds that come before the first look
FOR_A_FAILURE = 24_000             # bytes, with its half dozen of notices
SLACK = 16_000                     # bytes: maps that were rehashed, buffers that were as large before
MOST_OF_A_CACHE = 12_000_000       # bytes: 2 MB for each of a few connections
SLOW = 5                           # valgrind makes everything slow


class Soak(Case):
    def monitor(self, command):
        """What valgrind's monitor answers."""
        done = subprocess.run(["vgdb", f"--pid={self.daemon.process.pid}", "--wait=30", *command.split()], text=True,
                              capture_output=True, timeout=PATIENCE * SLOW)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def in_use(self):
        """Bytes of the heap that are held, but for SQLite's cache of pages: that one is bounded, fills as the file grows, and is
        all that valgrind takes for possibly lost, as SQLite points into the middle of a page's block."""
        found = {name: int(number.replace(",", "")) for name, number in
                 re.findall(r"(\w+ \w+): ([\d,]+) \(?.*bytes in", self.monitor("leak_check summary any"))}
        self.assertLess(found["possibly lost"], MOST_OF_A_CACHE)
        return found["definitely lost"] + found["indirectly lost"] + found["still reachable"]

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def is_open(self):
        return [one["id"] for one in self.daemon.ask("failures")]

    def talk_nonsense(self):
        for port, text in ((self.http_port, b"POST /ping/batch HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
                           (self.http_port, b"\0" * 9000), (self.http_port, b"GET /ping/nobody HTTP/1.1\r\n\r\n")):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
                connection.sendall(text)
                connection.settimeout(PATIENCE)
                try:
                    while connection.recv(4096):
                        pass
                except OSError:
                    pass

    def ask_everything(self):
        for path in ("/metrics", "/healthz"):
            self.get(path)
        for words in (["status"], ["failures", "--all"], ["notices", "--all"], ["components"], ["jobs"], ["stops"],
                      ["record", "--last", "5m"], ["calendar"], ["duty"]):
            self.daemon.yagura(*words)
        self.daemon.yagura("ack", "999")
        self.daemon.yagura("--json", "show", "1")
        self.daemon.yagura("why", "1")

    def ping(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping/batch", data=b"fine", timeout=PATIENCE) as answer:
            self.assertEqual(answer.status, 200)

    def round(self, target, number, fails):
        self.ping()
        self.talk_nonsense()
        self.ask_everything()
        self.daemon.config.write_text(self.daemon.config.read_text() + f"# round {number}\n")
        self.daemon.order("reload")
        if fails:
            target.turn_off()
            wait_for("a failure", self.is_open, PATIENCE * SLOW)
            failure = self.is_open()[0]
            self.daemon.yagura("ack", str(failure), "-m", "見ています")
            self.daemon.order("report", str(failure), "-m", "調査中")
            target.turn_on()
            wait_for("all well", lambda: self.daemon.failure(failure)["phase"] in ("recovered", "closed"), PATIENCE * SLOW)
            self.daemon.yagura("confirm", str(failure), "-m", "復旧を確認")
            wait_for("its end", lambda: not self.is_open(), PATIENCE * SLOW)
        wait_for("the notices", lambda: not self.daemon.notices(state="due"), PATIENCE * SLOW)

    def rounds(self, target, fails):
        """The growth in bytes, over the rounds after those that warm it up."""
        before = None
        for number in range(WARM + ROUNDS):
            if number == WARM:
                before = self.in_use()
            self.round(target, number, fails)
        return self.in_use() - before

    def test_no_growth(self):
        target, relay = Target(chance("soak")), Relay()
        self.addCleanup(target.turn_off)
        self.addCleanup(relay.close)
        probe = f"{{kind: tcp, host: 127.0.0.1, port: {target.port}}}"
        self.write(f"  web: {{owner: ap-ops, probes: [{probe}]}}\n"
                   "  self: {owner: infra-ops, probes: [{kind: load, failing: '>= 1000'}]}\n"
                   "  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}",
                   mail=f"smtp: [{{url: \"smtp://127.0.0.1:{relay.port}\", starttls: off}}]\n  timeout: 30s")
        text = self.daemon.config.read_text().replace("interval: 1s, timeout: 900ms", "interval: 5s, timeout: 4s")
        self.daemon.config.write_text(text)
        found = self.folder / "valgrind"
        self.daemon.start(prefix=["valgrind", "--vgdb=yes", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
                                  "--error-exitcode=99", f"--log-file={found}"])
        wait_for("the first run", lambda: self.daemon.ask("status"))
        began = time.monotonic()
        idle = self.rounds(target, fails=False)
        failing = self.rounds(target, fails=True)
        lasted = time.monotonic() - began
        status = self.daemon.stop()
        table("soak", rounds=2 * ROUNDS, lasted_s=int(lasted), grown_idle_bytes=idle, grown_for_a_failure_bytes=failing // ROUNDS,
              mails=len(relay.mails))
        self.assertEqual(status, 0, found.read_text()[-4000:])
        self.assertIn("ERROR SUMMARY: 0 errors", found.read_text())
        self.assertLess(idle, SLACK)
        self.assertLess(failing, SLACK + FOR_A_FAILURE * ROUNDS)
        self.assertGreater(len(relay.mails), ROUNDS)


if __name__ == "__main__":
    if "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" not in (BUILD / "CMakeCache.txt").read_text():
        print("skipped: valgrind needs the release build: ./quickstart --build")
        sys.exit(77)
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed: tests/install-packages tests")
        sys.exit(77)
    unittest.main(verbosity=2)
