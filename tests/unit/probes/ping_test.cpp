#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "network_fixture.hpp"
#include "own_network.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

Node ping(const char* host, int count = 3) {
  return map({{"host", host}, {"count", count}});
}

// Of this thread alone.
void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  CHECK(::syscall(SYS_capset, &header, none) == 0);
}

void check_answered(const Finding& finding, int count) {
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "answered " + std::to_string(count) + " ping"));
  CHECK(finding.values.at("loss_percent") == 0);
  CHECK(finding.values.at("rtt_ms") >= 0);
  CHECK(finding.values.at("rtt_ms") < 1000);
}

}  // namespace

TEST_CASE("ping: with the raw socket a host answers") {
  in_own_network([] {
    bring_up("lo");
    Network network;
    check_answered(network.run(make_ping, ping("127.0.0.1"), 3s), 3);
    check_answered(network.run(make_ping, ping("::1", 1), 3s), 1);
  });
}

TEST_CASE("ping: with the socket for everyone a host answers, without any privilege") {
  in_own_network([] {
    bring_up("lo");
    set_kernel("ping_group_range", "0 2147483647");
    drop_capabilities();
    Network network;
    check_answered(network.run(make_ping, ping("127.0.0.1"), 3s), 3);
    check_answered(network.run(make_ping, ping("::1", 2), 3s), 2);
  });
}

TEST_CASE("ping: where neither is allowed nobody is blamed, and the way out is named") {
  in_own_network([] {
    bring_up("lo");
    set_kernel("ping_group_range", "1 0");
    drop_capabilities();
    Network network;
    auto finding = network.run(make_ping, ping("127.0.0.1"), 3s);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "sysctl net.ipv4.ping_group_range or with CAP_NET_RAW"));
  });
}

TEST_CASE("ping and tcp: without a way out of this machine nobody is blamed") {
  in_own_network([] {
    Network network;
    auto finding = network.run(make_ping, ping("192.0.2.1"), 3s);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "this machine has no way to 192.0.2.1"));
    finding = network.run(make_tcp, map({{"host", "192.0.2.1"}, {"port", 80}}), 3s);
    CHECK(finding.verdict == Verdict::unknown);
    finding = network.run(make_http, map({{"url", "http://192.0.2.1/"}}), 3s);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "this machine has no way to 192.0.2.1"));
  });
}

TEST_CASE("ping: a host that ignores us fails at the deadline") {
  in_own_network([] {
    bring_up("lo");
    set_kernel("icmp_echo_ignore_all", "1");
    Network network;
    auto finding = network.run(make_ping, ping("127.0.0.1", 2), 300ms);
    CHECK(finding.verdict == Verdict::failing);
    CHECK(finding.reason == "no answer from 127.0.0.1 to 2 pings within 300ms");
    CHECK(finding.values.at("loss_percent") == 100);
    CHECK(network.took >= 290ms);
  });
}

TEST_CASE("ping and tcp: an interface without a link blames nobody") {
  in_own_network([] {
    int device = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    request.ifr_name[0] = 't';
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    int carrier = 0;
    if (device < 0 || ::ioctl(device, TUNSETIFF, &request) != 0 ||
        ::ioctl(device, TUNSETCARRIER, &carrier) != 0) {
      MESSAGE("skipped: no virtual interface is allowed here");
      ::close(device);
      return;
    }
    give_address("t", "192.0.2.1");
    bring_up("t");
    wait_for_link("t", false);
    Network network;
    auto finding = network.run(make_ping, ping("192.0.2.9", 1), 300ms);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(finding.reason ==
          "the interface t of this machine, which leads to 192.0.2.9, has no link");
    finding = network.run(make_tcp, map({{"host", "192.0.2.9"}, {"port", 80}}), 300ms);
    CHECK(finding.verdict == Verdict::unknown);
    finding = network.run(make_http, map({{"url", "http://192.0.2.9/"}}), 300ms);
    CHECK(finding.verdict == Verdict::unknown);
    carrier = 1;
    CHECK(::ioctl(device, TUNSETCARRIER, &carrier) == 0);
    wait_for_link("t", true);
    finding = network.run(make_ping, ping("192.0.2.9", 1), 300ms);
    CHECK(finding.verdict == Verdict::failing);
    finding = network.run(make_tcp, map({{"host", "192.0.2.9"}, {"port", 80}}), 300ms);
    CHECK(finding.verdict == Verdict::failing);
    ::close(device);
  });
}

TEST_CASE("ping: some lost is a warning") {
  in_own_network([] {
    bring_up("lo");
    Network network;
    auto probe = network.make(make_ping, ping("127.0.0.1", 10));
    std::optional<Finding> finding;
    probe->start(network.runtime, {{}, 1500ms, false},
                 [&](Finding given) { finding = std::move(given); });
    network.loop.run_for(30ms);  // The first is answered; the last goes out after 675 ms.
    set_kernel("icmp_echo_ignore_all", "1");
    network.loop.restart();
    network.loop.run_for(10s);
    REQUIRE(finding);
    CHECK(finding->verdict == Verdict::warning);
    CHECK(contains(finding->reason, "of 10 pings, in "));
    CHECK(finding->values.at("loss_percent") >= 10);
    CHECK(finding->values.at("loss_percent") <= 90);
  });
}

TEST_CASE_FIXTURE(Network, "ping: destroying the probe ends its run") {
  int calls = 0;
  auto probe = make(make_ping, ping("192.0.2.1"));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) { ++calls; });
  loop.run_for(30ms);
  calls = 0;  // Where this machine has no way out it has answered by now.
  probe.reset();
  loop.restart();
  loop.run_for(1s);
  CHECK(calls == 0);
  CHECK(loop.stopped());
}

TEST_CASE("ping: its keys are checked") {
  CHECK(problems_of(make_ping, map({{"host", "10.0.1.1"}})).empty());
  CHECK(contains(problems_of(make_ping, map({})), "needs `host`"));
  CHECK(contains(problems_of(make_ping, ping("10.0.1.1", 11)), "from 1 to 10"));
  CHECK(contains(problems_of(make_ping, ping("")), "the host is empty"));
}
