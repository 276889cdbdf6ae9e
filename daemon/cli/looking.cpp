// The commands that only read.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "render.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

int of_number(const Arguments& given, const Terminal& terminal, std::string_view before,
              std::string_view after, const Render& render) {
  auto number = given.number("N");
  if (!number) return wrong_usage(given, terminal, number.error().message);
  return ask_and_print(given, terminal, fmt::format("{}{}{}", before, *number, after), render);
}

}  // namespace

int status(const Arguments& given, const Terminal& terminal) {
  return ask_and_print(given, terminal, "/v1/status", render_status);
}

int failures(const Arguments& given, const Terminal& terminal) {
  return ask_and_print(given, terminal, given.has("all") ? "/v1/failures?all=1" : "/v1/failures",
                       render_failures);
}

int show(const Arguments& given, const Terminal& terminal) {
  return of_number(given, terminal, "/v1/failures/", "", render_failure);
}

int why_notices(const Arguments& given, const Terminal& terminal) {
  return of_number(given, terminal, "/v1/failures/", "/why", render_why);
}

int notices(const Arguments& given, const Terminal& terminal) {
  std::string which;
  for (const char* one : {"held", "failed", "all"}) {
    if (!given.has(one)) continue;
    if (!which.empty()) {
      return wrong_usage(given, terminal, "--held, --failed and --all exclude each other");
    }
    which = one;
  }
  return ask_and_print(given, terminal,
                       which.empty() ? "/v1/notices" : "/v1/notices?which=" + which,
                       render_notices);
}

int notice_show(const Arguments& given, const Terminal& terminal) {
  auto id = given.number("ID");
  if (!id) return wrong_usage(given, terminal, id.error().message);
  const std::string target = fmt::format("/v1/notices/{}", *id);
  // Its history stands in its failure's timeline.
  return ask_and_print(
      given, terminal, target, [&](const json::value& notice, const Screen& screen) {
        json::array history;
        const std::int64_t failure = number(notice, "failure");
        auto client = failure == 0 ? std::nullopt : client_for(given, terminal);
        auto reply =
            client ? client->get(fmt::format("/v1/failures/{}", failure)) : Result<Reply>(Reply{});
        if (reply && reply->status == 200) {
          auto found = read_json(reply->body);
          if (found) {
            for (const json::value& row : list(*found, "timeline")) {
              if (number(row, "notice") == *id) history.push_back(row);
            }
          }
        }
        return render_notice(notice, history, screen);
      });
}

int stops(const Arguments& given, const Terminal& terminal) {
  Answered answered = ask(given, terminal, given.has("all") ? "/v1/stops?all=1" : "/v1/stops");
  if (answered.exit != exit_done) return answered.exit;
  // The list alone, or as part of the status.
  json::value stops = answered.value.is_array() ? answered.value : list(answered.value, "stops");
  if (given.json) {
    terminal.out << json::serialize(stops) << "\n";
  } else {
    terminal.out << render_stops(stops, terminal.screen);
  }
  return exit_done;
}

int jobs(const Arguments& given, const Terminal& terminal) {
  return ask_and_print(given, terminal, "/v1/jobs", render_jobs);
}

int probe(const Arguments& given, const Terminal& terminal) {
  if (given.has("kinds") == given.has("COMPONENT")) {
    return wrong_usage(given, terminal, "name either a component or --kinds");
  }
  if (given.has("kinds")) return list_probe_kinds(given, terminal);
  const std::string which = given.text("COMPONENT");
  const auto slash = which.find('/');
  json::object body{{"component", which.substr(0, slash)}};
  if (slash != std::string::npos) body["probe"] = which.substr(slash + 1);
  Answered answered = ask(given, terminal, "/v1/probe", json::value(std::move(body)));
  if (answered.exit != exit_done) return answered.exit;
  terminal.out << (given.json ? answered.body
                              : render_observations(answered.value, terminal.screen));
  return exit_done;
}

}  // namespace yagura::cli
