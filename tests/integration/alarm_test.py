"""Alarms of other systems: the real prometheus-alertmanager posts to the daemon, and programs post events. What each sender may do
and may not, and that what was said is known after a kill."""
import datetime
import json
import shutil
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from world import PATIENCE, Case, free_port, wait_for

ALERTMANAGER = shutil.which("prometheus-alertmanager")


def post(url, body, token=None):
    """Status and text of the answer."""
    request = urllib.request.Request(url, body if isinstance(body, bytes) else json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


class Alarms(Case):
    def begin(self, components):
        for name in ("alertmanager", "event"):
            (self.folder / name).write_text(f"token-of-{name}\n")
            (self.folder / name).chmod(0o600)
        self.write(components, more="""
incoming:
  alertmanager: {token_file: alertmanager}
  event: {token_file: event}
""")
        self.daemon.start()

    def send(self, sender, body, token=None):
        return post(f"http://127.0.0.1:{self.http_port}/in/{sender}", body, token or f"token-of-{sender}")

    def probe(self, component):
        status = self.daemon.ask("status")
        return next(one for one in status["components"] if one["id"] == component)["probes"][0]

    def becomes(self, component, verdict):
        return wait_for(f"{component} to be {verdict}\n{self.daemon.tail()}",
                        lambda: (probe := self.probe(component))["verdict"] == verdict and probe)


@unittest.skipUnless(ALERTMANAGER, "prometheus-alertmanager is not installed")
class Alertmanager(Alarms):
    def setUp(self):
        super().setUp()
        self.begin("""  web-1:
    owner: infra-ops
    probes: [{kind: alarm, source: alertmanager, match: {alertname: DiskFull, instance: "web-1:9100"}, warning_when: {severity: warning}}]
""")
        config = self.folder / "alertmanager.yml"
        config.write_text(f"""
route: {{receiver: yagura, group_by: [alertname], group_wait: 10ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: yagura
    webhook_configs:
      - url: http://127.0.0.1:{self.http_port}/in/alertmanager
        send_resolved: true
        http_config: {{authorization: {{credentials_file: {self.folder}/alertmanager}}}}
""")
        self.port = free_port()
        with open(self.folder / "alertmanager.log", "w") as log:
            process = subprocess.Popen(
                [ALERTMANAGER, f"--config.file={config}", f"--storage.path={self.folder}/alerts", "--cluster.listen-address=",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for("Alertmanager", self.is_ready)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def alert(self, name="DiskFull", ends=None, **labels):
        now = datetime.datetime.now(datetime.timezone.utc)
        alert = {"labels": {"alertname": name, "instance": "web-1:9100", **labels}, "annotations": {"summary": "/ is 95% full"},
                 "startsAt": (now - datetime.timedelta(minutes=1)).isoformat()}
        if ends is not None:
            alert["endsAt"] = (now + ends).isoformat()
        status, text = post(f"http://127.0.0.1:{self.port}/api/v2/alerts", [alert])
        self.assertEqual(status, 200, text)

    def test_what_alertmanager_says_is_what_the_component_is(self):
        self.alert(severity="warning")
        self.assertEqual(self.becomes("web-1", "warning")["reason"], "DiskFull (web-1:9100): / is 95% full")
        self.alert(severity="critical")
        self.assertEqual(self.becomes("web-1", "failing")["values"], {"alarms_firing": 2})
        self.assertEqual(self.daemon.failure()["components"], ["web-1"])
        # What nobody asked for is told of, and harms nobody.
        self.alert(name="Misspelt")
        wait_for("a line of it", lambda: [row for row in self.daemon.ask("record") if row["what"] == "alarm.unmatched"])
        now = datetime.timedelta()
        self.alert(severity="critical", ends=now)
        self.becomes("web-1", "warning")
        self.alert(severity="warning", ends=now)
        self.becomes("web-1", "ok")
        wait_for("the end of the failure", lambda: self.daemon.failure()["recovered_at"])

    def test_a_daemon_that_was_away_hears_of_it_when_it_is_back(self):
        self.daemon.stop()
        self.alert(severity="critical")
        self.daemon.start()
        self.becomes("web-1", "failing")


class Events(Alarms):
    def setUp(self):
        super().setUp()
        self.begin("  backup:\n    owner: infra-ops\n    probes: [{kind: alarm, source: event, match: {key: backup}, stale_after: 26h}]\n")

    def test_a_program_says_how_it_is_and_that_outlives_a_kill(self):
        status, text = self.send("event", {"key": "backup", "state": "failing", "text": "no \x1b[31mspace"})
        self.assertEqual((status, json.loads(text)), (200, {"taken": 1, "unmatched": 0}))
        self.daemon.kill_9()  # 200 was said: it is in the record
        self.daemon.start()
        self.assertEqual(self.becomes("backup", "failing")["reason"], "backup: no \\x1b[31mspace")
        self.assertEqual(self.send("event", [{"key": "backup", "state": "ok"}])[0], 200)
        self.becomes("backup", "ok")

    def test_who_may_not_is_refused_before_the_body_is_read(self):
        with socket.create_connection(("127.0.0.1", self.http_port), PATIENCE) as connection:
            connection.sendall(b"POST /in/event HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-event\r\nContent-Length: 70000\r\n\r\n")
            self.assertIn(b" 413 ", connection.recv(1000))
        body = json.dumps([{"key": "backup", "state": "failing", "text": "x" * 1_000}] * 60).encode()
        self.assertEqual(self.send("event", body)[0], 200)  # 62,000 bytes, whole
        self.assertEqual(self.send("event", {"key": "backup", "state": "ok"})[0], 200)
        self.assertEqual(self.send("event", {"key": "backup", "state": "failing"}, "token-of-alertmanager")[0], 401)
        self.assertEqual(self.send("event", b"x" * 1_000_000, "wrong")[0], 401)
        self.assertEqual(self.send("event", {"key": "backup", "state": "down"})[0], 400)
        self.assertEqual(self.send("sns", {})[0], 404)
        self.assertEqual(self.probe("backup")["verdict"], "ok")
        refused = [row["details"] for row in self.daemon.ask("record") if row["what"] == "access.refused"]
        self.assertEqual([row["status"] for row in refused], ["413", "401", "401", "400", "404"])
        self.assertNotIn("token-of", self.daemon.tail() + json.dumps(refused))


if __name__ == "__main__":
    unittest.main()
