#include "run.hpp"

#include <algorithm>
#include <fstream>

#include "cron.hpp"
#include "disk.hpp"
#include "inquiry_intake.hpp"
#include "operators.hpp"
#include "why.hpp"
#include "writers.hpp"

namespace yagura::sim {

namespace {

constexpr Duration rest_at_most = 24h * 45;
constexpr Duration healing_round = 20min;
constexpr int most_steps = 3'000'000;

class Run {
 public:
  Run(const Settings& settings, std::string folder)
      : settings_(settings),
        folder_(std::move(folder)),
        trace_(settings.prints),
        shape_random_(settings.seed, "shape"),
        random_(settings.seed, "run"),
        world_(settings.seed, make_start(shape_random_), trace_),
        disk_(settings.seed, [this] { return world_.goes_on("disk"); }),
        referee_(world_, trace_),
        composer_(*Composer::load("")),
        operators_(world_, referee_),
        writers_(settings.seed, world_, referee_, folder_) {
    world_.witness = &referee_;
    world_.worked_aside = [this] { writers_.look_at_spool(); };
    world_.loads = [this](Instant now) { return load(now); };
  }

  Outcome play() {
    Outcome outcome;
    const Random stops = shape_random_.fork("stops");
    shape_ = make_shape(shape_random_, settings_.size);
    if (settings_.stops) vary_stops(shape_, stops);
    if (settings_.inquiries) vary_inquiries(shape_, shape_random_.fork("inquiries"));
    writers_.use(shape_);
    outcome.configuration = yaml_of(shape_, folder_);
    const std::vector<Event> plan = make_plan(settings_);
    outcome.events = plan.size();
    trace_.line(world_.wall(), yaml_of(shape_, "."));
    for (const Event& event : plan) {
      world_.at(event.at, [this, event] { happen(event); });
    }
    world_.at(24h * settings_.days, [this] { heal(); });
    start_daemon();
    look_again();
    while (!trace_.violated() && !at_rest_) {
      if (!world_.step() || ++steps_ > most_steps) {
        trace_.violate("everything comes to rest", "the agenda is empty, or never ends");
        break;
      }
      if (world_.ended()) process_ended();
      referee_.after_step();
    }
    if (!trace_.violated()) referee_.at_rest();
    if (!trace_.violated() && operators_.waiting() > 0) {
      trace_.violate("every order is answered", std::to_string(operators_.waiting()));
    }
    outcome.violated = trace_.violated();
    outcome.violation = trace_.violation();
    outcome.hash = trace_.hash();
    outcome.steps = steps_;
    outcome.length = world_.clock();
    outcome.counts = referee_.counts;
    outcome.last = trace_.last();
    drop_process();
    return outcome;
  }

 private:
  // It is another every time.
  std::string without_folder(std::string text) const {
    for (std::size_t at = text.find(folder_); at != std::string::npos; at = text.find(folder_))
      text.replace(at, folder_.size(), ".");
    return text;
  }

  // ---- The daemon's life ----

  Loaded load(Instant now) {
    const std::string file = folder_ + "/yagura.yaml";
    std::ofstream(file, std::ios::trunc) << yaml_of(shape_, folder_);
    Loaded loaded = load_configuration(file, now);
    if (!loaded.configuration) {
      std::erase_if(loaded.problems, [](const Problem& problem) { return problem.warning; });
      trace_.violate("the simulation's own configuration is valid", text(loaded.problems));
      return loaded;
    }
    for (auto& [id, setup] : loaded.configuration->probes) {
      if (!setup.job) setup.make = [this, id = id] { return world_.make_probe(id); };
    }
    return loaded;
  }

  void start_daemon() {
    if (engine_ != nullptr || store_ != nullptr) return;
    world_.clear_process();
    SimulatedStore::Hooks hooks;
    hooks.queued = [this](const Transaction& transaction) { referee_.queued(transaction); };
    hooks.committed = [this](const Transaction& transaction) { referee_.committed(transaction); };
    hooks.wants_attempt = [this] { write_soon(latency()); };
    auto store = SimulatedStore::open(folder_ + "/yagura.db", std::move(hooks));
    Result<Kept> kept = store ? read_kept(**store) : tl::unexpected(store.error());
    if (!kept) {
      // The daemon refuses to start, and says why; the service manager tries again.
      trace_.line(world_.wall(), "no start: " + without_folder(kept.error().message));
      if (kept.error().message.find("damaged") != std::string::npos &&
          disk_.faults.read_error == 0) {
        trace_.violate("the database is never damaged", kept.error().message);
      }
      if (store) store->reset();
      if (world_.ended())
        process_ended();
      else
        world_.after(std::min<Duration>(5s * ++failed_starts_, 1min), [this] { start_daemon(); });
      return;
    }
    failed_starts_ = 0;
    // Read last: it takes long, and no start is kept waiting by it that has to wait for the disk.
    Loaded loaded = load(world_.wall());
    if (!loaded.configuration) return;
    disk_.sync_folder();  // As Store::open() does.
    store_ = std::move(*store);
    const DiskFaults faults = std::exchange(disk_.faults, {});
    referee_.opened(*store_, *kept);
    disk_.faults = faults;
    zone_ = loaded.configuration->platform->zone;
    referee_.use(shape_, zone_);
    engine_ = std::make_unique<Engine>(world_, *store_, std::move(*loaded.configuration), composer_,
                                       std::move(*kept));
    referee_.started(*engine_);
    operators_.use(engine_.get(), shape_, zone_);
    engine_->start();
    start_jobs();
    if (settings_.inquiries) {
      intake_ = std::make_unique<InquiryIntake>(world_, *engine_);
      look_for_mails();
    }
    if (world_.ended()) process_ended();
  }

  void look_for_mails() {
    const bool any = !writers_.spool_is_empty();  // Else there is nothing to see.
    if (!draining_ && any) intake_->look();
    world_.after(
        any ? Duration{15s} : Duration{1min}, [this] { look_for_mails(); }, true);
  }

  // The end that was asked for has come: by a kill, or with the power.
  void process_ended() {
    ++referee_.counts.crashes;
    draining_ = false;
    drop_process();
    disk_.crash(power_fails_);
    if (power_fails_) writers_.power_cut();
    trace_.line(world_.wall(), power_fails_ ? "the power is back" : "killed");
    world_.clear_process();
    if (!healing_) {
      world_.after(down_for_, [this] { start_daemon(); });
    } else {
      world_.after(1s, [this] { start_daemon(); });
    }
  }

  void drop_process() {
    operators_.use(nullptr, shape_, zone_);
    intake_.reset();
    engine_.reset();
    store_.reset();
    referee_.process_over();
  }

  // ---- The record's writer ----

  Duration latency() {
    return hang_until_ > world_.clock() ? hang_until_ - world_.clock()
                                        : random_.between(Duration{0}, slowest_write_);
  }

  void write_soon(Duration wait) {
    world_.after(
        wait,
        [this] {
          if (store_ == nullptr) return;
          if (hang_until_ > world_.clock()) return write_soon(hang_until_ - world_.clock());
          if (!world_.goes_on("before a commit")) return;
          const bool written = store_->attempt();
          if (world_.ended()) return;
          if (!written)
            trace_.line(world_.wall(), "not written: " + without_folder(store_->error()));
          not_written_ = written ? 0 : not_written_ + 1;
          if (!written) return write_soon(not_written_ < 60 ? 1s : 10s);
          if (store_->queued() > 0) write_soon(latency());
        },
        true);
  }

  // ---- What happens ----

  void happen(const Event& event) {
    if (healing_) return;
    Random random(event.seed);
    switch (event.kind) {
      case EventKind::target_turns:
        turn_target(random);
        break;
      case EventKind::component_fails: {
        if (shape_.components.empty()) break;
        const Shape::Component& component = random.pick(shape_.components);
        for (const Shape::Probe& probe : component.probes) {
          if (!probe.job) set_target({component.id, probe.name}, {Verdict::failing, 0, false, {}});
        }
        break;
      }
      case EventKind::all_is_well:
        world_.targets.clear();
        break;
      case EventKind::person_acts:
        operators_.act(random);
        break;
      case EventKind::relay_goes:
        world_.relay = random.one_in(4) ? RelayMood::hangs : RelayMood::away;
        relay_back_at_ = world_.clock() + random.between(25h, 24h * 5);
        trace_.line(world_.wall(), "the relay is away for long");
        break;
      case EventKind::relay_turns:
        if (world_.clock() < relay_back_at_) break;
        world_.relay = random.one_in(3) ? RelayMood::fine : static_cast<RelayMood>(random.below(8));
        trace_.line(world_.wall(), fmt::format("relay {}", static_cast<int>(world_.relay)));
        break;
      case EventKind::disk_turns:
        turn_disk(random);
        break;
      case EventKind::crash: {
        power_fails_ = random.one_in(2);
        down_for_ = random.one_in(4) ? random.between(1min, 3h) : random.between(1s, 1min);
        const int points = random.from_to(1, random.one_in(2) ? 5 : 60);
        if (engine_ == nullptr) break;
        if (random.one_in(3)) {
          world_.end_at_arrival();
          break;
        }
        world_.end_after(points);
        world_.after(
            10min,
            [this] {
              if (world_.is_to_end()) world_.end_now("in between");
            },
            true);
        break;
      }
      case EventKind::stop:
        stop_daemon(random);
        break;
      case EventKind::restart:
        restart_quietly();
        break;
      case EventKind::wall_clock_moves: {
        Duration by = random.one_in(2) ? random.between(1s, 90s) : random.between(1min, 5h);
        if (random.one_in(2)) by = -by;
        trace_.line(world_.wall(), "the wall clock moves by " + std::to_string(by.count()));
        world_.move_wall_clock(by);
        referee_.wall_clock_moved(by);
        // Somebody looks before the daemon has seen it.
        if (random.one_in(2)) look();
        break;
      }
      case EventKind::reload: {
        shape_ = change_shape(shape_, random);
        if (settings_.stops && random.one_in(4)) vary_stops(shape_, random);
        if (engine_ != nullptr && !draining_) reload();
        break;
      }
      case EventKind::look:
        look();
        break;
      case EventKind::stops_turn:
        operators_.act_on_stops(random);
        break;
      case EventKind::mail_comes:
        writers_.write(random, engine_ == nullptr ? nullptr : &engine_->state());
        if (intake_ != nullptr && !draining_ && random.below(4) != 0) intake_->look();
        break;
      case EventKind::desk_acts:
        operators_.act_on_inquiries(random);
        break;
    }
  }

  void set_target(const ProbeId& probe, Target target) {
    target.since = world_.clock();
    world_.targets[probe] = target;
    trace_.line(world_.wall(), fmt::format("{} is {}", probe.text(), name_of(target.verdict)));
  }

  void turn_target(Random& random) {
    if (shape_.components.empty()) return;
    const Shape::Component& component = random.pick(shape_.components);
    const Shape::Probe& probe = random.pick(component.probes);
    const ProbeId id{component.id, probe.name};
    if (probe.job) return;
    switch (random.below(7)) {
      case 0:
      case 1:
      case 2:
        return set_target(id, {Verdict::failing, 0, false, {}});
      case 3:
        return set_target(id, {Verdict::unknown, 0, random.one_in(2), {}});
      case 4:
        return set_target(id, {Verdict::failing, random.from_to(10, 60), random.one_in(3), {}});
      case 5:
        return set_target(id, {Verdict::warning, random.from_to(0, 30), random.one_in(3), {}});
      default:
        return set_target(id, {Verdict::ok, 0, random.one_in(2), {}});
    }
  }

  void turn_disk(Random& random) {
    disk_.faults = {};
    disk_.full = false;
    slowest_write_ = 20ms;
    switch (random.below(7)) {
      case 0:
        disk_.full = true;
        break;
      case 1:
        disk_.faults.busy = 0.2;
        break;
      case 2:
        disk_.faults.write_error = 0.05;
        break;
      case 3:
        disk_.faults = {0.02, 0.01, 0.02, 0.1};
        break;
      case 4:
        slowest_write_ = random.between(1s, 1min);
        break;
      case 5:
        hang_until_ = world_.clock() + random.between(10s, 5h);
        break;
      default:
        break;
    }
    trace_.line(world_.wall(), "the disk turns");
  }

  void stop_daemon(Random& random) {
    if (engine_ == nullptr || draining_) return;
    trace_.line(world_.wall(), "stop");
    draining_ = true;
    const Duration down = random.between(1s, 10min);
    engine_->drain(20s, [this, down] {
      world_.after(
          10s, [this, down] { end_cleanly(down); }, true);
    });
    world_.after(Duration{0}, [] {});
  }

  // What is not written by then is lost, and nothing was done of it.
  void end_cleanly(Duration down) {
    draining_ = false;
    world_.clear_process();
    drop_process();
    disk_.crash(false);
    trace_.line(world_.wall(), "stopped");
    world_.after(down, [this] { start_daemon(); });
  }

  void restart_quietly() {
    if (engine_ == nullptr || draining_ || store_->queued() != 0 || world_.programs_running != 0 ||
        disk_.full || world_.is_to_end() || disk_.faults.read_error != 0 ||
        disk_.faults.busy != 0 || referee_.is_busy()) {
      return;
    }
    trace_.line(world_.wall(), "restart at once");
    world_.clear_process();
    drop_process();
    disk_.crash(false);
    if (restart_is_quiet()) referee_.expect_quiet_start();
    start_daemon();
  }
  // What a reload or a step of the clock has not reached the daemon yet, is news to it.
  bool restart_is_quiet() const {
    return running_version_ == shape_.version && !referee_.is_unsure();
  }

  void reload() {
    Problems problems;
    const int before = running_version_;
    running_version_ = shape_.version;
    writers_.use(shape_);
    trace_.line(world_.wall(), fmt::format("reload, from {} to {}", before, shape_.version));
    referee_.use(shape_, zone_);
    if (!engine_->reload("root", problems))
      trace_.violate("a valid configuration is taken", text(problems));
    operators_.use(engine_.get(), shape_, zone_);
    start_jobs();
  }

  void look() {
    if (engine_ == nullptr) return;
    engine_->now();
    for (const auto& [id, failure] : engine_->state().failures)
      why(engine_->platform(), engine_->state(), failure);
    referee_.look_at_targets();
    if (disk_.faults.read_error == 0 && disk_.faults.busy == 0) referee_.compare_with_record();
  }
  void look_again() {
    if (!draining_) referee_.look_at_deadlines();  // While it ends, nothing more is begun.
    world_.after(47s, [this] { look_again(); });
  }

  // ---- Jobs: each runs as its schedule has it ----

  void start_jobs() {
    running_version_ = shape_.version;
    const int turn = ++jobs_turn_;
    for (const Shape::Component& component : shape_.components) {
      for (const Shape::Probe& probe : component.probes) {
        if (probe.job) next_job({component.id, probe.name}, probe, turn);
      }
    }
  }
  void next_job(const ProbeId& id, const Shape::Probe& probe, int turn) {
    Duration wait = std::chrono::seconds(probe.every) - 1min;
    if (!probe.schedule.empty()) {
      auto at = Cron::parse(probe.schedule)
                    ->next(world_.wall(), zone_, [this, days = probe.business_days](Date date) {
                      return !days || shape_.is_business_day(date);
                    });
      if (!at) return;
      wait = *at - world_.wall();
    }
    world_.after(wait, [this, id, probe, turn] {
      if (turn != jobs_turn_) return;
      Random& random = world_.random();
      if (healing_ || !random.one_in(8)) {
        ping(id, JobPing::Event::start);
        const bool fails = !healing_ && random.one_in(6);
        world_.after(random.between(1s, 40min), [this, id, fails] {
          ping(id, fails ? JobPing::Event::fail : JobPing::Event::success);
        });
      }
      next_job(id, probe, turn);
    });
  }
  void ping(const ProbeId& id, JobPing::Event event) {
    if (engine_ == nullptr || draining_) return;
    JobPing ping;
    ping.event = event;
    engine_->job_ping(id, ping);
  }

  // ---- The end ----

  void heal() {
    trace_.line(world_.wall(), "everything heals");
    operators_.waits_for_stops = Random(settings_.seed, "heal").one_in(4);
    healing_ = true;
    world_.targets.clear();
    world_.relay = RelayMood::fine;
    disk_.faults = {};
    disk_.full = false;
    hang_until_ = Duration{0};
    slowest_write_ = 20ms;
    healed_at_ = world_.clock();
    heal_more();
  }

  void heal_more() {
    if (engine_ != nullptr && !draining_) {
      if (running_version_ != shape_.version) reload();
      if (operators_.put_right() && store_->queued() == 0 && writers_.spool_is_empty()) {
        if (++quiet_rounds_ > 2) at_rest_ = true;
      } else {
        quiet_rounds_ = 0;
      }
    }
    if (world_.clock() > healed_at_ + rest_at_most) {
      trace_.violate("everything comes to rest", operators_.what_is_left());
    }
    if (!at_rest_) world_.after(healing_round, [this] { heal_more(); });
  }

  Settings settings_;
  std::string folder_;
  Trace trace_;
  Random shape_random_, random_;
  VirtualWorld world_;
  Disk disk_;
  Referee referee_;
  Composer composer_;
  Operators operators_;
  Writers writers_;
  Shape shape_;
  Zone zone_;
  std::unique_ptr<SimulatedStore> store_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<InquiryIntake> intake_;
  bool draining_ = false, healing_ = false, at_rest_ = false, power_fails_ = false;
  Duration relay_back_at_{0};
  Duration down_for_{1s}, hang_until_{0}, slowest_write_{20ms}, healed_at_{0};
  int failed_starts_ = 0, not_written_ = 0;
  int running_version_ = 0, jobs_turn_ = 0, quiet_rounds_ = 0, steps_ = 0;
};

}  // namespace

Outcome run(const Settings& settings, const std::string& folder) {
  return Run(settings, folder).play();
}

}  // namespace yagura::sim
