#include "http_url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "network.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_url = 2048;
constexpr unsigned any_scheme = CURLU_NON_SUPPORT_SCHEME;

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, UrlFree>;

std::string part_of(const CurlUrl& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string without_brackets(std::string host) {
  return host.size() > 1 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

std::string HttpUrl::place() const {
  return fmt::format("{} port {}", one_line(host(), 100), port);
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
  const CurlUrl url(curl_url());
  if (!url) return failure_of("no memory to read a URL");
  CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), any_scheme);
  if (code == CURLUE_BAD_SCHEME || code == CURLUE_UNSUPPORTED_SCHEME ||
      code == CURLUE_MALFORMED_INPUT) {
    return failure_of("not a URL that can be asked; write http://host/path or https://host/path");
  }
  if (code != CURLUE_OK) return failure_of(fmt::format("not a URL: {}", curl_url_strerror(code)));

  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return failure_of("only http:// and https:// are asked; for others see the tcp probe");
  }
  // libcurl would take a third slash for a slip, and the first word of the path for the host.
  if (text.starts_with(scheme + ":///")) {
    return failure_of("the URL has no host; write http://host/path or https://host/path");
  }
  if (!part_of(url, CURLUPART_USER).empty() || !part_of(url, CURLUPART_PASSWORD).empty()) {
    return failure_of(
        "a URL shows in reasons and mails, so it has no user and password; use a header");
  }
  const std::string host = without_brackets(part_of(url, CURLUPART_HOST));
  if (std::string wrong = wrong_with_host(host); !wrong.empty()) return failure_of(wrong);
  HttpUrl parsed;
  std::string port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc{} || parsed.port == 0)
    return failure_of("the port is a number from 1 to 65535");
  parsed.text = part_of(url, CURLUPART_URL);
  const bool has_brackets = parsed.text.compare(scheme.size() + 3, 1, "[") == 0;
  parsed.host_at = static_cast<std::uint16_t>(scheme.size() + 3 + (has_brackets ? 1 : 0));
  parsed.host_size = static_cast<std::uint16_t>(host.size());
  // What libcurl will be given is read by it once more: http://%31/ is the host "1" now, and
  // 0.0.0.1 then. The host that is looked up and judged has to be the one that is asked.
  if (parsed.host() != host ||
      curl_url_set(url.get(), CURLUPART_URL, parsed.text.c_str(), any_scheme) != CURLUE_OK ||
      without_brackets(part_of(url, CURLUPART_HOST)) != host) {
    return failure_of("the URL's host can be read in two ways; write it without % signs");
  }
  return parsed;
}

std::string location_from(const HttpUrl& base, const std::string& location) {
  const CurlUrl url(curl_url());
  if (location.empty() || !url ||
      curl_url_set(url.get(), CURLUPART_URL, base.text.c_str(), any_scheme) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), any_scheme | CURLU_URLENCODE) !=
          CURLUE_OK) {
    return {};
  }
  return part_of(url, CURLUPART_URL);
}

}  // namespace yagura
