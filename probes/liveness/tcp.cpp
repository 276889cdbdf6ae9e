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
#include <boost/asio/write.hpp>

#include "connection.hpp"
#include "kinds.hpp"
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

class TcpRun final : public ConnectionRun {
 public:
  TcpRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
         const TcpSpec& spec)
      : ConnectionRun(runtime, run, std::move(done), spec.port), spec_(spec) {}

 private:
  void connected() override {
    if (spec_.send.empty()) return after_sending();
    asio::async_write(socket(), asio::buffer(spec_.send),
                      while_running([this](error_code error, std::size_t) {
                        if (error) return finish(measured(broken(error, "while it was sent to")));
                        after_sending();
                      }));
  }

  void after_sending() {
    sent_ = true;
    if (spec_.expect.empty()) return finish(well("connected to " + place()));
    read();
  }

  void read() {
    socket().async_read_some(
        asio::buffer(buffer_),
        while_running([this](error_code error, std::size_t size) { on_read(error, size); }));
  }

  void on_read(error_code error, std::size_t size) {
    // What was searched before can only be the beginning of a match.
    std::size_t from =
        received_.size() < spec_.expect.size() ? 0 : received_.size() - spec_.expect.size() + 1;
    received_.append(buffer_.data(), std::min(size, most_read - received_.size()));
    if (received_.find(spec_.expect, from) != std::string::npos) {
      return finish(well(fmt::format("{} answered as expected", place())));
    }
    if (error == asio::error::eof) return finish(not_said("before it closed the connection"));
    if (error) return finish(measured(broken(error, "before the expected text came from")));
    if (received_.size() >= most_read) return finish(not_said("in its first 64 KiB"));
    read();
  }

  Finding not_said(std::string_view when) {
    std::string said = received_.empty() ? "it said nothing"
                                         : fmt::format("it said '{}'", one_line(received_, 80));
    return measured({Verdict::failing,
                     one_line(fmt::format("{} did not say '{}' {}; {}", place(),
                                          one_line(spec_.expect, 60), when, said)),
                     {}});
  }

  Finding late() override {
    std::string limit = format_duration(run().timeout);
    if (sent_) return not_said("within " + limit);
    return measured(
        {Verdict::failing, fmt::format("{} took no data within {}", place(), limit), {}});
  }

  Finding well(const std::string& what) {
    return measured({Verdict::ok, fmt::format("{} in {:.3f} s", what, seconds_so_far()), {}});
  }
  Finding measured(Finding finding) {
    finding.values["connect_seconds"] = connect_seconds();
    finding.values["total_seconds"] = seconds_so_far();
    return finding;
  }

  void forget() override { received_ = {}; }

  TcpSpec spec_;
  bool sent_ = false;
  std::array<char, 4096> buffer_{};
  std::string received_;
};

class TcpProbe final : public Probe {
 public:
  explicit TcpProbe(TcpSpec spec) : spec_(std::move(spec)) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    run_.start(spec_.host, std::move(done), [&](std::function<void(Finding)> tell) {
      return std::make_shared<TcpRun>(runtime, run, std::move(tell), spec_);
    });
  }

 private:
  TcpSpec spec_;
  RunUnderWay run_;
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
