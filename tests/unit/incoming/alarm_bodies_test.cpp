// What Alertmanager and programs post, and what somebody who means harm posts.
#include "alarm_bodies.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace yagura;

namespace {

// As Alertmanager 0.25 writes it.
const std::string real = R"({"receiver":"yagura","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DiskFull",
"instance":"web-1:9100","severity":"critical"},"annotations":{"summary":"/ is 95% full"},"startsAt":"2026-12-28T01:02:03.456Z",
"endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"02f13394997e5b16"},{"status":"resolved","labels":{"alertname":"DiskFull",
"instance":"web-2:9100"},"annotations":{},"startsAt":"2026-12-28T01:02:03.456Z","endsAt":"2026-12-28T01:05:00Z","generatorURL":"",
"fingerprint":"9d3a"}],"groupLabels":{},"commonLabels":{"alertname":"DiskFull"},"commonAnnotations":{},
"externalURL":"http://host:9093","version":"4","groupKey":"{}:{}","truncatedAlerts":0})";

std::string message(const std::string& alerts, const std::string& more = "") {
  return "{\"version\":\"4\"," + more + "\"alerts\":[" + alerts + "]}";
}
std::string refused(const Result<AlarmBody>& read) { return read ? "taken" : read.error().message; }

}  // namespace

TEST_CASE("a message of Alertmanager has its alerts, firing and resolved") {
  const auto read = read_alertmanager(real);
  REQUIRE(read);
  REQUIRE(read->reports.size() == 2);
  const AlarmReport& first = read->reports[0];
  CHECK(first.source == AlarmSource::alertmanager);
  CHECK(first.id == "02f13394997e5b16");
  CHECK(first.name == "DiskFull (web-1:9100)");
  CHECK(first.labels.at("severity") == "critical");
  CHECK(first.says == Verdict::failing);
  CHECK(first.text == "/ is 95% full");
  CHECK(!first.at);
  CHECK(read->reports[1].says == Verdict::ok);
  CHECK(read->truncated == 0);
  CHECK(read->unreadable == 0);
}

TEST_CASE("an alert that cannot be read does not keep the others from being taken") {
  const auto read = read_alertmanager(message(
      R"(7, {"status":"firing"}, {"status":"on","labels":{"a":"b"}}, {"labels":{"a":"b"}}, {"status":"firing","labels":{"a":1}},
         {"status":"firing","labels":{"a":"b","c":[]}})"));
  REQUIRE(read);
  REQUIRE(read->reports.size() == 1);
  CHECK(read->reports[0].id == "a=b;");
  CHECK(read->reports[0].name == "an alert without a name");
  CHECK(read->unreadable == 5);
  CHECK(read->why_unreadable == "an alert has to be an object");
}

TEST_CASE("alerts that are left out are counted, whoever left them out") {
  std::string many;
  for (std::size_t i = 0; i < most_alerts + 7; ++i)
    many += fmt::format("{}{{\"status\":\"firing\",\"labels\":{{\"n\":\"{}\"}}}}", i == 0 ? "" : ",", i);
  const auto read = read_alertmanager(message(many, "\"truncatedAlerts\":3,"));
  REQUIRE(read);
  CHECK(read->reports.size() == most_alerts);
  CHECK(read->truncated == 10);
}

TEST_CASE("what is no message of Alertmanager is refused, in words") {
  CHECK(refused(read_alertmanager("")).starts_with("this is not JSON"));
  CHECK(refused(read_alertmanager("\xff\xfe")).starts_with("this is not JSON"));
  CHECK(refused(read_alertmanager("[]")) == "a message of Alertmanager is a JSON object");
  CHECK(refused(read_alertmanager(R"({"version":"3","alerts":[]})")).find("version 4 is wanted, not `3`") != std::string::npos);
  CHECK(refused(read_alertmanager(R"({"version":"4"})")) == "the message has no list of alerts");
  CHECK(refused(read_alertmanager(std::string(10'000, '['))).starts_with("this is not JSON"));
}

TEST_CASE("texts of an alert are bounded and safe") {
  const std::string bad = R"("\u001b[31mred\nline\u202e")";
  const auto read = read_alertmanager(message(fmt::format(
      R"({{"status":"firing","fingerprint":{0},"labels":{{"alertname":{0},{0}:{0},"long":"{1}"}},"annotations":{{"summary":"{1}"}}}})", bad,
      std::string(5'000, 'x'))));
  REQUIRE(read);
  const AlarmReport& report = read->reports.at(0);
  for (const std::string& text : {report.id, report.name, report.text, report.labels.at("alertname"), report.labels.at("long")}) {
    CHECK(text.size() <= 500);
    CHECK(text.find_first_of("\x1b\n") == std::string::npos);
  }
  CHECK(report.labels.contains("\\x1b[31mred line\\u202e"));
}

TEST_CASE("an event, or a list of them") {
  const auto one = read_events(R"({"key":"backup","state":"failing","text":"no space","at":"2026-12-28T16:58:30+09:00","labels":{"host":"web-1","key":"no"}})");
  REQUIRE(one);
  REQUIRE(one->reports.size() == 1);
  const AlarmReport& event = one->reports[0];
  CHECK(event.id == "backup");
  CHECK(event.labels == AlarmLabels{{"host", "web-1"}, {"key", "backup"}});
  CHECK(event.says == Verdict::failing);
  CHECK(event.text == "no space");
  CHECK(event.at == *parse_instant("2026-12-28T07:58:30Z"));
  const auto several = read_events(R"([{"key":"a","state":"ok"},{"key":"b","state":"warning"},{"key":"c","state":"unknown"}])");
  REQUIRE(several);
  CHECK(several->reports.size() == 3);
  CHECK(several->reports[2].says == Verdict::unknown);
}

TEST_CASE("an event that is not understood is never taken for ok") {
  CHECK(refused(read_events(R"({"state":"ok"})")).starts_with("an event needs a \"key\""));
  CHECK(refused(read_events(R"({"key":"","state":"ok"})")).starts_with("an event needs a \"key\""));
  CHECK(refused(read_events("{\"key\":\"" + std::string(201, 'k') + "\",\"state\":\"ok\"}")).starts_with("an event needs a \"key\""));
  for (const char* state : {R"("OK")", R"("okay")", "\"\"", "true", "null"}) {
    CHECK(refused(read_events(std::string(R"({"key":"a","state":)") + state + "}")) ==
          "an event's \"state\" has to be failing, warning, ok or unknown");
  }
  CHECK(refused(read_events(R"({"key":"a","state":"ok","at":"yesterday"})")).starts_with("an event's \"at\""));
  CHECK(refused(read_events(R"([{"key":"a","state":"ok"},{"key":"b"}])")).starts_with("event 2 of the list: "));
  CHECK(refused(read_events("[]")) == "a list has from 1 to 100 events, not 0");
  std::string many = "[0";
  for (int i = 0; i < 100; ++i) many += ",0";
  CHECK(refused(read_events(many + "]")) == "a list has from 1 to 100 events, not 101");
}
