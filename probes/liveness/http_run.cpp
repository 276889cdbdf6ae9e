#include "http_run.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string_view>

#include "base64.hpp"
#include "connection.hpp"
#include "curl_loop.hpp"
#include "http_answer.hpp"
#include "runtime.hpp"
#include "secret_file.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_headers = HttpAnswer::most_headers;
constexpr std::size_t longest_url = 2048;

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ShareFree {
  void operator()(CURLSH* share) const { curl_share_cleanup(share); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using List = std::unique_ptr<curl_slist, ListFree>;

bool append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string without_brackets(std::string host) {
  return host.size() > 1 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

// Addresses that stand for whoever asks: a page elsewhere must not make us knock at our own doors.
bool is_here(const Address& address) {
  if (address.is_loopback() || address.is_unspecified()) return true;
  if (address.is_v4()) return (address.to_v4().to_uint() >> 16) == 0xA9FE;  // 169.254/16
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped())
    return is_here(boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6));
  return v6.is_link_local();
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Whose fault it is where no page came. Codes that are not named here are ours until a connection
// stood.
enum class Blame { ours, target, certificate };
Blame blame_for(CURLcode code, bool connected) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return Blame::certificate;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return Blame::target;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:  // Our own certificate, or its key.
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_CIPHER:
    case CURLE_NOT_BUILT_IN:
      return Blame::ours;
    default:
      return connected ? Blame::target : Blame::ours;
  }
}

// libcurl's words without what we say ourselves.
std::string_view without_prefix(std::string_view words) {
  constexpr std::string_view known[] = {"SSL certificate problem: ", "SSL: "};
  for (std::string_view prefix : known) {
    if (words.starts_with(prefix)) return words.substr(prefix.size());
  }
  return words;
}

// What a request is let in with, and the forms in which a server can quote it.
struct Secret {
  HttpAuth::Kind kind = HttpAuth::Kind::basic;
  std::string user, password;  // or the token
  std::vector<std::string> forms;
};

void take_out_of(std::string& text, const std::vector<std::string>& forms) {
  constexpr std::string_view instead = "[secret]";
  for (const std::string& form : forms) {
    for (std::size_t at = 0; (at = text.find(form, at)) != std::string::npos;) {
      text.replace(at, form.size(), instead);
      at += instead.size();
    }
  }
}

Result<Secret> read_secret(const HttpAuth& auth) {
  auto file = io::read_secret_file(auth.file, "the file of `auth`,");
  if (!file) return tl::unexpected(std::move(file.error()));
  Secret secret;
  secret.kind = auth.kind;
  secret.password = file->secret;
  secret.forms = {file->secret};
  if (auth.kind == HttpAuth::Kind::basic) {
    const auto colon = file->secret.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == file->secret.size()) {
      return failure_of(fmt::format("the file of `auth`, {}, has to hold one line, user:password",
                                    one_line(auth.file, 200)));
    }
    secret.user = file->secret.substr(0, colon);
    secret.password = file->secret.substr(colon + 1);
    secret.forms = {file->secret, base64(file->secret), secret.password};
  }
  for (char c : file->secret) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return failure_of(fmt::format("the file of `auth`, {}, has control characters in it",
                                    one_line(auth.file, 200)));
    }
  }
  return secret;
}

class HttpRun final : public ConnectionRun {
 public:
  HttpRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
          const HttpRequest& request, std::function<Finding(const HttpPage&)> judge)
      : ConnectionRun(runtime, run, std::move(done), request.url.port),
        request_(request),
        judge_(std::move(judge)),
        url_(request.url) {}

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
    if (request_.auth && !secret_) {
      auto secret = read_secret(*request_.auth);
      if (!secret) return finish({Verdict::unknown, one_line(secret.error().message), {}});
      secret_ = *std::move(secret);
    }
    const bool is_simple = url_.scheme == "http" && !request_.signing && (request_.method == HttpRequest::Method::get ||
                                                                         request_.method == HttpRequest::Method::head);
    if (is_simple) return connect_to(addresses_, url_.port);
    transfer();
  }

  // ---- In the clear, over a socket of our own ----

  void connected() override {
    plain_ = std::make_unique<Plain>(request_.method == HttpRequest::Method::head, request_.body_limit,
                                     request_.keep_body);
    plain_->request = http_request_bytes(request_, url_, authorization());
    boost::asio::async_write(socket(), boost::asio::buffer(plain_->request),
                             while_running([this](boost::system::error_code error, std::size_t) {
                               if (error) return broken_off(error.message());
                               read();
                             }));
  }

  std::string authorization() const {
    if (!secret_) return {};
    return secret_->kind == HttpAuth::Kind::bearer
               ? "Bearer " + secret_->password
               : "Basic " + base64(secret_->user + ":" + secret_->password);
  }

  void read() {
    socket().async_read_some(boost::asio::buffer(plain_->buffer),
                             while_running([this](boost::system::error_code error, std::size_t size) {
                               on_read(error, size);
                             }));
  }

  void on_read(boost::system::error_code error, std::size_t size) {
    HttpAnswer& answer = plain_->answer;
    if (error && error != boost::asio::error::eof) {
      return answer.has_begun() ? broken_off(error.message()) : nothing_came();
    }
    switch (error ? answer.end() : answer.take({plain_->buffer.data(), size})) {
      case HttpAnswer::State::incomplete:
        return read();
      case HttpAnswer::State::complete:
      case HttpAnswer::State::cut:
        return plain_page();
      case HttpAnswer::State::too_many_headers:
        return too_many_headers();
      case HttpAnswer::State::broken_off:
        return broken_off("the connection was closed before its end");
      case HttpAnswer::State::nothing:
        return nothing_came();
      case HttpAnswer::State::not_understood:
        break;
    }
    // libcurl is more forgiving, and knows what to say where it is not.
    boost::system::error_code ignored;
    socket().close(ignored);
    transfer();
  }

  void plain_page() {
    HttpAnswer& answer = plain_->answer;
    const std::string location = request_.redirects > 0 && is_redirect(answer.status()) ? absolute(answer.location()) : "";
    if (!location.empty()) return follow(location);
    page_.body_cut = answer.body_cut();
    page_.phrase = answer.phrase();
    page_.body = answer.take_body();
    judged(answer.status());
  }

  // "" where it leads nowhere.
  std::string absolute(const std::string& location) const {
    if (location.empty()) return {};
    const std::unique_ptr<CURLU, UrlFree> url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, url_.text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) != CURLUE_OK)
      return {};
    return part_of(url.get(), CURLUPART_URL);
  }

  void nothing_came() { failing(fmt::format("{} closed the connection without an answer", url_.place())); }
  void broken_off(std::string_view words) {
    failing(fmt::format("the answer of {} broke off: {}", url_.place(), words));
  }
  void too_many_headers() {
    failing(fmt::format("the answer of {} has more than 64 KiB of headers", url_.place()));
  }

  Finding late() override {
    const std::string limit = format_duration(run().timeout);
    const bool has_begun = plain_ && plain_->answer.has_begun();
    return measured({Verdict::failing,
                     one_line(has_begun ? did_not_end(limit, plain_->answer.body_bytes()) : no_answer(limit)),
                     {}});
  }
  std::string no_answer(const std::string& limit) const {
    return fmt::format("{} accepted the connection, but gave no answer within {}", url_.place(), limit);
  }
  std::string did_not_end(const std::string& limit, std::size_t bytes) const {
    return fmt::format("the answer of {} did not end within {} ({} bytes of its body came)", url_.place(), limit, bytes);
  }

  // ---- By libcurl ----

  void transfer() {
    drop_transfer();
    easy_.reset(curl_easy_init());
    // A store of names of its own, so that what we looked up for this run stays with this run.
    boost::system::error_code is_name;
    boost::asio::ip::make_address(url_.host, is_name);
    if (is_name) share_.reset(curl_share_init());
    if (!easy_ || (is_name && !share_) || !set_options()) {
      return finish({Verdict::unknown, "no memory for an HTTP request", {}});
    }
    runtime().curl().start(easy_.get(), while_running([this](CURLcode code) { on_end(code); }));
  }

  bool set_options() {
    bool good = true;
    const auto set = [&](CURLoption option, auto value) {
      good = good && curl_easy_setopt(easy_.get(), option, value) == CURLE_OK;
    };
    if (share_) {
      curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
      set(CURLOPT_SHARE, share_.get());
      good = good && append(names_, resolved_name());
      set(CURLOPT_RESOLVE, names_.get());
    }
    // libcurl keeps literal addresses too, and goes through all that it keeps at each request.
    if (!share_) set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(CURLOPT_BUFFERSIZE, 8L * 1024);
    set(CURLOPT_URL, url_.text.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_USERAGENT, "yagura");
    set(CURLOPT_NOBODY, request_.method == HttpRequest::Method::head ? 1L : 0L);
    if (url_.same_origin(request_.url)) {
      if (request_.method == HttpRequest::Method::post) {
        set(CURLOPT_POSTFIELDS, request_.body.c_str());
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      } else if (request_.method == HttpRequest::Method::put) {
        set(CURLOPT_CUSTOMREQUEST, "PUT");
      }
      if (request_.signing) {
        const AwsSigning& signing = *request_.signing;
        const std::string scope = fmt::format("aws:amz:{}:{}", signing.region, signing.service);
        set(CURLOPT_AWS_SIGV4, scope.c_str());
        set(CURLOPT_USERNAME, signing.key_id.c_str());
        set(CURLOPT_PASSWORD, signing.secret.c_str());
      }
      for (const std::string& line : request_.headers)
        good = good && append(headers_, line);
      if (headers_) set(CURLOPT_HTTPHEADER, headers_.get());
      if (secret_ && secret_->kind == HttpAuth::Kind::basic) {
        set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        set(CURLOPT_USERNAME, secret_->user.c_str());
        set(CURLOPT_PASSWORD, secret_->password.c_str());
      } else if (secret_) {
        set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
        set(CURLOPT_XOAUTH2_BEARER, secret_->password.c_str());
      }
      if (!request_.client_certificate.empty()) {
        set(CURLOPT_SSLCERT, request_.client_certificate.c_str());
        set(CURLOPT_SSLKEY, request_.client_key.empty() ? request_.client_certificate.c_str()
                                                        : request_.client_key.c_str());
        // OpenSSL would ask a terminal for the words of a key that is locked.
        set(CURLOPT_KEYPASSWD, "");
      }
    }
    if (url_.scheme == "https") set_tls_options(set);
    error_words_[0] = '\0';
    set(CURLOPT_ERRORBUFFER, error_words_);
    set(CURLOPT_WRITEFUNCTION, &HttpRun::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_HEADERFUNCTION, &HttpRun::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_OPENSOCKETFUNCTION, &HttpRun::on_open);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    return good;
  }

  template <class Set>
  void set_tls_options(const Set& set) {
    set(CURLOPT_SSL_VERIFYPEER, request_.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request_.verify_tls ? 2L : 0L);
    set(CURLOPT_CERTINFO, 1L);
    if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
  }

  // "HOST:PORT:ADDRESS,ADDRESS"
  std::string resolved_name() const {
    std::string line = fmt::format("{}:{}:", url_.host, url_.port);
    for (const Address& address : addresses_) {
      if (&address != &addresses_.front()) line += ',';
      line += address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
    }
    return line;
  }

  static curl_socket_t on_open(void* data, curlsocktype, curl_sockaddr* address) {
    auto* self = static_cast<HttpRun*>(data);
    int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket < 0) self->open_error_ = errno;
    if (socket >= 0) self->opened_.push_back(socket);
    return socket < 0 ? CURL_SOCKET_BAD : socket;
  }

  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* data) {
    auto* self = static_cast<HttpRun*>(data);
    self->header_bytes_ += size;
    if (self->header_bytes_ > most_headers) return 0;
    std::string_view line(bytes, size);
    if (line.starts_with("HTTP/")) {
      std::size_t status = line.find(' ');
      std::size_t phrase = status == std::string_view::npos ? status : line.find(' ', status + 1);
      self->page_.phrase =
          phrase == std::string_view::npos ? "" : std::string(line.substr(phrase + 1, 200));
      while (!self->page_.phrase.empty() &&
             std::strchr("\r\n ", self->page_.phrase.back()) != nullptr) {
        self->page_.phrase.pop_back();
      }
    }
    return size;
  }

  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* data) {
    auto* self = static_cast<HttpRun*>(data);
    std::size_t taken = std::min(size, self->request_.body_limit - self->body_bytes_);
    self->body_bytes_ += taken;
    if (self->request_.keep_body) self->page_.body.append(bytes, taken);
    self->page_.body_cut = taken < size;
    return taken;
  }

  void on_end(CURLcode code) {
    if (code == CURLE_WRITE_ERROR && page_.body_cut) code = CURLE_OK;  // We have read enough.
    if (code == CURLE_WRITE_ERROR && header_bytes_ > most_headers) {
      return too_many_headers();
    }
    if (code == CURLE_COULDNT_CONNECT) return not_connected();
    if (code != CURLE_OK) return broken(code);

    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    const char* location = nullptr;
    curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &location);
    if (request_.redirects > 0 && is_redirect(status) && location != nullptr)
      return follow(location);
    page_.certificate_days = certificate_days();
    judged(static_cast<int>(status));
  }

  void judged(int status) {
    page_.phrase = without_secret(std::move(page_.phrase));
    page_.body = without_secret(std::move(page_.body));
    page_.status = status;
    page_.seconds = seconds_so_far();
    finish(measured(judge_(page_)));
  }

  // Before anything is cut, so that no half of it stays.
  std::string without_secret(std::string text) const {
    if (secret_) take_out_of(text, secret_->forms);
    take_out_of(text, request_.secrets);
    return text;
  }

  void follow(const std::string& location) {
    if (++hops_ > request_.redirects) {
      return failing(fmt::format("more than {} redirects; the last one leads to {}",
                                 request_.redirects, one_line(without_secret(location), 120)));
    }
    auto next = parse_http_url(location);
    if (!next) {
      // What stands before an @ may be a password.
      std::string where =
          location.find('@') == std::string::npos ? one_line(without_secret(location), 120)
                                                  : "a URL with an @";
      return failing(
          fmt::format("the redirect to {} is not followed: {}", where, next.error().message));
    }
    url_ = *std::move(next);
    drop_transfer();
    look_up(url_.host);
  }

  void not_connected() {
    // Where no socket could be had nothing was tried; else libcurl keeps the last attempt's error.
    long error = open_error_;
    if (error == 0) curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &error);
    std::string place = place_of(addresses_.front(), url_.port);
    if (addresses_.size() > 1)
      place += fmt::format(" (of {} addresses none accepts)", addresses_.size());
    finish(unless_own_trouble(connection_failed(static_cast<int>(error), place),
                              static_cast<int>(error)));
  }

  Finding unless_own_trouble(Finding finding, int error) {
    if (!may_be_own_trouble(error)) return finding;
    std::string trouble = trouble_on_the_way(addresses_.front());
    return trouble.empty() ? finding : Finding{Verdict::unknown, one_line(trouble), {}};
  }

  void broken(CURLcode code) {
    std::string_view words = error_words_[0] != '\0' ? error_words_ : curl_easy_strerror(code);
    words = without_prefix(words);
    // What libcurl says of a header line that is longer than it takes; memory itself does not run
    // out here.
    if (code == CURLE_OUT_OF_MEMORY && has_connected()) {
      return failing(
          fmt::format("the answer of {} has a header line that never ends", url_.place()));
    }
    switch (blame_for(code, has_connected())) {
      case Blame::ours:
        return finish({Verdict::unknown,
                       one_line(fmt::format("could not ask {}: {}", url_.place(), words)),
                       {}});
      case Blame::certificate:
        return failing(fmt::format("TLS with {} failed: {}", url_.place(), words));
      case Blame::target:
        break;
    }
    if (code == CURLE_GOT_NOTHING) return nothing_came();
    if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
      return broken_off(words);
    failing(fmt::format("the answer of {} cannot be understood: {}", url_.place(), words));
  }

  // libcurl's own time of connecting is known only once TLS stands. A number that it closed may be
  // another's socket by now, so who is at its other end is compared.
  bool has_connected() const {
    double seconds = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_CONNECT_TIME, &seconds);
    return seconds > 0 || std::any_of(opened_.begin(), opened_.end(), [&](int socket) {
             boost::asio::ip::tcp::endpoint peer;
             socklen_t size = static_cast<socklen_t>(peer.capacity());
             if (::getpeername(socket, peer.data(), &size) != 0) return false;
             peer.resize(size);
             return peer.port() == url_.port && std::find(addresses_.begin(), addresses_.end(),
                                                          peer.address()) != addresses_.end();
           });
  }

  Finding timed_out() override {
    if (!easy_) return ConnectionRun::timed_out();
    std::string limit = format_duration(run().timeout);
    std::string what;
    double tls_seconds = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_APPCONNECT_TIME, &tls_seconds);
    if (!has_connected()) {
      return unless_own_trouble({Verdict::failing,
                                 fmt::format("no connection to {} within {}",
                                             place_of(addresses_.front(), url_.port), limit),
                                 {}},
                                ETIMEDOUT);
    }
    if (url_.scheme == "https" && tls_seconds == 0) {
      what = fmt::format("{} accepted the connection, but no TLS handshake within {}", url_.place(),
                         limit);
    } else if (header_bytes_ == 0) {
      what = no_answer(limit);
    } else {
      what = did_not_end(limit, body_bytes_);
    }
    return measured({Verdict::failing, one_line(what), {}});
  }

  void failing(const std::string& reason) {
    finish(measured({Verdict::failing, one_line(reason), {}}));
  }
  Finding measured(Finding finding) {
    finding.values["total_seconds"] = page_.seconds > 0 ? page_.seconds : seconds_so_far();
    return finding;
  }

  std::optional<double> certificate_days() const {
    curl_certinfo* info = nullptr;
    if (curl_easy_getinfo(easy_.get(), CURLINFO_CERTINFO, &info) != CURLE_OK || info == nullptr)
      return std::nullopt;
    if (info->num_of_certs < 1) return std::nullopt;
    constexpr std::string_view field = "Expire date:";
    for (const curl_slist* line = info->certinfo[0]; line != nullptr; line = line->next) {
      if (!std::string_view(line->data).starts_with(field)) continue;
      std::time_t ends = curl_getdate(line->data + field.size(), nullptr);
      if (ends < 0) return std::nullopt;
      return std::difftime(ends, std::time(nullptr)) / 86400;
    }
    return std::nullopt;
  }

  void drop_transfer() {
    if (easy_) runtime().curl().cancel(easy_.get());
    easy_.reset();
    plain_.reset();
    share_.reset();
    names_.reset();
    headers_.reset();
    std::string().swap(page_.body);  // An assigned string would keep the room of the former.
    page_ = {};
    header_bytes_ = body_bytes_ = 0;
    open_error_ = 0;
    opened_.clear();
  }

  void forget() override { drop_transfer(); }

  struct Plain {
    Plain(bool to_head, std::size_t body_limit, bool keep_body) : answer(to_head, body_limit, keep_body) {}
    HttpAnswer answer;
    std::string request;
    std::array<char, 8192> buffer{};
  };

  HttpRequest request_;
  std::function<Finding(const HttpPage&)> judge_;
  HttpUrl url_;  // The one being asked.
  int hops_ = 0;
  bool began_here_ = false;
  std::vector<Address> addresses_;
  std::optional<Secret> secret_;
  std::unique_ptr<Plain> plain_;
  // In the order in which they refer to one another: the handle goes first.
  List names_;
  List headers_;
  std::unique_ptr<CURLSH, ShareFree> share_;
  std::unique_ptr<CURL, EasyFree> easy_;
  char error_words_[CURL_ERROR_SIZE] = {};
  HttpPage page_;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  int open_error_ = 0;
  std::vector<int> opened_;  // libcurl's, and perhaps closed by now: one for each address at most.
};

}  // namespace

std::string HttpUrl::place() const {
  return fmt::format("{} port {}", one_line(host, 100), port);
}

Result<HttpUrl> parse_http_url(const std::string& text) {
  if (text.size() > longest_url)
    return failure_of(fmt::format("the URL is longer than {} bytes", longest_url));
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F)
      return failure_of("a URL has no spaces or control characters; write %20");
    if (byte >= 0x80)
      return failure_of(
          "a URL has ASCII characters only; write %E3%81%82, and a host in its xn-- form");
  }
  std::unique_ptr<CURLU, UrlFree> url(curl_url());
  if (!url) return failure_of("no memory to read a URL");
  CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code == CURLUE_BAD_SCHEME || code == CURLUE_UNSUPPORTED_SCHEME ||
      code == CURLUE_MALFORMED_INPUT) {
    return failure_of("not a URL that can be asked; write http://host/path or https://host/path");
  }
  if (code != CURLUE_OK) return failure_of(fmt::format("not a URL: {}", curl_url_strerror(code)));

  HttpUrl parsed;
  parsed.scheme = part_of(url.get(), CURLUPART_SCHEME);
  if (parsed.scheme != "http" && parsed.scheme != "https") {
    return failure_of("only http:// and https:// are asked; for others see the tcp probe");
  }
  // libcurl would take a third slash for a slip, and the first word of the path for the host.
  if (text.starts_with(parsed.scheme + ":///")) {
    return failure_of("the URL has no host; write http://host/path or https://host/path");
  }
  if (!part_of(url.get(), CURLUPART_USER).empty() ||
      !part_of(url.get(), CURLUPART_PASSWORD).empty()) {
    return failure_of(
        "a URL shows in reasons and mails, so it has no user and password; use a header");
  }
  parsed.host = without_brackets(part_of(url.get(), CURLUPART_HOST));
  if (std::string wrong = wrong_with_host(parsed.host); !wrong.empty()) return failure_of(wrong);
  std::string port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc{} || parsed.port == 0)
    return failure_of("the port is a number from 1 to 65535");
  parsed.text = part_of(url.get(), CURLUPART_URL);
  // What libcurl will be given is read by it once more: http://%31/ is the host "1" now, and 0.0.0.1
  // then. The host that is looked up and judged has to be the one that is asked.
  if (curl_url_set(url.get(), CURLUPART_URL, parsed.text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      without_brackets(part_of(url.get(), CURLUPART_HOST)) != parsed.host) {
    return failure_of("the URL's host can be read in two ways; write it without % signs");
  }
  return parsed;
}

std::shared_ptr<NetworkRun> fetch_page(io::Runtime& runtime, const ProbeRun& run,
                                       const HttpRequest& request,
                                       std::function<Finding(const HttpPage&)> judge,
                                       std::function<void(Finding)> done) {
  return std::make_shared<HttpRun>(runtime, run, std::move(done), request, std::move(judge));
}

}  // namespace yagura
