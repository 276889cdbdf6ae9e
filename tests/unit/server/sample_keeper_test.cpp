#include "sample_keeper.hpp"

#include "sample_file.hpp"
#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

struct KeptWorld : EngineWorld {
  // What the file has of web/load.
  RunTally in_file() {
    RunTally runs;
    const SampleQuery query{"web", "load", Instant{}, surroundings.wall() + 24h};
    auto read = read_spans(state, query, [&](Instant, const ProbeId&, const NamedTally& tally) {
      runs.add(tally.runs);
      return true;
    });
    CHECK(read);
    return runs;
  }
  bool has_run() {
    return comes([&] { return engine.samples().so_far({"web", "load"}).has_value(); });
  }
  void pass(Duration span) {
    surroundings.moved += span;
    surroundings.catch_up();
  }

  std::string state = folder.path + "/state";
  SampleKeeper keeper{surroundings, engine};
};

}  // namespace

TEST_CASE("each run is counted, and a span that is over is written") {
  KeptWorld world;
  REQUIRE(world.has_run());
  // Once the clock is well within a span, lest it ends by itself.
  world.pass(Samples::begin_of_span(world.engine.now()) + 5min + 1s - world.engine.now());
  world.keeper.look();
  REQUIRE(world.comes([&] { return world.in_file().all() > 0; }));
  const auto before = world.in_file().all();
  REQUIRE(world.has_run());
  world.keeper.look();
  world.run(200ms);
  CHECK(world.in_file().all() == before);
  world.target.verdict = Verdict::failing;
  world.pass(5min);
  REQUIRE(world.comes([&] {
    world.keeper.look();
    return world.in_file().all() > before;
  }));
}

TEST_CASE("at the end what the span under way has is written, too") {
  KeptWorld world;
  REQUIRE(world.has_run());
  world.target.verdict = Verdict::warning;
  bool again = false;
  REQUIRE(world.engine.run_probe({"web", "load"}, [&](const Observation&) { again = true; }));
  REQUIRE(world.comes([&] { return again; }));
  bool ended = false;
  world.keeper.end(10s, [&] { ended = true; });
  REQUIRE(world.comes([&] { return ended; }));
  CHECK(world.in_file().of(Verdict::warning) > 0);
}

TEST_CASE("a reload keeps counting, and a job's pings count as well") {
  KeptWorld world;
  REQUIRE(world.has_run());
  write_configuration(
      world.folder.path,
      "  batch: {owner: ap-ops, probes: [{kind: job, every: 1h, max_duration: 30m}]}\n");
  Problems problems;
  REQUIRE_MESSAGE(world.engine.reload("test", problems), text(problems));
  CHECK(world.engine.samples().so_far({"web", "load"}).has_value());
  JobPing ping;
  ping.event = JobPing::Event::fail;
  REQUIRE(world.engine.job_ping({"batch", "job"}, ping));
  auto job = world.engine.samples().so_far({"batch", "job"});
  REQUIRE(job);
  CHECK(job->runs.of(Verdict::failing) == 1);
}

TEST_CASE("what cannot be written is dropped, and the next is written once it can be") {
  KeptWorld world;
  const std::string file = world.state + "/samples.db";
  std::filesystem::create_directories(file);
  std::filesystem::create_directories(file + ".damaged");
  REQUIRE(world.has_run());
  world.pass(5min);
  world.keeper.look();
  world.run(300ms);
  CHECK(std::filesystem::is_directory(file));
  std::filesystem::remove(file);
  REQUIRE(world.has_run());
  world.pass(5min);
  REQUIRE(world.comes([&] {
    world.keeper.look();
    return world.in_file().all() > 0;
  }));
}
