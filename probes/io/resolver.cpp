#include "resolver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <utility>

#include "ares_loop.hpp"
#include "text.hpp"

namespace yagura::io {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_addresses = 16;
constexpr std::size_t most_queries = 1000;  // At once; each has a descriptor or two.
constexpr std::size_t most_known = 20'000;  // Names whose time to live is not over.
constexpr Duration longest_known = 1h;      // However long that is.
constexpr int tries =
    3;  // Of each server, the second and third with twice and four times the patience.

using Steady = std::chrono::steady_clock;

// The shortest time to live; of what stands in /etc/hosts none is said.
Duration validity_of(const ares_addrinfo& found) {
  Duration shortest = longest_known;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next)
    shortest = std::min<Duration>(shortest, std::chrono::seconds(std::max(node->ai_ttl, 0)));
  for (const ares_addrinfo_cname* alias = found.cnames; alias != nullptr; alias = alias->next)
    shortest = std::min<Duration>(shortest, std::chrono::seconds(std::max(alias->ttl, 0)));
  return shortest;
}

std::vector<asio::ip::address> addresses_of(const ares_addrinfo& found) {
  std::vector<asio::ip::address> addresses;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next) {
    std::optional<asio::ip::address> address;
    if (node->ai_family == AF_INET) {
      const auto* socket = reinterpret_cast<const sockaddr_in*>(node->ai_addr);
      address = asio::ip::address_v4(ntohl(socket->sin_addr.s_addr));
    } else if (node->ai_family == AF_INET6) {
      const auto* socket = reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
      asio::ip::address_v6::bytes_type bytes;
      std::copy_n(socket->sin6_addr.s6_addr, bytes.size(), bytes.begin());
      address = asio::ip::address_v6(bytes, socket->sin6_scope_id);
    }
    if (!address || std::find(addresses.begin(), addresses.end(), *address) != addresses.end())
      continue;
    addresses.push_back(*address);
    if (addresses.size() == most_addresses) break;
  }
  return addresses;
}

// Where the servers answered, the name is to blame; in all other cases we know nothing about it.
Resolution judge(const std::string& host, int status) {
  std::string name = one_line(host, 100);
  switch (status) {
    case ARES_ENOTFOUND:
      return {Resolution::Status::no_such_name, {}, fmt::format("no such name: {}", name)};
    case ARES_ENODATA:
      return {Resolution::Status::no_such_name, {}, fmt::format("{} has no address", name)};
    case ARES_EBADNAME:
      return {Resolution::Status::no_such_name,
              {},
              fmt::format("{} is not a name that can exist", name)};
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return {
          Resolution::Status::failed,
          {},
          fmt::format(
              "the name servers gave no answer about {}: unreachable, or in trouble themselves; "
              "see /etc/resolv.conf",
              name)};
    case ARES_ETIMEOUT:
      return {Resolution::Status::failed,
              {},
              fmt::format("no name server answered about {}; see /etc/resolv.conf", name)};
    default:  // c-ares has two dozen more, all of them its own or the server's trouble.
      return {Resolution::Status::failed,
              {},
              fmt::format("{} could not be looked up: {}", name, ares_strerror(status))};
  }
}

class Query : public std::enable_shared_from_this<Query> {
 public:
  Query(asio::io_context& loop, std::string host, Duration limit,
        std::function<void(Resolution)> finish)
      : loop_(loop),
        timer_(loop),
        ares_(std::make_shared<AresLoop>(loop)),
        host_(std::move(host)),
        limit_(limit),
        finish_(std::move(finish)) {}
  ~Query() { stop(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  void start(const std::string& name_servers) {
    if (int error = open(name_servers); error != ARES_SUCCESS) {
      return finish_soon(
          {Resolution::Status::failed,
           {},
           fmt::format("cannot look up names: {}; see /etc/resolv.conf", ares_strerror(error))});
    }
    timer_.expires_after(limit_);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      auto self = weak.lock();
      if (self && !error) self->give_up();
    });
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(ares_->channel(), host_.c_str(), nullptr, &hints, &Query::on_answer, this);
    ares_->drive();
  }

  void refuse(std::string reason) {
    finish_soon({Resolution::Status::failed, {}, std::move(reason)});
  }

 private:
  int open(const std::string& name_servers) {
    ares_options options{};
    options.timeout = static_cast<int>(std::clamp<long long>(limit_.count() / 5, 50, 3000));
    options.tries = tries;
    char files_then_servers[] = "fb";
    options.lookups = files_then_servers;
    int error = ares_->open(options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
    if (error != ARES_SUCCESS) return error;
    return name_servers.empty()
               ? ARES_SUCCESS
               : ares_set_servers_ports_csv(ares_->channel(), name_servers.c_str());
  }

  // c-ares calls this from within its own work, and for every question when its channel is
  // destroyed.
  static void on_answer(void* data, int status, int, ares_addrinfo* found) {
    auto* self = static_cast<Query*>(data);
    Resolution resolution;
    if (status == ARES_SUCCESS && found != nullptr) {
      resolution.addresses = addresses_of(*found);
      resolution.valid_for = validity_of(*found);
      if (resolution.addresses.empty()) status = ARES_ENODATA;
    }
    if (found != nullptr) ares_freeaddrinfo(found);
    if (!self->finish_) return;
    if (status == ARES_SUCCESS) {
      resolution.status = Resolution::Status::found;
    } else {
      resolution = judge(self->host_, status);
    }
    self->finish_soon(std::move(resolution));
  }

  void give_up() {
    if (!finish_) return;
    finish_soon({Resolution::Status::failed,
                 {},
                 fmt::format("no name server answered about {} within {}; see /etc/resolv.conf",
                             one_line(host_, 100), format_duration(limit_))});
  }

  // From the loop: the channel may be in the middle of its work, and must not be destroyed there.
  void finish_soon(Resolution resolution) {
    asio::post(loop_, [weak = weak_from_this(), finish = std::exchange(finish_, nullptr),
                       resolution = std::move(resolution)]() mutable {
      auto self = weak.lock();
      if (!self) return;
      self->stop();
      finish(std::move(resolution));
    });
  }

  void stop() {
    finish_ = nullptr;
    timer_.cancel();
    ares_->close();
  }

  asio::io_context& loop_;
  asio::steady_timer timer_;  // Rings at the end of the time there is.
  std::shared_ptr<AresLoop> ares_;
  std::string host_;
  Duration limit_;
  std::function<void(Resolution)> finish_;  // Null once there is an answer.
};

}  // namespace

struct Resolver::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& given, std::string servers)
      : loop(given), name_servers(std::move(servers)) {
    AresLoop::prepare_library();
  }

  std::uint64_t resolve(const std::string& host, Duration limit,
                        std::function<void(Resolution)> done) {
    std::uint64_t number = ++last_number;
    boost::system::error_code not_literal;
    auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) {
      give(number, {literal}, std::move(done));
      return number;
    }
    if (auto name = known.find(host); name != known.end()) {
      if (Steady::now() < name->second.until) {
        give(number, name->second.addresses, std::move(done));
        return number;
      }
      known.erase(name);
    }
    auto finish = [weak = weak_from_this(), number, host, done = std::move(done)](Resolution resolution) {
      auto self = weak.lock();
      if (!self) return;
      auto ended = self->queries.extract(number);  // Dies last: it owns what called us.
      self->keep(host, resolution);
      done(std::move(resolution));
    };
    auto query = std::make_shared<Query>(loop, host, limit, std::move(finish));
    bool too_many = queries.size() >= most_queries;
    queries.emplace(number, query);
    if (too_many) {
      query->refuse(fmt::format("{} names are already being looked up", most_queries));
    } else {
      query->start(name_servers);
    }
    return number;
  }

  // What needs no answer of anybody is told in the next round of the loop.
  void give(std::uint64_t number, std::vector<asio::ip::address> addresses,
            std::function<void(Resolution)> done) {
    ready.emplace(number, std::move(done));
    asio::post(loop, [weak = weak_from_this(), number, addresses = std::move(addresses)]() mutable {
      auto self = weak.lock();
      if (!self) return;
      auto wanted = self->ready.extract(number);
      if (!wanted.empty())
        wanted.mapped()({Resolution::Status::found, std::move(addresses), {}, Duration{0}});
    });
  }

  void keep(const std::string& host, const Resolution& resolution) {
    if (resolution.status != Resolution::Status::found || resolution.valid_for <= Duration{0}) return;
    const auto now = Steady::now();
    if (known.size() >= most_known)
      std::erase_if(known, [&](const auto& name) { return name.second.until <= now; });
    if (known.size() >= most_known) return;
    known.insert_or_assign(
        host, Known{resolution.addresses, now + std::min(resolution.valid_for, longest_known)});
  }

  struct Known {
    std::vector<asio::ip::address> addresses;
    Steady::time_point until;
  };

  asio::io_context& loop;
  std::string name_servers;
  std::map<std::uint64_t, std::shared_ptr<Query>> queries;
  std::map<std::uint64_t, std::function<void(Resolution)>> ready;
  std::map<std::string, Known> known;
  std::uint64_t last_number = 0;
};

Resolver::Resolver(asio::io_context& loop, std::string name_servers)
    : impl_(std::make_shared<Impl>(loop, std::move(name_servers))) {}
Resolver::~Resolver() {
  impl_->queries.clear();
  impl_->ready.clear();
}

std::uint64_t Resolver::resolve(const std::string& host, Duration timeout,
                                std::function<void(Resolution)> done) {
  return impl_->resolve(host, timeout, std::move(done));
}
const std::string& Resolver::name_servers() const {
  return impl_->name_servers;
}
void Resolver::cancel(std::uint64_t query) {
  impl_->queries.erase(query);
  impl_->ready.erase(query);
}

}  // namespace yagura::io
