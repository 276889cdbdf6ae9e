#include "ping_request.hpp"

#include <doctest/doctest.h>

#include "text.hpp"

using namespace yagura;

namespace {

const std::vector<ProbeId> jobs{{"batch", "nightly"}, {"web", "job"}, {"web", "start"}};

std::string path_read(std::string_view path) {
  auto read = read_ping_path(path, jobs);
  if (!read) return "none";
  return read->job.text() + " " + std::to_string(static_cast<int>(read->ping.event)) + " " +
         std::to_string(read->ping.exit_status);
}

}  // namespace

TEST_CASE("a ping's path names the job, and what became of it") {
  CHECK(path_read("/ping/batch") == "batch/nightly 1 0");
  CHECK(path_read("/ping/batch/start") == "batch/nightly 0 0");
  CHECK(path_read("/ping/batch/nightly/fail") == "batch/nightly 2 0");
  CHECK(path_read("/ping/batch/nightly/log") == "batch/nightly 3 0");
  CHECK(path_read("/ping/batch/0") == "batch/nightly 1 0");
  CHECK(path_read("/ping/batch/255") == "batch/nightly 2 255");
  CHECK(path_read("/ping/web/start") == "web/start 1 0");  // the probe of that name
}

TEST_CASE("a ping's path that names no one job, or no event, is nobody's") {
  for (const char* path : {"/ping/", "/ping/web", "/ping/batch/256", "/ping/batch/-1", "/ping/batch/success",
                           "/ping/batch/nightly/start/x", "/ping//batch", "/other/batch", ""})
    CHECK(path_read(path) == "none");
}

TEST_CASE("a ping over the control socket: a word that is no event is not taken for a success") {
  CHECK(read_ping(R"({"component":"batch"})").value().ping.event == JobPing::Event::success);
  CHECK(read_ping(R"({"component":"batch","event":"fail"})").value().ping.event == JobPing::Event::fail);
  for (const char* body : {R"({"event":"failed"})", R"({"event":""})", R"({"event":2})", "[]", "{"})
    CHECK_FALSE(read_ping(body).has_value());
}

TEST_CASE("a ping over the control socket: an exit status that is none is not cut down to one") {
  CHECK(read_ping(R"({"exit_status":255})").value().ping.exit_status == 255);
  for (const char* body : {R"({"exit_status":4294967296})", R"({"exit_status":-1})",
                           R"({"exit_status":256})", R"({"exit_status":"1"})"})
    CHECK_FALSE(read_ping(body).has_value());
}

TEST_CASE("an end that is reported later has its time, which is over, and not for long") {
  const auto late = read_ping(R"({"event":"fail","ended_at":"2026-12-28T02:10:00+09:00","started_at":"2026-12-28T02:00:00+09:00"})");
  REQUIRE(late.has_value());
  CHECK(*late->ping.ended_at - *late->ping.started_at == 10min);
  const Instant ended = *late->ping.ended_at;
  CHECK(check_time(late->ping, ended).has_value());
  CHECK(check_time(late->ping, ended - 1min).has_value());
  CHECK_FALSE(check_time(late->ping, ended - 61s).has_value());
  CHECK(check_time(late->ping, ended + 24h * 7).has_value());
  CHECK_FALSE(check_time(late->ping, ended + 24h * 7 + 1s).has_value());
  for (const char* body : {R"({"ended_at":"yesterday"})", R"({"ended_at":5})", R"({"started_at":"2026-12-28T02:00:00+09:00"})",
                           R"({"event":"start","ended_at":"2026-12-28T02:10:00+09:00"})",
                           R"({"event":"log","ended_at":"2026-12-28T02:10:00+09:00"})",
                           R"({"ended_at":"2026-12-28T02:10:00Z","started_at":"2026-12-28T02:10:01Z"})"}) {
    CAPTURE(body);
    CHECK_FALSE(read_ping(body).has_value());
  }
}

TEST_CASE("a run's name is cut at a character, so that its end is found again after a restart") {
  std::string name;
  for (int i = 0; i < 40; ++i) name += "あ";
  auto read = read_ping(R"({"run_id":")" + name + R"("})");
  REQUIRE(read.has_value());
  CHECK(read->ping.run_id.size() <= 64);
  CHECK(is_utf8(read->ping.run_id));
}
