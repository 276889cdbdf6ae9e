// Real files, whose times are set as needed.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "folder.hpp"
#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;
using local::Folder;

namespace {

Finding finding_of(std::vector<local::Key> keys) {
  return local::run(*local::made(make_file, std::move(keys)));
}

void written_ago(const std::string& path, std::int64_t seconds) {
  const std::int64_t then = ::time(nullptr) - seconds;
  std::array<timespec, 2> times{timespec{then, 0}, timespec{then, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
}

}  // namespace

TEST_CASE("a file has to be there, or must not") {
  Folder folder;
  const std::string path = folder.write("marker", "abc");
  const std::string none = (folder / "none").string();
  Finding there = finding_of({{"path", path}});
  CHECK(there.verdict == Verdict::ok);
  CHECK(there.values.at("size_bytes") == 3);
  CHECK(there.values.at("count") == 1);
  CHECK(contains(there.reason, path + ": written "));
  CHECK(contains(there.reason, " ago; size 3 B"));
  Finding missing = finding_of({{"path", none}});
  CHECK(missing.verdict == Verdict::failing);
  CHECK(missing.reason == none + " does not exist");
  CHECK(finding_of({{"path", path + "/below"}}).verdict == Verdict::failing);
  Finding unwanted = finding_of({{"path", path}, {"exists", "false"}});
  CHECK(unwanted.verdict == Verdict::failing);
  CHECK(unwanted.reason == path + " exists");
  CHECK(finding_of({{"path", none}, {"exists", "false"}}).verdict == Verdict::ok);
  Finding of_folder = finding_of({{"path", folder.text()}});
  CHECK(of_folder.verdict == Verdict::ok);
  CHECK_FALSE(of_folder.values.contains("size_bytes"));
}

TEST_CASE("age is since the last writing") {
  Folder folder;
  const std::string path = folder.write("dump", "abc");
  const auto age = local::map({{"failing", ">= 1d"}, {"warning", ">= 1h"}, {"clear_at", "< 2h"}});
  written_ago(path, 90'000);
  Finding old = finding_of({{"path", path}, {"age", age}});
  CHECK(old.verdict == Verdict::failing);
  CHECK(contains(old.reason, "written 1d1h ago, failing at >= 1d; size 3 B"));
  CHECK(old.values.at("age_seconds") == doctest::Approx(90'000).epsilon(0.01));
  written_ago(path, 7300);
  auto probe = local::made(make_file, {{"path", path}, {"age", age}});
  CHECK(local::run(*probe, true).verdict == Verdict::failing);  // Until it is < 2h.
  CHECK(local::run(*probe, false).verdict == Verdict::warning);
  written_ago(path, 10);
  CHECK(local::run(*probe, true).verdict == Verdict::ok);
  // A little ahead is another clock; far ahead no age is known.
  written_ago(path, -60);
  CHECK(local::run(*probe).verdict == Verdict::ok);
  written_ago(path, -86'400);
  Finding future = local::run(*probe);
  CHECK(future.verdict == Verdict::unknown);
  CHECK(contains(future.reason, "in the future"));
}

TEST_CASE("size may be bad in either direction") {
  Folder folder;
  const std::string path = folder.write("dump", std::string(2000, 'x'));
  const auto of = [&](std::string level) {
    return finding_of({{"path", path}, {"size", local::map({{"failing", std::move(level)}})}});
  };
  CHECK(of("< 1 KiB").verdict == Verdict::ok);
  CHECK(of("< 2 KiB").verdict == Verdict::failing);
  CHECK(of(">= 1 KiB").verdict == Verdict::failing);
  CHECK(of(">= 2 KiB").verdict == Verdict::ok);
  CHECK(
      finding_of({{"path", folder.text()}, {"size", local::map({{"failing", "< 1 B"}})}}).verdict ==
      Verdict::unknown);
}

TEST_CASE("of a pattern the newest match is looked at") {
  Folder folder;
  written_ago(folder.write("2026-11-01/dump.gz", "a"), 9000);
  written_ago(folder.write("2026-11-03/dump.gz", "abc"), 1000);
  written_ago(folder.write("2026-11-02/dump.gz", "ab"), 5000);
  folder.write("2026-11-04/other", "x");
  folder.write(".2026-11-05/dump.gz", "hidden");
  Finding newest = finding_of({{"path", folder.text() + "/*/dump.gz"}});
  CHECK(newest.verdict == Verdict::ok);
  CHECK(contains(newest.reason, "/2026-11-03/dump.gz: written 16m"));
  CHECK(newest.values.at("count") == 3);
  CHECK(newest.values.at("size_bytes") == 3);
  CHECK(finding_of({{"path", folder.text() + "/*-0[12]/d?mp.*"}}).values.at("count") == 2);
  Finding nothing = finding_of({{"path", folder.text() + "/*/none"}});
  CHECK(nothing.verdict == Verdict::failing);
  CHECK(contains(nothing.reason, "/*/none matches nothing"));
  Finding unwanted = finding_of({{"path", folder.text() + "/*/dump.gz"}, {"exists", "false"}});
  CHECK(unwanted.verdict == Verdict::failing);
  CHECK(contains(unwanted.reason, "/2026-11-03/dump.gz exists, and 2 more"));
}

TEST_CASE("a change of content, owner or mode is said, and one that is undone is over") {
  Folder folder;
  const std::string path = folder.write("sudoers", "abc");
  auto probe = local::made(make_file, {{"path", path}, {"changed", "failing"}});
  Finding first = local::run(*probe);
  CHECK(first.verdict == Verdict::ok);
  CHECK(contains(first.reason, "unchanged"));
  folder.write("sudoers", "abd");
  written_ago(path, 3600);
  for (int run = 0; run < 2; ++run) {  // It stands, as a failure is confirmed by several runs.
    Finding changed = local::run(*probe);
    CHECK(changed.verdict == Verdict::failing);
    CHECK(contains(changed.reason, "content changed, seen 0s ago"));
  }
  folder.write("sudoers", "abc");
  CHECK(local::run(*probe).verdict == Verdict::ok);  // Written again, with the same content.
  REQUIRE(::chmod(path.c_str(), 0666) == 0);
  CHECK(contains(local::run(*probe).reason, "mode changed"));
  // Of what is too long to be read, size and time are compared.
  const std::string large = folder.write("large", "x");
  REQUIRE(::truncate(large.c_str(), 17 * 1024 * 1024) == 0);
  auto of_large = local::made(make_file, {{"path", large}, {"changed", "warning"}});
  CHECK(local::run(*of_large).verdict == Verdict::ok);
  written_ago(large, 5000);
  CHECK(local::run(*of_large).verdict == Verdict::warning);
}

TEST_CASE("what cannot be looked at is unknown") {
  if (::geteuid() == 0) {
    // Root may look everywhere but into a loop of links.
    Folder folder;
    const std::string loop = (folder / "loop").string();
    REQUIRE(::symlink(loop.c_str(), loop.c_str()) == 0);
    Finding finding = finding_of({{"path", loop}});
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "cannot be looked at: "));
  } else {
    CHECK(finding_of({{"path", "/root/x"}}).verdict == Verdict::unknown);
  }
}

TEST_CASE("the keys of a file are checked") {
  const auto problems = [](std::vector<local::Key> keys) {
    return local::problems_of(make_file, std::move(keys));
  };
  CHECK(problems({{"path", "/x"}}).empty());
  CHECK(contains(problems({}), "`path`"));
  CHECK(contains(problems({{"path", "x"}}), "must be absolute"));
  CHECK(contains(problems({{"path", "/x"}, {"age", ">= 1d"}}), "`age`"));
  CHECK(contains(problems({{"path", "/x"}, {"age", local::map({{"failing", "< 1d"}})}}),
                 "wrong way round"));
  CHECK(contains(problems({{"path", "/x"},
                           {"size", local::map({{"failing", "< 1 KiB"}, {"warning", "> 1 MiB"}})}}),
                 "wrong way round"));
  CHECK(contains(problems({{"path", "/x"}, {"size", local::map({})}}), "nothing would be watched"));
  CHECK(contains(problems({{"path", "/x"}, {"changed", "yes"}}), "must be warning or failing"));
  CHECK(contains(problems({{"path", "/x*"}, {"changed", "warning"}}), "is of one file"));
  CHECK(contains(problems({{"path", "/x"}, {"changed_for", "1h"}}), "without `changed`"));
  CHECK(contains(problems({{"path", "/x"}, {"changed", "failing"}, {"changed_for", "1s"}}),
                 "between 1m and 30d"));
  CHECK(contains(problems({{"path", "/x"}, {"exists", "false"}, {"changed", "failing"}}),
                 "leave it out"));
}
