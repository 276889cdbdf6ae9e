"""The kind cloudwatch by the real daemon, against an AWS of this test's own: it works out each request's signature (SigV4)
from AWS's description alone and refuses what does not match, answers GetMetricData, and is an instance's metadata service."""
import datetime
import hashlib
import hmac
import http.server
import json
import threading
import unittest

from world import Case, wait_for

KEYS = {"AKIDEXAMPLE": ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None),
        "AKIDOTHER": ("another/secret+of/forty/characters/00000", None),
        "ASIAROLE": ("role-secret/of+the/instance", "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaDmFw==")}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def signature_of(method, path, query, headers, signed, body, scope, secret):
    """`headers`: by name in small letters."""
    canonical = "\n".join([method, path, "&".join(sorted(query.split("&"))) if query else "",
                           "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed), ";".join(signed), sha256(body)])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], "/".join(scope), sha256(canonical.encode())])
    key = ("AWS4" + secret).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def wrong_with(request, body):
    """What AWS would find wrong with how the request is signed, or None."""
    headers = {}
    for name, value in request.headers.items():
        if name.lower() in headers:
            return f"the header {name} comes twice"
        headers[name.lower()] = value
    kind, _, rest = headers.get("authorization", "").partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(",")) if kind == "AWS4-HMAC-SHA256" else {}
    if set(fields) != {"Credential", "SignedHeaders", "Signature"}:
        return "IncompleteSignature"
    key_id, *scope = fields["Credential"].split("/")
    if key_id not in KEYS:
        return "UnrecognizedClientException"
    secret, token = KEYS[key_id]
    signed = fields["SignedHeaders"].split(";")
    needed = {"host", "content-type", *(name for name in headers if name.startswith("x-amz-"))}
    if signed != sorted(signed) or not needed <= set(signed):
        return f"these have to be signed, in order: {sorted(needed)}"
    date = headers["x-amz-date"]
    if scope != [date[:8], "eu-west-1", "monitoring", "aws4_request"]:
        return f"the scope {scope}"
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.strptime(date + "+0000", "%Y%m%dT%H%M%SZ%z")
    if abs(age.total_seconds()) > 300:
        return "RequestExpired"
    if headers.get("x-amz-security-token") != token:
        return "InvalidClientTokenId"
    path, _, query = request.path.partition("?")
    if fields["Signature"] != signature_of(request.command, path, query, headers, signed, body, scope, secret):
        return "SignatureDoesNotMatch"
    return None


class Aws(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.values, self.calls, self.refused, self.metadata = {}, [], [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def keys_used(self):
        return {key for key, _ in self.calls}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wrong = wrong_with(self, body)
        if wrong:
            self.server.refused.append(wrong)
            return self.say(403, json.dumps({"__type": "com.amazon.coral.service#SignatureDoesNotMatch", "message": wrong}))
        assert self.headers["X-Amz-Target"] == "GraniteServiceVersion20100801.GetMetricData"
        asked = json.loads(body)
        self.server.calls.append((self.headers["Authorization"].split("Credential=")[1].split("/")[0], asked))
        results = []
        for query in asked["MetricDataQueries"]:
            stat = query["MetricStat"]
            value = self.server.values.get(stat["Metric"]["MetricName"])
            results.append({"Id": query["Id"], "Label": "x", "StatusCode": "Complete",
                            "Timestamps": [] if value is None else [asked["EndTime"] - stat["Period"]],
                            "Values": [] if value is None else [value]})
        self.say(200, json.dumps({"MetricDataResults": results, "Messages": []}))

    def do_PUT(self):
        self.server.metadata.append(f"PUT {self.path}")
        good = self.path == "/latest/api/token" and int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) >= 1
        self.say(200 if good else 400, "AQAEAtoken==" if good else "")

    def do_GET(self):
        self.server.metadata.append(f"GET {self.path}")
        if self.headers["X-aws-ec2-metadata-token"] != "AQAEAtoken==":
            return self.say(401, "")
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.path == roles:
            return self.say(200, "watcher")
        if self.path != roles + "watcher":
            return self.say(404, "")
        secret, token = KEYS["ASIAROLE"]
        self.say(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAROLE", "SecretAccessKey": secret, "Token": token,
                                  "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2199-01-01T00:00:00Z"}))


class CloudWatch(Case):
    def setUp(self):
        super().setUp()
        self.aws = Aws()
        self.addCleanup(self.aws.server_close)
        self.addCleanup(self.aws.shutdown)

    def probe(self, component):
        status = self.daemon.ask("status")
        return {one["id"]: one["probes"] for one in status["components"]}[component][0]

    def wait_for_verdict(self, component, verdict):
        return wait_for(f"{component} to be {verdict}: {self.daemon.tail()}",
                        lambda: (found := self.probe(component))["verdict"] == verdict and found.get("reason") and found)

    def component(self, name, metric, more):
        return f"""
  {name}:
    owner: infra-ops
    probes:
      - {{kind: cloudwatch, region: eu-west-1, namespace: AWS/RDS, metric: {metric}, period: 1m, endpoint: "{self.aws.url()}", {more}}}"""

    def test_the_verifier_knows_a_published_signature(self):
        """get-vanilla of AWS's test suite."""
        found = signature_of("GET", "/", "", {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}, ["host", "x-amz-date"], b"",
                             ["20150830", "us-east-1", "service", "aws4_request"], KEYS["AKIDEXAMPLE"][0])
        self.assertEqual(found, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")

    def test_signed_requests_from_a_file_and_the_instance_are_taken_and_a_wrong_secret_is_not(self):
        keys, wrong = self.folder / "keys", self.folder / "wrong"
        keys.write_text("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = %s\n"
                        "[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = %s\n" % (KEYS["AKIDEXAMPLE"][0], KEYS["AKIDOTHER"][0]))
        wrong.write_text("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = no-secret-of-theirs\n")
        self.aws.values = {"CPUUtilization": 97.5, "FreeableMemory": 3 << 30, "Lag": 2}
        self.write(self.component("busy", "CPUUtilization", f"dimensions: {{DBInstanceIdentifier: main}}, failing: '>= 90%', credentials: {keys}")
                   + self.component("roomy", "FreeableMemory", f"failing: '< 1 GiB', credentials: {keys}, profile: other")
                   + self.component("by-role", "Lag", "failing: '> 1m', statistic: p99")
                   + self.component("no-data", "Nothing", "failing: 1")
                   + self.component("refused", "Lag", f"failing: '> 1m', credentials: {wrong}"))
        self.daemon.start(environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.aws.url(), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
        busy = self.wait_for_verdict("busy", "failing")
        self.assertEqual(busy["reason"], "Average of AWS/RDS CPUUtilization (DBInstanceIdentifier main) is 97.5%, failing at >= 90%")
        self.assertEqual(busy["values"]["value"], 97.5)
        self.assertIn("3.0 GiB", self.wait_for_verdict("roomy", "ok")["reason"])
        self.assertIn("p99 of AWS/RDS Lag is 2s", self.wait_for_verdict("by-role", "ok")["reason"])
        self.assertIn("has no value in the last 10m", self.wait_for_verdict("no-data", "unknown")["reason"])
        self.assertIn("does not let us in (it wants cloudwatch:GetMetricData): SignatureDoesNotMatch: SignatureDoesNotMatch",
                      self.wait_for_verdict("refused", "unknown")["reason"])
        self.assertEqual(set(self.aws.refused), {"SignatureDoesNotMatch"})
        self.assertEqual(self.aws.keys_used(), set(KEYS))
        self.assertEqual(self.aws.metadata, ["PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
                                             "GET /latest/meta-data/iam/security-credentials/watcher"])
        self.assertIn("97.5%", self.mail("failure.detected", "infra-ops").get_content())
        # Runs come each second, calls once in the period, and one of them for both metrics of the role.
        self.assertEqual([{query["MetricStat"]["Metric"]["MetricName"] for query in asked["MetricDataQueries"]}
                          for key, asked in self.aws.calls if key == "ASIAROLE"][0] - {"Lag", "Nothing"}, set())
        for key in KEYS:
            names = [query["MetricStat"]["Metric"]["MetricName"] for used, asked in self.aws.calls if used == key
                     for query in asked["MetricDataQueries"]]
            self.assertEqual(len(names), len(set(names)), names)
        # What lets in is nowhere in what the daemon says or keeps.
        for file in [self.daemon.log, *self.folder.glob("state/*"), *self.folder.glob("mail/new/*")]:
            content = file.read_bytes() if file.is_file() else b""
            for secret, token in KEYS.values():
                self.assertNotIn(secret.encode(), content, file)
                self.assertNotIn((token or secret).encode(), content, file)


if __name__ == "__main__":
    unittest.main()
