#include "resource/disk.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

namespace {

struct statvfs answer(unsigned long long blocks, unsigned long long free,
                      unsigned long long available, unsigned long long files = 0,
                      unsigned long long files_free = 0) {
  struct statvfs made {};
  made.f_bsize = 1'048'576;  // Not what is counted in.
  made.f_frsize = 4096;
  made.f_blocks = blocks;
  made.f_bfree = free;
  made.f_bavail = available;
  made.f_files = files;
  made.f_ffree = files_free;
  return made;
}

}  // namespace

TEST_CASE("space is counted as df counts it, the reserve of root left out") {
  auto use = disk_use(answer(1000, 300, 250));
  REQUIRE(use);
  CHECK(use->used_percent == doctest::Approx(100.0 * 700 / 950));
  CHECK(use->free_bytes == 250 * 4096);
  CHECK(use->total_bytes == 1000 * 4096);
  CHECK_FALSE(use->inodes_used_percent);
}

TEST_CASE("a file system at its ends, or that says nonsense, gives no wild number") {
  CHECK(disk_use(answer(1000, 1000, 1000))->used_percent == 0);
  CHECK(disk_use(answer(1000, 50, 0))->used_percent == 100);
  CHECK(disk_use(answer(1000, 50, static_cast<unsigned long long>(-20)))->used_percent == 100);
  CHECK(disk_use(answer(1000, 2000, 1000))->used_percent == 0);
  CHECK_FALSE(disk_use(answer(0, 0, 0)));
  CHECK(*disk_use(answer(10, 5, 5, 200, 50))->inodes_used_percent == doctest::Approx(75));
  CHECK_FALSE(disk_use(answer(10, 5, 5, 200, 300))->inodes_used_percent);
}

TEST_CASE("the root file system is measured as the kernel says") {
  struct statvfs root {};
  REQUIRE(::statvfs("/", &root) == 0);
  auto probe = local::made(
      make_disk, {{"path", "/"}, {"failing", "> 99.99%"}, {"warning", "none"}, {"inodes", "none"}});
  Finding finding = local::run(*probe);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.at("used_percent") ==
        doctest::Approx(disk_use(root)->used_percent).epsilon(0.05));
  CHECK(finding.values.at("total_bytes") == disk_use(root)->total_bytes);
  CHECK(finding.values.at("free_bytes") > 0);
  CHECK(contains(finding.reason, "used space "));
  CHECK(contains(finding.reason, "free space "));
}

TEST_CASE("a level on free space, and one on inodes, decide") {
  auto space =
      local::made(make_disk, {{"path", "/"}, {"failing", "< 900 TiB"}, {"inodes", "none"}});
  Finding little = local::run(*space);
  CHECK(little.verdict == Verdict::failing);
  CHECK(contains(little.reason, "free space "));
  CHECK(contains(little.reason, ", failing at < 900 TiB; used space "));

  auto inodes = local::made(make_disk, {{"path", "/"},
                                        {"failing", "> 99.99%"},
                                        {"warning", "none"},
                                        {"inodes", local::map({{"failing", "> 0.0001%"}})}});
  struct statvfs root {};
  REQUIRE(::statvfs("/", &root) == 0);
  Finding many = local::run(*inodes);
  if (root.f_files > 0) {
    CHECK(many.verdict == Verdict::failing);
    CHECK(contains(many.reason.substr(0, 12), "used inodes "));
    CHECK(many.values.contains("inodes_used_percent"));
  } else {
    CHECK(many.verdict == Verdict::unknown);
  }
}

TEST_CASE("what cannot be measured is unknown, and failing only where a mount is demanded") {
  struct Row {
    std::string path;
    bool mounted;
    Verdict verdict;
    std::string_view reason;
  };
  const std::array<Row, 7> rows{{
      {"/nonexistent/data", false, Verdict::unknown,
       "does not exist; if that is a failure, say `mounted: true`"},
      {"/nonexistent/data", true, Verdict::failing, "/nonexistent/data does not exist"},
      {"/etc/passwd/data", true, Verdict::failing, "does not exist"},
      {"/etc", true, Verdict::failing, "/etc is not a mount point"},
      {"/proc", false, Verdict::unknown, "has no space to measure"},
      {"/proc", true, Verdict::unknown, "has no space to measure"},
      {std::string(300, '/') + std::string(300, 'x'), false, Verdict::unknown,
       "cannot be looked at: File name too long"},
  }};
  for (const Row& row : rows) {
    CAPTURE(row.path);
    auto probe =
        local::made(make_disk, {{"path", row.path}, {"mounted", row.mounted ? "true" : "false"}});
    Finding finding = local::run(*probe);
    CHECK(finding.verdict == row.verdict);
    CHECK(contains(finding.reason, row.reason));
  }
  auto root = local::made(make_disk, {{"path", "/"}, {"mounted", "true"}, {"failing", "> 99.99%"}});
  CHECK(local::run(*root).verdict != Verdict::failing);
}

TEST_CASE("a file system that never answers is unknown in time, and holds one thread") {
  // In a namespace of the test's own: a FUSE file system whose server reads no question.
  bool possible = false;
  std::thread([&] {
    int server = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    std::string path = std::filesystem::temp_directory_path() / "yagura-silent-XXXXXX";
    if (server < 0 || ::unshare(CLONE_NEWNS) != 0 || ::mkdtemp(path.data()) == nullptr ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      return;
    }
    std::string options = "fd=" + std::to_string(server) + ",rootmode=40000,user_id=0,group_id=0";
    possible = ::mount("silent", path.c_str(), "fuse", 0, options.c_str()) == 0;
    if (possible) {
      auto probe = local::made(make_disk, {{"path", path}, {"mounted", "true"}});
      Finding first = local::run(*probe, false, 50ms);
      CHECK(first.verdict == Verdict::unknown);
      CHECK(first.reason == "statvfs on " + path + " did not answer within 50ms");
      Finding second = local::run(*probe, false, 50ms);
      CHECK(second.verdict == Verdict::unknown);
      CHECK(contains(second.reason, "has not answered for"));
    }
    ::close(server);  // Whoever waits is told that it is gone.
    ::umount2(path.c_str(), MNT_DETACH);
    ::rmdir(path.c_str());
  }).join();
  if (!possible) MESSAGE("skipped: no FUSE file system can be mounted here");
}

TEST_CASE("a trend is not told before there is one") {
  auto probe = local::made(make_disk, {{"path", "/"},
                                       {"failing", "> 99.99%"},
                                       {"warning", "none"},
                                       {"inodes", "none"},
                                       {"full_within", local::map({{"failing", "4h"}})}});
  Finding first = local::run(*probe);
  CHECK(first.verdict == Verdict::ok);
  CHECK(contains(first.reason, "; no trend before 10m of runs"));
  CHECK_FALSE(first.values.contains("full_in_seconds"));
}

TEST_CASE("the time until a disk is full is a level on its own, a time alone at most that") {
  const auto problems = [](std::vector<local::Key> levels) {
    return local::problems_of(make_disk,
                              {{"path", "/"}, {"full_within", local::map(std::move(levels))}});
  };
  CHECK(problems({{"failing", "4h"}, {"warning", "1d"}, {"clear_at", "6h"}}).empty());
  CHECK(problems({{"failing", "< 4h"}}).empty());
  CHECK(contains(problems({{"failing", ">= 4h"}}), "wrong way round"));
  CHECK(contains(problems({{"failing", "4h"}, {"warning", "2h"}}), "must be milder"));
  CHECK(contains(problems({{"failing", "4"}}), "is a plain number, which is not measured here"));
  CHECK(contains(problems({{"failing", "4h"}, {"clear", "6h"}}), "unknown key `clear`"));
  CHECK(contains(problems({}), "nothing would be watched"));
  CHECK(contains(local::problems_of(make_disk, {{"path", "/"}, {"full_within", "4h"}}),
                 "must be a mapping"));
  CHECK(local::problems_of(make_disk, {{"path", "/"}, {"full_within", "none"}}).empty());
}

TEST_CASE("the keys of a disk are checked") {
  CHECK(local::problems_of(make_disk, {{"path", "/"}}).empty());
  CHECK(contains(local::problems_of(make_disk, {}), "probe needs `path`"));
  CHECK(contains(local::problems_of(make_disk, {{"path", "data"}}), "must be absolute"));
  CHECK(contains(local::problems_of(make_disk, {{"path", "/"}, {"failing", "95%"}}),
                 "has no comparison"));
  CHECK(contains(local::problems_of(make_disk, {{"path", "/"}, {"mounted", "yes"}}),
                 "must be true or false"));
  CHECK(contains(local::problems_of(make_disk, {{"path", "/"}, {"inodes", "5"}}),
                 "must be a mapping"));
  CHECK(contains(local::problems_of(
                     make_disk, {{"path", "/"}, {"inodes", local::map({{"failing", "< 5 GiB"}})}}),
                 "write used inodes as"));
  CHECK(contains(
      local::problems_of(make_disk, {{"path", "/"}, {"inodes", local::map({{"fail", "> 5%"}})}}),
      "unknown key `fail` in `inodes`"));
  CHECK(contains(local::problems_of(make_disk, {{"path", "/"}, {"inode", "none"}}),
                 "did you mean `inodes`?"));
  // All that is wrong, at once.
  std::string all =
      local::problems_of(make_disk, {{"path", "x"}, {"failing", "y"}, {"mounted", "z"}});
  CHECK(contains(all, "y:1:1: `path`"));
  CHECK(contains(all, "y:2:1: `failing`"));
  CHECK(contains(all, "y:3:1: `mounted`"));
}
