// One question to the daemon, the same for all commands: the socket chosen, the answer's status
// made an exit status, the refusal printed.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>

#include "arguments.hpp"
#include "client.hpp"
#include "terminal.hpp"

namespace yagura::cli {

struct Answered {
  int exit = 0;              // exit_done: there is an answer
  int status = 0;            // as HTTP has it; 0: none came
  std::string body;          // as the daemon wrote it
  boost::json::value value;  // the same, read
};

// The client for the socket that is meant; none: said why, the exit status is exit_usage.
std::optional<Client> client_for(const Arguments& given, const Terminal& terminal);

// Prints refusals and errors itself. With a `body` a POST, else a GET.
Answered ask(const Arguments& given, const Terminal& terminal, const std::string& target,
             const std::optional<boost::json::value>& body = std::nullopt);

// Sends an order with what people said (-m), which is checked first, and prints the daemon's sentence about it (with
// --json the whole answer).
int send_order(const Arguments& given, const Terminal& terminal, boost::json::object order);

// Asks, and prints the answer: as it is with --json, else as `render` lays it out.
using Render = std::function<std::string(const boost::json::value&, const Screen&)>;
int ask_and_print(const Arguments& given, const Terminal& terminal, const std::string& target,
                  const Render& render);

}  // namespace yagura::cli
