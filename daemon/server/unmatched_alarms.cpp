#include "unmatched_alarms.hpp"

#include <algorithm>
#include <sstream>

#include "chain.hpp"

namespace yagura {

namespace {

constexpr std::size_t most_remembered = 1'000;
constexpr std::size_t most_shown = 20;
constexpr std::size_t digest_digits = 16;

std::string digest_of(const std::string& text) {
  return sha256_hex(text).substr(0, digest_digits);
}

bool is_digest(const std::string& text) {
  return text.size() == digest_digits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

bool UnmatchedAlarms::take(const AlarmReport& report, Instant now,
                           Allowance::Clock::time_point steady) {
  ++count_;
  const std::string digest = digest_of(std::string(name_of(report.source)) + ":" + report.id);
  if (told_.contains(digest)) {
    show(report, now);  // told before a restart, it is shown after it
    return false;
  }
  if (!rate_.take(0, steady)) return false;
  if (told_.size() == most_remembered) told_.clear();
  told_.insert(digest);
  show(report, now);
  return true;
}

void UnmatchedAlarms::show(const AlarmReport& report, Instant now) {
  const bool is_shown = std::any_of(latest_.begin(), latest_.end(), [&](const Line& line) {
    return line.report.source == report.source && line.report.id == report.id;
  });
  if (is_shown) return;
  if (latest_.size() == most_shown) latest_.pop_front();
  latest_.push_back({report, now});
}

void UnmatchedAlarms::asked_for(const std::string& definitions) {
  const std::string digest = digest_of(definitions);
  if (digest == asked_for_) return;
  asked_for_ = digest;
  told_.clear();
  latest_.clear();
}

std::string UnmatchedAlarms::keep() const {
  std::string text = asked_for_;
  for (const std::string& digest : told_)
    text += " " + digest;
  return text;
}

void UnmatchedAlarms::remember(const std::string& kept) {
  std::istringstream text(kept);
  std::string digest;
  if (!(text >> digest) || !is_digest(digest)) return;
  asked_for_ = digest;
  while (told_.size() < most_remembered && text >> digest) {
    if (is_digest(digest)) told_.insert(digest);
  }
}

}  // namespace yagura
