"""The record is lost, and comes back: backups under load, a damaged file, restoring, beginning anew, an older release's
record."""
import http.client
import json
import os
import socket
import sqlite3
import stat
import subprocess
import threading
import unittest
import urllib.request

from world import BUILD, PATIENCE, SOURCE, Case, far_day, free_port, wait_for

RECORD = 4  # yagurad's exit status where only a person can help


class Record(Case):
    FAILS = "  web: {owner: infra-ops, probes: [{kind: tcp, host: 127.0.0.1, port: %d}]}\n" \
            "  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}"

    def setUp(self):
        super().setUp()
        self.state = self.folder / "state"
        self.base = self.state / "yagura.db"
        self.components = self.FAILS % free_port()

    def begin(self, closed=True):
        """A major failure, in hand, of which no bank has been told yet."""
        self.close_window() if closed else self.write(self.components)
        self.daemon.start()
        wait_for("a major failure\n" + self.daemon.tail(), lambda: (self.daemon.failure() or {}).get("class") == "major")
        self.daemon.order("ack", "1", "-m", "着手")
        if closed:
            wait_for("the held notice", lambda: self.daemon.ask("notices", "--held"))

    def close_window(self):
        self.write(self.components, window="{days: [%s], hours: \"10:00-17:00\"}" % far_day())

    def refused_start(self):
        """What a daemon says that does not start because of its record."""
        ended = subprocess.run([BUILD / "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                               timeout=PATIENCE)
        self.assertEqual(ended.returncode, RECORD, ended.stderr)
        self.assertIn("daemon.refused", ended.stderr)
        return ended.stderr

    def restore(self, *arguments):
        return self.daemon.yagura("--config", self.daemon.config, "restore", *arguments)

    def damage(self):
        """What a failing disk leaves: pages of something else, and no log."""
        with open(self.base, "r+b") as base:
            base.seek(4096)
            base.write(b"\x5a" * 65536)
        (self.state / "yagura.db-wal").unlink(missing_ok=True)

    def aside(self, word):
        return [file for file in sorted(self.state.glob(f"yagura.db.{word}-*")) if file.name[-4:] not in ("-wal", "-shm")]

    def ping(self):
        address = f"http://127.0.0.1:{self.http_port}/ping/batch"
        with urllib.request.urlopen(address, b"x" * 5000, PATIENCE) as answer:
            return answer.status


class Drill(Record):
    """What docs/operating.md tells operators to practise."""

    def test_a_backup_under_load_brings_everything_back(self):
        self.begin()
        self.daemon.order("open", "--service", "other", "--from-desk", "-m", "管理者から電話")
        before = {one["id"]: one for one in self.daemon.ask("failures", "--all")}
        held = self.daemon.ask("notices", "--held")
        self.assertEqual(held[0]["kind"], "bank.first")

        # Pings and orders go on all the time.
        ended, done = threading.Event(), []

        def load(act):
            while not ended.is_set():
                act()
                done.append(act)
        threads = [threading.Thread(target=load, args=(act,)) for act in
                   (self.ping, lambda: self.daemon.order("report", "1", "-m", "復旧作業中"))]
        for thread in threads:
            thread.start()
        try:
            wait_for("some load", lambda: len(done) > 20)
            backup = self.folder / "backup.db"
            made = self.daemon.yagura("--json", "backup", backup)
            self.assertEqual(made.status, 0, made.err)
            there = len(done)
            wait_for("more load", lambda: len(done) > there + 5)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(stat.S_IMODE(backup.stat().st_mode), 0o600)
        self.assertEqual([file.name for file in self.folder.glob("backup.db*")], ["backup.db"])
        self.assertIn("record.backup", [line["what"] for line in self.daemon.ask("record")])
        # What happens now is not in it.
        self.daemon.order("open", "--component", "elsewhere", "-m", "nobody will know of this")
        lost = {one["id"]: one["message_id"] for one in self.daemon.notices()}
        self.daemon.kill_9()

        self.damage()
        why = self.refused_start()
        damaged = self.aside("damaged")
        self.assertEqual(len(damaged), 1)
        self.assertIn(str(damaged[0]), why)
        self.assertIn("yagura restore BACKUP", why)
        # systemd, or whoever tries again, gets no empty record either.
        self.assertIn("yagura restore BACKUP", self.refused_start())
        self.assertFalse(self.base.exists())

        restored = self.restore("--json", backup)
        self.assertEqual(restored.status, 0, restored.err)
        told = restored.json()
        self.assertEqual(told["rows"], made.json()["rows"])
        self.assertEqual(told["open_failures"], sorted(before))
        unsent = {one["id"]: one for one in told["unsent_notices"]}
        self.assertIn(held[0]["id"], unsent)
        self.assertEqual(unsent[held[0]["id"]]["message_id"], held[0]["message_id"])
        self.assertIsNone(told["set_aside"])  # the damaged one was already
        self.assertTrue(damaged[0].exists())

        self.daemon.start()
        after = {one["id"]: one for one in self.daemon.ask("failures", "--all")}
        self.assertEqual(set(after), set(before))
        for key in ("title", "class", "opened_at", "acknowledged_by", "services", "banks"):
            self.assertEqual(after[1][key], before[1][key])
        self.assertEqual(after[1]["acknowledged_by"], "sato")
        again = {one["id"]: one for one in self.daemon.ask("notices", "--held")}
        for one in held:
            self.assertEqual(again[one["id"]]["message_id"], one["message_id"])
            self.assertEqual(again[one["id"]]["not_before"], one["not_before"])
        verified = self.daemon.yagura("record", "--verify")
        self.assertEqual(verified.status, 0, verified.err)
        lines = [line["what"] for line in self.daemon.ask("record")]
        self.assertIn("record.restored", lines)

        # A notice that takes a number anew takes no Message-ID anew; what was held goes out once.
        self.daemon.order("report", "1", "-m", "記録を戻した")
        self.write(self.components)
        self.daemon.order("reload")
        self.assertEqual(self.mail("bank.first", "bank:aozora")["Message-ID"], held[0]["message_id"])
        wait_for("the rest", lambda: not [one for one in self.daemon.notices() if one["state"] == "due"])
        anew = {one["id"]: one["message_id"] for one in self.daemon.notices()
                if told["last_at"] < one["created_at"] and one["id"] in lost}
        self.assertTrue(anew)
        for number, message_id in anew.items():
            self.assertNotEqual(message_id, lost[number])


class Care(Record):
    def test_a_backup_never_overwrites_and_is_for_the_lead_and_root(self):
        self.begin()
        there = self.folder / "there"
        there.write_text("precious")
        refused = self.daemon.yagura("backup", there)
        self.assertEqual(refused.status, 1)
        self.assertIn("never overwrites", refused.err)
        self.assertEqual(there.read_text(), "precious")
        self.assertEqual(self.daemon.yagura("backup", self.folder / "no" / "such").status, 1)
        self.assertEqual(self.daemon.yagura("backup").status, 2)
        self.assertEqual(list(self.folder.glob("there.*")), [])
        if os.getuid() == 0:
            self.folder.chmod(0o755)
            programs = self.folder / "programs"
            programs.mkdir(mode=0o777)
            programs.chmod(0o777)
            subprocess.run(["cp", BUILD / "yagura", programs], check=True)
            # One of the people, and not the lead.
            people = self.daemon.config.read_text()
            self.daemon.config.write_text(people.replace("roles: [infra-ops]}", "roles: [infra-ops], unix_user: nobody}"))
            self.daemon.order("reload")
            nobody = subprocess.run([programs / "yagura", "--socket", self.daemon.socket, "backup", programs / "copy"],
                                    user="nobody", capture_output=True, text=True, cwd="/", timeout=PATIENCE)
            self.assertEqual(nobody.returncode, 1)
            self.assertIn("only the system lead and root", nobody.stderr)
            self.assertEqual([file.name for file in programs.iterdir()], ["yagura"])
        self.daemon.stop()
        self.assertEqual(self.daemon.yagura("backup", self.folder / "away").status, 3)
        self.assertEqual(list(self.folder.glob("away*")), [])

    def test_a_copy_is_handed_out_piece_by_piece_to_one_at_a_time(self):
        self.begin()

        def ask(method, target):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(str(self.daemon.socket))
                connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
                answer = http.client.HTTPResponse(connection, method=method)
                answer.begin()
                return answer.status, answer.read()
        status, made = ask("POST", "/v1/backup")
        self.assertEqual(status, 200, made)
        made = json.loads(made)
        self.assertEqual(ask("POST", "/v1/backup")[0], 409)  # not while this one is fetched
        self.assertEqual(self.daemon.yagura("backup", self.folder / "second").status, 1)
        self.assertEqual(list(self.folder.glob("second*")), [])
        # Ready, it has no name: whatever becomes of the daemon, nothing of it stays.
        self.assertEqual(list(self.state.glob("yagura.db.copy*")), [])
        self.assertEqual(ask("GET", f"/v1/backup/{made['id']}?from=x")[0], 400)
        self.assertEqual(ask("GET", "/v1/backup/other?from=0")[0], 404)
        self.assertEqual(ask("GET", "/v1/backup")[0], 404)
        copy = b""
        while len(copy) < made["bytes"]:
            status, piece = ask("GET", f"/v1/backup/{made['id']}?from={len(copy)}")
            self.assertEqual(status, 200)
            self.assertTrue(piece)
            copy += piece
        self.assertEqual(len(copy), made["bytes"])
        self.assertTrue(copy.startswith(b"SQLite format 3"))
        self.assertEqual(ask("GET", f"/v1/backup/{made['id']}?from=0")[0], 404)  # given, and forgotten
        self.daemon.order("backup", self.folder / "third")

    def test_a_restore_is_refused_while_the_daemon_runs_and_for_what_is_no_backup(self):
        self.begin()
        backup = self.folder / "backup.db"
        self.daemon.order("backup", backup)
        refused = self.restore(backup)
        self.assertEqual(refused.status, 1)
        self.assertIn(str(self.daemon.process.pid), refused.err)
        self.assertEqual(self.daemon.failure()["id"], 1)
        self.daemon.stop()

        torn = self.folder / "torn.db"
        torn.write_bytes(backup.read_bytes()[:-20000])
        refused = self.restore(torn)
        self.assertEqual(refused.status, 1)
        self.assertIn(str(torn), refused.err)
        self.assertEqual(self.aside("replaced"), [])
        self.assertEqual(self.restore().status, 2)
        self.assertEqual(self.restore(backup, "--new-record").status, 2)
        unread = self.daemon.yagura("--config", self.folder / "none.yaml", "restore", backup)
        self.assertEqual(unread.status, 2)

        # The present record is set aside, and can come back.
        restored = self.restore(backup)
        self.assertEqual(restored.status, 0, restored.err)
        for words in ("bank.first", "bank:aozora", "acknowledged by sato", "set aside"):
            self.assertIn(words, restored.out)
        replaced = self.aside("replaced")
        self.assertEqual(len(replaced), 1)
        self.assertEqual(self.restore(replaced[0]).status, 0)
        self.daemon.start()
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)

    def test_without_a_backup_a_new_record_is_begun_only_on_request(self):
        self.begin()
        self.daemon.kill_9()
        self.damage()
        self.refused_start()
        begun = self.restore("--new-record")
        self.assertEqual(begun.status, 0, begun.err)
        self.daemon.start()
        self.assertEqual(self.daemon.ask("record")[0]["what"], "record.begun")
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
        self.assertEqual(len(self.aside("damaged")), 1)

    def test_a_newer_record_is_refused_and_left_as_it_is(self):
        self.begin()
        self.daemon.stop()
        with sqlite3.connect(self.base) as base:
            base.execute("PRAGMA user_version = 99")
        base.close()
        kept = self.base.read_bytes()
        self.assertIn("newer yagurad", self.refused_start())
        self.assertEqual(self.base.read_bytes(), kept)
        self.assertEqual(self.aside("damaged"), [])

    def test_the_record_of_every_earlier_version_goes_on(self):
        fixtures = sorted((SOURCE / "tests/data/record").glob("version-*.sql"))
        self.assertTrue(fixtures)
        for number, fixture in enumerate(fixtures):
            with self.subTest(fixture.name):
                old = self.folder / f"{fixture.stem}.db"
                base = sqlite3.connect(old)
                base.executescript(fixture.read_text())
                base.close()
                # The probe of the failure in it fails still; its bank's mail is held still.
                self.close_window()
                restored = self.restore("--json", old)
                self.assertEqual(restored.status, 0, restored.err)
                self.assertEqual(restored.json()["open_failures"], [1])
                self.daemon.start()
                self.assertEqual(self.daemon.failure()["acknowledged_by"], "sato")
                held = self.daemon.ask("notices", "--held")
                self.assertEqual([(one["kind"], one["audience"]) for one in held], [("bank.first", "bank:aozora")])
                self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
                self.daemon.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
