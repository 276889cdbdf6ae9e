"""The monitoring programs that the benches compare: this one, and its peers as Debian ships them, each with a configuration that
its own documentation recommends for many checks, in a folder of its own and never as a service. All of them check the same places
and mail what fails to the same relay; whatever is not asked for (host checks, flapping, retained state) is off."""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import typing

import bench
from bench import Watcher, processor_seconds_of_all, pss_bytes

PLUGINS = "/usr/lib/nagios/plugins"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Checks(typing.NamedTuple):
    kind: str  # tcp, http
    places: list  # (address, port)
    interval: int  # seconds
    relay: int  # the port that mails go to
    together: bool = True  # what fails at once may be told in one mail, by those who can

    def names(self):
        return [f"t{i:05}" for i in range(len(self.places))]

    def timeout(self):
        """For those with whom it has to be shorter than the interval. The others have ten seconds, as their plugins do by themselves."""
        return min(10.0, 0.9 * self.interval)


class Program:
    """One of them: its processes, from start() to stop(). `wants`: what has to be installed, as programs."""

    name, package, wants = "", "", ()
    bundling = 1  # After a mail so many seconds pass before the next is one of its own.

    def __init__(self, folder, checks):
        self.folder, self.checks, self.started = pathlib.Path(folder), checks, []
        self.folder.mkdir(parents=True)

    @classmethod
    def missing(cls):
        return [one for one in cls.wants if not shutil.which(one, path=PATH)]

    @classmethod
    def title(cls):
        said = subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", cls.package], capture_output=True, text=True)
        return f"{cls.name} {said.stdout.split('+')[0]}".strip() if cls.package else cls.name

    def run(self, *command, **environment):
        with open(self.folder / "log", "a") as log:
            self.started.append(subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 cwd=self.folder, env={**os.environ, "PATH": PATH, **environment}))

    def processor(self):
        self.hold()
        return sum(processor_seconds_of_all(one.pid) for one in self.started)

    def memory(self):
        """The middle of five looks, as what is started for a check comes and goes."""
        looks = []
        for _ in range(5):
            looks.append(sum(pss_bytes(one.pid) for one in self.started))
            time.sleep(0.3)
        return sorted(looks)[2]

    def hold(self):
        """Fails when one of its processes has ended by itself."""
        for one in self.started:
            if one.poll() is not None:
                raise AssertionError(f"{self.name} ended with {one.returncode}:\n{self.log()}")

    def log(self):
        file = self.folder / "log"
        return file.read_text(errors="replace")[-3000:] if file.exists() else ""

    def stop(self):
        """Ends all that it started, by process number, and what that started."""
        end = time.monotonic() + 60
        for one in self.started:
            while one.poll() is None and time.monotonic() < end:
                for pid in reversed(bench.with_children(one.pid)):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                time.sleep(0.05)
            one.wait(60)

    def mail_command(self):
        """A script that mails its arguments, SUBJECT and TEXT: for programs that leave mail to another. The printf and the pipe
        are those of their own sample configurations, msmtp speaks to the relay at once, where `mail` would queue by way of sendmail."""
        script = self.folder / "mail.sh"
        script.write_text("#!/bin/sh\nprintf 'From: kanshi@example.jp\\nTo: sato@ops.example\\nSubject: %s\\n\\n%s\\n' \"$1\" \"$2\" |\n"
                          f"  exec msmtp --host=127.0.0.1 --port={self.checks.relay} --tls=off --auth=off --from=kanshi@example.jp -- sato@ops.example\n")
        script.chmod(0o755)
        return script


class Yagura(Program):
    name, bundling = "Yagura", 5.5

    def start(self):
        checks = self.checks
        items = ", ".join(f"{{name: {name}, address: {address}, port: {port}}}" for name, (address, port) in zip(checks.names(), checks.places))
        asked = "kind: http, url: 'http://${each.address}:${each.port}/'" if checks.kind == "http" else \
            "kind: tcp, host: '${each.address}', port: '${each.port}'"
        watcher = Watcher(self.folder / "d", f"  all:\n    owner: infra-ops\n    each: [{items}]\n    probes: [{{{asked}}}]\n",
                          interval=f"{checks.interval}s", timeout=f"{1000 * checks.timeout():.0f}ms",
                          mail=f"smtp: [{{url: 'smtp://127.0.0.1:{checks.relay}', starttls: off}}]")
        self.started = [watcher.launch().process]

    def log(self):
        file = self.folder / "d" / "log"
        return file.read_text()[-3000:] if file.exists() else ""


class Monit(Program):
    name, package, wants = "Monit", "monit", ("monit",)

    def start(self):
        checks = self.checks
        how = " protocol http" if checks.kind == "http" else ""
        file = self.folder / "monitrc"
        file.write_text(
            f"set daemon {checks.interval}\nset log {self.folder}/log\nset idfile {self.folder}/id\nset statefile {self.folder}/state\n"
            f"set pidfile {self.folder}/pid\nset mailserver 127.0.0.1 port {checks.relay}\nset mail-format {{from: kanshi@example.jp}}\n"
            "set alert sato@ops.example not on {instance}\n"
            + "".join(f"check host {name} with address {address}\n  if failed port {port}{how} with timeout 10 seconds then alert\n"
                      for name, (address, port) in zip(checks.names(), checks.places)))
        file.chmod(0o600)
        self.run("monit", "-c", file, "-I")


class Nagios(Program):
    name, package, wants = "Nagios", "nagios4-core", ("nagios4", f"{PLUGINS}/check_tcp", f"{PLUGINS}/check_http", "msmtp")

    def start(self):
        checks = self.checks
        plugin = f"{PLUGINS}/check_http -I $HOSTADDRESS$ -p $ARG1$" if checks.kind == "http" else f"{PLUGINS}/check_tcp -H $HOSTADDRESS$ -p $ARG1$"
        mail = self.mail_command()
        (self.folder / "spool").mkdir()
        days = "".join(f" {day} 00:00-24:00\n" for day in ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"))
        (self.folder / "objects.cfg").write_text(
            f"define command {{\n command_name check\n command_line {plugin}\n}}\n"
            f"define command {{\n command_name mail\n command_line {mail} \"$HOSTNAME$ is $SERVICESTATE$\" \"$SERVICEOUTPUT$\"\n}}\n"
            "define command {\n command_name nothing\n command_line /bin/true\n}\n"
            f"define timeperiod {{\n timeperiod_name always\n alias always\n{days}}}\n"
            "define contact {\n contact_name ops\n host_notifications_enabled 0\n service_notifications_enabled 1\n host_notification_period always\n"
            " service_notification_period always\n host_notification_options n\n service_notification_options c\n host_notification_commands nothing\n"
            " service_notification_commands mail\n}\n"
            + "".join(f"define host {{\n host_name {name}\n address {address}\n max_check_attempts 1\n check_period always\n contacts ops\n"
                      " notification_interval 0\n notification_period always\n}\n"
                      f"define service {{\n host_name {name}\n service_description s\n check_command check!{port}\n max_check_attempts 1\n"
                      f" check_interval {checks.interval}\n retry_interval {checks.interval}\n check_period always\n contacts ops\n"
                      " notification_interval 0\n notification_period always\n}\n"
                      for name, (address, port) in zip(checks.names(), checks.places)))
        # "Tuning Nagios For Maximum Performance" of its manual.
        (self.folder / "nagios.cfg").write_text(f"""
log_file={self.folder}/nagios.log
cfg_file={self.folder}/objects.cfg
object_cache_file={self.folder}/objects.cache
precached_object_file={self.folder}/objects.precache
status_file={self.folder}/status
status_update_interval=30
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
use_large_installation_tweaks=1
enable_environment_macros=0
max_concurrent_checks=0
check_result_reaper_frequency=1
enable_notifications=1
enable_flap_detection=0
enable_event_handlers=0
execute_host_checks=0
check_service_freshness=0
check_for_updates=0
retain_state_information=0
use_syslog=0
log_initial_states=0
""")
        self.run("nagios4", self.folder / "nagios.cfg")

    def log(self):
        file = self.folder / "nagios.log"
        return super().log() + (file.read_text(errors="replace")[-3000:] if file.exists() else "")


class Icinga(Program):
    name, package, wants = "Icinga", "icinga2-bin", ("icinga2", f"{PLUGINS}/check_tcp", f"{PLUGINS}/check_http", "msmtp")

    def start(self):
        checks = self.checks
        mail = self.mail_command()
        (self.folder / "icinga2.conf").write_text(f"""
const PluginDir = "{PLUGINS}"
const NodeName = "bench"
const ZoneName = NodeName
include <itl>
include <plugins>
object Endpoint NodeName {{}}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object CheckerComponent "checker" {{}}
object NotificationComponent "notification" {{}}
object User "ops" {{ email = "sato@ops.example" }}
object NotificationCommand "mail" {{ command = [ "{mail}", "$host.name$ is $host.state$", "$host.output$" ] }}
template Host "checked" {{
  check_command = "{checks.kind}"
  check_interval = {checks.interval}s
  retry_interval = {checks.interval}s
  max_check_attempts = 1
  enable_flapping = false
  enable_perfdata = false
}}
apply Notification "mail" to Host {{
  command = "mail"
  users = [ "ops" ]
  states = [ Down ]
  types = [ Problem ]
  interval = 0
  assign where true
}}
"""
                                                + "".join(f"object Host \"{name}\" {{\n  import \"checked\"\n  address = \"{address}\"\n  vars.{checks.kind}_port = {port}\n}}\n"
                                                          for name, (address, port) in zip(checks.names(), checks.places)))
        folders = [f"-DConfiguration.{name}={self.folder}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir", "ConfigDir")]
        self.run("icinga2", "daemon", "-x", "warning", "-c", self.folder / "icinga2.conf", *folders, ICINGA2_USER="root", ICINGA2_GROUP="root")


class Prometheus(Program):
    name, package = "Prometheus", "prometheus"
    wants = ("prometheus", "prometheus-blackbox-exporter", "prometheus-alertmanager")

    @classmethod
    def title(cls):
        return super().title() + ", blackbox, Alertmanager"

    def start(self):
        checks = self.checks
        web, exporter, alerts = bench.free_port(), bench.free_port(), bench.free_port()
        module = "http_2xx" if checks.kind == "http" else "tcp_connect"
        (self.folder / "blackbox.yml").write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}, tcp_connect: {prober: tcp}}\n")
        places = [f"http://{address}:{port}/" if checks.kind == "http" else f"{address}:{port}" for address, port in checks.places]
        (self.folder / "rules.yml").write_text("groups: [{name: checks, rules: [{alert: Down, expr: probe_success == 0}]}]\n")
        (self.folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {checks.interval}s, scrape_timeout: {1000 * checks.timeout():.0f}ms, evaluation_interval: {checks.interval}s}}\n"
            f"rule_files: ['{self.folder}/rules.yml']\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerts}']}}]}}]}}\n"
            "scrape_configs:\n  - job_name: checks\n    metrics_path: /probe\n"
            f"    params: {{module: [{module}]}}\n    static_configs:\n      - targets: [{', '.join(repr(one) for one in places)}]\n    relabel_configs:\n"
            "      - {source_labels: [__address__], target_label: __param_target}\n      - {source_labels: [__param_target], target_label: instance}\n"
            f"      - {{target_label: __address__, replacement: '127.0.0.1:{exporter}'}}\n")
        grouped = "group_by: [alertname], group_wait: 1s, group_interval: 5s" if checks.together else "group_by: ['...'], group_wait: 0s, group_interval: 1s"
        (self.folder / "alertmanager.yml").write_text(
            f"global: {{smtp_smarthost: '127.0.0.1:{checks.relay}', smtp_from: kanshi@example.jp, smtp_require_tls: false}}\n"
            f"route: {{receiver: ops, {grouped}, repeat_interval: 12h}}\n"
            "receivers: [{name: ops, email_configs: [{to: sato@ops.example}]}]\n")
        self.run("prometheus-alertmanager", f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/alerts",
                 f"--web.listen-address=127.0.0.1:{alerts}", "--cluster.listen-address=", "--log.level=warn")
        self.run("prometheus-blackbox-exporter", f"--config.file={self.folder}/blackbox.yml", f"--web.listen-address=127.0.0.1:{exporter}", "--log.level=error")
        self.run("prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{web}", "--log.level=warn")


ALL = (Yagura, Monit, Prometheus, Nagios, Icinga)
