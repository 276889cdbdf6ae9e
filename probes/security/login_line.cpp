#include "security/login_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_name = 100;

std::string safe(std::string_view text) {
  return one_line(text, longest_name);
}

bool take(std::string_view& text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return false;
  text.remove_prefix(beginning.size());
  return true;
}

bool drop_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

// Takes a number of at most nine digits off the front.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  const auto digits =
      std::min<std::size_t>(std::min(text.find_first_not_of("0123456789"), text.size()), 9);
  if (digits == 0) return std::nullopt;
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(digits);
  return value;
}

// ---- before the message ----

bool take_clock(std::string_view& text, LoggedLine::Local& local) {
  const auto two = [&](int& into, int most) {
    if (text.size() < 2) return false;
    std::string_view digits = text.substr(0, 2);
    const auto value = take_number(digits);
    if (!value || !digits.empty() || *value > most) return false;
    into = *value;
    text.remove_prefix(2);
    return true;
  };
  return two(local.hour, 23) && take(text, ":") && two(local.minute, 59) && take(text, ":") &&
         two(local.second, 60);
}

std::optional<LoggedLine::Local> take_traditional(std::string_view& text) {
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto month = std::find(months.begin(), months.end(), text.substr(0, 3));
  if (month == months.end()) return std::nullopt;
  LoggedLine::Local local;
  local.month = static_cast<int>(month - months.begin()) + 1;
  text.remove_prefix(3);
  if (!take(text, " ")) return std::nullopt;
  (void)take(text, " ");  // "Nov  7"
  const auto day = take_number(text);
  if (!day || *day < 1 || *day > 31 || !take(text, " ")) return std::nullopt;
  local.day = *day;
  if (!take_clock(text, local) || !take(text, " ")) return std::nullopt;
  return local;
}

// ---- sshd ----

// "ACCOUNT from ADDRESS port PORT", from the end on, as an account may be called anything.
// `between`: what stands between the account and the address.
bool take_connection(std::string_view text, std::string_view between, Attempt& attempt) {
  const auto port = text.rfind(" port ");
  if (port == text.npos) return false;
  std::string_view digits = text.substr(port + 6);
  const auto number = take_number(digits);
  if (!number || !digits.empty() || *number > 65535) return false;
  text = text.substr(0, port);
  const auto from = text.rfind(between);
  if (from == text.npos) return false;
  attempt.source = safe(text.substr(from + between.size()));
  attempt.account = safe(text.substr(0, from));
  attempt.port = *number;
  attempt.remote = true;
  return !attempt.source.empty();
}

std::optional<Attempt> of_sshd(std::string_view message) {
  Attempt attempt;
  attempt.program = "sshd";
  int times = 1;
  // rsyslog and others say once what came several times.
  if (std::string_view rest = message; take(rest, "message repeated ")) {
    const auto number = take_number(rest);
    if (!number || !take(rest, " times: [") || !drop_end(rest, "]")) return std::nullopt;
    (void)take(rest, " ");
    times = std::clamp(*number, 1, 100);
    message = rest;
  }
  attempt.times = times;
  const bool accepted = take(message, "Accepted ");
  if (accepted || take(message, "Failed ")) {
    attempt.end = accepted ? Attempt::End::succeeded : Attempt::End::failed;
    // "password for ", "publickey for ", "keyboard-interactive/pam for "; sshd tries "none" by
    // itself.
    const auto method = message.find(" for ");
    if (method == message.npos || message.substr(0, method).find(' ') != message.npos)
      return std::nullopt;
    if (!accepted && message.starts_with("none ")) return std::nullopt;
    message.remove_prefix(method + 5);
    if (!accepted) (void)take(message, "invalid user ");
    // What follows " ssh2" is the key's name.
    const auto end = accepted ? message.find(" ssh2") : message.rfind(" ssh2");
    if (end == message.npos || !take_connection(message.substr(0, end), " from ", attempt))
      return std::nullopt;
    return attempt;
  }
  (void)drop_end(message, " [preauth]");
  for (const std::string_view begins :
       {"Connection closed by ", "Connection reset by ", "Disconnected from ", "Disconnecting "}) {
    std::string_view rest = message;
    if (!take(rest, begins)) continue;
    if (begins == "Disconnecting ")
      rest = rest.substr(0, rest.rfind(": "));  // "…: Too many authentication failures"
    if (!take(rest, "authenticating user ") && !take(rest, "invalid user ")) return std::nullopt;
    attempt.end = Attempt::End::gave_up;
    if (!take_connection(rest, " ", attempt)) return std::nullopt;
    return attempt;
  }
  return std::nullopt;
}

// ---- sudo, su, login ----

// "alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id". What a user chose, the
// folder and the command, stands last or between; the fields are asked for by the first of their
// name.
std::optional<Attempt> of_sudo(std::string_view message) {
  while (take(message, " ")) {
  }
  const auto colon = message.find(" : ");
  if (colon == message.npos || message.starts_with("pam_unix(")) return std::nullopt;
  Attempt attempt;
  attempt.program = "sudo";
  attempt.account = safe(message.substr(0, colon));
  std::string_view rest = message.substr(colon + 3);
  const auto field = [](std::string_view text, std::string_view name) -> std::string_view {
    const auto at = text.find(name);
    if (at == text.npos) return {};
    const std::string_view value = text.substr(at + name.size());
    return value.substr(0, value.find(" ; "));
  };
  // A folder may have "; USER=" in its name: whoever could be root is taken for root.
  attempt.becomes = rest.find("USER=root ; ") != rest.npos ? "root" : safe(field(rest, " ; USER="));
  if (rest.starts_with("TTY=") || rest.starts_with("PWD=")) {
    attempt.end = Attempt::End::succeeded;
    attempt.source = rest.starts_with("TTY=") ? safe(field(rest, "TTY=")) : "none";
    return attempt.becomes.empty() ? std::nullopt : std::optional(attempt);
  }
  std::string_view why = rest.substr(0, rest.find(" ; "));
  rest.remove_prefix(why.size());
  attempt.source = rest.starts_with(" ; TTY=") ? safe(field(rest, " ; TTY=")) : "none";
  if (auto times = take_number(why); times && take(why, " incorrect password attempt")) {
    attempt.times = std::clamp(*times, 1, 100);
    return attempt;
  }
  if (why == "user NOT in sudoers" || why == "command not allowed" ||
      why == "user NOT authorized on host")
    return attempt;
  return std::nullopt;
}

std::optional<Attempt> of_su(std::string_view message) {
  Attempt attempt;
  attempt.program = "su";
  attempt.end = take(message, "FAILED SU ") ? Attempt::End::failed : Attempt::End::succeeded;
  if (!take(message, "(to ")) return std::nullopt;
  const auto close = message.find(") ");
  if (close == message.npos) return std::nullopt;
  attempt.becomes = safe(message.substr(0, close));
  message.remove_prefix(close + 2);
  const auto on = message.rfind(" on ");
  if (on == message.npos) return std::nullopt;
  attempt.account = safe(message.substr(0, on));
  attempt.source = safe(message.substr(on + 4));
  return attempt;
}

std::optional<Attempt> of_login(std::string_view message) {
  Attempt attempt;
  attempt.program = "login";
  if (take(message, "pam_unix(login:session): session opened for user ")) {
    attempt.end = Attempt::End::succeeded;
    attempt.account = safe(message.substr(0, message.find_first_of("( ")));
    attempt.source = "a terminal";
    return attempt.account.empty() ? std::nullopt : std::optional(attempt);
  }
  // "FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure", "TOO MANY LOGIN TRIES (5)
  // on …"
  if (!take(message, "FAILED LOGIN (")) return std::nullopt;
  const auto account = message.rfind(" FOR '");
  const auto end = message.rfind("', ");
  if (account == message.npos || end == message.npos || end < account + 6) return std::nullopt;
  attempt.account = safe(message.substr(account + 6, end - account - 6));
  std::string_view where = message.substr(0, account);
  const auto on = where.find(" on '");
  attempt.source = on == where.npos ? "a terminal"
                                    : safe(where.substr(on + 5, where.find('\'', on + 5) - on - 5));
  return attempt;
}

}  // namespace

std::optional<LoggedLine> parse_logged_line(std::string_view line) {
  LoggedLine logged;
  std::string_view rest = line;
  if (auto local = take_traditional(rest)) {
    logged.local = local;
  } else {
    rest = line;
    const auto end = rest.find(' ');
    if (end != rest.npos && end >= 20 && end <= 40) {
      if (auto at = parse_instant(rest.substr(0, end))) {
        logged.at = *at;
        rest.remove_prefix(end + 1);
      }
    }
  }
  if (logged.local || logged.at) {
    const auto host = rest.find(' ');
    if (host == rest.npos) return std::nullopt;
    rest.remove_prefix(host + 1);
  }
  const auto program = rest.find_first_of("[: ");
  if (program == rest.npos || program == 0 || rest[program] == ' ') return std::nullopt;
  logged.program = rest.substr(0, program);
  rest.remove_prefix(program);
  if (take(rest, "[") && (!take_number(rest) || !take(rest, "]"))) return std::nullopt;
  if (!take(rest, ":")) return std::nullopt;
  (void)take(rest, " ");
  logged.message = rest;
  return logged;
}

std::optional<Attempt> parse_attempt(std::string_view program, std::string_view message) {
  std::optional<Attempt> attempt;
  if (program == "sshd" || program == "sshd-session") attempt = of_sshd(message);
  if (program == "sudo") attempt = of_sudo(message);
  if (program == "su") attempt = of_su(message);
  if (program == "login") attempt = of_login(message);
  return attempt;
}

Instant instant_of(const LoggedLine::Local& local, Instant now) {
  const std::time_t today = std::chrono::system_clock::to_time_t(now);
  std::tm here{};
  if (::localtime_r(&today, &here) == nullptr) return now;
  Instant nearest = now;
  Duration distance = Duration::max();
  for (int year = here.tm_year - 1; year <= here.tm_year + 1; ++year) {
    std::tm time{};
    time.tm_year = year;
    time.tm_mon = local.month - 1;
    time.tm_mday = local.day;
    time.tm_hour = local.hour;
    time.tm_min = local.minute;
    time.tm_sec = local.second;
    time.tm_isdst = -1;
    const std::time_t seconds = ::mktime(&time);
    if (seconds == -1) continue;
    const Instant at{std::chrono::seconds(seconds)};
    const Duration off = at > now ? at - now : now - at;
    if (off < distance) {
      distance = off;
      nearest = at;
    }
  }
  return nearest;
}

}  // namespace yagura
