#include "scheduler.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

#include "allocations.hpp"

using namespace yagura;

namespace {

const Instant start = parse_instant("2026-12-28T16:50:00+09:00").value();

PlatformPtr platform_of(int components, Duration interval, Duration retry = 10s) {
  auto platform = std::make_shared<Platform>();
  for (int number = 0; number < components; ++number) {
    Component component;
    component.id = fmt::format("component-{}", number);
    ProbeSpec probe;
    probe.name = "http";
    probe.interval = interval;
    probe.retry = retry;
    component.probes = {probe};
    platform->components[component.id] = component;
  }
  return platform;
}

// Every run that begins in [from, until), each ending at once; none wants a retry.
std::map<ProbeId, std::vector<Instant>> runs(Scheduler& scheduler, Instant from, Instant until) {
  std::map<ProbeId, std::vector<Instant>> found;
  for (Instant now = std::max(from, *scheduler.next_due()); now < until;
       now = *scheduler.next_due()) {
    for (const Scheduler::Run& run : scheduler.due(now)) {
      found[run.probe].push_back(run.scheduled);
      scheduler.ended(run.probe, now, false);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("every probe runs once in each interval, at its phase") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(50, 60s), start);
  const auto found = runs(scheduler, start, start + 10min);
  CHECK(found.size() == 50);
  for (const auto& [probe, times] : found) {
    REQUIRE(times.size() == 10);
    for (std::size_t at = 0; at < times.size(); ++at) {
      CHECK((times[at].time_since_epoch() - phase_of(probe, 60s, 0)) % 60s == Duration{0});
      if (at > 0) CHECK(times[at] - times[at - 1] == 60s);
    }
  }
  CHECK(scheduler.skipped_slots() == 0);
}

TEST_CASE("runs are spread over the interval") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(600, 60s), start);
  std::map<Duration, int> in_second;
  for (const auto& [probe, times] : runs(scheduler, start, start + 60s)) {
    ++in_second[std::chrono::floor<std::chrono::seconds>(times.at(0) - start)];
  }
  CHECK(in_second.size() == 60);
  for (const auto& [second, count] : in_second)
    CHECK(count < 30);  // ten on average
}

TEST_CASE("phases are the same for ever") {
  CHECK(phase_of({"web-1", "http"}, 60s, 0) == phase_of({"web-1", "http"}, 60s, 0));
  CHECK(phase_of({"web-1", "http"}, 60s, 0) != phase_of({"web-2", "http"}, 60s, 0));
  CHECK(phase_of({"web-1", "http"}, 60s, 0) != phase_of({"web-1", "http"}, 60s, 1));
  // Written down once: a change here moves the probes of every installation.
  CHECK(phase_of({"web-1", "http"}, 60s, 0) == 12800ms);
}

TEST_CASE("phases lie on a raster, so that one waking serves many, and stay spread over the interval") {
  for (const auto& [interval, raster] : std::initializer_list<std::pair<Duration, Duration>>{
           {1s, 2ms}, {5s, 10ms}, {15s, 50ms}, {30s, 100ms}, {60s, 100ms}, {5min, 100ms}}) {
    std::set<Duration> phases;
    for (int i = 0; i < 1000; ++i) {
      const Duration phase = phase_of({"web-" + std::to_string(i), "http"}, interval, 0);
      CHECK(phase % raster == Duration{0});
      CHECK(phase >= Duration{0});
      CHECK(phase < interval);
      phases.insert(phase);
    }
    CHECK(phases.size() > 200);
  }
}

TEST_CASE("what runs is counted, and told apart from what waits") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(3, 60s), start);
  CHECK(scheduler.running() == 0);
  const auto due = scheduler.due(start + 60s, 2);
  REQUIRE(due.size() == 2);
  const ProbeId first = due[0].probe;
  CHECK(scheduler.running() == 2);
  int told = 0;
  scheduler.each_running(start + 61s, [&](const ProbeId&, Duration so_far) { told += so_far == 1s ? 1 : 100; });
  CHECK(told == 2);
  scheduler.ended(first, start + 61s, false);
  CHECK(scheduler.running() == 1);
  scheduler.set_platform(platform_of(0, 60s), start + 62s);  // gone while they run
  CHECK(scheduler.running() == 0);
}

TEST_CASE("a probe that confirms runs again after retry, counted from the beginning of its run") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(1, 60s, 10s), start);
  const ProbeId probe{"component-0", "http"};
  const Instant first = *scheduler.next_due();
  CHECK(scheduler.due(first - Duration{1}).empty());
  REQUIRE(scheduler.due(first).size() == 1);
  CHECK_FALSE(scheduler.next_due().has_value());
  scheduler.ended(probe, first + 4s, true);
  CHECK(scheduler.next_due() == first + 10s);
  REQUIRE(scheduler.due(first + 10s).size() == 1);
  scheduler.ended(probe, first + 25s, true);  // it lasted longer than retry
  CHECK(scheduler.next_due() == first + 25s);
  REQUIRE(scheduler.due(first + 25s).size() == 1);
  scheduler.ended(probe, first + 26s, false);
  CHECK(scheduler.next_due() == first + 60s);
  CHECK(scheduler.skipped_slots() == 0);
}

TEST_CASE("of what is due no more is handed out than is asked for, and the rest is neither lost nor repeated") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(10, 60s), start);
  std::set<ProbeId> seen;
  std::size_t sizes = 0;
  for (std::size_t expected : {4, 4, 2, 0}) {
    const auto some = scheduler.due(start + 60s, 4);
    CHECK(some.size() == expected);
    for (const Scheduler::Run& run : some) seen.insert(run.probe);
    sizes += some.size();
  }
  CHECK(sizes == 10);
  CHECK(seen.size() == 10);
}

TEST_CASE("how long each run has lasted is told of those in flight only") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(2, 60s), start);
  const Instant first = *scheduler.next_due();
  REQUIRE(scheduler.due(first).size() == 1);
  int told = 0;
  scheduler.each_running(first + 7s, [&](const ProbeId& probe, Duration so_far) {
    ++told;
    CHECK(scheduler.is_running(probe));
    CHECK(so_far == 7s);
  });
  CHECK(told == 1);
}

TEST_CASE("a fresh run comes at once, or right after the run in flight") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(1, 60s), start);
  const ProbeId probe{"component-0", "http"};
  const Instant slot = *scheduler.next_due();
  const Instant now = slot + 20s;
  scheduler.due(slot);
  scheduler.ended(probe, slot, false);
  CHECK(scheduler.run_fresh(probe, now));
  CHECK(scheduler.next_due() == now);
  const auto run = scheduler.due(now);
  REQUIRE(run.size() == 1);
  CHECK(run[0].scheduled == now);
  CHECK(scheduler.run_fresh(probe, now + 1s));  // in flight: that run does not count
  CHECK(scheduler.due(now + 2s).empty());
  scheduler.ended(probe, now + 3s, true);
  CHECK(scheduler.next_due() == now + 3s);
  scheduler.due(now + 3s);
  scheduler.ended(probe, now + 4s, false);
  CHECK(scheduler.next_due() == slot + 60s);
  CHECK_FALSE(scheduler.run_fresh({"component-9", "http"}, now));
}

TEST_CASE("what comes late and what falls out is counted") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(1, 60s), start);
  const ProbeId probe{"component-0", "http"};
  const Instant slot = *scheduler.next_due();
  CHECK(scheduler.lateness(slot) == Duration{0});
  CHECK(scheduler.lateness(slot + 150s) == 150s);
  const auto late = scheduler.due(slot + 150s);
  REQUIRE(late.size() == 1);
  CHECK(late[0].scheduled == slot);
  CHECK(late[0].lateness == 150s);
  CHECK(scheduler.skipped_slots() == 2);
  scheduler.ended(probe, slot + 151s, false);
  CHECK(scheduler.next_due() == slot + 180s);
  CHECK(scheduler.take_worst_lateness() == 150s);
  CHECK(scheduler.take_worst_lateness() == 0s);

  scheduler.due(slot + 180s);
  scheduler.ended(probe, slot + 330s, false);  // over the slots at 240 s and 300 s
  CHECK(scheduler.next_due() == slot + 360s);
  CHECK(scheduler.skipped_slots() == 4);
}

TEST_CASE("a jump of the wall clock moves all slots along: no burst, no pause") {
  for (Duration jump : {Duration{24h}, Duration{-24h}, Duration{7s}, Duration{-61s}}) {
    CAPTURE(jump.count());
    Scheduler scheduler;
    scheduler.set_platform(platform_of(100, 60s), start);
    runs(scheduler, start, start + 90s);
    const Instant before = *scheduler.next_due();
    const Instant now = start + 90s;
    scheduler.shift(jump);
    CHECK(scheduler.due(now + jump).size() <= 1);
    CHECK(*scheduler.next_due() == before + jump);
    for (const auto& [probe, times] : runs(scheduler, now + jump, now + jump + 5min)) {
      CHECK(times.size() == 5);
    }
    CHECK(scheduler.skipped_slots() == 0);
  }
}

TEST_CASE("a reload keeps every probe's next run, adds and drops") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(20, 60s), start);
  const ProbeId running = scheduler.due(*scheduler.next_due())[0].probe;
  const Instant now = start + 5s;
  Scheduler other;
  other.set_platform(platform_of(20, 60s), now);

  scheduler.set_platform(platform_of(30, 60s), now);
  CHECK(scheduler.size() == 30);
  CHECK(scheduler.is_running(running));
  scheduler.set_platform(platform_of(20, 60s), now);
  CHECK(scheduler.size() == 20);
  CHECK(scheduler.is_running(running));

  // The run in flight is the only one: the reload has not made another.
  for (const Scheduler::Run& run : scheduler.due(start + 60s))
    CHECK(run.probe != running);

  scheduler.set_platform(platform_of(0, 60s), now);
  CHECK(scheduler.size() == 0);
  CHECK_FALSE(scheduler.next_due().has_value());
  scheduler.ended(running, now, false);
  CHECK_FALSE(scheduler.next_due().has_value());
}

TEST_CASE("a reload brings no run forward: no burst") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(100, 60s), start);
  const Instant now = start + 90s;
  runs(scheduler, start, now);
  const Instant before = *scheduler.next_due();
  scheduler.set_platform(platform_of(100, 60s), now);
  CHECK(*scheduler.next_due() == before);
  CHECK(scheduler.due(now).size() <= 1);
}

TEST_CASE("an interval that changes never delays the next run") {
  for (Duration interval : {Duration{30s}, Duration{5min}}) {
    Scheduler scheduler;
    scheduler.set_platform(platform_of(1, 60s), start);
    const Instant next = *scheduler.next_due();
    scheduler.set_platform(platform_of(1, interval), start);
    CHECK(*scheduler.next_due() <= next);
    runs(scheduler, start, start + 1h);
    CHECK((scheduler.next_due()->time_since_epoch() -
           phase_of({"component-0", "http"}, interval, 0)) %
              interval ==
          Duration{0});
  }
}

TEST_CASE("a sleeping probe has no slots, and wakes at its phase") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(1, 60s), start);
  const ProbeId probe{"component-0", "http"};
  const Instant slot = *scheduler.next_due();
  scheduler.sleep(probe);
  CHECK_FALSE(scheduler.next_due().has_value());
  scheduler.wake(probe, slot + 24h);
  CHECK(scheduler.next_due() == slot + 24h);
  scheduler.sleep(probe);
  scheduler.wake(probe, slot + 24h + Duration{1});
  CHECK(scheduler.next_due() == slot + 24h + 60s);
  scheduler.sleep(probe);
  CHECK(scheduler.run_fresh(probe, slot + 48h));
  CHECK(scheduler.next_due() == slot + 48h);
}

TEST_CASE(
    "whatever happens, a probe never runs twice at once and never more than an interval apart") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto pick = [&random](int most) {
      return std::uniform_int_distribution<int>(0, most)(random);
    };
    Scheduler scheduler(seed);
    int components = 1 + pick(10);
    Instant now = start;
    Duration shifted{0};
    scheduler.set_platform(platform_of(components, 60s), now);
    std::map<ProbeId, Instant> running;       // when it ends
    std::map<ProbeId, Instant> last_started;  // without the clock's jumps
    for (int turn = 0; turn < 2000; ++turn) {
      now += Duration{pick(3000)};
      switch (pick(60)) {
        case 0: {
          const Duration jump{pick(200'000) - 100'000};
          scheduler.shift(jump);
          now += jump;
          shifted += jump;
          for (auto& [probe, end] : running)
            end += jump;
          break;
        }
        case 1:
          components = 1 + pick(10);
          scheduler.set_platform(platform_of(components, 60s), now);
          std::erase_if(running, [&](const auto& row) { return !scheduler.is_running(row.first); });
          std::erase_if(last_started, [&](const auto& row) {
            return std::stoi(row.first.component.substr(10)) >= components;
          });
          break;
        case 2:
          scheduler.run_fresh({fmt::format("component-{}", pick(9)), "http"}, now);
          break;
        default:
          break;
      }
      for (auto row = running.begin(); row != running.end();) {
        if (row->second > now) {
          ++row;
        } else {
          scheduler.ended(row->first, now, pick(4) == 0);
          row = running.erase(row);
        }
      }
      for (const Scheduler::Run& run : scheduler.due(now)) {
        REQUIRE_FALSE(running.contains(run.probe));
        REQUIRE(scheduler.is_running(run.probe));
        REQUIRE(run.scheduled <= now);
        REQUIRE(run.scheduled + run.lateness == now);
        if (auto last = last_started.find(run.probe); last != last_started.end()) {
          REQUIRE(now - shifted - last->second <=
                  60s + 10s + 6s);  // interval, longest run, our steps
        }
        last_started[run.probe] = now - shifted;
        running[run.probe] = now + Duration{pick(10'000)};
      }
    }
  }
}

TEST_CASE("steady running allocates nothing") {
  Scheduler scheduler;
  scheduler.set_platform(platform_of(40, 60s), start);
  runs(scheduler, start, start + 2h);  // rows have grown to the longest names by now
  Instant now = *scheduler.next_due();
  count_allocations(true);
  for (int turn = 0; turn < 400; ++turn) {
    for (const Scheduler::Run& run : scheduler.due(now))
      scheduler.ended(run.probe, now, false);
    now = *scheduler.next_due();
  }
  CHECK(count_allocations(false) == 0);
}
