"""What a check costs, how many go into a second, whether silent targets hold the others up, how much memory it takes:
1 to 4 of docs/performance.md. Each against the bare floor in the same run."""
import pathlib
import sys

import bench
from bench import SILENT, Target, Watcher, each, floor, measured, megabytes, microseconds, table

SECONDS = 10
RATE = 10_000 / 30


def cost():
    """333 checks a second: 10,000 targets every 30 s."""
    rows = []
    with bench.folder() as name:
        for kind, words, host in (("tcp", "TCP", None), ("http", "HTTP", None), ("http", "HTTP, one name for all", "one.bench.example")):
            before, _ = floor(kind, RATE, SECONDS)
            watcher = Watcher(pathlib.Path(name) / f"{words}", each(kind, 10_000, host=host))
            asked = target.asked()[0]
            watcher.start()
            try:
                found = measured(watcher, SECONDS, 10_000)
                memory = watcher.pss()
            finally:
                watcher.stop()
            asked = target.asked()[0] - asked
            after, _ = floor(kind, RATE, SECONDS)
            least = (before + after) / 2
            rows.append([words, microseconds(least), microseconds(found["per_check"]), f"{found['per_check'] / least:.2f}",
                         f"{found['per_second']:.0f}", found["late"](0.999), megabytes(memory), asked])
    table("1, 4  A check at 333 a second (10,000 targets every 30 s), processor time",
          ["", "floor", "yagura", "ratio", "a second", "late by, 99.9 %, s", "memory", "names asked"], rows)


def ceiling():
    rows = []
    with bench.folder() as name:
        for kind, rate in (("tcp", 10_000), ("http", 8_000)):
            _, most = floor(kind, 0, 5)
            watcher = Watcher(pathlib.Path(name) / kind, each(kind, rate), interval="1s", timeout="900ms").start()
            try:
                found = measured(watcher, SECONDS, 2 * rate)
            finally:
                watcher.stop()
            rows.append([kind.upper(), f"{most:.0f}", f"{rate}", f"{found['per_second']:.0f}", f"{found['skipped']:.0f}",
                         found["late"](0.999), found["late"](1), f"{found['processors'] * 100:.0f} %"])
    table("2  As many as it goes, on two processors beside the target",
          ["", "floor, flat out", "asked for", "a second", "slots lost", "late by, 99.9 %, s", "all, s", "of one processor"], rows)


def independence():
    rows = []
    with bench.folder() as name:
        for words, silent in (("all answer", 0), ("1,000 silent", 1_000)):
            watcher = Watcher(pathlib.Path(name) / words, each("http", 10_000 - silent)
                              + (each("http", silent, port=SILENT, name="silent") if silent else "")).start()
            try:
                found = measured(watcher, 30, 10_000)
                rows.append([words, f"{found['per_second']:.0f}", found["late"](0.5), found["late"](0.999), found["late"](1),
                             f"{found['skipped']:.0f}", megabytes(watcher.pss())])
            finally:
                watcher.stop()
    table("3  10,000 HTTP checks every 30 s", ["", "a second", "late by, half, s", "99.9 %, s", "all, s", "slots lost", "memory"], rows)


def main():
    global target
    bench.own_network()
    target = Target().start()
    try:
        for part in sys.argv[1:] or ("cost", "ceiling", "independence"):
            {"cost": cost, "ceiling": ceiling, "independence": independence}[part]()
    finally:
        target.stop()


main()
