// kind: swap - the swap of this machine, by /proc/meminfo and /proc/vmstat.
//
//   failing: ">= 90%"    Level at which the probe fails: on the used swap in percent, or on what is
//                        free, "< 200 MiB". The default.
//   warning: ">= 70%"    Level that is shown, and opens nothing. The default, unless failing is a
//                        size.
//   clear_at: "< 60%"    Once failing, well again only here. Default: where failing does not hold.
//   activity:            The same three keys on the pages that were swapped in or out, in a second,
//     failing: 1000      since the probe's previous run. Default: not watched.
//   required: true       A machine without swap fails. Default: false, it is ok.
//
// A level is a comparison (>=, >, <=, <) and a value; `none` takes a default away.
// Values: used_percent, free_bytes, total_bytes, pages_in_per_second, pages_out_per_second.
// Used swap alone harms nothing; a machine that swaps all the time is slow, which `activity` sees.
// In a container the numbers are those of the whole machine.
#include "resource/swap.hpp"

#include <fmt/format.h>

#include <cmath>

#include "kinds.hpp"
#include "resource/kernel_text.hpp"
#include "resource/local_probe.hpp"
#include "resource/memory.hpp"
#include "resource/part.hpp"
#include "resource/rate.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 64 * 1024;  // Of some 1.5 KiB and 4 KiB today.

struct Answer {
  std::optional<SwapUse> use;
  std::optional<Reading<SwapTraffic>> traffic;  // where activity is watched
};

class SwapProbe final : public LocalProbe<Answer> {
 public:
  struct Keys {
    Threshold use;
    Part activity;
    bool required = false;
  };

  explicit SwapProbe(Keys keys) : LocalProbe("reading /proc/meminfo"), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun&) override {
    return [activity = keys_.activity.is_watched()]() -> Result<Answer> {
      auto use = read_whole_file("/proc/meminfo", most_bytes).and_then(parse_swap);
      if (!use) return tl::unexpected<Error>(use.error());
      Answer answer{*use, {}};
      if (!activity) return answer;
      auto traffic = read_whole_file("/proc/vmstat", most_bytes).and_then(parse_swap_traffic);
      if (!traffic) return tl::unexpected<Error>(traffic.error());
      answer.traffic = {*traffic, std::chrono::steady_clock::now()};
      return answer;
    };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    std::optional<Reading<SwapTraffic>> before;
    if (answer.traffic) before = last_.exchange(*answer.traffic);
    if (!answer.use) {
      return {keys_.required ? Verdict::failing : Verdict::ok, "this machine has no swap", {}};
    }
    const SwapUse& use = *answer.use;
    Finding finding;
    finding.values = {{"used_percent", use.used_percent},
                      {"free_bytes", use.free_bytes},
                      {"total_bytes", use.total_bytes}};
    Judgement judgement = keys_.use.judge(
        {{Quantity::percent, use.used_percent, "used swap " + format_percent(use.used_percent)},
         {Quantity::bytes, use.free_bytes, "free swap " + format_size(use.free_bytes)}},
        use_cause_.may_hold(run.was_failing));
    use_cause_.judged(judgement.verdict);
    if (answer.traffic) {
      judgement =
          both(std::move(judgement), judge_activity(before, *answer.traffic, run, finding.values));
    }
    finding.verdict = judgement.verdict;
    finding.reason = judgement.reason;
    return finding;
  }

 private:
  Judgement judge_activity(const std::optional<Reading<SwapTraffic>>& before,
                           const Reading<SwapTraffic>& now, const ProbeRun& run,
                           MeasuredValues& values) {
    std::optional<double> in, out;
    if (before) {
      in = counter_growth(before->counters.pages_in, now.counters.pages_in);
      out = counter_growth(before->counters.pages_out, now.counters.pages_out);
    }
    if (!in || !out) {
      return keys_.activity.cannot_tell_yet(
          "the pages swapped in a second are known from the next run on", run.was_failing);
    }
    double seconds = seconds_between(*before, now);
    values["pages_in_per_second"] = *in / seconds;
    values["pages_out_per_second"] = *out / seconds;
    double both_ways = (*in + *out) / seconds;
    return keys_.activity.judge({{Quantity::number, both_ways,
                                  fmt::format("swapped {:.0f} pages/s", std::floor(both_ways))}},
                                run.was_failing);
  }

  Keys keys_;
  FailingCause use_cause_;
  LastReading<SwapTraffic> last_;
};

}  // namespace

Result<SwapTraffic> parse_swap_traffic(std::string_view vmstat) {
  std::optional<std::uint64_t> in, out;
  while (auto line = take_line(vmstat)) {
    std::string_view name = take_word(*line);
    if (name == "pswpin") in = whole_number(take_word(*line));
    if (name == "pswpout") out = whole_number(take_word(*line));
  }
  if (!in) return failure_of("/proc/vmstat does not say pswpin: leave `activity` out");
  if (!out) return failure_of("/proc/vmstat does not say pswpout: leave `activity` out");
  return SwapTraffic{*in, *out};
}

std::unique_ptr<Probe> make_swap(Reader& reader) {
  SwapProbe::Keys keys;
  auto use = Threshold::read(reader,
                             {{Quantity::percent, true, "used swap", ">= 90%"},
                              {Quantity::bytes, false, "free swap", "< 200 MiB"}},
                             ">= 90%", ">= 70%");
  bool well = keys.activity.read(reader, "activity",
                                 {{Quantity::number, true, "pages swapped in a second", ">= 1000"}},
                                 "", "");
  auto required = reader.boolean("required");
  if (!use || !well || (reader.has("required") && !required)) return nullptr;
  keys.use = std::move(*use);
  keys.required = required.value_or(false);
  return std::make_unique<SwapProbe>(std::move(keys));
}

}  // namespace yagura
