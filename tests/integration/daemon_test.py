"""The daemon as a whole: something breaks, the right people get the right mail, and nothing that happens to the daemon
itself changes that."""
import datetime
import http.client
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from world import (BUILD, PATIENCE, SOURCE, USER, Case, Daemon, Relay, WebServer, far_day, free_port, healthz, message_of,
                   wait_for)


class Story(Case):
    """From detection to closing, on a web server that is really killed."""

    def setUp(self):
        super().setUp()
        self.web = WebServer(self.folder / "web")
        self.addCleanup(self.web.kill)
        self.components = (f"  web: {{owner: infra-ops, probes: [{{kind: http, url: \"{self.web.url()}\", "
                           "expect: {status: 200, body: ok}}]}")

    def begin(self, **how):
        self.write(self.components, **how)
        self.web.start()
        self.daemon.start()
        wait_for("the first run", lambda: self.probe()["verdict"] == "ok")

    def probe(self):
        component = next(one for one in self.daemon.ask("status")["components"] if one["id"] == "web")
        return component["probes"][0]

    def fails(self):
        self.web.kill()
        return wait_for("a major failure\n" + self.daemon.tail(),
                        lambda: (self.daemon.failure() or {}).get("class") == "major")

    def comes_back(self):
        self.web.start()
        wait_for("the recovery", lambda: self.daemon.failure()["phase"] == "recovered")

    def test_a_web_server_is_killed_and_comes_back(self):
        self.begin()
        # Numbers as people write them.
        self.assertRegex(self.daemon.yagura("--json", "probe", "web").out, r'"status":200[,}]')
        self.assertEqual(self.daemon.ask("failures"), [])
        self.fails()
        failure = self.daemon.failure()
        self.assertEqual((failure["cause"], failure["owner"], failure["services"], failure["banks"]),
                         ("web", "infra-ops", ["site"], ["aozora"]))
        self.assertTrue(failure["class_reason"])

        # Who has to know, knows.
        self.mail("failure.detected", "infra-ops")
        declared = self.mail("major.declared", "system-lead")
        self.assertEqual(declared["X-Yagura-Failure"], "1")
        first = self.mail("bank.first", "bank:aozora")
        self.assertEqual(first["To"].addresses[0].addr_spec, "yamada@aozora.example")
        self.assertIn("会員企業サイト", first.get_content())
        for secret in ("web", str(self.web.port), "127.0.0.1", "みどり"):
            self.assertNotIn(secret, first.get_content())

        self.daemon.order("ack", "1", "-m", "着手")
        self.assertEqual(self.daemon.failure()["acknowledged_by"], "sato")
        refused = self.daemon.yagura("confirm", "1", "-m", "まだ")
        self.assertEqual(refused.status, 1)
        self.assertIn("web", refused.err)

        self.daemon.order("report", "1", "-m", "再起動しています", "--to-banks")
        self.assertIn("再起動しています", self.mail("bank.progress", "bank:aozora").get_content())

        self.comes_back()
        self.daemon.order("confirm", "1", "-m", "ログ・ステータス異常なし")
        self.assertEqual(self.daemon.failure()["phase"], "closed")
        recovered = self.mail("bank.recovered", "bank:aozora")
        self.assertTrue(recovered["References"].startswith(first["Message-ID"]))
        self.assertEqual(self.mails(audience="bank:midori"), [])

        # All of it can be read back, and explained.
        shown = self.daemon.ask("show", "1")
        happened = [line["what"] for line in shown["timeline"]]
        for what in ("failure.opened", "failure.classified", "failure.acknowledged", "failure.progress",
                     "failure.recovered", "failure.closed", "notice.sent"):
            self.assertIn(what, happened)
        self.assertEqual(happened.count("failure.closed"), 1)
        why = self.daemon.ask("why", "1")
        self.assertTrue(all(line["rule"] for line in why))
        self.assertTrue(any(line["audience"] == "bank:midori" and not line["notice"] for line in why))
        verified = self.daemon.yagura("record", "--verify")
        self.assertEqual(verified.status, 0, verified.err)

    def test_mail_to_banks_waits_for_its_window(self):
        self.begin(window="{days: [%s], hours: \"10:00-17:00\"}" % far_day())
        self.fails()
        self.mail("major.declared", "system-lead")
        held = wait_for("the held notice", lambda: self.daemon.ask("notices", "--held"))
        self.assertEqual([(one["kind"], one["audience"], one["state"]) for one in held],
                         [("bank.first", "bank:aozora", "held")])
        opens = self.daemon.ask("status")["windows"]["bank_mail"]["opens_at"]
        self.assertEqual(held[0]["not_before"], opens)

        # No release breaks the window.
        self.daemon.yagura("notice", "release", str(held[0]["id"]))
        # Ended before it opens: the bank gets one mail instead of two, and the window still holds it.
        self.comes_back()
        self.daemon.order("confirm", "1", "-m", "異常なし")
        wait_for("the notice that takes its place",
                 lambda: [one["kind"] for one in self.daemon.ask("notices", "--held")] ==
                 ["bank.occurred-and-recovered"])
        self.assertEqual(self.mails(audience="bank:aozora"), [])

        # A reload with another window hands it over at once.
        self.write(self.components)
        self.daemon.order("reload")
        self.mail("bank.occurred-and-recovered", "bank:aozora")

    def test_a_response_that_helps_makes_an_incident(self):
        script = self.folder / "restart"
        script.write_text("#!/bin/sh\necho restarting $1 for failure $YAGURA_FAILURE\n"
                          f"echo yes > {self.folder}/asked\n"
                          f"while [ ! -e {self.folder}/back ]; do sleep 0.05; done\n")
        script.chmod(0o755)
        self.components = self.components[:-1] + f", primary_response: [{{run: [{script}, web], timeout: 50s}}]}}"
        self.begin()
        self.web.kill()
        wait_for("the response", (self.folder / "asked").exists)
        self.assertEqual(self.daemon.failure()["class"], "undetermined")
        self.web.start()
        (self.folder / "back").touch()
        wait_for("an incident", lambda: self.daemon.failure()["class"] == "incident")
        # The server may be seen well again before the script has seen its sign.
        step = wait_for("the end of the step", lambda: [
            one for one in self.daemon.ask("show", "1")["steps"] if one["result"] not in (None, "running")])[0]
        self.assertEqual(step["result"], "succeeded")
        self.assertIn("restarting web for failure 1", step["output"])
        self.assertEqual(self.mails(audience="bank:aozora"), [])

    def test_what_a_response_had_written_when_its_time_was_up_is_kept(self):
        self.components = (self.components[:-1] + ", primary_response: [{run: [/bin/sh, -c, "
                           "\"echo looked at the disk; sleep 600 & sleep 600\"], timeout: 5s}]}")
        self.begin()
        self.web.kill()
        step = wait_for("the end of the step", lambda: self.daemon.failure() and [
            one for one in self.daemon.ask("show", "1")["steps"] if one["result"] == "timed_out"])[0]
        self.assertIn("looked at the disk", step["output"])
        self.assertIn("killed", step["output"])
        ended = self.daemon.rows("response.ended", "--failure", "1")
        self.assertIn("looked at the disk", ended[0]["details"]["output"])


class Crashes(Case):
    """Killed at the worst moment, the daemon goes on where it was."""

    FAILS = "  web: {owner: infra-ops, probes: [{kind: tcp, host: 127.0.0.1, port: %d}]}"

    def setUp(self):
        super().setUp()
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.smtp = f'smtp: [{{url: "smtp://127.0.0.1:{self.relay.port}", starttls: "off"}}]\n  timeout: 30s'

    def arrived(self, kind):
        return [(to, content) for to, content in self.relay.mails
                if message_of(content)["X-Yagura-Notice"] == kind]

    def test_killed_in_the_middle_of_a_delivery_it_repeats_the_same_mail(self):
        self.relay.after_dot = "hang"
        self.write(self.FAILS % free_port(), mail=self.smtp)
        self.daemon.start()
        wait_for("the mail that is not answered", lambda: self.arrived("bank.first") or len(self.relay.mails) >= 2)
        time.sleep(0.1)
        self.daemon.kill_9()
        wait_for("the relay to have read", lambda: not self.relay.talks)
        before = list(self.relay.mails)
        self.assertGreaterEqual(len(before), 1)

        self.relay.after_dot = "answer"
        self.daemon.start()
        wait_for("everything sent\n" + self.daemon.tail(),
                 lambda: self.daemon.notices("bank.first", "sent") and not
                 [one for one in self.daemon.notices() if one["state"] in ("due", "held")])
        # What was under way came again, byte by byte; nothing of the rest came twice, and all of it came.
        contents = [content for _, content in self.relay.mails]
        for _, content in before:
            self.assertEqual(contents.count(content), 2)
        by_id = {}
        for content in contents:
            by_id.setdefault(message_of(content)["Message-ID"], set()).add(content)
        self.assertTrue(all(len(versions) == 1 for versions in by_id.values()))
        sent = {one["message_id"] for one in self.daemon.notices(state="sent")}
        self.assertEqual(sent, set(by_id))
        for content in set(contents) - {content for _, content in before}:
            self.assertEqual(contents.count(content), 1)

        # The record says that the first attempt's outcome was not known.
        timeline = self.daemon.ask("show", "1")["timeline"]
        self.assertIn("unknown", [line["details"].get("outcome") for line in timeline])
        self.assertEqual([line["what"] for line in timeline].count("failure.opened"), 1)

    def test_killed_again_and_again_it_loses_and_repeats_nothing(self):
        port = free_port()
        self.write(self.FAILS % port, mail=self.smtp)
        for _ in range(4):
            self.daemon.start()
            time.sleep(0.3)
            self.daemon.kill_9()
        self.daemon.start()
        wait_for("the bank's mail", lambda: self.daemon.notices("bank.first", "sent"))
        wait_for("the rest", lambda: not [one for one in self.daemon.notices() if one["state"] == "due"])
        self.assertEqual([one["id"] for one in self.daemon.ask("failures", "--all")], [1])
        for one in self.daemon.notices():
            self.assertIn(one["state"], ("sent", "merged"))
        self.assertEqual(len({message_of(content)["Message-ID"] for _, content in self.arrived("bank.first")}), 1)
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)

    def test_one_refused_recipient_does_not_stop_the_others_and_is_told_to_the_lead(self):
        self.relay.refuse["hayashi@aozora.example"] = "550 5.1.1 no such user"
        self.write(self.FAILS % free_port(), mail=self.smtp)
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(text.replace(
            "{name: 山田 太郎, mail: yamada@aozora.example}",
            "{name: 山田 太郎, mail: yamada@aozora.example}, {name: 林 次郎, mail: hayashi@aozora.example}"))
        self.daemon.start()
        first = wait_for("the bank's mail", lambda: self.daemon.notices("bank.first", "sent"))[0]
        self.assertEqual(len(first["refused"]), 1)
        self.assertIn("hayashi@aozora.example", first["refused"][0])
        wait_for("word to the lead", lambda: self.daemon.notices("delivery.failed"))
        self.assertEqual([to for to, _ in self.arrived("bank.first")], [["yamada@aozora.example"]])

    def test_a_relay_that_is_away_makes_notices_wait(self):
        self.relay.close()
        self.write(self.FAILS % free_port(), mail=self.smtp)
        self.daemon.start()
        wait_for("an attempt", lambda: [one for one in self.daemon.notices("bank.first") if one["attempts"] >= 2])
        waiting = self.daemon.notices("bank.first")[0]
        self.assertEqual(waiting["state"], "due")
        self.assertTrue(waiting["last_error"])
        self.relay.open()
        wait_for("its delivery", lambda: self.daemon.notices("bank.first", "sent"))
        self.assertEqual(len(self.arrived("bank.first")), 1)


@unittest.skipUnless(os.getuid() == 0, "only root can mount a small disk")
class PersonCommand(Case):
    """A program that rings a person's phone, beside the mail."""

    def setUp(self):
        super().setUp()
        self.calls = self.folder / "calls"
        self.calls.mkdir()
        self.program = self.folder / "ring"
        self.program.write_text(f"""#!/bin/sh
# Fails as long as there is a file "busy", and hangs as long as there is one "hang".
n=$(ls {self.calls} | wc -l)
{{ echo "$YAGURA_NOTICE $YAGURA_KIND $YAGURA_AUDIENCE $YAGURA_PERSON $YAGURA_FAILURE [$1]"; echo "$YAGURA_SUBJECT"; echo "$YAGURA_TEXT"; }} >{self.calls}/$n
while [ -e {self.folder}/hang ]; do sleep 0.1; done
[ ! -e {self.folder}/busy ] || {{ echo "line 2 is busy"; exit 3; }}
echo "taken by the exchange"
""")
        self.program.chmod(0o755)
        self.write("  db: {owner: infra-ops, probes: [{kind: tcp, host: 127.0.0.1, port: 1}]}")
        text = self.daemon.config.read_text()
        command = f"command: {{run: [{self.program}, \"+81 90-0000; touch x\"], for: [major.declared], timeout: 20s}}, "
        self.daemon.config.write_text(text.replace("sato:   {name: 佐藤 彩, ", "sato:   {name: 佐藤 彩, " + command))

    def declared(self):
        return next(iter(one for one in self.daemon.notices("major.declared") if one["audience"] == "system-lead"), None)

    def called(self):
        return [file.read_text().splitlines() for file in sorted(self.calls.iterdir())]

    def attempts(self):
        notice = self.declared()["id"]
        return wait_for("an attempt's row", lambda: [row["details"] for row in self.daemon.ask("record") if row["what"] == "notice.attempt"
                                                     and row["notice"] == notice])

    def test_it_is_run_once_with_what_it_is_about_and_its_result_is_recorded(self):
        self.daemon.start()
        wait_for("the call", lambda: self.declared() and self.declared()["state"] == "sent")
        (first, subject, *text), = self.called()
        notice = self.declared()
        self.assertEqual(first, f"{notice['id']} major.declared system-lead sato 1 [+81 90-0000; touch x]")
        self.assertIn("重大障害", subject)
        self.assertTrue(text)
        self.assertIn("command:sato", notice["to"])
        self.assertIn("command:sato done: taken by the exchange", self.attempts()[-1]["reply"])
        self.assertNotIn("command:", self.mail("major.declared", "system-lead")["To"])

    def test_one_that_fails_is_run_again_without_another_mail(self):
        (self.folder / "busy").touch()
        self.daemon.start()
        wait_for("three calls", lambda: len(self.called()) >= 3)
        self.assertEqual(self.declared()["state"], "due")
        self.assertIn("command:sato exited with status 3: line 2 is busy", self.attempts()[-1]["reply"])
        (self.folder / "busy").unlink()
        wait_for("the call", lambda: self.declared()["state"] == "sent")
        self.mail("major.declared", "system-lead")  # one

    def test_killed_in_the_middle_of_a_call_it_calls_again(self):
        (self.folder / "hang").touch()
        self.daemon.start()
        wait_for("the call", self.called)
        self.daemon.kill_9()
        (self.folder / "hang").unlink()
        self.daemon.start()
        wait_for("the second call", lambda: self.declared()["state"] == "sent")
        self.assertEqual(len(self.called()), 2)

    def test_one_that_hangs_is_ended_and_holds_nobody_up(self):
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(text.replace("timeout: 20s", "timeout: 1s"))
        (self.folder / "hang").touch()
        self.daemon.start()
        wait_for("an attempt", lambda: self.declared() and self.declared()["attempts"] > 1)
        self.assertIn("ran longer than 1s and was killed", self.attempts()[-1]["reply"])
        self.mail("major.declared", "system-lead")


class FullDisk(Case):
    """The disk of the record is full: said loudly, probed on, and written when there is room."""

    def within(self, script):
        """Runs a script where the daemon's disk is mounted."""
        return subprocess.run(["nsenter", "--target", str(self.daemon.process.pid), "--mount", "sh", "-c", script,
                               "sh", self.folder / "state"], capture_output=True, text=True)

    def healthz(self):
        return healthz(self.http_port)

    def test_nothing_is_lost_while_the_disk_is_full(self):
        mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"', self.folder / "state"]
        (self.folder / "state").mkdir()
        if subprocess.run([*mount, "true"], capture_output=True).returncode != 0:
            self.skipTest("mounting is not allowed here")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.write(Crashes.FAILS % port)
            self.daemon.start(prefix=mount)
            wait_for("the first run", lambda: self.daemon.ask("status")["components"][1]["probes"][0]["verdict"])
            self.assertEqual(self.healthz(), 200)
            self.within('cat /dev/zero > "$1/fill"')
        # The probe goes on and fails; what follows from it cannot be written, and so nobody is told yet.
        wait_for("word of it\n" + self.daemon.tail(), lambda: "record.trouble" in self.daemon.tail())
        self.assertEqual(self.healthz(), 503)
        self.assertTrue(self.daemon.ask("status")["record_trouble"])
        wait_for("the failing probe",
                 lambda: self.daemon.ask("status")["components"][1]["probes"][0]["verdict"] == "failing")
        self.assertEqual(self.mails(), [])
        # Who acts is not left waiting, and is told not to do it again; what the rules refuse is refused.
        taken = self.daemon.yagura("open", "--service", "other", "-m", "電話")
        self.assertEqual(taken.status, 1)
        self.assertIn("taken, but the record cannot be written yet", taken.err)
        self.assertIn("do not repeat it", taken.err)
        refused = self.daemon.yagura("ack", "77")
        self.assertEqual(refused.status, 1)
        self.assertNotIn("taken", refused.err)
        self.assertEqual(self.daemon.ask("status")["unrecorded_orders"], 1)
        self.assertIn("1 order is taken", self.daemon.yagura("status").out)

        self.within('rm "$1/fill"')
        wait_for("the order's effect", lambda: self.daemon.ask("status")["unrecorded_orders"] == 0)
        self.assertEqual([one["services"] for one in self.daemon.ask("failures") if one["id"] != 1], [["other"]])
        self.mail("bank.first", "bank:aozora")
        wait_for("health", lambda: self.healthz() == 200)
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
        self.assertEqual([line["what"] for line in self.daemon.ask("show", "1")["timeline"]].count("failure.opened"), 1)


class RealRelay(Case):
    """Postfix, as the relay of a site."""

    def test_postfix_takes_the_mails_and_delivers_them(self):
        helper = SOURCE / "tests/integration/postfix.sh"
        port = free_port()
        postfix = self.folder / "postfix"
        self.folder.chmod(0o755)
        started = subprocess.run([helper, "start", postfix, str(port)], capture_output=True, text=True)
        if started.returncode == 77:
            self.skipTest(started.stderr.strip())
        self.assertEqual(started.returncode, 0, started.stderr)
        self.addCleanup(subprocess.run, [helper, "stop", postfix])
        self.write(Crashes.FAILS % free_port(),
                   mail=f'smtp: [{{url: "smtp://localhost:{port}", starttls: required, ca_file: {postfix}/ca.pem}}]')
        self.daemon.start()
        wait_for("the bank's mail\n" + self.daemon.tail(), lambda: self.daemon.notices("bank.first", "sent"))

        def delivered():
            return [file for file in postfix.glob("mail/**/new/*")
                    if message_of(file.read_bytes())["X-Yagura-Notice"] == "bank.first"]
        mail = message_of(wait_for("it in the bank's mailbox", delivered)[0].read_bytes())
        self.assertIn("会員企業サイト", mail.get_content())
        self.assertEqual(mail["Message-ID"], self.daemon.notices("bank.first")[0]["message_id"])


class Approval(Case):
    """What the lead approves, and writes, before a bank reads it."""

    def setUp(self):
        super().setUp()
        self.write("  never: {owner: infra-ops}", more="\nbank_notices: {approval: system-lead}\n")
        self.daemon.start()
        self.daemon.order("open", "--service", "site", "--class", "major", "-m", "報告")
        self.id = str(wait_for("the first notice", lambda: self.daemon.notices("bank.first"))[0]["id"])

    def edit(self, script):
        """Runs the command with that shell script, which has the text in $1, as its editor."""
        editor = self.folder / "editor"
        editor.write_text("#!/bin/sh\n" + script)
        editor.chmod(0o755)
        environment = {**os.environ, "VISUAL": "", "EDITOR": str(editor), "TMPDIR": str(self.folder)}
        return self.daemon.yagura("notice", "edit", self.id, env=environment)

    def drafts(self):
        return list(self.folder.glob("yagura-notice-*"))

    def test_the_lead_reads_writes_and_approves_what_a_bank_gets(self):
        self.mail("lead.attention", "system-lead")
        self.assertIn("approval", self.daemon.ask("notice", "show", self.id)["hold"])
        before = self.daemon.yagura("notice", "preview", self.id).out
        self.assertRegex(before, r"To: .*yamada@aozora.example.*\nSubject: 【重大障害】【第1報】")

        unchanged = self.edit("exit 0")
        self.assertEqual((unchanged.status, unchanged.out), (0, ""))
        self.assertIn("nothing was changed", unchanged.err)
        self.assertEqual(self.drafts(), [])

        written = self.edit("sed -i 's/^Subject: .*/Subject: 手書きの件名/; s/青空銀行/青空銀行 御中/' \"$1\"")
        self.assertEqual(written.status, 0, written.err)
        self.assertIn(f"yagura notice release {self.id}", written.out)
        self.assertEqual(self.drafts(), [])
        self.assertEqual(self.mails("bank.first"), [])
        self.daemon.order("notice", "release", self.id)
        mail = self.mail("bank.first", "bank:aozora")
        self.assertEqual(mail["Subject"], "手書きの件名")
        self.assertIn("青空銀行 御中", mail.get_content())
        wait_for("it is booked", lambda: self.daemon.notices("bank.first", "sent"))

        edited = next(row for row in self.daemon.ask("record") if row["what"] == "notice.edited")
        self.assertEqual(edited["who"], "sato")
        self.assertIn("【第1報】", edited["details"]["subject_before"])
        self.assertNotIn("御中", edited["details"]["text_before"])
        self.assertIn("青空銀行 御中", edited["details"]["text"])
        late = self.edit("exit 0")
        self.assertEqual(late.status, 1)
        self.assertIn("is sent already", late.err)

    def test_what_was_written_is_not_lost_where_it_is_refused(self):
        for script, why in (("echo nothing of the kind >\"$1\"", "Subject:"), ("exit 3", "did not end well"),
                            ("printf 'Subject: x\\n\\n' >\"$1\"", "the text is empty")):
            refused = self.edit(script)
            self.assertEqual(refused.status, 1, why)
            self.assertIn(why, refused.err)
            [draft] = self.drafts()
            self.assertIn(str(draft), refused.err)
            self.assertEqual(draft.stat().st_mode & 0o777, 0o600)
            draft.unlink()
        # Somebody else's report comes in between: what it says has changed.
        socket = self.daemon.socket
        between = self.edit(f"echo 追記 >>\"$1\"; {BUILD}/yagura --socket {socket} report 1 --to-banks -m 経過 >/dev/null")
        self.assertEqual(between.status, 1)
        self.assertIn("has changed while you wrote", between.err)
        [draft] = self.drafts()
        again = self.daemon.yagura("notice", "edit", self.id, "--file", str(draft))
        self.assertEqual(again.status, 0, again.err)
        self.assertIn("追記", self.daemon.yagura("notice", "preview", self.id).out)


class Life(Case):
    """Start, reload, end; who may do what."""

    # The process that is there all the time is the test itself.
    WELL = "  machine: {owner: infra-ops, probes: [{kind: process, match: daemon_test.py}]}"

    def begin(self):
        self.write(self.WELL)
        self.daemon.start()
        return self.daemon

    def get(self, path, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def test_it_ends_cleanly_on_sigterm(self):
        self.begin()
        self.assertEqual(self.daemon.stop(), 0)
        wait_for("its last words", lambda: self.daemon.has_said("STOPPING=1"))
        self.assertFalse(self.daemon.socket.exists())

    def test_how_probes_ran_is_known_over_a_restart(self):
        def sum_of(*more):
            probes = self.daemon.ask("samples", "machine", *more)["probes"]
            return probes[0]["sum"] if probes else {"runs": 0}

        self.begin()
        wait_for("a run", lambda: sum_of()["runs"] > 0)
        self.daemon.order("probe", "machine/process")
        before = wait_for("a second run", lambda: sum_of()["runs"] > 1 and sum_of())
        self.assertEqual((before["failing"], before["availability_percent"]), (0, 100))
        self.assertIn("count", before["values"])
        self.assertEqual(self.daemon.stop(), 0)
        state = self.folder / "state"
        self.assertEqual(stat.S_IMODE((state / "samples.db").stat().st_mode), 0o600)

        self.daemon.start()
        wait_for("a run after the restart", lambda: sum_of("--since", "1h")["runs"] > before["runs"])
        table = self.daemon.yagura("samples", "machine/process", "--since", "10m").out
        self.assertRegex(table, r"\n  all +\d+ +0 +100\b")
        self.assertEqual(self.daemon.yagura("samples", "machine/none").status, 1)
        self.assertEqual(self.daemon.yagura("samples", "nothing").status, 1)
        self.assertEqual(self.daemon.yagura("samples", "machine", "--since", "yesterday").status, 2)
        self.assertEqual(self.daemon.yagura("samples", "machine", "--since", "1001d").status, 2)

        self.daemon.stop()
        (state / "samples.db").write_bytes(b"x" * 10_000)
        self.daemon.start()
        answer = self.daemon.yagura("samples", "machine")
        self.assertEqual(answer.status, 1)
        self.assertIn("samples.db", answer.err)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("samples.aside", self.daemon.tail())
        self.assertEqual((state / "samples.db.damaged").read_bytes(), b"x" * 10_000)
        self.daemon.start()
        wait_for("runs from before the restart", lambda: sum_of()["runs"] > 1)

    def test_the_log_has_the_times_of_the_zone(self):
        self.begin()
        lines = [line for line in self.daemon.tail().splitlines() if not line.startswith("/")]
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+09:00 (info|warning|error) +\S")

    def test_a_second_instance_on_the_same_state_is_refused(self):
        self.begin()
        second = subprocess.run([BUILD / "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                                timeout=PATIENCE)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(self.daemon.process.pid), second.stderr)
        # The first has not noticed.
        self.assertEqual(self.daemon.yagura("status").status, 0)

    def test_a_socket_left_over_by_a_crash_is_replaced(self):
        self.begin()
        self.daemon.kill_9()
        self.assertTrue(self.daemon.socket.exists())
        self.assertEqual(self.daemon.yagura("status").status, 3)
        self.daemon.start()
        self.assertEqual(self.daemon.yagura("status").status, 0)

    def test_a_bad_configuration_is_refused_with_every_error_and_leaves_nothing(self):
        self.daemon.config.write_text("timezone: Mars/Olympus\nmial: {}\nstate: state\n")
        refused = subprocess.run([BUILD / "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                                 timeout=PATIENCE)
        self.assertEqual(refused.returncode, 2)
        for place in ("yagura.yaml:1:", "yagura.yaml:2:"):
            self.assertIn(place, refused.stderr)
        self.assertIn("mail", refused.stderr)
        self.assertFalse((self.folder / "state").exists())
        checked = self.daemon.yagura("config", "check", self.daemon.config)
        self.assertEqual(checked.status, 2)

    def test_a_reload_takes_a_good_file_and_refuses_a_bad_one(self):
        self.begin()
        good = self.daemon.config.read_text()
        self.daemon.config.write_text(good.replace("会員企業サイト", "新しい名前"))
        self.daemon.process.send_signal(signal.SIGHUP)

        def names():
            return [one["name"] for one in self.daemon.ask("status")["services"]]
        wait_for("the new name", lambda: "新しい名前" in names())

        self.daemon.config.write_text(good + "surprise: 1\n")
        refused = self.daemon.yagura("reload")
        self.assertEqual(refused.status, 2)
        self.assertIn("surprise", refused.err)
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the errors in the log", lambda: self.daemon.tail().count("surprise") >= 2)
        self.assertIn("新しい名前", names())

    def test_a_refused_reload_names_each_problem_in_a_line_of_its_own_with_its_place(self):
        self.begin()
        good = self.daemon.config.read_text()
        wrong = "".join(f"surprise-{number}: {{}}\n" for number in range(250))
        self.daemon.config.write_text(good.replace("owner: infra-ops}", "owner: infra-ops, colour: red}") + wrong)
        self.daemon.process.send_signal(signal.SIGHUP)

        def lines():
            found = [line for line in self.daemon.log.read_text().splitlines() if "reload." in line]
            return found if found and "more" in found[-1] else None
        said = wait_for("the last line", lines)
        self.assertIn("reload.refused by=SIGHUP problems=", said[0])
        self.assertEqual(len(said), 1 + 200 + 1)
        self.assertIn("yagura.yaml:", said[1])
        self.assertTrue(all(" error " in line for line in said))
        self.assertRegex(said[-1], r"and \d+ more")

        self.daemon.config.write_text(good.replace("control: control.sock", "control: other.sock")
                                      .replace("state: state", "state: elsewhere"))
        refused = self.daemon.yagura("reload").err.splitlines()
        self.assertRegex(refused[0], r"yagura.yaml:3:1: `state` changed")
        self.assertRegex(refused[1], r"yagura.yaml:4:10: `listen.control` changed")

    def test_an_open_failure_outlives_reload_and_restart(self):
        self.begin()
        self.daemon.order("open", "--service", "site", "--from-desk", "-m", "管理者から電話")
        self.daemon.order("ack", "1")
        kept = self.daemon.failure()
        self.daemon.order("reload")
        self.assertEqual(self.daemon.failure(), kept)
        self.daemon.stop()
        self.daemon.start()
        again = self.daemon.failure()
        for key in ("id", "title", "class", "opened_at", "acknowledged_by", "services", "banks"):
            self.assertEqual(again[key], kept[key])

    def test_the_watchdog_is_fed(self):
        self.write(self.WELL)
        # systemd gives the process's number too; without it the word is for whoever it is.
        self.daemon.start({"WATCHDOG_USEC": "600000"})
        wait_for("three signs of life", lambda: self.daemon.notified.count("WATCHDOG=1") >= 3)

    def test_files_are_for_the_daemon_and_the_socket_is_for_all(self):
        self.begin()
        self.assertEqual(stat.S_IMODE(os.stat(self.daemon.socket).st_mode), 0o666)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "state/yagura.db").st_mode), 0o600)

    def test_a_socket_in_the_state_folder_can_be_reached_and_a_closed_way_to_it_is_said(self):
        self.folder.chmod(0o755)
        self.daemon.socket = self.folder / "state/control.sock"
        self.write(self.WELL, mail="maildir: state/mail")
        self.daemon.config.write_text(self.daemon.config.read_text().replace("control: control.sock",
                                                                             "control: state/control.sock"))
        # As under systemd's UMask, where nothing would be open to others.
        self.daemon.start(prefix=["sh", "-c", "umask 077; exec \"$@\"", "-"])
        self.daemon.order("open", "--service", "site", "-m", "電話")
        wait_for("a mail", lambda: self.mails_in("state/mail"))
        self.assertEqual(stat.S_IMODE((self.folder / "state").stat().st_mode), 0o711)
        for one in (self.folder / "state").iterdir():
            if one != self.daemon.socket:
                self.assertEqual(stat.S_IMODE(one.stat().st_mode) & 0o077, 0, one)
        self.assertNotIn("control.unreachable", self.daemon.tail())
        self.assertNotIn("state.writable", self.daemon.tail())

        self.daemon.stop()
        (self.folder / "state").chmod(0o730)
        self.daemon.start()
        self.assertIn("control.unreachable", self.daemon.tail())
        self.assertIn("state.writable", self.daemon.tail())

    def mails_in(self, folder):
        return list(self.folder.glob(folder + "/new/*"))

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_who_is_none_of_the_people_may_do_nothing_but_report_jobs(self):
        self.folder.chmod(0o755)
        self.write(self.WELL + "\n  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}")
        self.daemon.start()
        programs = self.folder / "programs"  # where everybody may go, unlike perhaps the build
        programs.mkdir(mode=0o755)
        subprocess.run(["cp", BUILD / "yagura", programs], check=True)

        def as_nobody(*arguments):
            return subprocess.run([programs / "yagura", "--socket", self.daemon.socket, *arguments], user="nobody",
                                  capture_output=True, text=True, cwd="/", timeout=PATIENCE)
        for command in (["status"], ["ack", "1"], ["reload"], ["record"]):
            self.assertEqual(as_nobody(*command).returncode, 1, command)
        self.assertIn("nobody", as_nobody("status").stderr)
        self.assertEqual(as_nobody("job", "run", "batch", "--", "sh", "-c", "exit 4").returncode, 4)
        self.assertEqual(self.daemon.ask("jobs")[0]["verdict"], "failing")
        # Who was refused what is in the record.
        self.daemon.rows("access.refused")

    def test_who_does_not_reach_the_daemon_is_told_so(self):
        self.assertEqual(self.daemon.yagura("status").status, 3)
        self.assertEqual(self.daemon.yagura("no-such-command").status, 2)

    def test_health_and_metrics(self):
        self.begin()
        wait_for("a run", lambda: self.daemon.ask("status")["components"][1]["probes"][0]["verdict"] == "ok")
        self.assertEqual(self.get("/healthz")[0], 200)
        status, text = self.get("/metrics")
        self.assertEqual(status, 200)
        values = [line for line in text.splitlines() if not line.startswith("#")]
        self.assertTrue(all(line.startswith("yagura_") for line in values), text)
        self.assertIn('yagura_probe_runs_total{kind="process",verdict="ok"}', text)
        self.assertIn('yagura_failures_open{class="major"} 0', text)

    def test_connections_that_say_nothing_shut_nobody_out(self):
        self.begin()
        silent = []
        self.addCleanup(lambda: [one.close() for one in silent])
        for _ in range(300):
            one = socket.socket(socket.AF_UNIX)
            one.connect(str(self.daemon.socket))
            one.send(b"POST /v1/orders HTTP/1.1\r\n")
            silent.append(one)
            silent.append(socket.create_connection(("127.0.0.1", self.http_port)))
        self.assertEqual(self.daemon.yagura("status").status, 0)
        self.assertEqual(self.get("/healthz")[0], 200)
        # Of one user on the control socket 64 are let in; with the oldest gone, the newest still hang on.
        silent[-2].setblocking(False)
        self.assertRaises(BlockingIOError, silent[-2].recv, 1)
        silent[0].settimeout(PATIENCE)
        self.assertEqual(silent[0].recv(100), b"")

    def test_a_server_that_says_nothing_delays_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.write(self.WELL +
                       f"\n  silent: {{owner: ap-ops, probes: [{{kind: http, url: \"http://127.0.0.1:"
                       f"{silent.getsockname()[1]}/\"}}]}}")
            self.daemon.start()
            wait_for("its failure", lambda: self.daemon.failure())
            began = time.monotonic()
            status = self.daemon.ask("status")
            self.assertLess(time.monotonic() - began, 10)
            states = {one["id"]: one["state"] for one in status["components"]}
            self.assertEqual(states, {"elsewhere": "ok", "machine": "ok", "silent": "down"})


class Jobs(Case):
    """Jobs report themselves."""

    def setUp(self):
        super().setUp()
        self.write("  batch: {owner: ap-ops, probes: [{kind: job, every: 1h, max_duration: 1h}]}")
        self.daemon.start()

    def run_job(self, *program, **options):
        return self.daemon.yagura("job", "run", "batch", "--", *program, **options)

    def job(self):
        return self.daemon.ask("jobs")[0]

    def test_status_and_output_are_passed_on_and_reported(self):
        done = self.run_job("sh", "-c", "echo 集計しました")
        self.assertEqual((done.status, done.out), (0, "集計しました\n"))
        self.assertEqual(self.job()["verdict"], "ok")
        self.assertIn("集計しました", self.job()["last_output"])
        self.assertIn("| 集計しました", self.daemon.yagura("jobs").out)

        self.assertEqual(self.run_job("sh", "-c", "exit 7").status, 7)
        failure = wait_for("its failure", lambda: self.daemon.failure())
        self.assertEqual((failure["class"], failure["cause"]), ("incident", "batch"))
        self.assertIn("7", failure["title"] + json.dumps(self.job()))
        self.assertEqual(self.run_job("true").status, 0)
        wait_for("the recovery", lambda: self.daemon.failure()["phase"] == "recovered")

    def test_a_signal_reaches_the_program(self):
        mark = self.folder / "mark"
        command = subprocess.Popen([BUILD / "yagura", "--socket", self.daemon.socket, "job", "run", "batch", "--", "sh",
                                    "-c", f"trap 'echo stopped > {mark}; exit 3' TERM; echo begun > {mark}; "
                                          "while :; do sleep 0.05; done"])
        self.addCleanup(command.kill)
        wait_for("its start", lambda: mark.exists() and mark.read_text() == "begun\n")
        command.terminate()
        self.assertEqual(command.wait(PATIENCE), 3)
        self.assertEqual(mark.read_text(), "stopped\n")

    def test_a_job_runs_even_where_the_daemon_is_away(self):
        self.daemon.stop()
        began = time.time()
        away = self.run_job("sh", "-c", "echo 夜間; exit 5")
        self.assertEqual(away.status, 5)
        self.assertIn("it is kept, and reported after your next `yagura job run`", away.err)
        ended = time.time()
        self.assertEqual(self.daemon.yagura("job", "deliver").status, 3)
        self.daemon.start()
        told = self.daemon.yagura("job", "deliver")
        self.assertEqual((told.status, told.err), (0, ""))
        self.assertIn("delivered: batch, ended ", told.out)
        failure = wait_for("its failure", lambda: self.daemon.failure())
        self.assertEqual(failure["cause"], "batch")
        job = self.job()
        self.assertIn("夜間", job["last_output"])
        failed = datetime.datetime.fromisoformat(job["last_fail"]).timestamp()
        self.assertTrue(began - 1 <= failed <= ended + 1, (began, failed, ended))
        self.assertEqual(self.daemon.order("job", "deliver"), "nothing is kept for this daemon\n")
        # What is over a week old is not taken from anybody.
        old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=8)).isoformat()
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.daemon.socket))
        connection.request("POST", "/v1/ping", json.dumps({"component": "batch", "event": "success", "ended_at": old}),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 400)
        self.assertIn("more than 7 days ago", answer.read().decode())
        connection.close()

    def test_pings_come_by_http_too(self):
        def ping(path, body=None):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping/{path}", body, PATIENCE) as answer:
                return answer.status
        self.assertEqual(ping("batch/start"), 200)
        self.assertEqual(self.job()["running"], 1)
        self.assertEqual(ping("batch/3", b"x" * 5_000_000 + "終わり".encode() + b"\n" + b"y" * 9_000), 200)
        wait_for("its failure", lambda: self.daemon.failure())
        kept = self.job()["last_output"]
        self.assertEqual((len(kept.encode()), kept[-9_004:]), (10_000, "終わり\n" + "y" * 9_000))
        for wrong in ("batch?rid=1", "batch?rid=0123456789012345678901234567890123456"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                ping(wrong)
            self.assertEqual(refused.exception.code, 400)
        self.assertEqual(ping("batch/log?rid=0b7e3f1c-1111-4222-8333-444455556666"), 200)
        self.assertEqual(ping("batch"), 200)
        self.assertEqual(self.job()["verdict"], "ok")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            ping("nobody-knows-this")
        self.assertEqual(refused.exception.code, 404)


if __name__ == "__main__":
    unittest.main(verbosity=2)
