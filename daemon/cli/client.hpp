// Asks the daemon over its control socket: one HTTP request, one answer (docs/api.md). The only
// place that knows libcurl. Needs nothing kept between requests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "instant.hpp"
#include "result.hpp"

namespace yagura::cli {

struct Reply {
  int status = 0;  // as HTTP has it
  std::string body;
};

struct ClientLimits {
  Duration connect_within = 5s;
  // The daemon answers `confirm` only when fresh probe runs are back, within ten minutes.
  Duration answer_within = 11min;
  std::size_t body = std::size_t{256} * 1024 * 1024;
};

class Client {
 public:
  explicit Client(std::string socket, ClientLimits limits = {})
      : socket_(std::move(socket)), limits_(limits) {}

  // `target` is a path with a query, already escaped. Error: no answer came; what to look at.
  Result<Reply> get(const std::string& target) const { return ask(target, std::nullopt); }
  Result<Reply> post(const std::string& target, const std::string& body) const {
    return ask(target, body);
  }
  const std::string& socket() const { return socket_; }

 private:
  Result<Reply> ask(const std::string& target, const std::optional<std::string>& body) const;

  std::string socket_;
  ClientLimits limits_;
};

// Percent-encoded, for a query.
std::string escaped(std::string_view text);

// --socket, else the environment's YAGURA_SOCKET, else `listen.control` of --config's file, else
// /run/yagura/control.sock. Error: that file does not say.
Result<std::string> choose_socket(const std::string& option, const char* environment,
                                  const std::string& config);

}  // namespace yagura::cli
