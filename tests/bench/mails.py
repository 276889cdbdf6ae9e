"""From the first bad answer to the mail in the relay's hands, and what becomes of ten thousand failures at once: 6 and 7 of
docs/performance.md."""
import pathlib
import re
import socket
import statistics
import sys
import threading
import time

import bench
from bench import PORT, Target, Watcher, each, table, wait_for
from world import Relay

ROUNDS = 8


class TimedRelay(Relay):
    """Says when each mail was in its hands. `slow_acks`: it acknowledges as late as the kernel lets it, as relays far away do."""

    def __init__(self, slow_acks=False):
        self.slow_acks = slow_acks
        self.came = []  # (when, bytes)
        super().__init__()
        self.mails = self

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.slow_acks:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        super()._serve(connection)

    def append(self, mail):
        self.came.append((time.monotonic(), mail[1]))


class Switch:
    """A web server of one page, which is well or not. Says when it gave the first bad answer, and how often it was asked."""

    def __init__(self):
        self.well, self.first_bad, self.asked = True, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            try:
                with connection:
                    connection.settimeout(5)
                    self._answer(connection)
            except OSError:
                pass  # The other side has gone.

    def _answer(self, connection):
        connection.recv(4096)
        self.asked += 1
        status = "200 OK" if self.well else "503 Service Unavailable"
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        if not self.well and self.first_bad is None:
            self.first_bad = time.monotonic()

    def turn(self, well):
        self.first_bad = None
        self.well = well


def detection():
    rows = []
    for words, slow in (("that acknowledges at once", False), ("that delays its acknowledgements", True)):
        with bench.folder() as name:
            relay, switch = TimedRelay(slow), Switch()
            watcher = Watcher(pathlib.Path(name) / "d", "  web: {owner: infra-ops, probes: "
                              f"[{{kind: http, url: 'http://127.0.0.1:{switch.port}/', interval: 1s, timeout: 900ms}}]}}\n",
                              mail=f"smtp: [{{url: 'smtp://127.0.0.1:{relay.port}', starttls: off}}]")
            watcher.config.write_text(watcher.config.read_text() + "escalation: {flapping: none}\n")
            watcher.start()
            taken = []
            try:
                wait_for("a first run", lambda: watcher.runs() > 1)
                for _ in range(ROUNDS):
                    time.sleep(5.5)  # Beyond what is bundled with the mail before.
                    count = len(relay.came)
                    switch.turn(False)
                    wait_for("a mail\n" + watcher.tail(), lambda: len(relay.came) > count)
                    taken.append(relay.came[count][0] - switch.first_bad)
                    time.sleep(5.5)
                    count = len(relay.came)
                    switch.turn(True)
                    wait_for("the mail of the recovery\n" + watcher.tail(), lambda: len(relay.came) > count)
            finally:
                watcher.stop()
            rows.append([words, f"{statistics.median(taken) * 1000:.1f} ms", f"{max(taken) * 1000:.1f} ms"])
    table(f"6  From the first bad answer to the mail in the relay's hands ({ROUNDS} failures, durable before it leaves)",
          ["a relay", "median", "most"], rows)


def storm():
    count, rows = 10_000, []
    for words, one_cause in (("behind one dead cause", True), ("unrelated", False)):
        with bench.folder() as name:
            relay, target = TimedRelay(), Target().start()
            components = each("tcp", count, more=", confirm: 2" if one_cause else "")
            if one_cause:
                components = components.replace("probes:", "depends_on: [cause]\n    probes:") \
                    + f"  cause: {{owner: infra-ops, probes: [{{kind: tcp, host: 127.0.0.1, port: {PORT}, interval: 1s, timeout: 900ms}}]}}\n"
            watcher = Watcher(pathlib.Path(name) / "d", components, interval="5s", timeout="2s", needs="[cause]" if one_cause else "[spare]",
                              mail=f"smtp: [{{url: 'smtp://127.0.0.1:{relay.port}', starttls: off}}]")
            watcher.start()
            try:
                wait_for("a first run of all", lambda: watcher.runs() > 2 * count, patience=180)
                before, idle = watcher.metrics(), watcher.processor()
                time.sleep(20)
                idle = watcher.processor() - idle
                target.stop()
                began, processor = time.monotonic(), watcher.processor()
                time.sleep(20)
                processor = watcher.processor() - processor
                after = watcher.metrics()
                came = [(when - began, re.search(rb"^X-Yagura-Audience: (.*)\r$", mail, re.M).group(1).decode(), len(mail)) for when, mail in relay.came]
                opened = after['yagura_failures_open{class="undetermined"}'] + after['yagura_failures_open{class="major"}'] \
                    + after['yagura_failures_open{class="incident"}']
                closest = min((b[0] - a[0] for a in came for b in came if a[1] == b[1] and a[0] < b[0]), default=None)
                rows.append([words, f"{opened:.0f}", len(came), len({one[1] for one in came}),
                             f"{min(one[0] for one in came):.2f} s" if came else "-", f"{max(one[0] for one in came):.2f} s" if came else "-",
                             f"{closest:.1f} s" if closest else "-",
                             f"{after['yagura_record_rows_total'] - before['yagura_record_rows_total']:.0f}",
                             f"{after['yagura_record_commits_total'] - before['yagura_record_commits_total']:.0f}",
                             f"{idle:.2f} s", f"{processor:.2f} s"])
            finally:
                watcher.stop()
                target.stop()
    table(f"7  {count} components fail at once (TCP, every 5 s), the 20 s from then on",
          ["", "failures", "mails", "audiences", "first", "last", "closest to one audience", "rows", "commits", "processor, 20 s idle", "20 s storm"], rows)


def main():
    bench.own_network()
    for part in sys.argv[1:] or ("detection", "storm"):
        {"detection": detection, "storm": storm}[part]()


if __name__ == "__main__":
    main()
