// kind: load - the load averages of this machine, by /proc/loadavg.
//
//   average: 5           Which average is judged: that over 1, 5 or 15 minutes. Default: 5.
//   per_cpu: true        What is judged is the average divided by the number of processors in use;
//                        false: the average itself. Default: true.
//   failing: ">= 4"      Level at which the probe fails; a number alone, 4, means the same. The
//                        default; with `per_cpu: false` there is none, and one must be written.
//   warning: ">= 2"      Level that is shown, and opens nothing. Default: likewise.
//   clear_at: "< 3"      Once failing, well again only here. Default: where failing does not hold.
//
// A level is a comparison (>=, >, <=, <) and a number; `none` takes a default away.
// Values: load1, load5, load15, cpus, load_per_cpu (of the average judged).
#include "resource/load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "kinds.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 4096;  // Of one line.

struct Answer {
  LoadAverages load;
  long cpus = 1;
};

class LoadProbe final : public LocalProbe<Answer> {
 public:
  LoadProbe(Threshold threshold, std::int64_t minutes, bool per_cpu)
      : LocalProbe("reading /proc/loadavg"),
        threshold_(std::move(threshold)),
        minutes_(minutes),
        per_cpu_(per_cpu) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun&) override {
    return []() -> Result<Answer> {
      auto load = read_whole_file("/proc/loadavg", most_bytes).and_then(parse_loadavg);
      if (!load) return tl::unexpected<Error>(load.error());
      return Answer{*load, std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))};
    };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    const LoadAverages& load = answer.load;
    double average = minutes_ == 1 ? load.over_1m : minutes_ == 5 ? load.over_5m : load.over_15m;
    double per_cpu = average / static_cast<double>(answer.cpus);
    double judged = per_cpu_ ? per_cpu : average;
    // Rounded down, as a value short of a level is not to read as having reached it.
    Judgement judgement = threshold_.judge(
        {{Quantity::number, judged,
          fmt::format("load {:.2f}{} over {}m", std::floor(judged * 100 + 1e-6) / 100,
                      per_cpu_ ? " per CPU" : "", minutes_)}},
        run.was_failing);
    return {judgement.verdict,
            judgement.reason,
            {{"load1", load.over_1m},
             {"load5", load.over_5m},
             {"load15", load.over_15m},
             {"cpus", static_cast<double>(answer.cpus)},
             {"load_per_cpu", per_cpu}}};
  }

 private:
  Threshold threshold_;
  std::int64_t minutes_;
  bool per_cpu_;
};

}  // namespace

Result<LoadAverages> parse_loadavg(std::string_view text) {
  std::array<double, 3> averages{};
  for (double& average : averages) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
    auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), average, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(average) || average < 0) {
      return failure_of("/proc/loadavg does not begin with three averages");
    }
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  }
  return LoadAverages{averages[0], averages[1], averages[2]};
}

std::unique_ptr<Probe> make_load(Reader& reader) {
  auto minutes = reader.integer("average", 1, 15);
  bool well = minutes || !reader.has("average");
  if (minutes && *minutes != 1 && *minutes != 5 && *minutes != 15) {
    reader.problem(*reader.find("average"), "`average` must be 1, 5 or 15 (minutes)");
    well = false;
  }
  auto per_cpu = reader.boolean("per_cpu");
  well = well && (per_cpu || !reader.has("per_cpu"));
  bool by_default = per_cpu.value_or(true);
  auto threshold = Threshold::read(reader,
                                   {{Quantity::number, true, by_default ? "load per CPU" : "load",
                                     by_default ? ">= 4" : ">= 16"}},
                                   by_default ? ">= 4" : "", by_default ? ">= 2" : "");
  if (!well || !threshold) return nullptr;
  return std::make_unique<LoadProbe>(std::move(*threshold), minutes.value_or(5), by_default);
}

}  // namespace yagura
