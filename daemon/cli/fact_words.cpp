#include <fmt/format.h>

#include <boost/json.hpp>

#include "fields.hpp"
#include "render.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

std::string with(std::string words, std::string_view between, const std::string& more) {
  if (!more.empty()) words.append(between).append(more);
  return words;
}

std::string time_of(const json::value& details, std::string_view key) {
  auto at = moment(details, key);
  return at ? short_text(*at, at->at) : text(details, key);
}

std::string all_details(const json::value& details) {
  if (!details.is_object()) return {};
  std::string words;
  for (const auto& [key, value] : details.get_object()) {
    const std::string shown = text(value);
    if (shown.empty()) continue;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", std::string_view(key), shown);
  }
  return words;
}

std::string words_of_notice(const std::string& what, const json::value& row,
                            const json::value& details) {
  const auto get = [&](std::string_view key) { return text(details, key); };
  const std::string name = fmt::format("notice {}", text(row, "notice"));
  const std::string meant = with(with(name, " ", get("kind")), " to ", get("audience"));
  if (what == "notice.queued") return with(meant, " is owed: ", get("reason"));
  if (what == "notice.held") return with(meant, " is held: ", get("hold"));
  if (what == "notice.sent") return meant + " is sent";
  if (what == "notice.merged") return with(meant, " goes in the mail of notice ", get("into"));
  if (what == "notice.withdrawn") return with(meant, " is withdrawn: ", get("reason"));
  if (what == "notice.attempt") {
    return with(with(fmt::format("{}, attempt {}", meant, get("attempt")), ": ", get("outcome")),
                " — ", get("reply"));
  }
  if (what == "notice.given-up") {
    return with(fmt::format("{} is no longer tried for {}", meant, get("recipients")), ": ", get("why"));
  }
  if (what == "notice.command-dropped") {
    return with(fmt::format("{}: {} is not run any more", meant, get("to")), ": ", get("why"));
  }
  if (what == "notice.hold-ordered") return name + " is to be held";
  if (what == "notice.release-ordered") return name + " is released";
  if (what == "notice.edited") return with(name + " is written anew", ": ", get("subject"));
  if (what == "notice.edit-dropped") {
    return fmt::format("notice {}: what {} wrote is dropped, {}", text(row, "notice"), get("by"), get("why"));
  }
  if (what == "notice.nobody") {
    return fmt::format("nobody to tell {} ({}): {}", get("audience"), get("kind"), get("reason"));
  }
  return with(name, ": ", all_details(details));
}

}  // namespace

std::string fact_words(const json::value& row) {
  static const json::value nothing;
  const json::value* found = member(row, "details");
  const json::value& details = found == nullptr ? nothing : *found;
  const std::string what = text(row, "what");
  const std::string who = text(row, "who");
  const std::string by = who.empty() || who == "daemon" ? "" : " by " + who;
  const auto get = [&](std::string_view key) { return text(details, key); };

  if (what == "failure.opened") {
    return with("opened", ": ", get("title")) + with("", " (owner ", get("owner")) +
           (get("owner").empty() ? "" : ")") + (get("outside").empty() ? "" : ", outside the platform") + by;
  }
  if (what == "failure.classified") {
    return with((get("class") == "major" ? "MAJOR FAILURE" : get("class")) + by, ": ",
                get("reason"));
  }
  if (what == "failure.component") return with(get("component") + " joins", ": ", get("why"));
  if (what == "failure.component-gone") return get("component") + " is no longer configured";
  if (what == "failure.cause") {
    return fmt::format("the cause is now {}{} (owner {})", get("cause"),
                       get("outside").empty() ? "" : ", outside the platform", get("owner"));
  }
  if (what == "failure.joined") return with("ends by joining #" + get("into"), ": ", get("why"));
  if (what == "failure.keeps-down") return "keeps down " + get("service");
  if (what == "failure.service-back") return get("service") + " is no longer kept down";
  if (what == "failure.reported") return with("reported" + by, ": ", get("text"));
  if (what == "failure.acknowledged") return with("acknowledged" + by, ": ", get("text"));
  if (what == "failure.progress") {
    return with("progress report" + by + (get("to_banks") == "true" ? ", for the banks" : ""), ": ",
                get("text"));
  }
  if (what == "failure.repaired") return with("repair done" + by, ": ", get("text"));
  if (what == "failure.recovered") return "recovered; waits for the confirmation";
  if (what == "failure.relapsed") {
    return with("relapsed: " + get("component"), " — ", get("reason"));
  }
  if (what == "failure.closed") {
    return with(fmt::format("closed ({}){}", get("how"), by), ": ", get("text"));
  }
  if (what == "response.started") {
    return fmt::format("response {} step {}{}: {} (until {})", get("component"), get("step"),
                       get("manual") == "true" ? ", by hand" : "", get("what"),
                       time_of(details, "until"));
  }
  if (what == "response.ended") {
    return with(
        fmt::format("response {} step {} {}{}", get("component"), get("step"), get("result"), by),
        ": ", get("output"));
  }
  if (what == "probe.turned") {
    return with(fmt::format("{}/{} turned from {} to {}", get("component"), get("probe"),
                            get("from"), get("to")),
                ": ", get("reason"));
  }
  if (what == "service.turned") return get("service") + " is " + get("to");
  if (what == "bank.affected") return get("bank") + " is affected";
  if (what == "bank.not-affected") return with(get("bank") + " is not affected", ": ", get("why"));
  if (what == "bank.added" || what == "bank.removed") {
    return with(get("bank") + (what == "bank.added" ? " is added" : " is removed") + by, ": ",
                get("text"));
  }
  if (what == "chain.banks") return "the banks' turn has come: " + get("step");
  if (what == "chain.dropped") return with(get("step") + " is dropped", ": ", get("why"));
  if (what == "command.refused") {
    return with(fmt::format("`{}`{} is refused", get("order"), by), ": ", get("reason"));
  }
  if (what == "stop.cancelled" && !get("regular").empty()) {
    return with(fmt::format("{} of {} is cancelled{}", get("regular"), get("from"), by), ": ", get("text"));
  }
  for (std::string_view verb : {"planned", "changed", "extended", "cancelled", "completed"}) {
    if (what != fmt::format("stop.{}", verb)) continue;
    const std::string times = get("from").empty()
                                  ? ""
                                  : fmt::format(": {} from {} until {}", get("services"), get("from"), get("until"));
    return with(fmt::format("stop {} is {}{}{}", get("stop"), verb, by, times), "; ", get("text"));
  }
  if (what.starts_with("inquiry.")) {
    const std::string one = "inquiry " + get("inquiry");
    if (what == "inquiry.received") {
      return with(fmt::format("{} was received from {}{}", one, get("from"), by), ": ", get("subject"));
    }
    if (what == "inquiry.replied") {
      return with(fmt::format("{} is answered{}{}", one, by, get("mailed") == "true" ? "" : ", by word of mouth"), ": ",
                  get("text"));
    }
    if (what == "inquiry.confirmed") return with(one + " is closed" + by, ": ", get("text"));
    if (what == "inquiry.linked") return one + " is linked" + by;
    if (what == "inquiry.overdue") return one + " is overdue: no answer by " + get("due");
    if (what == "inquiry.undelivered") return with("the answer to " + one + " did not arrive", ": ", get("why"));
  }
  if (what == "stop.began") return "a planned stop of " + get("service") + " begins";
  if (what == "stop.ended") return "the planned stop of " + get("service") + " ends";
  if (what == "daemon.started") return "the daemon started";
  if (what == "clock.jumped") return "the wall clock jumped by " + get("by");
  if (what == "probing.late") {
    return fmt::format("probes run late since {}, by up to {}; {} runs fell out", get("since"), get("most"),
                       get("fell_out"));
  }
  if (what == "probing.on_time") {
    return fmt::format("probes run on time again; they were late from {} until {}", get("since"), get("until"));
  }
  if (what == "monitoring.cut_off") {
    return fmt::format("this machine is cut off since {}: nothing of {} answers", get("since"), get("self_check"));
  }
  if (what == "monitoring.connected") {
    return fmt::format("this machine reaches the network again; it was cut off since {}", get("since"));
  }
  if (what == "record.backup") {
    return fmt::format("a backup of {} rows was taken{}", get("rows"), by);
  }
  if (what == "record.restored") {
    return with(fmt::format("the record is a backup of {} rows from here on{}", get("rows"), by),
                ": ", get("from"));
  }
  if (what == "record.begun") {
    return with("a new record was begun" + by, "; set aside: ", get("set_aside"));
  }
  if (what == "access.refused") {
    const std::string times = get("count").empty() ? "" : " " + get("count") + " times";
    return with("access refused" + times + by, ": ", get("path")) + with("", ", from ", get("from"));
  }
  if (what == "access.read") {
    return with("looked at " + get("kind"), " ", get("which")) + by +
           (get("count") == "1" ? "" : ", " + get("count") + " times") + with("", ", from ", get("from"));
  }
  if (what == "access.order") {
    return with(fmt::format("order `{}`{}", get("order"), by), ", from ", get("from"));
  }
  if (what.starts_with("notice.")) return words_of_notice(what, row, details) + by;
  return with(what + by, ": ", all_details(details));
}

}  // namespace yagura::cli
