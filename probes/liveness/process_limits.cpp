#include "liveness/process_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace yagura {
namespace {

// Since its start, in milliseconds.
Duration age_of(std::uint64_t started_ticks, std::uint64_t now_ticks) {
  const std::uint64_t passed = now_ticks - std::min(now_ticks, started_ticks);
  return Duration{passed * 1000 / kernel_units().ticks_per_second};
}

std::string words(Duration age) {
  if (age >= 24h) return format_duration(std::chrono::floor<std::chrono::minutes>(age));
  return format_duration(std::chrono::floor<std::chrono::seconds>(age));
}

double seconds(Duration age) {
  return std::chrono::duration<double>(age).count();
}

// "< 5m" is about the one that began last, ">= 30d" about the one that began first.
bool is_of_the_youngest(const Threshold& levels) {
  return !(levels.failing() ? levels.failing() : levels.warning())->is_upward();
}

}  // namespace

std::optional<ProcessLimits> ProcessLimits::read(Reader& reader) {
  ProcessLimits limits;
  const Measure cpu{Quantity::percent, true, "time of one processor", ">= 150%", false};
  bool well = true;
  const auto read = [&](std::string_view key, std::vector<Measure> measures, Limit& limit) {
    well = read_levels(reader, key, std::move(measures), limit.levels) && well;
  };
  read("memory", {{Quantity::bytes, true, "resident memory", ">= 2 GiB"}}, limits.memory_);
  read("cpu", {cpu}, limits.cpu_);
  read("open_files", {{Quantity::number, true, "open files", ">= 900"}}, limits.open_files_);
  read("threads", {{Quantity::number, true, "threads", ">= 500"}}, limits.threads_);
  read("uptime",
       {{Quantity::duration, false, "time since the last start", "< 5m"},
        {Quantity::duration, true, "time since the first start", ">= 30d"}},
       limits.uptime_);
  if (!well) return std::nullopt;
  return limits;
}

void ProcessLimits::Limit::judge(Judgement& judgement, Measured measured, bool was_failing) {
  if (!levels) return;
  Judgement own = levels->judge({std::move(measured)}, cause.may_hold(was_failing));
  cause.judged(own.verdict);
  judgement = both(std::move(judgement), std::move(own));
}

Judgement ProcessLimits::judge(Judgement judgement, const ProcessesUse& use,
                               std::optional<double> percent, bool was_failing,
                               MeasuredValues& values) {
  if (!use.first_started) return judgement;  // None runs: there is nothing to measure.
  const auto unknown = [&](const Limit& limit, std::string_view why) {
    if (limit.levels) judgement = both(std::move(judgement), {Verdict::unknown, std::string(why)});
  };
  values["memory_bytes"] = use.memory_bytes;
  memory_.judge(judgement,
                {Quantity::bytes, use.memory_bytes, "memory " + format_size(use.memory_bytes)},
                was_failing);

  if (percent) {
    values["cpu_percent"] = *percent;
    cpu_.judge(judgement,
               {Quantity::percent, *percent, format_percent(*percent) + " of one processor"},
               was_failing);
  } else {
    unknown(cpu_, use.too_many ? "too many processes to add up their processor time"
                               : "the processor time is not known");
  }

  if (use.files_hidden) {
    unknown(open_files_,
            "open files of another user's process are not shown (CAP_SYS_PTRACE is needed)");
  } else if (open_files_.levels) {
    const auto files = static_cast<double>(use.open_files);
    values["open_files"] = files;
    open_files_.judge(judgement,
                      {Quantity::number, files, fmt::format("{} open files", use.open_files)},
                      was_failing);
  }

  const auto threads = static_cast<double>(use.threads);
  values["threads"] = threads;
  threads_.judge(judgement, {Quantity::number, threads, fmt::format("{} threads", use.threads)},
                 was_failing);

  const Duration youngest = age_of(*use.last_started, use.now_ticks);
  const Duration oldest = age_of(*use.first_started, use.now_ticks);
  values["youngest_seconds"] = seconds(youngest);
  values["oldest_seconds"] = seconds(oldest);
  if (!uptime_.levels) return judgement;
  const bool of_youngest = is_of_the_youngest(*uptime_.levels);
  const Duration age = of_youngest ? youngest : oldest;
  uptime_.judge(
      judgement,
      {Quantity::duration, static_cast<double>(age.count()),
       fmt::format("{} began {} ago", of_youngest ? "the last" : "the first", words(age))},
      was_failing);
  return judgement;
}

}  // namespace yagura
