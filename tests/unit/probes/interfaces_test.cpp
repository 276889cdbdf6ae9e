#include "resource/interfaces.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "kinds.hpp"
#include "local_run.hpp"
#include "own_network.hpp"

using namespace yagura;
using local::contains;

namespace {

constexpr std::string_view headings =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";

std::string table(std::string_view rows) {
  return std::string(headings) + std::string(rows);
}

}  // namespace

TEST_CASE("the counters of every interface are read") {
  auto read = parse_net_dev(
      table("    lo: 20622018918 9328820    0   86    0     0          0         0 20622018918 "
            "9328820    0    0    0     0       0          0\n"
            "enp3s0f1:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"));
  REQUIRE(read);
  CHECK(read->size() == 2);
  CHECK(read->at("lo").received_bytes == 20622018918);
  CHECK(read->at("lo").receive_drops == 86);
  const InterfaceCounters& counters = read->at("enp3s0f1");
  CHECK(counters.received_bytes == 1);
  CHECK(counters.receive_errors == 3);
  CHECK(counters.receive_drops == 4);
  CHECK(counters.sent_bytes == 9);
  CHECK(counters.send_errors == 11);
  CHECK(counters.send_drops == 12);
  CHECK(parse_net_dev(headings)->empty());
}

TEST_CASE("what is no table of interfaces is refused") {
  for (std::string_view rows :
       {"eth0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n",
        "eth0: 1 2 x 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        "eth0: 1 2 -3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        "eth 0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", "\n",
        "eth0: 99999999999999999999999 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", "eth0: 1 2 3 4"}) {
    CAPTURE(rows);
    CHECK_FALSE(parse_net_dev(table(rows)).has_value());
  }
  CHECK_FALSE(parse_net_dev("").has_value());
  CHECK_FALSE(parse_net_dev("one line").has_value());
  CHECK_FALSE(parse_net_dev(table(std::string(100'000, 'x'))).has_value());
  auto escaped = parse_net_dev(table("\x1b[31m\n"));
  REQUIRE_FALSE(escaped.has_value());
  CHECK(contains(escaped.error().message, "\\x1b[31m"));
}

TEST_CASE("rates are by the second, over the ends of counters, and nothing once one began anew") {
  InterfaceCounters before{1000, 10, 20, 2000, 1, 2};
  InterfaceCounters after{61000, 40, 80, 8000, 31, 62};
  auto rates = interface_rates(before, after, 60);
  REQUIRE(rates);
  CHECK(rates->errors_per_second == doctest::Approx(1));
  CHECK(rates->drops_per_second == doctest::Approx(2));
  CHECK(rates->received_bytes_per_second == doctest::Approx(1000));
  CHECK(rates->sent_bytes_per_second == doctest::Approx(100));
  CHECK(rates->saturation_percent(10'000) == doctest::Approx(80));  // The busier way.

  before.received_bytes = std::numeric_limits<std::uint32_t>::max();
  after.received_bytes = 59'999;
  CHECK(interface_rates(before, after, 60)->received_bytes_per_second == doctest::Approx(1000));
  after.send_errors = 0;
  CHECK_FALSE(interface_rates(before, after, 60));
  CHECK_FALSE(interface_rates(before, before, 0));
}

TEST_CASE("a link's speed is written as such") {
  CHECK(*parse_speed("1 Gbit/s") == 1e9);
  CHECK(*parse_speed("100Mbit") == 1e8);
  CHECK(*parse_speed("2.5 Gbit/s") == 2.5e9);
  CHECK(*parse_speed("56 kbit/s") == 56e3);
  for (std::string_view text : {"", "1", "1 GB/s", "Gbit/s", "-1 Gbit/s", "inf Gbit/s", "0 Mbit/s",
                                "1 gbit/s", "99999999 Gbit/s", "1 Gbit/s/s"}) {
    CAPTURE(text);
    auto refused = parse_speed(text);
    REQUIRE_FALSE(refused.has_value());
    CHECK(contains(refused.error().message, "write it as 100 Mbit/s"));
  }
}

TEST_CASE(
    "a link that is switched off fails where it is asked for, and is none of all that are on") {
  testing::in_own_network([] {
    auto named = local::made(make_network, {{"interface", "lo"}});
    Finding off = local::run(*named);
    CHECK(off.verdict == Verdict::failing);
    CHECK(contains(off.reason, "lo is switched off"));
    CHECK(off.values.at("without_link") == 1);

    testing::bring_up("lo");
    testing::wait_for_link("lo", true);
    Finding on = local::run(*named);
    CHECK(on.verdict == Verdict::ok);
    CHECK(on.reason == "lo has a link; errors are known from the next run on");
    // Whether it failed for the link or for errors is known: the latter never was seen.
    CHECK(local::run(*named, true).verdict == Verdict::ok);

    // Of a start in the middle of a failure it is not.
    auto restarted = local::made(make_network, {{"interface", "lo"}});
    CHECK(local::run(*restarted, true).verdict == Verdict::unknown);

    Finding none = local::run(*local::made(make_network, {}));
    CHECK(none.verdict == Verdict::unknown);
    CHECK(contains(none.reason, "no network interface is switched on but lo"));
  });
}

TEST_CASE("an interface that does not exist is unknown, and failing where its link is asked for") {
  auto lost = local::made(make_network, {{"interface", "nosuch0"}});
  Finding finding = local::run(*lost);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason,
                 "there is no interface nosuch0; if that is a failure, say `link: true`"));
  auto asked = local::made(make_network, {{"interface", "nosuch0"}, {"link", "true"}});
  CHECK(local::run(*asked).verdict == Verdict::failing);
}

TEST_CASE("a link whose speed nobody knows is unknown, with what to write") {
  auto probe = local::made(
      make_network, {{"interface", "lo"}, {"saturation", local::map({{"failing", ">= 95%"}})}});
  Finding finding = local::run(*probe);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "write it as `speed`"));
  auto told = local::made(make_network, {{"interface", "lo"},
                                         {"speed", "1 Gbit/s"},
                                         {"saturation", local::map({{"failing", ">= 95%"}})}});
  CHECK(local::run(*told).verdict == Verdict::ok);
}

TEST_CASE("the keys of network are checked") {
  CHECK(local::problems_of(make_network, {}).empty());
  CHECK(local::problems_of(make_network, {{"interface", "eth0"}, {"speed", "1 Gbit/s"}}).empty());
  CHECK(local::problems_of(make_network, {{"errors", "none"}, {"link", "true"}}).empty());
  CHECK(
      contains(local::problems_of(make_network, {{"errors", "none"}}), "nothing would be watched"));
  CHECK(contains(local::problems_of(make_network, {{"speed", "1 Gbit/s"}}),
                 "name it by `interface`"));
  CHECK(contains(local::problems_of(make_network, {{"interface", "eth0"}, {"speed", "fast"}}),
                 "is no speed"));
  CHECK(contains(local::problems_of(make_network, {{"interface", std::string(16, 'x')}}),
                 "1 to 15 bytes"));
  CHECK(contains(local::problems_of(make_network, {{"link", "up"}}), "must be true or false"));
  CHECK(contains(local::problems_of(make_network, {{"drops", local::map({{"failing", ">= 5%"}})}}),
                 "which is not measured here"));
  CHECK(contains(local::problems_of(make_network, {{"saturation", local::map({{"failing", "5"}})}}),
                 "has no comparison"));
}
