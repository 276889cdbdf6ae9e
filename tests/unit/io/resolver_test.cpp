#include "resolver.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include "dns_server.hpp"

using namespace yagura;
using io::Resolution;
using testing::DnsAnswer;
using testing::DnsServer;
using Status = Resolution::Status;

namespace {

DnsAnswer zone(const std::string& name, bool v6) {
  if (name == "both.test")
    return v6 ? DnsAnswer{0, {"::1"}} : DnsAnswer{0, {"127.0.0.1", "127.0.0.2"}};
  if (name == "four.test") return v6 ? DnsAnswer{} : DnsAnswer{0, {"192.0.2.7"}};
  if (name == "many.test") {
    DnsAnswer many;
    for (int host = 1; !v6 && host <= 40; ++host)
      many.addresses.push_back("127.0.1." + std::to_string(host));
    return many;
  }
  if (name == "short.test") return v6 ? DnsAnswer{} : DnsAnswer{0, {"192.0.2.8"}, 1};
  if (name == "timeless.test") return v6 ? DnsAnswer{} : DnsAnswer{0, {"192.0.2.9"}, 0};
  if (name == "empty.test") return {};
  if (name == "sick.test") return {2, {}};
  if (name == "refused.test") return {5, {}};
  if (name == "silent.test") return {-1, {}};
  if (name == "garbage.test") return {-2, {}};
  return {3, {}};
}

struct Fixture {
  Resolution resolve(const std::string& host, Duration limit = 5s) {
    std::optional<Resolution> answer;
    int calls = 0;
    resolver.resolve(host, limit, [&](Resolution given) {
      ++calls;
      answer = std::move(given);
    });
    CHECK(calls == 0);  // Never before resolve() returns.
    loop.restart();
    loop.run_for(20s);
    CHECK(calls == 1);
    CHECK(loop.stopped());  // Nothing was left behind on the loop.
    return answer.value_or(Resolution{});
  }

  DnsServer server{zone};
  boost::asio::io_context loop;
  io::Resolver resolver{loop, server.text()};
};

std::vector<std::string> texts(const Resolution& resolution) {
  std::vector<std::string> result;
  for (const auto& address : resolution.addresses)
    result.push_back(address.to_string());
  return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a name gives the addresses of both families") {
  auto found = resolve("both.test");
  CHECK(found.status == Status::found);
  CHECK(found.addresses.size() == 3);
  found = resolve("four.test");
  CHECK(found.status == Status::found);
  CHECK(texts(found) == Texts{"192.0.2.7"});
}

TEST_CASE_FIXTURE(
    Fixture, "an answer too long for a datagram is fetched on a connection, and cut to sixteen") {
  auto found = resolve("many.test");
  CHECK(server.streams() > 0);
  CHECK(found.status == Status::found);
  CHECK(found.addresses.size() == 16);
}

TEST_CASE_FIXTURE(Fixture, "literal addresses and /etc/hosts need no server") {
  CHECK(texts(resolve("192.0.2.1")) == Texts{"192.0.2.1"});
  CHECK(texts(resolve("2001:db8::1")) == Texts{"2001:db8::1"});
  CHECK(resolve("localhost").status == Status::found);
  CHECK(server.questions() == 0);
}

TEST_CASE_FIXTURE(Fixture, "of literal addresses as many as there are probes may be asked for at once") {
  int found = 0;
  for (int i = 0; i < 3000; ++i) {
    resolver.resolve("192.0.2.1", 5s, [&](const Resolution& one) { found += one.status == Status::found ? 1 : 0; });
  }
  loop.run_for(5s);
  CHECK(found == 3000);
}

TEST_CASE_FIXTURE(Fixture, "where the servers say so the name is to blame") {
  CHECK(resolve("nowhere.test").status == Status::no_such_name);
  CHECK(resolve("empty.test").status == Status::no_such_name);
  CHECK(resolve("a..b.test").status == Status::no_such_name);
  CHECK(resolve(std::string(300, 'a') + ".test").status == Status::no_such_name);
  CHECK(resolve("nowhere.test").reason == "no such name: nowhere.test");
}

TEST_CASE_FIXTURE(Fixture, "a sick, refusing or babbling server is not the name's fault") {
  CHECK(resolve("sick.test", 1s).status == Status::failed);
  CHECK(resolve("refused.test", 1s).status == Status::failed);
  CHECK(resolve("garbage.test", 1s).status == Status::failed);
}

TEST_CASE_FIXTURE(Fixture, "a silent server is given up at the deadline") {
  auto began = std::chrono::steady_clock::now();
  auto given_up = resolve("silent.test", 300ms);
  auto took = std::chrono::steady_clock::now() - began;
  CHECK(given_up.status == Status::failed);
  CHECK(given_up.reason.find("silent.test") != std::string::npos);
  CHECK(took >= 290ms);
  CHECK(took < 2s);
}

TEST_CASE("no server at all is a failure of our own") {
  boost::asio::io_context loop;
  std::string closed;
  {
    DnsServer gone(zone);
    closed = gone.text();
  }
  io::Resolver resolver(loop, closed);
  std::optional<Resolution> answer;
  resolver.resolve("both.test", 2s, [&](Resolution given) { answer = std::move(given); });
  loop.run_for(10s);
  REQUIRE(answer);
  CHECK(answer->status == Status::failed);

  io::Resolver misconfigured(loop, "not an address");
  answer.reset();
  misconfigured.resolve("both.test", 2s, [&](Resolution given) { answer = std::move(given); });
  loop.restart();
  loop.run_for(10s);
  REQUIRE(answer);
  CHECK(answer->status == Status::failed);
}

TEST_CASE_FIXTURE(Fixture, "a slow name does not delay another") {
  std::vector<std::string> order;
  resolver.resolve("silent.test", 500ms, [&](const Resolution&) { order.push_back("silent"); });
  resolver.resolve("four.test", 5s, [&](const Resolution&) { order.push_back("four"); });
  loop.run_for(10s);
  CHECK(order == Texts{"four", "silent"});
}

TEST_CASE_FIXTURE(Fixture, "what is cancelled is not told") {
  int calls = 0;
  auto literal = resolver.resolve("192.0.2.1", 1s, [&](const Resolution&) { ++calls; });
  auto silent = resolver.resolve("silent.test", 1s, [&](const Resolution&) { ++calls; });
  resolver.cancel(literal);
  loop.run_for(100ms);
  resolver.cancel(silent);
  resolver.cancel(silent);
  resolver.cancel(12345);
  loop.restart();
  loop.run_for(5s);
  CHECK(calls == 0);
  CHECK(loop.stopped());
}

TEST_CASE_FIXTURE(Fixture,
                  "within an answer the resolver may be asked again, cancelled, or destroyed") {
  int calls = 0;
  auto second = std::make_unique<io::Resolver>(loop, server.text());
  std::uint64_t number = second->resolve("four.test", 5s, [&](const Resolution&) {
    ++calls;
    second->cancel(number);
    second->resolve("both.test", 5s, [&](const Resolution&) {
      ++calls;
      second.reset();
    });
  });
  second->resolve("silent.test", 20s, [&](const Resolution&) { ++calls; });
  loop.run_for(5s);
  CHECK(calls == 2);
  CHECK(second == nullptr);
  CHECK(loop.stopped());
}

TEST_CASE_FIXTURE(Fixture, "what was found is known for its time to live, and nobody is asked meanwhile") {
  CHECK(resolve("both.test").addresses.size() == 3);
  const int asked = server.questions();
  const auto known = resolve("both.test");
  CHECK(known.status == Status::found);
  CHECK(known.addresses.size() == 3);
  CHECK(server.questions() == asked);

  CHECK(resolve("short.test").valid_for == Duration{1s});
  const int asked_short = server.questions();
  resolve("short.test");
  CHECK(server.questions() == asked_short);
  std::this_thread::sleep_for(1100ms);
  CHECK(texts(resolve("short.test")) == Texts{"192.0.2.8"});
  CHECK(server.questions() > asked_short);
}

TEST_CASE_FIXTURE(Fixture, "what has no time to live, and what was not found, is asked anew") {
  resolve("timeless.test");
  int asked = server.questions();
  CHECK(texts(resolve("timeless.test")) == Texts{"192.0.2.9"});
  CHECK(server.questions() > asked);
  CHECK(resolve("nowhere.test").status == Status::no_such_name);
  asked = server.questions();
  CHECK(resolve("nowhere.test").status == Status::no_such_name);
  CHECK(server.questions() > asked);
}
