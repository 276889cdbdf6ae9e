#include "security/log_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "security/log_files.hpp"
#include "security/log_tail.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr std::size_t most_units = 32;

bool is_absolute(const std::string& path) {
  return path.starts_with('/') && !path.ends_with('/') && path.size() < 4096;
}

Result<LogReading> read_pattern(const std::string& pattern, const std::string& position) {
  auto read = read_log_files(pattern, position);
  if (!read) return tl::unexpected(read.error());
  LogReading reading;
  for (FilesRead::Part& part : read->parts) {
    for (std::string& line : part.lines)
      reading.lines.push_back({std::move(line), std::nullopt, reading.files.size()});
    reading.files.push_back(std::move(part.file));
  }
  reading.position = std::move(read->position);
  reading.unread = static_cast<std::uint64_t>(read->unread);
  reading.note = std::move(read->note);
  return reading;
}

}  // namespace

std::optional<LogSource> LogSource::read(Reader& reader, std::vector<std::string> identifiers) {
  LogSource source;
  const bool of_units = identifiers.empty();
  source.identifiers = std::move(identifiers);
  const bool has_file = reader.has("path"), has_journal = reader.has("journal");
  const Node* units = of_units ? reader.find("unit") : nullptr;
  const auto refuse = [&](std::string_view key, std::string message) {
    reader.problem(*reader.find(key), std::move(message));
    return std::nullopt;
  };
  if (has_file == has_journal) {
    reader.problem(has_file ? "`path` and `journal`: write one of them"
                            : "write `path: /var/log/…`, or `journal: true`");
    return std::nullopt;
  }
  if (has_file) {
    const auto path = reader.text("path");
    if (!path) return std::nullopt;
    if (!is_absolute(*path))
      return refuse("path", "`path` must be absolute, from / on, and name a file");
    if (units != nullptr)
      return refuse("unit", "`unit` chooses from the journal: write it with `journal: true`");
    if (!of_units && is_log_pattern(*path)) return refuse("path", "`path` must name one file");
    if (path->substr(0, path->rfind('/')).find_first_of("*?") != std::string::npos)
      return refuse("path",
                    "`path` may have * and ? in the name of the file only, not of a folder");
    source.file = *path;
    return source;
  }
  const auto journal = reader.text("journal");
  if (!journal) return std::nullopt;
  if (*journal != "true" && !is_absolute(*journal))
    return refuse("journal",
                  "`journal` must be true, for that of this machine, or a folder of journal files, "
                  "from / on");
  if (*journal != "true") source.journal = *journal;
  if (units == nullptr) return source;
  source.units = reader.texts("unit");
  if (source.units.empty() || source.units.size() > most_units)
    return refuse("unit", fmt::format("`unit` is one name, or a list of at most {}", most_units));
  for (std::string& unit : source.units) {
    if (unit.empty() || unit.size() > 255 || unit != one_line(unit))
      return refuse("unit", "`unit` must be the name of a unit, as sshd.service");
    if (unit.find('.') == std::string::npos) unit += ".service";
  }
  return source;
}

std::string LogSource::name() const {
  if (!file.empty()) return one_line(file, 150);
  return journal.empty() ? "the journal" : "the journal in " + one_line(journal, 130);
}

std::string LogSource::identity() const {
  return file.empty() ? "journal " + journal : "file " + file;
}

Result<LogReading> LogSource::read_from(const std::string& position, Duration limit) const {
  if (file.empty()) return read_journal(*this, position, limit);
  if (is_log_pattern(file)) return read_pattern(file, position);
  const auto from = TailPosition::parse(position);
  auto tail = read_tail(file, from);
  if (!tail) return tl::unexpected(tail.error());
  LogReading reading;
  reading.lines.reserve(tail->lines.size());
  for (std::string& line : tail->lines)
    reading.lines.push_back({std::move(line), std::nullopt});
  reading.position = tail->position.text();
  reading.unread = static_cast<std::uint64_t>(tail->unread);
  reading.note = std::move(tail->note);
  return reading;
}

}  // namespace yagura
