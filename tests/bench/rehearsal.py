"""A year in virtual time: 9 of docs/performance.md."""
import datetime
import os
import pathlib
import random
import resource
import subprocess
import time

import bench
from bench import BUILD, HEAD, megabytes, table

SOURCE = pathlib.Path(os.environ["YAGURA_SOURCE"])
JAPAN = datetime.timezone(datetime.timedelta(hours=9))
BEGIN = datetime.datetime(2026, 4, 1, tzinfo=JAPAN)


def story(failures, components, people):
    """A year in which on so many days something is down for an hour; people take it, and confirm that it is over."""
    choose = random.Random(1)
    lines = [f"from: {BEGIN.isoformat()}", f"until: {(BEGIN + datetime.timedelta(days=365)).isoformat()}", "story:" + ("" if failures else " []")]
    for number, day in enumerate(sorted(choose.sample(range(365), failures)), 1):
        at = BEGIN + datetime.timedelta(days=day, minutes=choose.randrange(21 * 60))
        one = choose.choice(components)
        lines += [f"  - {{at: {at.isoformat()}, failing: {one}, reason: connection refused}}",
                  f"  - {{at: +10m, ack: {number}, by: {people[0]}}}",
                  f"  - {{at: +50m, ok: {one}}}",
                  f"  - {{at: +30m, confirm: {number}, by: {people[1]}, message: 復旧を確認}}"]
    return "\n".join(lines) + "\n"


def main():
    rows = []
    with bench.folder() as name:
        folder = pathlib.Path(name)
        thousand = folder / "thousand.yaml"
        names = [f"c{i:04}" for i in range(1000)]
        thousand.write_text(HEAD.format(http=1, mail="maildir: mail", needs="[" + ", ".join(names) + "]", interval="60s", timeout="10s")
                            + "".join(f"  {one}: {{owner: {'infra-ops' if i % 2 else 'ap-ops'}, probes: [{{kind: tcp, host: 10.0.0.1, port: 5432}}]}}\n"
                                      for i, one in enumerate(names)))
        example = SOURCE / "tests/rehearsal/platform.yaml"
        cases = [("the example, quiet", example, 0, ["database"], ["suzuki", "sato"]),
                 ("the example, 20 failures", example, 20, ["database"], ["suzuki", "sato"]),
                 ("1,000 components, a failure a day", thousand, 365, names, ["sato", "sato"])]
        for words, configuration, failures, components, people in cases:
            told = folder / "story.yaml"
            told.write_text(story(failures, components, people))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.monotonic()
            done = subprocess.run([BUILD / "yagura", "rehearse", "--config", configuration, told], capture_output=True, text=True)
            took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode != 0:
                raise AssertionError(f"{words}: {done.returncode}: {done.stderr[-2000:]}{done.stdout[-2000:]}")
            rows.append([words, f"{took:.2f} s", f"{after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f} s",
                         len(done.stdout.splitlines()), megabytes(after.ru_maxrss * 1024)])
    table("9  A year rehearsed", ["", "time", "processor", "lines told", "most memory so far"], rows)


main()
