#include <doctest/doctest.h>

#include <fstream>

#include "support.hpp"

using namespace yagura;
using namespace yagura::cli;
using namespace yagura::cli::testing;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("calendar: days with their reasons, both ends included") {
  CHECK(run({"calendar", "--from", "2026-12-28", "--until", "2027-01-04"}).out ==
        "2026-12-28  Mon  open    business day\n"
        "2026-12-29  Tue  closed  closed 12-29..01-03\n"
        "2026-12-30  Wed  closed  closed 12-29..01-03\n"
        "2026-12-31  Thu  closed  closed 12-29..01-03\n"
        "2027-01-01  Fri  closed  national holiday 元日\n"
        "2027-01-02  Sat  closed  Saturday\n"
        "2027-01-03  Sun  closed  Sunday\n"
        "2027-01-04  Mon  open    business day\n");
  CHECK(run({"calendar", "--from", "2027-01-01", "--until", "2027-01-01", "--json"}).out ==
        R"([{"date":"2027-01-01","weekday":"Fri","business_day":false,"holiday":"元日",)"
        R"("reason":"national holiday 元日"}])"
        "\n");
  // A national holiday at a weekend keeps its name.
  CHECK(contains(run({"calendar", "--from", "2026-05-03", "--until", "2026-05-03"}).out,
                 "Sun  closed  Sunday, 憲法記念日"));
  CHECK(run({"calendar", "--from", "2027-01-02", "--until", "2027-01-01"}).exit == 2);
  CHECK(run({"calendar", "--from", "2200-01-01"}).exit == 2);
  CHECK(run({"calendar", "--from", "soon"}).exit == 2);
}

TEST_CASE("calendar: a window at an instant") {
  const auto at = [](const char* time) {
    return run({"calendar", "--window", "bank_mail", "--at", time, "--json"}).out;
  };
  CHECK(at("2026-12-28T16:59:59+09:00") ==
        R"({"open":true,"opens_at":"2026-12-28T16:59:59.000+09:00",)"
        R"("closes_at":"2026-12-28T17:00:00.000+09:00"})"
        "\n");
  CHECK(at("2026-12-28T17:00:00+09:00") ==
        R"({"open":false,"opens_at":"2027-01-04T10:00:00.000+09:00",)"
        R"("closes_at":"2027-01-04T17:00:00.000+09:00"})"
        "\n");
  CHECK(run({"calendar", "--window", "bank_mail", "--at", "2026-12-28T17:00:00+09:00"}).out ==
        "bank_mail is closed then; it opens Mon 2027-01-04 10:00 (6d17h later), until Mon "
        "2027-01-04 17:00\n");
  const Outcome unknown = run({"calendar", "--window", "bank", "--at", "2026-12-28T17:00:00Z"});
  CHECK(unknown.exit == 2);
  CHECK(contains(unknown.err, "bank_mail, response_hours"));
}

TEST_CASE(
    "calendar: a window in years that are not known is refused, one that is always open never "
    "closes") {
  const auto ask = [](const std::string& time) {
    return run({"calendar", "--window", "bank_mail", "--at", time, "--json"});
  };
  CHECK(ask("2099-12-28T12:00:00+09:00").exit == 0);
  for (const char* time : {"2099-12-29T12:00:00+09:00", "2100-01-04T12:00:00+09:00"}) {
    const Outcome refused = ask(time);
    CHECK(refused.exit == 2);
    CHECK(contains(refused.err, "to 2099 only"));
  }
  Folder folder;
  std::ifstream example(YAGURA_SOURCE "/etc/yagura.yaml");
  const std::string text{std::istreambuf_iterator<char>(example), {}};
  REQUIRE(contains(text, "\nwindows:\n"));
  std::ofstream(folder.file("c.yaml")) << std::string(text).replace(
      text.find("\nwindows:\n"), 10, "\nwindows:\n  always: {days: all, hours: \"00:00-24:00\"}\n");
  for (const char* time : {"2026-12-28T12:00:00+09:00", "2099-06-01T12:00:00+09:00"}) {
    CHECK(contains(run({"calendar", "--config", folder.file("c.yaml"), "--window", "always", "--at",
                        time, "--json"})
                       .out,
                   R"("closes_at":null)"));
    CHECK(run({"calendar", "--config", folder.file("c.yaml"), "--window", "always", "--at", time})
              .out == "always is open then, and never closes\n");
  }
}

TEST_CASE("calendar: business days before a day") {
  CHECK(run({"calendar", "--business-days-before", "2027-01-12", "-n", "5"}).out == "2027-01-04\n");
  CHECK(run({"calendar", "--business-days-before", "2027-01-02", "-n", "0"}).out == "2027-01-02\n");
  CHECK(run({"calendar", "--business-days-before", "2027-01-12"}).exit == 2);
  CHECK(run({"calendar", "--business-days-before", "2027-01-12", "-n", "-1"}).exit == 2);
  CHECK(run({"calendar", "--business-days-before", "2027-01-12", "-n", "1", "--from", "2027-01-01"})
            .exit == 2);
}

TEST_CASE("calendar: with the configuration's own days and windows") {
  const std::string file = YAGURA_SOURCE "/tests/data/example.yaml";
  CHECK(run({"calendar", "--config", file, "--window", "bank_mail", "--at",
             "2026-12-28T17:00:00+09:00"})
            .exit == 0);
  CHECK(run({"calendar", "--config", "/no/such/file.yaml"}).exit == 2);
}

TEST_CASE("config check: every problem with its place, exit status 2 where one is an error") {
  Folder folder;
  const Outcome good = run({"config", "check", YAGURA_SOURCE "/tests/data/example.yaml"});
  INFO(good.err);
  CHECK(good.exit == 0);
  CHECK(contains(good.out, "correct"));
  std::ofstream(folder.file("bad.yaml")) << "timezone: Asia/Tokio\nnonsense: 1\n";
  const Outcome bad = run({"config", "check", folder.file("bad.yaml")});
  CHECK(bad.exit == 2);
  CHECK(bad.out.empty());
  CHECK(contains(bad.err, folder.file("bad.yaml") + ":1:"));
  CHECK(contains(bad.err, folder.file("bad.yaml") + ":2:1: "));
  const Outcome json = run({"config", "check", "--json", folder.file("bad.yaml")});
  CHECK(json.exit == 2);
  CHECK(json.out.starts_with("[{\"file\":\""));
  CHECK(run({"config", "check", "--config", folder.file("none.yaml")}).exit == 2);
}

TEST_CASE("config check: a mail template with a hole is an error") {
  Folder folder;
  std::ofstream(folder.file("bank.first.txt")) << "Subject: {{NO_SUCH_NAME}}\n\nx\n";
  std::ifstream example(YAGURA_SOURCE "/tests/data/example.yaml");
  std::string text((std::istreambuf_iterator<char>(example)), {});
  const auto mail = text.find("\nmail:\n");
  REQUIRE(mail != std::string::npos);
  text.insert(mail + 7, "  templates: " + folder.file("") + "\n");
  std::ofstream(folder.file("yagura.yaml")) << text;
  const Outcome bad = run({"config", "check", folder.file("yagura.yaml")});
  CHECK(bad.exit == 2);
  CHECK(contains(bad.err, "bank.first.txt"));
}

TEST_CASE("rehearse: what would happen; what cannot be read is exit status 2, with its place") {
  Folder folder;
  const std::string config = YAGURA_SOURCE "/tests/data/example.yaml";
  std::ofstream(folder.file("quiet.yaml"))
      << "from: 2026-12-28T16:50:00+09:00\nuntil: 2026-12-28T17:00:00+09:00\nstory: []\n";
  const Outcome played = run({"rehearse", "--config", config, folder.file("quiet.yaml"), "--json"});
  INFO(played.err);
  CHECK(played.exit == 0);
  CHECK(contains(played.out, "{\"at\":\"2026-12-28T"));
  std::ofstream(folder.file("bad.yaml")) << "from: soon\n";
  const Outcome bad = run({"rehearse", "--config", config, folder.file("bad.yaml")});
  CHECK(bad.exit == 2);
  CHECK(contains(bad.err, folder.file("bad.yaml") + ":1:"));
  CHECK(run({"rehearse", "--config", config, folder.file("quiet.yaml"), "--seed", "x"}).exit == 2);
}

TEST_CASE("probe --kinds: every kind with its family and what a failing one means, without a daemon") {
  const std::string kinds = run({"probe", "--kinds"}).out;
  CHECK(contains(kinds, "liveness  http     down      asks for a page, judges status, body and time\n"));
  CHECK(contains(kinds, "job       job      degraded  "));
  CHECK(contains(run({"probe", "--kinds", "--json"}).out,
                 R"({"kind":"disk","family":"resource","impact":"degraded",)"
                 R"("summary":"judges the space and inodes of a file system"})"));
  CHECK(run({"probe", "--kinds"}).exit == 0);
  CHECK(run({"probe", "web", "--kinds"}).exit == 2);
  CHECK(contains(run({"probe"}).err, "name either a component or --kinds"));
}
