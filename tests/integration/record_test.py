"""The record for auditors (R1-R4): every access is in it, parts of it can be had, old months leave it, a bank's people are erased."""
import csv
import datetime
import email
import hashlib
import io
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import unittest
import urllib.error
import urllib.request

from world import BUILD, PATIENCE, SOURCE, USER, Case, free_port, wait_for


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Record(Case):
    def setUp(self):
        super().setUp()
        self.base = self.folder / "state" / "yagura.db"
        self.components = "  web: {owner: infra-ops, probes: [{kind: tcp, host: 127.0.0.1, port: %d}]}\n" \
                          "  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}" % free_port()
        self.write(self.components)
        self.people = self.daemon.config.read_text()

    def begin(self):
        """A failure of which the bank aozora has been told."""
        self.daemon.start()
        self.mail("bank.first", "bank:aozora")

    def lines(self, *arguments):
        return self.daemon.ask("record", *arguments)

    def verified(self):
        said = self.daemon.yagura("record", "--verify")
        self.assertEqual(said.status, 0, said.err)

    def auditors_script(self):
        """What docs/record.md gives to auditors says the same."""
        page = (SOURCE / "docs" / "record.md").read_text()
        script = re.search(r"```python\n(.*?)\n```", page, re.S).group(1)
        said = subprocess.run(["python3", "-c", script, self.base], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def without_the_bank(self):
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(re.sub(r"\n  aozora: .*", "", text))

    def as_nobody(self, roles):
        """A command as the user nobody, who has these roles."""
        self.folder.chmod(0o755)
        self.daemon.config.write_text(self.people.replace(
            "roles: [infra-ops]}", "roles: [infra-ops]}\n  tanaka: {name: 田中 実, mail: t@ops.example, "
            f"roles: [{roles}], unix_user: nobody}}") if roles else self.people)
        self.daemon.order("reload")
        programs = self.folder / "programs"
        if not programs.exists():
            programs.mkdir()
            programs.chmod(0o777)
            shutil.copy(BUILD / "yagura", programs)

        def run(*words):
            return subprocess.run([programs / "yagura", "--socket", self.daemon.socket, *map(str, words)], user="nobody",
                                  capture_output=True, text=True, cwd="/", timeout=PATIENCE, input="")
        return run


class Accesses(Record):
    def test_reads_orders_and_refusals_are_recorded_with_who_and_from_where(self):
        self.begin()
        for _ in range(20):
            self.daemon.ask("status")
        self.daemon.yagura("show", "1")
        self.daemon.yagura("why", "1")
        self.daemon.order("ack", "1", "-m", "着手")
        self.daemon.yagura("record", "--failure", "1", "--export", "csv")
        self.daemon.yagura("record", "--verify")
        self.lines()
        # The looks before are in it, as soon as they are durable.
        rows = wait_for("a row of each", lambda: (lambda rows: rows if {"record.verified", "record.read"} <= {row["what"] for row in rows} else None)(
            self.lines()))
        of = {}
        for row in rows:
            of.setdefault(row["what"], []).append(row)
        looks = {row["details"]["kind"]: row for row in of["access.read"]}
        self.assertEqual([row["details"]["kind"] for row in of["access.read"]].count("status"), 1)
        self.assertEqual(looks["failures"]["details"]["which"], "1")
        for row in rows:
            if row["what"].startswith("access.") and row["who"] != "daemon":
                self.assertEqual(row["who"], "sato")
                self.assertRegex(row["details"]["from"], r"^uid %d \(%s\), pid \d+$" % (os.getuid(), USER))
        self.assertEqual([row["details"]["order"] for row in of["access.order"]], ["ack"])
        self.assertEqual(of["access.order"][0]["details"]["failure"], "1")
        self.assertEqual(of["record.exported"][0]["details"]["failure"], "1")
        self.assertEqual(len(of["record.verified"]), 1)
        self.assertGreaterEqual(len(of["record.read"]), 1)
        # What was only counted is there at the end.
        self.daemon.stop()
        with sqlite3.connect(self.base) as base:
            counts = [json.loads(payload) for payload, in base.execute(
                "SELECT payload FROM record WHERE what = 'access.read' AND id > ?", (rows[-1]["id"],))]
        self.assertTrue([one for one in counts if one["kind"] == "status" and int(one["count"]) >= 19], counts)

    def test_http_is_counted_and_its_refusals_are_rows(self):
        self.daemon.start()
        address = f"http://127.0.0.1:{self.http_port}"
        for path in ("/healthz", "/healthz", "/metrics", "/ping/batch"):
            urllib.request.urlopen(address + path, timeout=PATIENCE).close()
        for path in ("/etc/passwd", "/ping/none"):
            with self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(address + path, timeout=PATIENCE)
        with socket.create_connection(("127.0.0.1", self.http_port), PATIENCE) as raw:
            raw.sendall(b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n")
            raw.recv(1000)
        refused = self.daemon.rows("access.refused", count=3)
        self.assertEqual([row["details"]["path"] for row in refused],
                         ["GET /etc/passwd", "GET /ping/none", "a request that was not read"])
        for row in refused:
            self.assertEqual(row["who"], "http")
            self.assertRegex(row["details"]["from"], r"^127\.0\.0\.1:\d+$")
        self.daemon.stop()
        with sqlite3.connect(self.base) as base:
            counted, = base.execute("SELECT payload FROM record WHERE what = 'access.counted'").fetchone()
        counted = json.loads(counted)
        self.assertEqual((counted["healthz"], counted["metrics"], counted["ping"]), ("2", "1", "2"))

    def test_who_may_what_of_the_record(self):
        if os.getuid() != 0:
            self.skipTest("only root can be somebody else")
        self.daemon.start()
        archives = self.folder / "programs"
        commands = {"read": ["record"], "export": ["record", "--export", "jsonl"], "verify": ["record", "--verify"],
                    "archive": ["record", "archive", "--until", "2000-01", "--to", archives],
                    "erase": ["record", "erase", "--bank", "gone", "--yes"]}
        # Each refusal is a row, ten of a user at once: who has no role comes first.
        may = {"": set(), "system-lead": set(commands), "auditor": set(commands) - {"erase"}, "ap-ops": set(), "infra-ops": set(),
               "inquiry-desk": set()}
        for roles, allowed in may.items():
            run = self.as_nobody(roles)
            for name, words in commands.items():
                said = run(*words)
                with self.subTest(roles=roles, command=name):
                    if name not in allowed:
                        self.assertEqual(said.returncode, 1, said.stderr)
                        self.assertRegex(said.stderr, "only the system lead|none of the people")
                    elif name == "erase":
                        self.assertIn("no notice to a bank gone", said.stderr)
                    else:
                        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertTrue(self.lines("--what", "access.refused", "--who", "tanaka"))
        self.assertTrue(self.lines("--what", "access.refused", "--who", "unix:nobody"))


class Parts(Record):
    def test_filters_choose_and_an_export_of_a_part_says_of_what(self):
        self.begin()
        everything = self.lines()
        self.assertEqual({row["what"].split(".")[0] for row in self.lines("--what", "notice.*")}, {"notice"})
        self.assertEqual({row["failure"] for row in self.lines("--failure", "1")}, {1})
        self.daemon.order("ack", "1", "-m", "着手")
        self.assertEqual({row["who"] for row in self.lines("--who", "sato")}, {"sato"})
        self.assertEqual(self.lines("--who", "sato", "--what", "failure.acknowledged")[0]["details"]["text"], "着手")
        later = self.lines("--since", everything[5]["at"], "--what", "notice.*")
        self.assertTrue(all(row["at"] >= everything[5]["at"] for row in later))

        # Notices go on being decided meanwhile: what is exported lies between what stood before and what stands after.
        before = [row["id"] for row in self.lines("--failure", "1", "--what", "notice.*")]
        part = self.daemon.yagura("record", "--failure", "1", "--what", "notice.*", "--export", "jsonl")
        after = [row["id"] for row in self.lines("--failure", "1", "--what", "notice.*")]
        lines = [json.loads(line) for line in part.out.splitlines()]
        end = lines.pop()
        self.assertEqual((end["id"], end["what"]), (0, "export.part"))
        self.assertEqual(end["payload"]["failure"], "1")
        self.assertEqual(end["payload"]["what"], "notice.*")
        self.assertEqual(end["payload"]["rows"], len(lines))
        exported = [line["id"] for line in lines]
        self.assertEqual(exported[:len(before)], before)
        self.assertEqual(after[:len(exported)], exported)
        table = list(csv.reader(io.StringIO(self.daemon.yagura("record", "--failure", "1", "--export", "csv").out)))
        self.assertEqual(table[-1][2], "export.part")
        self.assertEqual(json.loads(table[-1][7])["rows"], len(table) - 2)
        # All of it has no such line.
        self.assertNotIn("export.part", self.daemon.yagura("record", "--export", "jsonl").out)
        for wrong in (["--failure", "x"], ["--what", ""], ["some-file"], ["--verify", "--who", "sato"]):
            self.assertEqual(self.daemon.yagura("record", *wrong).status, 2, wrong)

        file = self.folder / "part.jsonl"
        file.write_text(part.out)
        self.assertEqual(self.daemon.yagura("record", "--verify", file).status, 0)
        file.write_text(part.out.replace("aozora", "midori", 1))
        changed = self.daemon.yagura("record", "--verify", file)
        self.assertEqual(changed.status, 1)
        self.assertIn("its payload is not the one that was recorded", changed.err)


class Archive(Record):
    def age(self, days):
        """Makes all of the record older, as if it had been written then."""
        with sqlite3.connect(self.base) as base:
            base.execute("PRAGMA secure_delete = ON")
            triggers = [sql for sql, in base.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")]
            base.executescript("DROP TRIGGER record_keeps_rows; DROP TRIGGER record_keeps_values;")
            before = "0" * 64
            for row in base.execute("SELECT id, at_ms, what, failure, notice, who, subject, digest FROM record ORDER BY id").fetchall():
                fields = [before, row[0], row[1] - days * 86400000, *row[2:]]
                before = sha256("\n".join(map(str, fields)))
                base.execute("UPDATE record SET at_ms = ?, chain = ? WHERE id = ?", (fields[2], before, row[0]))
            for sql in triggers:
                base.execute(sql)
        base.close()

    def month(self):
        """The month that the record says now, which the zone of the configuration decides."""
        with sqlite3.connect(self.base) as base:
            last, = base.execute("SELECT max(at_ms) FROM record WHERE id = 1").fetchone()
        base.close()
        zone = datetime.timezone(datetime.timedelta(hours=9))
        return datetime.datetime.fromtimestamp(last / 1000, zone).strftime("%Y-%m")

    def test_old_months_leave_after_their_export_and_the_rest_verifies(self):
        self.begin()
        self.daemon.order("open", "--component", "batch", "-m", "失敗の報告")
        self.daemon.stop()
        self.age(800)
        month = self.month()
        self.daemon.start()
        self.verified()
        archives = self.folder / "archives"
        young = self.daemon.yagura("record", "archive", "--until", "2999-01", "--to", self.folder)
        self.assertEqual(young.status, 1)
        self.assertIn("has to stay: the record is kept for 400d", young.err)
        self.assertEqual(self.daemon.yagura("record", "archive", "--until", "January", "--to", self.folder).status, 2)
        self.assertEqual(self.daemon.yagura("record", "archive", "--until", month, "--to", archives).status, 1)
        archives.mkdir()

        failures = self.daemon.ask("failures", "--all")
        notices = self.daemon.ask("notices", "--all")
        done = self.daemon.yagura("--json", "record", "archive", "--until", month, "--to", archives)
        self.assertEqual(done.status, 0, done.err)
        archive, = done.json()
        file, = archives.iterdir()
        self.assertEqual(archive["file"], str(file))
        self.assertEqual(archive["sha256"], hashlib.sha256(file.read_bytes()).hexdigest())
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        with sqlite3.connect(self.base) as base:
            left, = base.execute("SELECT count(*) FROM record WHERE id <= ?", (archive["last"],)).fetchone()
        base.close()
        self.assertEqual(left, archive["kept"])
        self.assertLess(left, archive["rows"])
        signed, = self.lines("--what", "record.archived")
        self.assertEqual(signed["who"], "sato")
        self.assertEqual(signed["details"]["sha256"], archive["sha256"])
        self.verified()
        self.auditors_script()
        said = self.daemon.yagura("record", "--verify", file)
        self.assertEqual(said.status, 0, said.err)
        self.assertIn(archive["sha256"], said.out)
        # Nothing is left to do.
        again = self.daemon.yagura("record", "archive", "--until", month, "--to", archives)
        self.assertIn("No whole month", again.out)
        # The daemon knows after a start what it knew.
        self.daemon.kill_9()
        self.daemon.start()
        self.verified()
        self.assertEqual([one["id"] for one in self.daemon.ask("failures", "--all")], [one["id"] for one in failures])
        known = {one["id"]: one["state"] for one in self.daemon.ask("notices", "--all")}
        self.assertLessEqual({one["id"] for one in notices}, set(known))
        backup = self.folder / "backup.db"
        made = self.daemon.yagura("backup", backup)
        self.assertEqual(made.status, 0, made.err)
        self.assertEqual(self.daemon.yagura("record", "--verify", backup).status, 0)

    def test_an_archive_that_is_not_of_these_rows_removes_nothing(self):
        self.begin()
        self.daemon.stop()
        self.age(800)
        self.daemon.start()
        month = self.month()

        def post(body):
            said = subprocess.run(["curl", "-s", "--unix-socket", self.daemon.socket, "http://x/v1/record/archive", "-d",
                                   json.dumps(body)], capture_output=True, text=True, timeout=PATIENCE)
            return json.loads(said.stdout)["error"]
        plan = json.loads(subprocess.run(["curl", "-s", "--unix-socket", self.daemon.socket, "http://x/v1/record/archive?until=" + month],
                                         capture_output=True, text=True, timeout=PATIENCE).stdout)["months"][0]
        self.assertIn("does not have the bytes", post({**plan, "file": "x", "sha256": "0" * 64}))
        self.assertIn("not the oldest month", post({**plan, "last": plan["last"] + 1, "file": "x", "sha256": "0" * 64}))
        # A file of that name that holds something else is no archive, and stays.
        name = self.folder / f"record-{month}-from-{plan['first']}.jsonl"
        name.write_text("precious")
        refused = self.daemon.yagura("record", "archive", "--until", month, "--to", self.folder)
        self.assertEqual(refused.status, 1)
        self.assertIn("nothing was removed", refused.err)
        self.assertEqual(name.read_text(), "precious")
        self.assertEqual(self.lines("--what", "record.archived"), [])
        self.verified()


class Erasure(Record):
    def everything_kept(self):
        with sqlite3.connect(self.base) as base:
            rows = [payload for payload, in base.execute("SELECT payload FROM record")]
            mails = [email.message_from_bytes(bytes(body)) for body, in base.execute("SELECT bytes FROM mail WHERE length(bytes)")]
            mails = [str(mail) + mail.get_payload(decode=True).decode() for mail in mails]
        base.close()
        return "\n".join(rows), "\n".join(mails)

    def test_a_banks_people_are_erased_when_it_has_left_and_the_figures_stay(self):
        self.begin()
        self.daemon.order("open", "--service", "site", "-m", "山田 太郎 様から電話")
        erase = ["record", "erase", "--bank", "aozora", "--yes"]
        refused = self.daemon.yagura(*erase)
        self.assertEqual(refused.status, 1)
        self.assertIn("is a bank of the configuration", refused.err)
        self.without_the_bank()
        self.daemon.order("reload")
        wait_for("nothing unsent to the bank", lambda: not [one for one in self.daemon.ask("notices")
                                                            if one["audience"] == "bank:aozora"])
        before = {one["id"]: one for one in self.daemon.ask("notices", "--all") if one["audience"] == "bank:aozora"}
        self.assertIn("yamada@aozora.example", self.everything_kept()[0])
        unconfirmed = self.daemon.yagura("record", "erase", "--bank", "aozora")
        self.assertEqual(unconfirmed.status, 1)
        self.assertIn("not confirmed", unconfirmed.err)
        done = self.daemon.yagura(*erase)
        self.assertEqual(done.status, 0, done.err)
        self.assertIn("Record of an erasure", done.out)
        self.assertIn("ordered by: sato", done.out)
        self.assertIn("Backups, exports and archives made before still hold", done.out)
        rows, mails = self.everything_kept()
        for gone in ("yamada@aozora.example", "山田 太郎"):
            self.assertNotIn(gone, rows)
            self.assertNotIn(gone, mails)
        self.assertNotIn("yamada@aozora.example", mails)
        erased, = self.lines("--what", "record.erased")
        self.assertEqual(erased["who"], "sato")
        self.assertEqual(erased["details"]["bank"], "aozora")
        self.verified()
        self.auditors_script()
        for start in (False, True):
            if start:
                self.daemon.kill_9()
                self.daemon.start()
            after = {one["id"]: one for one in self.daemon.ask("notices", "--all") if one["audience"] == "bank:aozora"}
            self.assertEqual(set(after), set(before))
            for key in ("kind", "state", "sent_at", "attempts", "message_id"):
                self.assertEqual({id: one[key] for id, one in after.items()}, {id: one[key] for id, one in before.items()})
            self.assertEqual({one["to"][0] for one in after.values()}, {"(erased)"})
        self.assertEqual(self.daemon.yagura("record", "erase", "--bank", "none", "--yes").status, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
