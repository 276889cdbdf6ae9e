"""The daemon among the hostile: targets, relays, senders of pings, users of the machine, programs that it starts. Each test
stands for a sentence of docs/security.md."""
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time
import unicodedata
import unittest

from world import BUILD, PATIENCE, SOURCE, USER, Case, Listener, Relay, far_day, free_port, message_of, wait_for

PASSWORD = "fire & tower 7"

# All that can steer a terminal, turn text around, or hide in it.
HOSTILE = ("\x1b]0;owned\x07\x1b[2J\x1b[31m red \u202e desrever \u2066 \u200b \u061c \ufeff \x9b1A \x00 \x7f \r over "
           "\U000e0041 \u2028 end")


def hidden(text):
    """The characters of a text that act on a terminal, or cannot be seen."""
    return sorted({f"{ord(one):04x}" for one in text
                   if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")})


class Banner(Listener):
    """A server that says the same to everybody who connects."""

    def __init__(self, bytes_):
        self.bytes = bytes_
        self.open()

    def _serve(self, connection):
        with connection:
            try:
                connection.recv(4096) if self.bytes.startswith(b"HTTP") else None
                connection.sendall(self.bytes)
            except OSError:
                pass


class AuthRelay(Relay):
    """Wants a password, and quotes it back in every form whatever happens."""

    def __init__(self):
        self.accepts = False
        self.tried = []
        super().__init__()

    def _talk(self, lines):
        def say(text):
            lines.write(text.encode() + b"\r\n")
            lines.flush()

        said = ""
        say("220 relay.example ESMTP")
        for line in lines:
            words = line.decode(errors="replace").strip()
            verb = words.upper()
            if verb.startswith("EHLO"):
                say("250-relay.example\r\n250 AUTH PLAIN")
            elif verb.startswith("AUTH PLAIN"):
                if words == "AUTH PLAIN":
                    say("334 ")
                said = words.split()[2] if words != "AUTH PLAIN" else next(lines).decode().strip()
                self.tried.append(base64.b64decode(said))
                quoted = f"{said} {PASSWORD} {base64.b64encode(PASSWORD.encode()).decode()}"
                if not self.accepts:
                    say(f"535 5.7.8 not you: {quoted}")
                    return
                say(f"235 {quoted}")
            elif verb.startswith("RCPT") and "suzuki" in words:
                say(f"550 5.1.1 gone, {PASSWORD} {said}")
            elif verb.startswith("RCPT") and len(self.mails) == 0:
                self.mails.append(([], b""))
                say(f"451 4.7.1 later, {PASSWORD} {said}")
            elif verb.startswith("DATA"):
                say("354 go on")
                content = b""
                for part in lines:
                    if part == b".\r\n":
                        break
                    content += part
                else:
                    return
                self.mails.append(([], content))
                say(f"250 kept {PASSWORD}")
            elif verb.startswith("QUIT"):
                say("221 bye")
                return
            else:
                say("250 fine")


FAILS = "  web: {owner: infra-ops, probes: [{kind: tcp, host: 127.0.0.1, port: %d}]}"


class Secrets(Case):
    def everything_said(self):
        """All that the daemon and its command let anybody see, and all that they leave on the disk, by where it is."""
        said = {}
        for command in (["status"], ["failures", "--all"], ["show", "1"], ["why", "1"], ["notices", "--all"],
                        ["notice", "show", "1"], ["jobs"], ["record"], ["record", "--export", "jsonl"], ["stops"],
                        ["config", "check", str(self.daemon.config)], ["reload"]):
            for form in ([], ["--json"]):
                if "--export" in command and form:
                    continue
                answer = self.daemon.yagura(*form, *command)
                said[" ".join(form + command)] = (answer.out + answer.err).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
        connection.request("GET", "/metrics")
        said["/metrics"] = connection.getresponse().read()
        process = pathlib.Path(f"/proc/{self.daemon.process.pid}")
        said["command line"] = (process / "cmdline").read_bytes()
        said["environment"] = (process / "environ").read_bytes()
        for file in self.folder.rglob("*"):
            if file.is_file() and file.name != "password":
                said[str(file)] = file.read_bytes()
        return said

    def test_the_password_of_a_relay_is_nowhere_but_in_its_file(self):
        relay = AuthRelay()
        self.addCleanup(relay.close)
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o600)
        self.write(FAILS % free_port(), mail=f'smtp: [{{url: "smtp://127.0.0.1:{relay.port}", starttls: "off", '
                                             'user: kanshi, password_file: password}]')
        self.daemon.start()
        wait_for("a refused password", lambda: [one for one in self.daemon.notices() if "535" in (one["last_error"] or "")])
        relay.accepts = True
        wait_for("a mail that went\n" + self.daemon.tail(), lambda: self.daemon.notices(state="sent"))
        wait_for("a refused recipient", lambda: self.daemon.notices(state="undeliverable"))
        self.assertIn(b"\0kanshi\0" + PASSWORD.encode(), relay.tried)
        said = self.everything_said()
        self.assertIn(b"[password]", said["why 1"] + said["notices --all"] + said["--json notices --all"])
        secrets = [PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), base64.b64encode(relay.tried[0])]
        for where, text in said.items():
            for secret in secrets:
                self.assertNotIn(secret, text, where)

    def test_a_password_that_cannot_be_read_or_is_open_to_all_is_said_at_the_start(self):
        self.write(FAILS % free_port(), mail='smtp: [{url: "smtp://127.0.0.1:1", starttls: "off", user: kanshi, '
                                             'password_credential: relay}]')
        credentials = self.folder / "credentials"
        credentials.mkdir()
        self.daemon.start({"CREDENTIALS_DIRECTORY": str(credentials)})
        self.assertIn(f"warning: the secret file {credentials}/relay cannot be read: No such file", self.daemon.log.read_text())
        (credentials / "relay").write_text(PASSWORD)
        (credentials / "relay").chmod(0o644)
        # `config check` has not the daemon's environment; it speaks of the place where systemd would put it.
        self.assertEqual(self.daemon.yagura("config", "check", self.daemon.config).status, 0)
        self.daemon.order("reload")
        self.assertIn(f"chmod o= {credentials}/relay", self.daemon.log.read_text())
        self.assertNotIn(PASSWORD, self.daemon.log.read_text())


class Modes(Case):
    def test_what_everybody_may_change_is_not_gone_by(self):
        self.write("  machine: {owner: infra-ops}")
        self.daemon.config.chmod(0o666)
        refused = subprocess.run([BUILD / "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                                 timeout=PATIENCE)
        self.assertEqual(refused.returncode, 2)
        self.assertIn(f"{self.daemon.config}:1:1: everybody on this machine may change", refused.stderr)
        self.assertIn(f"chmod o-w {self.daemon.config}", refused.stderr)
        self.assertFalse((self.folder / "state").exists())
        checked = self.daemon.yagura("config", "check", self.daemon.config)
        self.assertEqual(checked.status, 2)
        self.assertIn(f"chmod o-w {self.daemon.config}", checked.err)
        self.daemon.config.chmod(0o644)
        # Its folder counts as it does, but where nobody replaces what is another's.
        self.folder.chmod(0o777)
        refused = subprocess.run([BUILD / "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                                 timeout=PATIENCE)
        self.assertEqual(refused.returncode, 2)
        self.assertIn(f"everybody on this machine may write in {self.folder}", refused.stderr)
        self.folder.chmod(0o1777)
        self.daemon.start()
        self.daemon.config.chmod(0o666)
        reload = self.daemon.yagura("reload")
        self.assertEqual(reload.status, 2)
        self.assertIn("chmod o-w", reload.err)

    def test_http_that_others_could_reach_is_refused(self):
        self.write("  machine: {owner: infra-ops}")
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(text.replace("http: \"127.0.0.1:", "http: \"0.0.0.0:"))
        refused = subprocess.run([BUILD / "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                                 timeout=PATIENCE)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("put a proxy in front of it", refused.stderr)


class Texts(Case):
    """Whatever a target, a job or a person says, a terminal shows it and does not obey it."""

    def assert_visible(self, text, where):
        self.assertEqual(hidden(text), [], where)

    def test_hostile_texts_are_made_visible_everywhere(self):
        raw = HOSTILE.encode() + b" \xff\xfe \xc0\x80 \xed\xa0\x80"
        tcp = Banner(raw)
        page = Banner(b"HTTP/1.1 500 " + HOSTILE.replace("\x00", "").replace("\r", "").encode() + b"\r\nContent-Length: " +
                      str(len(raw)).encode() + b"\r\n\r\n" + raw)
        for server in (tcp, page):
            self.addCleanup(server.close)
        self.write(f'  talker: {{owner: infra-ops, probes: [{{kind: tcp, host: 127.0.0.1, port: {tcp.port}, expect: hello}}]}}\n'
                   f'  page: {{owner: infra-ops, probes: [{{kind: http, url: "http://127.0.0.1:{page.port}/"}}]}}\n'
                   "  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}",
                   window="{days: [%s], hours: \"10:00-17:00\"}" % far_day())
        self.daemon.start()
        wait_for("both failures\n" + self.daemon.tail(),
                 lambda: {one["id"] for one in self.daemon.ask("status")["components"] if one["state"] == "down"} >=
                 {"talker", "page"})
        number = str(self.daemon.ask("failures")[0]["id"])
        argument = HOSTILE.replace("\x00", "")  # what a command line can hold
        for order in (["ack", number], ["report", number], ["recover", number], ["open", "--component", "elsewhere"],
                      ["classify", number, "incident"]):
            answer = self.daemon.yagura(*order, "-m", argument)
            self.assert_visible(answer.out + answer.err, order)
        # Past the command, by the socket itself.
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.daemon.socket))
        body = json.dumps({"order": "report", "failure": int(number), "text": HOSTILE}).encode()
        sock.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.assert_visible(sock.makefile().read().replace("\r\n", "\n"), "answer")
        sock.close()
        for path in ("/ping/batch/fail", "/ping/%1b%5b2J%e2%80%ae"):
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
            connection.request("POST", path, raw)
            self.assert_visible(connection.getresponse().read().decode(), path)
        self.daemon.yagura("probe", "\x1b[31m" + argument)
        for command in (["status"], ["failures", "--all"], ["show", number], ["why", number], ["notices", "--all"],
                        ["notice", "show", "1"], ["jobs"], ["record"], ["record", "--export", "csv"],
                        ["record", "--export", "jsonl"], ["probe", "talker"], ["probe", "page"], ["probe", argument],
                        ["show", argument], ["stops"]):
            for form in ([], ["--json"]):
                answer = self.daemon.yagura(*form, *command)
                self.assert_visible(answer.out.replace("\r\n", "\n") + answer.err, form + command)
        self.assert_visible(self.daemon.log.read_text(), "log")
        # Made visible, not swallowed.
        self.assertIn(r"\x1b", self.daemon.yagura("probe", "talker").out)
        self.assertIn(r"\u202e", self.daemon.yagura("show", number).out)
        self.assertIn(r"\x1b", self.daemon.yagura("jobs").out)
        self.assertIn(r"\x1b", self.daemon.log.read_text())
        for mail in self.mails():
            self.assert_visible(str(mail["Subject"]) + mail.get_content().replace("\r\n", "\n"), mail["X-Yagura-Notice"])


@unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
class Responses(Case):
    """The programs of responses: whose they are, and what they can do to the daemon."""

    def begin(self, program, powers=(), more="", started=True, timeout="20s"):
        """The daemon as the user `daemon`, with these capabilities, and `program` (sh) as the response to a failure."""
        shutil.copy(BUILD / "yagurad", self.folder / "yagurad")
        script = self.folder / "respond"
        script.write_text("#!/bin/sh\n" + program)
        script.chmod(0o755)
        self.write((FAILS % free_port())[:-1] + f", primary_response: [{{run: [{script}, web], timeout: {timeout}}}]}}", more=more)
        self.folder.chmod(0o755)
        shutil.chown(self.folder, "daemon", "daemon")
        caps = ",".join(["-all", *("+" + one for one in powers)])
        # What stands in the place of the program, in a build where `daemon` may not go, is that copy.
        prefix = ["setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", "--inh-caps=" + caps,
                  "--ambient-caps=" + caps, "sh", "-c", 'shift; exec "$0" "$@"', self.folder / "yagurad"]
        if started:
            return self.daemon.start(prefix=prefix)
        return subprocess.run([*prefix, "yagurad", "--config", self.daemon.config], capture_output=True, text=True,
                              timeout=PATIENCE)

    def step(self):
        return wait_for("the end of the step\n" + self.daemon.tail(), lambda: self.daemon.failure() and [
            one for one in self.daemon.ask("show", "1")["steps"] if one["result"] not in (None, "running")])[0]

    LOOK = ("id -un; id -G; grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status | tr -d '\\t'; echo $HOME $USER; "
            "cat \"$(dirname $0)/state/yagura.db\" >/dev/null && echo read the record; true\n")

    def test_they_have_none_of_the_daemons_capabilities(self):
        self.begin(self.LOOK, powers=["net_raw"])
        output = self.step()["output"]
        self.assertIn("daemon\n", output)
        for one in ("CapPrm", "CapEff", "CapAmb"):
            self.assertIn(f"{one}:0000000000000000", output)
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        self.assertRegex(status, r"CapEff:\s+0000000000002000")  # the daemon itself has what it needs for ICMP

    def test_they_run_as_a_user_of_their_own_where_that_is_configured_and_cannot_read_the_record(self):
        self.begin(self.LOOK, powers=["setuid", "setgid", "kill"], more="\nresponse_user: nobody\n")
        output = self.step()["output"]
        self.assertTrue(output.startswith("nobody\n"), output)
        self.assertIn("/nonexistent nobody\n", output)
        self.assertNotIn("read the record", output)
        for one in ("CapPrm", "CapEff", "CapAmb"):
            self.assertIn(f"{one}:0000000000000000", output)

    def test_another_users_program_is_ended_when_its_time_is_up(self):
        mark = self.folder / "mark"
        mark.touch()
        mark.chmod(0o666)
        self.begin(f"echo $$ > {mark}; trap '' TERM; while :; do sleep 0.1; done\n", powers=["setuid", "setgid", "kill"],
                   more="\nresponse_user: nobody\n", timeout="5s")
        self.assertEqual(self.step()["result"], "timed_out")
        pid = mark.read_text().strip()
        wait_for("its end", lambda: not pathlib.Path(f"/proc/{pid}").exists())

    def test_a_daemon_that_may_not_become_that_user_says_what_to_do_and_does_not_start(self):
        refused = self.begin("true\n", powers=["setuid"], more="\nresponse_user: nobody\n", started=False)
        self.assertEqual(refused.returncode, 2)
        self.assertRegex(refused.stderr, r"yagura\.yaml:\d+:16: `response_user`: to run programs as nobody the daemon needs "
                                         r"CAP_SETGID, CAP_KILL: add the drop-in of docs/operating\.md")

    def test_a_flood_of_output_and_a_child_that_stays_behind_hold_nothing_up(self):
        pid, escapes = self.folder / "left", self.folder / "escapes"
        escapes.write_bytes(b"\033" * 30_000_000)
        self.begin(f"setsid sh -c 'echo $$ > {pid}; exec yes stays' &\n"
                   f"cat {f' {escapes}' * 10}; echo the end; exit 3\n")
        step = self.step()
        self.addCleanup(lambda: subprocess.run(["kill", "-9", pid.read_text().strip()], check=False))
        self.assertEqual(step["result"], "failed")
        self.assertLess(len(step["output"]), 20_000)
        self.assertEqual(hidden(step["output"]), [])
        memory = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(
            f"/proc/{self.daemon.process.pid}/status").read_text()).group(1))
        self.assertLess(memory, 600_000)  # with a sanitizer
        self.assertEqual(self.daemon.yagura("status").status, 0)


class Attack(Case):
    """Bytes that no client would send, to both listeners."""

    def setUp(self):
        super().setUp()
        self.write("  machine: {owner: infra-ops}\n  batch: {owner: ap-ops, probes: [{kind: job, every: 1h}]}")
        self.daemon.start()

    def http(self, *pieces, half_close=False):
        return self.talk(socket.create_connection(("127.0.0.1", self.http_port), PATIENCE), pieces, half_close)

    def control(self, *pieces, half_close=False):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(str(self.daemon.socket))
        return self.talk(sock, pieces, half_close)

    def talk(self, sock, pieces, half_close):
        """All that the other side says until it closes."""
        said = b""
        with sock:
            try:
                for piece in pieces:
                    sock.sendall(piece)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # It has had enough.
            try:
                while more := sock.recv(65536):
                    said += more
            except OSError:
                pass
        return said

    def assert_nothing_reported(self):
        job = self.daemon.ask("jobs")[0]
        self.assertEqual((job["last_start"], job["last_success"], job["last_fail"], job["last_output"]), (None, None, None, ""))

    def status(self, said):
        return int(said.split()[1]) if said.startswith(b"HTTP/1.1 ") else None

    def test_one_connection_is_one_request_so_that_nothing_can_be_smuggled(self):
        hidden_request = b"GET /ping/batch/fail HTTP/1.1\r\nHost: x\r\n\r\n"
        first = b"POST /ping/nobody HTTP/1.1\r\nHost: x\r\n"
        for request in (first + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden_request,
                        first + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + hidden_request,
                        first + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(hidden_request) + hidden_request,
                        first + b"Content-Length: 0\r\n\r\n" + hidden_request,
                        first + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hidden_request,
                        first + b"Content-Length: +0\r\n\r\n" + hidden_request,
                        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + hidden_request):
            said = self.http(request, half_close=True)
            self.assertLessEqual(said.count(b"HTTP/1.1 "), 1, request)
            self.assertNotIn(b"OK\n", said, request)
        self.assertIsNone(self.daemon.failure())
        self.assert_nothing_reported()

    def test_what_is_too_long_is_refused_while_it_comes(self):
        for talk in (self.http, self.control):
            for request in (b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000,
                            b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200_000,
                            b"GET /" + b"a" * 1_000_000,
                            b"A" * 1_000_000):
                self.assertIn(self.status(talk(request)), (400, 431))
        self.assertEqual(self.status(self.http(b"POST /ping/batch HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n")), 413)
        self.assertEqual(self.status(self.control(b"POST /v1/orders HTTP/1.1\r\nContent-Length: 65537\r\n\r\n")), 413)
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        self.assertIn(self.status(self.http(b"POST /ping/batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", *[chunk] * 40)),
                      (413,))
        self.assertIn(self.status(self.control(b"POST /v1/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", *[chunk] * 4)),
                      (413,))
        # A chunk's extensions and trailers are no way around.
        for bomb in (b"1;" + b"e" * 3_000_000 + b"\r\nx\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"0\r\n" + b"T: t\r\n" * 500_000):
            said = self.http(b"POST /ping/batch/log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", bomb, half_close=True)
            self.assertIn(self.status(said), (400, 413, 431))
        # Many small chunks are a body like any other.
        said = self.http(b"POST /ping/batch/log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                         b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")
        self.assertEqual(self.status(said), 200)

    def test_no_path_leads_anywhere_else(self):
        for path in (b"/../../etc/passwd", b"/ping/../healthz", b"/ping/..%2f..%2fetc%2fpasswd", b"/ping/batch%00/fail", b"/ping/%ff%fe",
                     b"/ping/batch/..;/fail", b"//etc/passwd", b"/ping/", b"/ping", b"/ping/batch/256", b"/ping/batch/-1", b"/ping/%",
                     b"/ping/%zz", b"http://elsewhere/healthz", b"*", b"/ping/\xff\xfe", b"/v1/status", b"/v1/orders", b"/metrics/x",
                     b"/healthz%00"):
            said = self.http(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(self.status(said), (400, 404, None), path)
            self.assertNotIn(b"root:", said, path)
        for path in (b"/v1/backup/../../../etc/passwd", b"/v1/failures/../notices", b"/v1/failures/99999999999999999999", b"/v1/notices/-1",
                     b"/v1/failures/1%00", b"/v1/record?since=%00", b"/v1/record?after=99999999999999999999", b"/v1/backup/%2e%2e?from=-5"):
            self.assertIn(self.status(self.control(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")), (400, 404), path)
        self.assert_nothing_reported()

    def test_orders_that_are_none_are_refused_in_words(self):
        def order(body):
            head = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            return self.status(self.control(head + body))
        for body in (b"", b"\0", b"[]", b"null", b"{", b"[" * 60_000, b'{"a":' * 10_000, b'{"order":"ack"}', b'{"order":["ack"]}',
                     b'{"order":"ack","failure":-1}', b'{"order":"ack","failure":1e999}', b'{"order":"ack","failure":99999999999999999999}',
                     b'{"order":"\xff\xfe"}', b'{"order":"open","components":[' + b'"x",' * 5_000 + b'"x"]}',
                     b'{"order":"open","components":[{"a":1}]}', b'{"order":"classify","failure":1,"class":"none"}',
                     b'{"order":"open","services":["other"],"text":"\xff\xc0\x80"}'):
            self.assertIn(order(body), (400, 409), body[:60])

    def test_a_job_that_flaps_without_end_does_not_fill_the_record_and_stays_failing(self):
        def ping(event):
            return self.status(self.http(b"GET /ping/batch/" + event + b" HTTP/1.1\r\nHost: x\r\n\r\n"))
        said = [ping(event) for _ in range(60) for event in (b"fail", b"0")]
        self.assertEqual(set(said[0::2]), {200})  # that it fails is always heard
        self.assertEqual(set(said[1:60:2]), {200})
        self.assertIn(429, said[1::2])
        self.assertEqual(self.daemon.ask("jobs")[0]["verdict"], "failing")
        turned = [line["what"] for line in self.daemon.ask("record")].count("probe.turned")
        self.assertLess(turned, 2 * 60)
        # Its program is not held up, and is told.
        done = self.daemon.yagura("job", "run", "batch", "--", "sh", "-c", "exit 0")
        self.assertEqual(done.status, 0)
        self.assertIn("too often", done.err)

    def test_a_flood_of_refused_callers_does_not_fill_the_record(self):
        if os.getuid() != 0:
            self.skipTest("only root can be somebody else")
        self.folder.chmod(0o755)
        script = ("import socket, sys\n"
                  "answers = {}\n"
                  "for turn in range(3000):\n"
                  "    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                  "    try: s.sendall(b'GET /v1/status HTTP/1.1\\r\\n\\r\\n')\n"
                  "    except OSError: pass  # refused already\n"
                  "    status = s.makefile('rb').readline().split()[1].decode()\n"
                  "    answers[status] = answers.get(status, 0) + 1\n"
                  "print(sorted(answers))\n")
        flood = subprocess.run(["python3", "-c", script, self.daemon.socket], user="nobody", capture_output=True, text=True, cwd="/",
                               timeout=PATIENCE)
        self.assertIn("403", flood.stdout, flood.stderr)
        noted = [line["what"] for line in self.daemon.ask("record")].count("access.refused")
        self.assertTrue(10 <= noted <= 12, noted)


@unittest.skipUnless(shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") and shutil.which("openssl"),
                     "nginx or openssl is not installed")
class Proxy(Case):
    """The proxy of docs/security.md, with its addresses and files changed to those of the test."""

    def test_other_machines_report_their_own_job_and_reach_nothing_else(self):
        self.write("  settlement: {owner: ap-ops, probes: [{kind: job, every: 1h}]}\n"
                   "  payroll: {owner: ap-ops, probes: [{kind: job, every: 1h}]}")
        self.daemon.start()
        port = free_port()
        text = re.search(r"```nginx\n(.*?)```", (SOURCE / "docs/security.md").read_text(), re.S).group(1)
        for old, new in (("192.0.2.10:9641", f"127.0.0.1:{port}"), ("127.0.0.1:9640", f"127.0.0.1:{self.http_port}"),
                         ("/etc/yagura/", f"{self.folder}/")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        (self.folder / "ping-tokens").write_text('"Bearer 5f0c" settlement;\n')
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=localhost", "-keyout", self.folder / "proxy.key", "-out", self.folder / "proxy.crt"],
                       check=True, capture_output=True)
        folders = "".join(f"{name}_temp_path {self.folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.folder / "nginx.conf"
        config.write_text(f"daemon off; master_process off; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;\n"
                          f"events {{ }}\nhttp {{ access_log off; {folders}\n{text} }}\n")
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        proxy = subprocess.Popen([program, "-p", self.folder, "-e", self.folder / "error.log", "-c", config],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (proxy.kill(), proxy.wait()))

        trusted = ssl.create_default_context(cafile=str(self.folder / "proxy.crt"))
        trusted.check_hostname = False

        def ask(path, token=None):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=trusted)
            try:
                connection.request("POST", path, b"done", {"Authorization": "Bearer " + token} if token else {})
                return connection.getresponse().status
            except ConnectionRefusedError:
                return None
            finally:
                connection.close()
        self.assertEqual(wait_for("the proxy", lambda: ask("/")), 404)
        self.assertEqual((ask("/ping/settlement"), ask("/ping/settlement", "5f0d"), ask("/ping/payroll", "5f0c"),
                          ask("/metrics", "5f0c"), ask("/healthz"), ask("/ping/settlement/../payroll", "5f0c"),
                          ask("/ping/settlement%2f..%2fpayroll", "5f0c")), (401, 401, 403, 404, 404, 403, 403))
        self.assertEqual([one["last_success"] for one in self.daemon.ask("jobs")], [None, None])
        self.assertEqual((ask("/ping/settlement/start", "5f0c"), ask("/ping/settlement", "5f0c")), (200, 200))
        jobs = {one["component"]: one["last_success"] for one in self.daemon.ask("jobs")}
        self.assertTrue(jobs["settlement"])
        self.assertIsNone(jobs["payroll"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
