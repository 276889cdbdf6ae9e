// The commands by which people act: each is one order to the daemon, which decides whether it may
// be, and answers with a sentence.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

// An order about one failure, with what people said.
int send_of_failure(const Arguments& given, const Terminal& terminal, json::object order) {
  auto number = given.number("N");
  if (!number) return wrong_usage(given, terminal, number.error().message);
  order["failure"] = *number;
  order["text"] = given.text("message");
  return send_order(given, terminal, std::move(order));
}

// One order for each; the first that is refused ends it.
int send_of_notices(const Arguments& given, const Terminal& terminal, const char* name) {
  for (const std::string& id : given.texts("ID")) {
    Arguments one = given;
    one.values["ID"] = {id};
    auto number = one.number("ID");
    if (!number) return wrong_usage(given, terminal, number.error().message);
    if (int exit = send_order(given, terminal, {{"order", name}, {"notice", *number}}); exit != exit_done) return exit;
  }
  return exit_done;
}

// --from and --until, where they are given; what is wrong with them.
std::optional<std::string> take_times(const Arguments& given, json::object& order) {
  for (const char* name : {"from", "until"}) {
    if (!given.has(name)) continue;
    auto at = given.instant(name);
    if (!at) return at.error().message;
    order[name] = given.text(name);
  }
  return std::nullopt;
}

json::array array_of(const std::vector<std::string>& names) {
  json::array all;
  for (const std::string& name : names)
    all.emplace_back(name);
  return all;
}

}  // namespace

int ack(const Arguments& given, const Terminal& terminal) {
  return send_of_failure(given, terminal, {{"order", "ack"}});
}

int respond(const Arguments& given, const Terminal& terminal) {
  if (given.has("success") == given.has("failed")) {
    return wrong_usage(given, terminal, "say either --success or --failed");
  }
  return send_of_failure(given, terminal,
                         {{"order", "respond"}, {"success", given.has("success")}});
}

int report(const Arguments& given, const Terminal& terminal) {
  return send_of_failure(given, terminal,
                         {{"order", "report"}, {"to_banks", given.has("to-banks")}});
}

int escalate(const Arguments& given, const Terminal& terminal) {
  return send_of_failure(given, terminal, {{"order", "escalate"}});
}

int recover(const Arguments& given, const Terminal& terminal) {
  return send_of_failure(given, terminal, {{"order", "recover"}});
}

int confirm(const Arguments& given, const Terminal& terminal) {
  return send_of_failure(given, terminal, {{"order", "confirm"}, {"job_ok", given.has("job-ok")}});
}

int classify(const Arguments& given, const Terminal& terminal) {
  const std::string wanted = given.text("CLASS");
  if (wanted != "incident" && wanted != "major") {
    return wrong_usage(given, terminal, "the class has to be `incident` or `major`");
  }
  return send_of_failure(given, terminal, {{"order", "classify"}, {"class", wanted}});
}

int banks(const Arguments& given, const Terminal& terminal) {
  if (given.has("add") == given.has("remove")) {
    return wrong_usage(given, terminal, "say either --add BANK or --remove BANK");
  }
  return send_of_failure(given, terminal,
                         {{"order", "banks"},
                          {"add", given.has("add")},
                          {"bank", given.text(given.has("add") ? "add" : "remove")}});
}

int open(const Arguments& given, const Terminal& terminal) {
  if (!given.has("component") && !given.has("service")) {
    return wrong_usage(given, terminal, "say what has failed: --component C or --service S");
  }
  if (given.has("class") && given.text("class") != "major") {
    return wrong_usage(given, terminal,
                       "--class can be `major` only; without it the class is judged");
  }
  json::object order{{"order", "open"},
                     {"components", array_of(given.texts("component"))},
                     {"services", array_of(given.texts("service"))},
                     {"class", given.text("class")},
                     {"from_desk", given.has("from-desk")},
                     {"text", given.text("message")}};
  if (given.has("inquiry")) {
    auto number = given.number("inquiry");
    if (!number) return wrong_usage(given, terminal, number.error().message);
    order["inquiry"] = *number;
  }
  return send_order(given, terminal, std::move(order));
}

int stop_plan(const Arguments& given, const Terminal& terminal) {
  json::object order{{"order", "stop-plan"},
                     {"services", array_of(given.texts("service"))},
                     {"emergency", given.has("emergency")},
                     {"after_the_fact", given.has("after-the-fact")},
                     {"text", given.text("message")}};
  if (!given.has("service")) return wrong_usage(given, terminal, "say what stops: --service S, or --service all");
  if (auto wrong = take_times(given, order)) return wrong_usage(given, terminal, *wrong);
  return send_order(given, terminal, std::move(order));
}

namespace {

// A single stop by its number, a regular one by its name.
void name_stop(const Arguments& given, json::object& order) {
  if (auto id = given.number("ID")) {
    order["stop"] = *id;
  } else {
    order["regular"] = given.text("ID");
  }
}

}  // namespace

int stop_change(const Arguments& given, const Terminal& terminal) {
  json::object order{{"order", "stop-change"},
                     {"emergency", given.has("emergency")},
                     {"after_the_fact", given.has("after-the-fact")},
                     {"text", given.text("message")}};
  if (!given.has("from") && !given.has("until") && !given.has("message")) {
    return wrong_usage(given, terminal, "say what changes: --from T, --until T or -m TEXT");
  }
  name_stop(given, order);
  if (auto wrong = take_times(given, order)) return wrong_usage(given, terminal, *wrong);
  return send_order(given, terminal, std::move(order));
}

int stop_end(const Arguments& given, const Terminal& terminal) {
  json::object order{{"order", "stop-end"}};
  name_stop(given, order);
  return send_order(given, terminal, std::move(order));
}

int stop_cancel(const Arguments& given, const Terminal& terminal) {
  json::object order{{"order", "stop-cancel"}, {"text", given.text("message")}};
  name_stop(given, order);
  if (given.has("on")) {
    auto date = given.date("on");
    if (!date) return wrong_usage(given, terminal, date.error().message);
    order["on"] = format_date(*date);
  }
  return send_order(given, terminal, std::move(order));
}

int notice_hold(const Arguments& given, const Terminal& terminal) {
  return send_of_notices(given, terminal, "notice-hold");
}
int notice_release(const Arguments& given, const Terminal& terminal) {
  return send_of_notices(given, terminal, "notice-release");
}
int notice_withdraw(const Arguments& given, const Terminal& terminal) {
  return send_of_notices(given, terminal, "notice-withdraw");
}

int notice_security(const Arguments& given, const Terminal& terminal) {
  if (given.has("at-once") == given.has("in-window")) {
    return wrong_usage(given, terminal, "say either --at-once or --in-window");
  }
  return send_order(given, terminal,
              {{"order", "notice-security"},
               {"banks", array_of(given.texts("bank"))},
               {"at_once", given.has("at-once")},
               {"text", given.text("message")}});
}

int reload(const Arguments& given, const Terminal& terminal) {
  Answered answered = ask(given, terminal, "/v1/reload", json::value(json::object()));
  const bool refused = member(answered.value, "problems") != nullptr && answered.exit != exit_done;
  if (answered.exit != exit_done && !refused) return answered.exit;
  if (given.json) terminal.out << answered.body;
  for (const std::string& problem : texts(answered.value, "problems")) {
    terminal.err << problem << "\n";
  }
  if (refused) {
    complain(terminal,
             "not reloaded: the configuration has errors, and the old one stays in force");
    return exit_usage;
  }
  if (!given.json) terminal.out << "reloaded\n";
  return exit_done;
}

}  // namespace yagura::cli
