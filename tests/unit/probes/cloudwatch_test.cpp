// The kind cloudwatch against an AWS that says what a test wants, and ones that mean no good.
#include <doctest/doctest.h>
#include <malloc.h>

#include <ctime>

#include "fake_aws.hpp"
#include "folder.hpp"
#include "resource/cloudwatch_data.hpp"

using namespace yagura;
using namespace yagura::testing;
using local::Folder;

namespace {

Node cloudwatch(const std::string& endpoint, const std::string& metric,
                std::vector<std::pair<std::string, Value>> more) {
  more.insert(more.begin(), {{"region", "ap-northeast-1"}, {"namespace", "AWS/EC2"}, {"metric", metric}, {"endpoint", endpoint}});
  return map(more);
}

// With credentials in the environment.
struct CloudWatch : Network {
  Variable key_id{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"};
  Variable secret_key{"AWS_SECRET_ACCESS_KEY", "the-secret"};

  // All at once, as at the daemon's start; what each was told.
  std::vector<Finding> run_all(std::vector<std::unique_ptr<Probe>>& probes, Duration timeout = 10s) {
    std::vector<Finding> found(probes.size());
    std::size_t calls = 0;
    ProbeRun wanted{{}, timeout};
    wanted.interval = 1min;
    for (std::size_t index = 0; index < probes.size(); ++index) {
      probes[index]->start(runtime, wanted, [&, index](Finding finding) {
        found[index] = std::move(finding);
        ++calls;
      });
    }
    loop.restart();
    loop.run_for(timeout + 5s);
    CHECK(calls == probes.size());
    CHECK(loop.stopped());
    return found;
  }
  std::vector<std::unique_ptr<Probe>> make_many(const FakeAws& aws, int count, const std::string& name = "m") {
    std::vector<std::unique_ptr<Probe>> probes;
    for (int number = 0; number < count; ++number)
      probes.push_back(make(make_cloudwatch, cloudwatch(aws.url(), fmt::format("{}{}", name, number), {{"failing", "100"}})));
    return probes;
  }
};

}  // namespace

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: a metric is asked for as AWS wants it, and held against levels in its unit") {
  FakeAws aws({{"CPUUtilization", 93.25}, {"FreeStorageSpace", 3.0 * 1024 * 1024 * 1024}, {"Latency", 6.5}, {"Balance", -3}});
  const auto finding = [&](const char* metric, const char* key, const char* level) {
    return run(make_cloudwatch, cloudwatch(aws.url(), metric, {{"dimensions", map({{"InstanceId", "i-0ab"}})}, {key, level}}));
  };
  auto found = finding("CPUUtilization", "failing", ">= 90%");
  CHECK(found.verdict == Verdict::failing);
  CHECK(found.reason == "Average of AWS/EC2 CPUUtilization (InstanceId i-0ab) is 93.2%, failing at >= 90%");
  CHECK(found.values.at("value") == 93.25);
  CHECK(found.values.at("points") == 1);
  CHECK(found.values.at("age_seconds") >= 60);  // the delay
  CHECK(found.values.at("age_seconds") <= 360);
  CHECK(found.values.at("call_seconds") > 0);
  CHECK(finding("CPUUtilization", "warning", ">= 90").verdict == Verdict::warning);
  CHECK(finding("CPUUtilization", "failing", ">= 93.26").verdict == Verdict::ok);
  CHECK(finding("FreeStorageSpace", "failing", "< 5 GiB").reason ==
        "Average of AWS/EC2 FreeStorageSpace (InstanceId i-0ab) is 3.0 GiB, failing at < 5 GiB");
  CHECK(finding("Latency", "failing", "> 5s").verdict == Verdict::failing);
  CHECK(finding("Latency", "failing", "> 7s").verdict == Verdict::ok);
  CHECK(finding("Balance", "failing", "< -2").verdict == Verdict::failing);

  const AwsRequest call = aws.calls().front();
  CHECK(call.head.starts_with("POST / HTTP/1.1\r\n"));
  CHECK(contains(call.head, "Content-Type: application/x-amz-json-1.0\r\n"));
  CHECK(contains(call.head, "X-Amz-Target: GraniteServiceVersion20100801.GetMetricData\r\n"));
  CHECK(contains(call.head, "/ap-northeast-1/monitoring/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="));
  CHECK(call.end() % 300 == 0);
  CHECK(call.end() - call.start() == 900);
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(call.end() <= now - 60);
  CHECK(boost::json::serialize(call.body.at("MetricDataQueries").as_array()[0]) ==
        R"({"Id":"m0","MetricStat":{"Metric":{"Namespace":"AWS/EC2","MetricName":"CPUUtilization","Dimensions":[{"Name":"InstanceId","Value":"i-0ab"}]},"Period":300,"Stat":"Average"},"ReturnData":true})");
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: a metric without a value is unknown unless written otherwise") {
  FakeAws aws;
  for (const auto& [missing, verdict] : {std::pair{"unknown", Verdict::unknown}, {"failing", Verdict::failing}, {"ok", Verdict::ok}}) {
    auto found = run(make_cloudwatch, cloudwatch(aws.url(), "Gone", {{"failing", "1"}, {"missing", missing}, {"period", "1m"}}));
    CHECK(found.verdict == verdict);
    CHECK(found.reason == "Average of AWS/EC2 Gone has no value in the last 10m");
    CHECK(found.values.at("points") == 0);
  }
  CHECK(run(make_cloudwatch, cloudwatch(aws.url(), "Gone", {{"failing", "1"}})).verdict == Verdict::unknown);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: one call asks for what all probes want, 500 metrics at most, each once in its period") {
  FakeAws aws({{"m0", 1}, {"m3", 200}});
  auto probes = make_many(aws, 1100);
  auto twice = make_many(aws, 1);  // of a metric that is asked for anyhow
  probes.push_back(std::move(twice.front()));
  auto found = run_all(probes);
  CHECK(found[0].verdict == Verdict::ok);
  CHECK(found[3].verdict == Verdict::failing);
  CHECK(found[4].verdict == Verdict::unknown);
  CHECK(found.back().verdict == Verdict::ok);
  std::size_t asked = 0;
  for (const AwsRequest& call : aws.calls()) {
    CHECK(call.metrics().size() <= 500);
    asked += call.metrics().size();
  }
  CHECK(aws.calls().size() == 3);
  CHECK(asked == 1100);
  // Within the period everybody is given the same answer, those that confirm too.
  aws.set("m3", 1);
  found = run_all(probes);
  CHECK(found[3].verdict == Verdict::failing);
  CHECK(aws.calls().size() == 3);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: a call takes along what will be wanted before its answer is old") {
  FakeAws aws({{"m0", 1}, {"m1", 1}, {"m2", 1}});
  auto probes = make_many(aws, 2);
  auto seldom = make_many(aws, 3);
  aws.respond([](const AwsRequest&) { return refusal(418, "Teapot", "no"); });
  for (const Finding& found : run_all(probes))
    CHECK(found.verdict == Verdict::unknown);
  ProbeRun hourly{{}, 10s};
  hourly.interval = 1h;
  seldom[2]->start(runtime, hourly, [](const Finding&) {});
  loop.restart();
  loop.run_for(10s);
  aws.respond(nullptr);
  CHECK(run(*probes[0]).verdict == Verdict::ok);
  // m1 runs again in a minute; m2, in an hour, would be paid for in vain.
  CHECK(aws.calls().back().metrics() ==
        std::vector<std::pair<std::string, std::string>>{{"m0", "m0"}, {"m1", "m1"}});
  const auto calls = aws.calls().size();
  CHECK(run(*probes[1]).verdict == Verdict::ok);
  CHECK(aws.calls().size() == calls);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: probes apart in region, credentials or span have calls of their own") {
  FakeAws aws({{"a", 1}});
  Folder folder;
  const std::string keys = folder.write("keys", "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret\n"
                                     "[other]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=s\naws_session_token=tok/+=\n");
  std::vector<std::unique_ptr<Probe>> probes;
  const std::vector<std::vector<std::pair<std::string, Value>>> ways{
      {}, {{"credentials", keys}}, {{"credentials", keys}, {"profile", "other"}}, {{"period", "1m"}}, {{"lookback", "1h"}}};
  for (auto way : ways) {
    way.emplace_back("failing", "100");
    probes.push_back(make(make_cloudwatch, cloudwatch(aws.url(), "a", way)));
  }
  for (const Finding& found : run_all(probes)) {
    CAPTURE(found.reason);
    CHECK(found.verdict == Verdict::ok);
  }
  CHECK(aws.calls().size() == ways.size());
  std::string heads;
  for (const AwsRequest& call : aws.calls())
    heads += call.head;
  CHECK(contains(heads, "Credential=AKIDEXAMPLE/"));
  CHECK(contains(heads, "Credential=AKIDFILE/"));
  CHECK(contains(heads, "Credential=AKIDOTHER/"));
  CHECK(contains(heads, "X-Amz-Security-Token: tok/+=\r\n"));
  CHECK(contains(heads, "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"));
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: pages are read to the end, or to the tenth") {
  FakeAws aws;
  const auto page = [](const AwsRequest& call, const char* value, const char* status, const std::string& token) {
    return http_answer(200, fmt::format(R"({{"MetricDataResults":[{{"Id":"m0","Timestamps":[{}],"Values":[{}],"StatusCode":"{}"}}]{}}})",
                                        value == std::string() ? "" : std::to_string(call.end() - 300), value, status,
                                        token.empty() ? "" : ",\"NextToken\":\"" + token + "\""));
  };
  aws.respond([&](const AwsRequest& call) {
    const bool first = !call.body.contains("NextToken");
    if (!first) CHECK(call.body.at("NextToken").as_string() == "more/+=");
    return first ? page(call, "", "PartialData", "more/+=") : page(call, "7", "Complete", "");
  });
  auto found = run(make_cloudwatch, cloudwatch(aws.url(), "a", {{"failing", "100"}}));
  CHECK(found.verdict == Verdict::ok);
  CHECK(found.values.at("value") == 7);
  CHECK(aws.calls().size() == 2);
  aws.respond([&](const AwsRequest& call) { return page(call, "", "PartialData", "again"); });
  found = run(make_cloudwatch, cloudwatch(aws.url(), "a", {{"failing", "100"}, {"missing", "failing"}}));
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, "gave a part of the data only"));
  CHECK(aws.calls().size() == 12);
  // What is there of a part is the newest, and good.
  aws.respond([&](const AwsRequest& call) { return page(call, "101", "PartialData", ""); });
  CHECK(run(make_cloudwatch, cloudwatch(aws.url(), "a", {{"failing", "100"}})).verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: throttling is answered by waiting, within the run's time") {
  FakeAws aws({{"a", 1}});
  int refused = 0;
  aws.respond([&](const AwsRequest& call) {
    return ++refused == 1 ? refusal(400, "ThrottlingException", "Rate exceeded") : aws.truth(call);
  });
  auto probe = make(make_cloudwatch, cloudwatch(aws.url(), "a", {{"failing", "100"}}));
  CHECK(run(*probe).verdict == Verdict::ok);
  CHECK(aws.calls().size() == 2);
  CHECK(took >= 1s);
  aws.respond([](const AwsRequest&) { return http_answer(503, "<html>busy</html>"); });
  auto other = make(make_cloudwatch, cloudwatch(aws.url(), "b", {{"failing", "100"}}));
  auto found = run(*other, 300ms);
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, "asks to be left alone for a while: status 503"));
  // Nor is it asked at once by the next run.
  const auto calls = aws.calls().size();
  found = run(*other, 300ms);
  CHECK(contains(found.reason, "asks to be left alone for a while: status 503"));
  CHECK(aws.calls().size() == calls);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: one metric that CloudWatch refuses takes nothing from the others") {
  FakeAws aws;
  for (int number = 0; number < 40; ++number)
    aws.set(fmt::format("m{}", number), number);
  aws.respond([&](const AwsRequest& call) {
    for (const auto& [id, name] : call.metrics())
      if (name == "m13") return refusal(400, "ValidationError", "no such thing");
    return aws.truth(call);
  });
  auto probes = make_many(aws, 40);
  auto found = run_all(probes);
  for (std::size_t number = 0; number < found.size(); ++number) {
    CAPTURE(number);
    CHECK(found[number].verdict == (number == 13 ? Verdict::unknown : Verdict::ok));
  }
  CHECK(contains(found[13].reason, "refuses: ValidationError: no such thing"));
  CHECK(aws.calls().size() <= 16);
  // From now on it is alone.
  const auto calls = aws.calls().size();
  run_all(probes);
  CHECK(aws.calls().size() == calls + 1);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: an answer per metric that is none is said of that metric") {
  FakeAws aws({{"m0", 1}});
  aws.respond([&](const AwsRequest& call) {
    return http_answer(200, fmt::format(R"({{"MetricDataResults":[
      {{"Id":"m0","Timestamps":[{}],"Values":[1],"StatusCode":"Complete"}},
      {{"Id":"m1","Timestamps":[],"Values":[],"StatusCode":"InternalError","Messages":[{{"Code":"Oh","Value":"dear\n"}}]}},
      {{"Id":"m2","Timestamps":[],"Values":[],"StatusCode":"Forbidden"}}]}})", call.end() - 300));
  });
  auto probes = make_many(aws, 4);
  auto found = run_all(probes);
  CHECK(found[0].verdict == Verdict::ok);
  CHECK(found[1].verdict == Verdict::unknown);
  CHECK(found[1].reason == "Average of AWS/EC2 m1: CloudWatch had an internal error: Oh: dear ");
  CHECK(found[2].reason == "Average of AWS/EC2 m2: CloudWatch does not let us read it (it wants cloudwatch:GetMetricData)");
  CHECK(found[3].reason == "Average of AWS/EC2 m3: CloudWatch's answer has no result for it");
}

TEST_CASE_FIXTURE(Network, "cloudwatch: the instance's role is asked for its credentials (IMDSv2), until they expire") {
  FakeAws aws({{"a", 1}, {"b", 1}});
  Variable service("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url() + "/");
  Variable no_key("AWS_ACCESS_KEY_ID", ""), no_secret("AWS_SECRET_ACCESS_KEY", "");
  std::vector<std::unique_ptr<Probe>> probes;
  const auto ask = [&](const char* metric, const char* period = "5m") {
    probes.push_back(make(make_cloudwatch, cloudwatch(aws.url(), metric, {{"failing", "100"}, {"period", period}})));
    return run(*probes.back());
  };
  CHECK(ask("a").verdict == Verdict::ok);
  CHECK(aws.metadata() == std::vector<std::string>{"PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
                                                   "GET /latest/meta-data/iam/security-credentials/watcher"});
  REQUIRE(aws.calls().size() == 1);
  CHECK(contains(aws.calls()[0].head, "Credential=ASIAROLE/"));
  CHECK(contains(aws.calls()[0].head, "X-Amz-Security-Token: role-token\r\n"));
  CHECK(ask("b").verdict == Verdict::ok);
  CHECK(aws.calls().size() == 2);
  CHECK(aws.metadata().size() == 3);  // they are kept

  // Refused ones are asked for again, and what quotes them does not get them into a reason.
  aws.respond([](const AwsRequest&) { return refusal(403, "ExpiredTokenException", "role-token of role-secret is old"); });
  auto found = ask("c");
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, "does not let us in (it wants cloudwatch:GetMetricData): ExpiredTokenException: [secret] of [secret] is old"));
  aws.respond(nullptr);
  // So are those that end within five minutes.
  char in_four_minutes[32];
  const std::time_t then = std::time(nullptr) + 240;
  std::strftime(in_four_minutes, sizeof in_four_minutes, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&then));
  aws.role_expires = in_four_minutes;
  CHECK(ask("a", "1m").verdict == Verdict::ok);
  CHECK(aws.metadata().size() == 6);
  CHECK(ask("b", "1m").verdict == Verdict::ok);
  CHECK(aws.metadata().size() == 9);
}

TEST_CASE_FIXTURE(Network, "cloudwatch: without credentials it is unknown, and says where they are looked for") {
  FakeAws aws({{"a", 1}});
  Variable no_key("AWS_ACCESS_KEY_ID", ""), no_secret("AWS_SECRET_ACCESS_KEY", "");
  const auto reason = [&](std::vector<std::pair<std::string, Value>> more = {}) {
    more.emplace_back("failing", "1");
    auto found = run(make_cloudwatch, cloudwatch(aws.url(), "a", more), 500ms);
    CHECK(found.verdict == Verdict::unknown);
    return found.reason;
  };
  {
    Variable off("AWS_EC2_METADATA_DISABLED", "true");
    CHECK(contains(reason(), "there are no credentials for AWS: write `credentials: FILE`"));
    Variable half("AWS_ACCESS_KEY_ID", "AKID");
    CHECK(contains(reason(), "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) has no secret access key"));
  }
  {
    ClosedPort gone;
    Variable service("AWS_EC2_METADATA_SERVICE_ENDPOINT", fmt::format("http://127.0.0.1:{}", gone.port()));
    CHECK(contains(reason(), "connection refused by 127.0.0.1"));
  }
  struct Fault {
    const char* what;
    std::function<void(Peer&)> serve;
    const char* reason;
  };
  const auto answer = [](const std::string& text) {
    return [text](Peer& peer) {
      peer.read_request();
      peer.send(text);
    };
  };
  const std::vector<Fault> faults{
      {"silent", [](Peer& peer) { peer.wait_for_end(); }, "gave no answer within 500ms"},
      {"floods", [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         while (peer.send(std::string(65536, 'x'))) {
         }
       }, "answer is longer than 64 KiB"},
      {"closes", [](Peer& peer) { peer.read_request(); }, "closed the connection without an answer"},
      {"refuses", answer(http_answer(403, "")), "answered /latest/api/token with status 403"},
      {"an empty token", answer(http_answer(200, "")), "gave no token"},
      {"a token of two lines", answer(http_answer(200, "a\r\nX-Other: b")), "gave no token"},
      {"a role that is a path", answer(http_answer(200, "../../x")), "names no role"},
      {"no JSON", [](Peer& peer) {
         const bool wants_token = peer.read_request().starts_with("PUT");
         peer.send(http_answer(200, wants_token ? "the-token" : "watcher"));
       }, "what it says of its role's credentials is no JSON"},
  };
  for (const Fault& fault : faults) {
    CAPTURE(fault.what);
    HostileServer server(fault.serve);
    Variable service("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url(""));
    const std::string said = reason();
    CAPTURE(said);
    CHECK(contains(said, fault.reason));
    CHECK(took < 2s);
  }
  CHECK(contains(reason({{"credentials", "/nowhere/keys"}}), "the file of `credentials`, /nowhere/keys cannot be read"));
  CHECK(contains(reason({{"credentials", "/proc/self"}}), "/proc/self is not a readable file"));
  Folder folder;
  const std::string keys = folder.write("keys", "[default]\naws_access_key_id = AKID\n");
  CHECK(contains(reason({{"credentials", keys}}), "keys: the profile default has no secret access key"));
  CHECK(contains(reason({{"credentials", keys}, {"profile", "x"}}), "keys: the profile x is not in it: write [x] before its keys"));
  CHECK(aws.calls().empty());
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: whatever an endpoint does to us, the metric is unknown, in time and in memory") {
  struct Fault {
    const char* what;
    std::function<void(Peer&)> serve;
    const char* reason;
  };
  const auto answer = [](const std::string& text) {
    return [text](Peer& peer) {
      peer.read_until("Descending\"}");  // the end of its body
      peer.send(text);
    };
  };
  const auto result = [](const std::string& fields) {
    return http_answer(200, R"({"MetricDataResults":[{"Id":"m0",)" + fields + "}]}");
  };
  const std::string deep(100'000, '[');
  const std::vector<Fault> faults{
      {"silent", [](Peer& peer) { peer.wait_for_end(); }, "gave no answer within 300ms"},
      {"slow", [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         while (peer.send(" "))
           std::this_thread::sleep_for(5ms);
       }, "did not end within 300ms"},
      {"floods", [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         while (peer.send(std::string(65536, ' '))) {
         }
       }, "is longer than 4 MiB"},
      {"floods with headers", [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n");
         while (peer.send("X-A: " + std::string(1000, 'x') + "\r\n")) {
         }
       }, "more than 64 KiB of headers"},
      {"promises more than it sends", answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"), "broke off"},
      {"promises less than it sends", answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"MetricDataResults\":[]}"), "is no JSON of CloudWatch"},
      {"no UTF-8", answer(http_answer(200, "\xff\xfe{}")), "is no JSON of CloudWatch"},
      {"no UTF-8 in a refusal", answer(http_answer(418, "{\"__type\":\"A\xff\x1b[2J\"}")), "refuses: status 418"},
      {"escapes in a refusal", answer(refusal(418, "A\\u001b[2J", "b\\u202e")), "refuses: A\\x1b[2J: b"},
      {"a page", answer(http_answer(200, "<html>Hello</html>")), "is no JSON of CloudWatch"},
      {"no results", answer(http_answer(200, "{}")), "it has no MetricDataResults"},
      {"nested", answer(http_answer(200, deep)), "is no JSON of CloudWatch"},
      {"closes at once", answer(""), "closed the connection without an answer"},
      {"closes in the middle", answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Metric"), "broke off"},
      {"another's result", answer(http_answer(200, R"({"MetricDataResults":[{"Id":"m1"}]})")), "a result of what was not asked for"},
      {"lies about how many", answer(result(R"("StatusCode":"Complete","Timestamps":[1,2],"Values":[1])")), "the result m0 has as many times as values no more"},
      {"a text as value", answer(result(R"("StatusCode":"Complete","Timestamps":[1],"Values":["NaN"])")), "the result m0 has a value that is no number"},
      {"a time of its own", answer(result(R"("StatusCode":"Complete","Timestamps":[-1],"Values":[1])")), "the result m0 has a time that is none"},
      {"an unknown status", answer(result(R"("StatusCode":"\u001b")")), "the result m0 has the status '\\x1b'"},
      {"a redirect", answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "refuses: status 302"},
      {"the wrong signature", answer(refusal(403, "SignatureDoesNotMatch", "not the-secret")), "SignatureDoesNotMatch: not [secret]"},
  };
  for (const Fault& fault : faults) {
    CAPTURE(fault.what);
    HostileServer server(fault.serve);
    auto found = run(make_cloudwatch, cloudwatch(server.url(""), "a", {{"failing", "1"}, {"missing", "failing"}}), 300ms);
    CHECK(found.verdict == Verdict::unknown);
    CAPTURE(found.reason);
    CHECK(contains(found.reason, fault.reason));
    CHECK(found.values.empty());
    CHECK(took < 2s);
    server.finish();
    CHECK(server.sent() < 32 * 1024 * 1024);  // the kernel's buffers
  }
  ClosedPort gone;
  auto found = run(make_cloudwatch, cloudwatch(fmt::format("http://127.0.0.1:{}", gone.port()), "a", {{"failing", "1"}}));
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, "connection refused by 127.0.0.1"));
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: a probe may be started again, or die, in its own report and while it waits") {
  FakeAws aws({{"a", 1}, {"b", 1}});
  auto one = make(make_cloudwatch, cloudwatch(aws.url(), "a", {{"failing", "100"}}));
  auto other = make(make_cloudwatch, cloudwatch(aws.url(), "b", {{"failing", "100"}}));
  int calls = 0;
  std::function<void(Finding)> done = [&](const Finding&) {
    if (++calls < 3) return one->start(runtime, {{}, 10s}, done);
    one.reset();
    other.reset();
  };
  one->start(runtime, {{}, 10s}, done);
  other->start(runtime, {{}, 10s}, [](const Finding&) {});
  loop.run_for(10s);
  CHECK(calls == 3);
  CHECK(loop.stopped());
  CHECK(aws.calls().size() == 1);
  HostileServer silent([](Peer& peer) { peer.wait_for_end(); });
  auto waits = make(make_cloudwatch, cloudwatch(silent.url(""), "a", {{"failing", "100"}}));
  waits->start(runtime, {{}, 10s}, [&](const Finding&) { ++calls; });
  loop.restart();
  loop.run_for(50ms);
  waits.reset();
  loop.run_for(10s);
  CHECK(loop.stopped());
  CHECK(calls == 3);
}

TEST_CASE_FIXTURE(CloudWatch, "cloudwatch: answers leave nothing behind but a value for each metric") {
  FakeAws aws({{"m0", 1}});
  auto probes = make_many(aws, 500);
  run_all(probes);
  probes.clear();
  const auto before = ::mallinfo2().uordblks;
  for (int turn = 0; turn < 3; ++turn) {
    probes = make_many(aws, 500);
    run_all(probes);
    probes.clear();
  }
  // The fake keeps the calls' bodies, which it has parsed: some 1 KiB for each metric.
  CHECK(::mallinfo2().uordblks < before + 3 * 500 * 4'000);
}

TEST_CASE("cloudwatch: whole periods are asked for that have settled") {
  CloudWatchMetric metric{"a", "b", {}, "Sum", 5min, 15min, 1min};
  const Instant noon{std::chrono::hours(12)};
  CHECK(span_of(metric, noon + 59s).to == noon - 5min);
  CHECK(span_of(metric, noon + 60s).to == noon);
  CHECK(span_of(metric, noon + 5min + 59s).to == noon);
  CHECK(span_of(metric, noon + 60s).from == noon - 15min);
  metric.lookback = 11min;  // whole ones
  CHECK(span_of(metric, noon + 60s).from == noon - 15min);
}

TEST_CASE("cloudwatch: what is wrong with the keys is said") {
  const auto said = [](std::vector<std::pair<std::string, Value>> keys, bool whole = true) {
    if (whole) keys.insert(keys.begin(), {{"region", "eu-west-1"}, {"namespace", "AWS/RDS"}, {"metric", "CPUUtilization"}});
    return problems_of(make_cloudwatch, map(keys));
  };
  CHECK(said({{"failing", ">= 90%"}}) == "");
  CHECK(said({{"failing", "1"}, {"statistic", "p99.9"}, {"period", "1m"}, {"lookback", "100m"}, {"delay", "0s"},
              {"dimensions", map({{"DBInstanceIdentifier", "main"}})}, {"credentials", "/etc/yagura/aws"}, {"profile", "watcher"},
              {"endpoint", "https://vpce-1.monitoring.eu-west-1.vpce.amazonaws.com"}, {"missing", "ok"}}) == "");
  const std::string none = said({{"failing", "1"}}, false);
  for (const char* key : {"`region`", "`namespace`", "`metric`"})
    CHECK(contains(none, key));
  CHECK(contains(said({}), "neither failing nor warning has a level"));
  CHECK(contains(said({{"failing", "1"}, {"statistic", "mean"}}), "`statistic` must be Average"));
  CHECK(contains(said({{"failing", "1"}, {"statistic", "p101"}}), "`statistic` must be Average"));
  for (const char* period : {"30s", "90s", "2d", "0s"})
    CHECK(contains(said({{"failing", "1"}, {"period", period}}), "`period` must be whole minutes, from 1m to 1d"));
  CHECK(contains(said({{"failing", "1"}, {"lookback", "4m"}}), "`lookback` must be from 5m (the period) to 8h20m"));
  CHECK(contains(said({{"failing", "1"}, {"lookback", "9h"}}), "`lookback` must be from 5m (the period) to 8h20m"));
  CHECK(contains(said({{"failing", "1"}, {"delay", "2h"}}), "`delay` must be from 0s to 1h"));
  CHECK(contains(said({{"failing", "1"}, {"dimensions", "x"}}), "`dimensions` must be a mapping"));
  CHECK(contains(said({{"failing", "1"}, {"dimensions", map({{"A", "あ"}})}}), "the dimension A must have a value"));
  CHECK(contains(said({{"failing", "1"}, {"dimensions", map({{":a", "b"}})}}), "\":a\" is no dimension's name"));
  CHECK(contains(said({{"failing", "1"}, {"missing", "warning"}}), "`missing` must be one of unknown, failing, ok"));
  CHECK(contains(said({{"failing", "1"}, {"credentials", "aws"}}), "`credentials` must be an absolute path"));
  CHECK(contains(said({{"failing", "1"}, {"profile", "a"}}), "`profile` is one of the file `credentials`"));
  CHECK(contains(said({{"failing", "1"}, {"endpoint", "http://monitoring.example.jp"}}), "`endpoint` must be https://…"));
  CHECK(contains(said({{"failing", "1"}, {"endpoint", "https://a.test/path"}}), "`endpoint` has no path"));
  CHECK(contains(said({{"failing", "1"}, {"endpoint", "ftp://a.test"}}), "`endpoint`: "));
  CHECK(contains(said({{"failing", ">= 1s"}, {"warning", "0.5"}}), "must have the unit of failing"));
  CHECK(contains(problems_of(make_cloudwatch, map({{"region", "eu_west"}, {"namespace", "a"}, {"metric", "b"}, {"failing", "1"}})),
                 "`region` must be the name of an AWS region"));
}
