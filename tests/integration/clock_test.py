"""The wall clock is stepped under a running daemon (libfaketime; the steady clock goes on): probes neither burst nor stop,
no notice is repeated, and bank mail leaves only in its window."""
import collections
import datetime
import pathlib
import sys
import time
import unittest
import urllib.request

from storm import Target, chance, table
from world import BUILD, Case, Relay, free_port, message_of, wait_for

LIBRARY = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
SANITIZED = b"__asan_init" in (BUILD / "yagurad").read_bytes()
TOKYO = datetime.timezone(datetime.timedelta(hours=9))


class Counted(Target):
    """Counts how often it is looked at."""

    def __init__(self, choose):
        self.looked = []
        super().__init__(choose)

    @property
    def looks(self):
        return len(self.looked)

    def _serve(self, connection):
        self.looked.append(time.monotonic())
        super()._serve(connection)


class SteppedClock(Case):
    # A Tuesday on which banks are open.
    DAY = datetime.datetime(2027, 3, 2, tzinfo=TOKYO)

    def setUp(self):
        super().setUp()
        choose = chance("clock")
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.port = free_port(choose)  # of what fails
        self.well = Counted(choose)
        self.addCleanup(self.well.turn_off)
        self.clock = self.folder / "clock"
        self.write(f"""  web: {{owner: infra-ops, probes: [{{kind: tcp, host: 127.0.0.1, port: {self.port}}}]}}
  well: {{owner: ap-ops, probes: [{{kind: tcp, host: 127.0.0.1, port: {self.well.port}}}]}}
  batch: {{owner: ap-ops, probes: [{{kind: job, every: 1h, start_within: 1m, max_duration: 30m}}]}}""",
                   window='{days: business, hours: "10:00-17:00"}',
                   mail=f'smtp: [{{url: "smtp://127.0.0.1:{self.relay.port}", starttls: "off"}}]\n  timeout: 10s',
                   more="\nescalation: {remind: {every: 30m, until: acknowledged}}")

    def begin(self, hours, minutes=0):
        self.offset = (self.DAY.replace(hour=hours, minute=minutes) - datetime.datetime.now(TOKYO)).total_seconds()
        self.set_clock()
        self.daemon.start({"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_NO_CACHE": "1",
                           "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
        # libfaketime leaves these of whoever is killed.
        for name in ("faketime_shm", "sem.faketime_sem"):
            left = pathlib.Path(f"/dev/shm/{name}_{self.daemon.process.pid}")
            self.addCleanup(left.unlink, missing_ok=True)
        self.ping()
        self.ping("/start")

    def set_clock(self):
        # At once, as the daemon reads it all the time.
        new = self.folder / "clock.new"
        new.write_text(f"{self.offset:+.3f}\n")
        new.rename(self.clock)

    def step(self, **by):
        self.offset += datetime.timedelta(**by).total_seconds()
        self.set_clock()

    def now(self):
        return datetime.datetime.fromisoformat(self.daemon.ask("status")["now"])

    def ping(self, what=""):
        urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping/batch{what}", b"", 60).close()

    def jumps(self):
        return [line["details"]["by"] for line in self.daemon.ask("record") if line["what"] == "clock.jumped"]

    def steady_probing(self, seconds=3):
        """One run a second, whatever the clock on the wall does."""
        looks, began = self.well.looks, time.monotonic()
        time.sleep(seconds)
        runs, took = self.well.looks - looks, time.monotonic() - began
        self.assertGreaterEqual(runs, 1, "probing stopped")
        self.assertLessEqual(runs, took + 3, "probing burst")
        return runs

    def arrived(self, kind):
        return [message_of(content) for _, content in self.relay.mails if message_of(content)["X-Yagura-Notice"] == kind]

    def major(self):
        wait_for("a major failure\n" + self.daemon.tail(), lambda: (self.daemon.failure() or {}).get("class") == "major")
        wait_for("the notices", lambda: not [one for one in self.daemon.notices() if one["state"] == "due"])

    def slew(self, minutes):
        """Puts the clock forth in steps that are no jumps."""
        for _ in range(minutes * 60 // 50 + 1):
            self.step(seconds=50)
            self.daemon.ask("probe", "well")  # the daemon looks at its clock

    def judge(self, name):
        """What holds at the end of each of these stories."""
        wait_for("the rest\n" + self.daemon.tail(), lambda: not [one for one in self.daemon.notices() if one["state"] == "due"])
        counts = collections.Counter(message_of(content)["Message-ID"] for _, content in self.relay.mails)
        self.assertEqual([one for one, count in counts.items() if count > 1], [], "repeated")
        sent = [one for one in self.daemon.notices() if one["state"] == "sent"]
        self.assertEqual({one["message_id"] for one in sent}, set(counts))
        # Moved along with the clock: nothing was due that was not due by the time that really went by.
        self.assertEqual(self.daemon.notices("failure.reminder"), [])
        job = self.daemon.ask("jobs")[0]
        self.assertEqual((job["verdict"], job["running"]), ("ok", 1), job)
        for _, content in self.relay.mails:
            mail = message_of(content)
            if mail["X-Yagura-Notice"].startswith("bank."):
                at = mail["Date"].datetime.astimezone(TOKYO)
                self.assertTrue(10 <= at.hour < 17 and at.date() == self.DAY.date(), mail["Date"])
        self.assertEqual(self.daemon.yagura("record", "--verify").status, 0)
        table("clock", story=name, decided=len(self.daemon.notices()), delivered=len(sent), duplicated=0, lost=0)

    def test_two_hours_forth_out_of_the_window_and_back_again(self):
        self.begin(16)
        self.major()
        self.assertEqual(len(self.arrived("bank.first")), 1)
        self.steady_probing()

        self.step(hours=2)
        self.steady_probing()
        self.assertEqual(self.jumps(), ["+2h"])
        self.assertEqual(self.now().hour, 18)
        wait_for("word to the lead", lambda: len(self.arrived("lead.attention")) == 1)
        self.daemon.order("report", "1", "-m", "復旧作業中", "--to-banks")
        self.assertEqual([one["kind"] for one in self.daemon.ask("notices", "--held")], ["bank.progress"])

        # It is 16:00 once more. The window is open; the clock is not to be trusted for ten minutes.
        self.step(hours=-2)
        self.steady_probing()
        self.assertEqual(self.jumps(), ["+2h", "-2h"])
        self.assertEqual([one["kind"] for one in self.daemon.ask("notices", "--held")], ["bank.progress"])
        self.assertEqual(self.arrived("bank.progress"), [])
        self.slew(11)
        self.assertEqual(self.jumps(), ["+2h", "-2h"])
        wait_for("the report at the bank\n" + self.daemon.tail(), lambda: self.arrived("bank.progress"))
        wait_for("the rest", lambda: not self.daemon.ask("notices"))
        self.assertEqual(len(self.arrived("bank.first")), 1)
        self.judge("forth-and-back")

    def test_two_hours_back_out_of_the_window(self):
        self.begin(11)
        self.major()
        self.step(hours=-2)
        self.steady_probing()
        self.assertEqual(self.jumps(), ["-2h"])
        self.assertEqual(self.now().hour, 9)
        self.daemon.order("report", "1", "-m", "復旧作業中", "--to-banks")
        self.slew(11)
        self.steady_probing()
        held = self.daemon.ask("notices", "--held")
        self.assertEqual([(one["kind"], one["not_before"][:16]) for one in held], [("bank.progress", "2027-03-02T10:00")])
        self.daemon.order("ack", "1")  # Nearly an hour goes by now, as far as anybody can tell: no reminders.
        # It opens when the clock comes there by itself.
        self.slew(52)
        wait_for("the report at the bank\n" + self.daemon.tail(), lambda: self.arrived("bank.progress"))
        self.assertEqual(self.jumps(), ["-2h"])
        self.judge("back")

    def test_a_step_into_the_window_lets_nothing_out_at_once(self):
        self.begin(9)
        self.major()
        self.assertEqual(self.arrived("bank.first"), [])
        self.step(hours=2)
        self.steady_probing()
        self.assertEqual(self.jumps(), ["+2h"])
        self.assertEqual(self.arrived("bank.first"), [])
        self.slew(11)
        wait_for("the first notice\n" + self.daemon.tail(), lambda: self.arrived("bank.first"))
        self.judge("into-window")


if __name__ == "__main__":
    if not LIBRARY or SANITIZED:
        print("a sanitized program does not go together with libfaketime: build the release preset" if LIBRARY
              else "libfaketime is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
