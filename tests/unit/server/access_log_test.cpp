// Who looked: rows that nobody can make many of.
#include "access_log.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace yagura;

namespace {

struct Line {
  std::string what, who;
  AccessLog::Details details;
};

struct World {
  std::vector<Line> lines;
  AccessLog log{[this](const std::string& what, const std::string& who, const AccessLog::Details& details) {
                  lines.push_back({what, who, details});
                },
                [](Instant at) { return std::to_string(at.time_since_epoch().count()); }};
  Instant now = Instant{} + std::chrono::hours(500'000);
  Caller sato = caller_of(Peer{1000, 4711, "sato"}, "sato");
  Caller eve = caller_of(Peer{1001, 4712, "eve"}, "");
};

}  // namespace

TEST_CASE("who calls is named with where from") {
  World world;
  CHECK(world.sato.who == "sato");
  CHECK(world.sato.from == "uid 1000 (sato), pid 4711");
  CHECK(world.eve.who == "unix:eve");
  CHECK(caller_from("127.0.0.1:5").who == "http");
}

TEST_CASE("a status that is asked for each second is a row at once and one an hour") {
  World world;
  for (int second = 0; second < 3 * 3600; ++second) {
    world.log.look(world.now);
    world.log.read(world.sato, "status", "", world.now);
    world.now += std::chrono::seconds(1);
  }
  REQUIRE(world.lines.size() == 3);
  CHECK(world.lines[0].details.at("count") == "1");
  CHECK(world.lines[1].details.at("count") == "3599");
  CHECK(world.lines[2].details.at("count") == "3600");
  CHECK(world.lines[2].details.at("kind") == "status");
  CHECK(world.lines[2].details.at("from") == "uid 1000 (sato), pid 4711");
  world.log.end(world.now);
  CHECK(world.lines.size() == 4);  // the third hour's
  // After an hour without a look the next is a row at once.
  world.log.look(world.now);
  world.log.read(world.sato, "status", "", world.now);
  CHECK(world.lines.size() == 5);
}

TEST_CASE("each kind and each person is told apart, and what was looked at is named") {
  World world;
  world.log.read(world.sato, "failures", "1", world.now);
  world.log.read(world.sato, "notices", "", world.now);
  Caller suzuki = caller_of(Peer{1002, 1, "suzuki"}, "suzuki");
  world.log.read(suzuki, "failures", "2", world.now);
  REQUIRE(world.lines.size() == 3);
  CHECK(world.lines[2].details.at("which") == "2");
  for (int n = 1; n <= 100; ++n) world.log.read(world.sato, "failures", std::to_string(n % 3), world.now);
  world.now += std::chrono::hours(1);
  world.log.look(world.now);
  REQUIRE(world.lines.size() == 4);
  CHECK(world.lines[3].details.at("which") == "0, 1, 2");
}

TEST_CASE("refusals are ten rows at once, and counted beyond") {
  World world;
  for (int n = 0; n < 500; ++n) world.log.refused(world.eve, "/v1/status", 403, world.now);
  CHECK(world.lines.size() == 10);
  CHECK(world.lines[0].what == "access.refused");
  CHECK(world.lines[0].who == "unix:eve");
  CHECK(world.lines[0].details.at("status") == "403");
  world.now += std::chrono::hours(1);
  world.log.look(world.now);
  REQUIRE(world.lines.size() == 11);
  CHECK(world.lines[10].what == "access.refused");
  CHECK(world.lines[10].details.at("count") == "490");
}

TEST_CASE("looks at the record are rows, up to sixty at once; what programs ask for is counted") {
  World world;
  for (int n = 0; n < 200; ++n) world.log.row_unless_often(world.sato, "record.read", {}, world.now);
  CHECK(world.lines.size() == 60);
  for (int n = 0; n < 1000; ++n) world.log.count("healthz", world.now);
  world.log.count("metrics", world.now);
  world.now += std::chrono::hours(24);
  world.log.look(world.now);
  REQUIRE(world.lines.size() == 62);
  CHECK(world.lines[60].details.at("count") == "140");
  CHECK(world.lines[61].what == "access.counted");
  CHECK(world.lines[61].details.at("healthz") == "1000");
}

TEST_CASE("more people than a configuration has are counted together") {
  World world;
  for (unsigned uid = 0; uid < 3000; ++uid) {
    world.log.read(caller_of(Peer{uid, 1, "u" + std::to_string(uid)}, ""), "status", "", world.now);
  }
  CHECK(world.lines.size() == 1000);
  world.log.end(world.now);
  REQUIRE(world.lines.size() == 1001);
  CHECK(world.lines[1000].who == "others");
  CHECK(world.lines[1000].details.at("count") == "2000");
}
