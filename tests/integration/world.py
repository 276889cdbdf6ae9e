"""What the integration tests are made of: a daemon of this build in a folder of its own, the operators' command, servers
that can be killed, a relay that misbehaves as told. Everything is on loopback, and gone with the test."""
import email
import email.policy
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

BUILD = pathlib.Path(os.environ["YAGURA_BUILD"])
SOURCE = pathlib.Path(os.environ["YAGURA_SOURCE"])
USER = pwd.getpwuid(os.getuid()).pw_name
# Sanitized programs on a machine that does other things as well are slow; nothing waits this long when all is well.
PATIENCE = 60.0
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


_given = set()


def free_port(choose=random):
    """A port that no connection gets by itself as its own end: closed, it stays closed. No two are the same."""
    while True:
        with socket.socket() as probe:
            port = choose.randrange(15000, 30000)
            if port in _given:
                continue
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port


def wait_for(what, condition, patience=PATIENCE):
    """The condition's first true value; fails with `what` where none comes."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.05)


def healthz(port):
    """The status that GET /healthz answers with."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def far_day():
    """A weekday that is neither today nor tomorrow nor the day after: a window on it is closed for long enough."""
    return WEEKDAYS[(time.gmtime().tm_wday + 3) % 7]


class Answer:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def json(self):
        return json.loads(self.out)


class Daemon:
    """yagurad on FOLDER/yagura.yaml. start() waits until it says that it is ready, as systemd would."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "yagura.yaml"
        self.socket = self.folder / "control.sock"
        self.log = self.folder / "log"
        self.process = None
        self.notified = []

    def launch(self, environment=None, prefix=()):
        """Begins it, and waits for nothing. `prefix`: a command that becomes the daemon, as `nice` does."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o666)  # for a daemon that is another user's
        listener.settimeout(0.1)
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [*prefix, BUILD / "yagurad", "--config", self.config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=log, env={**os.environ, "NOTIFY_SOCKET": str(path), **(environment or {})})
        self.notified = []
        threading.Thread(target=self._listen, args=(listener, self.process, self.notified), daemon=True).start()
        return self

    def start(self, environment=None, prefix=()):
        self.launch(environment, prefix)
        wait_for("READY=1\n" + self.tail(), lambda: self.process.poll() is not None or self.has_said("READY=1"))
        if self.process.poll() is not None:
            raise AssertionError(f"yagurad ended with {self.process.returncode}:\n{self.tail()}")
        return self

    @staticmethod
    def _listen(listener, process, notified):
        """What this one says is no other's, and its last words are read as well."""
        with listener:
            while True:
                ended = process.poll() is not None
                try:
                    notified.extend(listener.recv(4096).decode().splitlines())
                except TimeoutError:
                    if ended:
                        return

    def heard(self):
        """All that it has said until now, read or not: what comes after a word of our own is later."""
        mark = f"UNTIL={time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(mark.encode(), str(self.folder / "notify"))
        wait_for("our own word", lambda: mark in self.notified)
        return self.notified[:self.notified.index(mark)]

    def has_said(self, line):
        return line in self.notified

    def tail(self):
        return self.log.read_text()[-4000:] if self.log.exists() else ""

    def kill_9(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as systemd would; gives its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("yagurad does not end on SIGTERM:\n" + self.tail())
        return self.process.returncode

    def yagura(self, *arguments, **options):
        options.setdefault("env", {**os.environ, "XDG_STATE_HOME": str(self.folder / "xdg")})
        return Answer(subprocess.run([BUILD / "yagura", "--socket", self.socket, *arguments], text=True,
                                     capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, **options))

    def ask(self, *arguments):
        """The JSON that a command gives; the command has to be done."""
        answer = self.yagura("--json", *arguments)
        if answer.status != 0:
            raise AssertionError(f"yagura {' '.join(arguments)}: {answer.status}: {answer.err}\n{self.tail()}")
        return answer.json()

    def order(self, *arguments):
        answer = self.yagura(*arguments)
        if answer.status != 0:
            raise AssertionError(f"yagura {' '.join(arguments)}: {answer.status}: {answer.err}\n{self.tail()}")
        return answer.out

    def failure(self, number=1):
        found = [one for one in self.ask("failures", "--all") if one["id"] == number]
        return found[0] if found else None

    def rows(self, what, *arguments, count=1):
        """The rows of the record that are `what`, once there are so many: a state can be asked for before its row is durable."""
        return wait_for(f"rows {what}\n{self.tail()}",
                        lambda: (lambda found: len(found) >= count and found)(self.ask("record", "--what", what, *arguments)))

    def notices(self, kind=None, state=None):
        return [one for one in self.ask("notices", "--all")
                if kind in (None, one["kind"]) and state in (None, one["state"])]


class WebServer:
    """A real HTTP server: nginx where it is installed, else Python's. Killed and started again on the same port."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.process = None
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "index.html").write_text("everything is ok\n")
        self.program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        if self.program:
            (self.folder / "nginx.conf").write_text(f"""
                daemon off; master_process off; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;
                events {{ }}
                http {{
                  access_log off; client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
                  fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi;
                  scgi_temp_path {self.folder}/scgi;
                  server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }}
                }}""")
            command = [self.program, "-p", self.folder, "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"]
        else:
            command = [sys.executable, "-m", "http.server", str(self.port), "--bind", "127.0.0.1",
                       "--directory", self.folder]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for("the web server", self.answers)
        return self

    def answers(self):
        try:
            with urllib.request.urlopen(self.url(), timeout=1) as page:
                return page.status == 200
        except OSError:
            return False

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Listener:
    """A server on loopback: what comes in is served by _serve(connection), each in a thread of its own."""

    port = 0  # any

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        except OSError:
            pass
        self.listener.close()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()


class Relay(Listener):
    """A mail relay. `after_dot` is what it does once it has a whole mail: "answer", "hang" (no answer, ever), or
    "cut". It keeps every mail that came, whether or not it said so."""

    def __init__(self):
        self.after_dot = "answer"
        self.refuse = {}  # address: reply
        self.mails = []   # (recipients, bytes)
        self.talks = set()  # that go on
        self.port = free_port()
        self.open()

    def _serve(self, connection):
        self.talks.add(connection)
        try:
            with connection, connection.makefile("rwb") as lines:
                self._talk(lines)
        except OSError:
            pass  # The other side has gone.
        finally:
            self.talks.discard(connection)

    def _talk(self, lines):
        def say(text):
            lines.write(text.encode() + b"\r\n")
            lines.flush()

        recipients = []
        say("220 relay.example ESMTP")
        for line in lines:
            words = line.decode(errors="replace").strip()
            verb = words.upper()
            if verb.startswith("EHLO"):
                say("250-relay.example\r\n250 8BITMIME")
            elif verb.startswith("RCPT"):
                address = words[words.index("<") + 1:words.index(">")]
                reply = self.refuse.get(address, "250 fine")
                if reply.startswith("250"):
                    recipients.append(address)
                say(reply)
            elif verb.startswith("DATA"):
                say("354 go on")
                content = b""
                for part in lines:
                    if part == b".\r\n":
                        break
                    content += part[1:] if part.startswith(b"..") else part
                else:
                    return  # Half a mail is none.
                self.mails.append((recipients, content))
                if self.after_dot == "hang":
                    lines.read()  # until the other side gives up
                    return
                if self.after_dot == "cut":
                    return
                recipients = []
                say("250 kept")
            elif verb.startswith("QUIT"):
                say("221 bye")
                return
            else:
                say("250 fine")


def message_of(content):
    return email.message_from_bytes(content, policy=email.policy.default)


class Case(unittest.TestCase):
    """Each test has a folder and a daemon, and leaves nothing running."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="yagura-test."))
        self.daemon = Daemon(self.folder)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self._end)

    def _end(self):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.kill_9()
        # What a sanitizer found is an error, whatever the test itself looked at.
        log = self.daemon.tail()
        self.assertNotIn("Sanitizer", log)
        self.assertNotIn("runtime error", log)

    def mails(self, kind=None, audience=None):
        found = []
        for file in [*self.folder.glob("mail/new/*"), *self.folder.glob("mail/cur/*")]:
            mail = message_of(file.read_bytes())
            if kind in (None, mail["X-Yagura-Notice"]) and audience in (None, mail["X-Yagura-Audience"]):
                found.append(mail)
        return sorted(found, key=lambda mail: mail["Date"].datetime)

    def mail(self, kind, audience):
        """The one such mail, once it is there."""
        found = wait_for(f"a mail {kind} to {audience}\n{self.daemon.tail()}", lambda: self.mails(kind, audience))
        self.assertEqual(len(found), 1)
        return found[0]

    def write(self, components, window="{days: all, hours: \"00:00-24:00\"}", mail=None, more=""):
        """A small platform: one service that needs every component, two banks of which one has contracted it."""
        needs = ", ".join(line.split(":")[0].strip() for line in components.splitlines()
                          if line.startswith("  ") and not line.startswith("   "))
        self.http_port = getattr(self, "http_port", None) or free_port()
        self.daemon.config.write_text(f"""
timezone: Asia/Tokyo
state: state
listen: {{control: control.sock, http: "127.0.0.1:{self.http_port}"}}
mail:
  from: 運用監視 <kanshi@example.jp>
  {mail or 'maildir: mail'}
  retry: {{first: 1s, most: 2s}}
windows:
  bank_mail: {window}
  response_hours: {{days: all, hours: "00:00-24:00"}}
people:
  sato:   {{name: 佐藤 彩, mail: sato@ops.example, roles: [system-lead, ap-ops, inquiry-desk], unix_user: {USER}}}
  suzuki: {{name: 鈴木 真, mail: suzuki@ops.example, roles: [infra-ops]}}
banks:
  aozora: {{name: 青空銀行, contacts: [{{name: 山田 太郎, mail: yamada@aozora.example}}], services: [site]}}
  midori: {{name: みどり信用金庫, contacts: [{{name: 林 花子, mail: hayashi@midori.example}}], services: [other]}}
services:
  site: {{name: 会員企業サイト, needs: [{needs}]}}
  other: {{name: 別のサービス, needs: [elsewhere]}}
probe_defaults: {{interval: 1s, timeout: 900ms, confirm: 2, retry: 1s}}
components:
  elsewhere: {{owner: infra-ops}}
{components}{more}
""")
