// yagura-sim: the daemon less sockets, in virtual time, with faults from a seed, judged after every
// step.
//
//   yagura-sim [--seed N] [--seeds COUNT] [--days D] [--shrink] [--trace]
//   yagura-sim --list FILE      the seeds of the file, one a line with its own options, and what it
//                               is for
//   --budget FEW,MANY           that many seeds; with YAGURA_LONG, the second
//   --no-disk, --no-relay, …    without these faults; --only N,…: of the events, these alone;
//   --size: of the platform; --on: goes on after a violation, a line for each
//
// Exit status: 0 all invariants held; 1 one did not, and what was printed runs it again; 2 wrong
// usage.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "run.hpp"
#include "shrink.hpp"

using namespace yagura;
using namespace yagura::sim;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "yagura-sim.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("cannot make a folder in " + pattern);
    path = pattern;
    // The record's writer looks whether the file is still in its place; its content is in memory.
    std::ofstream(path + "/yagura.db");
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

struct Table {
  int seeds = 0;
  double days = 0;
  Counts counts;
  void add(const Outcome& outcome) {
    ++seeds;
    days += static_cast<double>(outcome.length.count()) / 86'400'000.0;
    counts.lost_replies += outcome.counts.lost_replies;
    counts.cut_off += outcome.counts.cut_off;
    counts.crashes += outcome.counts.crashes;
    counts.starts += outcome.counts.starts;
    counts.failures += outcome.counts.failures;
    counts.decided += outcome.counts.decided;
    counts.delivered += outcome.counts.delivered;
    counts.bank_mails += outcome.counts.bank_mails;
    counts.duplicated += outcome.counts.duplicated;
    counts.lost += outcome.counts.lost;
    counts.spooled += outcome.counts.spooled;
    counts.inquiries += outcome.counts.inquiries;
  }
  // A line for the table that the long run of all tests prints at its end.
  void append_to(const char* file) const {
    if (file == nullptr || *file == '\0') return;
    std::ofstream(file, std::ios::app) << fmt::format(
        "TABLE simulation seeds={} years={:.1f} crashes={} starts={} failures={} decided={} "
        "delivered={} banks={} unknown={} duplicated={} lost={}\n",
        seeds, days / 365.25, counts.crashes, counts.starts, counts.failures, counts.decided,
        counts.delivered, counts.bank_mails, counts.lost_replies + counts.cut_off,
        counts.duplicated, counts.lost);
  }
  void print() const {
    auto row = [](const char* what, const std::string& value) {
      fmt::print("{:<40}{:>12}\n", what, value);
    };
    row("seeds run", std::to_string(seeds));
    row("simulated years", fmt::format("{:.1f}", days / 365.25));
    row("crashes", std::to_string(counts.crashes));
    row("starts of the daemon", std::to_string(counts.starts));
    row("failures", std::to_string(counts.failures));
    row("notices decided", std::to_string(counts.decided));
    row("deliveries, one for each recipient", std::to_string(counts.delivered));
    row("mails to banks", std::to_string(counts.bank_mails));
    row("mails to the inquiry desk", std::to_string(counts.spooled));
    row("inquiries", std::to_string(counts.inquiries));
    row("replies lost", std::to_string(counts.lost_replies));
    row("attempts cut off by an end", std::to_string(counts.cut_off));
    row("mails duplicated", std::to_string(counts.duplicated));
    row("notices lost", std::to_string(counts.lost));
  }
};

void report(const Settings& settings, const Outcome& outcome) {
  fmt::print("\nseed {} violates, at step {}: {}\n  {}\n  again: yagura-sim {}\n", settings.seed,
             outcome.steps, outcome.violation.invariant, outcome.violation.details,
             options_of(settings));
  for (const std::string& line : outcome.last)
    fmt::print("  | {}\n", line);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs the daemon in virtual time, with faults from a seed."};
  Settings settings;
  int seeds = 1;
  bool shrinks = false;
  std::vector<int> only;
  std::string list;
  app.add_option("--seed", settings.seed, "the first seed");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--days", settings.days, "of trouble")->check(CLI::Range(1, 60));
  app.add_option("--size", settings.size, "of the platform")->check(CLI::Range(0, 3));
  app.add_flag("--shrink", shrinks, "cut a failing run down");
  app.add_flag("--trace", settings.prints, "print what happens");
  app.add_option("--only", only, "these events alone")->delimiter(',');
  app.add_option("--list", list, "run the seeds of this file");
  bool goes_on = false;
  app.add_flag("--on", goes_on, "go on with the next seed after a violation");
  std::vector<int> budget;
  app.add_option("--budget", budget,
                 "as many seeds as the tests have time for: FEW,MANY, with YAGURA_LONG the second")
      ->delimiter(',')
      ->expected(2);
  bool off[8]{};
  const char* names[] = {"--no-disk",    "--no-relay",  "--no-crashes", "--no-time",
                         "--no-reloads", "--no-people", "--no-stops", "--no-inquiries"};
  for (std::size_t i = 0; i < std::size(off); ++i)
    app.add_flag(names[i], off[i], "none of these faults");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto leave_out = [](Settings& from, std::size_t what) {
    bool* const parts[] = {&from.disk,    &from.relay,  &from.crashes, &from.time,
                           &from.reloads, &from.people, &from.stops, &from.inquiries};
    *parts[what] = false;
  };
  for (std::size_t i = 0; i < std::size(off); ++i) {
    if (off[i]) leave_out(settings, i);
  }
  settings.only = {only.begin(), only.end()};
  const char* long_wanted = std::getenv("YAGURA_LONG");
  const bool is_long = long_wanted != nullptr && *long_wanted != '\0';
  if (!budget.empty()) {
    seeds = budget[is_long ? 1 : 0];
    if (is_long) settings.days = 2;
  }
  spdlog::set_level(spdlog::level::off);

  std::vector<Settings> runs;
  if (!list.empty()) {
    std::ifstream file(list);
    if (!file) return std::cerr << "cannot read " << list << "\n", 2;
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      Settings one = settings;
      one.seed = std::strtoull(line.c_str(), nullptr, 10);
      for (std::size_t i = 0; i < std::size(off); ++i) {
        if (line.find(fmt::format(" {} ", names[i])) != std::string::npos) leave_out(one, i);
      }
      if (const std::size_t days = line.find(" --days "); days != std::string::npos)
        one.days = std::atoi(line.c_str() + days + 8);
      if (const std::size_t size = line.find(" --size "); size != std::string::npos)
        one.size = std::atoi(line.c_str() + size + 8);
      runs.push_back(one);
    }
  }
  for (int i = 0; list.empty() && i < seeds; ++i) {
    Settings one = settings;
    one.seed = settings.seed + static_cast<std::uint64_t>(i);
    runs.push_back(one);
  }

  Folder folder;
  Table table;
  int number = 0, violated = 0;
  for (const Settings& one : runs) {
    fmt::print("seed {}{}", one.seed, runs.size() == 1 ? "\n" : "\r");
    std::fflush(stdout);
    const Outcome outcome = run(one, folder.path);
    table.add(outcome);
    if (outcome.violated && goes_on) {
      fmt::print("seed {} violates: {}: {}\n", one.seed, outcome.violation.invariant,
                 outcome.violation.details);
      std::fflush(stdout);
      ++violated;
      continue;
    }
    if (outcome.violated) {
      report(one, outcome);
      if (shrinks) {
        const Settings smaller = shrink(one, outcome, folder.path);
        const Outcome again = run(smaller, folder.path);
        fmt::print("\nsmaller, of {} events instead of {}:\n", again.events, outcome.events);
        report(smaller, again);
        fmt::print("\n{}", again.configuration);
      }
      table.print();
      return 1;
    }
    if (runs.size() == 1) fmt::print("trace {:016x}, {} steps\n", outcome.hash, outcome.steps);
    // The same seed, the same bytes.
    if (number++ % 20 != 0) continue;
    Settings quiet = one;
    quiet.prints = false;
    if (const Outcome again = run(quiet, folder.path); again.hash != outcome.hash) {
      fmt::print("\nseed {} gives another trace the second time: {:016x}, {:016x}\n", one.seed,
                 outcome.hash, again.hash);
      return 1;
    }
  }
  table.print();
  if (is_long) table.append_to(std::getenv("YAGURA_TABLE"));
  return violated == 0 ? 0 : 1;
}
