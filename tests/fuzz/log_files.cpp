// Log files that come, go, are renamed, copied and truncated under a pattern: whatever happens
// between which calls, each line that was not taken away unread is given once. And places reached
// that are read back from the record, whose bytes nothing vouches for.
#include "security/log_files.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "../unit/probes/folder.hpp"
#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

namespace fs = std::filesystem;
using local::Folder;

// In memory where that can be: a run makes dozens of files.
fs::path place() {
  return fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
}

// Who writes, and who rotates: knows of each file the lines in it, and of each line how often it
// was given.
class Logs {
 public:
  void write(std::size_t number) {
    const std::string line = std::to_string(++last_);
    std::ofstream(at(number), std::ios::app) << line << '\n';
    in_[number].insert(line);
    given_[line] = 0;
  }
  void rename(std::size_t from, std::size_t to) {
    if (!in_.contains(from) || in_.contains(to)) return;
    fs::rename(at(from), at(to));
    in_[to] = std::move(in_[from]);
    in_.erase(from);
  }
  void copy_and_truncate(std::size_t from, std::size_t to) {
    if (!in_.contains(from) || in_.contains(to)) return;
    fs::copy_file(at(from), at(to));
    fs::resize_file(at(from), 0);
    in_[to] = std::exchange(in_[from], {});
  }
  void truncate(std::size_t number) {
    if (!in_.contains(number)) return;
    fs::resize_file(at(number), 0);
    take_away(number);
    in_[number].clear();
  }
  void remove(std::size_t number) {
    if (!in_.contains(number)) return;
    fs::remove(at(number));
    take_away(number);
    in_.erase(number);
  }
  // One call; true where another one has more.
  bool read(const TailLimits& limits) {
    auto read = read_log_files((folder_ / "*").string(), position_, limits);
    require(read.has_value() == !in_.empty(), "files that are there are read");
    if (!read) return false;
    const bool first = position_.empty();
    position_ = read->position;
    std::size_t lines = 0;
    for (const FilesRead::Part& part : read->parts) {
      lines += part.lines.size();
      for (const std::string& line : part.lines) {
        require(++given_[line] == 1 && line.size() <= last_line_size, "a line is given once");
      }
    }
    require(lines <= limits.lines + 1, "a call gives a bounded number of lines");
    // What was there before anybody looked is passed over.
    if (first) {
      for (const auto& [number, lines_in] : in_)
        take_away(number);
    }
    return read->unread > 0;
  }
  void end() const {
    for (const auto& [line, times] : given_) {
      require(times == 1 || taken_away_.contains(line), "no line is lost");
    }
  }

 private:
  static constexpr std::array<const char*, 4> names{"app.log", "app.log.1", "app.log-2", "b.log"};
  static constexpr std::size_t last_line_size = 15;

  fs::path at(std::size_t number) const { return folder_ / names[number]; }
  void take_away(std::size_t number) { taken_away_.insert(in_[number].begin(), in_[number].end()); }

  Folder folder_{place()};
  std::map<std::size_t, std::set<std::string>> in_;
  std::map<std::string, int> given_;
  std::set<std::string> taken_away_;
  std::string position_;
  int last_ = 0;
};

void rotate(std::string_view bytes) {
  Logs logs;
  const TailLimits little{64, 5, 16};
  for (const char byte : bytes.substr(0, 60)) {
    const auto value = static_cast<unsigned char>(byte);
    const std::size_t from = value & 3U, to = (value >> 2U) & 3U;
    switch (value >> 4U) {
      case 0:
        logs.rename(from, to);
        break;
      case 1:
        logs.copy_and_truncate(from, to);
        break;
      case 2:
        logs.truncate(from);
        break;
      case 3:
        logs.remove(from);
        break;
      case 4:
      case 5:
      case 6:
        logs.read(little);
        break;
      case 7:
        logs.read({});
        break;
      default:
        logs.write(from);
        break;
    }
  }
  logs.write(0);
  for (int calls = 0; logs.read(little); ++calls)
    require(calls < 1000, "reading comes to an end");
  logs.end();
}

void go_on_from(std::string_view bytes) {
  const Folder folder(place());
  const auto fields = fields_of(bytes, 3, '\0');
  std::string position = fields[0];
  std::ofstream(folder / "app.log") << fields[1];
  std::ofstream(folder / "b.log") << fields[2];
  const TailLimits limits{64, 5, 16};
  for (int calls = 0;; ++calls) {
    const auto read = read_log_files((folder / "*").string(), position, limits);
    require(read.has_value(), "files that are there are read");
    require_safe(read->note, 1000);
    std::size_t lines = 0;
    for (const FilesRead::Part& part : read->parts) {
      lines += part.lines.size();
      for (const std::string& line : part.lines)
        require(!line.empty() && line.size() <= limits.line, "a line is bounded");
    }
    require(lines <= limits.lines + 1, "a call gives a bounded number of lines");
    if (read->unread == 0) return;
    require(calls <= 4096, "reading comes to an end");
    position = read->position;
  }
}

void run(std::string_view bytes) {
  return take_choice(bytes, 4) == 0 ? go_on_from(bytes) : rotate(bytes);
}
const Target target("log_files", run);

}  // namespace
}  // namespace yagura::fuzz
