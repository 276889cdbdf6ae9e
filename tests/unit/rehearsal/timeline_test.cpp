#include "timeline.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <filesystem>
#include <sstream>

#include "rehearsal.hpp"
#include "text.hpp"

using namespace yagura;

namespace {

const std::filesystem::path folder = std::filesystem::path(YAGURA_SOURCE) / "tests/rehearsal";

std::string timeline_of(const std::string& story) {
  std::ostringstream out;
  auto played = rehearse(folder / "platform.yaml", folder / (story + ".yaml"), 0,
                         RehearsalForm::timeline, out);
  REQUIRE_MESSAGE(played.has_value(), played.error().message);
  return out.str();
}

}  // namespace

TEST_CASE("the timeline fits a terminal of 80 columns") {
  for (const char* story :
       {"year_end", "major_by_failed_switch_over", "who_may_do_what", "reported_by_the_desk"}) {
    std::istringstream lines(timeline_of(story));
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(display_width(line) <= 80);
      CHECK(is_utf8(line));
    }
  }
}

TEST_CASE(
    "the timeline says for each day whether it is one for business, and what waits until when") {
  const std::string text = timeline_of("year_end");
  CHECK(text.starts_with("Mon 2026-12-28 (business day)\n"));
  CHECK(text.find("Tue 2026-12-29 (closed 12-29..01-03)") != std::string::npos);
  CHECK(text.find("held   #1 for bank 青空銀行 (山田 太郎) until Mon 2027-01-04 10:00") !=
        std::string::npos);
  CHECK(text.find("MAJOR FAILURE: keeps admin-console, member-site down") != std::string::npos);
  CHECK(text.find("REFUSED") == std::string::npos);
  CHECK(timeline_of("who_may_do_what").find("REFUSED (line 6): only AP ops") != std::string::npos);
}

TEST_CASE("a quiet year costs next to nothing") {
  const std::clock_t before = std::clock();
  const std::string text = timeline_of("quiet_year");
  const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  CHECK(seconds < 5);  // with sanitizers, on a slow machine; a run of each probe would take minutes
  CHECK(text.find("failures open: 0, notices not sent: 0") != std::string::npos);
}
