// The kind `log`: what counts, for how long, what is kept over a restart, and what a hostile log
// can do.
#include <sys/stat.h>

#include "folder.hpp"
#include "kinds.hpp"
#include "log_run.hpp"

using namespace yagura;
using local::append;
using local::contains;
using local::Folder;
using local::Keeper;
using local::list;

namespace {

auto log_probe(const std::string& path, std::vector<local::Key> more = {}) {
  std::vector<local::Key> keys{
      {"path", path}, {"report", list({"ERROR", "panic:"})}, {"ignore", "retry"}};
  for (auto& key : more)
    keys.push_back(std::move(key));
  return local::made(make_log, std::move(keys));
}

}  // namespace

TEST_CASE(
    "a log's lines count where they fit a pattern and none to be ignored, and the reason has the "
    "last") {
  const Folder folder;
  const std::string path = folder.write("app.log", "ERROR old\n");
  auto probe = log_probe(path);
  Keeper keeper;
  Finding finding = keeper.run(*probe);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "0 lines within 10m"));
  CHECK(contains(finding.reason, "read from its present end on"));
  append(path, "fine\nERROR 1\nERROR, retry\nkernel: panic: 2\n");
  finding = keeper.run(*probe);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "2 lines within 10m, failing at >= 1 of " + path));
  CHECK(contains(finding.reason, "; last: kernel: panic: 2"));
  CHECK(finding.values["lines"] == 2);
  CHECK(finding.values["read_lines"] == 4);
  CHECK(finding.values["unread_bytes"] == 0);
  CHECK(keeper.run(*probe, true).verdict == Verdict::failing);  // for as long as they count
}

TEST_CASE("a log's place and counts are kept over a restart, and an unknown place is no flood") {
  const Folder folder;
  const std::string path = folder.write("app.log", "");
  const std::vector<local::Key> five{{"failing", ">= 5"}};
  Keeper keeper;
  keeper.run(*log_probe(path, five));
  append(path, "ERROR 1\nERROR 2\nERROR 3\n");
  CHECK(keeper.run(*log_probe(path, five)).values["lines"] == 3);
  append(path, "ERROR 4\nERROR 5\n");
  CHECK(keeper.run(*log_probe(path, five)).verdict == Verdict::failing);
  const std::string kept = keeper.kept;
  Finding again = keeper.run(*log_probe(path, five));
  CHECK(again.values["lines"] == 5);
  CHECK(!again.keep);  // an idle log costs no write
  CHECK(keeper.kept == kept);
  for (const char* lost : {"", "nonsense", "{}", "[]",
                           R"({"source":"file /else","position":"0 0 0 0 0","counts":[[1,99]]})"}) {
    Keeper without{lost};
    Finding finding = without.run(*log_probe(path, five));
    CHECK(finding.verdict == Verdict::ok);
    CHECK(finding.values["lines"] == 0);
    CHECK(contains(finding.reason, "read from its present end on"));
  }
}

TEST_CASE("a log's lines no longer count once `within` is over, and then nothing of them is kept") {
  const Folder folder;
  const std::string path = folder.write("app.log", "");
  Keeper keeper;
  keeper.run(*log_probe(path));
  append(path, "ERROR of a person\n");
  keeper.run(*log_probe(path));
  CHECK(contains(keeper.kept, "person"));
  // As if it had been read an hour ago.
  const auto counts = keeper.kept.find("\"counts\":[[") + 11;
  const auto comma = keeper.kept.find(',', counts);
  const auto at = std::stoll(keeper.kept.substr(counts, comma - counts)) - 3'600'000;
  keeper.kept.replace(counts, comma - counts, std::to_string(at));
  Finding finding = keeper.run(*log_probe(path), true);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(!contains(finding.reason, "person"));
  CHECK(!contains(keeper.kept, "person"));
}

TEST_CASE(
    "a log full of rubbish shows nothing that a terminal would obey, and is counted all the same") {
  const Folder folder;
  const std::string path = folder.write("app.log", "");
  auto probe = log_probe(path);
  Keeper keeper;
  keeper.run(*probe);
  std::string rubbish;
  for (int i = 0; i < 100'000; ++i)
    rubbish += static_cast<char>(i * 7919 >> 3);
  append(path, rubbish +
                   "\nERROR \x1b[2J\xff\xe2\x80\xae"
                   "bank\0.\tend " +
                   std::string(5000, 'x') + "\n");
  const Finding finding = keeper.run(*probe);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "ERROR \\x1b[2J\xEF\xBF\xBD\\u202ebank"));
  CHECK(finding.reason.size() <= 500);
  CHECK(keeper.kept.size() < 2000);
  auto quiet = log_probe(path, {{"excerpt", "false"}});
  append(path, "ERROR secret\n");
  CHECK(!contains(keeper.run(*quiet).reason, "secret"));
}

TEST_CASE("a log with more than a run reads is unknown until it is caught up with") {
  const Folder folder;
  const std::string path = folder.write("app.log", "");
  auto probe = log_probe(path);
  Keeper keeper;
  keeper.run(*probe);
  std::string many;
  for (int i = 0; i < 120'000; ++i)
    many += "nothing\n";
  append(path, many);
  Finding finding = keeper.run(*probe);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "is read in the next runs"));
  CHECK(finding.values["unread_bytes"] == 70'000 * 8);
  append(path, "ERROR\n");
  keeper.run(*probe);
  finding = keeper.run(*probe);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.values["unread_bytes"] == 0);
}

TEST_CASE("a log that cannot be looked at is unknown, and nothing is lost meanwhile") {
  const Folder folder;
  const std::string path = folder.write("app.log", "x\n");
  auto probe = log_probe(path);
  Keeper keeper;
  keeper.run(*probe);
  append(path, "ERROR 1\n");
  std::filesystem::rename(path, path + ".1");
  CHECK(keeper.run(*probe).verdict == Verdict::unknown);  // between a rotation's two steps
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(keeper.run(*probe).verdict == Verdict::unknown);
  std::filesystem::remove(path);
  append(path, "ERROR 2\n");
  CHECK(keeper.run(*probe).values["lines"] == 2);
}

TEST_CASE("wrong keys of a log are refused in words") {
  const auto said = [](std::vector<local::Key> keys) {
    return local::problems_of(make_log, std::move(keys));
  };
  CHECK(contains(said({{"report", "x"}}), "write `path: /var/log/…`, or `journal: true`"));
  CHECK(
      contains(said({{"path", "/l"}, {"journal", "true"}, {"report", "x"}}), "write one of them"));
  CHECK(contains(said({{"path", "l"}, {"report", "x"}}), "`path` must be absolute"));
  CHECK(contains(said({{"path", "/*/l"}, {"report", "x"}}), "in the name of the file only"));
  CHECK(said({{"path", "/var/log/*.log"}, {"report", "x"}}) == "");
  CHECK(local::problems_of(make_logins, {{"path", "/var/log/auth*.log"}})
            .find("`path` must name one file") != std::string::npos);
  CHECK(contains(said({{"path", "/l"}, {"unit", "a"}, {"report", "x"}}),
                 "`unit` chooses from the journal"));
  CHECK(contains(said({{"journal", "no"}, {"report", "x"}}), "`journal` must be true"));
  CHECK(contains(said({{"journal", "true"}, {"unit", "a\nb"}, {"report", "x"}}),
                 "`unit` must be the name of a unit"));
  CHECK(contains(said({{"path", "/l"}}), "`report`"));
  CHECK(contains(said({{"path", "/l"}, {"report", "("}}), "is no regular expression (RE2)"));
  CHECK(contains(said({{"path", "/l"}, {"report", "a*"}}), "fits every line"));
  CHECK(contains(said({{"path", "/l"}, {"report", "x"}, {"within", "10s"}}),
                 "`within` must be between 1m and 7d"));
  CHECK(contains(said({{"path", "/l"}, {"report", "x"}, {"failing", "much"}}), "`failing`"));
  CHECK(said({{"journal", "true"},
              {"unit", list({"nginx", "app.service"})},
              {"report", "x"},
              {"failing", ">= 5"}}) == "");
}
