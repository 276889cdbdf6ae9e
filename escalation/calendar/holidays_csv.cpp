#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "calendar.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 1 << 20;
constexpr std::size_t most_name_bytes = 100;
constexpr int first_law_year = 1948;
constexpr int least_days_of_a_year = 10;
constexpr std::string_view header = "国民の祝日・休日月日,国民の祝日・休日名称";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

tl::unexpected<Error> wrong_line(long line, const std::string& what) {
  return failure_of(fmt::format("line {}: {}", line, what));
}

struct Converter {
  iconv_t handle = iconv_open("UTF-8", "CP932");
  Converter() = default;
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (is_open()) iconv_close(handle);
  }
  bool is_open() const { return handle != reinterpret_cast<iconv_t>(-1); }
};

Result<std::string> from_cp932(std::string_view bytes) {
  Converter converter;
  if (!converter.is_open()) {
    return failure_of(
        "this machine cannot read CP932: install the C library's gconv modules, or save the list "
        "as UTF-8");
  }
  // A byte of CP932 becomes three of UTF-8 at most.
  std::string text(bytes.size() * 3, '\0');
  std::string input(bytes);  // iconv wants a pointer that it could write through
  char* from = input.data();
  std::size_t from_left = input.size();
  char* to = text.data();
  std::size_t to_left = text.size();
  if (iconv(converter.handle, &from, &from_left, &to, &to_left) == static_cast<std::size_t>(-1)) {
    return wrong_line(1 + std::count(input.data(), from, '\n'),
                      "neither CP932 nor UTF-8: fetch the Cabinet Office's list again");
  }
  text.resize(text.size() - to_left);
  return text;
}

Result<std::string> as_utf8(std::string_view bytes) {
  if (bytes.size() > most_bytes) {
    return failure_of(fmt::format(
        "the list is longer than {} bytes: it cannot be the Cabinet Office's", most_bytes));
  }
  const bool marked = bytes.substr(0, byte_order_mark.size()) == byte_order_mark;
  if (marked) bytes.remove_prefix(byte_order_mark.size());
  if (is_utf8(bytes)) return std::string(bytes);
  if (marked)
    return failure_of("the list begins as UTF-8 and is not UTF-8 throughout: fetch it again");
  return from_cp932(bytes);
}

// One to `most` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t most) {
  int number = 0;
  const std::size_t length = std::min(text.size(), most);
  auto [end, error] = std::from_chars(text.data(), text.data() + length, number);
  if (error != std::errc{} || number < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take_slash(std::string_view& text) {
  if (text.empty() || text.front() != '/') return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Date> read_date(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take_slash(text)) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take_slash(text)) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *year < first_law_year || *year > last_holiday_year) return std::nullopt;
  return Date{date};
}

Result<std::pair<Date, std::string>> read_row(std::string_view row, long line) {
  const std::size_t comma = row.find(',');
  if (comma == std::string_view::npos) {
    return wrong_line(
        line, fmt::format("\"{}\" is not a row: expected YYYY/M/D,name", one_line(row, 60)));
  }
  const auto date = read_date(row.substr(0, comma));
  if (!date) {
    return wrong_line(
        line, fmt::format("\"{}\" is not a date: expected YYYY/M/D of {} to {}",
                          one_line(row.substr(0, comma), 60), first_law_year, last_holiday_year));
  }
  const std::string_view name = row.substr(comma + 1);
  if (name.empty()) return wrong_line(line, "the name of the holiday is missing");
  if (name.find_first_of(",\"") != std::string_view::npos) {
    return wrong_line(line, fmt::format("\"{}\" is not a name: expected two columns without quotes",
                                        one_line(name, 60)));
  }
  if (one_line(name, most_name_bytes) != name) {
    return wrong_line(line,
                      fmt::format("the name is longer than {} bytes or holds control characters",
                                  most_name_bytes));
  }
  return std::pair{*date, std::string(name)};
}

// A list that lost days on its way must not pass for a year with few holidays.
Result<void> check_years(const Holidays& holidays) {
  const int last = year_of(holidays.rbegin()->first);
  if (last < first_holiday_year) {
    return failure_of(fmt::format("the list ends with the year {}: fetch a newer one", last));
  }
  for (int year = std::max(first_holiday_year, year_of(holidays.begin()->first)); year <= last;
       ++year) {
    const auto days = std::distance(holidays.lower_bound(date_of(year, 1, 1)),
                                    holidays.upper_bound(date_of(year, 12, 31)));
    if (days < least_days_of_a_year) {
      const auto line =
          1 + std::distance(holidays.begin(), holidays.upper_bound(date_of(year, 12, 31)));
      return wrong_line(
          line, fmt::format(
                    "the year {} ends here with {} days, and has at least {}: fetch the list again",
                    year, days, least_days_of_a_year));
    }
  }
  return {};
}

}  // namespace

Result<Holidays> parse_holidays_csv(std::string_view bytes) {
  const auto text = as_utf8(bytes);
  if (!text) return tl::unexpected(text.error());
  Holidays holidays;
  std::string_view rest = *text;
  for (long line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    if (line == 1) {
      if (row == header) continue;
      return wrong_line(
          1, fmt::format(
                 "the header is \"{}\" and should be \"{}\": is this the Cabinet Office's list?",
                 one_line(row, 100), header));
    }
    auto entry = read_row(row, line);
    if (!entry) return tl::unexpected(entry.error());
    if (!holidays.empty() && entry->first <= holidays.rbegin()->first) {
      return wrong_line(
          line, fmt::format("{} does not come after {}: the days must ascend",
                            format_date(entry->first), format_date(holidays.rbegin()->first)));
    }
    holidays.emplace_hint(holidays.end(), std::move(*entry));
  }
  if (holidays.empty())
    return failure_of("the list is empty: fetch the Cabinet Office's list again");
  if (auto checked = check_years(holidays); !checked) return tl::unexpected(checked.error());
  return holidays;
}

}  // namespace yagura
