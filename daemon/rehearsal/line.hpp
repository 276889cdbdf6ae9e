// One line of what a rehearsal shows: a fact of the record, joined with the failure and the notice
// that it is about, or an entry of the story (`story`), or one that the rules refuse (`refused`).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "event.hpp"

namespace yagura {

struct RehearsalLine {
  Instant at{};
  std::string what;  // the fact's name: failure.opened, notice.sent, …
  std::string who;   // person, or "daemon"
  int entry = 0;     // the line of the story's file; 0: no entry
  FailureId failure = 0;
  std::string classification;  // of the failure, at this point
  // Of a notice:
  NoticeId notice = 0;
  std::string kind;
  std::string audience;
  std::int64_t stop = 0;
  std::vector<Recipient> to;
  std::string subject;
  std::optional<Instant> not_before;           // of an unsent one
  std::map<std::string, std::string> details;  // what else the fact says
};

// As a JSON object without a line break: {"at","what",…} (INTERFACE.md §8), times in the zone.
std::string json_line(const RehearsalLine& line, const Zone& zone);

}  // namespace yagura
