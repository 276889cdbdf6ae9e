"""Who may do what, cell by cell: every order and every question, asked by real users of the system, one for each role, one who
is none of the people, and root. A cell that is allowed need not succeed, as there may be nothing to do; it must not be refused
for who asks. What `yagura COMMAND --help` says of who may is held against the same table."""
import os
import re
import subprocess
import sys
import unittest

from world import BUILD, PATIENCE, Case, far_day, wait_for

# Users that every Debian has (base-passwd).
USERS = {"lead": ("games", "system-lead"), "ap": ("man", "ap-ops"), "infra": ("lp", "infra-ops"), "desk": ("news", "inquiry-desk"),
         "auditor": ("uucp", "auditor"), "nobody": ("nobody", None), "root": ("root", None)}
PEOPLE = "lead ap infra desk auditor"
ALL = PEOPLE + " root"
OPS = "lead ap infra"
SOON = ["--from", "2099-01-05T10:00:00+09:00", "--until", "2099-01-05T12:00:00+09:00"]

# The command, what follows it, who may. `text`: none of the answers to those is for who they are.
TABLE = [
    ("status", [], ALL),
    ("failures", ["--all"], ALL),
    ("show", ["1"], ALL),
    ("why", ["1"], ALL),
    ("why", ["--stop", "1"], ALL),
    ("notices", ["--all"], ALL),
    ("notice show", ["1"], ALL),
    ("notice preview", ["1"], ALL),
    ("stops", [], ALL),
    ("duty", [], ALL),
    ("jobs", [], ALL),
    ("probe", ["web"], ALL),
    ("probe", ["--kinds"], ALL + " nobody"),
    ("samples", ["web"], ALL),
    ("record", [], "lead auditor root"),
    ("record", ["--verify"], "lead auditor root"),
    ("record", ["--export", "csv"], "lead auditor root"),
    ("ack", ["999"], OPS),
    ("respond", ["999", "--success"], OPS),
    ("report", ["999", "-m", "調査中"], OPS),
    ("report", ["999", "-m", "調査中", "--to-banks"], "lead"),
    ("escalate", ["999"], OPS),
    ("recover", ["999"], OPS),
    ("confirm", ["999", "-m", "正常"], OPS),
    ("confirm", ["999", "-m", "正常", "--job-ok"], "lead"),
    ("open", ["--component", "web", "-m", "遅い"], PEOPLE),
    ("open", ["--component", "web", "--class", "major", "-m", "遅い"], "lead"),
    ("classify", ["999", "incident", "-m", "誤り"], "lead"),
    ("banks", ["999", "--add", "aozora", "-m", "影響"], "lead"),
    ("notice hold", ["999"], "lead"),
    ("notice release", ["999"], "lead"),
    ("notice withdraw", ["999"], "lead"),
    ("notice edit", ["{held}", "--file", "{text}"], "lead"),
    ("notice security", ["--bank", "nobody", "--in-window", "-m", "漏えい"], "lead"),
    ("stop plan", ["--service", "nothing", *SOON, "-m", "更新"], "lead"),
    ("stop change", ["999", "-m", "更新"], "lead"),
    ("stop extend", ["999", "--until", "2099-01-05T12:00:00+09:00"], "lead"),
    ("stop end", ["999"], "lead"),
    ("stop cancel", ["999"], "lead"),
    ("duty swap", ["ap-ops", "games", *SOON], "lead ap"),
    ("duty cancel", ["999"], PEOPLE),  # whose swap it is, is known only where there is one
    ("inquiries", [], "lead desk root"),
    ("inquiry show", ["1"], "lead desk root"),
    ("inquiry open", ["--from", "山田", "-m", "質問"], "lead desk"),
    ("inquiry reply", ["999", "-m", "回答"], "lead desk"),
    ("inquiry link", ["999", "--failure", "999"], "lead desk"),
    ("inquiry close", ["999"], "lead desk"),
    ("backup", ["{open}/{who}"], "lead root"),
    ("record archive", ["--until", "2020-01", "--to", "{open}"], "lead auditor root"),
    ("record erase", ["--bank", "gone", "--yes"], "lead"),
    ("reload", [], "lead root"),
]
# How the program says that it is who asks.
BY_WHO = re.compile(r"\bonly .*\b(may|erases|decides|names|orders)\b|one of the people|of the people of")


@unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
class Roles(Case):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        self.programs = self.folder / "programs"  # where everybody may go, unlike perhaps the build
        self.programs.mkdir(mode=0o755)
        subprocess.run(["cp", BUILD / "yagura", self.programs], check=True)
        (self.folder / "text").write_text("Subject: 件名\n\n本文\n")
        (self.folder / "text").chmod(0o644)
        (self.folder / "open").mkdir()
        (self.folder / "open").chmod(0o777)
        self.write("  web: {owner: ap-ops, probes: [{kind: load}]}", window=f"{{days: {far_day()}, hours: \"10:00-17:00\"}}")
        people = "\n".join(f"  {user}: {{name: {user}, mail: {user}@ops.example, roles: [{role}], unix_user: {user}}}"
                           for user, role in USERS.values() if role)
        text = re.sub(r"people:\n.*?banks:", f"people:\n{people}\nbanks:", self.daemon.config.read_text(), flags=re.S)
        self.daemon.config.write_text(text + "duty:\n  ap-ops: {rotation: [man], since: 2026-01-05, handover: mon 09:30}\n")
        self.daemon.start()
        opened = self.ask("lead", "open", ["--service", "site", "--class", "major", "-m", "停止"])
        self.assertEqual(opened.returncode, 0, opened.stderr)
        self.held, = (one["id"] for one in wait_for("a notice", lambda: self.daemon.notices("bank.first")))

    def ask(self, who, command, words):
        words = [word.format(open=self.folder / "open", text=self.folder / "text", who=who, held=getattr(self, "held", 0)) for word in words]
        return subprocess.run([self.programs / "yagura", "--socket", self.daemon.socket, *command.split(), *words],
                              user=USERS[who][0], capture_output=True, text=True, cwd="/", timeout=PATIENCE, stdin=subprocess.DEVNULL)

    def test_each_cell(self):
        for command, words, may in TABLE:
            for who in USERS:
                with self.subTest(command=command, words=words, who=who):
                    done = self.ask(who, command, words)
                    said = f"{done.returncode}: {done.stderr}{done.stdout[:300]}"
                    self.assertIn(done.returncode, (0, 1), said)
                    if who in may.split():
                        self.assertNotRegex(done.stderr, BY_WHO)
                    else:
                        self.assertEqual(done.returncode, 1, said)
                        self.assertRegex(done.stderr, BY_WHO)

    def test_every_command_is_in_the_table(self):
        """… but for those that anybody may run."""
        shown = self.ask("root", "--help", []).stdout
        listed = set(re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", shown, re.M))
        anybody = {"job run", "job deliver", "inquiry receive", "config check", "calendar", "rehearse", "restore"}
        self.assertEqual(listed - anybody, {command for command, _, _ in TABLE})

    def test_the_help_says_who_may(self):
        names = {"ap-ops": "ap", "infra-ops": "infra", "inquiry-desk": "desk", "system-lead": "lead", "auditor": "auditor", "root": "root"}
        seen = set()
        for command, _, may in TABLE:
            if command in seen or command.startswith("duty "):  # by role, and so not in a word
                continue
            seen.add(command)
            said = re.search(r"^Who may: (.*)", self.ask("root", command, ["--help"]).stdout, re.M).group(1)
            said = re.split(r"; |\. ", said)[0].replace("the people of the configuration", ", ".join(names)).replace("everybody with a role", ", ".join(names).replace(", root", ""))
            with self.subTest(command=command):
                self.assertEqual({names[word] for word in re.findall(r"[a-z-]+", said) if word in names}, set(may.split()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
