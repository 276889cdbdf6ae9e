#include "web_server.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "allowance.hpp"
#include "request_target.hpp"
#include "text.hpp"

namespace yagura {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

std::optional<Peer> peer_of(asio::local::stream_protocol::socket& socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  Peer peer{who.uid, who.pid, fmt::format("uid:{}", who.uid)};
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(who.uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) {
    peer.user = entry.pw_name;
  }
  return peer;
}
std::optional<Peer> peer_of(asio::ip::tcp::socket&) { return std::nullopt; }

std::string address_of(asio::local::stream_protocol::socket&) { return {}; }
std::string address_of(asio::ip::tcp::socket& socket) {
  beast::error_code error;
  const auto end = socket.remote_endpoint(error);
  if (error) return "an address that is gone";
  const std::string host = end.address().to_string();
  return fmt::format("{}{}{}:{}", end.address().is_v6() ? "[" : "", host, end.address().is_v6() ? "]" : "", end.port());
}

// A body of which the end is kept, so that one that is far too long costs no memory.
struct KeptBody {
  struct value_type {
    std::string text;
    std::size_t kept = 0;
  };
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, beast::error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& error) {
      error = {};
      for (const asio::const_buffer& buffer : beast::buffers_range_ref(buffers)) {
        body_.text.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
      if (body_.text.size() > 2 * body_.kept) cut();
      return asio::buffer_size(buffers);
    }
    void finish(beast::error_code& error) {
      error = {};
      cut();
    }

   private:
    void cut() {
      if (body_.text.size() > body_.kept) body_.text.erase(0, body_.text.size() - body_.kept);
    }
    value_type& body_;
  };
};

template <class Protocol>
class Session : public std::enable_shared_from_this<Session<Protocol>> {
 public:
  using Stream = beast::basic_stream<Protocol>;
  Session(typename Protocol::socket socket, WebHandler handler, WebLimits limits)
      : peer_(peer_of(socket)), address_(address_of(socket)), stream_(std::move(socket)), handler_(std::move(handler)),
        limits_(std::move(limits)) {}

  bool is_asked() const { return asked_; }
  bool is_of(uid_t user) const { return peer_ && peer_->uid == user; }
  std::optional<uid_t> user() const { return peer_ ? std::optional(peer_->uid) : std::nullopt; }
  // Its reads end, and with them its life.
  void drop() { stream_.close(); }

  void refuse_for_room() {
    refuse(503, "too many connections wait for an answer: the daemon is there, try again in a moment");
  }

  void refuse_for_rate() {
    refuse(429, "too many requests within a second: try again in a moment");
  }

  void start() {
    parser_.header_limit(static_cast<std::uint32_t>(limits_.header));
    parser_.body_limit(std::max(limits_.cut_body, limits_.body));
    parser_.get().body().kept = limits_.body;
    stream_.expires_after(limits_.request_within);
    http::async_read_header(stream_, buffer_, parser_,
                            [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                              self->take_header(error);
                            });
  }

 private:
  void take_header(beast::error_code failed) {
    if (failed) return take(failed);
    if (!read_head()) return;
    if (const auto most = limits_.whole_body ? limits_.whole_body(request_) : std::nullopt) {
      // What was announced was held against the limit before.
      if (const auto length = parser_.content_length(); length && *length > *most) return take(http::error::body_limit);
      parser_.body_limit(*most);
      parser_.get().body().kept = *most;
    }
    http::async_read(stream_, buffer_, parser_,
                     [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                       self->take(error);
                     });
  }

  // False: it was refused.
  bool read_head() {
    const auto& message = parser_.get();
    auto target = message.target();
    std::optional<RequestTarget> read = read_target({target.data(), target.size()});
    if (!read) {
      refuse(400, "the request's target cannot be read");
      return false;
    }
    const auto authorization = message[http::field::authorization];
    request_ = {std::string(message.method_string()), std::move(read->path), std::move(read->query), {}, peer_, address_,
                std::string(authorization.data(), authorization.size())};
    head_ = message.method() == http::verb::head;
    return true;
  }

  void take(beast::error_code error) {
    if (error == http::error::body_limit) return refuse(413, "the body is too long");
    if (error == http::error::header_limit) return refuse(431, "the header is too long");
    if (error == http::error::end_of_stream || error == beast::error::timeout) return;
    if (error) {
      if (error.category() == http::make_error_code(http::error::bad_method).category()) {
        refuse(400, "this is not an HTTP request");
      }
      return;
    }
    asked_ = true;
    auto message = parser_.release();
    request_.body = std::move(message.body().text);
    stream_.expires_after(limits_.answer_within);
    handler_(std::move(request_), [self = this->shared_from_this()](WebResponse response) {
      self->answer(std::move(response));
    });
  }

  void refuse(int status, std::string_view why) {
    if (limits_.refused) {
      WebRequest caller;
      caller.peer = peer_;
      caller.address = address_;
      limits_.refused(caller, status);
    }
    answer({status, "application/json", fmt::format("{{\"error\":\"{}\"}}\n", why)});
  }

  void answer(WebResponse given) {
    response_.version(11);
    response_.result(static_cast<unsigned>(given.status));
    response_.set(http::field::content_type, given.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (!given.challenge.empty()) response_.set(http::field::www_authenticate, given.challenge);
    response_.keep_alive(false);
    std::size_t size = given.body.size();
    if (!head_) response_.body() = std::move(given.body);
    response_.content_length(size);
    stream_.expires_after(limits_.request_within);
    http::async_write(stream_, response_,
                      [self = this->shared_from_this()](beast::error_code, std::size_t) {
                        beast::error_code ignored;
                        self->stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
                      });
  }

  std::optional<Peer> peer_;
  std::string address_;
  Stream stream_;
  WebHandler handler_;
  WebLimits limits_;
  beast::flat_buffer buffer_{64 * 1024};
  WebRequest request_;
  http::request_parser<KeptBody> parser_;
  http::response<http::string_body> response_;
  bool head_ = false;
  bool asked_ = false;  // its request is whole
};

template <class Protocol>
class Listener : public WebServer {
 public:
  Listener(asio::io_context& loop, WebHandler handler, WebLimits limits)
      : loop_(loop), acceptor_(loop), handler_(std::move(handler)), limits_(limits) {}
  ~Listener() override {
    beast::error_code ignored;
    acceptor_.close(ignored);
    *alive_ = false;
    if (!file_.empty()) unlink(file_.c_str());
  }

  Result<void> listen(const typename Protocol::endpoint& endpoint) {
    beast::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(128, error);
    if (error) return failure_of(error.message());
    accept();
    return {};
  }
  void remove_at_end(std::string file) { file_ = std::move(file); }

 private:
  void accept() {
    acceptor_.async_accept([this, alive = alive_](beast::error_code error,
                                                  typename Protocol::socket socket) {
      if (!*alive || error == asio::error::operation_aborted) return;
      if (!error) {
        auto session = std::make_shared<Session<Protocol>>(std::move(socket), handler_, limits_);
        if (!is_in_time(*session)) {
          session->refuse_for_rate();
        } else if (has_room_for(*session)) {
          sessions_.push_back(session);
          session->start();
        } else {
          session->refuse_for_room();
        }
      }
      if (!error) return accept();
      // Out of descriptors, for example: not at once again.
      retry_.expires_after(std::chrono::milliseconds(200));
      retry_.async_wait([this, alive](beast::error_code) {
        if (*alive) accept();
      });
    });
  }

  bool is_in_time(const Session<Protocol>& next) {
    const uid_t user = next.user().value_or(1);
    return user == 0 || rate_.take(user, Allowance::Clock::now());
  }

  bool has_room_for(const Session<Protocol>& next) {
    std::erase_if(sessions_, [](const auto& session) { return session.expired(); });
    const auto user = next.user();
    if (user) {
      const auto counts = [&](const auto& one) {
        auto session = one.lock();
        return session && session->is_of(*user);
      };
      const auto theirs = std::count_if(sessions_.begin(), sessions_.end(), counts);
      if (static_cast<std::size_t>(theirs) >= limits_.connections_of_user && !drop_oldest(user)) return false;
    }
    return sessions_.size() < limits_.connections || drop_oldest(std::nullopt);
  }

  // Of those without a whole request, of one user or of all. False: there is none.
  bool drop_oldest(std::optional<uid_t> user) {
    for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
      auto session = at->lock();
      if (!session || session->is_asked() || (user && !session->is_of(*user))) continue;
      session->drop();
      sessions_.erase(at);
      return true;
    }
    return false;
  }

  asio::io_context& loop_;
  typename Protocol::acceptor acceptor_;
  asio::steady_timer retry_{loop_};
  WebHandler handler_;
  WebLimits limits_;
  Allowance rate_{limits_.requests_at_once, limits_.requests_per_second};
  std::vector<std::weak_ptr<Session<Protocol>>> sessions_;  // in the order in which they came
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string file_;
};

// Each folder that is missing, open to all whatever the umask: those above count as much as the last. What cannot be made
// shows when the socket is.
void make_open_folder(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::exists(folder)) return;
  make_open_folder(folder.parent_path());
  if (mkdir(folder.c_str(), 0755) == 0) chmod(folder.c_str(), 0755);
}

bool somebody_answers(const asio::local::stream_protocol::endpoint& endpoint) {
  asio::io_context own;
  asio::local::stream_protocol::socket socket(own);
  beast::error_code error;
  socket.connect(endpoint, error);
  return !error;
}

}  // namespace

Result<std::unique_ptr<WebServer>> WebServer::on_unix_socket(asio::io_context& loop, const std::string& path,
                                                               WebHandler handler, WebLimits limits) {
  using Protocol = asio::local::stream_protocol;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return failure_of(fmt::format("the path of the control socket is longer than {} bytes: {}",
                                  sizeof(sockaddr_un::sun_path) - 1, path));
  }
  make_open_folder(std::filesystem::path(path).parent_path());
  Protocol::endpoint endpoint(path);
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return failure_of(path + " is in the way: it is not a socket; move it or change listen.control");
    }
    if (somebody_answers(endpoint)) {
      return failure_of("another program answers on " + path + "; stop it, or change listen.control");
    }
    unlink(path.c_str());
  }
  auto server = std::make_unique<Listener<Protocol>>(loop, std::move(handler), limits);
  if (auto listening = server->listen(endpoint); !listening) {
    return failure_of(fmt::format("cannot listen on {}: {}", path, listening.error().message));
  }
  server->remove_at_end(path);
  if (chmod(path.c_str(), 0666) != 0) {
    return failure_of(fmt::format("cannot set the mode of {}: {}", path, std::strerror(errno)));
  }
  return server;
}

std::optional<std::string> closed_folder_above(const std::string& socket) {
  std::error_code error;
  std::filesystem::path folder =
      std::filesystem::weakly_canonical(std::filesystem::absolute(socket).parent_path(), error);
  std::optional<std::string> closed;
  for (; !error && !folder.empty(); folder = folder.parent_path()) {
    struct stat status {};
    if (stat(folder.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) == 0) closed = folder.string();
    if (folder == folder.parent_path()) break;
  }
  return closed;
}

Result<std::unique_ptr<WebServer>> WebServer::on_address(asio::io_context& loop, const std::string& address,
                                                           WebHandler handler, WebLimits limits) {
  using Protocol = asio::ip::tcp;
  auto colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  beast::error_code error;
  auto ip = asio::ip::make_address(host, error);
  int port = colon == std::string::npos ? 0 : std::atoi(address.c_str() + colon + 1);
  if (error || port <= 0 || port > 65535) {
    return failure_of("listen.http is not an address with a port: " + one_line(address));
  }
  if (!ip.is_loopback()) {
    return failure_of("listen.http can be reached by other machines: " + one_line(address));
  }
  auto server = std::make_unique<Listener<Protocol>>(loop, std::move(handler), limits);
  auto listening = server->listen(Protocol::endpoint(ip, static_cast<unsigned short>(port)));
  if (!listening) {
    return failure_of(fmt::format("cannot listen on {}: {}", address, listening.error().message));
  }
  return server;
}

}  // namespace yagura
