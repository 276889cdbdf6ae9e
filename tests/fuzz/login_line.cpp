// Logs: lines of auth.log through the rules, what was kept of them, and a file read on from any
// place.
#include "security/login_line.hpp"

#include "fuzz.hpp"
#include "security/kept.hpp"
#include "security/log_tail.hpp"
#include "security/login_rules.hpp"

namespace yagura::fuzz {
namespace {

const Instant now = parse_instant("2026-11-27T23:30:00+09:00").value();

LoginRules rules() {
  LoginRules rules;
  rules.failures = 2;
  rules.accounts = {"alice"};
  rules.networks = {AddressBlock::parse("10.0.0.0/8").value(),
                    AddressBlock::parse("2001:db8::/33").value()};
  rules.hours = {DayHours::parse("mon-fri 08:00-20:00").value()};
  return rules;
}

void check(LoginWatch& watch) {
  watch.forget(now, rules());
  const auto words = watch.judge(rules(), Zone());
  require_safe(words.reason, 4000);
  require((words.verdict == Verdict::ok) == (watch.findings() == 0), "what was found is said");
  boost::json::object kept;
  watch.keep(kept);
  const std::string text = boost::json::serialize(kept);
  require(text.size() < 200'000, "what is kept is bounded");
  LoginWatch again = LoginWatch::kept_in(kept, now);
  require(again.findings() == watch.findings(), "what was found is kept");
  again.forget(now + 24h * 7, rules());
  require(again.findings() == 0 && again.failed(now, 24h) == 0, "nothing is kept for ever");
}

void read_lines(std::string_view bytes) {
  LoginWatch watch;
  for (const std::string& line : fields_of(bytes, 50)) {
    const auto logged = parse_logged_line(line);
    if (!logged) continue;
    const Instant at = logged->at      ? *logged->at
                       : logged->local ? instant_of(*logged->local, now)
                                       : now;
    require(logged->message.size() <= line.size(), "a message is a part of the line");
    const auto attempt = parse_attempt(logged->program, logged->message);
    if (!attempt) continue;
    for (const std::string& word : {attempt->account, attempt->becomes, attempt->source})
      require_safe(word, 100);
    require(attempt->times >= 1 && attempt->times <= 100, "a line says 1 to 100 attempts");
    require(attempt->port >= 0 && attempt->port <= 65535, "a port is a port");
    require(!attempt->remote || !attempt->source.empty(), "a connection comes from somewhere");
    watch.take(*attempt, at, now, rules(), Zone());
  }
  check(watch);
}

void read_file(std::string_view bytes) {
  const auto line_break = bytes.find('\n');
  const auto from = TailPosition::parse(bytes.substr(0, line_break));
  const std::string path = file_with(line_break == bytes.npos ? "" : bytes.substr(line_break + 1));
  TailLimits limits{64, 5, 16};
  auto read = read_tail(path, from, limits);
  for (int calls = 0; read; ++calls) {
    require(calls <= 4096, "reading comes to an end");
    require(read->lines.size() <= limits.lines + 1, "a call gives a bounded number of lines");
    for (const std::string& line : read->lines) {
      require(!line.empty() && line.size() <= limits.line, "a line is bounded");
      require(line.find('\n') == line.npos, "a line is one line");
    }
    const auto back = TailPosition::parse(read->position.text());
    require(back && back->text() == read->position.text(), "a position is read as it was written");
    if (read->unread == 0) return;
    const std::int64_t before = read->position.offset;
    read = read_tail(path, back, limits);
    require(!read || read->position.offset > before || read->unread == 0, "each call gets on");
  }
}

void run(std::string_view bytes) {
  switch (take_choice(bytes, 3)) {
    case 0:
      return read_lines(bytes);
    case 1:
      return read_file(bytes);
    default: {
      LogSource source;
      source.file = "/log";
      const auto object = read_kept_log(std::string(bytes), source);
      (void)LogNote::kept_in(object);
      LoginWatch watch = LoginWatch::kept_in(object, now);
      check(watch);
    }
  }
}
const Target target("login_line", run);

}  // namespace
}  // namespace yagura::fuzz
