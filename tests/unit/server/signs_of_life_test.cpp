#include "signs_of_life.hpp"

#include <doctest/doctest.h>

using namespace yagura;

namespace {

Instant at(Duration after) {
  return *parse_instant("2026-12-01T10:00:00Z") + after;
}

Notice due(NoticeId id, Duration since) {
  Notice notice;
  notice.id = id;
  notice.state = NoticeState::due;
  notice.due_since = at(since);
  notice.grouped = true;
  return notice;
}

State with(const Notice& notice) {
  State state;
  state.notices[notice.id] = notice;
  return state;
}

std::string why(const Signs& signs) {
  auto silence = reason_for_silence(signs);
  return silence ? silence->why : "";
}

// Nothing has moved for ten minutes.
Duration stands(const Notice& notice, const std::map<NoticeId, Duration>& attempts = {}) {
  return outbox_stands(with(notice), attempts, 10min, at(10min));
}

}  // namespace

TEST_CASE("it beats while probes run on time, the record takes writes and the outbox moves") {
  Signs signs;
  signs.attempt_timeout = 10s;
  CHECK(why(signs).empty());
  signs.lateness = signs.overrun = 1min;
  signs.outbox_stands = 70s;
  CHECK(why(signs).empty());
}

TEST_CASE("each of them stalled silences it, and is named") {
  Signs signs;
  signs.attempt_timeout = 10s;
  SUBCASE("a probe that does not run") {
    signs.lateness = 61s;
    CHECK(why(signs) == "probes run late: 1m1s");
    CHECK(reason_for_silence(signs)->cause == Silence::Cause::probes);
  }
  SUBCASE("a probe that does not end") {
    signs.overrun = 61s;
    CHECK(why(signs) == "a probe has outlived its timeout by 1m1s");
    CHECK(reason_for_silence(signs)->cause == Silence::Cause::probes);
  }
  SUBCASE("a record in trouble") {
    signs.record_trouble = "the disk is full";
    CHECK(why(signs) == "the record cannot be written: the disk is full");
    CHECK(reason_for_silence(signs)->cause == Silence::Cause::record);
  }
  SUBCASE("a write that is not durable yet") {
    signs.write_waits = 1s;
    CHECK(why(signs) == "a write of the record has waited for 1s");
    CHECK(reason_for_silence(signs)->cause == Silence::Cause::record);
  }
  SUBCASE("an outbox that stands") {
    signs.outbox_stands = 71s;
    CHECK(why(signs) == "a notice that is due has stood for 1m11s");
    CHECK(reason_for_silence(signs)->cause == Silence::Cause::outbox);
  }
}

TEST_CASE("a notice that is due and neither leaves nor comes back stands") {
  CHECK(stands(due(1, 0s)) == 10min);
  CHECK(stands(due(1, 4min)) == 6min);
  Notice lost = due(1, 0s);
  lost.in_flight = true;  // and nobody delivers it
  CHECK(stands(lost) == 10min);
  Notice tried = due(1, 0s);
  tried.retry_at = at(7min);
  CHECK(stands(tried) == 3min);
  CHECK(stands(lost, {{1, 5min}}) == 5min);
}

TEST_CASE("what waits for good reason does not stand") {
  Notice held = due(1, 0s);
  held.state = NoticeState::held;
  CHECK(stands(held) == Duration{0});
  Notice sent = due(1, 0s);
  sent.state = NoticeState::sent;
  CHECK(stands(sent) == Duration{0});
  Notice again = due(1, 0s);
  again.retry_at = at(20min);
  CHECK(stands(again) <= Duration{0});
  Notice collected = due(1, 0s);
  collected.grouped = false;
  CHECK(stands(collected) == Duration{0});
  Notice bank = collected;
  bank.kind = NoticeKind::bank_first;  // is never collected
  CHECK(stands(bank) == 10min);
}

TEST_CASE("a notice that waits for a free place does not stand while others come and go") {
  State state = with(due(1, 0s));
  state.notices[2] = due(2, 0s);
  state.notices[2].in_flight = true;
  CHECK(outbox_stands(state, {{2, 3s}}, 3s, at(10min)) == 3s);
}
