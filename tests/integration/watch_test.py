"""The watcher is watched: a real receiver counts the beats, a real socket takes systemd's signs of life. The loop, the
record's writer and the database are made to stand, the silence is seen, and what comes after it."""
import ctypes
import http.server
import os
import pathlib
import signal
import sqlite3
import threading
import time
import unittest

from world import Case, free_port, wait_for


class Receiver:
    """Takes GET /beat/… and counts. Closed and opened again on the same port."""

    def __init__(self):
        self.port = free_port()
        self.beats = 0
        self.last = time.monotonic()
        self.status = 200
        self.open()

    def open(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/beat/never-to-be-logged":
                    receiver.beats += 1
                    receiver.last = time.monotonic()
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class OneThread:
    """Stops one thread of the daemon, as a call that does not come back would: the others go on."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, process, name):
        tasks = pathlib.Path(f"/proc/{process}/task")
        self.thread = next(int(one.name) for one in tasks.iterdir() if self.name_of(one) == name)
        self.ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        self.is_stopped = self.ptrace(self.SEIZE, self.thread, None, None) == 0
        if self.is_stopped:
            self.ptrace(self.INTERRUPT, self.thread, None, None)
            os.waitpid(self.thread, 0x40000000)  # __WALL

    @staticmethod
    def name_of(task):
        try:
            return (task / "comm").read_text().strip()
        except OSError:
            return None  # ended meanwhile

    def let_go(self):
        self.ptrace(self.DETACH, self.thread, None, None)


class Watch(Case):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.write("  web: {owner: ap-ops, probes: [{kind: load}]}",
                   more=f"\nheartbeat: {{url: \"http://127.0.0.1:{self.receiver.port}/beat/never-to-be-logged\", every: 1s}}")

    def begin(self, watchdog):
        """`watchdog`: systemd's WatchdogSec."""
        self.daemon.start({"WATCHDOG_USEC": str(int(watchdog * 1e6))})
        self.beats_again()

    def fed(self):
        return self.daemon.heard().count("WATCHDOG=1")

    def beats_again(self):
        before = self.receiver.beats
        wait_for("a beat\n" + self.daemon.tail(), lambda: self.receiver.beats > before)

    def is_fed_again(self):
        before = self.fed()
        wait_for("two signs of life\n" + self.daemon.tail(), lambda: self.fed() >= before + 2)

    def falls_silent(self):
        """Two beats are left out."""
        wait_for("silence\n" + self.daemon.tail(), lambda: time.monotonic() - self.receiver.last > 2.5)

    def says(self, line):
        wait_for(f"{line}\n{self.daemon.tail()}", lambda: line in self.daemon.tail())

    def test_a_loop_that_stands_feeds_nobody(self):
        self.begin(watchdog=0.6)
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            self.falls_silent()
            fed = self.fed()
            time.sleep(1)
            self.assertEqual(self.fed(), fed)
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        self.beats_again()
        self.is_fed_again()

    def test_a_writer_that_hangs_feeds_nobody(self):
        self.begin(watchdog=1.5)
        writer = OneThread(self.daemon.process.pid, "record")
        if not writer.is_stopped:
            self.skipTest("one thread of another program cannot be stopped here (ptrace)")
        try:
            self.falls_silent()
            self.says("watchdog.starves")
            fed = self.fed()
            self.assertEqual(self.daemon.yagura("status").status, 0)  # the loop turns
            time.sleep(1)
            self.assertEqual(self.fed(), fed)
            self.says("heartbeat.silent")
        finally:
            writer.let_go()
        self.beats_again()
        self.is_fed_again()
        self.says("heartbeat.beats")

    def test_a_database_that_takes_no_writes_silences_the_heartbeat_and_is_no_reason_for_a_restart(self):
        period = 12
        self.begin(watchdog=period)
        other = sqlite3.connect(self.folder / "state/yagura.db", timeout=20, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        try:
            self.falls_silent()
            self.says("heartbeat.silent")
            wait_for("more than a period", lambda: time.monotonic() - began > period)
            self.is_fed_again()
            beats = self.receiver.beats
        finally:
            other.execute("ROLLBACK")
            other.close()
        self.assertNotIn("watchdog.starves", self.daemon.tail())
        wait_for("a beat", lambda: self.receiver.beats > beats)
        self.says("heartbeat.beats")

    def test_a_receiver_that_is_away_is_logged_once_and_harms_nothing(self):
        self.begin(watchdog=6)
        self.receiver.close()
        self.says("heartbeat.unreachable")
        self.falls_silent()
        self.receiver.status = 404
        self.receiver.open()
        self.beats_again()  # They come, and are not taken.
        self.assertNotIn("heartbeat.reached", self.daemon.tail())
        self.receiver.status = 200
        self.says("heartbeat.reached")
        log = self.daemon.log.read_text()
        self.assertEqual(log.count("heartbeat.unreachable"), 1)
        self.assertNotIn("heartbeat.silent", log)
        self.assertNotIn("never-to-be-logged", log)
        self.assertIsNone(self.daemon.process.poll())

    def test_a_reload_takes_it_away_and_brings_it_back(self):
        self.begin(watchdog=6)
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(text.replace("heartbeat:", "#heartbeat:"))
        self.daemon.order("reload")
        self.falls_silent()
        self.daemon.config.write_text(text)
        self.daemon.order("reload")
        self.beats_again()


if __name__ == "__main__":
    unittest.main(verbosity=2)
