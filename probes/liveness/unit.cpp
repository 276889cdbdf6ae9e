// kind: unit - a unit of systemd, over its bus: no program is started. docs/probes.md has its keys.
//
// Each run asks for the properties of the unit, and of a timer also for those of what it starts.
// `unknown` is all that systemd does not say: no bus, no systemd on it, no permission, no answer in
// time, an answer of another form.
#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <memory>

#include "io/runtime.hpp"
#include "kinds.hpp"
#include "liveness/bus_link.hpp"
#include "liveness/unit_judge.hpp"
#include "resource/local_probe.hpp"

namespace yagura {
namespace {

constexpr std::string_view systems_bus = "/run/dbus/system_bus_socket";
constexpr std::size_t longest_unit = 255;
constexpr std::size_t longest_socket = 107;  // of a Unix socket's address
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> types{
    {{".service", "Service"},
     {".timer", "Timer"},
     {".socket", "Socket"},
     {".mount", "Mount"},
     {".automount", "Automount"},
     {".swap", "Swap"},
     {".path", "Path"},
     {".scope", "Scope"},
     {".target", ""},
     {".device", ""},
     {".slice", ""}}};

// What the unit is, in D-Bus' words; nothing where the name has no such ending.
std::optional<std::string_view> type_of(std::string_view unit) {
  for (const auto& [ending, type] : types) {
    if (unit.ends_with(ending)) return type;
  }
  return std::nullopt;
}

std::string path_of(const std::string& unit) {
  char* path = nullptr;
  if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path) < 0) return {};
  const std::string text = path;
  std::free(path);
  return text;
}

Duration boot_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(now.tv_sec) +
                                              std::chrono::nanoseconds(now.tv_nsec));
}

UnitTimes times(const Zone& zone) {
  return {std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()), boot_now(),
          zone};
}

// Takes values by their names, and remembers the first that is not of its type.
struct Taker {
  const BusProperties& properties;
  std::string& wrong;

  template <class Value>
  const Value* find(std::string_view name, bool needed = false) {
    const auto found = properties.find(name);
    const Value* value = found == properties.end() ? nullptr : std::get_if<Value>(&found->second);
    if (value == nullptr && (needed || found != properties.end()) && wrong.empty()) wrong = name;
    return value;
  }
  void text(std::string_view name, std::string& into, bool needed = false) {
    if (const auto* value = find<std::string>(name, needed)) into = one_line(*value, 100);
  }
  Duration micros(std::string_view name) {
    const auto* value = find<std::uint64_t>(name);
    constexpr std::uint64_t last =
        7'258'118'400'000'000;  // the year 2200; beyond it systemd means never
    return value == nullptr || *value > last ? Duration{0} : Duration{*value / 1000};
  }
  Instant time(std::string_view name) { return Instant{micros(name)}; }
};

// One run: all that is asked is asked at once, and again of what a timer starts.
class UnitRun : public std::enable_shared_from_this<UnitRun> {
 public:
  // `told`: with the answer, or why there is none.
  using Told = std::function<void(Result<UnitAnswer>)>;
  UnitRun(io::Runtime& runtime, std::string socket, std::string unit, Told told)
      : runtime_(runtime),
        socket_(std::move(socket)),
        unit_(std::move(unit)),
        told_(std::move(told)),
        timer_(runtime.loop()) {}

  void start(Duration timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([weak = weak_from_this(), timeout](boost::system::error_code error) {
      auto self = weak.lock();
      if (!self || error == boost::asio::error::operation_aborted || !self->told_) return;
      if (self->link_) self->link_->give_up(self->runtime_);
      self->finish(failure_of(fmt::format("systemd did not answer over {} within {}", self->socket_,
                                          format_duration(timeout))));
    });
    auto link = BusLink::to(runtime_, socket_);
    if (!link) {
      boost::asio::post(runtime_.loop(), [weak = weak_from_this(), error = link.error()] {
        if (auto self = weak.lock()) self->finish(tl::unexpected(error));
      });
      return;
    }
    link_ = *link;
    ask(unit_);
  }

 private:
  void ask(const std::string& unit) {
    asked_ = unit;
    properties_.clear();
    put("Unit", "");
    const std::string_view type = type_of(unit).value_or("");
    if (!type.empty()) put(type, "Result");
    if (type == "Service") {
      for (std::string_view name : {"NRestarts", "ExecMainCode", "ExecMainStatus"})
        put(type, name);
    }
    if (type == "Timer") {
      for (std::string_view name : {"Unit", "NextElapseUSecRealtime"})
        put(type, name);
    }
  }

  void put(std::string_view interface, std::string_view property) {
    ++outstanding_;
    waiting_.push_back(link_->ask(
        {"org.freedesktop.systemd1", path_of(asked_),
         fmt::format("org.freedesktop.systemd1.{}", interface), std::string(property)},
        [this, name = std::string(property)](BusAnswer answer) { came(name, std::move(answer)); }));
  }

  void came(const std::string& property, BusAnswer answer) {
    if (!answer) {
      // An older systemd has not all of them.
      const bool lacks =
          !property.empty() && answer.error().error == "org.freedesktop.DBus.Error.UnknownProperty";
      if (!lacks) return finish(failure_of(refused(answer.error())));
    } else {
      properties_.merge(*answer);
    }
    if (--outstanding_ > 0) return;
    UnitFacts facts;
    facts.name = asked_;
    std::string wrong, starts;
    const Instant next = read(facts, starts, wrong);
    if (!wrong.empty())
      return finish(failure_of(
          fmt::format("systemd's answer about {} is not of the form that it should have: {}",
                      asked_, one_line(wrong, 60))));
    if (answer_) {
      answer_->started = std::move(facts);
      return finish(std::move(*answer_));
    }
    answer_ = UnitAnswer{std::move(facts), std::nullopt, next};
    if (starts.empty() || !type_of(starts)) return finish(std::move(*answer_));
    ask(starts);
  }

  Instant read(UnitFacts& facts, std::string& starts, std::string& wrong) const {
    Taker take{properties_, wrong};
    take.text("LoadState", facts.load, true);
    take.text("ActiveState", facts.active, true);
    take.text("SubState", facts.sub, true);
    take.text("Result", facts.result);
    facts.active_since = take.time("ActiveEnterTimestamp");
    facts.left_active = take.time("ActiveExitTimestamp");
    facts.began = take.time("InactiveExitTimestamp");
    facts.ended = take.time("InactiveEnterTimestamp");
    facts.began_boot = take.micros("InactiveExitTimestampMonotonic");
    facts.left_active_boot = take.micros("ActiveExitTimestampMonotonic");
    if (const auto* count = take.find<std::uint64_t>("NRestarts")) facts.restarts = *count;
    if (const auto* code = take.find<std::int64_t>("ExecMainCode")) facts.exit_code = *code;
    if (const auto* status = take.find<std::int64_t>("ExecMainStatus")) facts.exit_status = *status;
    take.text("Unit", starts);
    return take.time("NextElapseUSecRealtime");
  }

  std::string refused(const BusRefusal& refusal) const {
    const std::string_view error = refusal.error;
    if (error.empty())
      return fmt::format("the bus at {} does not answer: {}", socket_, refusal.words);
    if (error.ends_with(".AccessDenied"))
      return fmt::format("the bus does not let this user ask systemd about {}: {}", asked_,
                         refusal.words);
    if (error.ends_with(".ServiceUnknown") || error.ends_with(".NameHasNoOwner"))
      return fmt::format("systemd is not on the bus at {}: does it run on this machine?", socket_);
    return fmt::format("systemd says nothing of {}: {}", asked_,
                       refusal.words.empty() ? refusal.error : refusal.words);
  }

  // Whoever is told may destroy us.
  void finish(Result<UnitAnswer> answer) {
    const auto self = shared_from_this();
    const auto tell = std::exchange(told_, nullptr);
    let_go();
    if (tell) tell(std::move(answer));
  }
  void let_go() {
    timer_.cancel();
    waiting_.clear();
    link_.reset();
  }

  io::Runtime& runtime_;
  std::string socket_, unit_, asked_;
  Told told_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<BusLink> link_;
  std::vector<BusLink::Waiting> waiting_;
  int outstanding_ = 0;
  BusProperties properties_;
  std::optional<UnitAnswer> answer_;
};

class UnitProbe final : public Probe {
 public:
  UnitProbe(UnitRules rules, std::string socket)
      : rules_(std::move(rules)), socket_(std::move(socket)) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    if (kept_.empty() && run.kept != nullptr) {
      kept_ = *run.kept;
      judge_.remember(kept_, rules_, times(Zone()));
    }
    const Zone zone = run.zone == nullptr ? Zone() : *run.zone;
    run_ = std::make_shared<UnitRun>(runtime, socket_, rules_.unit,
                                     [this, zone, was_failing = run.was_failing,
                                      done = std::move(done)](Result<UnitAnswer> answer) {
                                       run_.reset();
                                       done(finding_of(answer, zone, was_failing));
                                     });
    run_->start(run.timeout);
  }

 private:
  Finding finding_of(const Result<UnitAnswer>& answer, const Zone& zone, bool was_failing) {
    if (!answer) return could_not_look(answer.error().message);
    Finding finding;
    Judgement judgement = judge_.judge(*answer, rules_, times(zone), was_failing, finding.values);
    finding.verdict = judgement.verdict;
    finding.reason = one_line(judgement.reason);
    if (std::string keep = judge_.keep(rules_); keep != kept_)
      finding.keep = kept_ = std::move(keep);
    return finding;
  }

  UnitRules rules_;
  std::string socket_;
  UnitJudge judge_;
  std::string kept_;
  std::shared_ptr<UnitRun> run_;  // letting go of it cancels it
};

// The name as systemd has it; an error in words.
Result<std::string> unit_name(std::string name) {
  const auto is_allowed = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') ||
           std::string_view(":-_.\\@").find(letter) != std::string_view::npos;
  };
  if (!name.empty() && name.find('.') == name.npos) name += ".service";
  if (!type_of(name))
    return failure_of(
        "`unit` must be a unit's name with its type, as nginx.service or backup.timer");
  if (name.size() > longest_unit || !std::all_of(name.begin(), name.end(), is_allowed) ||
      name[0] == '@' || name[0] == '.') {
    return failure_of(
        fmt::format("`unit` must be a unit's name as systemd writes it: letters, digits and "
                    ":-_.\\@, at most {}",
                    longest_unit));
  }
  if (const auto at = name.find("@."); at != name.npos && name.rfind('.') == at + 1)
    return failure_of("`unit` is a template: write an instance of it, as getty@tty1.service");
  return name;
}

// False: a problem was reported.
bool read_restarts(Reader& reader, UnitRules& rules) {
  const Node* node = reader.find("restarts");
  if (node == nullptr) return true;
  Reader inner(*node, reader.problems(), "`restarts`");
  if (!node->is_map()) return false;
  rules.restarts = Threshold::read(inner, {{Quantity::number, true, "restarts", ">= 3"}}, "", "");
  bool well = rules.restarts.has_value();
  if (inner.has("within")) {
    const auto within = inner.duration("within");
    well = well && within;
    if (within && (*within < 1min || *within > 24h * 7)) {
      inner.problem(*inner.find("within"), "`within` must be between 1m and 7d");
      well = false;
    }
    rules.restarts_within = within.value_or(1h);
  }
  inner.finish();
  return well;
}

}  // namespace

std::unique_ptr<Probe> make_unit(Reader& reader) {
  UnitRules rules;
  bool well = reader.required("unit") != nullptr;
  const auto refuse = [&](std::string_view key, std::string message) {
    reader.problem(*reader.find(key), std::move(message));
    well = false;
  };
  const auto written = reader.text("unit");
  well = well && written;
  if (written) {
    if (auto name = unit_name(*written)) {
      rules.unit = std::move(*name);
    } else {
      refuse("unit", name.error().message);
    }
  }
  const auto grace = reader.duration("grace");
  well = well && (grace || !reader.has("grace"));
  if (grace && *grace > 1h) refuse("grace", "`grace` must be at most 1h");
  rules.grace = grace.value_or(rules.grace);
  well = read_restarts(reader, rules) && well;
  rules.ran_within = reader.duration("ran_within");
  well = well && (rules.ran_within || !reader.has("ran_within"));
  if (rules.ran_within && (*rules.ran_within < 1min || *rules.ran_within > 24h * 400))
    refuse("ran_within", "`ran_within` must be between 1m and 400d");
  const auto result = reader.text("result");
  well = well && (result || !reader.has("result"));
  if (result && *result != "success" && *result != "any")
    refuse("result", "`result` must be success or any");
  rules.any_result = result && *result == "any";
  const bool is_timer = rules.unit.ends_with(".timer");
  rules.by_runs = is_timer || reader.has("ran_within") || reader.has("result");
  if (rules.any_result && !rules.ran_within && !is_timer)
    refuse("result", "`result: any` judges nothing without `ran_within`");
  for (std::string_view key : {"grace", "restarts"}) {
    if (rules.by_runs && reader.has(key))
      refuse(key, fmt::format("`{}` is of a unit that runs all the time, not of one that is judged "
                              "by its runs: remove it",
                              key));
  }
  if (rules.restarts && !rules.unit.ends_with(".service"))
    refuse("restarts", "`restarts` is of a service: systemd restarts nothing else");
  const std::string socket = reader.text_or("bus", systems_bus);
  if (!socket.starts_with('/') || socket.size() > longest_socket)
    refuse("bus", fmt::format("`bus` must be the absolute path of a bus' socket, at most {} bytes",
                              longest_socket));
  if (!well) return nullptr;
  return std::make_unique<UnitProbe>(std::move(rules), socket);
}

}  // namespace yagura
