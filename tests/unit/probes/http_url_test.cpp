// URLs that are asked over HTTP, and what very many requests keep.
#include "liveness/http_url.hpp"

#include <doctest/doctest.h>

#include "liveness/http_keys.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

HttpUrl url_of(const std::string& text) { return parse_http_url(text).value(); }

std::string location(const std::string& base, const std::string& text) {
  return location_from(url_of(base), text);
}

HttpRequest request_of(const Node& keys) {
  Problems problems;
  Reader reader(keys, problems, "the probe");
  HttpRequest request = read_http_request(reader, {1000, 2000});
  CHECK(problems.empty());
  return request;
}

}  // namespace

TEST_CASE("http: a URL knows its host and port, however they are written") {
  CHECK(url_of("http://www.example.jp").host() == "www.example.jp");
  CHECK(url_of("http://www.example.jp").port == 80);
  CHECK(url_of("HTTPS://WWW.Example.jp:8443/a?b").host() == "WWW.Example.jp");
  CHECK(url_of("HTTPS://WWW.Example.jp:8443/a?b").is_https());
  CHECK(url_of("HTTPS://WWW.Example.jp:8443/a?b").port == 8443);
  CHECK(url_of("http://[::1]:81/x").host() == "::1");
  CHECK(url_of("http://[::1]:81/x").place() == "::1 port 81");
  CHECK(url_of("https://[::1]").port == 443);
  CHECK_FALSE(url_of("http://127.0.0.1/").is_https());
  CHECK(HttpUrl{}.host().empty());
}

TEST_CASE("http: an origin is scheme, host and port") {
  const HttpUrl url = url_of("https://www.example.jp/a");
  CHECK(url.same_origin(url_of("https://www.example.jp:443/b?c")));
  CHECK_FALSE(url.same_origin(url_of("http://www.example.jp:443/a")));
  CHECK_FALSE(url.same_origin(url_of("https://www.example.jp:444/a")));
  CHECK_FALSE(url.same_origin(url_of("https://www.example.com/a")));
}

TEST_CASE("http: where a page leads is read from where the page is") {
  CHECK(location("http://a.test/b/c", "d?e") == "http://a.test/b/d?e");
  CHECK(location("http://a.test/b/c", "/d") == "http://a.test/d");
  CHECK(location("http://a.test/b/c", "//b.test/d") == "http://b.test/d");
  CHECK(location("http://a.test/b/c", "https://b.test:81") == "https://b.test:81/");
  CHECK(location("http://a.test/b/c", "a b") == "http://a.test/b/a%20b");
  CHECK(location("http://a.test/b/c", "").empty());
}

TEST_CASE("http: of very many requests each keeps no more than its URL") {
  const Value url = "http://www.example.jp/";
  CHECK(request_of(map({{"url", url}, {"redirects", 0}, {"body_limit", "2 kB"}})).extras ==
        no_http_extras());
  CHECK(request_of(map({{"url", url}, {"ca_file", "/etc/ca.pem"}})).extras->ca_file ==
        "/etc/ca.pem");
  CHECK(request_of(map({{"url", url}, {"headers", map({{"X-A", "b"}})}})).extras->headers ==
        std::vector<std::string>{"X-A: b"});
  CHECK(request_of(map({{"url", url}, {"auth", map({{"bearer", "/etc/token"}})}})).extras->auth);
  CHECK(request_of(map({{"url", url}, {"client_certificate", "/etc/c.pem"}}))
            .extras->client_certificate == "/etc/c.pem");
}
