// Plain HTTP in bytes: what goes out, and what becomes of what comes in, however it is cut into pieces.
#include "liveness/http_answer.hpp"

#include <doctest/doctest.h>

#include "liveness/http_request.hpp"

using namespace yagura;
using State = HttpAnswer::State;

namespace {

HttpRequest request_of(const std::string& url) {
  HttpRequest request;
  request.url = parse_http_url(url).value();
  return request;
}

std::string bytes_of(const HttpRequest& request, const std::string& authorization = "") {
  return http_request_bytes(request, request.url, authorization);
}

struct Read {
  State state = State::incomplete;
  int status = 0;
  std::string body;
  std::size_t pieces = 0;
};

// In pieces of `size` bytes, then the end.
Read read(std::string_view bytes, std::size_t size, std::size_t limit = 1000, bool head = false) {
  HttpAnswer answer(head, limit, true);
  Read found;
  while (!bytes.empty() && found.state == State::incomplete) {
    found.state = answer.take(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
    ++found.pieces;
  }
  if (found.state == State::incomplete) found.state = answer.end();
  if (found.state == State::complete || found.state == State::cut) {
    found.status = answer.status();
    found.body = answer.take_body();
  }
  return found;
}

}  // namespace

TEST_CASE("a request names its host, and asks for path and question as they are written") {
  CHECK(bytes_of(request_of("http://www.example.jp")) ==
        "GET / HTTP/1.1\r\nHost: www.example.jp\r\nUser-Agent: yagura\r\nAccept: */*\r\n\r\n");
  CHECK(bytes_of(request_of("http://www.example.jp:8080/a%20b?c=/d#e")).starts_with(
      "GET /a%20b?c=/d HTTP/1.1\r\nHost: www.example.jp:8080\r\n"));
  CHECK(bytes_of(request_of("http://www.example.jp?q")).starts_with("GET /?q HTTP/1.1\r\n"));
  CHECK(bytes_of(request_of("http://[::1]:81/")).starts_with("GET / HTTP/1.1\r\nHost: [::1]:81\r\n"));
  HttpRequest head = request_of("http://www.example.jp/");
  head.method = HttpRequest::Method::head;
  CHECK(bytes_of(head).starts_with("HEAD / HTTP/1.1\r\n"));
}

TEST_CASE("a request's own headers stand in for ours, one may be empty, and none goes to another origin") {
  HttpRequest request = request_of("http://www.example.jp/");
  HttpExtras extras;
  extras.headers = {"host: inside", "ACCEPT: text/plain", "X-Empty;", "User-Agent: check"};
  request.set(extras);
  CHECK(bytes_of(request, "Basic eDp5") ==
        "GET / HTTP/1.1\r\nAuthorization: Basic eDp5\r\nhost: inside\r\nACCEPT: text/plain\r\nX-Empty:\r\nUser-Agent: check\r\n\r\n");
  CHECK(http_request_bytes(request, parse_http_url("http://other.example.jp/b").value(), "Basic eDp5") ==
        "GET /b HTTP/1.1\r\nHost: other.example.jp\r\nUser-Agent: yagura\r\nAccept: */*\r\n\r\n");
}

TEST_CASE("an answer is the same in one piece and byte by byte") {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6;x=y\r\npedia!\r\n0\r\nTrailer: 1\r\n\r\n";
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (std::size_t size : {1, 2, 3, 7, 1000}) {
    CAPTURE(size);
    const Read counted = read("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nwho? and more", size);
    CHECK(counted.state == State::complete);
    CHECK(counted.status == 404);
    CHECK(counted.body == "who? ");
    CHECK(read(chunked, size).body == "Wikipedia!");
    CHECK(read(chunked, size).state == State::complete);
    CHECK(read(interim, size).status == 200);
    CHECK(read(interim, size).body == "ok");
    CHECK(read("HTTP/1.0 200 OK\r\n\r\nuntil the end", size).body == "until the end");
    CHECK(read("HTTP/1.1 204 No Content\r\n\r\n", size).state == State::complete);
    CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", size, 1000, true).state == State::complete);
  }
}

TEST_CASE("of a body as much is taken as is wanted, whatever is promised") {
  const Read cut = read("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n" + std::string(50, 'x'), 1000, 10);
  CHECK(cut.state == State::cut);
  CHECK(cut.body == std::string(10, 'x'));
  CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + std::string(10, 'x'), 1000, 10).state == State::complete);
}

TEST_CASE("an answer that ends too soon broke off, or never began") {
  CHECK(read("", 1).state == State::nothing);
  CHECK(read("HTTP/1.1 200 O", 100).state == State::nothing);
  CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwho", 100).state == State::broken_off);
  CHECK(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWi", 100).state == State::broken_off);
}

TEST_CASE("headers without end are given up, in one line, in many, in interim answers; what is no HTTP is not understood") {
  std::string many = "HTTP/1.1 200 OK\r\n", interim;
  for (int i = 0; i < 2000; ++i) many += "X-Flood: " + std::string(100, 'y') + "\r\n";
  for (int i = 0; i < 5000; ++i) interim += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  for (const std::string& flood : {many, interim, "HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'y')}) {
    const Read found = read(flood, 8192);
    CHECK(found.state == State::too_many_headers);
    CHECK(found.pieces <= 11);  // 64 KiB, and what came with it
  }
  CHECK(read("220 mail.example.jp ESMTP\r\n\r\n", 100).state == State::not_understood);
  CHECK(read("HTTP/1.1 200 \x1b]0;owned\x07\r\n\r\n", 100).state == State::not_understood);
}

TEST_CASE("whether an answer has begun, its words and where it leads") {
  HttpAnswer answer(false, 100, false);
  CHECK(answer.take("HTTP/1.1 302 Found ") == State::incomplete);
  CHECK(!answer.has_begun());
  CHECK(answer.take(" \r\nLocation: ../b\r\nContent-Length: 3\r\n\r\na") == State::incomplete);
  CHECK(answer.has_begun());
  CHECK(answer.status() == 302);
  CHECK(answer.phrase() == "Found");
  CHECK(answer.location() == "../b");
  CHECK(answer.body_bytes() == 1);
  CHECK(answer.take("bc") == State::complete);
  CHECK(answer.take_body().empty());  // not kept
}
