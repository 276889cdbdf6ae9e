"""A platform on which everything happens at once, for tests that crash the daemon in the middle of it: probes turn, people
give orders, jobs report, mail goes to a real relay. At the end it must come to rest, and the accounts must balance
(Accounts.balance): what was decided has arrived, and nothing else has.

All that is random comes from one seed, which is printed first. Real time is no part of it: the same seed makes the same
choices, not the same run."""
import collections
import http.client
import json
import os
import random
import re
import socket
import subprocess
import threading
import time
import urllib.request

from world import BUILD, PATIENCE, SOURCE, USER, Case, Listener, Relay, free_port, message_of, wait_for

LONG = bool(os.environ.get("YAGURA_LONG"))
SEED = int(os.environ.get("YAGURA_SEED") or time.time_ns() % 1_000_000)


def chance(name):
    """Random choices of their own for each who chooses."""
    return random.Random(f"{SEED} {name}")


def table(name, **counts):
    """A line of the table that the long run prints."""
    line = f"TABLE {name} " + " ".join(f"{key}={value}" for key, value in counts.items())
    print(line, flush=True)
    if os.environ.get("YAGURA_TABLE"):
        with open(os.environ["YAGURA_TABLE"], "a") as lines:
            lines.write(line + "\n")


class Target(Listener):
    """What a probe looks at: a port that is open or not."""

    def __init__(self, choose):
        self.port = free_port(choose)
        self.listener = None
        self.turn_on()

    def turn_on(self):
        if self.listener is None:
            self.open()

    def _serve(self, connection):
        connection.close()

    def turn_off(self):
        if self.listener is not None:
            self.close()
            self.listener = None


class Gate(Listener):
    """Stands before the relay, and holds some of its answers to a whole mail back for a while: the time in which nobody
    can know whether it was taken. lie_in_wait() catches the next such answer, which is let go by let_go()."""

    def __init__(self, relay_port):
        self.relay_port = relay_port
        self.choose = chance("gate")
        self.holding = True
        self.wanted = threading.Event()
        self.caught = threading.Event()
        self.gone = threading.Event()
        self.open()

    def lie_in_wait(self):
        self.caught.clear()
        self.gone.clear()
        self.wanted.set()

    def let_go(self):
        self.wanted.clear()
        self.gone.set()

    def _serve(self, client):
        with client:
            try:
                relay = socket.create_connection(("127.0.0.1", self.relay_port), PATIENCE)
            except OSError:
                return
            with relay:
                for one in (client, relay):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answers = threading.Thread(target=self._pass_on, args=(relay, client, True), daemon=True)
                answers.start()
                self._pass_on(client, relay, False)
                answers.join()

    def _pass_on(self, source, target, answers):
        try:
            while piece := source.recv(65536):
                if answers and re.search(rb"^250 .*(queued|kept)", piece):
                    self._hold()
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, target):
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # Gone already.

    def _hold(self):
        if self.wanted.is_set():
            self.wanted.clear()
            self.caught.set()
            self.gone.wait(PATIENCE)
        elif self.holding and self.choose.random() < 0.3:
            time.sleep(self.choose.uniform(0, 0.3))


class Postfix:
    """Postfix where it can be run here, else the relay of these tests. `arrived` gives who got what."""

    def __init__(self, folder):
        self.folder = folder / "postfix"
        self.helper = SOURCE / "tests/integration/postfix.sh"
        self.own = None
        self.port = free_port()
        self.known = {}  # file: (Message-ID, recipient, the mail as the daemon wrote it)
        folder.chmod(0o755)
        started = subprocess.run([self.helper, "start", self.folder, str(self.port)], capture_output=True, text=True)
        if started.returncode == 77:
            print("not Postfix:", started.stderr.strip())
            self.own = Relay()
            self.port = self.own.port
        elif started.returncode != 0:
            raise AssertionError(started.stderr)

    def stop(self):
        if self.own:
            self.own.close()
        else:
            subprocess.run([self.helper, "stop", self.folder], check=True)

    def arrived(self):
        if self.own:
            return [(message_of(content)["Message-ID"], to, content.replace(b"\r\n", b"\n"))
                    for recipients, content in list(self.own.mails) for to in recipients]
        for file in self.folder.glob("mail/all/new/*"):
            if file.name not in self.known:
                content = file.read_bytes()
                mail = message_of(content)
                # Of what the relay put before it nothing counts.
                written = content[content.index(b"\nFrom: ") + 1:]
                self.known[file.name] = (mail["Message-ID"], mail["Delivered-To"], written)
        return list(self.known.values())


class Witness:
    """Reads the record as it grows. What it has seen was durable, and has to stay as it is."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.rows = {}  # id: the row
        self.changed = []

    def read(self):
        """What is new; False where the daemon is away."""
        while True:
            after = max(self.rows, default=0)
            try:
                rows = self.ask(f"/v1/record/raw?after={after}")
            except (OSError, http.client.HTTPException, ValueError):
                return False
            for row in rows:
                self.rows[row["id"]] = row
            if len(rows) < 500:
                return True

    def read_again(self):
        """All of it once more, against what was seen."""
        seen, self.rows = self.rows, {}
        if not self.read():
            raise AssertionError("the record cannot be read")
        self.changed += [number for number, row in seen.items() if self.rows.get(number, {}).get("chain") != row["chain"]]

    def ask(self, target):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.daemon.socket))
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            body = answer.read()
            if answer.status != 200:
                raise ValueError(body)
            return json.loads(body)


class Load:
    """What goes on all the time, in threads of its own, whether the daemon is there or not."""

    COMPONENTS = ("web-1", "web-2", "app", "database", "files")

    def __init__(self, daemon, http_port):
        self.daemon = daemon
        self.http_port = http_port
        choose = chance("ports")
        self.targets = {name: Target(choose) for name in self.COMPONENTS}
        self.acknowledged = []  # (command, the mark in its text) of each order that was answered with "done"
        self.orders = 0
        self.failures = 10  # numbers up to about this one are spoken of
        self.ended = threading.Event()
        self.threads = []
        self.marks = 0
        self.lock = threading.Lock()

    def begin(self):
        acts = [("weather", self._weather), ("sato", self._order), ("suzuki", self._order), ("jobs", self._ping)]
        self.threads = [threading.Thread(target=self._go_on, args=(chance(name), act), daemon=True) for name, act in acts]
        for thread in self.threads:
            thread.start()

    def end(self):
        """Everything is well from here on."""
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        for target in self.targets.values():
            target.turn_on()

    def close(self):
        self.ended.set()
        for target in self.targets.values():
            target.turn_off()

    def _go_on(self, choose, act):
        while not self.ended.is_set():
            act(choose)

    def _weather(self, choose):
        time.sleep(choose.uniform(0.05, 0.3))
        target = choose.choice(list(self.targets.values()))
        # More often on than off.
        target.turn_off() if choose.random() < 0.45 else target.turn_on()

    def _ping(self, choose):
        time.sleep(choose.uniform(0.05, 0.2))
        what = choose.choice(["", "/start", "/fail", "/3", "/log"])
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping/batch{what}",
                                   b"x" * choose.randrange(3000), PATIENCE).close()
        except OSError:
            pass  # The daemon is away.

    def mark(self):
        with self.lock:
            self.marks += 1
            return f"mark-{self.marks:05d}-"

    def _order(self, choose):
        time.sleep(choose.uniform(0.02, 0.1))
        mark = self.mark()
        number = str(choose.randint(max(1, self.failures - 8), self.failures))
        service = choose.choice(["site", "portal", "files-service"])
        year = time.gmtime().tm_year + 1
        command = choose.choice([
            ["ack", number], ["ack", number], ["report", number], ["report", number, "--to-banks"], ["recover", number],
            ["confirm", number], ["confirm", number, "--job-ok"], ["classify", number, "incident"],
            ["classify", number, "major"], ["banks", number, "--add", "hinode"], ["banks", number, "--remove", "midori"],
            ["open", "--service", service, "--from-desk"], ["open", "--component", "files", "--class", "major"],
            ["stop", "plan", "--service", service, "--from", f"{year}-06-{choose.randint(1, 28):02d}T02:00:00+09:00",
             "--until", f"{year}-06-30T04:00:00+09:00"]])
        try:
            answer = self.daemon.yagura(*command, "-m", mark)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"yagura {' '.join(command)} does not end") from None
        self.orders += 1
        if answer.status == 0:
            self.acknowledged.append((" ".join(command), mark))
        if found := re.search(r"failure (\d+) is open", answer.out):
            self.failures = max(self.failures, int(found.group(1)))


def configuration(load, gate, timeout="5s"):
    probes = {name: f"{{kind: tcp, host: 127.0.0.1, port: {target.port}}}" for name, target in load.targets.items()}
    return f"""
timezone: Asia/Tokyo
state: state
listen: {{control: control.sock, http: "127.0.0.1:{load.http_port}"}}
mail:
  from: 運用監視 <kanshi@example.jp>
  smtp: [{{url: "smtp://127.0.0.1:{gate.port}", starttls: "off"}}]
  timeout: {timeout}
  retry: {{first: 1s, most: 1s}}
  parallel: 3
windows:
  bank_mail: {{days: all, hours: "00:00-24:00"}}
  response_hours: {{days: all, hours: "00:00-24:00"}}
people:
  sato:   {{name: 佐藤 彩, mail: sato@ops.example, roles: [system-lead, ap-ops, inquiry-desk], unix_user: {USER}}}
  suzuki: {{name: 鈴木 真, mail: suzuki@ops.example, roles: [infra-ops, ap-ops]}}
  kudo:   {{name: 工藤 望, mail: kudo@desk.example, roles: [inquiry-desk]}}
banks:
  aozora: {{name: 青空銀行, contacts: [{{mail: yamada@aozora.example}}, {{mail: kato@aozora.example}}], services: all}}
  midori: {{name: みどり信用金庫, contacts: [{{mail: hayashi@midori.example}}], services: [portal]}}
  hinode: {{name: 日の出銀行, contacts: [{{mail: mori@hinode.example}}], services: [site]}}
services:
  site: {{name: 会員企業サイト, needs: [{{at_least: 1, of: [web-1, web-2]}}, database]}}
  portal: {{name: 銀行ポータル, needs: [app]}}
  files-service: {{name: ファイル伝送, needs: [files]}}
probe_defaults: {{interval: 1s, timeout: 900ms, confirm: 1, retry: 1s}}
components:
  web-1: {{owner: infra-ops, depends_on: database, probes: [{probes['web-1']}]}}
  web-2: {{owner: infra-ops, depends_on: database, probes: [{probes['web-2']}]}}
  app: {{owner: ap-ops, probes: [{probes['app']}], primary_response: [{{run: [/bin/sleep, "0.2"], timeout: 2s}}]}}
  database: {{owner: infra-ops, probes: [{probes['database']}]}}
  files: {{owner: ap-ops, probes: [{probes['files']}]}}
  batch: {{owner: ap-ops, probes: [{{kind: job, every: 1h}}]}}
escalation:
  incident: [{{to: system-lead, after: 1s, unless: acknowledged}}]
  major:
    - {{to: [system-lead, inquiry-desk]}}
    - {{to: [ap-ops, infra-ops], after: 2s, unless: acknowledged}}
    - {{to: banks, window: bank_mail}}
  remind: none
  report_due: 7d
  undetermined_at_most: 3s
  correlate: 2s
  auto_close: 2s
bank_notices: {{first_per_hour: 1000}}
"""


class Storm(Case):
    """A daemon in the middle of all this. crash_again() is for the test that knows when; rest() ends it."""

    def setUp(self):
        super().setUp()
        print(f"seed {SEED} (YAGURA_SEED), programs of {BUILD}", flush=True)
        self.choose = chance(self.id())
        self.relay = Postfix(self.folder)
        self.addCleanup(self.relay.stop)
        self.gate = Gate(self.relay.port)
        self.addCleanup(self.gate.close)
        self.load = Load(self.daemon, free_port(chance("http")))
        self.addCleanup(self.load.close)
        self.witness = Witness(self.daemon)
        self.daemon.config.write_text(configuration(self.load, self.gate))

    def is_intact(self):
        verified = self.daemon.yagura("record", "--verify")
        self.assertEqual(verified.status, 0, verified.out + verified.err + self.daemon.tail())

    def unsent(self):
        return [one for one in self.daemon.notices() if one["state"] in ("due", "held")]

    def close_failures(self):
        for failure in self.daemon.ask("failures"):
            if failure["phase"] != "closed":
                number = str(failure["id"])
                self.daemon.yagura("recover", number, "-m", "直した")
                self.daemon.yagura("confirm", number, "--job-ok", "-m", "異常なし")
        return not self.daemon.ask("failures")

    def rest(self):
        """Everything heals; every failure is closed, every notice handed over. Gives the accounts."""
        self.load.end()
        self.gate.holding = False
        wait_for("every failure to be closed\n" + self.daemon.tail(), self.close_failures)
        wait_for("every notice to be handed over\n" + self.daemon.tail(), lambda: not self.unsent())
        self.is_intact()
        self.witness.read_again()
        self.assertEqual(self.witness.changed, [], "rows that were durable are gone or different")
        accounts = Accounts(self.daemon.notices(), self.witness.rows.values(), self.load.acknowledged)
        ended = time.monotonic() + 20
        while accounts.missing(self.relay.arrived()) and time.monotonic() < ended:
            time.sleep(0.1)
        time.sleep(0.5)  # for what should not come
        self.daemon.stop()
        accounts.balance(self, self.relay.arrived())
        for trouble in ("chain of", "has a mail already", "are lost"):
            self.assertNotIn(trouble, self.daemon.log.read_text())
        return accounts


class Accounts:
    """What was decided, by the record; what arrived, by the relay; what people were told was done."""

    def __init__(self, notices, rows, acknowledged):
        self.notices = {one["id"]: one for one in notices}
        self.rows = list(rows)
        self.acknowledged = acknowledged
        # Attempts after which nobody knew: the only reason for a mail to come twice.
        self.unknown = collections.Counter(
            row["notice"] for row in self.rows
            if row["what"] == "notice.attempt" and row["details"].get("outcome") == "unknown")
        self.expected = {(one["message_id"], to): one for one in self.notices.values() if one["state"] == "sent"
                         for to in self.recipients(one)}
        self.duplicated = 0

    @staticmethod
    def recipients(notice):
        return [re.sub(r".*<(.*)>", r"\1", to) if isinstance(to, str) else to["mail"] for to in notice["to"]]

    def missing(self, arrived):
        there = {(message_id, to) for message_id, to, _ in arrived}
        return [pair for pair in self.expected if pair not in there]

    def balance(self, test, arrived):
        """Fails with what does not fit."""
        decided = {row["notice"] for row in self.rows if row["what"] == "notice.queued"}
        test.assertTrue(decided)
        test.assertEqual(decided - set(self.notices), set(), "decided, and not known any more")
        states = collections.Counter(one["state"] for one in self.notices.values())
        test.assertEqual(set(states) - {"sent", "merged", "withdrawn"}, set(), states)
        for one in self.notices.values():
            if one["state"] == "merged":
                test.assertEqual(self.notices[one["into"]]["state"], "sent", one)
        test.assertEqual(self.missing(arrived), [], "lost")

        by_message = {one["message_id"]: one for one in self.notices.values()}
        test.assertEqual(len(by_message), len(self.notices))
        counts = collections.Counter((message_id, to) for message_id, to, _ in arrived)
        bytes_of = collections.defaultdict(set)
        for message_id, _, written in arrived:
            bytes_of[message_id].add(written)
        repeated = set()
        for (message_id, to), count in counts.items():
            test.assertIn(message_id, by_message, "arrived, and no row knows of it")
            notice = by_message[message_id]
            if (message_id, to) not in self.expected:
                # Taken back after an attempt of which nobody knew that it had succeeded.
                test.assertEqual(notice["state"], "withdrawn", notice)
                test.assertGreater(self.unknown[notice["id"]], 0, notice)
            test.assertLessEqual(count, 1 + self.unknown[notice["id"]], f"more often than crashes explain: {notice}")
            if count > 1:
                repeated.add((message_id, count - 1))
        self.duplicated = sum(more for _, more in repeated)
        for message_id, versions in bytes_of.items():
            test.assertEqual(len(versions), 1, f"{message_id} came in different words")

        texts = "\n".join(json.dumps(row["details"], ensure_ascii=False) for row in self.rows)
        lost = [(order, mark) for order, mark in self.acknowledged if mark not in texts]
        test.assertEqual(lost, [], "orders that were done by what people were told, and are not in the record")

    def counts(self):
        states = collections.Counter(one["state"] for one in self.notices.values())
        return {"rows": len(self.rows), "orders": len(self.acknowledged), "decided": len(self.notices),
                "delivered": states["sent"], "merged": states["merged"], "withdrawn": states["withdrawn"],
                "unknown": sum(self.unknown.values()), "duplicated": self.duplicated, "lost": 0}
