"""Inquiries by mail (C5): what the mail server gives to `yagura inquiry receive` is recorded, answered and gone on with; nothing is lost
while the daemon is away, and nothing that is too large is taken."""
import email.message
import os
import pwd
import shutil
import smtplib
import subprocess
import unittest

from world import BUILD, PATIENCE, SOURCE, Case, free_port, message_of, wait_for

DESK = "desk@inquiry.example"
YAMADA = "yamada@aozora.example"


def mail_of(sender=YAMADA, text="ログインできない", attach=None, **headers):
    mail = email.message.EmailMessage()
    mail["From"] = f"山田 太郎 <{sender}>"
    mail["To"] = DESK
    mail["Subject"] = headers.pop("subject", "ログイン")
    mail["Message-ID"] = headers.pop("id", f"<{os.urandom(8).hex()}@aozora.example>")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if attach is not None:
        mail.add_attachment(attach, maintype="image", subtype="png", filename="../画面.png")
    return mail


class Inquiries(Case):
    def setUp(self):
        super().setUp()
        self.state = self.folder / "state"
        self.spool = self.state / "inquiries" / "spool"

    def inquiries(self, *which):
        return self.daemon.ask("inquiries", *which)

    def inquiry(self, number):
        return self.daemon.ask("inquiry", "show", str(number))


class BySpool(Inquiries):
    """Without a mail server: the command, the spool, the daemon."""

    def setUp(self):
        super().setUp()
        self.write("  never: {owner: infra-ops}")

    def receive(self, mail, *arguments, **options):
        return subprocess.run([BUILD / "yagura", "--config", self.daemon.config, "inquiry", "receive", *arguments],
                              input=mail if isinstance(mail, bytes) else mail.as_bytes(), capture_output=True, timeout=PATIENCE, **options)

    def waiting(self):
        return list(self.spool.glob("*.mail*"))

    def test_a_mail_is_taken_with_its_file_and_one_of_a_machine_wakes_nobody(self):
        self.daemon.start()
        done = self.receive(mail_of(attach=b"\x89PNG"), "--sender", YAMADA)
        self.assertEqual(done.returncode, 0, done.stderr)
        one, = wait_for("the inquiry", self.inquiries)
        self.assertEqual((one["bank"], one["address"], one["subject"], one["by_mail"]), ("aozora", YAMADA, "ログイン", True))
        message, = self.inquiry(1)["messages"]
        self.assertEqual(message["text"], "ログインできない")
        file, = message["files"]
        kept = self.state / "inquiries" / "files" / file["name"]
        self.assertEqual(kept.read_bytes(), b"\x89PNG")
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        self.mail("inquiry.received", "inquiry-desk")
        wait_for("an empty spool", lambda: not self.waiting())
        self.receive(mail_of(Auto_Submitted="auto-replied"), "--sender", YAMADA)
        self.receive(mail_of("who@elsewhere.example", attach=b"x"), "--sender", "who@elsewhere.example")
        self.receive(mail_of(), env={**os.environ, "SENDER": "MAILER-DAEMON"})
        aside = wait_for("three aside", lambda: [all for all in [self.inquiries("--unknown")] if len(all) == 3])[0]
        self.assertEqual(sorted(one["aside"] for one in aside), ["automatic", "automatic", "unknown_sender"])
        self.assertEqual(len(self.mails("inquiry.received")), 1)
        # Of strangers no files are kept.
        self.assertEqual(len(list((self.state / "inquiries" / "files").rglob("*.png"))), 1)
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)

    def test_the_daemon_is_away_and_ends_at_any_moment(self):
        self.daemon.start()
        self.daemon.kill_9()
        for number in range(5):
            self.assertEqual(self.receive(mail_of(subject=f"件名{number}"), "--sender", YAMADA).returncode, 0)
        self.assertEqual(len(self.waiting()), 5)
        self.assertTrue(all(file.stat().st_mode & 0o777 == 0o600 for file in self.waiting()))
        self.daemon.start()
        self.daemon.kill_9()
        self.daemon.start()
        wait_for("all of them", lambda: len(self.inquiries()) == 5)
        self.assertEqual({one["subject"] for one in self.inquiries()}, {f"件名{number}" for number in range(5)})
        wait_for("an empty spool", lambda: not self.waiting())

    def test_what_cannot_be_kept_is_said_to_the_mail_server(self):
        self.daemon.start()
        # 100 MB, without as much memory.
        limited = [] if sanitized() else ["prlimit", f"--data={40 << 20}"]
        large = subprocess.Popen([*limited, BUILD / "yagura", "--config", self.daemon.config, "inquiry", "receive"], stdin=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        for _ in range(100):
            large.stdin.write(b"x" * 999_999 + b"\n")
        _, said = large.communicate(timeout=PATIENCE)
        self.assertEqual(large.returncode, 69, said)
        self.assertIn(b"larger than 25 MB", said)
        self.assertEqual(self.receive(b"").returncode, 69)
        self.assertEqual(list(self.spool.iterdir()), [])
        shutil.rmtree(self.spool)
        self.spool.write_text("in the way")
        self.assertEqual(self.receive(mail_of()).returncode, 75)
        self.spool.unlink()
        self.daemon.config.rename(self.daemon.config.with_suffix(".away"))
        self.assertEqual(self.receive(mail_of()).returncode, 75)

    def test_what_is_no_mail_is_put_where_a_person_finds_it(self):
        self.daemon.start()
        self.receive(b"From x\n")
        wait_for("it among the unreadable", lambda: list((self.state / "inquiries" / "unreadable").glob("*.mail")))
        self.assertEqual(len(self.daemon.rows("inquiry.unreadable")), 1)

    def test_a_bank_that_leaves_takes_what_its_people_wrote_with_it(self):
        self.daemon.start()
        self.receive(mail_of(attach=b"\x89PNG", text="口座の件"), "--sender", YAMADA)
        wait_for("the inquiry", self.inquiries)
        self.daemon.order("inquiry", "reply", "1", "-m", "お試しください")
        wait_for("the answer", lambda: self.mails("inquiry.reply"))
        self.daemon.config.write_text("\n".join(line for line in self.daemon.config.read_text().splitlines()
                                                if not line.startswith("  aozora: ")) + "\n")
        self.daemon.order("reload")
        erase = ["record", "erase", "--bank", "aozora", "--yes"]
        refused = self.daemon.yagura(*erase)
        self.assertIn("inquiry 1 of aozora is open", refused.err)
        self.daemon.order("inquiry", "close", "1", "-m", "口座の件は解決")
        wait_for("all to be sent", lambda: not self.daemon.ask("notices"))
        done = self.daemon.yagura(*erase)
        self.assertEqual(done.status, 0, done.err)
        self.assertIn("1 inquiries of it", done.out)
        self.assertEqual([file for file in (self.state / "inquiries").rglob("*") if file.is_file()], [])
        self.daemon.stop()
        kept = b"".join(file.read_bytes() for file in self.state.glob("yagura.db*"))
        for gone in (YAMADA, "口座の件", "お試しください", "ログイン"):
            self.assertNotIn(gone.encode(), kept)
        self.daemon.start()
        self.assertEqual(self.inquiry(1)["from"], "(erased)")
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)


def sanitized():
    return b"__asan_init" in (BUILD / "yagura").read_bytes()


class ByPostfix(Inquiries):
    """A real Postfix, as the relay of a site, which gives mails to the desk to the command."""

    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        # As at a site: the pipe and the daemon's files are one user's, who is not root.
        programs = self.folder / "programs"
        programs.mkdir()
        shutil.copy(BUILD / "yagura", programs)
        self.port = free_port()
        self.postfix = self.folder / "postfix"
        helper = SOURCE / "tests/integration/postfix.sh"
        started = subprocess.run([helper, "start", self.postfix, str(self.port), programs / "yagura", "--config", self.daemon.config,
                                  "inquiry", "receive", "--sender"], capture_output=True, text=True)
        if started.returncode == 77:
            self.skipTest(started.stderr.strip())
        self.assertEqual(started.returncode, 0, started.stderr)
        self.addCleanup(subprocess.run, [helper, "stop", self.postfix])
        self.write("  never: {owner: infra-ops}",
                   mail=f'smtp: [{{url: "smtp://localhost:{self.port}", starttls: required, ca_file: {self.postfix}/ca.pem}}]')
        self.daemon.config.write_text(self.daemon.config.read_text().replace("kanshi@example.jp", DESK))
        nobody = pwd.getpwnam("nobody")
        for folder in (self.state, self.spool.parent, self.spool):
            folder.mkdir(mode=0o700)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self.daemon.config.chmod(0o644)

    def send(self, mail, sender=YAMADA):
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE) as relay:
            relay.sendmail(sender, [DESK], mail.as_bytes())

    def delivered(self, what=lambda mail: True):
        """The mails to the bank that Postfix has delivered."""
        mails = [message_of(file.read_bytes()) for file in self.postfix.glob("mail/**/new/*")]
        return [mail for mail in mails if what(mail)]

    def log(self):
        path = self.postfix / "log"
        return (path.read_text()[-3000:] if path.exists() else "") + self.daemon.tail()

    def test_a_question_its_answer_and_what_comes_back(self):
        self.daemon.start()
        question = mail_of(attach=b"\x89PNG")
        self.send(question)
        wait_for("the inquiry\n" + self.log(), self.inquiries)
        self.daemon.order("inquiry", "reply", "1", "-m", "お試しください")
        answer, = wait_for("the answer\n" + self.log(), lambda: self.delivered(lambda mail: mail["X-Yagura-Notice"] == "inquiry.reply"))
        self.assertEqual(answer["In-Reply-To"], question["Message-ID"])
        self.assertEqual(answer["Delivered-To"], YAMADA)
        self.assertIn("[問合せ番号 1]", answer["Subject"])
        self.send(mail_of(text="できました", In_Reply_To=answer["Message-ID"], subject="Re: 何か"))
        wait_for("it in the same inquiry\n" + self.log(), lambda: len(self.inquiry(1)["messages"]) == 3)
        self.assertEqual(self.inquiry(1)["state"], "received")
        # The daemon is away; the mail server is not, and notices nothing.
        self.daemon.kill_9()
        self.send(mail_of(text="もう一度", subject=answer["Subject"]))
        wait_for("it in the spool\n" + self.log(), lambda: list(self.spool.glob("*.mail")))
        self.daemon.start()
        wait_for("it in the inquiry\n" + self.log(), lambda: len(self.inquiry(1)["messages"]) == 4)
        self.assertEqual(len(self.inquiries("--all")), 1)

    def test_what_is_too_large_goes_back_and_an_answer_that_goes_back_is_told(self):
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(text.replace(YAMADA, "gone@aozora.example"))
        self.daemon.start()
        self.send(mail_of(text=("x" * 75 + "\n") * 400_000))
        wait_for("the bounce\n" + self.log(), lambda: self.delivered(lambda mail: "25 MB" in str(mail)))
        self.assertEqual(self.inquiries("--all"), [])
        self.send(mail_of("gone@aozora.example"), "gone@aozora.example")
        wait_for("the inquiry\n" + self.log(), self.inquiries)
        self.daemon.order("inquiry", "reply", "1", "-m", "お試しください")
        wait_for("its answer to be known as lost\n" + self.log(), lambda: self.inquiry(1)["messages"][-1]["undelivered"])
        self.assertEqual(self.inquiry(1)["state"], "received")
        wait_for("the desk to be told", lambda: self.daemon.notices("inquiry.reminder", "sent"))
        self.assertEqual(len(self.inquiries("--all")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
