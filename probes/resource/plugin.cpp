// kind: plugin - a program that follows the Monitoring Plugins (Nagios) guidelines.
//
//   run: [/usr/lib/nagios/plugins/check_disk, -w, 10%, -c, 5%, -p, /]
//                          The program with its full path, then its arguments. No shell reads them.
//                          Required.
//   on_timeout: unknown    What a program is that does not end within `timeout`: `unknown` or
//                          `failing`. Default: unknown, as nothing was found out. It is always
//                          unknown where the program had to wait long for its turn.
//   remote: true           Whether it asks over the network, so that its result says nothing of
//                          the target while this machine is cut off (`self_check`). Default:
//                          true.
//
// Exit status 0 is ok, 1 a warning, 2 failing (critical), 3 unknown. Any other status, a signal,
// and a program that cannot be started are unknown as well. The reason is the first line that it
// writes, up to the `|`, with the first value that is beyond its own range; where it writes
// nothing, what it wrote to its standard error. Performance data give the values: a name of a-z,
// 0-9 and `_` with the unit at its end, time in seconds and sizes in bytes; the first 64. Values:
// what the plugin measures.
//
// The family is `resource`: a plugin may look at anything, and a failing one degrades its
// component; where critical means that the component does not work, write `impact: down`.
//
// The program runs as `response_user` where there is one, in a group of its own, with nothing in
// its environment but PATH and LC_ALL=C (and HOME, USER and LOGNAME of that user), and nothing on
// its input. Of what it writes 64 KiB are kept, the rest is read and dropped. At the timeout its
// group gets SIGTERM, and SIGKILL two seconds later; what is left of the group when the program
// ends is killed too. At most 32 such programs run at once; the others wait, at most for half of
// their timeout, which that takes time from.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "io/child.hpp"
#include "io/places.hpp"
#include "io/runtime.hpp"
#include "kinds.hpp"
#include "resource/aside_call.hpp"
#include "resource/local_probe.hpp"
#include "resource/plugin_output.hpp"

namespace yagura {
namespace {

using Steady = std::chrono::steady_clock;
using How = io::ChildResult::How;

constexpr std::size_t most_output = 64 * 1024;
constexpr std::size_t most_words = 256;
constexpr std::string_view its_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// "; load1 5.2, critical above 4": the first value that its own range holds against.
std::string beyond(const PluginOutput& output, Verdict verdict) {
  for (const PluginValue& value : output.values) {
    const auto& range = verdict == Verdict::failing ? value.critical : value.warning;
    if (!range || !range->alerts(value.value)) continue;
    return fmt::format("; {} {}{}, {} {}", value.label, value.value, value.unit,
                       verdict == Verdict::failing ? "critical" : "warning", range->words());
  }
  return {};
}

// What it says, in a line; empty where it says nothing.
std::string words_of(const PluginOutput& output, const io::ChildResult& result) {
  if (!output.text.empty()) return output.text;
  const std::string& more = output.long_text.empty() ? result.errors : output.long_text;
  return one_line(std::string_view(more).substr(0, more.find('\n')));
}

Finding judged(const io::ChildResult& result) {
  const PluginOutput output =
      parse_plugin_output(result.output, result.output.size() >= most_output);
  const std::string said = words_of(output, result);
  Finding finding{Verdict::unknown, {}, named_values(output.values)};
  const auto because = [&](const std::string& why) {
    finding.reason = one_line(said.empty() ? why : why + ": " + said);
    return finding;
  };
  if (result.how != How::exited) return because("the plugin " + result.reason);
  switch (result.status) {
    case 0:
      finding.verdict = Verdict::ok;
      break;
    case 1:
      finding.verdict = Verdict::warning;
      break;
    case 2:
      finding.verdict = Verdict::failing;
      break;
    case 3:
      break;
    default:
      return because(
          fmt::format("the plugin ended with status {}, which plugins do not have", result.status));
  }
  if (said.empty())
    return because(fmt::format("the plugin ended with status {} and said nothing", result.status));
  finding.reason = said;
  if (finding.verdict == Verdict::warning || finding.verdict == Verdict::failing)
    finding.reason += beyond(output, finding.verdict);
  finding.reason = one_line(finding.reason);
  return finding;
}

class PluginProbe final : public Probe {
 public:
  PluginProbe(std::vector<std::string> argv, Verdict on_timeout)
      : state_(std::make_shared<State>()) {
    state_->argv = std::move(argv);
    state_->on_timeout = on_timeout;
  }
  // What waits on the loop finds nobody; a program that runs is killed.
  ~PluginProbe() override { state_->rest(); }

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    state_->start(runtime, run, std::move(done));
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    std::vector<std::string> argv;
    Verdict on_timeout = Verdict::unknown;
    AsideCall starting;  // over all runs: a start that hangs keeps its one thread

    // Of a run.
    io::Runtime* runtime = nullptr;
    io::ChildCommand command;
    Duration timeout{};
    Steady::time_point begun;
    Duration waited{};
    std::unique_ptr<boost::asio::steady_timer> patience;
    std::unique_ptr<io::Places::Place> place;
    std::unique_ptr<io::Child> child;
    std::function<void(Finding)> done;

    void start(io::Runtime& on, const ProbeRun& run, std::function<void(Finding)> then) {
      runtime = &on;
      done = std::move(then);
      timeout = run.timeout;
      begun = Steady::now();
      command = command_of(run.programs_as);
      patience = std::make_unique<boost::asio::steady_timer>(on.loop());
      patience->expires_after(timeout / 2);
      patience->async_wait([weak = weak_from_this()](boost::system::error_code error) {
        auto self = weak.lock();
        if (error || !self || !self->patience) return;
        self->finish(could_not_look(fmt::format(
            "no room to run the plugin within {}: {} programs of probes run already",
            format_duration(self->timeout / 2), self->runtime->program_places().count())));
      });
      place = on.program_places().ask([weak = weak_from_this()] {
        if (auto self = weak.lock()) self->begin();
      });
    }

    io::ChildCommand command_of(const io::RunAs* as) const {
      io::ChildCommand made;
      made.argv = argv;
      made.own_environment_only = true;
      made.extra_environment = {{"PATH", std::string(its_path)}, {"LC_ALL", "C"}};
      made.errors_apart = true;
      made.output_limit = most_output;
      made.keep = io::ChildCommand::Keep::beginning;
      made.group_may_outlive = false;
      if (as == nullptr) return made;
      made.as = *as;
      made.extra_environment.insert(
          {{"HOME", as->home}, {"USER", as->user}, {"LOGNAME", as->user}});
      return made;
    }

    Duration left() const {
      const auto passed = std::chrono::duration_cast<Duration>(Steady::now() - begun);
      return std::max(timeout - passed, Duration{1});
    }

    // Off the loop: a program on a dead mount holds up who starts it.
    void begin() {
      patience.reset();
      waited = timeout - left();
      using Started = std::optional<Result<io::Spawned>>;
      auto started = std::make_shared<Started>();
      auto work = [started, program = command] {
        try {
          started->emplace(io::spawn(program));
        } catch (const std::exception& error) {
          started->emplace(failure_of(error.what()));
        }
      };
      starting.start(*runtime, left(), "starting " + one_line(argv.front(), 200), std::move(work),
                     [weak = weak_from_this(), started](const std::string& no_answer) {
                       auto self = weak.lock();
                       if (!self) return;
                       if (!no_answer.empty()) return self->finish(could_not_look(no_answer));
                       if (!started->value())
                         return self->finish(could_not_look(started->value().error().message));
                       self->watch(std::move(started->value().value()));
                     });
    }

    void watch(io::Spawned spawned) {
      command.timeout = left();
      auto ended = [weak = weak_from_this()](io::ChildResult result) {
        auto self = weak.lock();
        if (!self) return;
        // The program may not be destroyed within its own callback.
        boost::asio::post(self->runtime->loop(), [weak, result = std::move(result)] {
          if (auto still = weak.lock(); still && still->child) still->finish(still->found(result));
        });
      };
      child = std::make_unique<io::Child>(runtime->loop(), command, std::move(spawned),
                                          std::move(ended));
    }

    Finding found(io::ChildResult result) const {
      if (result.how != How::timed_out) return judged(result);
      result.reason = fmt::format("ran longer than {} and was killed", format_duration(timeout));
      const bool had_its_time = waited <= timeout / 10;
      if (!had_its_time)
        result.reason += fmt::format(", after {} without room to run", format_duration(waited));
      Finding finding = judged(result);
      if (had_its_time) finding.verdict = on_timeout;
      return finding;
    }

    void finish(Finding finding) {
      auto tell = std::exchange(done, nullptr);
      rest();
      if (tell) tell(std::move(finding));
    }

    void rest() {
      done = nullptr;
      patience.reset();
      child.reset();
      place.reset();
    }
  };

  std::shared_ptr<State> state_;
};

// Nothing where a problem was reported.
std::vector<std::string> read_program(Reader& reader) {
  const Node* node = reader.required("run");
  if (node == nullptr) return {};
  const auto refuse = [&](const Node& at, std::string message) {
    reader.problem(at, std::move(message));
    return std::vector<std::string>{};
  };
  if (!node->is_list() || node->items.empty()) {
    return refuse(*node,
                  "`run` must be a list, as no shell reads it: the program with its full path, "
                  "then each argument, such as [/usr/lib/nagios/plugins/check_load, -w, \"4\"]");
  }
  if (node->items.size() > most_words)
    return refuse(*node, fmt::format("`run` has more than {} words", most_words));
  std::vector<std::string> words;
  for (const Node& item : node->items) {
    if (!item.is_scalar()) return refuse(item, "each item of `run` must be a text");
    words.push_back(item.scalar);
  }
  if (!words.front().starts_with('/')) {
    return refuse(node->items.front(),
                  "`run` begins with the full path of a program, such as "
                  "/usr/lib/nagios/plugins/check_load");
  }
  return words;
}

}  // namespace

std::unique_ptr<Probe> make_plugin(Reader& reader) {
  auto argv = read_program(reader);
  (void)reader.boolean_or("remote", true);  // For who reads the common keys.
  const std::string on_timeout = reader.text_or("on_timeout", "unknown");
  if (on_timeout != "unknown" && on_timeout != "failing") {
    reader.problem(*reader.find("on_timeout"), "`on_timeout` must be unknown or failing");
    return nullptr;
  }
  if (argv.empty()) return nullptr;
  return std::make_unique<PluginProbe>(
      std::move(argv), on_timeout == "failing" ? Verdict::failing : Verdict::unknown);
}

}  // namespace yagura
