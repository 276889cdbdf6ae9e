"""How late the event loop is while everything that probes look at hangs, against the same daemon while nothing does: the
release build, a minute of each, in one run. Servers take connections and say nothing, a file system answers nothing (FUSE
without anybody behind it), plugins sleep, nobody answers a ping. In namespaces of its own, as root:
`tests/bench/run hanging` starts it so.

Lateness is as the daemon's own histogram has it (`yagura_event_loop_lag_seconds`): of a timer that is set for each run that
falls due, and there are some hundred a second. Figures are upper bounds of its buckets."""
import ctypes
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from world import Daemon, free_port, wait_for  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
EACH = 10           # probes of each kind
TICKING = 300       # probes that never hang, so that timers are due at all times


class Silent:
    """Takes connections, or datagrams, and says nothing."""

    def __init__(self, folder):
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.bus = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.bus.bind(str(folder / "bus"))
        self.bus.listen(4096)


def dead_file_system(folder):
    """One that nobody answers for: every look at it waits."""
    place = folder / "dead"
    place.mkdir()
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"dead", str(place).encode(), b"fuse", 0, options) != 0:
        raise OSError(ctypes.get_errno(), "mount of a file system that nobody answers for")
    return place, device


def hanging_probes(folder, silent, dead):
    port = silent.port
    aws = folder / "aws"
    aws.write_text("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = none\n")
    aws.chmod(0o600)
    kinds = [
        f"kind: http, url: 'http://127.0.0.1:{port}/NUMBER'",
        f"kind: tcp, host: 127.0.0.1, port: {port}, expect: '220 '",
        f"kind: tls, host: 127.0.0.1, port: {port}",
        f"kind: dns, question: NUMBER.example.jp, server: 127.0.0.1, port: {port}",
        "kind: ping, host: 127.0.0.1",
        f"kind: unit, unit: NUMBER.service, bus: {folder}/bus",
        f"kind: disk, path: {dead}",
        f"kind: file, path: {dead}/NUMBER",
        f"kind: log, path: {dead}/NUMBER, report: [x]",
        f"kind: logins, path: {dead}/NUMBER",
        f"kind: clock, server: 127.0.0.1, port: {port}",
        "kind: plugin, run: [/bin/sleep, '60']",
        f"kind: metric, url: 'http://127.0.0.1:{port}/NUMBER', series: up, failing: 1",
        f"kind: cloudwatch, region: ap-northeast-1, endpoint: 'http://127.0.0.1:{port}', credentials: {aws},"
        " namespace: AWS/EC2, metric: cNUMBER, failing: 1, period: 1m",
    ]
    return [kind.replace("NUMBER", f"n{number}") for kind in kinds for number in range(EACH)]


# What they look at on this machine hangs with the machine only; they are there all the same.
LOCAL = ["kind: memory", "kind: cpu", "kind: load", "kind: swap", "kind: pressure, resource: cpu, failing: '>= 100%'", "kind: files",
         "kind: process, match: no-such-program, interval: 3s", "kind: network, interface: lo"]


def configuration(probes, http):
    names = [f"  c{i}: {{owner: infra-ops, probes: [{{name: p, {probe}}}]}}" for i, probe in enumerate(probes)]
    return f"""
timezone: Asia/Tokyo
state: state
listen: {{control: control.sock, http: "127.0.0.1:{http}"}}
mail: {{from: kanshi@example.jp, maildir: mail}}
people:
  sato: {{name: 佐藤 彩, mail: sato@ops.example, roles: [system-lead, ap-ops, infra-ops]}}
services:
  site: {{name: 会員企業サイト, needs: [c0]}}
probe_defaults: {{interval: 3s, timeout: 2s, confirm: 2}}
components:
{chr(10).join(names)}
"""


def measured(folder, probes):
    folder.mkdir()
    http = free_port()
    daemon = Daemon(folder)
    daemon.config.write_text(configuration(probes, http))
    daemon.start()

    def counts():
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return ({line.split('le="')[1].split('"')[0]: int(line.split()[-1])
                 for line in lines if line.startswith("yagura_event_loop_lag_seconds_bucket")},
                {line.split("{")[1].split("}")[0]: int(line.split()[-1]) for line in lines if line.startswith("yagura_probe_runs_total")})
    try:
        wait_for("runs", lambda: sum(counts()[1].values()) > len(probes))
        before, runs_before = counts()
        time.sleep(SECONDS)
        after, runs = counts()
    finally:
        daemon.stop()
    found = {bound: after[bound] - before[bound] for bound in after}
    total = found["+Inf"]

    def share(part):
        return next(bound for bound, count in found.items() if count >= part * total)
    made = {key: count - runs_before.get(key, 0) for key, count in runs.items()}
    return {"timers": total, "p50": share(0.5), "p99": share(0.99), "p99.9": share(0.999), "most": share(1)}, made


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    pathlib.Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1")  # of this namespace
    with tempfile.TemporaryDirectory(prefix="yagura-bench.") as name:
        folder = pathlib.Path(name)
        silent = Silent(folder)
        dead, device = dead_file_system(folder)
        ticking = [f"kind: load, average: {(1, 5, 15)[i % 3]}, failing: 10000, interval: 1s, timeout: 900ms" for i in range(TICKING)] + LOCAL
        try:
            floor, _ = measured(folder / "well", ticking)
            hanging, runs = measured(folder / "hanging", ticking + hanging_probes(folder, silent, dead))
        finally:
            os.close(device)
            subprocess.run(["umount", "-l", dead], check=False)
    kinds = sorted({key.split('kind="')[1].split('"')[0] for key in runs})
    for kind in kinds:
        of = {key.split('verdict="')[1].split('"')[0]: count for key, count in runs.items() if f'kind="{kind}"' in key and count}
        print(f"  {kind:<11}", ", ".join(f"{count} {verdict}" for verdict, count in sorted(of.items())))
    print(f"{'loop late by at most, s':<26}{'timers':>8}{'half':>8}{'99 %':>8}{'99.9 %':>8}{'all':>8}")
    for words, found in (("nothing hangs", floor), ("everything hangs", hanging)):
        print(f"{words:<26}{found['timers']:>8}{found['p50']:>8}{found['p99']:>8}{found['p99.9']:>8}{found['most']:>8}")


main()
