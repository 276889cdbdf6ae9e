#include "http_answer.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <optional>

#include "http_request.hpp"
#include "text.hpp"

namespace yagura {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

// A body of which no more is taken than is wanted, and nothing is set aside because a server says
// that much will come.
struct BoundedBody {
  struct value_type {
    std::string text;
    std::size_t bytes = 0, limit = 0;
    bool kept = false, cut = false;
  };
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      std::size_t given = 0;
      for (const asio::const_buffer piece : boost::beast::buffers_range_ref(buffers)) {
        given += piece.size();
        const std::size_t taken = std::min(piece.size(), body_.limit - body_.bytes);
        if (body_.kept) body_.text.append(static_cast<const char*>(piece.data()), taken);
        body_.bytes += taken;
        body_.cut = body_.cut || taken < piece.size();
      }
      return given;
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

bool has_header(const std::vector<std::string>& lines, std::string_view name) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.size() > name.size() && lower(line.substr(0, name.size())) == name &&
           (line[name.size()] == ':' || line[name.size()] == ';');
  });
}

// The path and the question; of "http://host/a?b#c" it is "/a?b".
std::string_view target_of(const HttpUrl& url) {
  std::string_view text = url.text;
  text.remove_prefix(std::min(text.size(), std::size_t{url.host_at}));
  const auto begin = text.find_first_of("/?#");
  if (begin == text.npos || text[begin] != '/') return "/";
  text.remove_prefix(begin);
  return text.substr(0, text.find('#'));
}

}  // namespace

std::string http_request_bytes(const HttpRequest& request, const HttpUrl& url,
                               const std::string& authorization) {
  const bool is_own = url.same_origin(request.url);
  const std::vector<std::string>& headers = (is_own ? request.extras : no_http_extras())->headers;
  std::string bytes = request.method == HttpRequest::Method::head ? "HEAD " : "GET ";
  bytes += target_of(url);
  bytes += " HTTP/1.1\r\n";
  if (!has_header(headers, "host")) {
    bytes += "Host: ";
    const std::string host = url.host();
    bytes += host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (url.port != 80) bytes += ":" + std::to_string(url.port);
    bytes += "\r\n";
  }
  if (is_own && !authorization.empty()) bytes += "Authorization: " + authorization + "\r\n";
  if (!has_header(headers, "user-agent")) bytes += "User-Agent: yagura\r\n";
  if (!has_header(headers, "accept")) bytes += "Accept: */*\r\n";
  for (const std::string& line : headers) {
    // "Name;" is a header without a value.
    const bool is_empty = line.find(':') == std::string::npos && line.ends_with(';');
    bytes += is_empty ? line.substr(0, line.size() - 1) + ":" : line;
    bytes += "\r\n";
  }
  bytes += "\r\n";
  return bytes;
}

struct HttpAnswer::Impl {
  using Parser = http::response_parser<BoundedBody>;

  Impl(bool head, std::size_t body_limit, bool keep)
      : to_head(head), limit(body_limit), kept(keep) {
    begin();
  }

  void begin() {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(most_headers));
    parser->body_limit(boost::none);
    parser->eager(true);
    parser->skip(to_head);
    auto& body = parser->get().body();
    body.limit = limit;
    body.kept = kept;
  }

  bool is_interim() const { return parser->is_done() && parser->get().result_int() / 100 == 1; }

  bool to_head;
  std::size_t limit;
  bool kept;
  std::optional<Parser> parser;
  std::string rest;  // what the parser could not take yet: the beginning of a header or of a chunk
  std::size_t header_bytes = 0;  // of interim answers, too, and counting `rest`
  bool first_line = false;
};

HttpAnswer::HttpAnswer(bool to_head, std::size_t body_limit, bool keep_body)
    : impl_(std::make_unique<Impl>(to_head, body_limit, keep_body)) {}
HttpAnswer::~HttpAnswer() = default;

HttpAnswer::State HttpAnswer::take(std::string_view bytes) {
  Impl& self = *impl_;
  self.first_line = self.first_line || bytes.find('\n') != bytes.npos;
  if (!self.rest.empty()) {
    self.rest += bytes;
    bytes = self.rest;
  }
  while (true) {
    const bool in_headers = !self.parser->is_header_done();
    error_code error;
    const std::size_t used =
        self.parser->put(asio::const_buffer(bytes.data(), bytes.size()), error);
    if (in_headers) self.header_bytes += used;
    bytes.remove_prefix(std::min(used, bytes.size()));
    if (error == http::error::header_limit ||
        self.header_bytes + (in_headers ? bytes.size() : 0) > most_headers + 8192)
      return State::too_many_headers;
    if (error && error != http::error::need_more) return State::not_understood;
    if (self.parser->get().body().cut) return State::cut;
    if (self.is_interim()) {
      self.begin();
      if (bytes.empty()) break;
      continue;
    }
    if (self.parser->is_done()) return State::complete;
    if (error || used == 0 || bytes.empty()) break;
  }
  self.rest = std::string(bytes);
  return State::incomplete;
}

HttpAnswer::State HttpAnswer::end() {
  Impl& self = *impl_;
  if (!self.parser->is_header_done()) return State::nothing;
  error_code error;
  self.parser->put_eof(error);
  return !error && self.parser->is_done() ? State::complete : State::broken_off;
}

bool HttpAnswer::has_begun() const {
  return impl_->first_line;
}
std::size_t HttpAnswer::body_bytes() const {
  return impl_->parser->get().body().bytes;
}
int HttpAnswer::status() const {
  return static_cast<int>(impl_->parser->get().result_int());
}
std::string HttpAnswer::phrase() const {
  std::string words(impl_->parser->get().reason().substr(0, 200));
  while (!words.empty() && (words.back() == ' ' || words.back() == '\t'))
    words.pop_back();
  return words;
}
std::string HttpAnswer::location() const {
  return std::string(impl_->parser->get()[http::field::location]);
}
bool HttpAnswer::body_cut() const {
  return impl_->parser->get().body().cut;
}
std::string HttpAnswer::take_body() {
  return std::move(impl_->parser->get().body().text);
}

}  // namespace yagura
