#include "timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text.hpp"
#include "wrap_lines.hpp"

namespace yagura {
namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t label_width = 7;
constexpr std::size_t text_column = 2 + 8 + 2 + label_width;

std::string detail(const RehearsalLine& line, const std::string& name) {
  auto found = line.details.find(name);
  return found == line.details.end() ? "" : found->second;
}

std::string weekday_of(Date date) {
  static constexpr std::array<std::string_view, 7> names{"Sun", "Mon", "Tue", "Wed",
                                                         "Thu", "Fri", "Sat"};
  return std::string(names[std::chrono::weekday{date}.c_encoding()]);
}

std::string clock_of(Instant at, const Zone& zone) {
  const LocalTime local = zone.to_local(at);
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(
      local - std::chrono::floor<std::chrono::days>(local))};
  return fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

// "10:00", or "Mon 2027-01-04 10:00" on another day than `now`.
std::string time_of(Instant at, Instant now, const Zone& zone) {
  std::string clock = clock_of(at, zone);
  if (clock.ends_with(":00")) clock.resize(5);
  const Date date = zone.date_of(at);
  if (date == zone.date_of(now)) return clock;
  return fmt::format("{} {} {}", weekday_of(date), format_date(date), clock);
}

// The same of a detail that is a time.
std::string time_detail(const RehearsalLine& line, const std::string& name, const Zone& zone) {
  const std::string text = detail(line, name);
  auto at = parse_instant(text);
  return at ? time_of(*at, line.at, zone) : text;
}

std::string names_of(const std::vector<Recipient>& to) {
  std::string names;
  for (const Recipient& one : to) {
    names += (names.empty() ? "" : ", ") + (one.name.empty() ? one.mail : one.is_command() ? one.name + " by command" : one.name);
  }
  return names;
}

// "system-lead (佐藤 彩)", "bank 青空銀行 (山田 太郎)".
std::string audience_of(const RehearsalLine& line, const Platform& platform) {
  std::string name = line.audience;
  if (name.starts_with("bank:")) {
    auto bank = platform.banks.find(name.substr(5));
    name = "bank " + (bank == platform.banks.end() ? name.substr(5) : bank->second.name);
  }
  return fmt::format("{} ({})", name, names_of(line.to));
}

std::string by(const RehearsalLine& line, const Platform& platform) {
  if (line.who.empty() || line.who == "daemon") return "";
  auto person = platform.people.find(line.who);
  return " by " + (person == platform.people.end() ? line.who : person->second.name);
}

std::string with(std::string text, const std::string& separator, const std::string& more) {
  if (!more.empty()) text += separator + more;
  return text;
}

// What the rest of the details says, where a fact has no words of its own here.
std::string all_details(const RehearsalLine& line) {
  std::string text;
  for (const auto& [name, value] : line.details) {
    if (value.empty() || name == "notice" || name == "audience" || name == "kind") continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

// Words for the facts of a failure; empty: nothing to show.
std::string words_of_failure(const RehearsalLine& line, const Platform& platform) {
  const std::string& what = line.what;
  const auto get = [&line](const std::string& name) { return detail(line, name); };
  if (what == "failure.opened")
    return fmt::format("OPENED: {} (owner {}){}", get("title"), get("owner"),
                       get("outside").empty() ? "" : ", outside the platform") + by(line, platform);
  if (what == "failure.classified") {
    std::string word = get("class");
    if (word == "undetermined") word = "class not decided yet";
    if (word == "major") word = "MAJOR FAILURE";
    return with(word, ": ", get("reason")) + by(line, platform);
  }
  if (what == "failure.component") return with(get("component") + " joins", ": ", get("why"));
  if (what == "failure.cause")
    return fmt::format("cause is now {}{} (owner {})", get("cause"),
                       get("outside").empty() ? "" : ", outside the platform", get("owner"));
  if (what == "failure.joined")
    return with(fmt::format("ends by joining #{}", get("into")), ": ", get("why"));
  if (what == "failure.acknowledged")
    return with("acknowledged" + by(line, platform), ": ", get("text"));
  if (what == "failure.progress")
    return with("progress report" + by(line, platform), ": ", get("text"));
  if (what == "failure.repaired")
    return with("repair done" + by(line, platform), ": ", get("text"));
  if (what == "failure.recovered") return "RECOVERED, waits for the confirmation";
  if (what == "failure.relapsed")
    return with("RELAPSED: " + get("component"), " — ", get("reason"));
  if (what == "failure.closed") {
    return with(fmt::format("CLOSED ({})", get("how")) + by(line, platform), ": ", get("text"));
  }
  if (what == "response.started") {
    return fmt::format("response {} step {}{}: {} (until {})", get("component"), get("step"),
                       get("manual") == "true" ? ", by hand" : "", get("what"),
                       time_detail(line, "until", platform.zone));
  }
  if (what == "response.ended") {
    return with(fmt::format("response {} step {} {}", get("component"), get("step"), get("result")),
                ": ", get("output")) +
           by(line, platform);
  }
  if (what == "chain.dropped") return fmt::format("not told, as {}: {}", get("why"), get("step"));
  if (what == "chain.banks" || what == "bank.affected" || what == "command.refused" ||
      what == "probe.turned") {
    return "";
  }
  return with(what, ": ", all_details(line)) + by(line, platform);
}

// What the lead does with a notice; empty: something else happened.
std::string_view order_on_notice(std::string_view what) {
  if (what == "notice.hold-ordered") return "TO BE HELD";
  if (what == "notice.release-ordered") return "RELEASED";
  if (what == "notice.edited") return "WRITTEN ANEW";
  if (what == "notice.edit-dropped") return "IN THE TEMPLATE'S WORDS AGAIN";
  return {};
}

}  // namespace

void Timeline::day_heading(Instant at, const Platform& platform) {
  const Date date = platform.zone.date_of(at);
  if (day_ == date) return;
  out_ << (day_ ? "\n" : "");
  day_ = date;
  last_clock_.clear();
  auto info = platform.calendar.day(date);
  out_ << fmt::format("{} {} ({})\n", weekday_of(date), format_date(date),
                      info ? info->reason : info.error().message);
}

// Wrapped under its beginning.
void Timeline::write(std::string_view first_margin, const std::string& text) {
  const std::string margin(text_column, ' ');
  const std::string wrapped = wrap_lines(one_line(text, 2000), columns - text_column);
  std::string_view rest = wrapped;
  while (true) {
    const std::string_view row = rest.substr(0, rest.find('\n'));
    out_ << first_margin << row << '\n';
    if (row.size() == rest.size()) return;
    rest.remove_prefix(row.size() + 1);
    first_margin = margin;
  }
}

void Timeline::write_pending() {
  if (!pending_) return;
  const Row& row = *pending_;
  std::string text = row.head;
  for (std::size_t at = 0; at < row.items.size(); ++at)
    text += (at == 0 ? "" : ", ") + row.items[at];
  write(fmt::format("  {:8}  {:<{}}", clock_, row.label, label_width), text + row.tail);
  const std::string margin(text_column, ' ');
  if (!row.subject.empty()) write(margin, row.subject);
  std::string why = row.kind;
  for (std::size_t at = 0; at < row.reasons.size(); ++at)
    why += (at == 0 ? " — " : "; ") + row.reasons[at];
  if (!why.empty()) write(margin, why);
  pending_.reset();
}

void Timeline::add(const Platform& platform, Row row) {
  if (pending_ && pending_->at == row.at && pending_->label == row.label &&
      pending_->head == row.head && pending_->tail == row.tail &&
      pending_->subject == row.subject && pending_->kind == row.kind && !row.items.empty()) {
    for (std::string& item : row.items)
      pending_->items.push_back(std::move(item));
    for (std::string& reason : row.reasons) {
      if (std::find(pending_->reasons.begin(), pending_->reasons.end(), reason) ==
          pending_->reasons.end()) {
        pending_->reasons.push_back(std::move(reason));
      }
    }
    return;
  }
  write_pending();
  day_heading(row.at, platform);
  // The same second is not written twice: an empty clock stands for the one above.
  const std::string clock = clock_of(row.at, platform.zone);
  clock_ = clock == last_clock_ ? "" : clock;
  last_clock_ = clock;
  pending_ = std::move(row);
}

void Timeline::add_mail(const RehearsalLine& line, const Platform& platform, std::string label,
                        std::string tail) {
  const std::string of = line.failure != 0 ? fmt::format("#{} ", line.failure) : "";
  Row row{line.at, std::move(label), "", {audience_of(line, platform)}, std::move(tail)};
  row.head = of + (row.label == "held" ? "for " : "to ");
  row.subject = line.subject;
  row.kind = line.kind;
  if (const std::string reason = detail(line, "reason"); !reason.empty()) row.reasons = {reason};
  if (line.kind == "failure.reminder" && row.label == "mail") {
    // What is said again and again is written out once.
    std::string& said = reminded_[line.failure];
    if (said == line.subject &&
        (!pending_ || pending_->at != line.at || pending_->subject.empty())) {
      row.head = of + "reminded again: ";
      row.subject.clear();
      row.kind.clear();
      row.reasons.clear();
    }
    said = line.subject;
  }
  add(platform, std::move(row));
}

void Timeline::show(const RehearsalLine& line, const Platform& platform) {
  const std::string number = line.failure != 0 ? fmt::format("#{}", line.failure) : "";
  const std::string of = number.empty() ? "" : number + " ";
  const auto one = [&](std::string label, std::string text) {
    add(platform, {line.at, std::move(label), std::move(text), {}, ""});
  };
  const auto one_of = [&](std::string label, std::string head, std::string item, std::string tail) {
    add(platform, {line.at, std::move(label), std::move(head), {std::move(item)}, std::move(tail)});
  };
  const std::string& what = line.what;
  if (what == "failure.opened") open_.insert(line.failure);
  if (what == "failure.closed" || what == "failure.joined") open_.erase(line.failure);

  if (what == "story") {
    one("story", detail(line, "text"));
  } else if (what == "refused") {
    one("story", fmt::format("REFUSED (line {}): {}", line.entry, detail(line, "reason")));
  } else if (what == "rehearsal.ended") {
    one("end", fmt::format("failures open: {}, notices not sent: {}", detail(line, "failures_open"),
                           detail(line, "notices_unsent")));
    write_pending();
  } else if (what == "notice.queued") {
    if (!line.not_before || *line.not_before <= line.at) return;
    add_mail(line, platform, "held", " until " + time_of(*line.not_before, line.at, platform.zone));
  } else if (what == "notice.held") {
    one_of("held", of + "for ", audience_of(line, platform), ": " + detail(line, "hold"));
  } else if (what == "notice.sent") {
    add_mail(line, platform, "mail", "");
  } else if (what == "notice.merged") {
    one_of("mail",
           fmt::format("{}to {} in one with notice {}: ", of, audience_of(line, platform),
                       detail(line, "into")),
           line.kind, "");
  } else if (what == "notice.withdrawn") {
    one_of("mail", fmt::format("{}{} WITHDRAWN for ", of, line.kind), audience_of(line, platform),
           " — " + detail(line, "reason"));
  } else if (what == "notice.attempt") {
    if (detail(line, "outcome") == "accepted") return;
    one_of("mail", fmt::format("{}attempt {} failed to ", of, detail(line, "attempt")),
           audience_of(line, platform), ": " + detail(line, "reply"));
  } else if (std::string_view order = order_on_notice(what); !order.empty()) {
    one_of("mail", fmt::format("{}{} {} for ", of, line.kind, order), audience_of(line, platform), by(line, platform));
  } else if (what.starts_with("notice.")) {
    one("mail", fmt::format("{}{}: {}", of, what, with(line.audience, ", ", all_details(line))));
  } else if (what == "failure.keeps-down" || what == "failure.service-back") {
    one_of(number,
           what == "failure.keeps-down" ? "keeps down: " : "back again: ", detail(line, "service"),
           "");
  } else if (what.starts_with("inquiry.")) {
    std::string text = fmt::format("inquiry {} {}", detail(line, "inquiry"), what.substr(8));
    if (const std::string from = detail(line, "from"); !from.empty())
      text += fmt::format(" from {}: {}", from, detail(line, "subject"));
    if (const std::string due = detail(line, "due"); !due.empty()) text += ", due " + due;
    one(number.empty() ? "desk" : number, std::move(text));
  } else if (line.failure != 0) {
    if (std::string words = words_of_failure(line, platform); !words.empty())
      one(number, std::move(words));
  } else if (what == "stop.began" || what == "stop.ended") {
    if (open_.empty()) return;
    one_of("stop", what == "stop.began" ? "planned stop begins: " : "planned stop ends: ",
           detail(line, "service"), "");
  } else if (what == "stop.planned" || what == "stop.changed" || what == "stop.extended" ||
             what == "stop.cancelled" || what == "stop.completed") {
    std::string text = fmt::format("{} {}", detail(line, "stop"), what.substr(5));
    if (line.details.contains("regular"))
      text = fmt::format("{} {} of {}", detail(line, "regular"), what.substr(5), detail(line, "from"));
    else if (line.details.contains("from"))
      text += fmt::format(": {} from {} until {}", detail(line, "services"), detail(line, "from"),
                          detail(line, "until"));
    one("stop", std::move(text));
  } else if (what == "service.turned") {
    one_of("state", "", detail(line, "service"), " " + detail(line, "to"));
  } else if (what != "probe.turned" && what != "command.refused") {
    one("note", with(what, ": ", all_details(line)));
  }
}

}  // namespace yagura
