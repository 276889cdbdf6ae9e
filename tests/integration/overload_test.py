"""More than it ever should have on its hands: every component fails at once, jobs report a thousand times a second, and
somebody asks on the control socket and never reads the answers; then, thousands of components behind one dead cause. What it
has to keep to stands in docs/operating.md; the bounds here are far above what was measured, as the machine may be busy with other
things. Programs that are sanitized, or for debugging, get fewer components and are held to the order and number of notices only.

Measured with the release build on two cores, 9,990 components: loop late by 0.14 s at most, memory 150 MB to 230 MB, all found
to fail within the 30 s of an interval for 5 s to 15 s of processor time (with the pings and the client), 1,000 pings a second."""
import http.client
import os
import re
import socket
import threading
import time
import unittest
import urllib.request

from storm import LONG, Target, chance, table
from world import BUILD, PATIENCE, Case, Relay, wait_for

# Neither sanitized nor for debugging: what is installed.
IS_FAST = "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" in (BUILD / "CMakeCache.txt").read_text()
COMPONENTS = 50 if not IS_FAST else 9_990 if LONG else 2000
INTERVAL = 30 if LONG else 5
GRAVE = 10  # of them keep a service down
PINGS_PER_SECOND = 1000
LONGEST_LAG = 2.0     # seconds
MOST_MEMORY = 60_000 + 20 * COMPONENTS  # kB
MOST_RECORD = 20_000  # bytes for each component that fails
MOST_PROCESSOR = 60 if LONG else 30  # seconds, for all that fails at once
OPS_AUDIENCES = 4     # and a bank
BUNDLE = 5            # seconds that one mail to ops covers
MOST_BEFORE_A_BANK = 3


class Door(Target):
    """Takes thousands of connections at once, and closes each."""

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=4096)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return


class SlowMails(list):
    """A relay that takes its time, so that notices wait for each other."""

    def append(self, mail):
        time.sleep(0.5)
        super().append(mail)


class Pings:
    """A thousand a second, as far as the machine gives them, over connections that are kept."""

    def __init__(self, port, threads=4):
        self.port = port
        self.taken = self.refused = 0
        self.ends = False
        self.pause = threads / PINGS_PER_SECOND
        self.threads = [threading.Thread(target=self._ping) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _ping(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        due = time.monotonic()
        while not self.ends:
            try:
                connection.request("POST", "/ping/batch")
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.taken += 1
                else:
                    self.refused += 1
            except (OSError, http.client.HTTPException):
                self.refused += 1
                connection.close()
            due += self.pause
            time.sleep(max(0.0, due - time.monotonic()))
        connection.close()

    def end(self):
        self.ends = True
        for thread in self.threads:
            thread.join()


class Overload(Case):
    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics"), re.M)
        return float(found.group(1)) if found else 0.0

    def open_failures(self):
        return sum(self.metric(f'yagura_failures_open{{class="{one}"}}') for one in ("undetermined", "incident", "major"))

    def peak(self):
        with open(f"/proc/{self.daemon.process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))

    def processor_time(self):
        with open(f"/proc/{self.daemon.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def runs(self, verdict):
        return self.metric(f'yagura_probe_runs_total{{kind="tcp",verdict="{verdict}"}}')

    def write_platform(self, target, relay, more=""):
        probe = f"[{{kind: tcp, host: 127.0.0.1, port: {target.port}}}]"
        lines = [f"  c{number:05}: {{owner: infra-ops{more if number else ''}, probes: {probe}}}"
                 for number in range(COMPONENTS - GRAVE)]
        lines += [f"  grave-{number}: {{owner: ap-ops{more}, probes: {probe}}}" for number in range(GRAVE)]
        lines += ["  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}"]
        self.write("\n".join(lines),
                   mail=f"smtp: [{{url: \"smtp://127.0.0.1:{relay.port}\", starttls: off}}]\n  timeout: 30s")
        text = self.daemon.config.read_text()
        needs = ", ".join(f"grave-{number}" for number in range(GRAVE))
        text = re.sub(r"needs: \[c00000[^\]]*\]", f"needs: [{needs}]", text)
        self.daemon.config.write_text(text.replace("interval: 1s, timeout: 900ms", f"interval: {INTERVAL}s, timeout: 4s"))

    def never_read(self):
        """Asks for as much as goes into the socket."""
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.daemon.socket))
        client.setblocking(False)
        asked = 0
        try:
            while asked < 10_000:
                client.send(b"GET /v1/status HTTP/1.1\r\nHost: yagura\r\n\r\n")
                asked += 1
        except OSError:
            pass
        self.addCleanup(client.close)
        return client

    @staticmethod
    def is_cut_off(client):
        try:
            client.send(b"x")
            return False
        except BlockingIOError:
            return False
        except OSError:
            return True

    def lesser_before_banks(self):
        """For each notice to a bank that nothing held: how many lesser ones left while it waited."""
        queued, sent, held = {}, {}, set()
        for number, row in enumerate(self.daemon.ask("record")):
            if row["what"] == "notice.queued":
                queued[row["notice"]] = (number, row["details"]["kind"])
            elif row["what"] == "notice.sent":
                sent[row["notice"]] = number
            elif row["what"] == "notice.held":
                held.add(row["notice"])
        banks = [one for one, (_, kind) in queued.items() if kind == "bank.first" and one in sent and one not in held]
        lesser = [one for one in sent if one in queued and not queued[one][1].startswith("bank.")]
        return [sum(queued[bank][0] < sent[one] < sent[bank] for one in lesser) for bank in banks]

    def all_joined(self):
        time.sleep(0.5)  # It is a long answer.
        return len(self.daemon.failure(1)["components"]) == COMPONENTS

    def servers(self):
        target, relay = Door(chance("overload")), Relay()
        self.addCleanup(target.turn_off)
        self.addCleanup(relay.close)
        return target, relay

    def start_all(self):
        began = time.monotonic()
        self.daemon.start()
        started = time.monotonic() - began
        wait_for("all well", lambda: self.runs("ok") >= COMPONENTS, PATIENCE * 2)
        table("overload-start", components=COMPONENTS, started_s=round(started, 1), all_seen_s=round(time.monotonic() - began, 1))

    def test_all_at_once(self):
        target, relay = self.servers()
        relay.mails = SlowMails()
        self.write_platform(target, relay)
        self.start_all()
        pings = Pings(self.http_port)
        try:
            began, used = time.monotonic(), self.processor_time()
            client = self.never_read()
            target.turn_off()
            wait_for("all to fail\n" + self.daemon.tail()[-1000:], lambda: self.open_failures() >= COMPONENTS,
                     PATIENCE * (10 if LONG else 2))
            failed_in, used = time.monotonic() - began, self.processor_time() - used
            wait_for("who never reads to be cut off", lambda: self.is_cut_off(client))
            wait_for("the notices", lambda: self.metric('yagura_notices{state="due"}') == 0, PATIENCE * 5)
            lasted = time.monotonic() - began
            self.assertEqual(self.daemon.yagura("status").status, 0)
        finally:
            pings.end()
        lag, memory = self.metric("yagura_event_loop_lag_seconds_max"), self.peak()
        lesser = self.lesser_before_banks()
        table("overload", components=COMPONENTS, failed_in_s=round(failed_in, 1), processor_s=used, lag_max_s=lag, memory_kb=memory,
              pings_taken=pings.taken, pings_refused=pings.refused, pings_per_second=int(pings.taken / lasted),
              lesser_before_a_bank=max(lesser, default=0), mails=len(relay.mails))
        self.assertGreater(len(lesser), 0, "no bank was told")
        self.assertLessEqual(max(lesser), MOST_BEFORE_A_BANK)
        self.assertGreater(pings.taken, 0)
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
        if IS_FAST:
            self.assertLess(lag, LONGEST_LAG)
            self.assertLess(memory, MOST_MEMORY)
            self.assertLess(used, MOST_PROCESSOR)

    def test_one_dead_cause(self):
        """One failure, as many mails as one failure makes, and a record that grows with the components, not with their square."""
        target, relay = self.servers()
        self.write_platform(target, relay, ", depends_on: [c00000]")
        self.start_all()
        began, used, rows = time.monotonic(), self.processor_time(), (self.daemon.folder / "state/yagura.db").stat().st_size
        target.turn_off()
        wait_for("all to fail", lambda: self.runs("failing") >= 2 * COMPONENTS, PATIENCE * (5 if LONG else 2))
        wait_for("one failure", lambda: self.open_failures() == 1)
        wait_for("all to join it", self.all_joined, PATIENCE * (3 if LONG else 1))
        wait_for("the record", lambda: self.metric("yagura_record_queue") == 0)
        wait_for("the notices", lambda: self.metric('yagura_notices{state="due"}') == 0)
        lasted, used = time.monotonic() - began, self.processor_time() - used
        grown = (self.daemon.folder / "state/yagura.db").stat().st_size - rows
        lag, memory = self.metric("yagura_event_loop_lag_seconds_max"), self.peak()
        table("overload-one-cause", components=COMPONENTS, lasted_s=round(lasted, 1), processor_s=used, lag_max_s=lag, memory_kb=memory,
              record_kb=grown // 1024, mails=len(relay.mails))
        self.assertLessEqual(len(relay.mails), OPS_AUDIENCES * (2 + int(lasted / BUNDLE)) + 1, "more than a mail for each five seconds and audience")
        self.assertLess(grown, MOST_RECORD * COMPONENTS + 2_000_000)
        if IS_FAST:
            self.assertLess(lag, LONGEST_LAG)
            self.assertLess(memory, MOST_MEMORY)
            self.assertLess(used, MOST_PROCESSOR)
        self.daemon.stop()
        self.daemon.start()
        self.assertTrue(self.all_joined(), "a component was forgotten by a restart")


if __name__ == "__main__":
    unittest.main(verbosity=2)
