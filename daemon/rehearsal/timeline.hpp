// A rehearsal as a timeline for a meeting: a heading for each day on which something happens, then
// who is mailed what and why, what is held and until when, how each failure is judged. Fits 80
// columns, kana and kanji counted as two.
//
// What merely makes the record whole (an attempt of delivery that succeeded, a notice queued that
// goes out at the same instant, the weekly maintenance while nothing is wrong) is left out;
// `--json` has every line.
#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "line.hpp"
#include "platform.hpp"

namespace yagura {

class Timeline {
 public:
  explicit Timeline(std::ostream& out) : out_(out) {}
  // The line `rehearsal.ended` writes what is left.
  void show(const RehearsalLine& line, const Platform& platform);

 private:
  // One row: a label, then `head`, the items that share it, and `tail`; then lines of their own
  // below. Rows of one instant that differ in their item alone are written as one.
  struct Row {
    Instant at{};
    std::string label;
    std::string head;
    std::vector<std::string> items;
    std::string tail;
    // Of a mail:
    std::string subject{};
    std::string kind{};
    std::vector<std::string> reasons{};  // why it goes
  };
  void add(const Platform& platform, Row row);
  void write_pending();
  void day_heading(Instant at, const Platform& platform);
  void write(std::string_view first_margin, const std::string& text);
  void add_mail(const RehearsalLine& line, const Platform& platform, std::string label,
                std::string tail);

  std::ostream& out_;
  std::optional<Row> pending_;
  std::optional<Date> day_;
  std::string clock_, last_clock_;  // of the pending row (empty: as above), and as written last
  std::set<FailureId> open_;
  std::map<FailureId, std::string> reminded_;  // the subject of the last reminder
};

}  // namespace yagura
