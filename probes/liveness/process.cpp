// kind: process - processes of this machine, by /proc.
//
// One of
//   program: puma        The name of the program, whole: as the kernel has it (which keeps 15 bytes
//                        of it), or the file name of the first argument. Default, where none of the
//                        three is written: the probe's `name`.
//   match: 'puma .*web'  A regular expression (RE2) that occurs in the command line: its arguments
//                        with a space between, the first 64 KiB. Kernel threads have none. Never
//                        matches the daemon itself.
//   pid_file: /run/x.pid A file, absolute, with the number of the process on its first line. The
//                        probe fails where the file does not exist or holds no number, where the
//                        process does not run, and where it is another one that got the same
//                        number later: it began more than a minute after the file was written.
// and
//   at_least: 2          Fewer processes fail. Default: 1. Not with pid_file.
//   at_most: 4           More processes fail. Default: no limit. Not with pid_file. None may run:
//                        `at_least: 0` and `at_most: 0`.
//   user: deploy         Counts only processes of this (effective) user, a name or a number.
//                        Default: anybody's.
// What they use may be limited, by levels (`failing`, `warning`, `clear_at`) under
//   memory:              Resident memory of all of them together: `{failing: ">= 2 GiB"}`. What
//   they
//                        share counts for each.
//   cpu:                 Percent of one processor, all of them together, since the probe's previous
//                        run: `{warning: ">= 150%"}`. The first run measures for one second, or for
//                        half of the timeout where that is shorter.
//   open_files:          Descriptors, of all of them together: `{failing: ">= 900"}`. Of another
//                        user's process only whoever has CAP_SYS_PTRACE sees them; else the run is
//                        unknown.
//   threads:             Of all of them together: `{failing: ">= 500"}`.
//   uptime:              `{warning: "< 10m"}` on the one that began last: it was restarted.
//                        `{warning: ">= 30d"}` on the one that began first.
// None is limited by default, and of none that runs nothing is judged.
//
// Zombies do not count. Where /proc does not show everybody's processes (hidepid, or ProtectProc=
// in the unit), and what is seen decides nothing, the run is unknown.
// Values: count, memory_bytes, cpu_percent, open_files (where limited), threads, youngest_seconds,
// oldest_seconds (since their start).
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>
#include <thread>
#include <vector>

#include "kinds.hpp"
#include "liveness/process_limits.hpp"
#include "liveness/process_search.hpp"
#include "resource/local_probe.hpp"

namespace yagura {
namespace {

constexpr std::int64_t most_asked = 100'000;
constexpr std::int64_t regex_memory = 8 * 1024 * 1024;

struct Bounds {
  std::int64_t at_least = 1;
  std::optional<std::int64_t> at_most;
};

constexpr Duration shortest_span = 1s;

// What was found now, and what the processor time is counted from.
struct Answer {
  std::optional<ProcessesUse> before;
  ProcessesFound found;
};

class ProcessProbe final : public LocalProbe<Answer> {
 public:
  ProcessProbe(ProcessQuery query, std::string asked, Bounds bounds, ProcessLimits limits)
      : LocalProbe("a look at /proc"),
        query_(std::move(query)),
        asked_(std::move(asked)),
        bounds_(bounds),
        limits_(std::move(limits)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun& run) override {
    const Duration span = std::min(shortest_span, run.timeout / 2);
    return [query = query_, previous = previous_, wait = limits_.want_processor_time(),
            span]() -> Result<Answer> {
      auto found = find_processes("/proc", query);
      if (!found) return tl::unexpected<Error>(found.error());
      if (!wait || found->count == 0 || (previous && found->use.at - previous->at >= span))
        return Answer{previous, std::move(*found)};
      std::this_thread::sleep_for(span);
      auto later = find_processes("/proc", query);
      if (!later) return tl::unexpected<Error>(later.error());
      return Answer{std::move(found->use), std::move(*later)};
    };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    const ProcessesFound& found = answer.found;
    Finding finding;
    finding.values = {{"count", static_cast<double>(found.count)}};
    std::optional<double> percent;
    if (answer.before) percent = processor_percent(*answer.before, found.use, kernel_units());
    previous_ = found.use;
    const Verdict verdict = verdict_of(found);
    Judgement judgement = limits_.judge(
        {verdict, verdict == Verdict::unknown ? words_of_hidden(found) : words_of(found)},
        found.use, percent, run.was_failing, finding.values);
    finding.verdict = judgement.verdict;
    finding.reason = one_line(judgement.reason);
    return finding;
  }

 private:
  Verdict verdict_of(const ProcessesFound& found) const {
    if (bounds_.at_most && found.count > *bounds_.at_most) return Verdict::failing;
    // There may be more than is seen: that is not too few, and not few enough.
    bool enough = found.count >= bounds_.at_least;
    if (found.hidden && (!enough || bounds_.at_most)) return Verdict::unknown;
    return enough ? Verdict::ok : Verdict::failing;
  }

  std::string words_of(const ProcessesFound& found) const {
    if (!query_.pid_file.empty()) {
      return found.count > 0 ? fmt::format("the process of {} runs", query_.pid_file)
                             : found.lacking;
    }
    std::string words;
    if (bounds_.at_least > 0) {
      words = fmt::format("{} of at least {} {}", found.count, bounds_.at_least,
                          bounds_.at_least == 1 ? "process runs" : "processes run");
    } else {
      words =
          fmt::format("{} {}", found.count, found.count == 1 ? "process runs" : "processes run");
    }
    if (bounds_.at_most) words += fmt::format(", at most {}", *bounds_.at_most);
    return fmt::format("{} ({})", words, asked_);
  }

  std::string words_of_hidden(const ProcessesFound& found) const {
    return fmt::format(
        "/proc does not show everybody's processes (hidepid, or ProtectProc= in the unit): {}",
        words_of(found));
  }

  ProcessQuery query_;
  std::string asked_;  // "match: puma", and whose
  Bounds bounds_;
  ProcessLimits limits_;
  std::optional<ProcessesUse> previous_;
};

// How a match is read: without printing to standard error, and within a bound of memory.
std::shared_ptr<const re2::RE2> read_match(Reader& reader, const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(regex_memory);
  auto match = std::make_shared<const re2::RE2>(text, options);
  if (match->ok() && !text.empty()) return match;
  reader.problem(*reader.find("match"),
                 text.empty() ? "`match` is empty, and would count every process"
                              : fmt::format("`match` is no regular expression (RE2): {}",
                                            one_line(match->error(), 200)));
  return nullptr;
}

// The one key that says what is looked for; empty where a problem was reported.
std::string_view target_key(Reader& reader) {
  static constexpr std::array<std::string_view, 3> keys{"program", "match", "pid_file"};
  std::vector<std::string_view> written;
  for (std::string_view key : keys) {
    if (reader.has(key)) written.push_back(key);
  }
  if (written.size() == 1) return written.front();
  if (written.empty() && reader.has("name")) return "name";
  reader.problem(
      fmt::format("{} needs {} `program` (its name), `match` (a regular expression on its "
                  "command line) or `pid_file`",
                  reader.what(), written.empty() ? "one of" : "only one of"));
  return {};
}

// What is looked for, and the same in words for reasons; nothing where a problem was reported.
std::optional<std::string> read_target(Reader& reader, ProcessQuery& query) {
  const auto refuse = [&](std::string_view key, std::string message) {
    reader.problem(*reader.find(key), std::move(message));
    return std::nullopt;
  };
  std::string_view key = target_key(reader);
  auto text = key.empty() ? std::nullopt : reader.text(key);
  if (!text) return std::nullopt;
  if (key == "match") {
    query.match = read_match(reader, *text);
    if (!query.match) return std::nullopt;
    return "match: " + *text;
  }
  if (key == "pid_file") {
    if (!text->starts_with('/'))
      return refuse(key, "`pid_file` must be absolute: write it from / on");
    query.pid_file = *text;
    return "pid_file: " + *text;
  }
  if (text->empty() || text->find('/') != text->npos) {
    return refuse(key, fmt::format("`{}` must be the name of a program, without its folder", key));
  }
  query.program = *text;
  return "program: " + *text;
}

// Nothing where a problem was reported.
std::optional<Bounds> read_bounds(Reader& reader, bool of_pid_file) {
  Bounds bounds;
  bool well = true;
  for (std::string_view key : {"at_least", "at_most"}) {
    if (!reader.has(key)) continue;
    if (of_pid_file) {
      reader.problem(*reader.find(key),
                     fmt::format("`{}`: a pid file names one process; leave it out", key));
    }
    auto count = reader.integer(key, 0, most_asked);
    well = well && count && !of_pid_file;
    if (count && key == "at_least") bounds.at_least = *count;
    if (count && key == "at_most") bounds.at_most = *count;
  }
  if (!well) return std::nullopt;
  if (bounds.at_least == 0 && !bounds.at_most) {
    reader.problem(*reader.find("at_least"),
                   "`at_least` is 0 and there is no `at_most`: nothing would be watched");
    return std::nullopt;
  }
  if (bounds.at_most && *bounds.at_most < bounds.at_least) {
    reader.problem(
        *reader.find("at_most"),
        fmt::format(
            "`at_most` is below `at_least` ({}{})", bounds.at_least,
            reader.has("at_least") ? "" : ", the default; for none to run write 0 for both"));
    return std::nullopt;
  }
  return bounds;
}

}  // namespace

std::unique_ptr<Probe> make_process(Reader& reader) {
  ProcessQuery query;
  auto asked = read_target(reader, query);
  auto bounds = read_bounds(reader, reader.has("pid_file"));
  auto limits = ProcessLimits::read(reader);
  auto user = reader.text("user");
  bool well = user || !reader.has("user");
  if (user && user->empty()) {
    reader.problem(*reader.find("user"), "`user` is empty: write a name, or leave it out");
    well = false;
  }
  if (!asked || !bounds || !limits || !well) return nullptr;
  query.open_files = limits->want_open_files();
  if (user) {
    query.user = *user;
    *asked += fmt::format(", user: {}", *user);
  }
  return std::make_unique<ProcessProbe>(std::move(query), std::move(*asked), *bounds,
                                        std::move(*limits));
}

}  // namespace yagura
