// What was given to a command, read: the same for all commands, so that the table of commands
// (options.hpp) is plain data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "result.hpp"

namespace yagura::cli {

struct Arguments {
  std::string command;  // "notice show"
  // Common to all commands:
  std::string socket;
  std::string config;
  bool json = false;
  // By name without dashes: "N", "message", "all". A flag that was given has one value.
  std::map<std::string, std::vector<std::string>, std::less<>> values;
  std::vector<std::string> after_dashes;  // what stands after `--`

  bool has(std::string_view name) const { return values.find(name) != values.end(); }
  std::string text(std::string_view name) const;  // empty where not given
  std::vector<std::string> texts(std::string_view name) const;
  // A whole number from 1, as of failures and notices; `#12` is understood, too.
  Result<std::int64_t> number(std::string_view name) const;
  Result<Instant> instant(std::string_view name) const;
  Result<Date> date(std::string_view name) const;
};

}  // namespace yagura::cli
