// Random stories on random platforms, played to the core and to the model at once, and compared
// whenever an instant is over.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "checked.hpp"
#include "failure_model.hpp"
#include "world.hpp"

using namespace yagura;
using namespace yagura::reference;

namespace {

// ---- The story ----

enum class What { fail, well, unknown, step, acknowledge, confirm, classify, mail };

struct Happening {
  What what{};
  int which = 0;      // of the probes, of the failures; taken modulo their number
  bool flag = false;  // a step succeeds
  int seconds = 0;    // until the next
};

std::ostream& operator<<(std::ostream& out, const Happening& one) {
  static const char* const words[] = {"fail",        "well",    "unknown",  "step",
                                      "acknowledge", "confirm", "classify", "mail"};
  return out << words[static_cast<int>(one.what)] << " " << one.which << (one.flag ? "!" : "")
             << " +" << one.seconds << "s";
}

// RapidCheck draws from a part of a range only while cases are small; a platform is to be any from
// the first on.
rc::Gen<int> between(int least, int limit) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(least, limit));
}
rc::Gen<int> below(int limit) {
  return between(0, limit);
}

rc::Gen<std::vector<Happening>> a_story() {
  const auto what = rc::gen::weightedElement<What>({{12, What::fail},
                                                    {6, What::well},
                                                    {1, What::unknown},
                                                    {4, What::step},
                                                    {2, What::acknowledge},
                                                    {2, What::confirm},
                                                    {1, What::classify},
                                                    {1, What::mail}});
  const auto seconds =
      rc::gen::oneOf(below(30), below(200), below(900), below(2 * 3600), below(20 * 3600));
  const auto one = rc::gen::apply(
      [](What happens, int which, bool flag, int wait) {
        return Happening{happens, which, flag, wait};
      },
      what, below(12), rc::gen::arbitrary<bool>(), seconds);
  return rc::gen::container<std::vector<Happening>>(one);
}

// ---- The platform ----

Need need(std::string name, Need::Kind kind = Need::Kind::component) {
  Need made;
  made.kind = kind;
  made.name = std::move(name);
  return made;
}

ChainStep chain_step(bool with_owner) {
  ChainStep step;
  Audience to;
  const int drawn = *below(with_owner ? 5 : 4);
  to.kind = drawn == 4 ? Audience::Kind::owner : Audience::Kind::role;
  if (drawn < 4) to.role = all_roles[static_cast<std::size_t>(drawn)];
  step.to = {to};
  // Odd lengths: what falls due at one instant, and in which order, is nobody's word.
  step.after =
      *below(3) == 0 ? Duration{0} : std::chrono::minutes(*below(50)) + 17ms * *between(1, 50);
  step.unless_acknowledged = *below(2) == 1;
  if (*below(3) == 2) step.window = "response_hours";
  return step;
}

Platform some_platform() {
  static const Platform example = test::example_platform();  // a calendar takes long to make
  Platform platform = example;
  platform.maintenance.clear();
  platform.bank_notices.first_per_hour = 1000;
  platform.components.clear();
  platform.services.clear();

  const int components = *between(1, 6);
  for (int i = 0; i < components; ++i) {
    Component made;
    made.id = "c" + std::to_string(i);
    made.owner = *below(2) == 0 ? Role::ap_ops : Role::infra_ops;
    for (int n = *between(1, 3), p = 0; p < n; ++p) {
      ProbeSpec probe;
      probe.name = probe.kind = "p" + std::to_string(p);
      probe.impact = *below(4) == 3 ? Impact::degraded : Impact::down;
      probe.confirm = *between(1, 3);
      probe.clear = *between(1, 4);
      made.probes.push_back(probe);
    }
    if (i > 0 && *below(2) == 1) made.depends_on.push_back("c" + std::to_string(*below(i)));
    for (int n = *below(3), s = 0; s < n; ++s) {
      ResponseStep step;
      step.manual = *below(2) == 1;
      step.run = {"/bin/respond"};
      step.text = "手順書に従う";
      step.limit = std::chrono::minutes(*between(1, 8)) + 11ms * *between(1, 90);
      made.primary_response.push_back(step);
    }
    platform.components[made.id] = made;
  }

  const int services = *between(1, 4);
  for (int i = 0; i < services; ++i) {
    Service made;
    made.id = made.name = "s" + std::to_string(i);
    for (int n = *between(1, 3); n > 0; --n) {
      auto some = [&] { return need("c" + std::to_string(*below(components))); };
      const int kind = *below(4);
      if (kind == 3 && i > 0) {
        made.needs.push_back(need("s" + std::to_string(*below(i)), Need::Kind::service));
      } else if (kind == 2) {
        Need group;
        group.kind = Need::Kind::at_least;
        for (int of = *between(2, 4); of > 0; --of)
          group.of.push_back(some());
        group.at_least = *between(1, static_cast<int>(group.of.size()) + 1);
        made.needs.push_back(group);
      } else {
        made.needs.push_back(some());
      }
    }
    platform.services[made.id] = made;
  }
  for (auto& [name, bank] : platform.banks) {
    bank.services.clear();
    for (int i = 0; i < services; ++i) {
      if (*below(2) == 0) bank.services.insert("s" + std::to_string(i));
    }
    if (bank.services.empty()) bank.services.insert("s0");
  }

  Escalation& escalation = platform.escalation;
  escalation.remind_every.reset();
  escalation.undetermined_at_most = std::chrono::minutes(*between(1, 25)) + 7ms;
  escalation.auto_close = std::chrono::minutes(*between(1, 45)) + 3ms;
  escalation.flapping.reset();  // The contract, from which the model is written, has none.
  escalation.incident.clear();
  escalation.major.clear();
  for (int n = *below(3); n > 0; --n)
    escalation.incident.push_back(chain_step(true));
  for (int n = *below(3); n > 0; --n)
    escalation.major.push_back(chain_step(true));
  ChainStep banks;
  banks.to = {{Audience::Kind::banks}};
  banks.window = "bank_mail";
  escalation.major.push_back(banks);
  return platform;
}

std::string show(const Need& need) {
  if (need.kind != Need::Kind::at_least) return need.name;
  std::string text = std::to_string(need.at_least) + " of (";
  for (const Need& of : need.of)
    text += " " + show(of);
  return text + " )";
}

std::string show(const ChainStep& step) {
  std::string text;
  for (const Audience& to : step.to) {
    text += to.kind == Audience::Kind::owner   ? "owner"
            : to.kind == Audience::Kind::banks ? "banks"
                                               : std::string(name_of(to.role));
  }
  if (step.after != Duration{0}) text += " after " + format_duration(step.after);
  if (step.unless_acknowledged) text += " unless acknowledged";
  if (step.window) text += " window " + *step.window;
  return text + "; ";
}

std::string show(const Platform& platform) {
  std::ostringstream out;
  for (const auto& [name, component] : platform.components) {
    out << name << ":";
    for (const ProbeSpec& probe : component.probes) {
      out << " " << probe.name << (probe.impact == Impact::down ? " down" : " degraded")
          << " confirm " << probe.confirm << " clear " << probe.clear << ",";
    }
    for (const ResponseStep& step : component.primary_response) {
      out << (step.manual ? " manual " : " run ") << format_duration(step.limit);
    }
    out << " owner " << name_of(component.owner);
    for (const ComponentName& on : component.depends_on)
      out << " depends on " << on;
    out << "\n";
  }
  for (const auto& [name, service] : platform.services) {
    out << name << " needs:";
    for (const Need& one : service.needs)
      out << " " << show(one);
    out << "\n";
  }
  for (const auto& [name, bank] : platform.banks) {
    out << name << ":";
    for (const ServiceName& service : bank.services)
      out << " " << service;
    out << "\n";
  }
  const Escalation& escalation = platform.escalation;
  out << "incident: ";
  for (const ChainStep& step : escalation.incident)
    out << show(step);
  out << "\nmajor: ";
  for (const ChainStep& step : escalation.major)
    out << show(step);
  out << "\nundetermined_at_most " << format_duration(escalation.undetermined_at_most)
      << ", auto_close " << format_duration(escalation.auto_close) << "\n";
  return out.str();
}

// ---- Both at once ----

template <typename Value>
std::string words(const Value& value) {
  if constexpr (requires { value.has_value(); }) {
    return value ? words(*value) : "none";
  } else if constexpr (std::is_same_v<Value, Instant>) {
    static const Zone tokyo = *Zone::named("Asia/Tokyo");
    return tokyo.format(value);
  } else if constexpr (std::is_enum_v<Value>) {
    return boost::describe::enum_to_string(value, "?");
  } else if constexpr (std::is_convertible_v<Value, std::string>) {
    return value;
  } else if constexpr (std::is_arithmetic_v<Value>) {
    return std::to_string(value);
  } else {
    std::string text = "{";
    for (const auto& one : value)
      text += " " + words(one);
    return text + " }";
  }
}

struct Counts {
  int stories = 0, compared = 0, failures = 0, majors = 0, joined = 0, notices = 0;
  std::map<std::string, int> silences;
};

class Comparison {
 public:
  Comparison(const Platform& platform, Instant from)
      : world_(platform, from), model_(world_.platform(), calendar_) {
    calendar_.closed = {*parse_closed_days("12-29..01-03")};
    for (const auto& [name, component] : world_.platform().components) {
      for (const ProbeSpec& probe : component.probes)
        probes_.push_back({name, probe.name});
    }
    world_.before_event = [this](const Event& event, Instant now) { before(event, now); };
    world_.instant_over = [this](Instant now) { over(now); };
  }

  void play(const std::vector<Happening>& story) {
    int number = 0;
    for (const Happening& one : story) {
      if (!model_.silence.empty()) return;
      RC_LOG() << words(world_.now()) << " ";
      happen(one);
      world_.run_for(0s);
      // No two happenings at one instant, and none with what was waited for.
      world_.run_for(std::chrono::seconds(one.seconds) +
                     std::chrono::milliseconds(101 + 13 * number++));
    }
    world_.run_for(26h);
  }

  const PlatformModel& model() const { return model_; }
  int compared = 0;

 private:
  const Failure* any_open(int which) const {
    std::vector<const Failure*> open;
    for (const auto& [id, failure] : world_.state().failures) {
      if (failure.is_open()) open.push_back(&failure);
    }
    return open.empty() ? nullptr : open[static_cast<std::size_t>(which) % open.size()];
  }

  void happen(const Happening& one) {
    const ProbeId& probe = probes_[static_cast<std::size_t>(one.which) % probes_.size()];
    const Failure* failure = any_open(one.which);
    switch (one.what) {
      case What::fail:
        RC_LOG() << "fail " << probe.text() << "\n";
        truth_[probe] = Verdict::failing;
        world_.fail(probe.component, probe.probe);
        return;
      case What::well:
        RC_LOG() << "ok " << probe.text() << "\n";
        truth_[probe] = Verdict::ok;
        world_.ok(probe.component, probe.probe);
        return;
      case What::unknown:
        RC_LOG() << "unknown " << probe.text() << "\n";
        truth_[probe] = Verdict::unknown;
        world_.unknown(probe.component, probe.probe);
        return;
      case What::mail:
        world_.mail_up = !world_.mail_up;
        RC_LOG() << (world_.mail_up ? "mail up\n" : "mail down\n");
        return;
      case What::step: {
        RC_LOG() << "step ends\n";
        const FailureModel* running = nullptr;
        for (const auto& [id, model] : model_.failures()) {
          if (model.is_open() && model.running) running = &model;
        }
        if (running == nullptr) return;
        RC_LOG() << "  of " << running->id << (one.flag ? " succeeded\n" : " failed\n");
        if (running->running->manual) {
          world_.order("tanaka", Respond{running->id, one.flag, "実施"});
        } else {
          const RunningStep& step = *running->running;
          world_.ends(StepEnded{running->id, step.component, step.number,
                                one.flag ? StepResult::succeeded : StepResult::failed, "output"});
        }
        return;
      }
      case What::acknowledge:
        RC_LOG() << "acknowledge\n";
        if (failure != nullptr) world_.order("suzuki", Acknowledge{failure->id, "着手"});
        return;
      case What::classify: {
        const FailureClass to = one.flag ? FailureClass::major : FailureClass::incident;
        RC_LOG() << "classify as " << words(to) << "\n";
        if (failure == nullptr || failure->classification == to) return;
        world_.order("sato", Classify{failure->id, to, "判断"});
        return;
      }
      case What::confirm: {
        RC_LOG() << "confirm\n";
        if (failure == nullptr) return;
        const FailureModel& model = model_.failures().at(failure->id);
        // Of the probe that is being confirmed, or cleared, a single run does not tell.
        bool truly_well = true;
        for (const auto& [id, verdict] : truth_) {
          if (model.members.contains(id.component) && verdict != Verdict::ok) truly_well = false;
        }
        if (truly_well != model_.is_well(model)) return;
        const FailureId id = failure->id;
        if (truly_well) model_.confirmed(id, world_.now());
        world_.order("tanaka", Confirm{id, "異常なし", false});
        return;
      }
    }
  }

  void before(const Event& event, Instant now) {
    if (!model_.silence.empty()) return;
    model_.time_passes(now, std::holds_alternative<Tick>(event));
    if (const auto* observed = std::get_if<Observed>(&event)) {
      model_.observed(observed->probe, observed->observation.verdict, now);
    } else if (const auto* ended = std::get_if<StepEnded>(&event)) {
      model_.step_ended(ended->failure, now);
    } else if (const auto* command = std::get_if<Command>(&event)) {
      if (const auto* ack = std::get_if<Acknowledge>(&command->order))
        model_.acknowledged(ack->failure, now);
      if (const auto* lead = std::get_if<Classify>(&command->order)) {
        model_.reclassified(lead->failure, lead->classification, now);
      }
      if (const auto* respond = std::get_if<Respond>(&command->order))
        model_.step_ended(respond->failure, now);
    }
  }

  template <typename Core, typename Model>
  void same(const std::string& what, const Core& core, const Model& wanted) {
    if constexpr (std::is_same_v<Core, Model>) {
      if (core == wanted) return;
    }
    if (words(core) == words(wanted)) return;
    RC_FAIL(words(world_.now()) + ": " + what + ": the core says " + words(core) + ", the model " +
            words(wanted));
  }

  void over(Instant now) {
    for (const auto& [id, notice] : world_.state().notices)
      first_not_before_.try_emplace(id, notice.not_before);
    if (!model_.silence.empty()) return;
    model_.time_passes(now, true);
    if (!model_.silence.empty()) return;
    ++compared;
    const State& state = world_.state();
    for (const auto& [name, component] : world_.platform().components) {
      same("component " + name, state_of(component, state.components.at(name)),
           model_.state_of(name));
    }
    for (const auto& [name, service] : world_.platform().services) {
      same("service " + name, state.services.at(name).state, model_.state_of_service(name));
    }
    same("number of failures", state.failures.size(), model_.failures().size());
    for (const auto& [id, model] : model_.failures()) {
      compare(state.failures.at(id), model);
      compare_notices(id, model);
    }
  }

  void compare(const Failure& core, const FailureModel& model) {
    const std::string of = " of failure " + std::to_string(core.id);
    same("closed_at" + of, core.closed_at, model.closed_at);
    if (!model.is_open()) return;
    std::set<ComponentName> members, wanted;
    for (const auto& [name, since] : core.members)
      members.insert(name);
    for (const auto& [name, since] : model.members)
      wanted.insert(name);
    same("members" + of, members, wanted);
    same("cause" + of, core.cause, model.cause);
    same("opened_at" + of, core.opened_at, model.opened_at);
    // Whether what was down and cannot be seen any more is kept down, is not said: "never as down,
    // and never as back".
    std::set<ServiceName> at_most = model.keeps_down;
    at_most.insert(model.not_back.begin(), model.not_back.end());
    if (!std::includes(at_most.begin(), at_most.end(), core.keeps_down.begin(),
                       core.keeps_down.end()) ||
        !std::includes(core.keeps_down.begin(), core.keeps_down.end(), model.keeps_down.begin(),
                       model.keeps_down.end())) {
      same("keeps_down" + of, core.keeps_down, model.keeps_down);
    }
    same("class" + of, core.classification, model.classification);
    if (!model.class_at.contains(core.class_at))
      same("class_at" + of, core.class_at, model.class_at);
    same("recovered_at" + of, core.recovered_at, model.recovered_at);
    const StepRun* running = core.running_step();
    auto step = [](const auto& one) {
      return one.component + " " + std::to_string(one.number) + " until " + words(one.deadline);
    };
    std::string core_step = "none";
    if (running != nullptr)
      core_step =
          step(RunningStep{running->component, running->step, false, {}, running->deadline});
    same("running step" + of, core_step,
         model.running ? step(*model.running) : std::string("none"));
  }

  void compare_notices(FailureId id, const FailureModel& model) {
    std::vector<const Notice*> rows;
    for (const auto& [number, notice] : world_.state().notices) {
      if (notice.failure != id || !notice.topic.empty()) continue;
      if (notice.kind == NoticeKind::failure_detected ||
          notice.kind == NoticeKind::failure_escalated ||
          notice.kind == NoticeKind::major_declared || is_bank_first(notice.kind)) {
        rows.push_back(&notice);
      }
    }
    auto fits = [&](const OwedNotice& owed, const Notice& row) {
      const bool kind =
          owed.kind == row.kind || (is_bank_first(owed.kind) && is_bank_first(row.kind));
      if (!kind || owed.audience != row.audience) return false;
      if (is_bank(owed.kind) && row.state != NoticeState::withdrawn) return true;
      return owed.not_before.contains(first_not_before_.at(row.id));
    };
    // What must be, then what may; a row for each.
    for (bool may : {false, true}) {
      for (const OwedNotice& owed : model.owed) {
        if ((owed.may || owed.dropped_at) != may) continue;
        auto row = std::find_if(rows.begin(), rows.end(), [&](const Notice* one) {
          return fits(owed, *one) && (may || one->state != NoticeState::withdrawn);
        });
        const std::string what = name_of(owed.kind) + " to " + owed.audience + " of failure " +
                                 std::to_string(id) + " due " + words(owed.due) + " not before " +
                                 words(owed.not_before);
        if (row == rows.end()) {
          if (may) continue;
          std::string found;
          for (const Notice* one : rows) {
            found += "\n  " + name_of(one->kind) + " " + one->audience + " " + words(one->state) +
                     " not before " + words(first_not_before_.at(one->id)) + " " + one->reason;
          }
          RC_FAIL(words(world_.now()) + ": the core has no " + what + found);
        }
        // A bundle that is committed is never formed again, whatever becomes of what it carries.
        if (owed.dropped_at && (*row)->is_unsent() && !owed.may && (*row)->carries.empty()) {
          RC_FAIL(words(world_.now()) + ": was to be dropped: " + what);
        }
        rows.erase(row);
        if (is_bank(owed.kind)) {
          // Judged again: the row before was withdrawn for the one that says how things are.
          std::erase_if(rows, [&](const Notice* one) {
            return one->audience == owed.audience && is_bank(one->kind);
          });
        }
      }
    }
    for (const Notice* row : rows) {
      RC_FAIL(words(world_.now()) + ": the core has a " + name_of(row->kind) + " to " +
              row->audience + " of failure " + std::to_string(id) + " not before " +
              words(first_not_before_.at(row->id)) + ", " + words(row->state) + ": " + row->reason);
    }
  }

  CalendarSettings calendar_;
  test::World world_;
  PlatformModel model_;
  std::vector<ProbeId> probes_;
  std::map<ProbeId, Verdict> truth_;
  std::map<NoticeId, Instant> first_not_before_;
};

Counts counts;

void agrees(const Platform& platform, const std::vector<Happening>& story) {
  const int hours = *below(12 * 24);
  RC_LOG() << show(platform);
  Comparison comparison(platform, test::World::at("2026-12-24T08:00") + std::chrono::hours(hours));
  comparison.play(story);
  ++counts.stories;
  counts.compared += comparison.compared;
  if (!comparison.model().silence.empty()) ++counts.silences[comparison.model().silence];
  for (const auto& [id, failure] : comparison.model().failures()) {
    ++counts.failures;
    counts.majors += failure.classification == FailureClass::major ? 1 : 0;
    counts.joined += static_cast<int>(failure.members.size()) - 1;
    counts.notices += static_cast<int>(failure.owed.size());
  }
}

std::string what_was_told() {
  std::ostringstream text;
  text << counts.stories << " stories, " << counts.compared << " instants, " << counts.failures
       << " failures, " << counts.majors << " major, " << counts.joined << " joined, "
       << counts.notices << " notices; silent:";
  for (const auto& [why, times] : counts.silences)
    text << " " << times << " " << why << ";";
  return text.str();
}

void story_agrees() {
  const Platform platform = some_platform();
  agrees(platform, *a_story());
}

// One component that fails and is well again for some minutes each, with steps that take longer
// than all of it: what makes a major failure is the time down, summed over the relapses.
void relapses_agree() {
  Platform platform = some_platform();
  std::erase_if(platform.components, [](const auto& one) { return one.first != "c0"; });
  Component& component = platform.components.at("c0");
  component.probes.resize(1);
  component.probes[0].impact = Impact::down;
  if (component.primary_response.empty()) component.primary_response.emplace_back();
  for (ResponseStep& step : component.primary_response) {
    step.manual = true;
    step.limit = 5h;
  }
  std::erase_if(platform.services, [](const auto& one) { return one.first != "s0"; });
  platform.services.at("s0").needs = {need("c0")};
  for (auto& [name, bank] : platform.banks)
    bank.services = {"s0"};
  platform.escalation.auto_close = 45min + 3ms;
  platform.escalation.flapping.reset();
  const auto one = rc::gen::apply(
      [](What what, int seconds) {
        return Happening{what, 0, false, seconds};
      },
      rc::gen::element(What::fail, What::well), below(600));
  agrees(platform, *rc::gen::container<std::vector<Happening>>(one));
}

// Two services that one failure takes down and gives back, and a lead who decides at any time:
// which of them going down is a further one.
void the_leads_class_agrees() {
  Platform platform = some_platform();
  for (const char* name : {"c0", "c1"}) {
    Component made = platform.components.at("c0");
    made.id = name;
    made.probes.resize(1);
    made.probes[0].impact = Impact::down;
    made.primary_response.clear();
    platform.components[name] = made;
  }
  std::erase_if(platform.components, [](const auto& one) { return one.first > "c1"; });
  Component& further = platform.components.at("c1");
  further.depends_on = {"c0"};
  // No step can run before the lead's word but the further component's own.
  if (*below(2) == 1) {
    ResponseStep step;
    step.manual = true;
    step.text = "手順書に従う";
    step.limit = 5h;
    further.primary_response = {step};
  }
  platform.services.clear();
  for (int i = 0; i < 2; ++i) {
    Service made;
    made.id = made.name = "s" + std::to_string(i);
    made.needs = {need("c" + std::to_string(i))};
    platform.services[made.id] = made;
  }
  for (auto& [name, bank] : platform.banks)
    bank.services = {"s0", "s1"};
  platform.escalation.auto_close = 45min + 3ms;
  platform.escalation.flapping.reset();
  const auto one = rc::gen::apply(
      [](What what, int which, bool flag, int seconds) {
        return Happening{what, which, flag, seconds};
      },
      rc::gen::weightedElement<What>({{4, What::fail}, {4, What::well}, {3, What::classify}}),
      below(2), rc::gen::arbitrary<bool>(), below(400));
  std::vector<Happening> story = *rc::gen::container<std::vector<Happening>>(one);
  story.insert(story.begin(), Happening{What::fail, 0, false, *below(200)});
  agrees(platform, story);
}

}  // namespace

TEST_CASE("time down is summed over relapses as the model sums it") {
  const bool agree = holds("relapses", 60, relapses_agree);
  CHECK(agree);
  counts = {};
}

TEST_CASE("the lead's class stands as long as the model says") {
  const bool agree = holds("lead's class", 150, the_leads_class_agrees);
  CHECK(agree);
  MESSAGE(what_was_told());
  counts = {};
}

TEST_CASE("stories go as the model says") {
  const bool agree = holds("stories", 150, story_agrees);
  CHECK(agree);
  MESSAGE(what_was_told());
  // The stories are about something.
  if (agree && counts.stories >= 100) {
    CHECK(counts.failures > counts.stories);
    CHECK(counts.majors > counts.stories / 4);
    CHECK(counts.joined > counts.stories / 10);
  }
}
