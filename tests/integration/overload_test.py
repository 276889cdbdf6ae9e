"""More than it ever should have on its hands: every component fails at once, jobs report a thousand times a second, and
somebody asks on the control socket and never reads the answers. What it has to keep to then (measured with the release build
on two cores; the bounds are five times that and more; programs that are sanitized, or for debugging, get fewer components and are
held to the order of notices only):

- the loop is never later than 5 s (yagura_event_loop_lag_seconds_max; measured 0.03 s to 0.10 s with 500 components, on a loaded machine),
- its memory stays below 200 MB (VmHWM; measured 33 MB),
- who asks gets an answer, and who never reads is cut off,
- a notice to a bank waits for lesser notices only that were under way before it, of which there are two.

A turn of the decision code looks at every component and every open failure, so that the time in which N components fail
grows with the square of N: seconds for 500. With YAGURA_LONG it is 2,000."""
import http.client
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
COMPONENTS = 50 if not IS_FAST else 2000 if LONG else 500
GRAVE = 10  # of them keep a service down
PINGS_PER_SECOND = 1000
LONGEST_LAG = 5.0     # seconds
MOST_MEMORY = 200_000  # kB
MOST_BEFORE_A_BANK = 3


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

    def write_platform(self, target, relay):
        probe = f"[{{kind: tcp, host: 127.0.0.1, port: {target.port}}}]"
        lines = [f"  c{number:05}: {{owner: infra-ops, probes: {probe}}}" for number in range(COMPONENTS - GRAVE)]
        lines += [f"  grave-{number}: {{owner: ap-ops, probes: {probe}}}" for number in range(GRAVE)]
        lines += ["  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}"]
        self.write("\n".join(lines),
                   mail=f"smtp: [{{url: \"smtp://127.0.0.1:{relay.port}\", starttls: off}}]\n  timeout: 30s")
        text = self.daemon.config.read_text()
        needs = ", ".join(f"grave-{number}" for number in range(GRAVE))
        text = re.sub(r"needs: \[c00000[^\]]*\]", f"needs: [{needs}]", text)
        self.daemon.config.write_text(text.replace("interval: 1s, timeout: 900ms", "interval: 5s, timeout: 4s"))

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

    def test_all_at_once(self):
        target = Target(chance("overload"))
        self.addCleanup(target.turn_off)
        relay = Relay()
        relay.mails = SlowMails()
        self.addCleanup(relay.close)
        self.write_platform(target, relay)
        self.daemon.start()
        wait_for("all well", lambda: self.metric('yagura_probe_runs_total{kind="tcp",verdict="ok"}') >= COMPONENTS)
        pings = Pings(self.http_port)
        try:
            began = time.monotonic()
            client = self.never_read()
            target.turn_off()
            wait_for("all to fail\n" + self.daemon.tail()[-1000:], lambda: self.open_failures() >= COMPONENTS,
                     PATIENCE * (10 if LONG else 2))
            failed_in = time.monotonic() - began
            wait_for("who never reads to be cut off", lambda: self.is_cut_off(client))
            wait_for("the notices", lambda: self.metric('yagura_notices{state="due"}') == 0, PATIENCE * 5)
            lasted = time.monotonic() - began
            self.assertEqual(self.daemon.yagura("status").status, 0)
        finally:
            pings.end()
        lag, memory = self.metric("yagura_event_loop_lag_seconds_max"), self.peak()
        lesser = self.lesser_before_banks()
        table("overload", components=COMPONENTS, failed_in_s=round(failed_in, 1), lag_max_s=lag, memory_kb=memory,
              pings_taken=pings.taken, pings_refused=pings.refused, pings_per_second=int(pings.taken / lasted),
              lesser_before_a_bank=max(lesser, default=0), mails=len(relay.mails))
        self.assertGreater(len(lesser), 0, "no bank was told")
        self.assertLessEqual(max(lesser), MOST_BEFORE_A_BANK)
        self.assertGreater(pings.taken, 0)
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
        if IS_FAST:
            self.assertLess(lag, LONGEST_LAG)
            self.assertLess(memory, MOST_MEMORY)


if __name__ == "__main__":
    unittest.main(verbosity=2)
