"""Kinds of probes against the real servers that they are for: nginx and Postfix with certificates of every sort for tls, unbound for
dns. Each test is one daemon whose component has many probes, run once by hand."""
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
        config = self.folder / "nginx.conf"
        temporary = " ".join(f"{what}_temp_path {self.folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"daemon off; master_process off; pid {self.folder}/nginx.pid; events {{ }}\n"
                          f"http {{ access_log off; {temporary}\n{servers}\n}}\n")
        Server(self, ports["good"], program("nginx"), "-p", self.folder, "-e", self.folder / "error.log", "-c", config)
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
