// What a decision costs, and how that grows with the platform: the decision code alone, without disk, network or words, on
// platforms of 100 to 10,000 components. Prints a table; a figure that grows with the components where it should not
// stands out by itself. Times are processor time.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "decider.hpp"
#include "world.hpp"

namespace yagura {
namespace {

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string name_of_component(int number) {
  char text[16];
  std::snprintf(text, sizeof text, "c%05d", number);
  return text;
}

enum class Services {
  none,  // what fails keeps nothing down: as many incidents as components
  tens,  // of each ten components one is enough for a service: all ten together keep it down
  wide,  // one service needs them all: as many major failures as components, and banks to be told
};

struct Shape {
  int components = 1000;
  Services services = Services::none;
  bool one_cause = false;  // all depend on the first
};

PlatformPtr platform_of(const Shape& shape) {
  auto platform = std::make_shared<Platform>(test::example_platform());
  platform->maintenance.clear();
  platform->components.clear();
  platform->services.clear();
  for (auto& [name, bank] : platform->banks) bank.services.clear();
  Service all{"all", "all", {}};
  for (int i = 0; i < shape.components; ++i) {
    Component made;
    made.id = name_of_component(i);
    made.owner = i % 2 == 0 ? Role::ap_ops : Role::infra_ops;
    ProbeSpec probe;
    probe.name = probe.kind = "tcp";
    made.probes = {probe};
    if (shape.one_cause && i > 0) made.depends_on = {name_of_component(0)};
    platform->components[made.id] = made;
    Need need;
    need.name = made.id;
    all.needs.push_back(need);
    if (shape.services != Services::tens) continue;
    if (i % 10 == 0) {
      Service service{"s" + made.id, made.id, {Need{Need::Kind::at_least, "", 1, {}}}};
      platform->services[service.id] = service;
    }
    platform->services["s" + name_of_component(i / 10 * 10)].needs.front().of.push_back(need);
  }
  if (shape.services == Services::wide) {
    platform->services["all"] = all;
    for (auto& [name, bank] : platform->banks) bank.services = {"all"};
  }
  return platform;
}

// The daemon's part, as small as can be: mails arrive five milliseconds after they were handed over.
class Bench {
 public:
  explicit Bench(PlatformPtr platform, State state = {})
      : platform_(std::move(platform)), decider_(platform_, std::move(state), "bench"), now_(test::World::at("2026-11-25T11:00")) {}

  void observe(int component, Verdict verdict) {
    Observation seen{verdict, verdict == Verdict::ok ? "" : "refused", {}, now_, now_, now_};
    handle(Observed{{name_of_component(component), "tcp"}, std::move(seen)});
  }
  void observe_all(Verdict verdict, Duration apart, int from = 0) {
    observe_some(verdict, apart, from, static_cast<int>(platform_->components.size()));
  }
  void observe_some(Verdict verdict, Duration apart, int from, int until) {
    for (int i = from; i < until; ++i) {
      run_until(now_ + apart);
      observe(i, verdict);
    }
  }
  void restart() { handle(Restarted{}); }
  void run_until(Instant until) {
    while (true) {
      std::optional<Instant> next = decider_.next_wake();
      if (!under_way_.empty() && (!next || under_way_.front().first < *next)) next = under_way_.front().first;
      if (!next || *next > until) break;
      now_ = std::max(now_, *next);
      if (!under_way_.empty() && under_way_.front().first <= now_) {
        Delivered delivered;
        delivered.notice = under_way_.front().second;
        under_way_.pop_front();
        for (const Recipient& to : decider_.state().notices.at(delivered.notice).to) delivered.accepted.push_back(to.mail);
        delivered.reply = "250 accepted";
        ++mails;
        handle(delivered);
      } else {
        handle(Tick{});
      }
    }
    now_ = std::max(now_, until);
  }
  void run_for(Duration time) { run_until(now_ + time); }
  const State& state() const { return decider_.state(); }

  long events = 0, mails = 0, edits = 0;
  double longest = 0;

 private:
  void handle(const Event& event) {
    ++events;
    const double began = processor_seconds();
    Batch batch = decider_.handle(event, now_);
    longest = std::max(longest, processor_seconds() - began);
    edits += static_cast<long>(batch.failures.size() + batch.notices.size());
    for (const Effect& effect : batch.effects) {
      const auto* hand_over = std::get_if<HandOver>(&effect);
      if (hand_over == nullptr) continue;
      decider_.rendered(hand_over->notice, "subject");
      under_way_.emplace_back(now_ + 5ms, hand_over->notice);
    }
  }

  PlatformPtr platform_;
  Decider decider_;
  Instant now_;
  std::deque<std::pair<Instant, NoticeId>> under_way_;
};

long open_failures(const Bench& bench) {
  long open = 0;
  for (const auto& [id, failure] : bench.state().failures) open += failure.is_open() ? 1 : 0;
  return open;
}

class Row {
 public:
  Row(std::string_view name, int components) : name_(name), components_(components), began_(processor_seconds()) {}
  void end(const Bench& bench, long events_before = 0) {
    const double seconds = processor_seconds() - began_;
    const long events = bench.events - events_before;
    std::printf("%-34s %7d %9ld %9.3f %10.2f %9.2f %8ld %8ld\n", std::string(name_).c_str(), components_, events, seconds,
                events == 0 ? 0.0 : seconds * 1e6 / static_cast<double>(events), bench.longest * 1e3, open_failures(bench),
                bench.mails);
    std::fflush(stdout);
  }

 private:
  std::string_view name_;
  int components_;
  double began_;
};

void steady(int components) {
  Bench bench(platform_of({components, Services::tens}));
  bench.observe_all(Verdict::ok, 0ms);
  const long before = bench.events;
  bench.longest = 0;
  Row row("a run that turns nothing", components);
  for (int round = 0; round < 3; ++round) bench.observe_all(Verdict::ok, 0ms);
  row.end(bench, before);
}

void first_round(int components) {
  Bench bench(platform_of({components, Services::tens}));
  Row row("the first run of each", components);
  bench.observe_all(Verdict::ok, 1ms);
  row.end(bench);
}

void all_fail(std::string_view name, int components, Services services) {
  Bench bench(platform_of({components, services}));
  bench.observe_all(Verdict::ok, 0ms);
  const long before = bench.events;
  bench.longest = 0;
  {
    Row row(name, components);
    bench.observe_all(Verdict::failing, 1ms);
    bench.run_for(1min);
    row.end(bench, before);
  }
  const long failed = bench.events;
  bench.longest = 0;
  {
    Row row("  an hour of reminders", components);
    bench.run_for(1h);
    row.end(bench, failed);
  }
  const long reminded = bench.events;
  bench.longest = 0;
  {
    Row row("  all recover, and close", components);
    bench.observe_all(Verdict::ok, 1ms);
    bench.run_for(2h);
    row.end(bench, reminded);
  }
}

// `before_it`: how many of those that depend on the cause are seen to fail before it is; they fail within four seconds.
void one_cause(const char* name, int components, int before_it) {
  Bench bench(platform_of({components, Services::none, true}));
  bench.observe_all(Verdict::ok, 0ms);
  const long before = bench.events;
  bench.longest = 0;
  Row row(name, components);
  const Duration apart{4000 / components};
  bench.observe_some(Verdict::failing, apart, 1, before_it + 1);
  bench.observe(0, Verdict::failing);
  bench.observe_all(Verdict::failing, apart, before_it + 1);
  bench.run_for(1min);
  row.end(bench, before);
}

void all_unknown(int components) {
  Bench bench(platform_of({components}));
  bench.observe_all(Verdict::ok, 0ms);
  const long before = bench.events;
  bench.longest = 0;
  Row row("none can be seen", components);
  bench.observe_all(Verdict::unknown, 1ms);
  bench.run_for(1h);
  row.end(bench, before);
}

void restarted(int components) {
  PlatformPtr platform = platform_of({components});
  Bench before(platform);
  before.observe_all(Verdict::failing, 1ms);
  before.run_for(10s);
  Bench bench(platform, before.state());
  bench.run_for(12s);
  Row row("a restart with all failing", components);
  bench.restart();
  bench.observe_all(Verdict::failing, 1ms);
  bench.run_for(1min);
  row.end(bench);
}

}  // namespace
}  // namespace yagura

int main(int count, char** words) {
  using namespace yagura;
  std::vector<int> sizes;
  for (int i = 1; i < count; ++i) sizes.push_back(std::atoi(words[i]));
  if (sizes.empty()) sizes = {100, 1000, 10'000};
  std::printf("%-34s %7s %9s %9s %10s %9s %8s %8s\n", "", "comp.", "events", "cpu s", "us/event", "most ms", "open", "mails");
  for (int size : sizes) {
    steady(size);
    first_round(size);
    all_fail("all fail, unrelated", size, Services::none);
    all_fail("all fail, ten to a service", size, Services::tens);
    all_fail("all fail, one service needs all", size, Services::wide);
    one_cause("one dead cause", size, 0);
    one_cause("one dead cause, seen after a fifth", size, size / 5);
    one_cause("one dead cause, seen last", size, size - 1);
    all_unknown(size);
    restarted(size);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("most memory: %ld MB\n", usage.ru_maxrss / 1024);
}
