// What a probe of a log keeps from run to run, and over a restart of the daemon (ProbeRun::kept): a
// JSON object with the source, the place reached in it, and what the kind itself keeps. Small
// readers that take whatever they are given.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "instant.hpp"
#include "security/log_source.hpp"

namespace yagura {

// Nothing of the right type is nothing.
std::string kept_text(const boost::json::object& object, std::string_view name);
std::int64_t kept_number(const boost::json::object& object, std::string_view name);
const boost::json::array& kept_list(const boost::json::object& object, std::string_view name);

// The object of a text; empty where it is none, or of another source.
boost::json::object read_kept_log(const std::string& text, const LogSource& source);
boost::json::object begin_kept_log(const LogSource& source, const std::string& position);

// A note is said for a while, not in the one run only in which something was lost.
struct LogNote {
  std::string text;
  Instant at{};
  void take(const LogReading& reading, Instant now);
  std::string words(Instant now, Duration shown_for) const;  // with "; " before it, or nothing
  void keep(boost::json::object& into) const;
  static LogNote kept_in(const boost::json::object& object);
};

// What of the source is still to be read, with "; " before it, or nothing.
std::string unread_words(const LogSource& source, const LogReading& reading);

Instant wall_now();

}  // namespace yagura
