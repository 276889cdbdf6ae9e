"""How long it takes from the start to the first check, and with a record that has grown: 5 of docs/performance.md."""
import pathlib
import re
import sqlite3
import sys
import time

import bench
from bench import PORT, Target, Watcher, address, each, megabytes, table, wait_for


def single(count):
    return "".join(f"  t{i:05}:\n    owner: infra-ops\n    probes:\n      - kind: http\n        url: http://{address(i)}:{PORT}/\n"
                   for i in range(count))


def started(watcher, target):
    """Seconds to the first check, and to readiness."""
    target.forget()
    began = time.monotonic()
    watcher.launch()
    first = target.first() - began
    wait_for("readiness\n" + watcher.tail(), lambda: watcher.has_said("READY=1"))
    return first, time.monotonic() - began


def start():
    rows = []
    target = Target().start()
    try:
        for words, components in (("10,000 of one block", each("http", 10_000)), ("10,000 single blocks", single(10_000)),
                                  ("30,000 of one block", each("http", 30_000)), ("30,000 single blocks", single(30_000))):
            with bench.folder() as name:
                watcher = Watcher(pathlib.Path(name) / "d", components)
                try:
                    first, ready = started(watcher, target)
                    count = int(words.split(",")[0]) * 1000
                    wait_for("all to have run", lambda: watcher.runs() >= count, patience=180)
                    all_ran = time.monotonic()
                    time.sleep(3)
                    memory = watcher.pss()
                    watcher.stop()
                    again, ready_again = started(watcher, target)
                finally:
                    watcher.stop()
                rows.append([words, f"{first:.2f} s", f"{ready:.2f} s", f"{again:.2f} s", f"{ready_again:.2f} s", megabytes(memory)])
    finally:
        target.stop()
    table("5  Start", ["", "first check", "ready", "again: first check", "ready", "memory"], rows)


def main():
    bench.own_network()
    start()


main()
