// The commands on inquiries (docs/man/yagura.1): list, show, open, reply, close, link.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "render.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

// With the inquiry's number in the order.
int send_of_one(const Arguments& given, const Terminal& terminal, json::object order) {
  auto id = given.number("N");
  if (!id) return wrong_usage(given, terminal, id.error().message);
  order["inquiry"] = *id;
  return send_order(given, terminal, std::move(order));
}

}  // namespace

int inquiries(const Arguments& given, const Terminal& terminal) {
  if (given.has("all") && given.has("unknown")) {
    return wrong_usage(given, terminal, "say either --all or --unknown");
  }
  if (given.has("unknown")) {
    return ask_and_print(given, terminal, "/v1/inquiries?which=aside", render_aside);
  }
  return ask_and_print(given, terminal,
                       given.has("all") ? "/v1/inquiries?which=all" : "/v1/inquiries",
                       render_inquiries);
}

int inquiry_show(const Arguments& given, const Terminal& terminal) {
  auto id = given.number("N");
  if (!id) return wrong_usage(given, terminal, id.error().message);
  return ask_and_print(given, terminal, fmt::format("/v1/inquiries/{}", *id), render_inquiry);
}

int inquiry_open(const Arguments& given, const Terminal& terminal) {
  if (!given.has("bank") && !given.has("from")) {
    return wrong_usage(given, terminal, "say who asks: --bank B, or --from TEXT");
  }
  return send_order(given, terminal,
                    {{"order", "inquiry-open"},
                     {"bank", given.text("bank")},
                     {"from", given.text("from")},
                     {"subject", given.text("subject")},
                     {"text", given.text("message")}});
}

int inquiry_reply(const Arguments& given, const Terminal& terminal) {
  json::object order{
      {"order", "inquiry-reply"}, {"text", given.text("message")}, {"again", given.has("again")}};
  if (given.has("failure") == given.has("N")) {
    return wrong_usage(
        given, terminal,
        "say which inquiry is answered: its number; or --failure N for all about a failure");
  }
  if (!given.has("failure")) return send_of_one(given, terminal, std::move(order));
  auto failure = given.number("failure");
  if (!failure) return wrong_usage(given, terminal, failure.error().message);
  order["failure"] = *failure;
  return send_order(given, terminal, std::move(order));
}

int inquiry_close(const Arguments& given, const Terminal& terminal) {
  return send_of_one(given, terminal,
                     {{"order", "inquiry-close"}, {"text", given.text("message")}});
}

int inquiry_link(const Arguments& given, const Terminal& terminal) {
  auto failure = given.number("failure");
  if (!failure) return wrong_usage(given, terminal, failure.error().message);
  return send_of_one(given, terminal, {{"order", "inquiry-link"}, {"failure", *failure}});
}

}  // namespace yagura::cli
