// Hundreds of stories made from seeds, each checked against the promises of docs/architecture.md that can be seen from the
// mails: the window (2), the order of what a bank reads (3), that everything ends (4), and who is told.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

class Story {
 public:
  explicit Story(unsigned seed)
      : random_(seed), world_(platform(), World::at("2026-12-24T08:00") + minutes(0, 6 * 24 * 60)) {}

  void play() {
    world_.on_fact = [this](const Fact& fact) {
      if (fact.what == "failure.classified" && fact.details.at("class") == "incident" && fact.who == "daemon") {
        check_that_services_go_on(fact.failure);
      }
    };
    for (int i = 0; i < 30; ++i) {
      happen();
      world_.run_for(wait());
    }
    put_right();
  }
  const World& world() const { return world_; }

 private:
  // Some of the time the procedure has no steps, so that major failures are frequent.
  Platform platform() {
    Platform made = example_platform();
    if (below(2) == 0) made.components["database"].primary_response.clear();
    if (below(3) == 0) made.components["web-1"].primary_response.clear();
    if (below(4) == 0) made.mail.parallel = 1;
    return made;
  }

  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  Duration minutes(int least, int most) { return std::chrono::minutes(least + below(most - least)); }
  Duration wait() {
    switch (below(4)) {
      case 0: return std::chrono::seconds(below(30));
      case 1: return minutes(0, 10);
      case 2: return minutes(0, 120);
      default: return minutes(0, 20 * 60);
    }
  }

  ProbeId any_probe() {
    static const std::vector<ProbeId> probes{{"web-1", "http"}, {"web-1", "process"}, {"web-2", "http"},
                                             {"database", "tcp"}, {"database", "tcp"}, {"database", "disk"},
                                             {"zone-a", "ping"}, {"settlement", "job"}};
    return probes[static_cast<std::size_t>(below(static_cast<int>(probes.size())))];
  }
  FailureId any_open() {
    std::vector<FailureId> open;
    for (const auto& [id, failure] : world_.state().failures) {
      if (failure.is_open()) open.push_back(id);
    }
    return open.empty() ? 0 : open[static_cast<std::size_t>(below(static_cast<int>(open.size())))];
  }

  void happen() {
    FailureId failure = any_open();
    switch (below(22)) {
      case 0: case 1: case 2: case 3: case 4: {
        ProbeId probe = any_probe();
        world_.fail(probe.component, probe.probe);
        break;
      }
      case 5: case 6: case 7: case 8: {
        ProbeId probe = any_probe();
        world_.ok(probe.component, probe.probe);
        break;
      }
      case 9: {
        ProbeId probe = any_probe();
        world_.unknown(probe.component, probe.probe);
        break;
      }
      case 10: world_.order("suzuki", Acknowledge{failure, "着手"}); break;
      case 11: world_.order("sato", Report{failure, "復旧作業中", below(2) == 0}); break;
      case 12: world_.order("tanaka", Confirm{failure, "異常なし", false}); break;
      case 13:
        world_.order("sato", Classify{failure, below(2) == 0 ? FailureClass::incident : FailureClass::major, "判断"});
        break;
      case 14: world_.order("tanaka", Respond{failure, below(2) == 0, "実施"}); break;
      case 15:
        world_.mail_up = !world_.mail_up;
        break;
      case 16: world_.cut_after_the_dot = true; break;
      case 17: world_.restart(minutes(1, 30)); break;
      case 18:
        if (below(3) == 0) world_.order("kudo", Open{{}, {"admin-console"}, false, true, "電話"});
        if (below(3) == 0) world_.order("tanaka", Recover{failure, "直した"});
        break;
      case 20: world_.order("sato", Confirm{failure, "確認した", true}); break;
      case 21:
        if (below(3) == 0) world_.order("kudo", Open{{any_probe().component}, {}, false, below(2) == 0, "電話"});
        break;
      case 19: world_.order("sato", ChangeBanks{failure, below(2) == 0, "midori", "判断"}); break;
    }
  }

  // Promise 6: an incident by the rules is one of which every service is known to go on.
  void check_that_services_go_on(FailureId id) {
    const Failure& failure = world_.failure(id);
    auto may_be_down = [&](const ComponentName& name) {
      if (!failure.members.contains(name)) return false;
      for (const auto& [probe, health] : world_.state().components.at(name).probes) {
        if (world_.platform().components.at(name).probe(probe)->impact != Impact::down) continue;
        if (health.verdict == Verdict::failing || health.verdict == Verdict::unknown) return true;
      }
      return false;
    };
    const bool database = may_be_down("database"), web_1 = may_be_down("web-1"), web_2 = may_be_down("web-2");
    const bool everything_stopped =
        world_.platform().maintenance[0].window.is_open(world_.now(), world_.platform().context());
    if (everything_stopped) return;
    CAPTURE(id);
    if (failure.kept_down.contains("member-site")) CHECK_FALSE((database || (web_1 && web_2)));
    if (failure.kept_down.contains("admin-console")) CHECK_FALSE((database || web_1));
  }

  void put_right() {
    world_.mail_up = true;
    for (const auto& [name, component] : world_.platform().components) {
      for (const ProbeSpec& probe : component.probes) world_.ok(name, probe.name);
    }
    world_.run_for(1h);
    for (int i = 0; i < 50; ++i) {
      FailureId failure = any_open();
      if (failure == 0) break;
      world_.order("tanaka", Recover{failure, "直した"});
      world_.run_for(1min);
      world_.order("tanaka", Confirm{failure, "異常なし", false});
      world_.run_for(1min);
    }
    world_.run_for(24h * 14);
  }

  std::mt19937 random_;
  World world_;
};

FailureId root(const World& world, FailureId id) {
  while (world.failure(id).joined_into != 0) id = world.failure(id).joined_into;
  return id;
}

void check_promises(const World& world) {
  std::set<FailureId> added;
  std::map<NoticeId, int> unanswered;
  for (const Fact& fact : world.facts) {
    if (fact.what == "bank.added") added.insert(root(world, fact.failure));
    if (fact.what == "notice.attempt" && fact.details.at("outcome") == "unknown") ++unanswered[fact.notice];
  }
  // 2: the window, the class.
  const Window& window = world.platform().window("bank_mail");
  for (const Sent& mail : world.mails) {
    if (!is_bank(mail.kind)) continue;
    CAPTURE(mail.id);
    CHECK(window.is_open(mail.at, world.platform().context()));
    if (mail.kind != NoticeKind::bank_corrected) {
      CHECK(mail.classification == FailureClass::major);
    }
    // Nobody hears of what cannot have touched them.
    const Failure& failure = world.failure(root(world, mail.failure));
    const Bank& bank = world.platform().banks.at(mail.audience.substr(5));
    bool touched = failure.banks.contains(bank.id) && failure.banks.at(bank.id).added;
    for (const auto& [service, since] : failure.kept_down) touched = touched || bank.services.contains(service);
    touched = touched || added.contains(failure.id);
    CHECK(touched);
  }
  // 3: first, then progress, then how it ended; once.
  for (const auto& [name, bank] : world.platform().banks) {
    std::map<FailureId, std::vector<Sent>> threads;
    std::set<NoticeId> seen;
    for (const Sent& mail : world.mails) {
      if (!is_bank(mail.kind) || mail.audience != "bank:" + name || !seen.insert(mail.id).second) continue;
      threads[root(world, mail.failure)].push_back(mail);
    }
    for (const auto& [id, mails] : threads) {
      const std::int64_t number = id;
    CAPTURE(number);
      const BankName told_bank = name;
      CAPTURE(told_bank);
      bool told = false, ended = false, corrected = false;
      for (const Sent& mail : mails) {
        switch (mail.kind) {
          case NoticeKind::bank_first:
            CHECK((!ended || corrected));
            told = true;
            ended = corrected = false;
            break;
          case NoticeKind::bank_occurred_and_recovered:
            CHECK((!told || corrected));
            told = ended = true;
            break;
          case NoticeKind::bank_progress: CHECK((told && !ended)); break;
          case NoticeKind::bank_recovered:
            CHECK((told && !ended));
            ended = true;
            break;
          case NoticeKind::bank_corrected:
            CHECK((told && !ended));
            ended = corrected = true;
            break;
          default: break;
        }
      }
      CHECK(told);
      CHECK(ended);
    }
    // Everyone concerned by a major failure was told in the end.
    for (const auto& [id, failure] : world.state().failures) {
      if (failure.closing == Closing::joined || failure.classification != FailureClass::major) continue;
      auto thread = failure.banks.find(name);
      if (thread == failure.banks.end() || thread->second.removed) continue;
      const std::int64_t number = id;
    CAPTURE(number);
      const BankName told_bank = name;
      CAPTURE(told_bank);
      if (thread->second.affected || thread->second.added) CHECK(thread->second.told == Told::ended);
    }
  }
  // 4: closed exactly once; every class and every hold has its reason.
  std::map<FailureId, int> ends;
  for (const Fact& fact : world.facts) {
    if (fact.what == "failure.closed" || fact.what == "failure.joined") ++ends[fact.failure];
  }
  for (const auto& [id, failure] : world.state().failures) {
    const std::int64_t number = id;
    CAPTURE(number);
    CHECK(ends[id] == 1);
    CHECK_FALSE(class_reason(failure).empty());
    if (failure.closing != Closing::joined) CHECK(failure.classification != FailureClass::undetermined);
  }
  for (const auto& [id, notice] : world.state().notices) {
    const std::int64_t number = id;
    CAPTURE(number);
    CHECK_FALSE(notice.reason.empty());
    CHECK_FALSE(notice.is_unsent());  // a fortnight later all is sent
  }
  // No notice reaches anybody twice, but for attempts without an answer.
  std::map<NoticeId, int> times;
  for (const Sent& mail : world.mails) ++times[mail.id];
  for (const auto& [id, count] : times) {
    const std::int64_t number = id;
    CAPTURE(number);
    CHECK(count <= 1 + unanswered[id]);
  }
}

}  // namespace

#ifdef __SANITIZE_ADDRESS__
constexpr unsigned many = 300;  // of a long run
#else
constexpr unsigned many = 2000;
#endif

TEST_CASE("random stories keep the promises") {
  const char* given = std::getenv("YAGURA_STORY_SEED");
  const char* long_run = std::getenv("YAGURA_LONG");
  unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
  unsigned count = given != nullptr ? 1 : long_run != nullptr && *long_run != '\0' ? many : 200;
  int failures = 0, bank_mails = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    story.play();
    check_promises(story.world());
    failures += static_cast<int>(story.world().failures());
    for (const Sent& mail : story.world().mails) bank_mails += is_bank(mail.kind) ? 1 : 0;
  }
  if (count == 1) return;
  // The stories are about something.
  CHECK(failures > static_cast<int>(count));
  CHECK(bank_mails > static_cast<int>(count));
}
