"""What the benches have in common: the target that is asked, the daemon that is measured, processor time and memory of
processes as the kernel counts them, and tables. Everything runs in a network of its own, on loopback (tests/bench/run)."""
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from world import BUILD, SOURCE, Daemon, free_port, wait_for  # noqa: E402,F401

TESTS = pathlib.Path(BUILD) / "tests"
PORT, SILENT, NAMES = 8080, 8081, 53


def address(number):
    """As the floor counts them: 250 addresses of each 256."""
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"


def processor_seconds(pid):
    """Of all threads, to the nanosecond, and of children that have ended."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass  # This thread has ended.
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return total / 1e9 + (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK")


def with_children(pid):
    """The process and those that it started, and so on."""
    found, parents = [pid], {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
            except OSError:
                pass
    for one in found:
        found += parents.get(one, [])
    return found


def processor_seconds_of_all(pid):
    total = 0.0
    for one in with_children(pid):
        try:
            total += processor_seconds(one)
        except OSError:
            pass
    return total


def pss_bytes(pid):
    total = 0
    for one in with_children(pid):
        try:
            total += 1024 * int(re.search(r"^Pss: +(\d+) kB", pathlib.Path(f"/proc/{one}/smaps_rollup").read_text(), re.M).group(1))
        except OSError:
            pass
    return total


class Target:
    """What is asked (target.cpp). first() is when the first connection came since forget(), by the monotonic clock."""

    PATIENCE = 120.0

    def __init__(self):
        self.process, self.rest, self.first_at = None, b"", None

    def start(self):
        self.rest, self.first_at = b"", None
        self.process = subprocess.Popen([TESTS / "yagura-bench-target", str(PORT), str(SILENT), str(NAMES)],
                                        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0)
        self._said("ready")
        return self

    def _said(self, word, patience=PATIENCE):
        """The words after `word` on the next line that begins with it. "first" may come before any other."""
        end = time.monotonic() + patience
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                said, *values = line.decode().split()
                if said == "first":
                    self.first_at = float(values[0])
                if said == word:
                    return values
            ready, _, _ = select.select([self.process.stdout], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise AssertionError(f"nobody asked the target within {patience:.0f} s" if word == "first" else f"the target does not say {word}")
            more = os.read(self.process.stdout.fileno(), 4096)
            if not more:
                raise AssertionError("the target has ended")
            self.rest += more

    def forget(self):
        self.first_at = None
        self.process.send_signal(signal.SIGUSR1)
        self._said("forgotten")

    def first(self, patience=PATIENCE):
        if self.first_at is None:
            self._said("first", patience)
        return self.first_at

    def asked(self):
        """For how many names it was asked, and how many connections it took, so far."""
        self.process.send_signal(signal.SIGUSR2)
        return [int(word) for word in self._said("asked")]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def floor(kind, rate, seconds, targets=10_000):
    """Processor seconds of a check of the bare floor, and how many it made in a second."""
    done = subprocess.run([TESTS / "yagura-bench-floor", kind, str(PORT), str(rate), str(seconds), str(targets)],
                          capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr.strip())
    _, _, per_second, microseconds = done.stdout.split()
    return float(microseconds) / 1e6, float(per_second)


HEAD = """
timezone: Asia/Tokyo
state: state
listen: {{control: control.sock, http: "127.0.0.1:{http}"}}
mail: {{from: kanshi@example.jp, {mail}}}
people:
  sato: {{name: 佐藤 彩, mail: sato@ops.example, roles: [system-lead, ap-ops, infra-ops]}}
banks:
  asahi: {{name: 株式会社あさひ銀行, services: [site], contacts: [{{name: 担当 者, mail: tanto@asahi.example}}]}}
services:
  site: {{name: 会員企業サイト, needs: {needs}}}
probe_defaults: {{interval: {interval}, timeout: {timeout}, confirm: 1, retry: 1s}}
components:
"""


class Watcher(Daemon):
    """The daemon on a platform of many alike, and what its own metrics say."""

    def __init__(self, folder, components, interval="30s", timeout="10s", needs="[spare]", mail="maildir: mail"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.http = free_port()
        self.config.write_text(HEAD.format(http=self.http, interval=interval, timeout=timeout, needs=needs, mail=mail)
                               + "  spare: {owner: infra-ops, probes: [{kind: load, failing: 100000, interval: 5m}]}\n" + components)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=60) as page:
            lines = [line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def runs(self, metrics=None):
        return sum(value for name, value in (metrics or self.metrics()).items()
                   if name.startswith("yagura_probe_runs_total") and 'kind="load"' not in name)

    def processor(self):
        return processor_seconds_of_all(self.process.pid)

    def pss(self):
        return pss_bytes(self.process.pid)


def each(kind, count, port=PORT, host=None, name="t", more=""):
    """One block of `count` targets alike."""
    names = ", ".join(f"{{name: {name}{i:05}, address: {host or address(i)}}}" for i in range(count))
    asked = f"kind: tcp, host: '${{each.address}}', port: {port}" if kind == "tcp" else \
        f"kind: http, url: 'http://${{each.address}}:{port}/'"
    return f"  all-{name}:\n    owner: infra-ops\n    each: [{names}]\n    probes: [{{{asked}{more}}}]\n"


def measured(watcher, seconds, at_least):
    """Lets it run until `at_least` runs were made, then for so long; what came of that time."""
    wait_for(f"{at_least} runs\n{watcher.tail()}", lambda: watcher.runs() >= at_least, patience=180)
    time.sleep(2)
    before, processor, began = watcher.metrics(), watcher.processor(), time.monotonic()
    time.sleep(seconds)
    processor = watcher.processor() - processor
    took, after = time.monotonic() - began, watcher.metrics()
    runs = watcher.runs(after) - watcher.runs(before)
    late = {name.split('le="')[1].split('"')[0]: after[name] - before.get(name, 0)
            for name in after if name.startswith("yagura_probe_lateness_seconds_bucket")}
    return {"runs": runs, "per_second": runs / took, "per_check": processor / max(runs, 1),
            "processors": processor / took, "skipped": after["yagura_probe_slots_skipped_total"] - before["yagura_probe_slots_skipped_total"],
            "late": lambda part: share(late, part)}


def share(buckets, part):
    """The bound up to which that part of a histogram's counts lies."""
    total = buckets.get("+Inf", 0)
    return next((bound for bound, count in buckets.items() if count >= part * total), "-")


def own_network():
    """Loopback goes up, and names are asked of the target: in namespaces that tests/bench/run made."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    servers = tempfile.NamedTemporaryFile("w", prefix="yagura-bench.", delete=False)
    servers.write("nameserver 127.0.0.1\n")
    servers.close()
    subprocess.run(["mount", "--bind", servers.name, os.path.realpath("/etc/resolv.conf")], check=True)
    os.unlink(servers.name)


def folder():
    return tempfile.TemporaryDirectory(prefix="yagura-bench.")


def table(title, heads, rows):
    print(f"\n{title}")
    rows = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for row in rows:
        print("  " + row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])), flush=True)


def microseconds(seconds):
    return f"{seconds * 1e6:.0f} µs"


def megabytes(size):
    return f"{size / 1e6:.1f} MB"
