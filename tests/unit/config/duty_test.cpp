// Rosters of duty that contradict themselves, or would leave a hole.
#include <doctest/doctest.h>

#include "written.hpp"

using namespace yagura;

TEST_CASE("a roster that would have a hole, or contradicts itself, is refused with what contradicts") {
  struct Case {
    std::string duty, message;
  };
  const auto roster = [](const std::string& text) { return "duty:\n  ap-ops: {" + text + "}"; };
  for (const Case& one : std::vector<Case>{
           {"duty:\n  «ops: {rotation: [tanaka], since: 2026-11-30, handover: mon 09:00}", "there is no role `ops` to make a roster of"},
           {roster("rotation: [tanaka, «mori], since: 2026-11-30, handover: mon 09:00"),
            "there is no person mori: the roster would have a hole"},
           {roster("rotation: [tanaka, «sato], since: 2026-11-30, handover: mon 09:00"),
            "sato does not have the role ap-ops: the roster would have a hole"},
           {roster("rotation: «[], since: 2026-11-30, handover: mon 09:00"),
            "`rotation` is empty: name the people in the order of their weeks"},
           {roster("rotation: [tanaka], since: «2026-12-01, handover: mon 09:00"),
            "`since` contradicts `handover`: 2026-12-01 is a tue, and the duty is handed over on mon"},
           {roster("rotation: [tanaka], since: 2026-11-30, handover: «monday 9"),
            "`handover` must be a weekday and a time: \"mon 09:00\""},
           {roster("rotation: [tanaka], since: 2026-11-30, handover: «mon 24:00"),
            "`handover` must be a weekday and a time: \"mon 09:00\""},
           {roster("rotation: [tanaka], since: 2026-11-30, handover: mon 09:00, escalate_within_role: «10s"),
            "`escalate_within_role` must be at least 1m"},
           {roster("rotation: [tanaka], since: 2026-11-30, handover: mon 09:00, «swaps: []"),
            "unknown key `swaps` in duty of ap-ops; the keys are `escalate_within_role`, `handover`, `rotation`, `since`"},
       }) {
    CAPTURE(one.duty);
    CHECK(said_at_mark({one.duty}) == one.message);
  }
  CHECK(said_of(with({roster("rotation: [tanaka, suzuki], since: 2026-11-30, handover: mon 09:00, escalate_within_role: 15m")})) == "");
}
