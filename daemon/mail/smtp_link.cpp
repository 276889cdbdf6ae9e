#include "smtp_link.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <new>
#include <utility>

#include "curl_loop.hpp"
#include "socket_watch.hpp"
#include "text.hpp"

namespace yagura {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_at_once = 16'384;
constexpr int reads_in_a_row = 16;  // Then others on the loop have their turn.
constexpr std::size_t capabilities_most = 100;

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string result = text;
  curl_free(text);
  return result;
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

}  // namespace

std::string RelayPlace::name() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<RelayPlace> parse_relay_url(const std::string& text) {
  std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (!url) throw std::bad_alloc();
  RelayPlace place;
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK) {
    place.scheme = part_of(url.get(), CURLUPART_SCHEME);
    place.host = part_of(url.get(), CURLUPART_HOST);
    place.port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  }
  if ((place.scheme != "smtp" && place.scheme != "smtps") || place.host.empty() ||
      place.port.empty()) {
    return failure_of("the relay's URL is not of the form smtp://host:port or smtps://host:port");
  }
  if (place.host.front() == '[') place.host = place.host.substr(1, place.host.size() - 2);
  return place;
}

struct SmtpLink::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& given, Plan given_plan, Events given_events)
      : loop(given),
        plan(std::move(given_plan)),
        events(std::move(given_events)),
        easy(curl_easy_init()) {
    if (easy == nullptr) throw std::bad_alloc();
  }
  ~Impl() { close(); }

  void begin() {
    // A loop of its own: where connections share one, libcurl looks them through whenever another
    // begins, and closes those on which an answer waits to be read.
    curl = std::make_unique<io::CurlLoop>(loop);
    watch =
        std::make_shared<io::SocketWatch>(loop, [weak = weak_from_this()](int, io::Ready ready) {
          if (auto self = weak.lock()) self->act(ready);
        });
    configure();
    curl->connect(easy, [weak = weak_from_this()](CURLcode code) {
      if (auto self = weak.lock()) self->connected(code);
    });
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy, option, value);
  }

  void configure() {
    std::unique_ptr<CURLU, FreeUrl> url(curl_url());
    if (!url) throw std::bad_alloc();
    curl_url_set(url.get(), CURLUPART_SCHEME, plan.place.scheme.c_str(), 0);
    bool six = plan.place.host.find(':') != std::string::npos;
    curl_url_set(url.get(), CURLUPART_HOST,
                 (six ? "[" + plan.place.host + "]" : plan.place.host).c_str(), 0);
    curl_url_set(url.get(), CURLUPART_PORT, plan.place.port.c_str(), 0);
    // libcurl greets with the URL's path.
    curl_url_set(url.get(), CURLUPART_PATH, ("/" + plan.helo_name).c_str(), CURLU_URLENCODE);
    set(CURLOPT_URL, part_of(url.get(), CURLUPART_URL).c_str());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_CONNECT_ONLY, 1L);
    set(CURLOPT_PROXY, "");  // Nor one that the environment names.
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_ERRORBUFFER, error_text.data());
    // The owner's clock decides, and tells in its own words: libcurl's is set a little later.
    long milliseconds = static_cast<long>(std::max<Duration::rep>(plan.most.count(), 1)) + 1'000;
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, milliseconds / 1000 + 1);
    set(CURLOPT_HEADERFUNCTION, &Impl::on_header);
    set(CURLOPT_HEADERDATA, this);
    configure_address();
    configure_tls();
    if (!plan.relay.user.empty()) {
      set(CURLOPT_USERNAME, plan.relay.user.c_str());
      set(CURLOPT_PASSWORD, plan.password.c_str());
    }
  }

  void configure_address() {
    std::string known = fmt::format("+{}:{}:", plan.place.host, plan.place.port);
    boost::system::error_code not_literal;
    asio::ip::make_address(plan.place.host, not_literal);
    if (!not_literal || plan.addresses.empty()) return;
    for (std::size_t at = 0; at < plan.addresses.size(); ++at) {
      const asio::ip::address& address = plan.addresses[at];
      known += at == 0 ? "" : ",";
      known += address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    }
    resolve = curl_slist_append(nullptr, known.c_str());
    set(CURLOPT_RESOLVE, resolve);
  }

  void configure_tls() {
    const SmtpRelay& relay = plan.relay;
    long wish = CURLUSESSL_ALL;
    switch (relay.starttls) {
      case SmtpRelay::Starttls::required:
        wish = CURLUSESSL_ALL;
        break;
      case SmtpRelay::Starttls::opportunistic:
        wish = CURLUSESSL_TRY;
        break;
      case SmtpRelay::Starttls::off:
        wish = CURLUSESSL_NONE;
        break;
    }
    bool implicit = plan.place.scheme == "smtps";
    set(CURLOPT_USE_SSL, implicit ? static_cast<long>(CURLUSESSL_ALL) : wish);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // Who strips STARTTLS has the mail in clear: there, a name that is checked protects only the
    // password.
    bool check = implicit || relay.starttls != SmtpRelay::Starttls::opportunistic ||
                 !relay.ca_file.empty() || !relay.user.empty();
    set(CURLOPT_SSL_VERIFYPEER, check ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, check ? 2L : 0L);
    if (!relay.ca_file.empty()) {
      set(CURLOPT_CAINFO, relay.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
  }

  // libcurl shows the answers until the connection is ready: the last to EHLO says what is offered.
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* data) {
    auto* self = static_cast<Impl*>(data);
    if (!self->handshake.feed({bytes, size * count})) return 0;
    while (auto reply = self->handshake.take()) {
      if (reply->code == 250) {
        self->capabilities.clear();
        for (const std::string& line : reply->lines) {
          if (self->capabilities.size() < capabilities_most)
            self->capabilities.push_back(upper(line));
        }
      }
      if (reply->code == 235) self->authenticated = true;
      self->last_reply = std::move(*reply);
    }
    return size * count;
  }

  void connected(CURLcode code) {
    if (closed) return;
    if (code != CURLE_OK) return lose(problem(code));
    if (!plan.relay.user.empty() && !authenticated) {
      return lose("it offers no AUTH that this program knows, but a user is configured for it");
    }
    curl_socket_t active = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &active);
    if (active == CURL_SOCKET_BAD) return lose("the connection closed at once");
    socket = active;
    watch->want(socket, true, false);
    events.ready();
  }

  std::string problem(CURLcode code) const {
    if (last_reply.transient() || last_reply.permanent()) {
      return fmt::format("{}: {}", code == CURLE_LOGIN_DENIED ? "AUTH failed" : "it will not talk",
                         last_reply.text());
    }
    std::string detail = error_text.front() != 0 ? error_text.data() : curl_easy_strerror(code);
    switch (code) {
      case CURLE_USE_SSL_FAILED:
        return "it offers no STARTTLS, which is required (see starttls: in the configuration)";
      case CURLE_PEER_FAILED_VERIFICATION:
        return fmt::format("its certificate is not trusted (see ca_file:): {}", detail);
      case CURLE_SSL_CACERT_BADFILE:
        return fmt::format("the ca_file cannot be read: {}", detail);
      case CURLE_LOGIN_DENIED:
        return fmt::format("AUTH failed: {}", detail);
      default:
        return fmt::format("no connection: {}", detail);
    }
  }

  void act(io::Ready ready) {
    auto keep = shared_from_this();
    switch (ready) {
      case io::Ready::to_write:
        write();
        break;
      case io::Ready::to_read:
      case io::Ready::with_error:
        read();
        break;
    }
  }

  void read() {
    std::array<char, read_at_once> buffer{};
    for (int turn = 0; !closed; ++turn) {
      if (turn == reads_in_a_row) {
        // Posted, since bytes that TLS has already taken in do not make the socket ready.
        asio::post(loop, [weak = weak_from_this()] {
          if (auto self = weak.lock()) self->read();
        });
        return;
      }
      std::size_t count = 0;
      CURLcode code = curl_easy_recv(easy, buffer.data(), buffer.size(), &count);
      if (code == CURLE_AGAIN) return;
      if (code != CURLE_OK)
        return lose(fmt::format("the connection broke: {}", curl_easy_strerror(code)));
      if (count == 0) return lose("it closed the connection without an answer");
      if (!replies.feed({buffer.data(), count})) return lose("what it answers is not SMTP");
      while (!closed) {
        auto reply = replies.take();
        if (!reply) break;
        events.reply(*reply);
      }
    }
  }

  void send(std::string bytes) {
    if (closed || bytes.empty()) return;
    outgoing = std::move(bytes);
    gone = 0;
    write();
  }

  void write() {
    while (!closed && gone < outgoing.size()) {
      std::size_t count = 0;
      CURLcode code = curl_easy_send(easy, outgoing.data() + gone, outgoing.size() - gone, &count);
      if (code == CURLE_AGAIN) return watch->want(socket, true, true);
      if (code != CURLE_OK) return broke(code);
      gone += count;
    }
    if (closed || outgoing.empty()) return;
    outgoing.clear();
    gone = 0;
    watch->want(socket, true, false);
    events.sent();
  }

  // What the relay said before it hung up is worth more than the news that it did.
  void broke(CURLcode code) {
    read();
    if (!closed) lose(fmt::format("the connection broke: {}", curl_easy_strerror(code)));
  }

  void lose(const std::string& words) {
    if (closed) return;
    auto keep = shared_from_this();
    auto lost = std::exchange(events.lost, nullptr);
    close();
    lost(words);
  }

  void close() {
    if (std::exchange(closed, true)) return;
    if (watch) watch->stop();
    if (curl) curl->cancel(easy);
    curl.reset();
    curl_easy_cleanup(std::exchange(easy, nullptr));
    curl_slist_free_all(std::exchange(resolve, nullptr));
  }

  asio::io_context& loop;
  Plan plan;
  Events events;
  CURL* easy;
  curl_slist* resolve = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  std::unique_ptr<io::CurlLoop> curl;
  std::shared_ptr<io::SocketWatch> watch;
  int socket = -1;
  bool closed = false;

  SmtpReplyReader handshake;  // Until ready; `replies` after.
  SmtpReply last_reply;
  std::vector<std::string> capabilities;
  bool authenticated = false;

  SmtpReplyReader replies;
  std::string outgoing;
  std::size_t gone = 0;  // Bytes of it.
};

SmtpLink::SmtpLink(asio::io_context& loop, Plan plan, Events events)
    : impl_(std::make_shared<Impl>(loop, std::move(plan), std::move(events))) {
  impl_->begin();
}
SmtpLink::~SmtpLink() {
  impl_->close();
}

bool SmtpLink::offers(std::string_view keyword) const {
  return std::any_of(impl_->capabilities.begin(), impl_->capabilities.end(),
                     [&](const std::string& line) {
                       return line.rfind(keyword, 0) == 0 &&
                              (line.size() == keyword.size() || line[keyword.size()] == ' ');
                     });
}
void SmtpLink::send(std::string bytes) {
  impl_->send(std::move(bytes));
}
bool SmtpLink::all_sent() const {
  return impl_->outgoing.empty();
}
void SmtpLink::close() {
  impl_->close();
}

}  // namespace yagura
