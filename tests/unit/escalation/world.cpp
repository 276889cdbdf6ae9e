#include "world.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace yagura::test {

namespace {

Window business_hours() {
  return Window({{*parse_days({"business"}), {*parse_hours("10:00-17:00")}}});
}

ProbeSpec probe(std::string name, Family family = Family::liveness, Impact impact = Impact::down) {
  ProbeSpec spec;
  spec.name = spec.kind = std::move(name);
  spec.family = family;
  spec.impact = impact;
  spec.confirm = spec.clear = family == Family::job ? 1 : 2;
  return spec;
}

Component component(std::string id, Role owner, std::vector<ProbeSpec> probes,
                    std::vector<ComponentName> depends_on = {}) {
  Component made;
  made.id = std::move(id);
  made.owner = owner;
  made.probes = std::move(probes);
  made.depends_on = std::move(depends_on);
  return made;
}

ResponseStep automatic(Duration limit) {
  ResponseStep step;
  step.run = {"/bin/respond"};
  step.limit = limit;
  return step;
}

ResponseStep manual(Duration within) {
  ResponseStep step;
  step.manual = true;
  step.text = "手順書に従う";
  step.limit = within;
  return step;
}

Need need(std::string component) {
  Need made;
  made.name = std::move(component);
  return made;
}

Need at_least(int k, std::vector<Need> of) {
  Need made;
  made.kind = Need::Kind::at_least;
  made.at_least = k;
  made.of = std::move(of);
  return made;
}

Audience role(Role role) { return {Audience::Kind::role, role}; }

ChainStep step(std::vector<Audience> to, Duration after = Duration{0}, bool unless_acknowledged = false,
               std::optional<std::string> window = {}) {
  ChainStep made;
  made.to = std::move(to);
  made.after = after;
  made.unless_acknowledged = unless_acknowledged;
  made.window = std::move(window);
  return made;
}

void person(Platform& platform, std::string id, Role role) {
  Person made;
  made.id = id;
  made.name = id;
  made.mail = id + "@example.jp";
  made.unix_user = id;
  made.roles = {role};
  platform.people[id] = made;
}

void bank(Platform& platform, std::string id, std::vector<std::string> mails,
          std::set<ServiceName> services) {
  Bank made;
  made.id = id;
  made.name = id;
  for (const std::string& mail : mails) {
    Contact contact;
    contact.name = mail;
    contact.mail = mail;
    made.contacts.push_back(contact);
  }
  made.services = std::move(services);
  platform.banks[id] = made;
}

}  // namespace

Platform example_platform() {
  Platform platform;
  platform.zone = *Zone::named("Asia/Tokyo");
  platform.windows["bank_mail"] = platform.windows["response_hours"] = business_hours();
  person(platform, "sato", Role::system_lead);
  person(platform, "tanaka", Role::ap_ops);
  person(platform, "suzuki", Role::infra_ops);
  person(platform, "kudo", Role::inquiry_desk);
  bank(platform, "aozora", {"yamada@aozora.example"}, {"member-site", "admin-console"});
  bank(platform, "midori", {"hayashi@midori.example", "mori@midori.example"}, {"member-site"});
  Service member_site{"member-site", "会員企業サイト",
                      {at_least(1, {need("web-1"), need("web-2")}), need("database")}};
  Service admin_console{"admin-console", "管理画面", {need("web-1"), need("database")}};
  platform.services["member-site"] = member_site;
  platform.services["admin-console"] = admin_console;
  platform.components["web-1"] = component(
      "web-1", Role::ap_ops, {probe("http"), probe("process")}, {"zone-a"});
  platform.components["web-1"].primary_response = {automatic(2min)};
  platform.components["web-2"] = component("web-2", Role::ap_ops, {probe("http")}, {"zone-a"});
  platform.components["database"] = component(
      "database", Role::infra_ops, {probe("tcp"), probe("disk", Family::resource, Impact::degraded)});
  platform.components["database"].primary_response = {automatic(3min), manual(10min)};
  platform.components["zone-a"] = component("zone-a", Role::infra_ops, {probe("ping")});
  platform.components["settlement"] =
      component("settlement", Role::ap_ops, {probe("job", Family::job, Impact::degraded)});
  Escalation& escalation = platform.escalation;
  escalation.detected = {step({{Audience::Kind::owner}})};
  escalation.incident = {step({role(Role::system_lead)}, 30min, true, "response_hours")};
  escalation.major = {step({role(Role::system_lead)}), step({role(Role::inquiry_desk)}),
                      step({role(Role::ap_ops), role(Role::infra_ops)}, 10min, true),
                      step({{Audience::Kind::banks}}, Duration{0}, false, "bank_mail")};
  Maintenance weekly;
  weekly.name = "weekly";
  weekly.window = Window({{*parse_days({"mon"}), {*parse_hours("22:00-24:00")}}});
  platform.maintenance = {weekly};
  platform.mail.from_domain = "example.jp";
  CalendarSettings settings;
  settings.closed = {*parse_closed_days("12-29..01-03")};
  platform.calendar = Calendar(settings);
  return platform;
}

Instant World::at(std::string_view text) { return *parse_instant(std::string(text) + ":00+09:00"); }

namespace {

bool same_facts(const std::vector<Fact>& some, const std::vector<Fact>& others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(), [](const Fact& a, const Fact& b) {
    return a.at == b.at && a.what == b.what && a.failure == b.failure && a.notice == b.notice && a.who == b.who &&
           a.details == b.details;
  });
}

std::string words_of(const std::vector<Fact>& facts) {
  std::string words;
  for (const Fact& fact : facts) {
    words += fact.what + " " + std::to_string(fact.failure) + "/" + std::to_string(fact.notice);
    for (const auto& [key, value] : fact.details) words += " " + key + "=" + value;
    words += "; ";
  }
  return words;
}

}  // namespace

World::World(Platform platform, Instant now)
    : now_(now),
      decider_(std::make_unique<Decider>(std::make_shared<Platform>(std::move(platform)), State{}, "test")),
      thorough_(std::make_unique<Decider>(decider_->platform(), State{}, "test")) {
  thorough_->look_at_everything();
  take(Tick{});
  for (const auto& [name, component] : this->platform().components) {
    for (const ProbeSpec& spec : component.probes) run_probe({name, spec.name});
  }
}

void World::run_probe(const ProbeId& id) {
  if (no_probe_runs.contains(id)) return void(retries_.erase(id));
  const Truth& truth = truth_[id];
  retries_.erase(id);
  Observation seen;
  seen.verdict = truth.verdict;
  seen.reason = truth.reason;
  seen.scheduled = seen.started = seen.ended = now_;
  take(Observed{id, seen});
  auto component = platform().components.find(id.component);
  if (component == platform().components.end()) return;
  const ProbeSpec* spec = component->second.probe(id.probe);
  if (spec != nullptr && decider_->wants_retry(id)) retries_[id] = now_ + spec->retry;
}

void World::set(const std::string& component, const std::string& probe, Truth truth) {
  ProbeId id{component, probe};
  truth_[id] = std::move(truth);
  run_probe(id);
}

void World::fail(const std::string& component, const std::string& probe, const std::string& reason) {
  set(component, probe, {Verdict::failing, reason});
}
void World::ok(const std::string& component, const std::string& probe) {
  set(component, probe, {Verdict::ok, "fine"});
}
void World::unknown(const std::string& component, const std::string& probe) {
  set(component, probe, {Verdict::unknown, "no route"});
}

void World::take(const Event& event) {
  act(handle(event));
  settle();
}

Batch World::handle(const Event& event) {
  if (before_event) before_event(event, now_);
  Batch batch = decider_->handle(event, now_);
  const Batch thorough = thorough_->handle(event, now_);
  if (!same_facts(batch.facts, thorough.facts) || decider_->state() != thorough_->state()) {
    throw std::logic_error("a turn that looked at everything decided otherwise: [" + words_of(batch.facts) +
                           "], and it [" + words_of(thorough.facts) + "]");
  }
  const auto wake = decider_->next_wake(), latest = thorough_->next_wake();
  if (latest && (!wake || *wake > *latest)) throw std::logic_error("a deadline is missed");
  if (!decider_->index_agrees()) throw std::logic_error("the index says what the state does not");
  return batch;
}

void World::act(const Batch& batch) {
  facts.insert(facts.end(), batch.facts.begin(), batch.facts.end());
  if (on_fact) {
    for (const Fact& fact : batch.facts) on_fact(fact);
  }
  for (const Effect& effect : batch.effects) {
    if (const auto* runs = std::get_if<RunProbes>(&effect)) {
      for (const ProbeId& id : runs->probes) retries_[id] = now_;
    } else if (const auto* start = std::get_if<StartStep>(&effect)) {
      steps.push_back(*start);
      running_ = *start;
    } else if (std::holds_alternative<StopStep>(effect)) {
      running_.reset();
    } else if (const auto* answer = std::get_if<Answer>(&effect)) {
      last_answer_ = *answer;
    } else if (const auto* hand_over = std::get_if<HandOver>(&effect)) {
      if (!notice(hand_over->notice).rendered) {
        decider_->rendered(hand_over->notice, "subject");
        thorough_->rendered(hand_over->notice, "subject");
      }
      under_way_.push_back(hand_over->notice);
    }
  }
  if (!relay_hangs) {
    for (NoticeId id : std::exchange(under_way_, {})) deliver(id);
  }
}

void World::deliver(NoticeId id) {
  const Notice& notice = this->notice(id);
  Delivered delivered;
  delivered.notice = id;
  Sent mail{now_, id, notice.kind, notice.audience, notice.failure, notice.topic, {}, notice.carries};
  if (notice.failure != 0) mail.classification = failure(notice.failure).classification;
  bool handed_over = false;
  if (cut_after_the_dot) {
    cut_after_the_dot = false;
    delivered.unknown = handed_over = true;
    delivered.reply = "cut";
  } else {
    for (const Recipient& to : notice.to) {
      if (std::count(notice.accepted.begin(), notice.accepted.end(), to.mail) != 0) continue;
      if (!mail_up) {
        delivered.deferred.push_back({to.mail, "no connection"});
      } else if (defers.contains(to.mail)) {
        delivered.deferred.push_back({to.mail, "450 come again"});
      } else if (refuses.contains(to.mail)) {
        delivered.refused.push_back({to.mail, "550 no such user"});
      } else {
        delivered.accepted.push_back(to.mail);
        handed_over = true;
      }
    }
  }
  if (handed_over) mails.push_back(mail);
  events_.push_back(delivered);
}

void World::relay_answers() {
  relay_hangs = false;
  for (NoticeId id : std::exchange(under_way_, {})) deliver(id);
  settle();
  run_until(now_);
}

void World::settle() {
  for (int turns = 0; !events_.empty(); ++turns) {
    if (turns > 10'000) throw std::runtime_error("the decision code goes round in circles");
    Event event = std::move(events_.front());
    events_.pop_front();
    act(handle(event));
  }
}

void World::run_until(Instant until) {
  for (int turns = 0;; ++turns) {
    if (turns > 1'000'000) throw std::runtime_error("time does not pass");
    std::optional<Instant> next = decider_->next_wake();
    std::optional<ProbeId> retry;
    for (const auto& [id, when] : retries_) {
      if (!next || when < *next || (when == *next && !retry)) {
        next = when;
        retry = id;
      }
    }
    if (!next || *next > until) break;
    if (*next > now_ && instant_over) instant_over(now_);
    now_ = std::max(now_, *next);
    if (retry) {
      run_probe(*retry);
    } else {
      take(Tick{});
    }
  }
  if (instant_over) instant_over(now_);
  now_ = until;
}

void World::step_ends(StepResult result) {
  if (!running_) throw std::runtime_error("no step runs");
  StartStep step = *running_;
  running_.reset();
  take(StepEnded{step.failure, step.component, step.step, result, "output"});
}

std::string World::order(const std::string& by, Order order) {
  last_answer_.reset();
  take(Command{++last_command_, by, std::move(order)});
  run_until(now_);
  return last_answer_ ? last_answer_->text : "";
}

void World::restart(Duration down, Platform edited) {
  State state = decider_->state();
  // What is live is lost.
  for (auto& [name, component] : state.components) {
    for (auto& [probe, health] : component.probes) {
      ProbeHealth kept;
      kept.failing = health.failing;
      kept.verdict = health.verdict;
      kept.since = health.since;
      kept.reason = health.reason;
      kept.blind_told = health.blind_told;
      kept.since_moved = health.since_moved;
      health = kept;
    }
  }
  PlatformPtr platform = std::make_shared<Platform>(std::move(edited));
  thorough_ = std::make_unique<Decider>(platform, state, "test");
  thorough_->look_at_everything();
  decider_ = std::make_unique<Decider>(platform, std::move(state), "test");
  events_.clear();
  under_way_.clear();
  retries_.clear();
  running_.reset();
  now_ += down;
  take(Restarted{});
  for (const auto& [name, component] : platform->components) {
    for (const ProbeSpec& spec : component.probes) run_probe({name, spec.name});
  }
  run_until(now_);
}

void World::reload(Platform platform) {
  take(PlatformChanged{std::make_shared<Platform>(std::move(platform)), {"test"}});
}

void World::clock_jumped(Duration by) {
  now_ += by;
  take(ClockJumped{by});
}

std::vector<Sent> World::sent(NoticeKind kind, const std::string& audience) const {
  std::vector<Sent> found;
  for (const Sent& mail : mails) {
    if (mail.kind == kind && (audience.empty() || mail.audience == audience)) found.push_back(mail);
  }
  return found;
}

const Notice* World::unsent(const std::string& audience) const {
  for (const auto& [id, notice] : state().notices) {
    if (notice.is_unsent() && notice.audience == audience) return &notice;
  }
  return nullptr;
}

}  // namespace yagura::test
