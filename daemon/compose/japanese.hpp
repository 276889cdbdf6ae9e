// Times, lengths of time, lists and hours as Japanese mails write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "window.hpp"
#include "zone.hpp"

namespace yagura::japanese {

std::string time(Instant at, const Zone& zone);   // "2026年12月28日(月) 16:58"
std::string date(Date date);                      // "2026年12月28日(月)"
std::string clock(Instant at, const Zone& zone);  // "16:58"
// "2日3時間", "1時間30分", "5分", "45秒": the two largest units; under a second "1秒未満".
std::string length(Duration length);
std::string list(const std::vector<std::string>& items);  // "甲、乙、丙"
// "平日10:00〜17:00"; empty for a window that has no part.
std::string hours(const Window& window);
std::string ordinal(int number);                                    // "第1"
std::string aside(std::string_view text, std::string_view remark);  // "語(補足)"

}  // namespace yagura::japanese
