// kind: disk - space and inodes of a file system.
//
//   path: /var/lib/pg    Any directory or file on the file system, absolute. Required.
//   failing: ">= 95%"    Level at which the probe fails: on the used space in percent, counted as
//                        df does, used / (used + available to users other than root); or on what
//                        is available to them, "< 5 GiB". The default.
//   warning: ">= 85%"    Level that is shown, and opens nothing. The default, unless failing is a
//                        size.
//   clear_at: "< 90%"    Once failing, well again only here. Default: where failing does not hold.
//   inodes:              The same three keys on the used inodes in percent, with the same
//     failing: ">= 95%"  defaults; `inodes: none` does not watch them. A file system without fixed
//                        inodes (btrfs, vfat) is unknown where this is written, else not watched.
//   full_within:         Levels on the time until nothing is free if use goes on growing as in the
//     failing: 4h        last hour; "<= 4h" means the same.
//     warning: 1d        Default: not watched. Nothing is said before ten minutes of runs; use that
//     clear_at: 6h       does not grow is ok.
//   mounted: true        The path must be a mount point: where it is not, or does not exist, the
//                        probe fails. Default: false.
//
// A level is a comparison (>=, >, <=, <) and a value; `none` takes a default away.
// Values: used_percent, free_bytes, total_bytes, inodes_used_percent, growth_bytes_per_second,
// full_in_seconds (while it grows).
//
// A path that does not exist is unknown: it is more often mistyped, or hidden from the daemon by
// its unit, than lost, and nothing was measured; whoever wants its absence to be a failure says
// `mounted: true`. A file system that answers with an error (input/output error, stale handle, a
// FUSE server gone) fails. One that does not answer within the timeout, such as a dead NFS mount,
// is unknown: "statvfs on /data did not answer within 10s".
#include "resource/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "kinds.hpp"
#include "resource/full_within.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"

namespace yagura {
namespace {

struct Answer {
  int error = 0;  // of statvfs
  struct statvfs space {};
  bool is_mount_point = true;  // asked only where it must be one
  SpaceTrend::Time at;
};

// Where the kernel does not say whether a path is a mount point (before Linux 5.8), a device other
// than that of its parent tells; bind mounts within one file system then pass unseen.
Result<bool> is_mount_point(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_TYPE | STATX_INO, &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failure_of(
        fmt::format("{} cannot be looked at: {}", path, std::generic_category().message(errno)));
  }
  if ((status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  }
  struct statx parent {};
  if (::statx(AT_FDCWD, (path + "/..").c_str(), 0, STATX_TYPE | STATX_INO, &parent) != 0)
    return false;
  return status.stx_dev_major != parent.stx_dev_major ||
         status.stx_dev_minor != parent.stx_dev_minor || status.stx_ino == parent.stx_ino;
}

// Errors that are the file system's own. A server that cannot be reached is not among them: that
// may be our network.
bool is_broken(int error) {
  return error == EIO || error == ESTALE || error == ENOTCONN || error == ESHUTDOWN ||
         error == EUCLEAN;
}

class DiskProbe final : public LocalProbe<Answer> {
 public:
  struct Keys {
    std::string path;
    Threshold space;
    std::optional<Threshold> inodes;
    bool inodes_asked = false;  // written, not by default
    bool mounted = false;
    FullWithin full_within;
  };

  explicit DiskProbe(Keys keys)
      : LocalProbe("statvfs on " + one_line(keys.path, 200)), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun&) override {
    return [path = keys_.path, mounted = keys_.mounted]() -> Result<Answer> {
      Answer answer;
      if (::statvfs(path.c_str(), &answer.space) != 0) answer.error = errno;
      answer.at = std::chrono::steady_clock::now();
      if (mounted && !is_broken(answer.error)) {
        auto is_one = is_mount_point(path);
        if (!is_one) return tl::unexpected<Error>(is_one.error());
        answer.is_mount_point = *is_one;
      }
      return answer;
    };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    const std::string path = one_line(keys_.path, 200);
    if (keys_.mounted && !answer.is_mount_point) {
      bool missing = answer.error == ENOENT || answer.error == ENOTDIR;
      return {Verdict::failing,
              fmt::format("{} {}", path, missing ? "does not exist" : "is not a mount point"),
              {}};
    }
    if (answer.error != 0) return no_space_known(path, answer.error);
    auto use = disk_use(answer.space);
    if (!use)
      return could_not_look(fmt::format("the file system of {} has no space to measure", path));
    Finding finding = judge_use(*use, run);
    if (!keys_.full_within.is_watched()) return finding;
    Judgement judgement =
        both({finding.verdict, finding.reason},
             keys_.full_within.judge({answer.at, use->free_bytes}, use->total_bytes,
                                     run.was_failing, finding.values));
    finding.verdict = judgement.verdict;
    finding.reason = judgement.reason;
    return finding;
  }

 private:
  static Finding no_space_known(const std::string& path, int error) {
    if (error == ENOENT || error == ENOTDIR) {
      return could_not_look(
          fmt::format("{} does not exist; if that is a failure, say `mounted: true`", path));
    }
    auto words = std::generic_category().message(error);
    if (is_broken(error)) {
      return {Verdict::failing, fmt::format("the file system of {} answers: {}", path, words), {}};
    }
    return could_not_look(fmt::format("{} cannot be looked at: {}", path, words));
  }

  Finding judge_use(const DiskUse& use, const ProbeRun& run) {
    Finding finding;
    finding.values = {{"used_percent", use.used_percent},
                      {"free_bytes", use.free_bytes},
                      {"total_bytes", use.total_bytes}};
    Judgement judgement = keys_.space.judge(
        {{Quantity::percent, use.used_percent, "used space " + format_percent(use.used_percent)},
         {Quantity::bytes, use.free_bytes, "free space " + format_size(use.free_bytes)}},
        space_cause_.may_hold(run.was_failing));
    space_cause_.judged(judgement.verdict);
    if (use.inodes_used_percent) finding.values["inodes_used_percent"] = *use.inodes_used_percent;
    if (keys_.inodes && use.inodes_used_percent) {
      double percent = *use.inodes_used_percent;
      Judgement inodes = keys_.inodes->judge(
          {{Quantity::percent, percent, "used inodes " + format_percent(percent)}},
          inodes_cause_.may_hold(run.was_failing));
      inodes_cause_.judged(inodes.verdict);
      judgement = both(std::move(judgement), std::move(inodes));
    } else if (keys_.inodes_asked) {
      judgement =
          both(std::move(judgement),
               {Verdict::unknown, "this file system has no fixed inodes, write `inodes: none`"});
    }
    finding.verdict = judgement.verdict;
    finding.reason = judgement.reason;
    return finding;
  }

  Keys keys_;
  FailingCause space_cause_, inodes_cause_;
};

// `inodes: none`, or a mapping of levels. False: a problem was reported.
bool read_inodes(Reader& reader, DiskProbe::Keys& keys) {
  const Node* node = reader.find("inodes");
  if (node != nullptr && node->is_scalar() && node->scalar == "none") return true;
  Node nothing;
  nothing.kind = Node::Kind::map;
  nothing.place = reader.node().place;
  keys.inodes_asked = node != nullptr;
  Reader levels(node != nullptr ? *node : nothing, reader.problems(), "`inodes`");
  if (!levels.node().is_map()) return false;
  keys.inodes = Threshold::read(levels, {{Quantity::percent, true, "used inodes", ">= 95%"}},
                                ">= 95%", ">= 85%");
  levels.finish();
  return keys.inodes.has_value();
}

}  // namespace

std::optional<DiskUse> disk_use(const struct statvfs& answer) {
  // As df: the fragment size counts, and the block size only where there is none.
  double unit = static_cast<double>(answer.f_frsize != 0 ? answer.f_frsize : answer.f_bsize);
  auto used =
      static_cast<double>(answer.f_blocks >= answer.f_bfree ? answer.f_blocks - answer.f_bfree : 0);
  auto available = static_cast<double>(answer.f_bavail);
  // Some file systems give the space left to others as a negative number, where root has used up
  // the reserve.
  if (answer.f_bavail > answer.f_blocks) available = 0;
  if (answer.f_blocks == 0 || unit == 0) return std::nullopt;
  DiskUse use;
  use.used_percent = used + available > 0 ? 100 * used / (used + available) : 100;
  use.free_bytes = available * unit;
  use.total_bytes = static_cast<double>(answer.f_blocks) * unit;
  if (answer.f_files > 0 && answer.f_ffree <= answer.f_files) {
    use.inodes_used_percent = 100 * static_cast<double>(answer.f_files - answer.f_ffree) /
                              static_cast<double>(answer.f_files);
  }
  return use;
}

std::unique_ptr<Probe> make_disk(Reader& reader) {
  DiskProbe::Keys keys;
  bool well = reader.required("path") != nullptr;
  auto path = reader.text("path");
  if (path && !path->starts_with('/')) {
    reader.problem(*reader.find("path"), "`path` must be absolute: write it from / on");
    path.reset();
  }
  auto space = Threshold::read(reader,
                               {{Quantity::percent, true, "used space", ">= 95%"},
                                {Quantity::bytes, false, "free space", "< 5 GiB"}},
                               ">= 95%", ">= 85%");
  well = read_inodes(reader, keys) && well;
  well = keys.full_within.read(reader) && well;
  auto mounted = reader.boolean("mounted");
  if (!well || !path || !space || (reader.has("mounted") && !mounted)) return nullptr;
  keys.path = *path;
  keys.space = *space;
  keys.mounted = mounted.value_or(false);
  return std::make_unique<DiskProbe>(std::move(keys));
}

}  // namespace yagura
