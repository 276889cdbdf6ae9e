#include "liveness/process_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace yagura {
namespace {

constexpr std::uint64_t most_threads = 4 * 1024 * 1024;  // The kernel's own limit.

std::string_view without_spaces_before(std::string_view text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t")));
  return text;
}

// A number at the front, taken off.
template <class Number>
std::optional<Number> take_number(std::string_view& text) {
  text = without_spaces_before(text);
  Number number{};
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

// What follows `name` on the line that begins with it.
std::optional<std::string_view> after(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(name)) return line.substr(name.size());
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // "12 (name) S 1 ...": a name may hold ") S 1" and line breaks, no later field holds a bracket.
  auto open = text.find('(');
  auto close = text.rfind(')');
  if (open == text.npos || close == text.npos || close < open) return std::nullopt;
  ProcessStat stat;
  stat.comm = std::string(text.substr(open + 1, close - open - 1));
  text = without_spaces_before(text.substr(close + 1));
  if (text.empty()) return std::nullopt;
  stat.state = text.front();
  text.remove_prefix(1);
  auto parent = take_number<int>(text);
  if (!parent) return std::nullopt;
  stat.parent = *parent;
  // Fields 5 to 22 follow the parent (4): the last is the start.
  for (int field = 5; field <= 22; ++field) {
    // Some are negative, some above the signed range.
    text = without_spaces_before(text);
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto number = take_number<std::uint64_t>(text);
    if (!number || (negative && field == 22)) return std::nullopt;
    if (field == 14 || field == 15) stat.used_ticks += *number;
    if (field == 20)
      stat.threads = static_cast<std::int64_t>(std::min<std::uint64_t>(*number, most_threads));
    if (field == 22) stat.started_ticks = *number;
  }
  // Then the size of its memory, and how much of it is resident.
  if (take_number<std::uint64_t>(text))
    stat.resident_pages = take_number<std::uint64_t>(text).value_or(0);
  return stat;
}

std::string command_line_words(std::string_view raw) {
  while (!raw.empty() && raw.back() == '\0')
    raw.remove_suffix(1);
  std::string words(raw);
  std::replace(words.begin(), words.end(), '\0', ' ');
  return words;
}

std::string_view program_name(std::string_view raw) {
  std::string_view first = raw.substr(0, raw.find('\0'));
  auto slash = first.rfind('/');
  return slash == first.npos ? first : first.substr(slash + 1);
}

std::optional<std::uint32_t> parse_effective_user(std::string_view status) {
  // "Uid: real effective saved file-system". The line of the name comes first, but its breaks are
  // escaped.
  auto line = after(status, "Uid:");
  if (!line || !take_number<std::uint32_t>(*line)) return std::nullopt;
  return take_number<std::uint32_t>(*line);
}

std::optional<std::int64_t> parse_boot_time(std::string_view stat) {
  auto line = after(stat, "btime ");
  return line ? take_number<std::int64_t>(*line) : std::nullopt;
}

std::optional<int> parse_pid_file(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  auto pid = take_number<int>(text);
  text = without_spaces_before(text);
  if (text.starts_with('\r')) text.remove_prefix(1);
  if (!pid || *pid < 1 || !text.empty()) return std::nullopt;
  return pid;
}

bool is_recycled(std::int64_t started, std::int64_t written, std::int64_t boot,
                 bool volatile_file) {
  // The start of the machine is known to the second, and moves when the clock is set.
  constexpr std::int64_t margin = 60;
  if (started <= written + margin) return false;
  // Older than the memory it lies in: the clock was set forward since, and says nothing.
  return !(volatile_file && written < boot);
}

}  // namespace yagura
