// kind: memory - the memory of this machine, by /proc/meminfo.
//
//   failing: ">= 95%"    Level at which the probe fails: on the used memory in percent,
//                        1 - MemAvailable / MemTotal, so that caches that can be given back do not
//                        count; or on what is available, "< 500 MiB". The default.
//   warning: ">= 90%"    Level that is shown, and opens nothing. The default, unless failing is a
//                        size.
//   clear_at: "< 85%"    Once failing, well again only here. Default: where failing does not hold.
//   swap:                The same three keys on the used swap in percent, without defaults.
//   Default:
//     failing: ">= 80%"  not watched. A machine without swap is unknown where this is written.
//
// A level is a comparison (>=, >, <=, <) and a value; `none` takes a default away.
// Values: used_percent, available_bytes, total_bytes, swap_used_percent.
// In a container the numbers are those of the whole machine.
#include "resource/memory.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "kinds.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 64 * 1024;  // Of some 1.5 KiB today.

// "MemTotal:       24684084 kB", in bytes.
std::optional<double> bytes_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    std::uint64_t kibibytes = 0;
    auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), kibibytes);
    if (error != std::errc{} || std::string_view(rest, line.data() + line.size()) != " kB") {
      return std::nullopt;
    }
    return static_cast<double>(kibibytes) * 1024;
  }
  return std::nullopt;
}

tl::unexpected<Error> missing(std::string_view name) {
  return failure_of(fmt::format("/proc/meminfo does not say {}", name));
}

// The kernel estimates what is available, and the lines are not of one instant.
double used_percent(double all, double left) {
  return 100 * std::max(0.0, all - left) / all;
}

class MemoryProbe final : public LocalProbe<MemoryUse> {
 public:
  MemoryProbe(Threshold memory, std::optional<Threshold> swap)
      : LocalProbe("reading /proc/meminfo"), memory_(std::move(memory)), swap_(std::move(swap)) {}

 protected:
  std::function<Result<MemoryUse>()> question(const ProbeRun&) override {
    return [] { return read_whole_file("/proc/meminfo", most_bytes).and_then(parse_meminfo); };
  }

  Finding judge(const MemoryUse& use, const ProbeRun& run) override {
    Finding finding;
    finding.values = {{"used_percent", use.used_percent},
                      {"available_bytes", use.available_bytes},
                      {"total_bytes", use.total_bytes}};
    Judgement judgement = memory_.judge(
        {{Quantity::percent, use.used_percent, "used memory " + format_percent(use.used_percent)},
         {Quantity::bytes, use.available_bytes, "available " + format_size(use.available_bytes)}},
        memory_cause_.may_hold(run.was_failing));
    memory_cause_.judged(judgement.verdict);
    if (use.swap_used_percent) finding.values["swap_used_percent"] = *use.swap_used_percent;
    if (swap_ && use.swap_used_percent) {
      double percent = *use.swap_used_percent;
      Judgement swap =
          swap_->judge({{Quantity::percent, percent, "used swap " + format_percent(percent)}},
                       swap_cause_.may_hold(run.was_failing));
      swap_cause_.judged(swap.verdict);
      judgement = both(std::move(judgement), std::move(swap));
    } else if (swap_) {
      judgement = both(std::move(judgement), {Verdict::unknown, "there is no swap to measure"});
    }
    finding.verdict = judgement.verdict;
    finding.reason = judgement.reason;
    return finding;
  }

 private:
  Threshold memory_;
  std::optional<Threshold> swap_;
  FailingCause memory_cause_, swap_cause_;
};

}  // namespace

Result<MemoryUse> parse_meminfo(std::string_view text) {
  auto total = bytes_of(text, "MemTotal");
  auto available = bytes_of(text, "MemAvailable");
  if (!total || *total == 0) return missing("MemTotal");
  if (!available) return missing("MemAvailable");
  auto swap = parse_swap(text);
  if (!swap) return tl::unexpected<Error>(swap.error());
  MemoryUse use;
  use.used_percent = used_percent(*total, *available);
  use.available_bytes = *available;
  use.total_bytes = *total;
  if (*swap) use.swap_used_percent = (*swap)->used_percent;
  return use;
}

Result<std::optional<SwapUse>> parse_swap(std::string_view text) {
  auto total = bytes_of(text, "SwapTotal");
  auto left = bytes_of(text, "SwapFree");
  if (!total) return missing("SwapTotal");
  if (!left) return missing("SwapFree");
  if (*total == 0) return std::optional<SwapUse>{};
  return SwapUse{used_percent(*total, *left), *left, *total};
}

std::unique_ptr<Probe> make_memory(Reader& reader) {
  auto memory = Threshold::read(reader,
                                {{Quantity::percent, true, "used memory", ">= 95%"},
                                 {Quantity::bytes, false, "available memory", "< 500 MiB"}},
                                ">= 95%", ">= 90%");
  std::optional<Threshold> swap;
  bool well = true;
  if (const Node* node = reader.find("swap"); node != nullptr && node->scalar != "none") {
    Reader levels(*node, reader.problems(), "`swap`");
    if (node->is_map()) {
      swap = Threshold::read(levels, {{Quantity::percent, true, "used swap", ">= 80%"}}, "", "");
      levels.finish();
    }
    well = swap.has_value();
  }
  if (!memory || !well) return nullptr;
  return std::make_unique<MemoryProbe>(std::move(*memory), std::move(swap));
}

}  // namespace yagura
