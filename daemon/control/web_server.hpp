// A small HTTP/1.1 server for the control socket and for listen.http: requests in, one answer each. Everything is bounded: connections,
// header, body, the time to send a request. What is asked is decided elsewhere.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

// Who called over a Unix socket, by SO_PEERCRED.
struct Peer {
  uid_t uid = 0;
  pid_t pid = 0;
  std::string user;  // "uid:1000" where the machine has no name for it
};

struct WebRequest {
  std::string method;                        // "GET"
  std::string path;                          // decoded, without the query: "/ping/web-1"
  std::map<std::string, std::string> query;  // decoded
  std::string body;
  std::optional<Peer> peer;                  // over a Unix socket only
  std::string address;                       // over TCP only: "127.0.0.1:50112"
  std::string authorization;                 // the field of that name, as it came
};

struct WebResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string challenge;  // WWW-Authenticate, of a 401
};

// `answer` may be called at once or later, once, from the loop; a caller who has gone is no error.
using WebHandler = std::function<void(WebRequest request, std::function<void(WebResponse)> answer)>;

struct WebLimits {
  // Over these, the oldest connection (of that user; of all) without a whole request makes room; where each has one, the
  // new one is answered 503.
  std::size_t connections = 256;
  std::size_t connections_of_user = 64;  // over a Unix socket
  // Requests, of one user over a Unix socket, else of all together; over these they are answered 429. Root is not counted.
  double requests_at_once = 2'000;
  double requests_per_second = 500;
  std::size_t header = 8 * 1024;
  std::size_t body = 64 * 1024;
  std::size_t cut_body = 0;           // longer ones, up to this, are cut to their last bytes (pings), not refused; 0: none
  // Asked once the header is there (`head` has no body): so much of a body is taken whole, and a longer one is refused; none:
  // by the two above.
  std::function<std::optional<std::size_t>(const WebRequest& head)> whole_body;
  Duration request_within = 10s;      // from the connection to the whole request; the same for taking the answer
  Duration answer_within = 10min;
  // Told of what is refused here, before anybody is asked: too much, too often, no HTTP. `request` has the caller only.
  std::function<void(const WebRequest& request, int status)> refused;
};

class WebServer {
 public:
  // Listens on a Unix socket of mode 0666, whose folder is made (0755) where it is missing. A socket that a crash left
  // over is replaced; one that somebody answers on is not.
  static Result<std::unique_ptr<WebServer>> on_unix_socket(boost::asio::io_context& loop,
                                                            const std::string& path, WebHandler handler,
                                                            WebLimits limits = {});
  // "127.0.0.1:9640", "[::1]:9640"; refuses what other machines could reach, as nobody is asked who is calling.
  static Result<std::unique_ptr<WebServer>> on_address(boost::asio::io_context& loop,
                                                        const std::string& address, WebHandler handler,
                                                        WebLimits limits = {});
  virtual ~WebServer() = default;  // closes; the socket's file is removed
};

// The uppermost folder on the way to the socket that does not let everybody through; none where all do.
std::optional<std::string> closed_folder_above(const std::string& socket);

}  // namespace yagura
