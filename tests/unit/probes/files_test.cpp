#include "resource/files.hpp"

#include <doctest/doctest.h>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

TEST_CASE("open files and their limit are read; a limit beyond all measure is none") {
  auto files = parse_file_nr("726\t0\t2466170\n");
  REQUIRE(files);
  CHECK(files->open == 726);
  CHECK(files->limit == 2466170);
  CHECK(parse_file_nr("1000 100 5000\n")->open == 900);
  CHECK_FALSE(parse_file_nr("1440\t0\t9223372036854775807\n")->limit);
}

TEST_CASE("what are not three numbers of files is refused") {
  for (std::string_view text :
       {"", "\n", "726", "726\t0", "726\t0\t", "726 0 0", "726 0 -5", "5 6 700", "726 0 x",
        "726\n0\n700", "726 0 99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_file_nr(text).has_value());
  }
  CHECK_FALSE(parse_file_nr(std::string(4000, '\0')).has_value());
  CHECK_FALSE(parse_file_nr(std::string(4000, '7')).has_value());
}

TEST_CASE("the open files of this machine are counted") {
  auto probe = local::made(make_files, {{"failing", ">= 99.9%"}, {"warning", "none"}});
  Finding finding = local::run(*probe);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.at("open_files") > 0);
  CHECK(contains(finding.reason, " open files"));
  auto few = local::made(make_files, {{"failing", "1"}});
  Finding many = local::run(*few);
  CHECK(many.verdict == Verdict::failing);
  CHECK(contains(many.reason, " open files, failing at >= 1"));
}

TEST_CASE("the keys of files are checked") {
  CHECK(local::problems_of(make_files, {}).empty());
  CHECK(local::problems_of(make_files, {{"failing", "200000"}, {"warning", "100000"}}).empty());
  CHECK(contains(local::problems_of(make_files, {{"failing", "< 5 GiB"}}),
                 "which is not measured here"));
  CHECK(contains(local::problems_of(make_files, {{"limit", "5"}}), "unknown key `limit`"));
}
