"""The daemon is killed, or its machine loses its power, again and again and at any instant, in the middle of everything:
nothing that was decided is lost, nothing is told twice but what a crash explains, nothing that was confirmed to a person is
forgotten."""
import os
import shutil
import signal
import subprocess
import time
import unittest

from storm import LONG, Storm, table
from world import SOURCE


class Kills(Storm):
    """kill -9. What the process had written is there, made durable or not."""

    KILLS = 500 if LONG else 50

    def test_killed_at_any_instant_nothing_is_lost(self):
        self.load.begin()
        at_start = at_reply = 0
        for _ in range(self.KILLS):
            how = self.choose.random()
            if how < 0.15:
                self.daemon.launch()
                time.sleep(self.choose.uniform(0, 0.15))
                at_start += 1
            elif how < 0.45:
                self.daemon.start()
                self.is_intact()
                self.gate.lie_in_wait()
                at_reply += self.gate.caught.wait(self.choose.uniform(0.3, 0.8))
            else:
                self.daemon.start()
                self.is_intact()
                self.witness.read()
                time.sleep(self.choose.uniform(0, 0.7))
            self.assertIsNone(self.daemon.process.poll(), self.daemon.tail())
            self.daemon.kill_9()
            self.gate.let_go()
        self.daemon.start()
        accounts = self.rest()
        parallel = 3
        self.assertLessEqual(accounts.duplicated, parallel * self.KILLS)
        table("crash", kills=self.KILLS, at_start=at_start, at_reply=at_reply, **accounts.counts())
        # Else nothing was tried.
        self.assertGreater(accounts.duplicated, 0)
        self.assertGreater(len(accounts.acknowledged), self.KILLS / 10)


class PowerCuts(Storm):
    """The power goes: of what was written since it was last made durable, some sectors are on the disk and some are not
    (synced_files.cpp). The next daemon has what was left, and goes on with it."""

    CUTS = 150 if LONG else 15
    SECTOR = 512

    def setUp(self):
        super().setUp()
        self.library = self.folder / "synced_files.so"
        made = subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", self.library,
                               SOURCE / "tests/integration/synced_files.cpp"], capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.state = self.folder / "state"
        self.synced = self.folder / "synced"
        self.synced.mkdir()
        self.torn = 0

    def start(self):
        self.daemon.start({"LD_PRELOAD": str(self.library), "YAGURA_SYNCED": str(self.synced),
                           "ASAN_OPTIONS": "verify_asan_link_order=0"})

    def freeze(self):
        self.daemon.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.daemon.process.pid, os.WSTOPPED)

    def left_of(self, name):
        """What the cut leaves of a file; None: it was never made durable."""
        synced, present = self.synced / name, self.state / name
        if not synced.exists():
            return None
        durable, written = synced.read_bytes(), present.read_bytes() if present.exists() else b""
        if durable == written:
            return durable
        how = self.choose.choice(["durable", "written", "torn", "torn"])
        if how == "durable":
            return durable
        if how == "written":
            return written
        self.torn += 1
        least, most = sorted((len(durable), len(written)))
        length = self.choose.randint(least, most)
        share = self.choose.random()
        left = bytearray()
        for at in range(0, length, self.SECTOR):
            sector = (written if self.choose.random() < share else durable)[at:at + self.SECTOR]
            left += sector.ljust(self.SECTOR, b"\0")
        return bytes(left[:length])

    def cut(self):
        self.freeze()
        left = {name: self.left_of(name) for name in ("yagura.db", "yagura.db-wal", "yagura.lock")}
        self.daemon.kill_9()
        shutil.rmtree(self.state)
        self.state.mkdir()
        for name, content in left.items():
            (self.synced / name).unlink(missing_ok=True)
            if content is not None:
                (self.state / name).write_bytes(content)
                (self.synced / name).write_bytes(content)
                (self.state / name).chmod(0o600)

    def test_whatever_a_power_cut_leaves_nothing_is_lost(self):
        self.start()
        self.load.begin()
        for _ in range(self.CUTS):
            time.sleep(self.choose.uniform(0.1, 0.8))
            self.witness.read()
            if self.choose.random() < 0.3:
                self.gate.lie_in_wait()
                self.gate.caught.wait(0.5)
            self.cut()
            self.gate.let_go()
            self.start()
            self.is_intact()
        accounts = self.rest()
        table("power-cut", cuts=self.CUTS, torn=self.torn, **accounts.counts())


if __name__ == "__main__":
    unittest.main(verbosity=2)
