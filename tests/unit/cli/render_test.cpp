// What people see, compared with golden/NAME.txt: each is made of golden/NAME.json by the rendering
// of that name. After a change on purpose: YAGURA_WRITE_GOLDEN=1 test_cli -tc='golden*', and read
// the difference.
#include "render.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "fields.hpp"
#include "sheet.hpp"
#include "support.hpp"
#include "text.hpp"

using namespace yagura;
using namespace yagura::cli;
using namespace yagura::cli::testing;
namespace json = boost::json;

namespace {

const std::string folder = YAGURA_SOURCE "/tests/unit/cli/golden/";

std::string content(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

std::string render_rows(const json::value& rows, const Screen& screen) {
  std::string day;
  return render_record(rows, screen, day);
}
std::string render_with_history(const json::value& notice, const Screen& screen) {
  return render_notice(notice, json::value(list(notice, "history")), screen);
}

struct Golden {
  std::string name;
  std::string (*render)(const json::value&, const Screen&);
};
const Golden goldens[] = {
    {"status", render_status},
    {"status-well", render_status},
    {"failures", render_failures},
    {"failure", render_failure},
    {"why", render_why},
    {"notices", render_notices},
    {"notice", render_with_history},
    {"stops", render_stops},
    {"inquiries", render_inquiries},
    {"aside", render_aside},
    {"inquiry", render_inquiry},
    {"jobs", render_jobs},
    {"observations", render_observations},
    {"record", render_rows},
    {"samples", render_samples},
    {"samples-few", render_samples},
};

// Puts nasty things where texts, numbers and lists are expected.
json::value spoiled(const json::value& value, int how) {
  switch (value.kind()) {
    case json::kind::object: {
      json::object object;
      for (const auto& [key, one] : value.get_object())
        object[key] = spoiled(one, how);
      return object;
    }
    case json::kind::array: {
      json::array array;
      for (const json::value& one : value.get_array())
        array.push_back(spoiled(one, how));
      return array;
    }
    default:
      break;
  }
  if (how == 0) return nullptr;
  if (how == 1) return "\x1b]0;owned\x07\xe2\x80\xae\n\r\t";
  if (how == 2) return json::array{1, json::object{{"a", "b"}}};
  return json::value(std::string(3000, 'x').c_str());
}

}  // namespace

TEST_CASE("golden: what each answer looks like in a terminal of 80 columns") {
  for (const Golden& golden : goldens) {
    CAPTURE(golden.name);
    auto value = read_json(content(folder + golden.name + ".json"));
    REQUIRE(value.has_value());
    const std::string text = golden.render(*value, test_screen());
    const std::string file = folder + golden.name + ".txt";
    if (std::getenv("YAGURA_WRITE_GOLDEN") != nullptr) std::ofstream(file) << text;
    CHECK(text == content(file));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      CHECK_MESSAGE(display_width(line) <= 80, line);
      CHECK_MESSAGE((line.empty() || line.back() != ' '), line);
    }
  }
}

TEST_CASE("a rendering withstands answers of any kind, and lets nothing through to the terminal") {
  for (const Golden& golden : goldens) {
    CAPTURE(golden.name);
    auto value = read_json(content(folder + golden.name + ".json"));
    REQUIRE(value.has_value());
    for (const json::value& odd :
         {json::value(nullptr), json::value("x"), json::value(json::array{1, nullptr}),
          json::value(json::object())}) {
      CHECK_NOTHROW(golden.render(odd, test_screen()));
    }
    for (int how = 0; how < 4; ++how) {
      const std::string text = golden.render(spoiled(*value, how), test_screen());
      CHECK(text.find('\x1b') == std::string::npos);
      CHECK(text.find('\x07') == std::string::npos);
      CHECK(text.find("\xe2\x80\xae") == std::string::npos);
    }
  }
}

TEST_CASE("colour is used on a terminal only, and the words say the same without it") {
  auto value = read_json(content(folder + "status.json"));
  REQUIRE(value.has_value());
  Screen screen = test_screen();
  screen.colour = true;
  std::string coloured = render_status(*value, screen);
  CHECK(coloured.find("\x1b[1;31mMAJOR\x1b[0m") != std::string::npos);
  for (auto at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b')) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  CHECK(coloured == render_status(*value, test_screen()));
}

TEST_CASE("columns are aligned by what is seen, kana and kanji counted as two") {
  Sheet sheet(Screen{30, false, {}});
  sheet.rows({{{"会員", "down", "ずっと前から止まっています"}, "二行目の注記はここに入る"},
              {{"pay", "up", ""}, ""}},
             0);
  CHECK(sheet.take() ==
        "会員  down  ずっと前から止まっ\n"
        "            ています\n"
        "    二行目の注記はここに入る\n"
        "pay   up\n");
  // Where nothing is left for the last column it goes below.
  sheet.rows({{{"a-name-of-28-columns-0123456", "ok"}, ""}}, 0);
  CHECK(sheet.take() == "a-name-of-28-columns-0123456\n    ok\n");
}

TEST_CASE("times are said as people say them") {
  const auto at = [](const char* text) { return *read_moment(text); };
  const Instant now = test_now();
  CHECK(short_text(at("2026-12-28T16:58:30.000+09:00"), now) == "16:58");
  CHECK(short_text(at("2026-12-29T10:00:00.000+09:00"), now) == "Tue 12-29 10:00");
  CHECK(short_text(at("2027-01-04T10:00:00.000+09:00"), now) == "Mon 2027-01-04 10:00");
  CHECK(short_text(at("2026-12-28T16:58:30.000+00:00"), now) == "16:58");
  CHECK(offset_text(at("2026-12-28T16:58:30-03:30")) == "-03:30");
  CHECK(clock_text(at("2026-12-28T16:58:30Z")) == "16:58:30");
  CHECK(day_text(at("2027-01-01T00:30:00+09:00")) == "Fri 2027-01-01");
  CHECK_FALSE(read_moment("soon").has_value());
  CHECK(ago_text(now - 14min, now) == "14m ago");
  CHECK(ago_text(now + 3h + 20min, now) == "in 3h20m");
  CHECK(ago_text(now, now) == "now");
  CHECK(with_short_times("at 2027-01-04T10:00:00.000+09:00; TO 2026-12-28T16:58:30.000+09:00",
                         now) == "at Mon 2027-01-04 10:00; TO 16:58");
  CHECK(span_text(59'999ms) == "59s");
  CHECK(span_text(24h * 6 + 17h + 59min) == "6d17h");
}

TEST_CASE("a timeline that was cut says where the rest is") {
  auto value = read_json(content(folder + "failure.json"));
  REQUIRE(value.has_value());
  CHECK(render_failure(*value, test_screen()).find("yagura record") == std::string::npos);
  value->get_object()["timeline_cut"] = true;
  const std::string cut = render_failure(*value, test_screen());
  CHECK(cut.find("Only the last ") != std::string::npos);
  CHECK(cut.find("2026-12-28T16:58") != std::string::npos);  // since when the record has all
}

TEST_CASE("that probes run late stands at the top, and since when") {
  auto value = read_json(content(folder + "status.json"));
  REQUIRE(value.has_value());
  CHECK(render_status(*value, test_screen()).find("Probes run late since") == std::string::npos);
  value->get_object()["probes_late_since"] = "2026-12-28T16:40:00.000+09:00";
  CHECK(render_status(*value, test_screen()).find("Probes run late since 16:40") != std::string::npos);
}

TEST_CASE("that this machine is cut off stands at the top, and since when") {
  auto value = read_json(content(folder + "status.json"));
  REQUIRE(value.has_value());
  CHECK(render_status(*value, test_screen()).find("CUT OFF") == std::string::npos);
  value->get_object()["cut_off_since"] = "2026-12-28T16:40:00.000+09:00";
  CHECK(render_status(*value, test_screen()).find("THIS MACHINE IS CUT OFF since 16:40") != std::string::npos);
}
