// kind: cpu - how busy the processors of this machine were, by /proc/stat.
//
//   failing: ">= 95%"    Level at which the probe fails, on the used time of all processors
//                        together in percent. The default.
//   warning: ">= 85%"    Level that is shown, and opens nothing. The default.
//   clear_at: "< 80%"    Once failing, well again only here. Default: where failing does not hold.
//
// A level is a comparison (>=, >, <=, <) and a value; `none` takes a default away.
// Measured since the probe's previous run. The first run, and one that comes within a second after
// another, measures for one second, or for half of the timeout where that is shorter.
// What a host takes from a virtual machine (steal) counts as used, as it was wanted; waiting for
// input and output (iowait) counts as idle.
// Values: used_percent, iowait_percent, steal_percent.
#include "resource/cpu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include "kinds.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t most_bytes =
    4 * 1024 * 1024;  // A line for each processor and one for all interrupts.
constexpr Duration shortest_span = 1s;

struct Reading {
  CpuTimes times;
  Steady::time_point at;
};

struct Answer {
  Reading before, after;
};

Result<Reading> read_now() {
  auto times = read_whole_file("/proc/stat", most_bytes).and_then(parse_cpu_times);
  if (!times) return tl::unexpected<Error>(times.error());
  return Reading{*times, Steady::now()};
}

class CpuProbe final : public LocalProbe<Answer> {
 public:
  explicit CpuProbe(Threshold threshold)
      : LocalProbe("reading /proc/stat"), threshold_(std::move(threshold)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun& run) override {
    Duration span = std::min(shortest_span, run.timeout / 2);
    return [previous = previous_, span]() -> Result<Answer> {
      auto now = read_now();
      if (!now) return tl::unexpected<Error>(now.error());
      if (previous && now->at - previous->at >= span) return Answer{*previous, *now};
      std::this_thread::sleep_for(span);
      auto later = read_now();
      if (!later) return tl::unexpected<Error>(later.error());
      return Answer{*now, *later};
    };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    previous_ = answer.after;
    auto use = cpu_use(answer.before.times, answer.after.times);
    if (!use) return could_not_look("the processor times in /proc/stat do not advance");
    auto span = std::chrono::round<std::chrono::milliseconds>(answer.after.at - answer.before.at);
    if (span >= 10s) span = std::chrono::round<std::chrono::seconds>(span);
    Judgement judgement =
        threshold_.judge({{Quantity::percent, use->used_percent,
                           fmt::format("used processor time {} over {}",
                                       format_percent(use->used_percent), format_duration(span))}},
                         run.was_failing);
    return {judgement.verdict,
            judgement.reason,
            {{"used_percent", use->used_percent},
             {"iowait_percent", use->iowait_percent},
             {"steal_percent", use->steal_percent}}};
  }

 private:
  Threshold threshold_;
  std::optional<Reading> previous_;
};

}  // namespace

Result<CpuTimes> parse_cpu_times(std::string_view text) {
  const auto wrong = failure_of("/proc/stat does not begin with the times of all processors");
  std::string_view line = text.substr(0, text.find('\n'));
  if (!line.starts_with("cpu ")) return wrong;
  line.remove_prefix(4);
  // user nice system idle iowait irq softirq steal; what follows (guest) is within user and nice
  // already.
  std::array<std::uint64_t, 8> ticks{};
  for (std::uint64_t& field : ticks) {
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), field);
    if (error != std::errc{}) return wrong;
    line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
  }
  auto [user, nice, system, idle, iowait, irq, softirq, steal] = ticks;
  return CpuTimes{user + nice + system + irq + softirq, idle, iowait, steal};
}

std::optional<CpuUse> cpu_use(const CpuTimes& before, const CpuTimes& after) {
  const auto passed = [](std::uint64_t from, std::uint64_t to) {
    return to > from ? static_cast<double>(to - from) : 0.0;
  };
  double busy = passed(before.busy, after.busy);
  double waiting = passed(before.waiting, after.waiting);
  double stolen = passed(before.stolen, after.stolen);
  double all = busy + waiting + stolen + passed(before.idle, after.idle);
  if (all == 0) return std::nullopt;
  return CpuUse{100 * (busy + stolen) / all, 100 * waiting / all, 100 * stolen / all};
}

std::unique_ptr<Probe> make_cpu(Reader& reader) {
  auto threshold = Threshold::read(
      reader, {{Quantity::percent, true, "used processor time", ">= 95%"}}, ">= 95%", ">= 85%");
  if (!threshold) return nullptr;
  return std::make_unique<CpuProbe>(std::move(*threshold));
}

}  // namespace yagura
