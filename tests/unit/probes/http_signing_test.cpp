// Requests to AWS: libcurl's signature (SigV4) against AWS's published test vectors, and what else
// such a request has.
#include <doctest/doctest.h>

#include <future>

#include "hostile_server.hpp"
#include "liveness/http_run.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

// What the other side saw of a request.
std::string request_seen(Network& network, HttpRequest::Method method, const HttpExtras& extras) {
  std::promise<std::string> seen;
  HostileServer server([&](Peer& peer) {
    std::string text = peer.read_request();
    if (!extras.body.empty()) text += peer.read_until(extras.body.substr(extras.body.size() - 3));
    seen.set_value(text);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  auto request = std::make_shared<HttpRequest>();
  request->url = *parse_http_url(server.url());
  request->method = method;
  request->set(extras);
  std::optional<Finding> found;
  auto run = fetch_page(
      network.runtime, {{}, 10s}, request, [](const HttpPage&) { return Finding{}; },
      [&](Finding finding) { found = std::move(finding); });
  run->start(request->url.host());
  network.loop.restart();
  network.loop.run_for(10s);
  REQUIRE(found);
  CHECK(found->reason == "");
  return seen.get_future().get();
}

// The suite's credentials, date and host.
HttpExtras of_the_suite() {
  HttpExtras extras;
  extras.signing = std::make_shared<const AwsSigning>(
      AwsSigning{"us-east-1", "service", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"});
  extras.headers = {"Host: example.amazonaws.com", "X-Amz-Date: 20150830T123600Z"};
  return extras;
}

std::string authorization(const std::string& headers, const std::string& signature) {
  return "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
         headers + ", Signature=" + signature + "\r\n";
}

}  // namespace

TEST_CASE_FIXTURE(Network, "http: requests are signed as AWS's test vectors say") {
  using Method = HttpRequest::Method;
  // get-vanilla, post-vanilla
  CHECK(contains(request_seen(*this, Method::get, of_the_suite()),
                 authorization("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")));
  const std::string post = request_seen(*this, Method::post, of_the_suite());
  CHECK(post.starts_with("POST / HTTP/1.1\r\n"));
  // libcurl sends a type of its own with a POST that has none, and leaves it out of the signature.
  CHECK(contains(post, authorization("host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")));
  // post-header-value-case
  HttpExtras cased = of_the_suite();
  cased.headers.emplace_back("My-Header1: VALUE1");
  CHECK(contains(request_seen(*this, Method::post, cased),
                 authorization("host;my-header1;x-amz-date",
                               "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d")));
  // post-sts-header-before: the session's token is signed.
  HttpExtras session = of_the_suite();
  session.headers.emplace_back(
      "X-Amz-Security-Token: AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTf"
      "lfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAki"
      "Y9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==");
  CHECK(contains(request_seen(*this, Method::post, session),
                 authorization("host;x-amz-date;x-amz-security-token",
                               "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead")));
  // post-x-www-form-urlencoded: the body is signed, and its type.
  HttpExtras form = of_the_suite();
  form.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
  form.body = "Param1=value1";
  const std::string seen = request_seen(*this, Method::post, form);
  CHECK(contains(seen, authorization("content-type;host;x-amz-date",
                                     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")));
  CHECK(seen.ends_with("\r\n\r\nParam1=value1"));
}

TEST_CASE_FIXTURE(Network, "http: a PUT has no body; a body may be long") {
  HttpExtras put;
  put.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 60"};
  const std::string seen = request_seen(*this, HttpRequest::Method::put, put);
  CHECK(seen.starts_with("PUT / HTTP/1.1\r\n"));
  CHECK(contains(seen, "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n"));
  CHECK_FALSE(contains(seen, "Authorization"));
  HttpExtras post;
  post.body = std::string(90'000, 'x') + "end";
  CHECK(request_seen(*this, HttpRequest::Method::post, post).ends_with("xxxend"));
}
