// tcp: does something accept connections, and, where asked, does it say what it should?
//
//   host:   name or address                                                       (required)
//   port:   1 to 65535                                                            (required)
//   send:   text sent once the connection stands; \r \n \t \\ \0 and \xHH are understood; at most
//   4096 bytes expect: text that must come within the first 64 KiB; written as `send` is
//
// All addresses of the name are tried in order until one accepts; each gets its share of the time
// that is left. Values: connect_seconds, total_seconds.
#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "kinds.hpp"
#include "network.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t most_sent = 4096;
constexpr std::size_t most_read = 64 * 1024;

struct TcpSpec {
  std::string host;
  std::uint16_t port = 0;
  std::string send;
  std::string expect;
};

class TcpRun final : public NetworkRun {
 public:
  TcpRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
         const TcpSpec& spec)
      : NetworkRun(runtime, run, std::move(done)),
        spec_(spec),
        socket_(runtime.loop()),
        share_(runtime.loop()) {}

 private:
  enum class Phase { connecting, sending, reading };

  void begin(std::vector<Address> addresses) override {
    addresses_ = std::move(addresses);
    try_next();
  }

  void try_next() {
    if (next_ == addresses_.size()) return give_up();
    std::size_t left = addresses_.size() - next_;
    Address address = addresses_[next_++];
    place_ = place_of(address, spec_.port);
    error_code error;
    socket_.close(error);
    asio::ip::tcp::endpoint endpoint(address, spec_.port);
    socket_.open(endpoint.protocol(), error);
    if (error) return attempt_failed(error.value());
    std::size_t attempt = next_;
    socket_.async_connect(endpoint, while_running([this, attempt](error_code failed) {
                            if (attempt == next_) on_connect(failed);
                          }));
    if (left == 1) return;  // The last one has until the deadline.
    share_.expires_after((deadline() - Steady::now()) / left);
    share_.async_wait(while_running([this, attempt](error_code failed) {
      if (!failed && attempt == next_ && phase_ == Phase::connecting) attempt_failed(ETIMEDOUT);
    }));
  }

  void attempt_failed(int error) {
    bool counts_more = is_target_fault(error) && (error_ == 0 || !is_target_fault(error_));
    if (error_ == 0 || counts_more) {
      error_ = error;
      error_place_ = place_;
    }
    try_next();
  }

  void give_up() {
    std::string place = error_place_;
    if (addresses_.size() > 1)
      place += fmt::format(" (of {} addresses none accepts)", addresses_.size());
    finish(unless_own_trouble(connection_failed(error_, place), error_));
  }

  // Silence and "no host" are also what an interface without a link gives.
  Finding unless_own_trouble(Finding finding, int error) {
    if (error != EHOSTUNREACH && error != ETIMEDOUT) return finding;
    std::string trouble = trouble_on_the_way(addresses_.front());
    return trouble.empty() ? finding : Finding{Verdict::unknown, one_line(trouble), {}};
  }

  void on_connect(error_code failed) {
    if (failed) return attempt_failed(failed.value());
    error_code error;
    // A free port of this machine may be given to our own side, which then connects to itself.
    if (socket_.local_endpoint(error) == socket_.remote_endpoint(error) && !error)
      return attempt_failed(ECONNREFUSED);
    share_.cancel();
    connect_seconds_ = seconds_so_far();
    if (spec_.send.empty()) return after_sending();
    phase_ = Phase::sending;
    asio::async_write(socket_, asio::buffer(spec_.send),
                      while_running([this](error_code broken, std::size_t) {
                        if (broken) return on_broken(broken, "while it was sent to");
                        after_sending();
                      }));
  }

  void after_sending() {
    if (spec_.expect.empty()) return finish(well("connected to " + place_));
    phase_ = Phase::reading;
    read();
  }

  void read() {
    socket_.async_read_some(
        asio::buffer(buffer_),
        while_running([this](error_code error, std::size_t size) { on_read(error, size); }));
  }

  void on_read(error_code error, std::size_t size) {
    // What was searched before can only be the beginning of a match.
    std::size_t from =
        received_.size() < spec_.expect.size() ? 0 : received_.size() - spec_.expect.size() + 1;
    received_.append(buffer_.data(), std::min(size, most_read - received_.size()));
    if (received_.find(spec_.expect, from) != std::string::npos) {
      return finish(well(fmt::format("{} answered as expected", place_)));
    }
    if (error == asio::error::eof) return finish(not_said("before it closed the connection"));
    if (error) return on_broken(error, "before the expected text came from");
    if (received_.size() >= most_read) return finish(not_said("in its first 64 KiB"));
    read();
  }

  Finding not_said(std::string_view when) {
    std::string said = received_.empty() ? "it said nothing"
                                         : fmt::format("it said '{}'", one_line(received_, 80));
    return measured({Verdict::failing,
                     one_line(fmt::format("{} did not say '{}' {}; {}", place_,
                                          one_line(spec_.expect, 60), when, said)),
                     {}});
  }

  void on_broken(error_code error, std::string_view when) {
    finish(measured(
        {is_target_fault(error.value()) ? Verdict::failing : Verdict::unknown,
         one_line(fmt::format("the connection broke {} {}: {}", when, place_, error.message())),
         {}}));
  }

  Finding timed_out() override {
    std::string limit = format_duration(run().timeout);
    switch (phase_) {
      case Phase::connecting:
        return unless_own_trouble(
            {Verdict::failing, fmt::format("no connection to {} within {}", place_, limit), {}},
            ETIMEDOUT);
      case Phase::sending:
        return measured(
            {Verdict::failing, fmt::format("{} took no data within {}", place_, limit), {}});
      case Phase::reading:
        return not_said("within " + limit);
    }
    return {};
  }

  Finding well(const std::string& what) {
    return measured({Verdict::ok, fmt::format("{} in {:.3f} s", what, seconds_so_far()), {}});
  }
  Finding measured(Finding finding) {
    finding.values["connect_seconds"] = connect_seconds_;
    finding.values["total_seconds"] = seconds_so_far();
    return finding;
  }

  void stop() override {
    error_code ignored;
    socket_.close(ignored);
    share_.cancel();
    received_ = {};
  }

  TcpSpec spec_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer share_;
  std::vector<Address> addresses_;
  std::size_t next_ = 0;  // Also the number of the attempt under way, from 1.
  std::string place_;
  Phase phase_ = Phase::connecting;
  int error_ = 0;  // The weightiest so far, and where.
  std::string error_place_;
  double connect_seconds_ = 0;
  std::array<char, 4096> buffer_{};
  std::string received_;
};

class TcpProbe final : public Probe {
 public:
  explicit TcpProbe(TcpSpec spec) : spec_(std::move(spec)) {}
  ~TcpProbe() override {
    if (run_) run_->cancel();
  }
  TcpProbe(const TcpProbe&) = delete;
  TcpProbe& operator=(const TcpProbe&) = delete;

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    run_ = std::make_shared<TcpRun>(runtime, run, std::move(done), spec_);
    run_->start(spec_.host);
  }

 private:
  TcpSpec spec_;
  std::shared_ptr<TcpRun> run_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      plain += text[at];
      continue;
    }
    char next = ++at < text.size() ? text[at] : '\0';
    switch (next) {
      case 'r':
        plain += '\r';
        break;
      case 'n':
        plain += '\n';
        break;
      case 't':
        plain += '\t';
        break;
      case '0':
        plain += '\0';
        break;
      case '\\':
        plain += '\\';
        break;
      case 'x': {
        int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
        if (low < 0) return failure_of("after \\x come two hexadecimal digits, as in \\x0d");
        plain += static_cast<char>(high * 16 + low);
        at += 2;
        break;
      }
      default:
        return failure_of(
            "a backslash begins \\r, \\n, \\t, \\0, \\xHH or \\\\; write \\\\ for itself");
    }
  }
  return plain;
}

std::string read_escaped(Reader& reader, std::string_view key) {
  auto text = reader.text(key);
  if (!text) return {};
  auto plain = unescaped(*text);
  std::string wrong = !plain           ? plain.error().message
                      : plain->empty() ? "is empty: leave it out"
                      : plain->size() > most_sent
                          ? fmt::format("is longer than {} bytes", most_sent)
                          : "";
  if (wrong.empty()) return *plain;
  reader.problem(*reader.find(key), fmt::format("`{}`: {}", key, wrong));
  return {};
}

}  // namespace

std::unique_ptr<Probe> make_tcp(Reader& reader) {
  std::size_t problems = reader.problems().size();
  TcpSpec spec;
  spec.host = read_host(reader).value_or("");
  reader.required("port");
  spec.port = static_cast<std::uint16_t>(reader.integer_or("port", 0, 1, 65535));
  spec.send = read_escaped(reader, "send");
  spec.expect = read_escaped(reader, "expect");
  if (reader.problems().size() != problems) return nullptr;
  return std::make_unique<TcpProbe>(std::move(spec));
}

}  // namespace yagura
