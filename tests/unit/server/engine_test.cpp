// The engine while something stands: its loop, a probe, the disk; and over a reload.
#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

std::size_t notices(const Engine& engine, const std::string& topic) {
  std::size_t count = 0;
  for (const auto& [id, notice] : engine.state().notices) count += notice.topic == topic ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("while the disk hangs probes run, and what waits for it does not leave") {
  EngineWorld world;
  REQUIRE(world.store->flush(20s));
  int runs = 0;
  {
    Lock lock(world.folder.path + "/state/yagura.db");
    world.target.verdict = Verdict::failing;  // Each turn is a row.
    for (int i = 0; i < 5; ++i) {
      const int before = runs;
      REQUIRE(world.engine.run_probe({"web", "load"}, [&](Observation) { ++runs; }));
      CHECK(world.comes([&] { return runs > before; }));
    }
    CHECK(world.store->queued() > 0);  // All of it while the disk hung.
    CHECK(world.engine.state().failures.size() == 1);
    CHECK(world.engine.metrics().deliveries == 0);
  }
  CHECK(world.comes([&] { return world.engine.metrics().deliveries > 0; }));
}

TEST_CASE("a loop that stood for long says so when it goes on") {
  EngineWorld world;
  world.run(50ms);
  world.surroundings.alarms.open = false;
  SUBCASE("for seven minutes") {
    world.surroundings.moved += 7min;
    REQUIRE(world.comes([&] { return !world.surroundings.alarms.waiting.empty(); }));
    world.surroundings.alarms.let_go();
    CHECK(world.comes([&] { return world.engine.state().core.late_since.has_value(); }));
    CHECK(notices(world.engine, "late") == 2);
    for (const auto& [id, notice] : world.engine.state().notices) {
      if (notice.topic != "late") continue;
      CHECK(notice.details.at("most").starts_with("7m"));
      CHECK(std::stoi(notice.details.at("fell_out")) >= 400);  // every second
    }
  }
  SUBCASE("for two minutes: not for long") {
    world.surroundings.moved += 2min;
    REQUIRE(world.comes([&] { return !world.surroundings.alarms.waiting.empty(); }));
    world.surroundings.alarms.let_go();
    world.run(1500ms);
    CHECK(notices(world.engine, "late") == 0);
  }
}

TEST_CASE("a probe that does not end, long after its timeout, is told, though all others run on time") {
  EngineWorld world("  other: {owner: ap-ops, probes: [{kind: load}]}\n");
  world.target.open = false;
  REQUIRE(world.comes([&] { return !world.target.waiting.empty(); }));
  for (Duration ahead = 0min; ahead < 5min; ahead += 55s) {
    CHECK(notices(world.engine, "late") == 0);
    world.surroundings.moved += 55s;  // The other probe is late by less than is worth a word.
    world.surroundings.catch_up();
    world.run(30ms);
  }
  world.surroundings.moved += 55s;
  world.surroundings.catch_up();
  CHECK(world.comes([&] { return notices(world.engine, "late") == 2; }));
  world.target.let_go();
  world.run(50ms);
}

TEST_CASE("a reload keeps what is known of a job") {
  const std::string job =
      "  batch: {owner: ap-ops, probes: [{name: nightly, kind: job, every: 6h, start_within: 1h, max_duration: 2h}]}\n";
  EngineWorld world(job);
  const ProbeId id{"batch", "nightly"};
  REQUIRE(world.engine.job(id) != nullptr);
  JobPing ping;
  ping.event = JobPing::Event::fail;
  ping.body = "disk full";
  REQUIRE(world.engine.job_ping(id, ping));
  ping.event = JobPing::Event::start;
  ping.run_id = "second";
  REQUIRE(world.engine.job_ping(id, ping));
  const JobState before = world.engine.job(id)->state();
  REQUIRE(before.verdict == Verdict::failing);
  REQUIRE(before.running.contains("second"));
  REQUIRE(world.engine.state().failures.size() == 1);

  write_configuration(world.folder.path, job + "  other: {owner: ap-ops, probes: [{kind: load}]}\n");
  Problems problems;
  REQUIRE(world.engine.reload("sato", problems));
  REQUIRE(world.engine.platform().components.contains("other"));
  REQUIRE(world.engine.job(id) != nullptr);
  CHECK(world.engine.job(id)->state() == before);
  CHECK(world.engine.state().failures.size() == 1);
  // And in the record, should the daemon end now.
  REQUIRE(world.store->flush(20s));
  auto kept = read_kept(*world.store);
  REQUIRE(kept.has_value());
  CHECK(kept->jobs.at(id) == before);
  // The run that was under way has its length.
  ping.event = JobPing::Event::success;
  REQUIRE(world.engine.job_ping(id, ping));
  CHECK(world.engine.job(id)->state().last_duration);
}
