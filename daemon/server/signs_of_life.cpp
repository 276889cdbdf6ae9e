#include "signs_of_life.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace yagura {

namespace {

std::string in_words(Duration duration) {
  return format_duration(std::chrono::floor<std::chrono::seconds>(duration));
}

}  // namespace

std::optional<Silence> reason_for_silence(const Signs& signs) {
  using Cause = Silence::Cause;
  if (signs.record_trouble) {
    return Silence{Cause::record, "the record cannot be written: " + *signs.record_trouble};
  }
  if (signs.write_waits) {
    return Silence{Cause::record, fmt::format("a write of the record has waited for {}",
                                              in_words(*signs.write_waits))};
  }
  if (signs.lateness > tolerated_lateness) {
    return Silence{Cause::probes, "probes run late: " + in_words(signs.lateness)};
  }
  if (signs.overrun > tolerated_lateness) {
    return Silence{Cause::probes,
                   fmt::format("a probe has outlived its timeout by {}", in_words(signs.overrun))};
  }
  if (signs.outbox_stands > signs.attempt_timeout + tolerated_lateness) {
    return Silence{Cause::outbox, fmt::format("a notice that is due has stood for {}",
                                              in_words(signs.outbox_stands))};
  }
  return std::nullopt;
}

Duration outbox_stands(const State& state, const std::map<NoticeId, Duration>& attempts,
                       Duration since_moved, Instant now) {
  Duration longest{0};
  for (const auto& [id, notice] : state.notices) {
    if (auto attempt = attempts.find(id); attempt != attempts.end()) {
      longest = std::max(longest, attempt->second);
      continue;
    }
    if (notice.state != NoticeState::due || !notice.due_since) continue;
    const bool is_collected = !is_bank(notice.kind) && !notice.grouped && !notice.in_flight;
    if (is_collected) continue;
    // In flight without an attempt: what was to begin it is lost, or waits for the record, which
    // has a sign of its own.
    const Instant since = std::max(*notice.due_since, notice.retry_at.value_or(*notice.due_since));
    longest = std::max(longest, std::min(since_moved, now - since));
  }
  return longest;
}

}  // namespace yagura
