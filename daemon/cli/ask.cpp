#include "ask.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "commands.hpp"
#include "fields.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_message = 10'000;  // more the daemon would cut off silently

int exit_of(int status) {
  if (status >= 200 && status < 300) return exit_done;
  return status == 400 ? exit_usage : exit_refused;
}

}  // namespace

std::optional<Client> client_for(const Arguments& given, const Terminal& terminal) {
  auto socket = choose_socket(given.socket, std::getenv("YAGURA_SOCKET"), given.config);
  if (socket) return Client(*socket);
  complain(terminal, socket.error().message);
  return std::nullopt;
}

Answered ask(const Arguments& given, const Terminal& terminal, const std::string& target,
             const std::optional<json::value>& body) {
  Answered answered;
  auto client = client_for(given, terminal);
  if (!client) {
    answered.exit = exit_usage;
    return answered;
  }
  auto reply = body ? client->post(target, json::serialize(*body)) : client->get(target);
  if (!reply) {
    complain(terminal, reply.error().message);
    answered.exit = exit_unreachable;
    return answered;
  }
  answered.status = reply->status;
  answered.exit = exit_of(reply->status);
  answered.body = std::move(reply->body);
  auto value = read_json(answered.body);
  if (value) answered.value = std::move(*value);
  if (answered.exit != exit_done) {
    std::string why = long_text(answered.value, "error");
    // A refused reload names its problems itself.
    if (why.empty() && member(answered.value, "problems") != nullptr) return answered;
    if (why.empty()) why = fmt::format("the daemon refused, with status {}", answered.status);
    complain(terminal, why);
  } else if (!value) {
    complain(terminal, value.error().message +
                           "; is this command of the daemon's version? "
                           "`yagura --version`, `yagurad --version`");
    answered.exit = exit_refused;
  }
  return answered;
}

int send_order(const Arguments& given, const Terminal& terminal, json::object order) {
  if (given.text("message").size() > longest_message) {
    return wrong_usage(given, terminal, fmt::format("-m: the text is longer than {} bytes", longest_message));
  }
  if (!is_utf8(given.text("message"))) {
    return wrong_usage(given, terminal, "-m: the text is not UTF-8; is the terminal set to it?");
  }
  Answered answered = ask(given, terminal, "/v1/orders", json::value(std::move(order)));
  if (answered.exit != exit_done) return answered.exit;
  terminal.out << (given.json ? answered.body : long_text(answered.value, "text") + "\n");
  return exit_done;
}

int ask_and_print(const Arguments& given, const Terminal& terminal, const std::string& target,
                  const Render& render) {
  Answered answered = ask(given, terminal, target);
  if (answered.exit != exit_done) return answered.exit;
  if (given.json) {
    terminal.out << answered.body;
    if (!answered.body.ends_with('\n')) terminal.out << '\n';
  } else {
    terminal.out << render(answered.value, terminal.screen);
  }
  return exit_done;
}

}  // namespace yagura::cli
