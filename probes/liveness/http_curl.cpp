#include "http_curl.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "curl_loop.hpp"
#include "http_answer.hpp"
#include "runtime.hpp"

namespace yagura {
namespace {

using Kind = HttpFault::Kind;

constexpr std::size_t most_headers = HttpAnswer::most_headers;

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ShareFree {
  void operator()(CURLSH* share) const { curl_share_cleanup(share); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListFree>;

bool append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

// Codes that are not named here are ours until a connection stood.
Kind kind_of(CURLcode code, bool connected) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return Kind::tls_failed;
    case CURLE_GOT_NOTHING:
      return Kind::no_answer;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return Kind::broken_off;
    case CURLE_OUT_OF_MEMORY:
      // What libcurl says of a header line that is longer than it takes; memory itself does not run
      // out here.
      return connected ? Kind::endless_header : Kind::could_not_ask;
    case CURLE_FAILED_INIT:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:  // Our own certificate, or its key.
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_CIPHER:
    case CURLE_NOT_BUILT_IN:
      return Kind::could_not_ask;
    default:
      return connected ? Kind::not_understood : Kind::could_not_ask;
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

// "HOST:PORT:ADDRESS,ADDRESS"
std::string resolved_name(const HttpUrl& url, const CurlTransfer::Addresses& addresses) {
  std::string line = fmt::format("{}:{}:", url.host(), url.port);
  for (const auto& address : addresses) {
    if (&address != &addresses.front()) line += ',';
    line += address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
  }
  return line;
}

std::string phrase_of(std::string_view status_line) {
  const std::size_t status = status_line.find(' ');
  const std::size_t at = status == status_line.npos ? status : status_line.find(' ', status + 1);
  std::string phrase(at == status_line.npos ? "" : status_line.substr(at + 1, 200));
  while (!phrase.empty() && std::strchr("\r\n ", phrase.back()) != nullptr)
    phrase.pop_back();
  return phrase;
}

}  // namespace

struct CurlTransfer::Impl {
  io::Runtime& runtime;
  const HttpRequest& request;
  const HttpUrl& url;
  const Addresses& addresses;
  const HttpSecret* secret;
  HttpDone done;

  HttpPage page{};
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;
  int open_error = 0;
  std::vector<int> opened{};  // libcurl's, perhaps closed by now: one for each address at most
  char error_words[CURL_ERROR_SIZE] = {};
  // In the order in which they refer to one another: the handle goes first.
  List names{};
  List headers{};
  std::unique_ptr<CURLSH, ShareFree> share{};
  std::unique_ptr<CURL, EasyFree> easy{};

  template <class Value>
  bool set(CURLoption option, Value value) {
    return curl_easy_setopt(easy.get(), option, value) == CURLE_OK;
  }

  bool set_options() {
    return set_names() && set_bounds() && set_callbacks() &&
           (!url.same_origin(request.url) || (set_content() && set_credentials())) &&
           (!url.is_https() || set_tls());
  }

  bool set_names() {
    // A store of names of its own, so that what we looked up for this run stays with this run.
    boost::system::error_code is_name;
    boost::asio::ip::make_address(url.host(), is_name);
    // libcurl keeps literal addresses too, and goes through all that it keeps at each request.
    if (!is_name) return set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    share.reset(curl_share_init());
    return share &&
           curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
           set(CURLOPT_SHARE, share.get()) && append(names, resolved_name(url, addresses)) &&
           set(CURLOPT_RESOLVE, names.get());
  }

  bool set_bounds() {
    return set(CURLOPT_BUFFERSIZE, 8L * 1024) && set(CURLOPT_URL, url.text.c_str()) &&
           set(CURLOPT_PROTOCOLS_STR, "http,https") && set(CURLOPT_PROXY, "") &&
           set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_FOLLOWLOCATION, 0L) &&
           set(CURLOPT_FRESH_CONNECT, 1L) && set(CURLOPT_FORBID_REUSE, 1L) &&
           set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
           set(CURLOPT_USERAGENT, "yagura") &&
           set(CURLOPT_NOBODY, request.method == HttpRequest::Method::head ? 1L : 0L);
  }

  // Of the origin of the request's own URL, as is all of set_credentials().
  bool set_content() {
    const HttpExtras& extras = *request.extras;
    bool good = true;
    if (request.method == HttpRequest::Method::post) {
      good = set(CURLOPT_POSTFIELDS, extras.body.c_str()) &&
             set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(extras.body.size()));
    } else if (request.method == HttpRequest::Method::put) {
      good = set(CURLOPT_CUSTOMREQUEST, "PUT");
    }
    for (const std::string& line : extras.headers)
      good = good && append(headers, line);
    return good && (!headers || set(CURLOPT_HTTPHEADER, headers.get()));
  }

  bool set_credentials() {
    const HttpExtras& extras = *request.extras;
    bool good = true;
    if (extras.signing) {
      const std::string scope =
          fmt::format("aws:amz:{}:{}", extras.signing->region, extras.signing->service);
      good = set(CURLOPT_AWS_SIGV4, scope.c_str()) &&
             set(CURLOPT_USERNAME, extras.signing->key_id.c_str()) &&
             set(CURLOPT_PASSWORD, extras.signing->secret.c_str());
    }
    if (secret != nullptr && secret->kind == HttpAuth::Kind::basic) {
      good = good && set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC)) &&
             set(CURLOPT_USERNAME, secret->user.c_str()) &&
             set(CURLOPT_PASSWORD, secret->password.c_str());
    } else if (secret != nullptr) {
      good = good && set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER)) &&
             set(CURLOPT_XOAUTH2_BEARER, secret->password.c_str());
    }
    if (!extras.client_certificate.empty()) {
      const std::string& key =
          extras.client_key.empty() ? extras.client_certificate : extras.client_key;
      // OpenSSL would ask a terminal for the words of a key that is locked.
      good = good && set(CURLOPT_SSLCERT, extras.client_certificate.c_str()) &&
             set(CURLOPT_SSLKEY, key.c_str()) && set(CURLOPT_KEYPASSWD, "");
    }
    return good;
  }

  bool set_tls() {
    const std::string& ca_file = request.extras->ca_file;
    return set(CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L) &&
           set(CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L) && set(CURLOPT_CERTINFO, 1L) &&
           (ca_file.empty() || set(CURLOPT_CAINFO, ca_file.c_str()));
  }

  bool set_callbacks() {
    return set(CURLOPT_ERRORBUFFER, static_cast<char*>(error_words)) &&
           set(CURLOPT_WRITEFUNCTION, &Impl::on_body) &&
           set(CURLOPT_WRITEDATA, static_cast<void*>(this)) &&
           set(CURLOPT_HEADERFUNCTION, &Impl::on_header) &&
           set(CURLOPT_HEADERDATA, static_cast<void*>(this)) &&
           set(CURLOPT_OPENSOCKETFUNCTION, &Impl::on_open) &&
           set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  }

  static curl_socket_t on_open(void* data, curlsocktype, curl_sockaddr* address) {
    auto* self = static_cast<Impl*>(data);
    int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket < 0) self->open_error = errno;
    if (socket >= 0) self->opened.push_back(socket);
    return socket < 0 ? CURL_SOCKET_BAD : socket;
  }

  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* data) {
    auto* self = static_cast<Impl*>(data);
    self->header_bytes += size;
    if (self->header_bytes > most_headers) return 0;
    const std::string_view line(bytes, size);
    if (line.starts_with("HTTP/")) self->page.phrase = phrase_of(line);
    return size;
  }

  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* data) {
    auto* self = static_cast<Impl*>(data);
    std::size_t taken = std::min(size, self->request.body_limit - self->body_bytes);
    self->body_bytes += taken;
    if (self->request.keep_body) self->page.body.append(bytes, taken);
    self->page.body_cut = taken < size;
    return taken;
  }

  HttpOutcome outcome_of(CURLcode code) {
    if (code == CURLE_WRITE_ERROR && page.body_cut) code = CURLE_OK;  // We have read enough.
    if (code != CURLE_OK) return tl::unexpected(fault_of(code));
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    const char* location = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_REDIRECT_URL, &location);
    page.status = static_cast<int>(status);
    page.certificate_days = certificate_days();
    return HttpReply{std::move(page), location != nullptr ? location : ""};
  }

  HttpFault fault_of(CURLcode code) const {
    if (code == CURLE_WRITE_ERROR && header_bytes > most_headers)
      return {Kind::too_many_headers, ""};
    if (code == CURLE_COULDNT_CONNECT) {
      // Where no socket could be had nothing was tried; else libcurl keeps the last attempt's
      // error.
      long error = open_error;
      if (error == 0) curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &error);
      return {Kind::not_connected, "", static_cast<int>(error)};
    }
    const char* words =
        error_words[0] != '\0' ? static_cast<const char*>(error_words) : curl_easy_strerror(code);
    return {kind_of(code, has_connected()), std::string(without_prefix(words))};
  }

  // libcurl's own time of connecting is known only once TLS stands. A number that it closed may be
  // another's socket by now, so who is at its other end is compared.
  bool has_connected() const {
    double seconds = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_CONNECT_TIME, &seconds);
    return seconds > 0 || std::any_of(opened.begin(), opened.end(), [&](int socket) {
             boost::asio::ip::tcp::endpoint peer;
             socklen_t size = static_cast<socklen_t>(peer.capacity());
             if (::getpeername(socket, peer.data(), &size) != 0) return false;
             peer.resize(size);
             return peer.port() == url.port && std::find(addresses.begin(), addresses.end(),
                                                         peer.address()) != addresses.end();
           });
  }

  std::optional<double> certificate_days() const {
    curl_certinfo* info = nullptr;
    if (curl_easy_getinfo(easy.get(), CURLINFO_CERTINFO, &info) != CURLE_OK || info == nullptr)
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
};

CurlTransfer::CurlTransfer(io::Runtime& runtime, const HttpRequest& request, const HttpUrl& url,
                           const Addresses& addresses, const HttpSecret* secret, HttpDone done)
    : impl_(new Impl{runtime, request, url, addresses, secret, std::move(done)}) {}

CurlTransfer::~CurlTransfer() {
  if (impl_->easy) impl_->runtime.curl().cancel(impl_->easy.get());
}

bool CurlTransfer::start() {
  impl_->easy.reset(curl_easy_init());
  if (!impl_->easy || !impl_->set_options()) return false;
  impl_->runtime.curl().start(impl_->easy.get(), [impl = impl_.get()](CURLcode code) {
    const auto done = std::move(impl->done);
    done(impl->outcome_of(code));
  });
  return true;
}

HttpProgress CurlTransfer::progress() const {
  double tls_seconds = 0;
  curl_easy_getinfo(impl_->easy.get(), CURLINFO_APPCONNECT_TIME, &tls_seconds);
  using Stage = HttpProgress::Stage;
  const Stage stage = !impl_->has_connected()                     ? Stage::connecting
                      : impl_->url.is_https() && tls_seconds == 0 ? Stage::handshake
                      : impl_->header_bytes == 0                  ? Stage::waiting
                                                                  : Stage::reading;
  return {stage, impl_->body_bytes};
}

}  // namespace yagura
