// The Cabinet Office's list of holidays.
#include "calendar.hpp"
#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  auto holidays = parse_holidays_csv(bytes);
  if (!holidays) return require_safe(holidays.error().message, 1000);
  require(!holidays->empty(), "a list that is taken has days");
  for (const auto& [date, name] : *holidays) {
    require_safe(name, 100);
    require(!name.empty(), "a holiday has a name");
    require(year_of(date) >= 1948 && year_of(date) <= 2099, "a holiday lies from 1948 to 2099");
  }
}
const Target target("holidays_csv", run);

}  // namespace
}  // namespace yagura::fuzz
