"""How everything grows with the number of probes, from 100 to 30,000 HTTP probes every 30 s: a table, and docs/performance/*.svg, which it
writes anew: 10 of docs/performance.md. Takes some 25 minutes. Arguments: for how many seconds processor time is measured (60), and
up to how many probes (30,000), for a quick look, which leaves the plots as they are.

Processor time, memory and start are measured one size after another. What the files in the state folder grow by does not depend on how busy
the machine is: there all sizes run at once, for five minutes in which nothing fails, from 20 s after a full five minutes of the
clock on, so that whatever is done at those is in it once; then failures follow, one after another."""
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time

import bench
from bench import SOURCE, Target, Watcher, each, measured, megabytes, microseconds, table, wait_for
from mails import Switch, TimedRelay

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000)
FAILURES = 10
APART = 8.0  # Seconds from one failure to its end, and to the next: beyond what is told in one mail.
STEADY, AFTER = 300, 20  # Seconds.
PATIENCE = 300  # Seconds for a start with a first round.
DAYS_FOR_A_FAILURE = 100  # Of each probe.
PLOTS = pathlib.Path(SOURCE) / "docs" / "performance"


def work(size, seconds):
    """Start, processor time and memory of so many probes."""
    target = Target().start()
    try:
        with bench.folder() as name:
            watcher = Watcher(pathlib.Path(name) / "d", each("http", size))
            try:
                target.forget()
                began = time.monotonic()
                watcher.launch()
                first = target.first() - began
                wait_for("a first round\n" + watcher.tail(), lambda: ran(watcher) >= size, patience=PATIENCE)
                found = measured(watcher, seconds, size)
                return {"start": first, "per_check": found["per_check"], "processors": found["processors"], "memory": watcher.pss()}
            finally:
                watcher.stop()
    finally:
        target.stop()


def bytes_in_use(folder):
    """Of all databases in the state folder, without their free pages; what is still in the write-ahead log is counted where it will be."""
    total = 0
    for file in (pathlib.Path(folder) / "state").glob("*.db"):
        base = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
        try:
            page, pages, free = (base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count"))
            total += page * (pages - free)
        finally:
            base.close()
    return total


def ran(watcher):
    """Its runs so far; none before it listens."""
    return watcher.runs() if watcher.has_said("READY=1") else 0


def record(sizes):
    """What the state folders of all sizes grow by: bytes in five minutes in which nothing fails, and bytes for a failure."""
    target, relay, switches = Target().start(), TimedRelay(), [Switch() for _ in range(FAILURES)]
    names = [f"f{i}" for i in range(FAILURES)]
    failing = "".join(f"  {name}: {{owner: infra-ops, probes: [{{kind: http, url: 'http://127.0.0.1:{one.port}/', interval: 3s, timeout: 2900ms}}]}}\n"
                      for name, one in zip(names, switches))
    watchers = {}
    try:
        with bench.folder() as name:
            try:
                for size in sizes:
                    watchers[size] = Watcher(pathlib.Path(name) / str(size), each("http", size) + failing, needs=f"[{', '.join(names)}]",
                                             mail=f"smtp: [{{url: 'smtp://127.0.0.1:{relay.port}', starttls: off}}]").launch()
                    wait_for(f"{size} runs\n{watchers[size].tail()}", lambda: ran(watchers[size]) >= size + FAILURES, patience=PATIENCE)
                time.sleep(STEADY - time.time() % STEADY + AFTER)
                before = {size: bytes_in_use(one.folder) for size, one in watchers.items()}
                time.sleep(STEADY)
                after = {size: bytes_in_use(one.folder) for size, one in watchers.items()}
                for size, one in watchers.items():
                    if one.ask("failures", "--all"):
                        raise AssertionError(f"of {size} probes one failed where none should: is the machine busy?\n{one.tail()}")
                for switch in switches:
                    switch.turn(False)
                    time.sleep(APART)
                    switch.turn(True)
                    time.sleep(APART)
                time.sleep(APART)
                at_end = {size: bytes_in_use(one.folder) for size, one in watchers.items()}
                for size, one in watchers.items():
                    opened = len(one.ask("failures", "--all"))
                    if opened != FAILURES:
                        raise AssertionError(f"of {size} probes {opened} failed, not {FAILURES}\n{one.tail()}")
                return {size: {"steady": after[size] - before[size], "failure": (at_end[size] - after[size]) / FAILURES} for size in sizes}
            finally:
                for one in watchers.values():
                    one.kill_9()
    finally:
        target.stop()


def plot(name, title, unit, curves):
    """An SVG file. `curves`: (words, [(probes, value)]). The first has a line of slope one beside it, through its last point."""
    curves = [(words, [point for point in points if point[1] > 0]) for words, points in curves]
    curves = [(words, points) for words, points in curves if points]
    if not curves:
        return
    size, last = curves[0][1][-1]
    data = "".join(f"$curve{i} << END\n" + "".join(f"{x} {y}\n" for x, y in points) + "END\n" for i, (_, points) in enumerate(curves))
    lines = [f"$curve{i} with linespoints linestyle {i + 1} title '{words}'" for i, (words, _) in enumerate(curves)]
    subprocess.run(["gnuplot"], check=True, text=True, timeout=60, input=f"""
set terminal svg size 440,330 font 'sans-serif,12' background '#ffffff' name '{name}'
set output '{PLOTS / name}.svg'
set title '{title}'
set xlabel 'HTTP probes, every 30 s'
set ylabel '{unit}'
set logscale xy
set xrange [70:45000]
set xtics ('100' 100, '300' 300, '1,000' 1000, '3,000' 3000, '10,000' 10000, '30,000' 30000)
set grid xtics ytics linecolor '#dddddd' linetype 1
set border 3
set tics nomirror
set key left top reverse Left samplen 2
set style line 1 linecolor '#1f5fa8' linewidth 2 pointtype 7 pointsize 0.5
set style line 2 linecolor '#c2571a' linewidth 2 pointtype 7 pointsize 0.5
{data}
plot {', '.join(lines)}, {last} * x / {size} with lines linecolor '#888888' dashtype 2 title 'slope one'
""")


def main():
    numbers = [int(word) for word in sys.argv[1:]]
    seconds, most = (numbers + [60, SIZES[-1]][len(numbers):])[:2]
    sizes = [size for size in SIZES if size <= most]
    bench.own_network()
    found = {}
    for size in sizes:
        found[size] = work(size, seconds)
        print(f"{size} probes: {found[size]}", file=sys.stderr, flush=True)
    grown = record(sizes)
    print(f"the record: {grown}", file=sys.stderr, flush=True)
    rows = []
    for size in sizes:
        found[size] |= grown[size]
        one = found[size]
        one["day"] = one["steady"] * 86_400 / STEADY
        one["day_failing"] = one["day"] + one["failure"] * size / DAYS_FOR_A_FAILURE
        rows.append([f"{size:,}", microseconds(one["per_check"]), f"{one['processors'] * 100:.2f} %", megabytes(one["memory"]), f"{one['start']:.2f} s",
                     megabytes(one["day"]), f"{one['failure'] / 1000:.1f} kB", megabytes(one["day_failing"])])
    table("10  Growth: HTTP probes every 30 s", ["probes", "processor time of a check", "of one processor", "memory", "first check",
                                                "files, a day without failures", "a failure", f"a day, each probe failing every {DAYS_FOR_A_FAILURE} days"], rows)
    print(f"""
  files: what is in use of the databases in the state folder. Without failures: what they grew by in {STEADY} s, times {86_400 // STEADY} (nothing is taken off for what is
  made smaller or thrown away after days). A failure: the mean of {FAILURES} of a component that a service needs, which is well again after {APART:.0f} s,
  with its mails""", flush=True)
    if sizes != list(SIZES):
        return
    if not shutil.which("gnuplot"):
        sys.exit("growth: gnuplot is not installed, the plots are left as they are: tests/install-packages bench")
    PLOTS.mkdir(exist_ok=True)

    def curve(words, key, times=1.0):
        return words, [(size, found[size][key] * times) for size in sizes]

    plot("processor", "Processor time", "% of one processor", [curve("in all", "processors", 100)])
    plot("check", "Processor time of a check", "µs", [curve("a check", "per_check", 1e6)])
    plot("memory", "Memory", "MB (PSS)", [curve("memory", "memory", 1e-6)])
    plot("start", "Start", "seconds", [curve("to the first check", "start")])
    plot("record", "Database, a day", "MB a day", [curve(f"each probe fails every {DAYS_FOR_A_FAILURE} days", "day_failing", 1e-6),
                                                    curve("nothing fails", "day", 1e-6)])


main()
