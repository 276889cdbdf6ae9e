"""Kinds of probes against the real servers that they are for: nginx and Postfix with certificates of every sort for tls, nginx that lets
in who shows a secret for http, unbound for dns, node_exporter for metric. Each test is one daemon whose component has many probes, run once by hand."""
import datetime
import os
import shutil
import socket
import subprocess
import unittest

from world import SOURCE, Case, free_port, wait_for

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def program(name):
    return shutil.which(name, path=PATH)


class Authority:
    """A certificate authority of openssl's own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        (folder / "index").touch()
        (folder / "config").write_text(f"""
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
""")
        self.run("req", "-x509", *self.new_key("ca"), "-days", "400", "-subj", "/CN=test authority", "-out", "ca.pem")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    @staticmethod
    def new_key(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key"]

    def signed(self, name, names, first, last):
        """NAME.pem and NAME.key, valid from `first` to `last`, in days from now."""
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = ((now + datetime.timedelta(days=days, minutes=5)).strftime("%Y%m%d%H%M%SZ") for days in (first, last))
        (self.folder / "extensions").write_text(f"subjectAltName = {names}\n")
        self.run("req", *self.new_key(name), "-subj", f"/CN={name}", "-out", name + ".csr")
        self.run("ca", "-batch", "-notext", "-config", "config", "-cert", "ca.pem", "-keyfile", "ca.key", "-extfile", "extensions",
                 "-startdate", begin, "-enddate", end, "-in", name + ".csr", "-out", name + ".pem")

    def self_signed(self, name, names):
        self.run("req", "-x509", *self.new_key(name), "-days", "90", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
                 "-out", name + ".pem")


class Server:
    """A program in the foreground that listens on a TCP port of loopback."""

    def __init__(self, case, port, *command):
        log = case.folder / f"server-{port}.log"
        with open(log, "w") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        case.addCleanup(process.wait)
        case.addCleanup(process.kill)

        def answers():
            if process.poll() is not None:
                raise AssertionError(f"{command[0]} ended: {log.read_text()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        wait_for(command[0], answers)


class Probes(Case):
    def found(self, probes):
        """What each probe, name: keys, finds: name: observation."""
        lines = "".join(f"\n      - {{name: {name}, interval: 5m, {keys}}}" for name, keys in probes.items())
        self.write(f"  target:\n    owner: ap-ops\n    probes:{lines}")
        self.daemon.start()
        return {one["probe"]: one for one in self.daemon.ask("probe", "target")}

    def says(self, observation, verdict, pattern):
        self.assertEqual(observation["verdict"], verdict, observation)
        self.assertRegex(observation["reason"], pattern)


    def nginx(self, port, servers):
        config = self.folder / "nginx.conf"
        temporary = " ".join(f"{what}_temp_path {self.folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"daemon off; master_process off; pid {self.folder}/nginx.pid; events {{ }}\n"
                          f"http {{ log_format seen '$server_port $uri [$http_authorization]'; access_log {self.folder}/access.log seen;"
                          f" {temporary}\n{servers}\n}}\n")
        Server(self, port, program("nginx"), "-p", self.folder, "-e", self.folder / "error.log", "-c", config)


@unittest.skipUnless(program("nginx") and program("openssl"), "nginx or openssl is not installed")
class Tls(Probes):
    def test_nginx_with_certificates_good_and_bad(self):
        authority = Authority(self.folder / "ca")
        own = "DNS:localhost,IP:127.0.0.1"
        authority.signed("good", own, -1, 90)
        authority.signed("soon", own, -80, 10)
        authority.signed("ending", own, -80, 3)
        authority.signed("expired", own, -90, -2)
        authority.signed("early", own, 2, 90)
        authority.signed("other", "DNS:elsewhere.example", -1, 90)
        authority.self_signed("self", own)
        ports = {name: free_port() for name in ("good", "soon", "ending", "expired", "early", "other", "self")}
        servers = "\n".join(
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {authority.folder}/{name}.pem;"
            f" ssl_certificate_key {authority.folder}/{name}.key; }}" for name, port in ports.items())
        self.nginx(ports["good"], servers)
        ca = f"ca_file: {authority.folder}/ca.pem"
        probes = {name: f"kind: tls, host: 127.0.0.1, port: {port}, {ca}" for name, port in ports.items() if name != "self"}
        probes["by-name"] = f"kind: tls, host: localhost, port: {ports['good']}, {ca}"
        probes["self"] = f"kind: tls, host: 127.0.0.1, port: {ports['self']}"
        probes["stranger"] = f"kind: tls, host: 127.0.0.1, port: {ports['good']}"
        probes["blindly"] = f"kind: tls, host: 127.0.0.1, port: {ports['self']}, verify: false"
        probes["renamed"] = f"kind: tls, host: 127.0.0.1, port: {ports['other']}, server_name: elsewhere.example, {ca}"
        found = self.found(probes)

        date = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        self.says(found["good"], "ok", rf"^the server's certificate \(good\) expires {date}, in 90d; TLSv1\.[23] with 127.0.0.1 port")
        self.assertAlmostEqual(found["good"]["values"]["expires_seconds"], 90 * 86400, delta=3600)
        self.says(found["by-name"], "ok", r"\(good\)")
        self.says(found["soon"], "warning", r"in 10d, warning at < 21d")
        self.says(found["ending"], "failing", r"in 3d, failing at < 7d")
        self.says(found["expired"], "failing", rf"^the server's certificate \(expired\) expired {date}, 1d23h ago$")
        self.says(found["early"], "failing", rf"^the server's certificate \(early\) is not valid before {date}$")
        self.says(found["other"], "failing", r"^the server's certificate \(other\) is for elsewhere.example, not for 127.0.0.1$")
        self.says(found["renamed"], "ok", r"\(other\)")
        self.says(found["self"], "failing", r"\(self\) is self-signed and not trusted here")
        self.says(found["blindly"], "ok", r"\(self\)")
        self.says(found["stranger"], "failing", r"the issuer 'test authority' of .* \(good\) is neither sent nor trusted here")

    def test_postfix_begins_tls_when_asked(self):
        helper = SOURCE / "tests/integration/postfix.sh"
        port, plain = free_port(), free_port()
        postfix = self.folder / "postfix"
        self.folder.chmod(0o755)
        started = subprocess.run([helper, "start", postfix, str(port)], capture_output=True, text=True)
        if started.returncode == 77:
            self.skipTest(started.stderr.strip())
        self.assertEqual(started.returncode, 0, started.stderr)
        self.addCleanup(subprocess.run, [helper, "stop", postfix])
        keys = f"kind: tls, port: {port}, failing: \"< 1d\", warning: \"< 30d\", ca_file: {postfix}/ca.pem"
        found = self.found({
            "mail": f"{keys}, host: localhost, starttls: smtp",
            "wrong": f"{keys}, host: 127.0.0.1, server_name: mail.example, starttls: smtp",
            "at-once": f"{keys}, host: 127.0.0.1",
            "another": f"{keys}, host: 127.0.0.1, starttls: pop3"})
        self.says(found["mail"], "warning", r"^the server's certificate \(localhost\) expires .*, in 1d23h, warning at < 30d; TLSv1")
        self.says(found["wrong"], "failing", r"is for localhost, 127.0.0.1, not for mail.example")
        self.says(found["at-once"], "failing", r"answers with something that is no TLS")
        self.says(found["another"], "failing", r"said '220 relay.example ESMTP'")


@unittest.skipUnless(program("nginx") and program("openssl"), "nginx or openssl is not installed")
class Http(Probes):
    def test_nginx_lets_in_who_shows_the_right_secret_and_says_json(self):
        authority = Authority(self.folder / "ca")
        authority.signed("server", "DNS:localhost,IP:127.0.0.1", -1, 90)
        authority.signed("client", "DNS:yagura.example", -1, 90)
        authority.self_signed("stranger", "DNS:yagura.example")
        secrets = {"basic": "ops:hunter2:pass", "bearer": "t0ken-hunter2", "wrong": "ops:hunter2", "no-password": "hunter2"}
        for name, secret in secrets.items():
            (self.folder / name).write_text(secret + "\n")
            (self.folder / name).chmod(0o600)
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "hunter2:pass"], capture_output=True, text=True, check=True).stdout
        (self.folder / "htpasswd").write_text("ops:" + hashed)
        (self.folder / "htpasswd").chmod(0o644)
        self.folder.chmod(0o755)
        secure, plain = free_port(), free_port()
        self.nginx(plain, f"""
server {{
  listen 127.0.0.1:{secure} ssl;
  ssl_certificate {authority.folder}/server.pem; ssl_certificate_key {authority.folder}/server.key;
  ssl_client_certificate {authority.folder}/ca.pem; ssl_verify_client optional_no_ca;
  location = /certificate {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} return 200 "$ssl_client_s_dn"; }}
}}
server {{
  listen 127.0.0.1:{plain};
  location = /basic {{ auth_basic here; auth_basic_user_file {self.folder}/htpasswd; try_files /page =404; }}
  location = /bearer {{ if ($http_authorization != "Bearer t0ken-hunter2") {{ return 401 "$http_authorization"; }} return 200 in; }}
  location = /health {{ return 200 '{{"status": {{"db": "ready", "up": true}}, "queues": [{{"waiting": 120}}]}}'; }}
  location = /elsewhere {{ return 302 http://localhost:{plain}/seen; }}
  location = /seen {{ return 200 '[$http_authorization]'; }}
  root {self.folder};
}}""")
        (self.folder / "page").write_text("in")
        (self.folder / "page").chmod(0o644)
        url = f"kind: http, url: \"http://127.0.0.1:{plain}"
        closed = f"kind: http, url: \"https://127.0.0.1:{secure}/certificate\", ca_file: {authority.folder}/ca.pem"
        health = f"{url}/health\", expect: {{json: "
        found = self.found({
            "basic": f"{url}/basic\", auth: {{basic: {self.folder}/basic}}, expect: {{body: in}}",
            "basic-wrong": f"{url}/basic\", auth: {{basic: {self.folder}/wrong}}",
            "basic-none": f"{url}/basic\"",
            "no-password": f"{url}/basic\", auth: {{basic: {self.folder}/no-password}}",
            "bearer": f"{url}/bearer\", auth: {{bearer: {self.folder}/bearer}}",
            "quoted": f"{url}/bearer\", auth: {{bearer: {self.folder}/wrong}}, expect: {{json: {{path: a}}, status: 401}}",
            "elsewhere": f"{url}/elsewhere\", auth: {{bearer: {self.folder}/bearer}}, expect: {{body: \"[]\"}}",
            "certificate": f"{closed}, client_certificate: {authority.folder}/client.pem, client_key: {authority.folder}/client.key",
            "stranger": f"{closed}, client_certificate: {authority.folder}/stranger.pem, client_key: {authority.folder}/stranger.key",
            "no-certificate": closed,
            "json": f"{health}[{{path: status.db, equals: ready}}, {{path: status.up, equals: true}}]}}",
            "json-wrong": f"{health}{{path: status.db, matches: ^broken}}}}",
            "json-level": f"{health}{{path: \"queues[0].waiting\", warning: \">= 100\", failing: \">= 1000\"}}}}",
            "json-short": f"{url}/health\", expect: {{json: {{path: status.db}}}}, body_limit: 1 KiB"})
        for name in ("basic", "bearer", "elsewhere", "certificate", "json", "json-short"):
            self.says(found[name], "ok", r"status 200 OK")
        self.says(found["basic-wrong"], "failing", r"^status 401 Unauthorized, expected 200-399")
        self.says(found["basic-none"], "failing", r"^status 401")
        self.says(found["no-password"], "unknown", r"has to hold one line, user:password$")
        self.says(found["quoted"], "failing", r"^the body is no JSON")
        self.says(found["stranger"], "failing", r"^status 403")
        self.says(found["no-certificate"], "failing", r"^status 403")
        self.says(found["json-wrong"], "failing", r"^status.db is 'ready', which does not match '\^broken'; status 200 OK")
        self.says(found["json-level"], "warning", r"^queues\[0\].waiting is 120, warning at >= 100; status 200 OK")
        seen = (self.folder / "access.log").read_text()
        self.assertIn(f"{plain} /bearer [Bearer t0ken-hunter2]", seen)
        self.assertIn(f"{plain} /seen [-]", seen)
        # What lets in is nowhere in what the daemon says or leaves.
        self.daemon.stop()
        everything = self.daemon.log.read_bytes() + b"".join(
            path.read_bytes() for path in (self.folder / "state").rglob("*") if path.is_file())
        self.assertNotIn(b"hunter2", everything)
        self.assertNotIn(b"hunter2", repr(found).encode())


@unittest.skipUnless(program("prometheus-node-exporter"), "prometheus-node-exporter is not installed")
class Metric(Probes):
    def test_node_exporter_says_what_the_machine_has(self):
        port = free_port()
        texts = self.folder / "texts"
        texts.mkdir()
        (texts / "jobs.prom").write_text("# TYPE backup_last_success_seconds gauge\nbackup_last_success_seconds 1.5e9\n"
                                         "queue_length{queue=\"a \\\"b\\\"\"} 7\nqueue_length{queue=\"c\"} 12\n")
        Server(self, port, program("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
               "--collector.disable-defaults", "--collector.filesystem", "--collector.meminfo", "--collector.cpu", "--collector.loadavg",
               "--collector.textfile", f"--collector.textfile.directory={texts}")
        asked = f"kind: metric, url: \"http://127.0.0.1:{port}/metrics\""
        memory = f"{asked}, series: node_memory_MemAvailable_bytes"
        found = self.found({
            "memory": f"{memory}, failing: \"< 1 MiB\"",
            "low": f"{memory}, failing: \"< 1000 TiB\"",
            "share": f"{memory}, ratio_to: node_memory_MemTotal_bytes, failing: \"< 0.001%\"",
            "disks": f"{asked}, series: \"node_filesystem_avail_bytes{{fstype!~'tmpfs|ramfs'}}\","
                     " ratio_to: node_filesystem_size_bytes, failing: \"> 100%\"",
            "busy": f"{asked}, series: \"node_cpu_seconds_total{{mode!='idle'}}\", of: sum, rate: true, ratio_to: node_cpu_seconds_total,"
                    " failing: \"> 100%\"",
            "queues": f"{asked}, series: queue_length, warning: 10",
            "queue": f"{asked}, series: 'queue_length{{queue=\"a \\\"b\\\"\"}}', failing: 10",
            "sum": f"{asked}, series: queue_length, of: sum, failing: 19",
            "absent": f"{asked}, series: no_such_series, failing: 1",
            "gone": f"{asked}, series: no_such_series, failing: 1, absent: failing",
            "page": f"kind: metric, url: \"http://127.0.0.1:{port}/\", series: up, failing: 1",
            "nobody": f"kind: metric, url: \"http://127.0.0.1:{free_port()}/metrics\", series: up, failing: 1"})
        self.says(found["memory"], "ok", r"^node_memory_MemAvailable_bytes is [\d.]+ (MiB|GiB|TiB)$")
        self.assertGreater(found["memory"]["values"]["value"], 1024 * 1024)
        self.says(found["low"], "failing", r", failing at < 1000 TiB$")
        self.says(found["share"], "ok", r"is [\d.]+% of node_memory_MemTotal_bytes$")
        self.says(found["disks"], "ok", r"^node_filesystem_avail_bytes\{device=.*%( \(worst of \d+\))? of node_filesystem_size_bytes")
        self.assertEqual(found["busy"]["verdict"], "ok", found["busy"])
        self.says(found["queues"], "warning", r'^queue_length\{queue="c"\} is 12 \(worst of 2\), warning at >= 10$')
        self.says(found["queue"], "ok", r'is 7$')
        self.says(found["sum"], "failing", r"^the sum of queue_length \(2 series\) is 19, failing at >= 19$")
        self.says(found["absent"], "unknown", rf"^127.0.0.1 port {port} has no series no_such_series$")
        self.says(found["gone"], "failing", r"has no series no_such_series$")
        self.says(found["page"], "unknown", r"is not Prometheus' text format: it begins with '<html>")
        self.says(found["nobody"], "unknown", r"^connection refused by 127.0.0.1")

        def rate():
            # As they stand in the configuration, whichever ends first.
            asked = self.daemon.ask("probe", "target")
            self.assertEqual([one["probe"] for one in asked], list(found))
            return asked[4] if "grows by" in asked[4]["reason"] else None
        self.says(wait_for("a rate", rate), "ok", r"^the sum of node_cpu_seconds_total.* grows by [\d.]+% of node_cpu")


@unittest.skipUnless(program("unbound"), "unbound is not installed")
class Dns(Probes):
    def test_unbound_answers_what_is_expected_and_what_is_not(self):
        port = free_port()
        long_texts = "\n".join(f"  local-data: 'long.example. TXT \"{number} {'x' * 200}\"'" for number in range(10))
        (self.folder / "unbound.conf").write_text(f"""
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/unbound.pid"
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  module-config: "iterator"
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  local-zone: example. static
  local-data: 'example. SOA ns1.example. root.example. 2026 7200 3600 604800 300'
  local-data: 'example. NS ns1.example.'
  local-data: 'example. MX 10 mx.example.'
  local-data: 'example. CAA 0 issue "ca.example"'
  local-data: 'www.example. A 192.0.2.10'
  local-data: 'www.example. A 192.0.2.11'
  local-data: 'www.example. AAAA 2001:db8::10'
  local-data: 'example. TXT "v=spf1 " "-all"'
  local-data: '_sip._tcp.example. SRV 0 5 5060 sip.example.'
  local-data: 'cdn.example. CNAME edge.elsewhere.'
  local-zone: 2.0.192.in-addr.arpa. static
  local-data-ptr: '192.0.2.10 www.example'
  local-zone: never.test. refuse
{long_texts}
forward-zone:
  name: "sick.elsewhere."
  forward-addr: 2001:db8::1
remote-control:
  control-enable: no
""")
        Server(self, port, program("unbound"), "-d", "-c", self.folder / "unbound.conf")
        asked = f"kind: dns, server: 127.0.0.1, port: {port}"
        found = self.found({
            "any": f"{asked}, question: www.example",
            "all": f"{asked}, question: www.example, expect: [192.0.2.11, 192.0.2.10], only: true",
            "missing": f"{asked}, question: www.example, expect: [192.0.2.10, 192.0.2.12]",
            "more": f"{asked}, question: www.example, expect: 192.0.2.10, only: true",
            "aaaa": f"{asked}, question: www.example, type: AAAA, expect: \"2001:db8:0::10\"",
            "mx": f"{asked}, question: example, type: MX, expect: mx.example",
            "ns": f"{asked}, question: example, type: NS, expect: NS1.example.",
            "txt": f"{asked}, question: example, type: TXT, expect: v=spf1 -all",
            "soa": f"{asked}, question: example, type: SOA, expect: ns1.example root.example 2026",
            "caa": f"{asked}, question: example, type: CAA, expect: 0 issue ca.example",
            "srv": f"{asked}, question: _sip._tcp.example, type: SRV, expect: 0 5 5060 sip.example",
            "cname": f"{asked}, question: cdn.example, type: CNAME, expect: edge.elsewhere",
            "ptr": f"{asked}, question: 192.0.2.10, type: PTR, expect: www.example",
            "long": f"{asked}, question: long.example, type: TXT",
            "nowhere": f"{asked}, question: nowhere.example",
            "none": f"{asked}, question: www.example, type: MX",
            "refused": f"{asked}, question: never.test",
            "sick": f"{asked}, question: www.sick.elsewhere",
            "gone": f"kind: dns, server: 127.0.0.1, port: {free_port()}, question: www.example",
            "quick": f"{asked}, question: www.example, latency: {{failing: \">= 9s\"}}"})
        self.says(found["any"], "ok", r"^A of www.example is 192\.0\.2\.1[01], 192\.0\.2\.1[01]; 127\.0\.0\.1 port \d+ answered in")
        for name in ("all", "aaaa", "mx", "ns", "txt", "soa", "caa", "srv", "cname", "ptr", "quick"):
            self.says(found[name], "ok", " is ")
        self.says(found["missing"], "failing", r", without 192\.0\.2\.12;")
        self.says(found["more"], "failing", r", where 192\.0\.2\.11 was not expected;")
        self.says(found["long"], "ok", r"and 5 more;")  # 2 KiB, and so over TCP
        self.assertEqual(found["long"]["values"]["answers"], 10)
        self.says(found["nowhere"], "failing", r"^no such name: nowhere.example, says 127.0.0.1 port")
        self.says(found["none"], "failing", r"^there is no MX of www.example, says")
        self.says(found["refused"], "failing", r"refuses to answer \(REFUSED\)")
        self.says(found["sick"], "failing", r"could not find out \(SERVFAIL\)")
        self.says(found["gone"], "failing", r"nobody listens")


if __name__ == "__main__":
    unittest.main(verbosity=2)
