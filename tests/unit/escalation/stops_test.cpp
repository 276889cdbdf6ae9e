// Planned stops: by when they have to be announced, what each bank is told of them, and that over
// random stories no bank is left with half a story.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

std::string announced_by(const Platform& platform, std::string_view from) {
  auto last = announce_by(platform, World::at(from));
  return last ? platform.zone.format(*last).substr(0, 19) : "never";
}

Platform with_window(const char* day_words, const std::vector<std::string>& hours) {
  Platform platform = example_platform();
  Window::Part part{*parse_days({day_words}), {}};
  for (const std::string& one : hours)
    part.hours.push_back(*parse_hours(one));
  platform.windows["bank_mail"] = Window({part});
  return platform;
}

PlanStop plan(std::string_view from, std::string_view until,
              std::set<ServiceName> services = {"member-site"}) {
  PlanStop stop;
  stop.services = std::move(services);
  stop.from = World::at(from);
  stop.until = World::at(until);
  stop.text = "更新";
  return stop;
}

}  // namespace

TEST_CASE(
    "a stop is announced on the fifth business day before it at the latest, in the window, with "
    "time to hand over") {
  Platform platform = example_platform();
  CHECK(announced_by(platform, "2027-02-16T01:00") ==
        "2027-02-08T16:59:50");  // the 11th is a holiday
  CHECK(announced_by(platform, "2027-02-14T01:00") == "2027-02-05T16:59:50");  // a Sunday
  CHECK(announced_by(platform, "2027-02-15T23:59") == "2027-02-05T16:59:50");
  CHECK(announced_by(platform, "2027-01-05T00:00") ==
        "2026-12-23T16:59:50");  // over the turn of the year
  CHECK(announced_by(platform, "2100-02-01T00:00") == "never");
  Platform lunch = with_window("business", {"10:00-12:00", "13:00-17:00"});
  CHECK(announced_by(lunch, "2027-02-16T01:00") == "2027-02-08T16:59:50");
  Platform tuesdays = with_window("tue", {"10:00-12:00"});
  CHECK(announced_by(tuesdays, "2027-02-16T01:00") == "2027-02-02T11:59:50");
  Platform whole_day = with_window("all", {"00:00-24:00"});
  CHECK(announced_by(whole_day, "2027-02-16T01:00") == "2027-02-08T23:59:59");
}

TEST_CASE(
    "an announcement that may have arrived is not sent again once the stop is cancelled: the bank "
    "hears that") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.cut_after_the_dot = true;
  world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00", {"admin-console"}));
  REQUIRE(world.accepted());
  world.order("sato", CancelStop{1, {}, {}, "見送り"});
  REQUIRE(world.accepted());
  world.run_for(24h);
  CHECK(world.count(NoticeKind::stop_planned, "bank:aozora") == 1);
  CHECK(world.count(NoticeKind::stop_cancelled, "bank:aozora") == 1);
}

TEST_CASE(
    "word of a stop's end that waits for the window is kept over a restart, and waits until its "
    "services are seen well again") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-14T01:00", "2027-02-14T02:00"));
  world.fail("web-2", "http");                     // of two
  world.run_until(World::at("2027-02-14T12:00"));  // a Sunday
  const Notice* held = world.unsent("bank:aozora");
  REQUIRE(held != nullptr);
  REQUIRE(held->kind == NoticeKind::stop_completed);
  const NoticeId id = held->id;
  world.restart(1min);
  held = world.unsent("bank:aozora");
  REQUIRE(held != nullptr);
  CHECK(held->id == id);
  world.run_until(World::at("2027-02-15T12:00"));
  CHECK(world.count(NoticeKind::stop_completed, "bank:aozora") == 1);
  CHECK(world.notice(id).state == NoticeState::sent);
}

TEST_CASE(
    "a bank that was told of a stop, and has nobody to be told that it is cancelled, hears so "
    "from the reload on that names somebody") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00"));
  world.run_for(1min);
  REQUIRE(world.count(NoticeKind::stop_planned, "bank:midori") == 1);
  Platform nobody = example_platform();
  for (Contact& contact : nobody.banks["midori"].contacts)
    contact.for_stops = false;
  world.reload(nobody);
  world.order("sato", CancelStop{1, {}, {}, "見送り"});
  world.run_for(24h);
  REQUIRE(world.count(NoticeKind::stop_cancelled, "bank:midori") == 0);
  world.reload(example_platform());
  world.run_for(24h);
  CHECK(world.count(NoticeKind::stop_cancelled, "bank:midori") == 1);
  world.run_until(World::at("2027-02-19T00:00"));
  CHECK(world.state().stops.at(1).settled);
}

TEST_CASE("what the lead is told of a stop stays of that stop when the lead's address changes") {
  World world(example_platform(), World::at("2027-02-01T18:00"));
  world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00"));
  world.mail_up = false;
  world.run_until(World::at("2027-02-12T12:00"));
  Platform platform = example_platform();
  platform.people["sato"].mail = "lead@example.jp";
  world.reload(platform);
  int told = 0;
  for (const auto& [id, notice] : world.state().notices) {
    if (notice.topic != "stop_late") continue;
    ++told;
    CHECK(notice.stop == 1);
  }
  CHECK(told == 2);  // The second takes the place of the first.
}

TEST_CASE("a stop is settled, though a bank has left its services before it was told of it") {
  World world(example_platform(), World::at("2027-02-01T18:00"));
  world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00"));
  REQUIRE(world.unsent("bank:midori") != nullptr);
  Platform platform = example_platform();
  platform.banks["midori"].services = {"admin-console"};
  world.reload(platform);
  world.run_until(World::at("2027-02-20T00:00"));
  CHECK(world.count(NoticeKind::stop_completed, "bank:aozora") == 1);
  CHECK(world.count(NoticeKind::stop_completed, "bank:midori") == 0);
  CHECK(world.state().stops.at(1).settled);
}

TEST_CASE("the lead withdraws an announcement: the bank hears nothing of that stop") {
  World world(example_platform(), World::at("2027-02-01T18:00"));
  world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00"));
  const Notice* held = world.unsent("bank:midori");
  REQUIRE(held != nullptr);
  world.order("sato", WithdrawNotice{held->id});
  world.run_until(World::at("2027-02-20T00:00"));
  for (const Sent& mail : world.mails)
    CHECK(mail.audience != "bank:midori");
  CHECK(world.count(NoticeKind::stop_completed, "bank:aozora") == 1);
}

TEST_CASE(
    "only contacts that are for stops are written to, and a bank without one is named to the "
    "lead") {
  Platform platform = example_platform();
  platform.banks["midori"].contacts[0].for_stops = false;
  platform.banks["midori"].contacts[1].for_failures = false;
  platform.banks["aozora"].contacts[0].for_stops = false;
  World world(platform, World::at("2027-02-01T11:00"));
  const std::string answer = world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00"));
  CHECK(answer.find("to be told: midori; NOT told, without a contact for stops: aozora") !=
        std::string::npos);
  world.run_for(1h);
  REQUIRE(world.count(NoticeKind::stop_planned) == 1);
  const Notice& sent = world.notice(world.sent(NoticeKind::stop_planned).front().id);
  REQUIRE(sent.to.size() == 1);
  CHECK(sent.to.front().mail == "mori@midori.example");
}

TEST_CASE("the business day before, where that is wished for") {
  Platform platform = example_platform();
  platform.bank_notices.stop_reminder = true;
  World world(platform, World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-14T01:00", "2027-02-14T02:00", {"admin-console"}));
  world.run_until(World::at("2027-02-20T00:00"));
  REQUIRE(world.count(NoticeKind::stop_reminder, "bank:aozora") == 1);
  CHECK(world.sent(NoticeKind::stop_reminder).front().at == World::at("2027-02-12T10:00"));
}

TEST_CASE("a stop that ends early is over at once, and what is not well opens") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.order("sato",
              plan("2027-02-14T01:00", "2027-02-14T05:00", {"member-site", "admin-console"}));
  world.run_until(World::at("2027-02-14T02:00"));
  world.fail("database", "tcp");
  world.run_for(10min);
  CHECK(world.failures() == 0);
  world.order("tanaka", EndStop{1});
  CHECK_FALSE(world.accepted());
  world.order("sato", EndStop{1});
  world.run_for(5min);
  CHECK(world.failures() == 1);
}

TEST_CASE("a regular stop that runs over goes on by its name, and the banks hear of it; it ends at its time, not before") {
  World world(example_platform(), World::at("2027-02-01T21:00"));  // a Monday
  REQUIRE(world.platform().maintenance.front().name == "weekly");
  const auto extend = [&](std::string_view until, const std::string& why = "更新作業に時間を要しているため") {
    ChangeStop more;
    more.regular = "weekly";
    more.until = World::at(until);
    more.text = why;
    return world.order("sato", more);
  };
  CHECK(extend("2027-02-02T02:00").find("is not under way: it begins 2027-02-01T22:00") != std::string::npos);
  CHECK(world.order("sato", EndStop{0, "weekly"}).find("`yagura stop cancel weekly --on 2027-02-01`") != std::string::npos);
  world.run_until(World::at("2027-02-01T23:00"));
  CHECK(world.order("sato", EndStop{0, "weekly"}).find("ends at its time, 2027-02-02T00:00") != std::string::npos);
  CHECK(extend("2027-02-01T23:30").find("it can be extended to a later time") != std::string::npos);
  CHECK(extend("2027-02-02T02:00", " ").find("-m TEXT") != std::string::npos);
  CHECK_FALSE(world.accepted());
  const std::string said = extend("2027-02-02T02:00");
  CHECK(said.find("weekly goes on until 2027-02-02T02:00") == 0);
  CHECK(said.find("from its end as a stop of its own: stop 1 is planned") != std::string::npos);
  world.run_until(World::at("2027-02-02T00:30"));
  world.fail("database", "tcp");
  world.run_for(30min);
  CHECK(world.failures() == 0);
  world.run_until(World::at("2027-02-02T11:00"));
  CHECK(world.failures() == 1);
  // The failure that began in it is the banks' to hear of; of the stop they hear when it is over.
  for (const char* bank : {"bank:aozora", "bank:midori"}) {
    CHECK(world.count(NoticeKind::bank_first, bank) == 1);
    CHECK(world.count(NoticeKind::stop_emergency, bank) == 0);
  }
}

TEST_CASE("a job that failed before a stop does not keep back the word that the stop is over") {
  Platform platform = example_platform();
  ProbeSpec job;
  job.name = "nightly";
  job.kind = "job";
  job.family = Family::job;
  job.impact = Impact::degraded;
  platform.components["database"].probes.push_back(job);
  World world(platform, World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-14T01:00", "2027-02-14T05:00", {"admin-console"}));
  world.run_until(World::at("2027-02-14T00:30"));
  world.fail("database", "nightly");
  world.run_until(World::at("2027-02-15T12:00"));
  CHECK(world.count(NoticeKind::stop_completed, "bank:aozora") == 1);
}

TEST_CASE(
    "the lead hears of each day for which a bank was not told in time, also after a stop was "
    "moved") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.mail_up = false;
  world.order("sato", plan("2027-02-14T01:00", "2027-02-14T05:00", {"admin-console"}));
  auto asked = [&] {
    return std::count_if(world.facts.begin(), world.facts.end(), [](const Fact& fact) {
      return fact.what == "notice.queued" && fact.details.contains("topic") &&
             fact.details.at("topic") == "stop_late";
    });
  };
  world.run_until(World::at("2027-02-06T12:00"));
  CHECK(asked() == 1);
  world.order(
      "sato",
      ChangeStop{
          1, World::at("2027-02-21T01:00"), World::at("2027-02-21T05:00"), {}, false, false});
  REQUIRE(world.accepted());
  world.run_until(World::at("2027-02-16T12:00"));
  CHECK(asked() == 2);
}

TEST_CASE("no bank reads that a service can be used as usual while another stop of it goes on") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-16T10:10", "2027-02-16T11:20"));
  world.order("sato", plan("2027-02-16T10:15", "2027-02-16T10:40"));
  world.run_until(World::at("2027-02-16T11:19"));
  CHECK(world.count(NoticeKind::stop_completed) == 0);
  world.run_until(World::at("2027-02-16T11:40"));
  CHECK(world.count(NoticeKind::stop_completed, "bank:aozora") == 2);
}

TEST_CASE("a failure that was over before a stop began keeps no bank from hearing that the stop is over") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-16T13:00", "2027-02-16T14:00"));
  world.run_until(World::at("2027-02-16T10:00"));
  world.fail("database", "tcp");
  world.run_until(World::at("2027-02-16T10:40"));
  REQUIRE(world.failure(1).classification == FailureClass::major);
  world.ok("database", "tcp");
  world.run_until(World::at("2027-02-16T14:30"));
  CHECK(world.failure(1).is_open());  // Not confirmed yet.
  CHECK(world.count(NoticeKind::stop_completed, "bank:aozora") == 1);
}

TEST_CASE("who was to hear of an emergency stop afterwards does, though a failure followed it") {
  World world(example_platform(), World::at("2027-02-12T18:00"));  // a Friday
  PlanStop emergency = plan("2027-02-13T01:00", "2027-02-13T03:00");
  emergency.emergency = emergency.after_the_fact = true;
  world.order("sato", emergency);
  REQUIRE(world.accepted());
  world.run_until(World::at("2027-02-13T02:00"));
  world.fail("database", "tcp");
  world.run_until(World::at("2027-02-13T04:30"));
  world.ok("database", "tcp");
  world.run_until(World::at("2027-02-15T12:00"));
  world.order("tanaka", Confirm{1, "確認", false});
  world.run_for(5min);
  REQUIRE_FALSE(world.failure(1).is_open());
  CHECK(world.count(NoticeKind::stop_emergency, "bank:aozora") == 1);
}

TEST_CASE("what is announced on its own day is not brought to mind on it as well") {
  Platform platform = example_platform();
  platform.bank_notices.stop_reminder = true;
  World world(platform, World::at("2027-02-16T11:00"));
  PlanStop emergency = plan("2027-02-16T13:00", "2027-02-16T14:00");
  emergency.emergency = true;
  world.order("sato", emergency);
  world.run_for(3h);
  CHECK(world.count(NoticeKind::stop_emergency, "bank:aozora") == 1);
  CHECK(world.count(NoticeKind::stop_reminder) == 0);
}

TEST_CASE("why a bank was told of a stop, will be, or will not be, stands in words for each of them") {
  Platform platform = example_platform();
  for (Contact& contact : platform.banks["midori"].contacts) contact.for_stops = false;
  platform.banks["shiro"] = platform.banks["aozora"];
  platform.banks["shiro"].services = {};
  World world(std::move(platform), World::at("2027-02-01T11:00"));
  world.order("sato", plan("2027-02-18T01:00", "2027-02-18T02:00"));
  auto lines = [&] {
    std::map<std::string, std::string> said;
    for (const Why& line : world.why_of_stop(1)) said[line.audience] += line.kind + " " + line.state + ": " + line.rule + "\n";
    return said;
  };
  world.run_for(1min);
  CHECK(lines()["bank:aozora"] ==
        "stop.planned sent: a planned stop of a service of the bank\n none: has been told all so far\n");
  CHECK(lines()["bank:midori"] ==
        "stop.planned owed: a planned stop of a service of the bank; it has no contact for stops\n");
  CHECK(lines()["bank:shiro"] == " none: not concerned: it has a contract for no service of the stop\n");
  world.run_until(World::at("2027-02-01T18:00"));
  world.order("sato", CancelStop{1, {}, {}, "見送り"});
  CHECK(lines()["bank:aozora"].find("stop.cancelled held: cancelled after the bank was told; ") != std::string::npos);
  CHECK(lines()["bank:midori"] == " none: cancelled before the bank was told; it has no contact for stops\n");
}

TEST_CASE("orders on stops that make no sense are refused, and say why") {
  World world(example_platform(), World::at("2027-02-01T11:00"));
  auto refusal = [&](Order order, const char* by = "sato") {
    std::string answer = world.order(by, std::move(order));
    CHECK_FALSE(world.accepted());
    return answer;
  };
  CHECK(refusal(plan("2027-02-18T01:00", "2027-02-18T02:00"), "suzuki") ==
        "only the system lead may do this");
  CHECK(refusal(plan("2027-02-18T02:00", "2027-02-18T02:00")).find("before it begins") !=
        std::string::npos);
  CHECK(refusal(plan("2027-01-18T02:00", "2027-02-18T03:00")).find("is past") != std::string::npos);
  CHECK(refusal(plan("2027-02-18T02:00", "2028-02-18T03:00")).find("is the year right?") !=
        std::string::npos);
  CHECK(refusal(plan("2027-02-18T02:00", "2027-02-18T03:00", {"nothing"})) ==
        "there is no service nothing");
  PlanStop silent = plan("2027-02-18T02:00", "2027-02-18T03:00");
  silent.text = "　";
  CHECK(refusal(silent).find("-m TEXT") != std::string::npos);
  world.order("sato", plan("2027-02-18T02:00", "2027-02-18T03:00"));
  REQUIRE(world.accepted());
  CHECK(refusal(plan("2027-02-18T02:00", "2027-02-18T03:00")).find("is this one already") !=
        std::string::npos);
  CHECK(refusal(ChangeStop{1, {}, World::at("2027-02-18T03:00")}).find("is already") !=
        std::string::npos);
  CHECK(refusal(ChangeStop{1, World::at("2027-02-04T02:00"), {}}).find("too late") !=
        std::string::npos);
  CHECK(refusal(EndStop{1}).find("has not begun") != std::string::npos);
  CHECK(refusal(CancelStop{7, {}, {}, {}}).find("no planned stop 7") != std::string::npos);
  CHECK(refusal(CancelStop{0, "daily", {}, {}}).find("no regular stop daily") != std::string::npos);
}

namespace {

class Story {
 public:
  explicit Story(unsigned seed)
      : random_(seed), world_(example_platform(), World::at("2027-01-12T09:00")) {}

  World& play() {
    for (int i = 0; i < 40; ++i) {
      happen();
      world_.run_for(minutes(1, 60 * 24));
    }
    world_.mail_up = true;
    for (const auto& [name, component] : world_.platform().components) {
      for (const ProbeSpec& probe : component.probes)
        world_.ok(name, probe.name);
    }
    for (const auto& [id, failure] : std::map(world_.state().failures)) {
      world_.run_for(1min);
      if (world_.failure(id).is_open()) world_.order("tanaka", Confirm{id, "異常なし", false});
    }
    world_.run_for(24h * 30);
    return world_;
  }

 private:
  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  Duration minutes(int from, int to) { return std::chrono::minutes(from + below(to - from)); }
  StopId any_stop() { return 1 + below(static_cast<int>(world_.state().core.last_stop) + 1); }

  void happen() {
    switch (below(11)) {
      case 0:
      case 1:
      case 2: {
        PlanStop stop;
        if (below(2) == 0) stop.services.insert("member-site");
        if (stop.services.empty() || below(3) == 0) stop.services.insert("admin-console");
        stop.from = world_.now() + minutes(10, 60 * 24 * 16);
        stop.until = stop.from + minutes(10, 60 * 30);
        stop.text = "更新";
        stop.emergency = below(3) == 0;
        stop.after_the_fact = stop.emergency && below(2) == 0;
        world_.order("sato", stop);
        break;
      }
      case 3:
        world_.order("sato", ChangeStop{any_stop(),
                                        {},
                                        world_.now() + minutes(30, 60 * 24 * 10),
                                        "変更",
                                        below(2) == 0,
                                        below(2) == 0});
        break;
      case 4:
        world_.order("sato", ChangeStop{any_stop(),
                                        world_.now() + minutes(30, 60 * 24 * 10),
                                        {},
                                        {},
                                        below(2) == 0,
                                        below(2) == 0});
        break;
      case 5:
        world_.order("sato", CancelStop{any_stop(), {}, {}, "見送り"});
        break;
      case 6:
        world_.order("sato", EndStop{any_stop()});
        break;
      case 7:
        world_.mail_up = false;
        world_.run_for(minutes(1, 60 * 24 * 3));
        world_.mail_up = true;
        break;
      case 8:
        world_.cut_after_the_dot = true;
        break;
      case 9:
        world_.restart(minutes(1, 600));
        break;
      case 10:
        world_.fail("database", "tcp");
        world_.run_for(minutes(1, 600));
        world_.ok("database", "tcp");
        break;
    }
  }

  std::mt19937 random_;
  World world_;
};

// What one bank read of one stop, in order.
void judge(const World& world, const Stop& stop, const BankName& bank, std::size_t& mails) {
  CAPTURE(stop.id);
  CAPTURE(bank);
  bool announced = false, ended = false;
  NoticeId last = 0;
  for (const Sent& mail : world.mails) {
    const Notice& notice = world.notice(mail.id);
    if (notice.stop != stop.id || notice.audience != "bank:" + bank) continue;
    ++mails;
    CHECK(world.platform().window("bank_mail").is_open(mail.at, world.platform().context()));
    const bool again = mail.id == last;  // after an attempt whose outcome is unknown
    last = mail.id;
    switch (notice.kind) {
      case NoticeKind::stop_planned:
      case NoticeKind::stop_emergency:
        CHECK_FALSE((announced && !again));
        CHECK_FALSE((ended && !again));
        if (stop.cancelled_at) CHECK(mail.at <= *stop.cancelled_at);
        announced = true;
        if (notice.topic == "completed") ended = true;
        break;
      case NoticeKind::stop_changed:
      case NoticeKind::stop_extended:
        CHECK(announced);
        CHECK_FALSE(ended);
        break;
      case NoticeKind::stop_cancelled:
        CHECK(announced);
        CHECK(stop.cancelled_at.has_value());
        ended = true;
        break;
      case NoticeKind::stop_completed:
        REQUIRE(stop.ended_at.has_value());
        CHECK(mail.at >= *stop.ended_at);
        ended = true;
        break;
      default:
        FAIL("a kind that no story here makes");
    }
  }
  if (!announced || ended) return;
  // It was told of a major failure instead, which kept the service down.
  bool failed = false;
  for (const auto& [id, failure] : world.state().failures) {
    auto thread = failure.banks.find(bank);
    failed = failed || (thread != failure.banks.end() && thread->second.told != Told::nothing);
  }
  CHECK(failed);
}

}  // namespace

#ifdef __SANITIZE_ADDRESS__
constexpr unsigned many = 300;  // of a long run
#else
constexpr unsigned many = 2000;
#endif

TEST_CASE(
    "over random stories each bank reads of each stop in order, in the window, and always how it "
    "ended") {
  std::size_t stops = 0, mails = 0;
  const unsigned last =
      std::getenv("YAGURA_LONG") != nullptr && *std::getenv("YAGURA_LONG") != '\0' ? many : 30;
  for (unsigned seed = 1; seed <= last; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    World& world = story.play();
    for (const auto& [id, stop] : world.state().stops) {
      ++stops;
      CHECK_FALSE(stop.takes_place());
      CHECK(stop.settled);
      for (const auto& [bank, spec] : world.platform().banks)
        judge(world, stop, bank, mails);
    }
  }
  CHECK(stops > 3 * last);
  CHECK(mails > stops);
}
