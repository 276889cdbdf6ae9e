// kind: network - the network interfaces of this machine: their links, errors and load.
//
//   interface: eth0      The one that is watched. Default: all that are switched on, but lo.
//   link: true           An interface without a link fails (no carrier, or switched off). Default:
//                        true for `interface`, false for all, as an idle bridge has no link either.
//   errors:              Levels on the errors in a second, both ways, since the probe's previous
//     failing: ">= 10"   run. The default,
//     warning: ">= 1"    and the default; `errors: none` does not watch them.
//   drops:               The same three keys on what was dropped, without errors, in a second.
//                        Default: not watched, as a kernel also drops what nobody here asked for.
//   saturation:          The same three keys on the busier way, in percent of the link's speed.
//     failing: ">= 95%"  Default: not watched.
//   speed: 1 Gbit/s      The link's, where the kernel knows none (virtual ones, tunnels) or one
//                        that is not to be had. Only with `interface`. kbit, Mbit or Gbit.
//
// A level is a comparison (>=, >, <=, <) and a value, and has a `clear_at` as elsewhere.
// Values: errors_per_second, drops_per_second, saturation_percent (each the highest of one
// interface), received_bytes_per_second, sent_bytes_per_second (of all together), interfaces,
// without_link.
//
// An interface that does not exist is unknown, as it is more often mistyped than lost; where `link:
// true` is written it fails. The first run after a start, and one that finds counters begun anew,
// cannot tell a rate: it is ok where the rest is.
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>
#include <vector>

#include "kinds.hpp"
#include "resource/interfaces.hpp"
#include "resource/local_probe.hpp"
#include "resource/part.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 4 * 1024 * 1024;  // A line of some 120 for each interface.
// Of the thread's own network, which for all threads of the daemon is one.
constexpr const char* counters_file = "/proc/thread-self/net/dev";

struct Interface {
  InterfaceCounters counters;
  int index = 0;  // another one where an interface of the same name came in its place
  bool is_on = false;
  bool is_loopback = false;
  bool has_link = false;
  std::optional<double> bits_per_second;
};
using Interfaces = std::map<std::string, Interface>;

// A socket only to ask the kernel by.
class InterfaceQuestion {
 public:
  InterfaceQuestion() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), error_(errno) {}
  ~InterfaceQuestion() {
    if (socket_ >= 0) ::close(socket_);
  }
  InterfaceQuestion(const InterfaceQuestion&) = delete;
  InterfaceQuestion& operator=(const InterfaceQuestion&) = delete;

  std::optional<Error> trouble() const {
    if (socket_ >= 0) return std::nullopt;
    return Error{fmt::format("no socket to ask for the interfaces by: {}",
                             std::generic_category().message(error_))};
  }

  // False: it is gone since its name was read.
  bool complete(const std::string& name, Interface& interface) const {
    ifreq request{};
    if (name.size() >= sizeof request.ifr_name) return false;
    std::memcpy(request.ifr_name, name.data(), name.size());
    if (::ioctl(socket_, SIOCGIFFLAGS, &request) != 0) return false;
    interface.is_on = (request.ifr_flags & IFF_UP) != 0;
    interface.is_loopback = (request.ifr_flags & IFF_LOOPBACK) != 0;
    // Running: the operational state is up, or the driver knows of none.
    interface.has_link = interface.is_on && (request.ifr_flags & IFF_RUNNING) != 0;
    if (::ioctl(socket_, SIOCGIFINDEX, &request) != 0) return false;
    interface.index = request.ifr_ifindex;
    ethtool_cmd settings{};
    settings.cmd = ETHTOOL_GSET;
    request.ifr_data = reinterpret_cast<char*>(&settings);
    if (::ioctl(socket_, SIOCETHTOOL, &request) == 0) {
      std::uint32_t megabits = ethtool_cmd_speed(&settings);
      if (megabits != 0 && megabits != static_cast<std::uint32_t>(SPEED_UNKNOWN) &&
          megabits != 0xffff) {
        interface.bits_per_second = megabits * 1e6;
      }
    }
    return true;
  }

 private:
  int socket_;
  int error_;
};

Result<Reading<Interfaces>> read_interfaces() {
  auto counters = read_whole_file(counters_file, most_bytes).and_then(parse_net_dev);
  auto at = std::chrono::steady_clock::now();
  if (!counters) return tl::unexpected<Error>(counters.error());
  InterfaceQuestion question;
  if (auto trouble = question.trouble()) return tl::unexpected<Error>(*trouble);
  Interfaces interfaces;
  for (const auto& entry : *counters) {
    Interface interface;
    interface.counters = entry.second;
    if (question.complete(entry.first, interface)) interfaces.emplace(entry.first, interface);
  }
  return Reading<Interfaces>{std::move(interfaces), at};
}

// The highest of a rate over the interfaces, and whose it is.
struct Highest {
  double value = -1;
  std::string name;
  void see(double rate, const std::string& of) {
    if (rate <= value) return;
    value = rate;
    name = of;
  }
  bool is_known() const { return value >= 0; }
};

// Rounded down, so that a value short of a level does not read as having reached it.
std::string format_rate(double rate) {
  return fmt::format("{:.1f}/s", std::floor(rate * 10) / 10);
}

class NetworkProbe final : public LocalProbe<Reading<Interfaces>> {
 public:
  struct Keys {
    std::optional<std::string> interface;
    bool link = false;
    bool link_written = false;
    Part errors, drops, saturation;
    std::optional<double> bits_per_second;
  };

  explicit NetworkProbe(Keys keys)
      : LocalProbe("asking for the network interfaces"), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Reading<Interfaces>>()> question(const ProbeRun&) override {
    return read_interfaces;
  }

  Finding judge(const Reading<Interfaces>& now, const ProbeRun& run) override {
    auto before = last_.exchange(now);
    std::vector<std::string> watched;
    for (const auto& entry : now.counters) {
      bool asked =
          keys_.interface ? entry.first == *keys_.interface : entry.second.is_on && !entry.second.is_loopback;
      if (asked) watched.push_back(entry.first);
    }
    if (watched.empty()) return nothing_to_watch();

    Finding finding;
    Judgement judgement = judge_links(now.counters, watched, finding.values);
    Rates rates = rates_of(before, now, watched, finding.values);
    const auto add = [&](Part& part, std::string_view what, const Highest& highest,
                         Quantity quantity) {
      if (!part.is_watched()) return;
      judgement = both(std::move(judgement), judge_rate(part, what, highest, quantity, rates, run));
    };
    add(keys_.errors, "errors", rates.errors, Quantity::number);
    add(keys_.drops, "drops", rates.drops, Quantity::number);
    add(keys_.saturation, "load", rates.saturation, Quantity::percent);
    finding.verdict = judgement.verdict;
    finding.reason = one_line(judgement.reason);
    return finding;
  }

 private:
  struct Rates {
    Highest errors, drops, saturation;
    bool speed_known = false;  // of any of those watched
  };

  Finding nothing_to_watch() const {
    if (!keys_.interface) {
      return could_not_look(
          "no network interface is switched on but lo: name the one that is meant by `interface`");
    }
    const std::string name = one_line(*keys_.interface, 60);
    if (keys_.link && keys_.link_written)
      return {Verdict::failing, fmt::format("there is no interface {}", name), {}};
    return could_not_look(
        fmt::format("there is no interface {}; if that is a failure, say `link: true`", name));
  }

  Judgement judge_links(const Interfaces& interfaces, const std::vector<std::string>& watched,
                        MeasuredValues& values) const {
    std::string without;
    int count = 0;
    for (const std::string& name : watched) {
      const Interface& interface = interfaces.at(name);
      if (interface.has_link) continue;
      ++count;
      without += fmt::format("{}{} {}", without.empty() ? "" : ", ", name,
                             interface.is_on ? "has no link" : "is switched off");
    }
    values["interfaces"] = static_cast<double>(watched.size());
    values["without_link"] = count;
    if (count > 0) return {keys_.link ? Verdict::failing : Verdict::ok, one_line(without, 200)};
    return {Verdict::ok, watched.size() == 1
                             ? watched.front() + " has a link"
                             : fmt::format("{} interfaces have a link", watched.size())};
  }

  Rates rates_of(const std::optional<Reading<Interfaces>>& before, const Reading<Interfaces>& now,
                 const std::vector<std::string>& watched,
                 MeasuredValues& values) const {
    Rates rates;
    double received = 0, sent = 0;
    for (const std::string& name : watched) {
      const Interface& interface = now.counters.at(name);
      auto speed = keys_.bits_per_second ? keys_.bits_per_second : interface.bits_per_second;
      rates.speed_known |= speed.has_value();
      if (!before) continue;
      auto earlier = before->counters.find(name);
      if (earlier == before->counters.end() || earlier->second.index != interface.index) continue;
      auto rate = interface_rates(earlier->second.counters, interface.counters,
                                  seconds_between(*before, now));
      if (!rate) continue;
      rates.errors.see(rate->errors_per_second, name);
      rates.drops.see(rate->drops_per_second, name);
      if (speed) rates.saturation.see(rate->saturation_percent(*speed), name);
      received += rate->received_bytes_per_second;
      sent += rate->sent_bytes_per_second;
    }
    if (!rates.errors.is_known()) return rates;
    values["errors_per_second"] = rates.errors.value;
    values["drops_per_second"] = rates.drops.value;
    if (rates.saturation.is_known()) values["saturation_percent"] = rates.saturation.value;
    values["received_bytes_per_second"] = received;
    values["sent_bytes_per_second"] = sent;
    return rates;
  }

  Judgement judge_rate(Part& part, std::string_view what, const Highest& highest, Quantity quantity,
                       const Rates& rates, const ProbeRun& run) const {
    if (quantity == Quantity::percent && !rates.speed_known) {
      return {Verdict::unknown,
              keys_.interface ? "the kernel does not know the link's speed: write it as `speed`"
                              : "the kernel knows the speed of no link: name one by `interface`, "
                                "with its "
                                "`speed`"};
    }
    if (!highest.is_known()) {
      return part.cannot_tell_yet(
          fmt::format("{} are known from the next run on", what == "load" ? "loads" : what),
          run.was_failing);
    }
    // Of one interface the link has said its name.
    std::string whose = keys_.interface ? "" : " on " + highest.name;
    std::string value =
        quantity == Quantity::percent ? format_percent(highest.value) : format_rate(highest.value);
    return part.judge({{quantity, highest.value, fmt::format("{} {}{}", what, value, whose)}},
                      run.was_failing);
  }

  Keys keys_;
  LastReading<Interfaces> last_;
};

bool read_speed(Reader& reader, NetworkProbe::Keys& keys) {
  if (!reader.has("speed")) return true;
  auto text = reader.text("speed");
  if (!text) return false;
  auto speed = parse_speed(*text);
  if (!speed) {
    reader.problem(*reader.find("speed"), "`speed`: " + speed.error().message);
    return false;
  }
  if (!keys.interface) {
    reader.problem(*reader.find("speed"), "`speed` is that of one link: name it by `interface`");
    return false;
  }
  keys.bits_per_second = *speed;
  return true;
}

}  // namespace

std::unique_ptr<Probe> make_network(Reader& reader) {
  NetworkProbe::Keys keys;
  keys.interface = reader.text("interface");
  bool well = keys.interface || !reader.has("interface");
  if (keys.interface && (keys.interface->empty() || keys.interface->size() >= IFNAMSIZ)) {
    reader.problem(*reader.find("interface"),
                   fmt::format("`interface` must be a name of 1 to {} bytes", IFNAMSIZ - 1));
    well = false;
  }
  auto link = reader.boolean("link");
  keys.link_written = reader.has("link");
  well = well && (link || !keys.link_written);
  keys.link = link.value_or(keys.interface.has_value());
  const Measure errors{Quantity::number, true, "errors in a second", ">= 10"};
  const Measure drops{Quantity::number, true, "drops in a second", ">= 100"};
  const Measure saturation{Quantity::percent, true, "the load of the link", ">= 95%"};
  well = keys.errors.read(reader, "errors", {errors}, ">= 10", ">= 1") && well;
  well = keys.drops.read(reader, "drops", {drops}, "", "") && well;
  well = keys.saturation.read(reader, "saturation", {saturation}, "", "") && well;
  well = read_speed(reader, keys) && well;
  if (!well) return nullptr;
  if (!keys.link && !keys.errors.is_watched() && !keys.drops.is_watched() &&
      !keys.saturation.is_watched()) {
    reader.problem(
        "neither `link` nor `errors`, `drops` or `saturation`: nothing would be watched");
    return nullptr;
  }
  return std::make_unique<NetworkProbe>(std::move(keys));
}

}  // namespace yagura
