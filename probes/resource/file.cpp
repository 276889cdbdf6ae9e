// kind: file - a file or folder of this machine: whether it is there, its age, size and content.
//
//   path: /backup/*/dump.gz  Absolute. With *, ? or [...] in it the newest of the files that match.
//                            What begins with a point matches only a point. Required.
//   exists: true             Whether it has to be there: `false` for what must not be. Default:
//   true. age:                     Levels on the time since it was last written, such as
//     failing: ">= 26h"      `{warning: ">= 25h", failing: ">= 26h", clear_at: "< 25h"}`.
//                            Default: not judged.
//   size:                    Levels on its size, all in one direction: `{failing: "< 100 MiB"}` for
//                            what must not be too small, `{warning: ">= 1 GiB"}` for what must not
//                            grow. Default: not judged.
//   changed: failing         What the probe is when content, owner or mode are others than at the
//                            run before: `warning` or `failing`. Not with a pattern. Of content
//                            over 16 MiB only size and time of writing are compared. Default: not
//                            judged.
//   changed_for: 1h          For how long a change is said after it was seen, unless it is undone;
//                            then what is there counts as right. 1m to 30d. Default: 1h.
//
// What does not exist fails (with `exists: false`: is ok); what cannot be looked at is unknown, and
// so is a file system that does not answer within the timeout, a pattern with more than 100,000
// names to look at, and the age of what was written in the future. Links are followed. What is
// known of the content is kept in memory: the first run after a start of the daemon takes it as it
// is. Values: count (of matches), age_seconds, size_bytes.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "io/descriptor.hpp"
#include "kinds.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

constexpr int most_names = 100'000;
constexpr off_t most_hashed = 16 * 1024 * 1024;
// Clocks of other machines, which write into shared folders, may be a little ahead.
constexpr Duration tolerated_future = 5min;

using Wall = std::chrono::system_clock;
using Status = struct ::stat;

std::string words_of(int error) {
  return std::generic_category().message(error);
}

Duration time_of(const timespec& time) {
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(time.tv_sec) +
                                              std::chrono::nanoseconds(time.tv_nsec));
}

// What is compared: where it was read, its hash, and what says without reading that it is the same.
struct Content {
  Status status{};
  std::string hash;  // empty: too long, or no file

  bool surely_as(const Status& other) const {
    return status.st_dev == other.st_dev && status.st_ino == other.st_ino &&
           status.st_size == other.st_size && status.st_mode == other.st_mode &&
           time_of(status.st_mtim) == time_of(other.st_mtim) &&
           time_of(status.st_ctim) == time_of(other.st_ctim);
  }
  // What it is that differs; empty where nothing does.
  std::string_view differs(const Content& other) const {
    if (status.st_size != other.status.st_size || hash != other.hash) return "content";
    if (hash.empty() && time_of(status.st_mtim) != time_of(other.status.st_mtim)) return "content";
    if (status.st_uid != other.status.st_uid || status.st_gid != other.status.st_gid)
      return "owner";
    return status.st_mode != other.status.st_mode ? "mode" : "";
  }
};

struct Answer {
  int count = 0;
  std::string path;  // of the newest
  Status status{};
  std::optional<Content> content;
  Duration now{};  // since 1970
};

bool is_missing(int error) {
  return error == ENOENT || error == ENOTDIR;
}

Result<std::string> hash_of(const std::string& path) {
  const auto cannot = [&](int error) {
    return failure_of(fmt::format("{} cannot be read: {}", path, words_of(error)));
  };
  io::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return cannot(errno);
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
    return failure_of("SHA-256 is not to be had");
  std::vector<char> buffer(64 * 1024);
  for (off_t read_so_far = 0; read_so_far <= most_hashed;) {
    ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return cannot(errno);
    if (size == 0) break;
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(size));
    read_so_far += size;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  return std::string(reinterpret_cast<const char*>(digest.data()), length);
}

// The newest of what a pattern, or a plain path, names.
class Search {
 public:
  Result<Answer> newest(const std::string& pattern) {
    auto searched = below("", std::string_view(pattern).substr(1));
    if (!searched) return tl::unexpected<Error>(searched.error());
    return std::move(answer_);
  }

 private:
  static bool is_pattern(std::string_view part) { return part.find_first_of("*?[") != part.npos; }

  // `folder` without a slash at its end, `rest` without one at its front.
  Result<void> below(const std::string& folder, std::string_view rest) {
    std::string plain = folder;
    while (!is_pattern(rest.substr(0, rest.find('/')))) {
      const auto part = rest.substr(0, rest.find('/'));
      plain += "/" + std::string(part);
      if (part.size() == rest.size()) return look_at(plain);
      rest.remove_prefix(part.size() + 1);
    }
    const std::string part(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    struct Closer {
      void operator()(DIR* open) const { ::closedir(open); }
    };
    const std::string where = plain.empty() ? "/" : plain;
    std::unique_ptr<DIR, Closer> open(::opendir(where.c_str()));
    if (!open) {
      if (is_missing(errno)) return {};
      return failure_of(fmt::format("{} cannot be listed: {}", where, words_of(errno)));
    }
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(open.get());
      if (entry == nullptr) break;
      if (++seen_ > most_names) {
        return failure_of(fmt::format(
            "there are more than {} names to look at, up to {}: write a path with fewer",
            most_names, where));
      }
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || ::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) != 0)
        continue;
      auto looked = rest.empty() ? look_at(plain + "/" + name) : below(plain + "/" + name, rest);
      if (!looked) return looked;
    }
    if (errno != 0)
      return failure_of(fmt::format("{} cannot be listed: {}", where, words_of(errno)));
    return {};
  }

  Result<void> look_at(const std::string& path) {
    Status status{};
    if (::stat(path.c_str(), &status) != 0) {
      if (is_missing(errno)) return {};
      return failure_of(fmt::format("{} cannot be looked at: {}", path, words_of(errno)));
    }
    ++answer_.count;
    if (answer_.count > 1 && time_of(status.st_mtim) <= time_of(answer_.status.st_mtim)) return {};
    answer_.path = path;
    answer_.status = status;
    return {};
  }

  Answer answer_;
  int seen_ = 0;
};

class FileProbe final : public LocalProbe<Answer> {
 public:
  struct Keys {
    std::string path;
    bool exists = true;
    std::optional<Threshold> age, size;
    std::optional<Verdict> changed;
    Duration changed_for = 1h;
  };

  explicit FileProbe(Keys keys)
      : LocalProbe("a look at " + one_line(keys.path, 200)), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun&) override {
    std::shared_ptr<const Content> before = keys_.changed ? last_ : nullptr;
    return [path = keys_.path, asked = keys_.changed.has_value(), before]() -> Result<Answer> {
      auto answer = Search().newest(path);
      if (!answer) return answer;
      answer->now = std::chrono::duration_cast<Duration>(Wall::now().time_since_epoch());
      if (!asked || answer->count == 0) return answer;
      if (before && before->surely_as(answer->status)) {
        answer->content = *before;
        return answer;
      }
      Content content{answer->status, {}};
      if (S_ISREG(content.status.st_mode) && content.status.st_size <= most_hashed) {
        auto hash = hash_of(path);
        if (!hash) return tl::unexpected<Error>(hash.error());
        content.hash = std::move(*hash);
      }
      answer->content = std::move(content);
      return answer;
    };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    Finding finding;
    finding.values["count"] = answer.count;
    if (answer.count == 0) {
      finding.verdict = keys_.exists ? Verdict::failing : Verdict::ok;
      finding.reason = one_line(
          fmt::format("{} {}", keys_.path, is_pattern() ? "matches nothing" : "does not exist"));
      return finding;
    }
    const Duration age = answer.now - time_of(answer.status.st_mtim);
    finding.values["age_seconds"] =
        std::chrono::duration<double>(std::max(age, Duration{0})).count();
    const bool is_file = S_ISREG(answer.status.st_mode);
    if (is_file) finding.values["size_bytes"] = static_cast<double>(answer.status.st_size);
    if (!keys_.exists) {
      finding.verdict = Verdict::failing;
      finding.reason = one_line(fmt::format("{} exists", answer.path));
      if (answer.count > 1) finding.reason += fmt::format(", and {} more", answer.count - 1);
      return finding;
    }
    Judgement judgement = judge_age(age, run);
    if (is_file || keys_.size) judgement = both(std::move(judgement), judge_size(answer, run));
    if (answer.content) judgement = both(std::move(judgement), judge_change(*answer.content));
    finding.verdict = judgement.verdict;
    finding.reason = one_line(fmt::format("{}: {}", answer.path, judgement.reason));
    return finding;
  }

 private:
  bool is_pattern() const { return keys_.path.find_first_of("*?[") != std::string::npos; }

  Judgement judge_age(Duration age, const ProbeRun& run) {
    if (age < -tolerated_future) {
      return {keys_.age ? Verdict::unknown : Verdict::ok,
              fmt::format("written {} in the future", words(-age))};
    }
    age = std::max(age, Duration{0});
    const std::string said = "written " + words(age) + " ago";
    if (!keys_.age) return {Verdict::ok, said};
    Judgement judgement =
        keys_.age->judge({{Quantity::duration, static_cast<double>(age.count()), said}},
                         age_cause_.may_hold(run.was_failing));
    age_cause_.judged(judgement.verdict);
    return judgement;
  }

  Judgement judge_size(const Answer& answer, const ProbeRun& run) {
    if (!S_ISREG(answer.status.st_mode)) return {Verdict::unknown, "is no file and has no size"};
    const auto size = static_cast<double>(answer.status.st_size);
    const std::string said = "size " + format_size(size);
    if (!keys_.size) return {Verdict::ok, said};
    Judgement judgement =
        keys_.size->judge({{Quantity::bytes, size, said}}, size_cause_.may_hold(run.was_failing));
    size_cause_.judged(judgement.verdict);
    return judgement;
  }

  // What was there when the change came counts until `changed_for` is over: so a change stands for
  // as many runs as it takes to be confirmed, and one that is undone is over at once.
  Judgement judge_change(const Content& content) {
    const auto now = std::chrono::steady_clock::now();
    last_ = std::make_shared<const Content>(content);
    if (!right_) right_ = last_;
    std::string_view what = right_->differs(content);
    if (what.empty()) changed_at_.reset();
    if (!what.empty() && !changed_at_) changed_at_ = now;
    if (changed_at_ && now - *changed_at_ >= keys_.changed_for) {
      changed_at_.reset();
      right_ = last_;
      what = {};
    }
    if (what.empty()) return {Verdict::ok, "unchanged"};
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - *changed_at_);
    return {*keys_.changed, fmt::format("{} changed, seen {} ago", what, format_duration(since))};
  }

  static std::string words(Duration duration) {
    // Of long spans seconds say nothing.
    if (duration >= 24h) return format_duration(std::chrono::floor<std::chrono::minutes>(duration));
    return format_duration(std::chrono::floor<std::chrono::seconds>(duration));
  }

  Keys keys_;
  FailingCause age_cause_, size_cause_;
  std::shared_ptr<const Content> last_, right_;
  std::optional<std::chrono::steady_clock::time_point> changed_at_;
};

// False: a problem was reported.
bool read_change(Reader& reader, FileProbe::Keys& keys) {
  const auto refuse = [&](std::string_view key, std::string message) {
    reader.problem(*reader.find(key), std::move(message));
    return false;
  };
  const auto changed = reader.text("changed");
  const auto span = reader.duration("changed_for");
  if (reader.has("changed") && !changed) return false;
  if (changed && *changed != "warning" && *changed != "failing")
    return refuse("changed", "`changed` must be warning or failing");
  if (changed) keys.changed = *changed == "failing" ? Verdict::failing : Verdict::warning;
  if (!reader.has("changed_for")) return true;
  if (!changed) return refuse("changed_for", "`changed_for` says nothing without `changed`");
  if (!span) return false;
  if (*span < 1min || *span > 24h * 30)
    return refuse("changed_for", "`changed_for` must be between 1m and 30d");
  keys.changed_for = *span;
  return true;
}

}  // namespace

std::unique_ptr<Probe> make_file(Reader& reader) {
  FileProbe::Keys keys;
  bool well = reader.required("path") != nullptr;
  const auto path = reader.text("path");
  well = well && path;
  const auto refuse = [&](std::string_view key, std::string message) {
    reader.problem(*reader.find(key), std::move(message));
    well = false;
  };
  if (path && (!path->starts_with('/') || path->ends_with('/')))
    refuse("path", "`path` must be absolute, from / on, and not end with one");
  const auto exists = reader.boolean("exists");
  well = well && (exists || !reader.has("exists"));
  well =
      read_levels(reader, "age", {{Quantity::duration, true, "age", ">= 26h"}}, keys.age) && well;
  well = read_levels(reader, "size",
                     {{Quantity::bytes, false, "size", "< 100 MiB"},
                      {Quantity::bytes, true, "size", ">= 1 GiB"}},
                     keys.size) &&
         well;
  well = read_change(reader, keys) && well;
  if (keys.changed && path && path->find_first_of("*?[") != std::string::npos)
    refuse("changed",
           "`changed` is of one file: `path` is a pattern, which means another each time");
  keys.exists = exists.value_or(true);
  for (std::string_view key : {"age", "size", "changed"}) {
    if (!keys.exists && reader.has(key))
      refuse(key, fmt::format("`{}`: what must not exist has none; leave it out", key));
  }
  if (!well) return nullptr;
  keys.path = *path;
  return std::make_unique<FileProbe>(std::move(keys));
}

}  // namespace yagura
