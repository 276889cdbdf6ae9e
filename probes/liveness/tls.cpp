// tls: does a port speak TLS, with a certificate that is trusted, fits and goes on being valid?
//
//   host:        name or address                                                       (required)
//   port:        1 to 65535             (default 443; with `starttls` 25, 143, 110, 21)
//   starttls:    smtp, imap, pop3 or ftp: begin in the clear, and ask for TLS    (default: at once)
//   server_name: the name that is asked for (SNI) and that the certificate has to be for; for an
//                address none is sent, and the certificate has to be for that      (default: host)
//   ca_file:     certificates to trust instead of the system's; an absolute path
//   verify:      whether the chain has to be trusted and the name to fit            (default true)
//   failing:     level of the time until the first certificate of the presented chain expires
//                                                                             (default "< 7d")
//   warning:     likewise, only shown                                           (default "< 21d")
//   clear_at:    once failing, well again only here       (default: where failing does not hold)
//
// A certificate that has expired, or is not valid yet, fails whatever the levels and `verify` say.
// TLS 1.2 or later. Whether a certificate was revoked is not looked up. Nothing is sent once TLS
// stands. Values: connect_seconds, handshake_seconds, expires_seconds.
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <optional>

#include "certificates.hpp"
#include "connection.hpp"
#include "kinds.hpp"
#include "resource/threshold.hpp"
#include "starttls.hpp"
#include "text.hpp"

namespace yagura {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Of all certificates that a server may send. OpenSSL bounds each other message by itself.
constexpr long most_certificate_bytes = 100L * 1024;
constexpr int longest_chain = 10;

struct TlsSpec {
  std::string host;
  std::uint16_t port = 0;
  const StartTlsProtocol* starttls = nullptr;
  std::string server_name;  // A name or an address.
  bool is_address = false;
  std::string ca_file;
  bool verify = true;
  Threshold expiry;
};

std::string time_text(Instant instant) {
  auto day = std::chrono::floor<std::chrono::days>(instant);
  std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(instant - day)};
  return fmt::format("{}T{:02}:{:02}:{:02}Z", format_date(Date{day.time_since_epoch()}),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

// To the hour, of less than a day to the minute, rounded down.
std::string span_text(Duration span) {
  Duration unit = span < 24h ? Duration{1min} : Duration{1h};
  return format_duration(span - span % unit);
}

// What the certificates are checked with. Read anew in each run: they may have been replaced.
Result<asio::ssl::context> trusted(const TlsSpec& spec) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  error_code error;
  if (spec.ca_file.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.load_verify_file(spec.ca_file, error);
  }
  if (!error) return context;
  return failure_of(fmt::format("no certificates to trust can be read from {}: {}",
                                spec.ca_file.empty() ? "the system's store" : spec.ca_file,
                                error.message()));
}

// Apart from the run, because a handshake that is given up still ends in its own time: its handler
// holds this, which needs nothing of the run.
struct Session {
  Session(asio::ip::tcp::socket socket, asio::ssl::context given, const TlsSpec& spec)
      : context(std::move(given)), distrust(spec.server_name), stream(std::move(socket), context) {
    SSL_set_max_cert_list(ssl(), most_certificate_bytes);
    SSL_set_verify_depth(ssl(), longest_chain);
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl());
    X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const char* name = spec.server_name.c_str();
    named = spec.is_address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name) == 1
                            : SSL_set_tlsext_host_name(ssl(), name) == 1 &&
                                  X509_VERIFY_PARAM_set1_host(wanted, name, 0) == 1;
    stream.set_verify_mode(asio::ssl::verify_peer);
    // The handshake goes on whatever is found: it is judged, with the dates, when it stands.
    stream.set_verify_callback([this](bool good, asio::ssl::verify_context& verification) {
      distrust.note(good, verification.native_handle());
      return true;
    });
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  SSL* ssl() { return stream.native_handle(); }

  asio::ssl::context context;
  Distrust distrust;
  asio::ssl::stream<asio::ip::tcp::socket> stream;
  bool named = false;  // OpenSSL took the name that the certificate has to be for.
};

class TlsRun final : public ConnectionRun {
 public:
  TlsRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
         const TlsSpec& spec)
      : ConnectionRun(runtime, run, std::move(done), spec.port), spec_(spec) {}

 private:
  void connected() override {
    auto context = trusted(spec_);
    if (!context) return finish({Verdict::unknown, one_line(context.error().message), {}});
    context_ = *std::move(context);
    if (spec_.starttls == nullptr) return shake_hands();
    clear_.emplace(*spec_.starttls, own_name());
    read_clear();
  }

  // An address, as SMTP writes it, says no more about this machine than the connection does.
  std::string own_name() {
    error_code error;
    Address address = socket().local_endpoint(error).address();
    return fmt::format("[{}{}]", address.is_v6() ? "IPv6:" : "", address.to_string());
  }

  void read_clear() {
    socket().async_read_some(
        asio::buffer(buffer_),
        while_running([this](error_code error, std::size_t size) { on_clear(error, size); }));
  }

  void on_clear(error_code error, std::size_t size) {
    switch (clear_->feed({buffer_.data(), size})) {
      case StartTls::State::ready:
        return shake_hands();
      case StartTls::State::refused:
        return finish(measured(failing(fmt::format("{} {}", place(), clear_->refusal()))));
      case StartTls::State::waiting:
        break;
    }
    if (error == asio::error::eof)
      return finish(no_tls_began("closed the connection before TLS began"));
    if (error) return finish(measured(broken(error, "before TLS began with")));
    say_ = clear_->take();
    if (say_.empty()) return read_clear();
    asio::async_write(socket(), asio::buffer(say_),
                      while_running([this](error_code failed, std::size_t) {
                        if (failed)
                          return finish(measured(broken(failed, "before TLS began with")));
                        read_clear();
                      }));
  }

  // "… closed the connection before TLS began; it had said '220 …'"
  Finding no_tls_began(const std::string& what) {
    std::string heard = clear_->heard();
    return measured(failing(
        fmt::format("{} {}; {}", place(), what,
                    heard.empty() ? "it said nothing" : fmt::format("it had said '{}'", heard))));
  }

  void shake_hands() {
    session_ = std::make_shared<Session>(std::move(socket()), *std::move(context_), spec_);
    if (!session_->named) {
      return finish({Verdict::unknown,
                     one_line(fmt::format("TLS cannot ask for the name {}", spec_.server_name)),
                     {}});
    }
    session_->stream.async_handshake(
        asio::ssl::stream_base::client,
        while_running([this, session = session_](error_code error) { on_handshake(error); }));
  }

  void on_handshake(error_code error) {
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
      return finish(measured(failing(place() + " closed the connection in the TLS handshake")));
    }
    if (error.category() == asio::error::get_ssl_category()) {
      const char* words = ERR_reason_error_string(static_cast<unsigned long>(error.value()));
      bool no_tls =
          ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER;
      return finish(measured(
          failing(no_tls ? place() + " answers with something that is no TLS"
                         : fmt::format("TLS with {} failed: {}", place(),
                                       words == nullptr ? error.message() : std::string(words)))));
    }
    if (error) return finish(measured(broken(error, "in the TLS handshake with")));
    finish(measured(judge()));
  }

  Finding judge() {
    SSL* session = session_->ssl();
    std::vector<Certificate> chain = presented_certificates(session);
    if (chain.empty()) return failing(place() + " presented no certificate");
    Instant now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    const Certificate& first = *std::min_element(
        chain.begin(), chain.end(),
        [](const auto& one, const auto& other) { return one.until < other.until; });
    Duration left = first.until - now;
    expires_ = std::chrono::duration<double>(left).count();

    std::vector<std::string> faults;
    for (const Certificate& one : chain) {
      if (one.until < now) {
        faults.push_back(fmt::format("{} expired {}, {} ago", one.words, time_text(one.until),
                                     span_text(now - one.until)));
      } else if (one.from > now) {
        faults.push_back(fmt::format("{} is not valid before {}", one.words, time_text(one.from)));
      }
    }
    if (spec_.verify)
      faults.insert(faults.end(), session_->distrust.faults().begin(),
                    session_->distrust.faults().end());
    if (!faults.empty()) return failing(fmt::format("{}", fmt::join(faults, "; ")));

    std::string words =
        fmt::format("{} expires {}, in {}", first.words, time_text(first.until), span_text(left));
    Judgement judgement = spec_.expiry.judge(
        {{Quantity::duration, static_cast<double>(left.count()), words}}, run().was_failing);
    return {judgement.verdict,
            one_line(fmt::format("{}; {} with {} in {:.3f} s", judgement.reason,
                                 SSL_get_version(session), place(), seconds_so_far())),
            {}};
  }

  Finding late() override {
    std::string limit = format_duration(run().timeout);
    if (clear_ && !session_) return no_tls_began("did not come to TLS within " + limit);
    return measured(failing(
        fmt::format("{} accepted the connection, but no TLS handshake within {}", place(), limit)));
  }

  static Finding failing(const std::string& reason) {
    return {Verdict::failing, one_line(reason), {}};
  }
  Finding measured(Finding finding) {
    finding.values["connect_seconds"] = connect_seconds();
    if (expires_) {
      finding.values["expires_seconds"] = *expires_;
      finding.values["handshake_seconds"] = seconds_so_far() - connect_seconds();
    }
    return finding;
  }

  void forget() override {
    error_code ignored;
    if (session_) session_->stream.next_layer().close(ignored);
    session_.reset();
    context_.reset();
    clear_.reset();
  }

  TlsSpec spec_;
  std::optional<asio::ssl::context> context_;  // Until the handshake begins.
  std::optional<StartTls> clear_;              // What is said before it.
  std::shared_ptr<Session> session_;
  std::array<char, 4096> buffer_{};
  std::string say_;
  std::optional<double> expires_;
};

class TlsProbe final : public Probe {
 public:
  explicit TlsProbe(TlsSpec spec) : spec_(std::move(spec)) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    run_.start(spec_.host, std::move(done), [&](std::function<void(Finding)> tell) {
      return std::make_shared<TlsRun>(runtime, run, std::move(tell), spec_);
    });
  }

 private:
  TlsSpec spec_;
  RunUnderWay run_;
};

void read_starttls(Reader& reader, TlsSpec& spec) {
  auto name = reader.text("starttls");
  if (!name) return;
  spec.starttls = starttls_protocol(*name);
  if (spec.starttls != nullptr) return;
  reader.problem(*reader.find("starttls"),
                 fmt::format("`starttls` must be one of {}", fmt::join(starttls_names(), ", ")));
}

void read_server_name(Reader& reader, TlsSpec& spec) {
  spec.server_name = spec.host;
  if (auto name = reader.text("server_name")) {
    if (std::string wrong = wrong_with_host(*name); !wrong.empty())
      reader.problem(*reader.find("server_name"), fmt::format("`server_name`: {}", wrong));
    spec.server_name = *name;
  }
  // The dot that makes a name absolute belongs to no certificate.
  if (spec.server_name.ends_with('.')) spec.server_name.pop_back();
  error_code not_literal;
  asio::ip::make_address(spec.server_name, not_literal);
  spec.is_address = !not_literal;
}

}  // namespace

std::unique_ptr<Probe> make_tls(Reader& reader) {
  std::size_t problems = reader.problems().size();
  TlsSpec spec;
  spec.host = read_host(reader).value_or("");
  read_starttls(reader, spec);
  int usual = spec.starttls == nullptr ? 443 : usual_port(*spec.starttls);
  spec.port = static_cast<std::uint16_t>(reader.integer_or("port", usual, 1, 65535));
  read_server_name(reader, spec);
  spec.ca_file = reader.text_or("ca_file", "");
  if (const Node* file = reader.find("ca_file");
      file != nullptr && !spec.ca_file.starts_with('/')) {
    reader.problem(*file, "`ca_file` must be an absolute path");
  }
  spec.verify = reader.boolean_or("verify", true);
  if (!spec.verify && !spec.ca_file.empty())
    reader.problem(*reader.find("ca_file"), "`ca_file` is for `verify: true`: leave one out");
  auto expiry = Threshold::read(
      reader, {{Quantity::duration, false, "the time until a certificate expires", "< 7d"}}, "< 7d",
      "< 21d");
  if (!expiry || reader.problems().size() != problems) return nullptr;
  spec.expiry = *std::move(expiry);
  return std::make_unique<TlsProbe>(std::move(spec));
}

}  // namespace yagura
