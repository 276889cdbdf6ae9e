// kind: files - the files that all processes of this machine have open, by /proc/sys/fs/file-nr.
//
//   failing: ">= 90%"    Level at which the probe fails: on the open files in percent of the
//                        kernel's limit (fs.file-max), or on their number: 200000 or ">= 200000".
//                        The default.
//   warning: ">= 75%"    Level that is shown, and opens nothing. The default, unless failing is a
//                        number.
//   clear_at: "< 60%"    Once failing, well again only here. Default: where failing does not hold.
//
// A level is a comparison (>=, >, <=, <) and a value; `none` takes a default away.
// Values: used_percent, open_files, limit_files.
// systemd takes the limit away at the start of the machine, as Debian 12 has it: then the
// percentage is 0, and a number is what says something. In a container the numbers are those of the
// whole machine. What one process may open is limited apart (ulimit -n).
#include "resource/files.hpp"

#include <fmt/format.h>

#include <array>

#include "kinds.hpp"
#include "resource/kernel_text.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_bytes = 4096;  // Of one line.
// More than any memory can hold descriptors for.
constexpr std::uint64_t no_limit = std::uint64_t{1} << 50;

class FilesProbe final : public LocalProbe<OpenFiles> {
 public:
  explicit FilesProbe(Threshold threshold)
      : LocalProbe("reading /proc/sys/fs/file-nr"), threshold_(std::move(threshold)) {}

 protected:
  std::function<Result<OpenFiles>()> question(const ProbeRun&) override {
    return
        [] { return read_whole_file("/proc/sys/fs/file-nr", most_bytes).and_then(parse_file_nr); };
  }

  Finding judge(const OpenFiles& files, const ProbeRun& run) override {
    double open = static_cast<double>(files.open);
    double percent = files.limit ? 100 * open / static_cast<double>(*files.limit) : 0;
    Judgement judgement = threshold_.judge(
        {{Quantity::percent, percent,
          files.limit ? fmt::format("{} of the limit of {}", format_percent(percent), *files.limit)
                      : "no limit"},
         {Quantity::number, open, fmt::format("{} open files", files.open)}},
        run.was_failing);
    Finding finding{judgement.verdict, judgement.reason, {{"used_percent", percent}}};
    finding.values["open_files"] = open;
    if (files.limit) finding.values["limit_files"] = static_cast<double>(*files.limit);
    return finding;
  }

 private:
  Threshold threshold_;
};

}  // namespace

Result<OpenFiles> parse_file_nr(std::string_view text) {
  std::string_view line = take_line(text).value_or("");
  std::array<std::optional<std::uint64_t>, 3> numbers;
  for (auto& number : numbers)
    number = whole_number(take_word(line));
  // Given out, given out and free (0 since Linux 2.6), limit.
  auto [given, unused, limit] = numbers;
  if (!given || !unused || !limit || *unused > *given || *limit == 0) {
    return failure_of("/proc/sys/fs/file-nr does not say three numbers");
  }
  OpenFiles files;
  files.open = *given - *unused;
  if (*limit < no_limit) files.limit = *limit;
  return files;
}

std::unique_ptr<Probe> make_files(Reader& reader) {
  auto threshold = Threshold::read(reader,
                                   {{Quantity::percent, true, "open files", ">= 90%"},
                                    {Quantity::number, true, "their number", ">= 200000"}},
                                   ">= 90%", ">= 75%");
  if (!threshold) return nullptr;
  return std::make_unique<FilesProbe>(std::move(*threshold));
}

}  // namespace yagura
