// A line of auth.log, or of the journal, as an attempt to log in: who, from where, by which
// program, and whether it went well. Of sshd, sudo, su and login as Debian 12 has them; everything
// else is no attempt. What a stranger chose (an account's name, spaces and "from" included) is
// never taken for what the program says. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "instant.hpp"

namespace yagura {

struct Attempt {
  enum class End {
    failed,
    succeeded,
    gave_up,  // sshd: the connection ended before a login. Counts as failed where no failure of it
              // was said before
  };
  End end = End::failed;
  std::string_view program;  // sshd, sudo, su, login
  std::string account;  // safe, at most 100 bytes: who logs in; of su and sudo, who becomes another
  std::string becomes;  // of su and sudo: whom
  std::string
      source;  // safe, at most 100 bytes: an address, "tty1"; of su and sudo where it was done
  bool remote = false;  // `source` is where the connection comes from
  int port = 0;         // of the source, with `remote`
  int times = 1;        // 1 to 100
};

// What stands before the message: "Nov 27 23:04:12 host sshd[123]: ",
// "2026-11-27T23:04:12.123456+09:00 host sshd[123]: ", or of the journal "sshd[123]: ".
struct LoggedLine {
  std::optional<Instant> at;  // where it is written in full
  struct Local {              // where the year and the zone are not said
    int month = 0, day = 0, hour = 0, minute = 0, second = 0;
  };
  std::optional<Local> local;
  std::string_view program;
  std::string_view message;
};
std::optional<LoggedLine> parse_logged_line(std::string_view line);

std::optional<Attempt> parse_attempt(std::string_view program, std::string_view message);

// The instant of a time without a year and a zone: in the machine's own zone, as syslog writes it,
// in the year in which it is nearest to `now`.
Instant instant_of(const LoggedLine::Local& local, Instant now);

}  // namespace yagura
