// kind: pressure - how long tasks of this machine waited for a resource, by /proc/pressure (PSI).
//
//   resource: memory     What they waited for: cpu, memory or io. Required.
//   share: some          The part of the time in which at least one task waited; full: in which all
//                        of them did and nothing got done. Default: some. Of the cpu there is only
//                        some: while one task waits for it, another has it.
//   average: 1m          Over which time: 10s, 1m or 5m. Default: 1m.
//   failing: ">= 60%"    Level at which the probe fails. One of this and the next is required, as
//                        what is much depends on the machine's work.
//   warning: ">= 30%"    Level that is shown, and opens nothing.
//   clear_at: "< 20%"    Once failing, well again only here. Default: where failing does not hold.
//
// A level is a comparison (>=, >, <=, <) and a percentage.
// Values: pressure_percent (what is judged), some_10s_percent, some_1m_percent, some_5m_percent,
// and the same three of full. A kernel that does not measure it (before Linux 4.20, built without
// PSI, or started with psi=0) is unknown. In a container the numbers are those of the whole
// machine.
#include "resource/pressure.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "kinds.hpp"
#include "resource/kernel_text.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 4096;  // Of two lines.

enum class Over { ten_seconds, one_minute, five_minutes };

double average_of(const Stalls& stalls, Over over) {
  switch (over) {
    case Over::ten_seconds:
      return stalls.over_10s;
    case Over::one_minute:
      return stalls.over_1m;
    case Over::five_minutes:
      return stalls.over_5m;
  }
  return 0;
}
std::string_view words_of(Over over) {
  switch (over) {
    case Over::ten_seconds:
      return "10s";
    case Over::one_minute:
      return "1m";
    case Over::five_minutes:
      return "5m";
  }
  return "";
}

Result<Pressure> read_pressure(const std::string& path) {
  FileStart start = read_file_start(path, most_bytes);
  // Not there where the kernel is built without it; not supported where it was started without it.
  if (start.error == ENOENT || start.error == EOPNOTSUPP) {
    return failure_of(fmt::format(
        "this kernel does not measure pressure ({}: {}): start it with psi=1, from Linux 4.20 on",
        path, std::generic_category().message(start.error)));
  }
  if (start.error != 0) {
    return failure_of(
        fmt::format("{} cannot be read: {}", path, std::generic_category().message(start.error)));
  }
  auto pressure = parse_pressure(start.text);
  if (!pressure) return failure_of(fmt::format("{} {}", path, pressure.error().message));
  return pressure;
}

class PressureProbe final : public LocalProbe<Pressure> {
 public:
  struct Keys {
    Threshold threshold;
    std::string resource;
    bool full = false;
    Over over = Over::one_minute;
  };

  explicit PressureProbe(Keys keys)
      : LocalProbe("reading /proc/pressure/" + keys.resource), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Pressure>()> question(const ProbeRun&) override {
    return [path = "/proc/pressure/" + keys_.resource] { return read_pressure(path); };
  }

  Finding judge(const Pressure& pressure, const ProbeRun& run) override {
    if (keys_.full && !pressure.full) {
      return could_not_look(fmt::format(
          "this kernel does not say when all waited for {}: write `share: some`", keys_.resource));
    }
    double judged = average_of(keys_.full ? *pressure.full : pressure.some, keys_.over);
    Judgement judgement = keys_.threshold.judge(
        {{Quantity::percent, judged,
          fmt::format("{} waited for {} {} of the time over {}", keys_.full ? "all tasks" : "tasks",
                      keys_.resource, format_percent(judged), words_of(keys_.over))}},
        run.was_failing);
    Finding finding{judgement.verdict, judgement.reason, {{"pressure_percent", judged}}};
    const auto add = [&](const std::string& share, const Stalls& stalls) {
      for (Over over : {Over::ten_seconds, Over::one_minute, Over::five_minutes}) {
        finding.values[fmt::format("{}_{}_percent", share, words_of(over))] =
            average_of(stalls, over);
      }
    };
    add("some", pressure.some);
    if (pressure.full) add("full", *pressure.full);
    return finding;
  }

 private:
  Keys keys_;
};

std::optional<Stalls> stalls_of(std::string_view line) {
  Stalls stalls;
  for (auto [name, value] : {std::pair<std::string_view, double*>{"avg10=", &stalls.over_10s},
                             {"avg60=", &stalls.over_1m},
                             {"avg300=", &stalls.over_5m}}) {
    std::string_view word = take_word(line);
    if (!word.starts_with(name)) return std::nullopt;
    word.remove_prefix(name.size());
    const char* end = word.data() + word.size();
    auto [rest, error] = std::from_chars(word.data(), end, *value, std::chars_format::fixed);
    // Averages may be a little over the whole by rounding; from_chars also takes "inf" and "nan".
    if (error != std::errc{} || rest != end || !(*value >= 0 && *value <= 101)) return std::nullopt;
  }
  return stalls;
}

// One of a few words. Nothing where a problem was reported.
template <std::size_t count>
std::optional<std::size_t> one_of(Reader& reader, std::string_view key,
                                  const std::array<std::string_view, count>& words,
                                  std::size_t otherwise) {
  if (!reader.has(key)) return otherwise;
  auto text = reader.text(key);
  if (!text) return std::nullopt;
  for (std::size_t at = 0; at < count; ++at) {
    if (words[at] == *text) return at;
  }
  std::string all;
  for (std::size_t at = 0; at < count; ++at)
    all += fmt::format("{}{}", at == 0 ? "" : at + 1 == count ? " or " : ", ", words[at]);
  reader.problem(*reader.find(key), fmt::format("`{}` must be {}", key, all));
  return std::nullopt;
}

}  // namespace

Result<Pressure> parse_pressure(std::string_view text) {
  std::optional<Stalls> some, full;
  while (auto line = take_line(text)) {
    std::string_view share = take_word(*line);
    auto& stalls = share == "full" ? full : some;
    if (share != "some" && share != "full") continue;
    stalls = stalls_of(*line);
    if (!stalls) return failure_of(fmt::format("does not say the averages of `{}`", share));
  }
  if (!some) return failure_of("does not say the averages of `some`");
  return Pressure{*some, full};
}

std::unique_ptr<Probe> make_pressure(Reader& reader) {
  static constexpr std::array<std::string_view, 3> resources{"cpu", "memory", "io"};
  static constexpr std::array<std::string_view, 2> shares{"some", "full"};
  static constexpr std::array<std::string_view, 3> averages{"10s", "1m", "5m"};
  bool well = reader.required("resource") != nullptr;
  auto resource = one_of(reader, "resource", resources, 0);
  auto share = one_of(reader, "share", shares, 0);
  auto average = one_of(reader, "average", averages, 1);
  if (share == 1 && resource == 0 && reader.has("resource")) {
    reader.problem(*reader.find("share"),
                   "`share`: not all tasks can wait for the cpu, as one has it: write some");
    well = false;
  }
  auto threshold =
      Threshold::read(reader, {{Quantity::percent, true, "time spent waiting", ">= 60%"}}, "", "");
  if (!well || !resource || !share || !average || !threshold) return nullptr;
  PressureProbe::Keys keys;
  keys.threshold = std::move(*threshold);
  keys.resource = resources[*resource];
  keys.full = *share == 1;
  keys.over = static_cast<Over>(*average);
  return std::make_unique<PressureProbe>(std::move(keys));
}

}  // namespace yagura
