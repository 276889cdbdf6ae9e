"""The same work by this program and by its peers, Icinga 2, Monit, Nagios 4 and Prometheus with blackbox_exporter and Alertmanager, in
the same run as the bare floor: the table of peers of docs/performance.md. What each is told is in programs.py. Arguments, all of
which may be left out: names of programs, names of measurements (cost, most, detection, storm), how many seconds each measurement
takes (30), and how many targets there are (10,000, and 1,000 for the storm), for a quick look.

Processor time is of all processes of a program with what they start, plugins and mail commands too; checks are counted by
the target, as connections. A program that is not installed is named as missing, and what fails is told and leaves a gap."""
import os
import pathlib
import resource
import statistics
import sys
import time
import traceback

import bench
import programs
from bench import PORT, Target, address, floor, megabytes, microseconds, table
from mails import Switch, TimedRelay

INTERVAL = 30
MOST_OF_MONIT = 20_000  # It checks one after another and pauses for a second: many, so that the pause counts for little.
ROUNDS = 8
STORM_INTERVAL = 5
QUIET = 15  # Seconds without a mail after which a storm is over.
PATIENCE = 240  # Seconds for a start with a first round, or a storm.
MEASUREMENTS = ("cost", "most", "detection", "storm")


class Running:
    """A program that runs, with what it is started with, for as long as `with` lasts."""

    def __init__(self, program, checks):
        self.folder = bench.folder()
        self.program = program(pathlib.Path(self.folder.name) / "p", checks)

    def __enter__(self):
        try:
            self.began = time.monotonic()
            self.program.start()
        except BaseException:
            self.__exit__()
            raise
        return self.program

    def __exit__(self, *_):
        self.program.stop()
        self.folder.cleanup()


def targets(count):
    return [(address(i), PORT) for i in range(count)]


def wait(what, program, condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        program.hold()
        if time.monotonic() > end:
            raise AssertionError(f"{program.name}: waited {patience} s in vain for {what}\n{program.log()}")
        time.sleep(0.1)


def cost(program, kind):
    """TARGETS every 30 s; those that cannot do so many do as many as they can."""
    least, _ = floor(kind, TARGETS / INTERVAL, 8)
    relay = TimedRelay()
    target.forget()
    before = target.asked()[1]
    running = Running(program, programs.Checks(kind, targets(TARGETS), INTERVAL, relay.port))
    with running as one:
        wait("a first check", one, lambda: target.asked() and target.first_at)
        first = target.first() - running.began
        while target.asked()[1] - before < TARGETS and time.monotonic() - running.began < PATIENCE:
            one.hold()
            time.sleep(0.2)
        around = time.monotonic() - running.began
        time.sleep(3)
        # A whole round at least, as some make all of their checks in one burst.
        processor, asked, began = one.processor(), target.asked()[1], time.monotonic()
        time.sleep(max(SECONDS, INTERVAL + 1))
        used, made, took = one.processor() - processor, target.asked()[1] - asked, time.monotonic() - began
        if made == 0:
            raise AssertionError(f"{one.name} made no check in {took:.0f} s\n{one.log()}")
        return {"floor": least, "cost": used / made, "rate": made / took, "memory": one.memory(), "first": first, "around": around}


def most(program, of_one):
    """HTTP checks in a second, the best five seconds, where more are asked for than there is processor time for. `of_one`: seconds that a
    check costs at leisure."""
    if program is programs.Monit:
        offered = (MOST_OF_MONIT,)
    else:
        offered = [int(share * os.cpu_count() / of_one) for share in (0.7, 1.2)]
    best = 0.0
    for count in offered:
        relay = TimedRelay()
        before = target.asked()[1]
        count = min(max(count, 100), 25_000)
        with Running(program, programs.Checks("http", targets(count), 1, relay.port)) as one:
            wait("a first round", one, lambda: target.asked()[1] - before >= count)
            seen = []
            end = time.monotonic() + max(SECONDS, 10)
            while time.monotonic() < end:
                seen.append((time.monotonic(), target.asked()[1]))
                time.sleep(0.25)
            one.hold()
        spans = [(b[1] - a[1]) / (b[0] - a[0]) for a in seen for b in seen if 5 <= b[0] - a[0] < 5.5]
        best = max(best, *spans)
    return best


def detection(program):
    """Seconds from the first bad answer to the mail in the relay's hands, medians: of a relay that acknowledges at once, and of one that
    delays its acknowledgements. One of eight checks, every second, fails at a time."""
    medians = []
    for slow in (False, True):
        relay, switches = TimedRelay(slow), [Switch() for _ in range(ROUNDS)]
        places = [("127.0.0.1", one.port) for one in switches]
        taken = []
        with Running(program, programs.Checks("http", places, 1, relay.port, together=False)) as one:
            wait("three checks of each", one, lambda: min(switch.asked for switch in switches) >= 3)
            for switch in switches:
                time.sleep(one.bundling)
                switch.turn(False)
                wait("a mail", one, lambda: switch.first_bad and relay.came and relay.came[-1][0] > switch.first_bad, 60)
                taken.append(next(when for when, _ in relay.came if when > switch.first_bad) - switch.first_bad)
        medians.append(statistics.median(taken))
    return medians


def storm(program):
    """1,000 HTTP checks every 5 s fail at once, unrelated."""
    relay, own = TimedRelay(), Target()
    target.stop()
    own.start()
    try:
        with Running(program, programs.Checks("http", targets(STORM), STORM_INTERVAL, relay.port)) as one:
            wait("two rounds", one, lambda: own.asked()[1] >= 2 * STORM)
            processor = one.processor()
            time.sleep(2 * STORM_INTERVAL)
            idle = (one.processor() - processor) / (2 * STORM_INTERVAL)
            if relay.came:
                raise AssertionError(f"{one.name} mailed before anything failed:\n{relay.came[0][1].decode(errors='replace')[:2000]}")
            began, processor, used = time.monotonic(), one.processor(), []
            own.stop()
            while True:
                used.append((time.monotonic(), one.processor() - processor))
                last = relay.came[-1][0] if relay.came else began
                if time.monotonic() - last > (QUIET if relay.came else PATIENCE) or time.monotonic() - began > PATIENCE:
                    break
                time.sleep(0.5)
            if not relay.came:
                raise AssertionError(f"{one.name} mailed nothing within {PATIENCE} s\n{one.log()}")
            last = relay.came[-1][0]
            spent = next((seconds for when, seconds in used if when >= last), used[-1][1])
            return {"mails": len(relay.came), "last": last - began, "used": spent, "idle": idle * (last - began),
                    "over": time.monotonic() - last > QUIET}
    finally:
        own.stop()
        target.start()


def start_of_a_process():
    """Processor seconds of a program that does nothing, with its start: what those pay who start one for each check."""
    rounds = 200

    def used():
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    before = used()
    for _ in range(rounds):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return (used() - before) / rounds


def seconds(value):
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def all_of(program, measurements):
    """What could be measured, and whether all could."""
    found, well = {}, True

    def attempt(name, measure):
        nonlocal well
        try:
            found[name] = measure()
            print(f"{program.name}, {name}: {found[name]}", file=sys.stderr)
        except Exception as failure:
            well = False
            print(f"{program.name}, {name}: {failure}", file=sys.stderr)
            if not isinstance(failure, AssertionError):
                traceback.print_exc()

    if "cost" in measurements:
        for kind in ("tcp", "http"):
            attempt(kind, lambda: cost(program, kind))
    if "most" in measurements:
        attempt("most", lambda: most(program, found["http"]["cost"] if "http" in found else cost(program, "http")["cost"]))
    if "detection" in measurements:
        attempt("detection", lambda: detection(program))
    if "storm" in measurements:
        attempt("storm", lambda: storm(program))
    return found, well


def row(program, found):
    cells = [program.title()]
    for kind in ("tcp", "http"):
        one = found.get(kind)
        cells.append(f"{microseconds(one['cost'])} ({one['cost'] / one['floor']:.1f})" if one else "-")
        cells.append(f"{one['rate']:.0f}" if one else "-")
    one = found.get("http")
    cells.append(f"{found['most']:,.0f}" if "most" in found else "-")
    cells += [megabytes(one["memory"]), f"{one['first']:.1f} s", f"{'> ' if one['around'] >= PATIENCE else ''}{one['around']:.0f} s"] if one else ["-"] * 3
    cells.append(" / ".join(seconds(value) for value in found["detection"]) if "detection" in found else "-")
    one = found.get("storm")
    cells += [f"{one['mails']}{'' if one['over'] else ' and more'}", seconds(one["last"]),
              f"{one['used']:.1f} s ({one['idle']:.1f})"] if one else ["-"] * 3
    return cells


HEADS = ["", "TCP check (to floor)", "a second", "HTTP check (to floor)", "a second", "most HTTP/s", "memory", "first check", "first round",
         "failure to mail", "storm: mails", "last after", "processor (before)"]
WORDS = """
  check: processor time of one, {targets:,} targets every {interval} s, in brackets as a multiple of the bare floor's just before; a second: as many were made
  most: best five seconds on {processors} processors, the target beside it; memory: PSS of all processes, {targets:,} HTTP checks
  first check, first round: from the start to the first connection, and to as many as there are targets
  failure to mail: median of {rounds}, to a relay that acknowledges at once / that delays its acknowledgements
  storm: {storm:,} HTTP checks every {storm_interval} s fail at once; processor time until the last mail, in brackets what as long took before
  Nagios and Icinga start a process for each check: one that does nothing costs {process} here
  Nagios and Icinga mail by msmtp, which is counted as theirs; Monit checks one after another, so that a silent target stops the rest"""


def main():
    global target, SECONDS, TARGETS, STORM
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    SECONDS, TARGETS = (numbers + [30, 10_000][len(numbers):])[:2]
    STORM = min(1_000, TARGETS)
    known = {program.__name__.lower(): program for program in programs.ALL}
    words = [word.lower() for word in sys.argv[1:] if not word.isdigit()]
    unknown = [word for word in words if word not in known and word not in MEASUREMENTS]
    if unknown:
        sys.exit(f"peers: there is neither a program nor a measurement {unknown[0]}: {', '.join([*known, *MEASUREMENTS])}")
    chosen = [program for name, program in known.items() if name in words] or list(programs.ALL)
    measurements = [name for name in MEASUREMENTS if name in words] or MEASUREMENTS
    bench.own_network()
    target = Target().start()
    rows, floors, all_well = [], {"tcp": [], "http": []}, True
    try:
        flat_out = floor("http", 0, 5)[1] if "most" in measurements else None
        for program in chosen:
            missing = program.missing()
            if missing:
                rows.append([f"{program.name}: missing, without {', '.join(missing)}"] + ["-"] * (len(HEADS) - 1))
                continue
            found, well = all_of(program, measurements)
            all_well = all_well and well
            rows.append(row(program, found))
            for kind, values in floors.items():
                if kind in found:
                    values.append(found[kind]["floor"])
    finally:
        target.stop()
    floor_row = ["floor"]
    for kind in ("tcp", "http"):
        floor_row += [microseconds(statistics.median(floors[kind])), f"{TARGETS / INTERVAL:.0f}"] if floors[kind] else ["-", "-"]
    floor_row.append(f"{flat_out:,.0f}" if flat_out else "-")
    table("Peers, in the same run", HEADS, [*rows, floor_row + ["-"] * (len(HEADS) - len(floor_row))])
    print(WORDS.format(targets=TARGETS, interval=INTERVAL, processors=os.cpu_count(), rounds=ROUNDS, storm=STORM, storm_interval=STORM_INTERVAL,
                       process=microseconds(start_of_a_process())), flush=True)
    sys.exit(0 if all_well else 1)


main()
