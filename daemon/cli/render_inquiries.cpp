#include <fmt/format.h>

#include <boost/json.hpp>

#include "fields.hpp"
#include "render.hpp"
#include "render_parts.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

std::string due_of(const json::value& inquiry, const Screen& screen) {
  auto due = moment(inquiry, "first_reply_due");
  if (!due) return "";
  return fmt::format("{} by {} ({})", truth(inquiry, "overdue") ? "OVERDUE, was due" : "answer due",
                     short_text(*due, screen.now), ago_text(due->at, screen.now));
}

std::string who_asks(const json::value& inquiry) {
  const std::string bank = text(inquiry, "bank"), from = text(inquiry, "from");
  return bank.empty() ? from : fmt::format("{} ({})", from, bank);
}

std::string failures_of(const json::value& inquiry) {
  std::string numbers;
  for (const json::value& id : list(inquiry, "failures"))
    numbers += (numbers.empty() ? "#" : ", #") + text(id);
  return numbers;
}

// "by sato, mailed at 10:12 (notice 31)".
std::string way_of(const json::value& message, const Screen& screen) {
  const std::int64_t notice = number(message, "notice");
  if (!truth(message, "ours")) return truth(message, "automatic") ? ", automatic" : "";
  if (notice == 0) return ", by word of mouth";
  auto sent = moment(message, "sent_at");
  return sent ? fmt::format(", mailed {} (notice {})", short_text(*sent, screen.now), notice)
              : fmt::format(", {} (notice {})", text(message, "mail"), notice);
}

}  // namespace

namespace {

std::string why_aside(const std::string& aside) {
  if (aside == "unknown_sender") return "from somebody who is none of the contacts and people";
  if (aside == "automatic") return "written by a program";
  return aside == "too_many" ? "one of too many of its sender within an hour" : aside;
}

}  // namespace

std::string render_aside(const json::value& inquiries, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& one : list(inquiries)) {
    std::string note = text(one, "subject");
    note += "\n" + why_aside(text(one, "aside"));
    rows.push_back({{text(one, "id"), only_ago(one, "received_at", screen),
                     fmt::format("{} <{}>", text(one, "from"), text(one, "address"))},
                    note});
  }
  if (rows.empty()) sheet.line("No mail is kept aside.");
  sheet.rows(rows, 0);
  return sheet.take();
}

std::string render_inquiries(const json::value& inquiries, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& one : list(inquiries)) {
    const bool overdue = truth(one, "overdue");
    std::string note = text(one, "subject");
    if (const std::string due = due_of(one, screen); !due.empty()) note += "\n" + due;
    if (const std::string failures = failures_of(one); !failures.empty())
      note += "\nabout failure " + failures;
    const std::string aside = text(one, "aside");
    rows.push_back(
        {{text(one, "id"),
          Cell(aside.empty() ? text(one, "state") : aside, overdue ? Hue::red : Hue::plain),
          only_ago(one, "received_at", screen), who_asks(one)},
         note});
  }
  if (rows.empty())
    sheet.line("No inquiry is open; `yagura inquiries --all` lists those closed, too.");
  sheet.rows(rows, 0);
  return sheet.take();
}

std::string render_inquiry(const json::value& inquiry, const Screen& screen) {
  Sheet sheet(screen);
  sheet.line(fmt::format("Inquiry {}: {}, {}", text(inquiry, "id"), text(inquiry, "subject"),
                         text(inquiry, "state")),
             truth(inquiry, "overdue") ? Hue::red : Hue::bold);
  sheet.blank();
  std::vector<Row> rows;
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty() && value != "-") rows.push_back({{Cell(name, Hue::dim), value}, ""});
  };
  fact("from", who_asks(inquiry));
  const std::string address = text(inquiry, "address");
  fact("address", address.empty() ? "none: answers are given by word of mouth" : address);
  fact("received", time_and_ago(inquiry, "received_at", screen));
  fact("entered by", text(inquiry, "by"));
  fact("waits", due_of(inquiry, screen));
  fact("first reply", time_and_ago(inquiry, "first_reply_at", screen));
  fact("failures", failures_of(inquiry));
  if (const std::string aside = text(inquiry, "aside"); !aside.empty()) fact("kept aside", why_aside(aside));
  if (moment(inquiry, "closed_at")) {
    fact("closed", fmt::format("{}, by {}", time_and_ago(inquiry, "closed_at", screen),
                               text(inquiry, "closed_by")));
    fact("how", text(inquiry, "close_text"));
  }
  sheet.rows(rows);
  for (const json::value& message : list(inquiry, "messages")) {
    auto at = moment(message, "at");
    const std::string failure = text(message, "failure");
    sheet.heading(fmt::format("{} {}{}{}", at ? short_text(*at, screen.now) : "-",
                              text(message, "who"), way_of(message, screen),
                              failure.empty() ? "" : ", to all who ask about failure #" + failure));
    sheet.line(long_text(message, "text"), Hue::plain, 2);
    for (const json::value& file : list(message, "files")) {
      sheet.line(fmt::format("attached: {} ({} bytes)", text(file, "name"), text(file, "bytes")),
                 Hue::dim, 2);
    }
    for (const json::value& name : list(message, "left_out")) {
      sheet.line(fmt::format("attached, and not kept: {}", text(name)), Hue::dim, 2);
    }
  }
  return sheet.take();
}

}  // namespace yagura::cli
