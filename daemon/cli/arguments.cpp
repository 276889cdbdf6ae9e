#include "arguments.hpp"

#include <fmt/format.h>

#include <charconv>

#include "text.hpp"

namespace yagura::cli {
namespace {

// A name of one capital letter or word is what stands in the usage line; the others are options.
std::string shown(std::string_view name) {
  const bool positional = !name.empty() && name.front() >= 'A' && name.front() <= 'Z';
  return (positional ? "" : name.size() == 1 ? "-" : "--") + std::string(name);
}

}  // namespace

std::string Arguments::text(std::string_view name) const {
  auto found = values.find(name);
  return found == values.end() || found->second.empty() ? std::string() : found->second.front();
}

std::vector<std::string> Arguments::texts(std::string_view name) const {
  auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

Result<std::int64_t> Arguments::number(std::string_view name) const {
  const std::string given = text(name);
  std::string_view digits = given;
  if (digits.starts_with('#')) digits.remove_prefix(1);
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || value < 1) {
    return failure_of(
        fmt::format("{} has to be a number from 1, not \"{}\"", shown(name), one_line(given, 100)));
  }
  return value;
}

Result<Instant> Arguments::instant(std::string_view name) const {
  std::string given = text(name);
  // As people write it: 2026-12-28T16:58+09:00.
  constexpr std::size_t to_the_minute = std::string_view("2026-12-28T16:58").size();
  if (given.size() > to_the_minute && given[10] == 'T' && given[13] == ':' && given[to_the_minute] != ':') {
    given.insert(to_the_minute, ":00");
  }
  auto at = parse_instant(given);
  if (!at) return failure_of(fmt::format("{}: {}", shown(name), at.error().message));
  return at;
}

Result<Date> Arguments::date(std::string_view name) const {
  auto date = parse_date(text(name));
  if (!date) return failure_of(fmt::format("{}: {}", shown(name), date.error().message));
  return date;
}

}  // namespace yagura::cli
