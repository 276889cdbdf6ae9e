"""The same checks by others, in the same run: Monit, Nagios, Icinga 2, Prometheus with the blackbox exporter, each from Debian, as
its authors ship it, in a folder of its own and never as a service. Processor time is of all their processes with what they start;
checks are counted by the target. Monit has been measured with it; the others wait for their first run."""
import pathlib
import shutil
import subprocess
import sys
import time

import bench
from bench import PORT, Target, Watcher, address, each, floor, megabytes, microseconds, processor_seconds_of_all, pss_bytes, table

SECONDS = 30
PLUGINS = "/usr/lib/nagios/plugins"


class Peer:
    """Programs that are started with a configuration for `count` targets, and ended."""

    def __init__(self, folder, kind, count):
        self.folder, self.kind, self.count, self.started = pathlib.Path(folder), kind, count, []
        self.folder.mkdir(parents=True)

    def run(self, *command, **options):
        log = open(self.folder / "log", "a")
        self.started.append(subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True, cwd=self.folder, **options))

    def processor(self):
        return sum(processor_seconds_of_all(one.pid) for one in self.started)

    def memory(self):
        return sum(pss_bytes(one.pid) for one in self.started)

    def stop(self):
        for one in self.started:
            for pid in reversed(bench.with_children(one.pid)):
                try:
                    subprocess.os.kill(pid, 9)
                except OSError:
                    pass
            one.wait()


class Monit(Peer):
    name, needs = "Monit", "monit"

    def start(self):
        how = " protocol http" if self.kind == "http" else ""
        (self.folder / "monitrc").write_text(
            f"set daemon 30\nset log {self.folder}/monit.log\nset idfile {self.folder}/id\nset statefile {self.folder}/state\nset pidfile {self.folder}/pid\n"
            + "".join(f"check host t{i:05} with address {address(i)}\n  if failed port {PORT}{how} with timeout 10 seconds then alert\n"
                      for i in range(self.count)))
        (self.folder / "monitrc").chmod(0o600)
        self.run("monit", "-c", self.folder / "monitrc", "-I")


class Nagios(Peer):
    name, needs = "Nagios", "nagios4"

    def start(self):
        plugin = f"{PLUGINS}/check_http -I $HOSTADDRESS$ -p {PORT}" if self.kind == "http" else f"{PLUGINS}/check_tcp -H $HOSTADDRESS$ -p {PORT}"
        (self.folder / "spool").mkdir()
        (self.folder / "objects.cfg").write_text(
            f"define command {{\n command_name check\n command_line {plugin}\n}}\ndefine command {{\n command_name none\n command_line /bin/true\n}}\n"
            "define timeperiod {\n timeperiod_name always\n alias always\n"
            + "".join(f" {day} 00:00-24:00\n" for day in ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")) + "}\n"
            + "define contact {\n contact_name ops\n host_notifications_enabled 0\n service_notifications_enabled 0\n host_notification_period always\n"
              " service_notification_period always\n host_notification_options n\n service_notification_options n\n host_notification_commands none\n"
              " service_notification_commands none\n}\n"
            + "".join(f"define host {{\n host_name t{i:05}\n address {address(i)}\n max_check_attempts 1\n check_period always\n contacts ops\n"
                      f" notification_interval 0\n notification_period always\n}}\n"
                      f"define service {{\n host_name t{i:05}\n service_description s\n check_command check\n max_check_attempts 1\n check_interval 30\n"
                      f" retry_interval 30\n check_period always\n contacts ops\n notification_interval 0\n notification_period always\n}}\n"
                      for i in range(self.count)))
        (self.folder / "nagios.cfg").write_text(f"""
log_file={self.folder}/nagios.log
cfg_file={self.folder}/objects.cfg
object_cache_file={self.folder}/objects.cache
precached_object_file={self.folder}/objects.precache
status_file={self.folder}/status
state_retention_file={self.folder}/retention
temp_file={self.folder}/temp
temp_path={self.folder}
check_result_path={self.folder}/spool
query_socket={self.folder}/query
lock_file={self.folder}/lock
command_file={self.folder}/command
check_external_commands=0
nagios_user=root
nagios_group=root
interval_length=1
enable_notifications=0
execute_host_checks=0
""")
        self.run("nagios4", self.folder / "nagios.cfg")


class Icinga(Peer):
    name, needs = "Icinga 2", "icinga2"

    def start(self):
        check = "http" if self.kind == "http" else "tcp"
        (self.folder / "icinga2.conf").write_text(f"""
include <itl>
include <plugins>
const PluginDir = "{PLUGINS}"
const NodeName = "bench"
const ZoneName = NodeName
object Endpoint NodeName {{}}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object CheckerComponent "checker" {{}}
"""
                                                + "".join(f"object Host \"t{i:05}\" {{ address = \"{address(i)}\"; check_command = \"{check}\"; check_interval = 30s;"
                                                          f" enable_flapping = false; enable_notifications = false; max_check_attempts = 1;"
                                                          f" vars.{check}_port = {PORT} }}\n" for i in range(self.count)))
        folders = [f"-D{name}={self.folder}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir", "ConfigDir")]
        self.run("icinga2", "daemon", "-c", self.folder / "icinga2.conf", "-DRunAsUser=root", "-DRunAsGroup=root", *folders)


class Prometheus(Peer):
    name, needs = "Prometheus, blackbox", "prometheus"

    def start(self):
        web, exporter = bench.free_port(), bench.free_port()
        module = "http_2xx" if self.kind == "http" else "tcp_connect"
        (self.folder / "blackbox.yml").write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}, tcp_connect: {prober: tcp}}\n")
        targets = [f"http://{address(i)}:{PORT}/" if self.kind == "http" else f"{address(i)}:{PORT}" for i in range(self.count)]
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 30s, scrape_timeout: 10s}\nscrape_configs:\n  - job_name: checks\n    metrics_path: /probe\n"
            f"    params: {{module: [{module}]}}\n    static_configs:\n      - targets: [{', '.join(repr(one) for one in targets)}]\n    relabel_configs:\n"
            "      - {source_labels: [__address__], target_label: __param_target}\n      - {source_labels: [__param_target], target_label: instance}\n"
            f"      - {{target_label: __address__, replacement: '127.0.0.1:{exporter}'}}\n")
        self.run("prometheus-blackbox-exporter", f"--config.file={self.folder}/blackbox.yml", f"--web.listen-address=127.0.0.1:{exporter}", "--log.level=error")
        self.run("prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{web}", "--log.level=error")


class Yagura(Peer):
    name, needs = "Yagura", None

    def start(self):
        self.watcher = Watcher(self.folder / "d", each(self.kind, self.count)).launch()
        self.started = [self.watcher.process]


def measured(peer, target):
    target.forget()
    began, asked = time.monotonic(), target.asked()[1]
    peer.start()
    first = target.first() - began
    # One round, so that what is done once is done.
    end = time.monotonic() + 120
    while target.asked()[1] - asked < peer.count and time.monotonic() < end:
        time.sleep(0.5)
    time.sleep(3)
    processor, asked, began = peer.processor(), target.asked()[1], time.monotonic()
    time.sleep(SECONDS)
    took, checks = time.monotonic() - began, target.asked()[1] - asked
    return {"first": first, "cost": (peer.processor() - processor) / max(checks, 1), "rate": checks / took, "memory": peer.memory()}


def main():
    bench.own_network()
    rows = []
    target = Target().start()
    try:
        for kind in ("tcp", "http"):
            for peer_kind, count in ((Yagura, 10_000), (Monit, 10_000), (Prometheus, 10_000), (Nagios, 3_000), (Icinga, 3_000)):
                if sys.argv[1:] and peer_kind.__name__.lower() not in sys.argv[1:]:
                    continue
                if peer_kind.needs and not shutil.which(peer_kind.needs, path=subprocess.os.environ["PATH"] + ":/usr/sbin"):
                    print(f"{peer_kind.name} is not installed", file=sys.stderr)
                    continue
                least, _ = floor(kind, count / 30, 8)
                with bench.folder() as name:
                    peer = peer_kind(pathlib.Path(name) / "p", kind, count)
                    try:
                        found = measured(peer, target)
                    except Exception:
                        log = peer.folder / "log"
                        print(f"{peer_kind.name}, {kind}:", log.read_text()[-2000:] if log.exists() else "", file=sys.stderr)
                        raise
                    finally:
                        peer.stop()
                rows.append([f"{kind.upper()}, {peer_kind.name}", f"{count:,}", f"{found['rate']:.0f}", microseconds(found["cost"]),
                             f"{found['cost'] / least:.1f}", megabytes(found["memory"]), f"{found['first']:.1f} s"])
    finally:
        target.stop()
    table("Others, every 30 s", ["", "targets", "checks a second", "processor time of one", "to the floor", "memory", "first check after"], rows)


main()
