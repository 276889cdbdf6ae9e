"""Probes of the kinds plugin, file and process in a real daemon: the programs of Debian's monitoring-plugins, real processes,
real files."""
import os
import pathlib
import subprocess
import unittest

from world import Case, free_port, wait_for

PLUGINS = pathlib.Path(os.environ["YAGURA_PLUGINS"])


class Local(Case):
    def setUp(self):
        super().setUp()
        self.sleepers = []
        self.addCleanup(self.end_sleepers)
        self.marker = f"yagura-sleeper-{os.getpid()}"

    def end_sleepers(self):
        for one in self.sleepers:
            one.kill()
            one.wait()
        self.sleepers = []

    def sleeper(self):
        self.sleepers.append(subprocess.Popen([self.marker, "600"], executable="/bin/sleep"))

    def probes(self, component="web"):
        found = next(one for one in self.daemon.ask("status")["components"] if one["id"] == component)
        return {one["name"]: one for one in found["probes"]}

    def verdict(self, verdict, probe="plugin"):
        return wait_for(f"{probe} to be {verdict}\n{self.daemon.tail()}",
                        lambda: (lambda found: found if found["verdict"] == verdict else None)(self.probes()[probe]))

    def test_a_plugin_warns_and_then_fails(self):
        self.sleeper()
        self.write("  web: {owner: infra-ops, probes: [{kind: plugin, "
                   f"run: [{PLUGINS}/check_procs, -a, {self.marker}, -w, \"1:1\", -c, \"1:2\"]}}]}}")
        self.daemon.start()
        self.verdict("ok")
        measured = self.daemon.ask("probe", "web")[0]
        self.assertEqual(measured["values"], {"procs": 1})
        self.assertIn("PROCS OK: 1 process", measured["reason"])

        self.sleeper()
        self.assertIn("PROCS WARNING: 2 processes", self.verdict("warning")["reason"])
        self.assertIsNone(self.daemon.failure())

        self.sleeper()
        failure = wait_for("a failure\n" + self.daemon.tail(), self.daemon.failure)
        self.assertEqual((failure["cause"], failure["owner"]), ("web", "infra-ops"))
        self.assertIn("; procs 3, critical outside 1 to 2", self.verdict("failing")["reason"])
        wait_for("an incident, as the component is only degraded", lambda: self.daemon.failure()["class"] == "incident")
        self.mail("failure.detected", "infra-ops")

        self.end_sleepers()
        self.sleeper()
        wait_for("the recovery", lambda: self.daemon.failure()["phase"] != "open")

    def test_what_debians_plugins_say_is_understood(self):
        port = free_port()
        runs = {
            "ping": ["check_ping", "-H", "127.0.0.1", "-w", "3000,80%", "-c", "5000,100%", "-p", "1"],
            "disk": ["check_disk", "-w", "1", "-c", "1", "-p", "/"],
            "load": ["check_load", "-w", "900", "-c", "999"],
            "http": ["check_http", "-H", "127.0.0.1", "-p", str(port)],
            "dummy": ["check_dummy", "3", "do not know"],
            "wrong": ["check_ping", "--nonsense"],
        }
        probes = ", ".join(
            f"{{kind: plugin, name: {name}, interval: 1m, timeout: 30s, run: [\"{PLUGINS}/{words[0]}\", "
            + ", ".join(f"\"{word}\"" for word in words[1:]) + "]}" for name, words in runs.items())
        self.write(f"  web: {{owner: infra-ops, probes: [{probes}]}}")
        self.daemon.start()
        wait_for("every probe's run", lambda: all(one["reason"] for one in self.probes().values()))
        found = {one["probe"]: one for one in self.daemon.ask("probe", "web")}
        verdicts = {name: one["verdict"] for name, one in found.items()}
        if verdicts["ping"] == "unknown":  # no ping for us on this machine
            verdicts.pop("ping")
        else:
            self.assertEqual(set(found["ping"]["values"]), {"rta_seconds", "pl_percent"})
        self.assertEqual({name: verdict for name, verdict in verdicts.items() if name != "ping"},
                         {"disk": "ok", "load": "ok", "http": "failing", "dummy": "unknown", "wrong": "unknown"})
        self.assertGreater(found["disk"]["values"]["root_bytes"], 0)
        self.assertEqual(set(found["load"]["values"]), {"load1", "load5", "load15"})
        self.assertIn("refused", found["http"]["reason"])
        self.assertEqual(found["dummy"]["reason"], "UNKNOWN: do not know")

    def test_a_file_and_what_a_process_uses(self):
        self.sleeper()
        dump = self.folder / "dump-1.gz"
        dump.write_bytes(b"x" * 2000)
        self.write("  web: {owner: infra-ops, probes: ["
                   f"{{kind: file, path: \"{self.folder}/dump-*.gz\", age: {{failing: \">= 1d\"}}, size: {{failing: \"< 1 kB\"}}}}, "
                   f"{{kind: process, program: {self.marker}, open_files: {{failing: \">= 100000\"}}, "
                   "threads: {warning: \">= 2\"}, impact: degraded}]}")
        self.daemon.start()
        self.verdict("ok", "file")
        self.verdict("ok", "process")
        values = {one["probe"]: one["values"] for one in self.daemon.ask("probe", "web")}
        self.assertEqual((values["file"]["count"], values["file"]["size_bytes"]), (1, 2000))
        self.assertEqual((values["process"]["count"], values["process"]["threads"]), (1, 1))
        self.sleeper()
        self.assertIn("2 threads, warning at >= 2", self.verdict("warning", "process")["reason"])
        (self.folder / "dump-2.gz").write_bytes(b"x" * 10)
        self.verdict("failing", "file")
        wait_for("a failure\n" + self.daemon.tail(), self.daemon.failure)


if __name__ == "__main__":
    unittest.main(verbosity=2)
