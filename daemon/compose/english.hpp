// Times, lengths of time, lists and hours as English mails write them. The zone is named, since
// who reads them may be in another.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "window.hpp"
#include "zone.hpp"

namespace yagura::english {

std::string time(Instant at, const Zone& zone);  // "Mon, 28 Dec 2026, 16:58 JST"
std::string date(Date date);                     // "Mon, 28 Dec 2026"
// "2 days 3 hours", "1 hour 30 minutes", "5 minutes", "45 seconds"; under a second "less than a
// second".
std::string length(Duration length);
std::string list(const std::vector<std::string>& items);  // "a, b and c"
// "business days 10:00-17:00"; empty for a window that has no part.
std::string hours(const Window& window);
std::string ordinal(int number);                                    // "1st", "12th", "23rd"
std::string aside(std::string_view text, std::string_view remark);  // "text (remark)"

}  // namespace yagura::english
