#include "http_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "connection.hpp"
#include "http_curl.hpp"
#include "http_plain.hpp"
#include "text.hpp"

namespace yagura {
namespace {

// Addresses that stand for whoever asks: a page elsewhere must not make us knock at our own doors.
bool is_here(const Address& address) {
  if (address.is_loopback() || address.is_unspecified()) return true;
  if (address.is_v4()) return (address.to_v4().to_uint() >> 16) == 0xA9FE;  // 169.254/16
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped())
    return is_here(boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6));
  return v6.is_link_local();
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

class HttpRun final : public ConnectionRun {
 public:
  HttpRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
          std::shared_ptr<const HttpRequest> request, std::function<Finding(const HttpPage&)> judge)
      : ConnectionRun(runtime, run, std::move(done), request->url.port),
        request_(std::move(request)),
        judge_(std::move(judge)),
        url_(request_->url) {}

 private:
  void begin(std::vector<Address> addresses) override {
    bool here = std::any_of(addresses.begin(), addresses.end(), is_here);
    if (hops_ == 0) began_here_ = here;
    if (here && !began_here_) {
      return failing(
          fmt::format("the redirect to {} leads to this machine itself ({}), and is not followed",
                      url_.place(), addresses.front().to_string()));
    }
    addresses_ = std::move(addresses);
    if (request_->extras->auth && !secret_) {
      auto secret = read_http_secret(*request_->extras->auth);
      if (!secret) return finish({Verdict::unknown, one_line(secret.error().message), {}});
      secret_ = *std::move(secret);
    }
    const bool is_plain = !url_.is_https() && !request_->extras->signing &&
                          (request_->method == HttpRequest::Method::get ||
                           request_->method == HttpRequest::Method::head);
    if (is_plain) return connect_to(addresses_, url_.port);
    ask_by_curl();
  }

  void connected() override {
    plain_ = std::make_shared<PlainTransfer>(
        socket(), *request_, url_, secret(),
        [this](HttpOutcome outcome) { on_plain_end(std::move(outcome)); });
    plain_->start();
  }

  void on_plain_end(HttpOutcome outcome) {
    if (outcome || outcome.error().kind != HttpFault::Kind::not_understood)
      return on_end(std::move(outcome));
    // libcurl is more forgiving, and knows what to say where it is not.
    boost::system::error_code ignored;
    socket().close(ignored);
    ask_by_curl();
  }

  void ask_by_curl() {
    plain_.reset();
    curl_ =
        std::make_unique<CurlTransfer>(runtime(), *request_, url_, addresses_, secret(),
                                       [this](HttpOutcome outcome) { on_end(std::move(outcome)); });
    if (!curl_->start()) finish({Verdict::unknown, "no memory for an HTTP request", {}});
  }

  void on_end(HttpOutcome outcome) {
    if (!outcome) return finish(finding_of(outcome.error()));
    HttpPage& page = outcome->page;
    if (request_->redirects > 0 && is_redirect(page.status) && !outcome->location.empty())
      return follow(outcome->location);
    page.phrase = without_secrets(std::move(page.phrase));
    page.body = without_secrets(std::move(page.body));
    page.seconds = seconds_so_far();
    Finding finding = judge_(page);
    finding.values["total_seconds"] = page.seconds;
    finish(std::move(finding));
  }

  void follow(const std::string& location) {
    if (++hops_ > request_->redirects) {
      return failing(fmt::format("more than {} redirects; the last one leads to {}",
                                 request_->redirects, one_line(without_secrets(location), 120)));
    }
    auto next = parse_http_url(location);
    if (!next) {
      // What stands before an @ may be a password.
      std::string where = location.find('@') == std::string::npos
                              ? one_line(without_secrets(location), 120)
                              : "a URL with an @";
      return failing(
          fmt::format("the redirect to {} is not followed: {}", where, next.error().message));
    }
    forget();
    url_ = *std::move(next);
    look_up(url_.host());
  }

  const HttpSecret* secret() const { return secret_ ? &*secret_ : nullptr; }

  std::string without_secrets(std::string text) const {
    if (secret_) take_out_secrets(text, secret_->forms);
    take_out_secrets(text, request_->extras->secrets);
    return text;
  }

  Finding finding_of(const HttpFault& fault) const {
    const std::string place = url_.place();
    switch (fault.kind) {
      case HttpFault::Kind::could_not_ask:
        return {Verdict::unknown,
                one_line(fmt::format("could not ask {}: {}", place, fault.words)),
                {}};
      case HttpFault::Kind::not_connected:
        return none_accepts(addresses_, fault.error, place_of(addresses_.front(), url_.port));
      case HttpFault::Kind::tls_failed:
        return failed(fmt::format("TLS with {} failed: {}", place, fault.words));
      case HttpFault::Kind::no_answer:
        return failed(fmt::format("{} closed the connection without an answer", place));
      case HttpFault::Kind::broken_off:
        return failed(fmt::format("the answer of {} broke off: {}", place, fault.words));
      case HttpFault::Kind::too_many_headers:
        return failed(fmt::format("the answer of {} has more than 64 KiB of headers", place));
      case HttpFault::Kind::endless_header:
        return failed(fmt::format("the answer of {} has a header line that never ends", place));
      case HttpFault::Kind::not_understood:
        break;
    }
    return failed(fmt::format("the answer of {} cannot be understood: {}", place, fault.words));
  }

  Finding timed_out() override {
    return curl_ ? late_at(curl_->progress()) : ConnectionRun::timed_out();
  }
  Finding late() override { return late_at(plain_->progress()); }

  Finding late_at(const HttpProgress& progress) const {
    const std::string limit = format_duration(run().timeout);
    const std::string place = url_.place();
    switch (progress.stage) {
      case HttpProgress::Stage::connecting:
        return not_connected_yet(addresses_, run().timeout,
                                 place_of(addresses_.front(), url_.port));
      case HttpProgress::Stage::handshake:
        return failed(fmt::format("{} accepted the connection, but no TLS handshake within {}",
                                  place, limit));
      case HttpProgress::Stage::waiting:
        return failed(
            fmt::format("{} accepted the connection, but gave no answer within {}", place, limit));
      case HttpProgress::Stage::reading:
        break;
    }
    return failed(fmt::format("the answer of {} did not end within {} ({} bytes of its body came)",
                              place, limit, progress.body_bytes));
  }

  Finding failed(const std::string& reason) const {
    return {Verdict::failing, one_line(reason), {{"total_seconds", seconds_so_far()}}};
  }
  void failing(const std::string& reason) { finish(failed(reason)); }

  void forget() override {
    plain_.reset();
    curl_.reset();
  }

  std::shared_ptr<const HttpRequest> request_;
  std::function<Finding(const HttpPage&)> judge_;
  HttpUrl url_;  // The one being asked.
  int hops_ = 0;
  bool began_here_ = false;
  std::vector<Address> addresses_;
  std::optional<HttpSecret> secret_;
  // The request under way: one of them. They refer to what is above.
  std::shared_ptr<PlainTransfer> plain_;
  std::unique_ptr<CurlTransfer> curl_;
};

}  // namespace

std::shared_ptr<NetworkRun> fetch_page(io::Runtime& runtime, const ProbeRun& run,
                                       std::shared_ptr<const HttpRequest> request,
                                       std::function<Finding(const HttpPage&)> judge,
                                       std::function<void(Finding)> done) {
  return std::make_shared<HttpRun>(runtime, run, std::move(done), std::move(request),
                                   std::move(judge));
}

}  // namespace yagura
