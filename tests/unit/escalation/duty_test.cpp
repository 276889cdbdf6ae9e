// Who is on duty: handovers, swaps, zones with summer time.
#include "duty.hpp"

#include <doctest/doctest.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

struct Duty {
  Platform platform;
  Roster roster;
  std::vector<DutySwap> swaps;

  explicit Duty(const std::string& zone = "Asia/Tokyo") {
    platform.zone = Zone::named(zone).value();
    for (const char* id : {"aoki", "baba", "chiba"}) {
      platform.people[id] = Person{id, id, std::string(id) + "@example.jp", {Role::ap_ops}, "", {}};
    }
    // A Monday, at nine.
    roster = {Role::ap_ops, {"aoki", "baba", "chiba"}, date_of(2026, 11, 30), 9h, std::nullopt};
  }
  PersonName at(const std::string& time) const { return on_duty(platform, roster, swaps, parse_instant(time).value()); }
  void swap(SwapId id, const PersonName& person, const std::string& from, const std::string& until) {
    swaps.push_back({id, "ap-ops", person, parse_instant(from).value(), parse_instant(until).value(), "aoki", ""});
  }
  std::string list(const std::string& from, const std::string& until) const {
    std::string text;
    for (const Shift& shift : shifts(platform, roster, swaps, parse_instant(from).value(), parse_instant(until).value())) {
      text += shift.person + " " + platform.zone.format(shift.from).substr(5, 11) + "-" +
              platform.zone.format(shift.until).substr(5, 11) + (shift.swap != 0 ? "*" : "") + "\n";
    }
    return text;
  }
};

}  // namespace

TEST_CASE("the duty is handed over each week at its hour, before the roster's first week too") {
  Duty duty;
  CHECK(duty.at("2026-11-30T08:59:59.999+09:00") == "chiba");
  CHECK(duty.at("2026-11-30T09:00:00+09:00") == "aoki");
  CHECK(duty.at("2026-12-07T08:59:59.999+09:00") == "aoki");
  CHECK(duty.at("2026-12-07T09:00:00+09:00") == "baba");
  CHECK(duty.at("2026-12-20T23:00:00+09:00") == "chiba");
  CHECK(duty.at("2026-12-21T09:00:00+09:00") == "aoki");
  CHECK(duty.at("2026-11-17T12:00:00+09:00") == "baba");
  CHECK(duty.at("2036-11-24T09:00:00+09:00") != "");
}

TEST_CASE("of swaps that overlap the one entered last counts; one whose person has left the role counts no more") {
  Duty duty;
  duty.swap(1, "baba", "2026-12-01T18:00:00+09:00", "2026-12-03T09:00:00+09:00");
  duty.swap(2, "chiba", "2026-12-02T00:00:00+09:00", "2026-12-02T12:00:00+09:00");
  CHECK(duty.at("2026-12-01T17:59:59+09:00") == "aoki");
  CHECK(duty.at("2026-12-01T18:00:00+09:00") == "baba");
  CHECK(duty.at("2026-12-02T00:00:00+09:00") == "chiba");
  CHECK(duty.at("2026-12-02T12:00:00+09:00") == "baba");
  CHECK(duty.at("2026-12-03T09:00:00+09:00") == "aoki");
  CHECK(duty.list("2026-12-01T12:00:00+09:00", "2026-12-08T00:00:00+09:00") ==
        "aoki 11-30T09:00-12-01T18:00\n"
        "baba 12-01T18:00-12-02T00:00*\n"
        "chiba 12-02T00:00-12-02T12:00*\n"
        "baba 12-02T12:00-12-03T09:00*\n"
        "aoki 12-03T09:00-12-07T09:00\n"
        "baba 12-07T09:00-12-14T09:00\n");
  duty.platform.people.at("chiba").roles = {Role::infra_ops};
  CHECK(duty.at("2026-12-02T06:00:00+09:00") == "baba");
  duty.platform.people.erase("baba");
  CHECK(duty.at("2026-12-02T06:00:00+09:00") == "aoki");
}

TEST_CASE("the hour of the handover is the zone's, over its changes too") {
  Duty duty("America/New_York");
  duty.roster.since = date_of(2027, 3, 8);
  CHECK(duty.at("2027-03-15T08:59:59-04:00") == "aoki");
  CHECK(duty.at("2027-03-15T09:00:00-04:00") == "baba");
  // At the change itself: 2:30 does not exist that night.
  duty.roster.since = date_of(2027, 3, 7);
  duty.roster.handover = 2h + 30min;
  CHECK(duty.at("2027-03-14T01:59:59-05:00") == "aoki");
  CHECK(duty.at("2027-03-14T03:00:00-04:00") == "baba");
}

TEST_CASE("somebody is on duty at every instant, and the shifts say who") {
  Duty duty("America/New_York");
  duty.swap(1, "baba", "2026-12-06T18:00:00-05:00", "2026-12-07T12:00:00-05:00");
  duty.swap(2, "aoki", "2026-12-07T11:00:00-05:00", "2026-12-09T09:00:00-05:00");
  const Instant from = parse_instant("2026-11-29T00:00:00-05:00").value();
  const Instant until = from + 28 * 24h;
  const auto all = shifts(duty.platform, duty.roster, duty.swaps, from, until);
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].until == all[i].from);
  std::size_t in = 0;
  for (Instant at = from; at < until; at += 17min) {
    while (at >= all.at(in).until) ++in;
    CHECK(all[in].from <= at);
    CHECK(all[in].person == on_duty(duty.platform, duty.roster, duty.swaps, at));
  }
}
