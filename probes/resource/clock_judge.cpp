#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clock.hpp"
#include "local_probe.hpp"

namespace yagura {
namespace {

// An NTP client needs some minutes after the machine's start.
constexpr Duration time_to_synchronise = 5min;

// Rounded down, as a value short of a level is not to read as having reached it.
std::string format_milliseconds(double milliseconds) {
  if (milliseconds < 1000) return fmt::format("{:.1f} ms", std::floor(milliseconds * 10) / 10);
  return fmt::format("{:.1f} s", std::floor(milliseconds / 100) / 10);
}

}  // namespace

ClockState clock_state(int returned, const timex& answer) {
  ClockState state;
  state.synchronised = returned != TIME_ERROR && (answer.status & (STA_UNSYNC | STA_CLOCKERR)) == 0;
  double units = (answer.status & STA_NANO) != 0 ? 1e9 : 1e6;
  state.offset_seconds = static_cast<double>(answer.offset) / units;
  state.estimated_error_seconds = static_cast<double>(answer.esterror) / 1e6;
  state.max_error_seconds = static_cast<double>(answer.maxerror) / 1e6;
  return state;
}

std::optional<ClockJudge> ClockJudge::read(Reader& reader, bool asks_server) {
  ClockJudge judge;
  const Measure offset{Quantity::duration, true, "the clock's offset", ">= 1s"};
  const Measure error{Quantity::duration, true, "the greatest possible error", ">= 5s"};
  auto levels = Threshold::read(reader, {offset}, ">= 1s", ">= 100ms");
  bool well = judge.max_error_.read(reader, "max_error", {error}, "", "");
  auto synchronised = reader.boolean("synchronised");
  if (!levels || !well || (reader.has("synchronised") && !synchronised)) return std::nullopt;
  judge.offset_ = std::move(*levels);
  judge.synchronised_ = synchronised.value_or(!asks_server);
  return judge;
}

Finding ClockJudge::judge(const Found& found, bool was_failing) {
  Finding finding;
  if (found.kernel) {
    finding.values = {{"synchronised", found.kernel->synchronised ? 1 : 0},
                      {"estimated_error_seconds", found.kernel->estimated_error_seconds},
                      {"max_error_seconds", found.kernel->max_error_seconds}};
  }
  Judgement judgement = judge_offset(found, was_failing, finding.values);
  if (synchronised_) judgement = both(std::move(judgement), judge_kernel(found, was_failing));
  if (max_error_.is_watched()) {
    if (!found.kernel) {
      judgement = both(std::move(judgement), {Verdict::unknown, found.kernel.error().message});
    } else {
      double error = 1000 * found.kernel->max_error_seconds;
      judgement = both(std::move(judgement),
                       max_error_.judge({{Quantity::duration, error,
                                          "greatest possible error " + format_milliseconds(error)}},
                                        was_failing));
    }
  }
  finding.verdict = judgement.verdict;
  finding.reason = one_line(judgement.reason);
  return finding;
}

Judgement ClockJudge::judge_offset(const Found& found, bool was_failing,
                                   MeasuredValues& values) {
  double offset = 0;
  std::string words;
  if (found.server) {
    const Result<ClockOffset>& server = *found.server;
    if (!server) return {Verdict::unknown, server.error().message};
    values["offset_seconds"] = server->offset_seconds;
    values["round_trip_seconds"] = server->round_trip_seconds;
    offset = 1000 * std::abs(server->offset_seconds);
    words = fmt::format("clock {} {} the server's", format_milliseconds(offset),
                        server->offset_seconds >= 0 ? "behind" : "ahead of");
  } else if (!found.kernel) {
    return {Verdict::unknown, found.kernel.error().message};
  } else if (!found.kernel->synchronised) {
    // Where that alone is the failure, or the machine has just started, judge_kernel says it.
    if (synchronised_) return {Verdict::ok, "offset not known"};
    return {
        Verdict::unknown,
        "the kernel is told nothing of its clock, so the offset is not known: run an NTP client, "
        "or name a `server` to ask"};
  } else {
    values["offset_seconds"] = found.kernel->offset_seconds;
    offset = 1000 * std::max(std::abs(found.kernel->offset_seconds),
                             found.kernel->estimated_error_seconds);
    words = "clock off by " + format_milliseconds(offset);
  }
  Judgement judgement =
      offset_.judge({{Quantity::duration, offset, words}}, offset_cause_.may_hold(was_failing));
  offset_cause_.judged(judgement.verdict);
  return judgement;
}

Judgement ClockJudge::judge_kernel(const Found& found, bool was_failing) const {
  if (!found.kernel) return {Verdict::unknown, found.kernel.error().message};
  if (found.kernel->synchronised) return {Verdict::ok, "synchronised"};
  if (found.machine_up < time_to_synchronise && !was_failing) {
    auto up = std::chrono::floor<std::chrono::seconds>(found.machine_up);
    return {Verdict::warning,
            fmt::format("not synchronised yet, {} after the machine's start", format_duration(up))};
  }
  return {Verdict::failing,
          "this machine's clock is not synchronised: see whether chronyd, ntpd or "
          "systemd-timesyncd runs and reaches its servers"};
}

}  // namespace yagura
