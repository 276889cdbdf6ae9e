#include "interfaces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "kernel_text.hpp"
#include "text.hpp"

namespace yagura {
namespace {

struct SpeedUnit {
  std::string_view name;
  double bits;
};
constexpr std::array<SpeedUnit, 3> speed_units{{{"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}}};
constexpr double fastest_bits = 1e13;  // Ten times the fastest Ethernet there is.

}  // namespace

Result<std::map<std::string, InterfaceCounters>> parse_net_dev(std::string_view text) {
  std::map<std::string, InterfaceCounters> interfaces;
  take_line(text);  // Two lines of headings.
  if (!take_line(text)) return failure_of("/proc/net/dev has no headings");
  while (auto line = take_line(text)) {
    // The name ends at the colon, which the first number may follow at once.
    std::size_t colon = line->find(':');
    std::string_view before = line->substr(0, colon);
    std::string_view name = take_word(before);
    const auto wrong = [&] {
      return failure_of(fmt::format("/proc/net/dev has a line that makes no sense: \"{}\"",
                                    one_line(line->substr(0, 80))));
    };
    if (colon == std::string_view::npos || name.empty() || !take_word(before).empty())
      return wrong();
    std::string_view rest = line->substr(colon + 1);
    // bytes packets errs drop fifo frame compressed multicast, and as many of what was sent.
    std::array<std::uint64_t, 16> fields{};
    for (std::uint64_t& field : fields) {
      auto number = whole_number(take_word(rest));
      if (!number) return wrong();
      field = *number;
    }
    interfaces[std::string(name)] = {fields[0], fields[2],  fields[3],
                                     fields[8], fields[10], fields[11]};
  }
  return interfaces;
}

double InterfaceRates::saturation_percent(double bits_per_second) const {
  return 100 * 8 * std::max(received_bytes_per_second, sent_bytes_per_second) / bits_per_second;
}

std::optional<InterfaceRates> interface_rates(const InterfaceCounters& before,
                                              const InterfaceCounters& after, double seconds) {
  auto receive_errors = counter_growth(before.receive_errors, after.receive_errors);
  auto send_errors = counter_growth(before.send_errors, after.send_errors);
  auto receive_drops = counter_growth(before.receive_drops, after.receive_drops);
  auto send_drops = counter_growth(before.send_drops, after.send_drops);
  auto received = counter_growth(before.received_bytes, after.received_bytes);
  auto sent = counter_growth(before.sent_bytes, after.sent_bytes);
  if (!receive_errors || !send_errors || !receive_drops || !send_drops || !received || !sent ||
      seconds <= 0) {
    return std::nullopt;
  }
  return InterfaceRates{(*receive_errors + *send_errors) / seconds,
                        (*receive_drops + *send_drops) / seconds, *received / seconds,
                        *sent / seconds};
}

Result<double> parse_speed(std::string_view text) {
  const auto wrong = [&] {
    return failure_of(
        fmt::format("\"{}\" is no speed: write it as 100 Mbit/s or 10 Gbit/s", one_line(text, 60)));
  };
  double value = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || text.front() < '0' || text.front() > '9') return wrong();
  std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  unit.remove_prefix(std::min(unit.size(), unit.find_first_not_of(' ')));
  if (unit.ends_with("/s")) unit.remove_suffix(2);
  for (const SpeedUnit& known : speed_units) {
    double bits = value * known.bits;
    if (unit == known.name && bits >= 1 && bits <= fastest_bits) return bits;
  }
  return wrong();
}

}  // namespace yagura
