#include "story.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "rehearsal.hpp"

using namespace yagura;

namespace {

const std::filesystem::path folder = std::filesystem::path(YAGURA_SOURCE) / "tests/rehearsal";

// A story in a file of its own, gone when the test ends.
class StoryFile {
 public:
  explicit StoryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("yagura-story-" + std::to_string(::getpid()) + ".yaml")) {
    std::ofstream(path_) << text;
  }
  ~StoryFile() { std::filesystem::remove(path_); }
  StoryFile(const StoryFile&) = delete;
  StoryFile& operator=(const StoryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

constexpr std::string_view head =
    "from: 2026-12-08T10:00:00+09:00\nuntil: 2026-12-08T12:00:00+09:00\nstory:\n";

std::string with_entries(std::string_view entries) {
  return std::string(head) + std::string(entries);
}

// What is said of the story, without the file's name.
std::string refusal(const std::string& text) {
  const StoryFile file(text);
  auto played = rehearse(folder / "platform.yaml", file.path(), 0, [](const auto&, const auto&) {});
  if (played) return "played";
  std::string message = played.error().message;
  for (auto at = message.find(file.path() + ":"); at != std::string::npos;
       at = message.find(file.path() + ":")) {
    message.erase(at, file.path().size() + 1);
  }
  return message;
}

}  // namespace

TEST_CASE("every form of an entry is read") {
  const StoryFile file(with_entries(R"(
  - {at: 2026-12-08T10:10:00+09:00, failing: database/tcp, reason: connection refused}
  - {at: +2m,  response: {component: database, step: 1, result: failed}}
  - {at: +10m, ack: 1, by: suzuki, message: 着手}
  - {at: +30m, report: 1, by: sato, message: 復旧作業中, to_banks: true}
  - {at: 2026-12-08T11:00:00Z, ok: database/tcp}
)"));
  Problems problems;
  const Story story = read_story(file.path(), problems);
  REQUIRE(problems.size() == 1);  // the last lies after `until`
  CHECK(problems[0].message == "this lies after the story's `until`");
  REQUIRE(story.entries.size() == 5);
  CHECK(story.entries[1].at - story.entries[0].at == 2min);
  CHECK(story.entries[3].at - story.entries[0].at == 42min);
  const auto& failing = std::get<FindingChange>(story.entries[0].action);
  CHECK(failing.verdict == Verdict::failing);
  CHECK(failing.component == "database");
  CHECK(failing.probe == "tcp");
  CHECK(failing.reason == "connection refused");
  CHECK_FALSE(std::get<StepExit>(story.entries[1].action).success);
  const auto& report = std::get<PersonActs>(story.entries[3].action);
  CHECK(report.by == "sato");
  CHECK(std::get<Report>(report.order).to_banks);
  CHECK(story.entries[0].words == "failing database/tcp, reason connection refused");
}

TEST_CASE("the contract's own story plays") {
  const StoryFile file(R"(
from: 2026-12-28T16:50:00+09:00
until: 2027-01-05T12:00:00+09:00
story:                                     # in order of time
  - {at: 2026-12-28T16:58:00+09:00, failing: database/tcp, reason: connection refused}
  - {at: +2m,  response: {component: database, step: 1, result: failed}}
  - {at: +10m, ack: 1, by: suzuki, message: 着手}
  - {at: +30m, report: 1, by: sato, message: 復旧作業中, to_banks: true}
  - {at: 2026-12-29T03:00:00+09:00, ok: database/tcp}
  - {at: +10m, confirm: 1, by: suzuki, message: ログ・ステータス異常なし}
  - {at: +1m, classify: 1, class: incident, by: sato, message: 影響なし}
  - {at: +1m, open: {services: [member-site], from_desk: true, message: 管理者から電話}, by: kudo}
  - {at: +1m, plan_stop: {services: [member-site], from: 2027-01-20T01:00:00+09:00, until: 2027-01-20T03:00:00+09:00, message: 更新, emergency: false}, by: sato}
  - {at: +1m, mail: down}
  - {at: +1m, restart: 5m}
  - {at: +6m, job: settlement, event: start}
  - {at: +1m, recover: 2, by: suzuki}
  - {at: +1m, unknown: database}
  - {at: +1m, banks: 2, add: aozora, by: sato}
  - {at: +1m, mail: up}
)");
  std::ostringstream first, second;
  auto played = rehearse(folder / "platform.yaml", file.path(), 0, RehearsalForm::json, first);
  REQUIRE_MESSAGE(played.has_value(), played.error().message);
  REQUIRE(
      rehearse(folder / "platform.yaml", file.path(), 0, RehearsalForm::json, second).has_value());
  CHECK(first.str() == second.str());  // the same input gives the same bytes
}

TEST_CASE("what is wrong in a story is refused with its place, all at once") {
  CHECK(refusal(
            with_entries("  - {at: +1m, failing: database/tpc}\n  - {at: +1m, ack: 1, by: suzuki}\n"
                         "  - {at: +1m, ack: 1, by: suzukii}\n")) ==
        "4:24: the configuration has no probe `database/tpc`; did you mean `database/tcp`?\n"
        "6:27: the configuration has no person `suzukii`; did you mean `suzuki`?");
  CHECK(
      refusal(with_entries("  - {at: +1m, fialing: database}\n")).find("did you mean `failing`?") !=
      std::string::npos);
  CHECK(refusal(with_entries("  - {at: +1m, ack: 1}\n")) == "4:5: this entry needs `by`");
  CHECK(refusal(with_entries("  - {at: soon, mail: down}\n")) ==
        "4:10: `at` must be a time such as 2026-12-28T16:58:00+09:00, or +20m after the entry "
        "before");
  CHECK(refusal(with_entries("  - {at: +20x, mail: down}\n"))
            .starts_with("4:10: `at`: \"20x\" is not a duration"));
  CHECK(refusal(with_entries("  - {at: 2026-12-08T11:00:00+09:00, mail: down}\n"
                             "  - {at: 2026-12-08T10:59:00+09:00, mail: up}\n")) ==
        "5:10: this lies before the entry above: entries stand in order of time");
  CHECK(refusal(with_entries("  - {at: +1m, mail: sideways}\n")) ==
        "4:21: `mail` must be down or up");
  CHECK(refusal(with_entries("  - {at: +1m, mail: down, ok: database}\n")).find("one thing") !=
        std::string::npos);
  CHECK(refusal(with_entries("  - {at: +1m, ack: one, by: sato}\n"))
            .find("`ack` must be a whole number") != std::string::npos);
  CHECK(refusal(with_entries("  - {at: +1m, ack: 1, by: sato, colour: red}\n"))
            .find("unknown key `colour`") != std::string::npos);
  CHECK(refusal(with_entries("  - {at: +1m, job: web-1, event: start}\n"))
            .find("no component with a job probe `web-1`") != std::string::npos);
  CHECK(
      refusal(with_entries("  - {at: +1m, reload: {file: nowhere.yaml}}\n")).find("nowhere.yaml") !=
      std::string::npos);
  CHECK(refusal("from: 2026-12-08T10:00:00+09:00\nstory: []\n") == "1:1: the story needs `until`");
  CHECK(refusal("story: [\n").find("not YAML") != std::string::npos);
  CHECK(refusal("from: 2026-12-08T10:00:00+09:00\nuntil: 2026-12-08T12:00:00+09:00\nstory: []\n") ==
        "played");
}

TEST_CASE("a configuration that is wrong, or a file that is not there, is said so") {
  const StoryFile file(with_entries("  - {at: +1m, mail: down}\n"));
  const auto nothing = [](const auto&, const auto&) {};
  auto played = rehearse(folder / "nowhere.yaml", file.path(), 0, nothing);
  REQUIRE_FALSE(played.has_value());
  CHECK(played.error().message.find("nowhere.yaml") != std::string::npos);
  played = rehearse(folder / "platform.yaml", folder / "nowhere.yaml", 0, nothing);
  REQUIRE_FALSE(played.has_value());
  CHECK(played.error().message.find("nowhere.yaml:1:1") != std::string::npos);
}

TEST_CASE("a configuration with errors is refused with them when it is reloaded, and the story goes on") {
  const std::filesystem::path broken =
      std::filesystem::temp_directory_path() / ("yagura-broken-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(broken) << "people: {}\ncolour: red\n";
  const StoryFile file(with_entries("  - {at: +10m, reload: {file: " + broken.string() +
                                    "}}\n"
                                    "  - {at: +1m, failing: database/tcp, reason: connection refused}\n"));
  std::vector<RehearsalLine> refused;
  bool opened = false;
  auto played = rehearse(folder / "platform.yaml", file.path(), 0,
                         [&](const RehearsalLine& line, const Platform&) {
                           if (line.what == "refused") refused.push_back(line);
                           opened = opened || line.what == "failure.opened";
                         });
  std::filesystem::remove(broken);
  CHECK(played.has_value());
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].entry == 4);
  CHECK(refused[0].at == *parse_instant("2026-12-08T10:10:00+09:00"));
  CHECK(refused[0].details.at("reason").find("unknown key `colour`") != std::string::npos);
  CHECK(refused[0].details.at("reason").find("; ") != std::string::npos);  // All of them.
  CHECK(opened);
}
