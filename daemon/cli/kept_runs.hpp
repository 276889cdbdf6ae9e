// Ends of job runs that the daemon could not be told of: kept by `yagura job run`, told later by the next one of the same
// user, or by `yagura job deliver`. A folder of the user's own, a file for each run, durable before keep() returns.
// Whoever reports a run may be told twice: the daemon counts a run id once.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "folder.hpp"
#include "instant.hpp"
#include "result.hpp"

namespace yagura::cli {

// Whether the daemon is to be asked another time: it is away, in trouble, or has too much to do. Else it says the same again.
bool is_to_be_asked_again(const Result<std::pair<int, std::string>>& answer);

struct KeptRun {
  std::string socket;         // of the daemon that it is for, and for no other
  boost::json::object ping;   // as POST /v1/ping takes it, with its times
};

class KeptRuns {
 public:
  // So many runs, and bytes of them; of more the oldest go, but never the one that is kept last.
  static constexpr std::size_t most = 1000;
  static constexpr std::uintmax_t most_bytes = std::uintmax_t{16} << 20;
  static constexpr Duration oldest = 24h * 7;  // what the daemon takes

  // $XDG_STATE_HOME/yagura/jobs, else ~/.local/state/yagura/jobs. Error: the user has no home.
  static Result<std::string> usual_folder();
  // Makes the folder, mode 0700, where it is wanted and is not there. Error: it cannot be made, or is not the user's own alone.
  static Result<KeptRuns> open(const std::string& folder, bool make);

  // How many older ones had to make room.
  Result<std::size_t> keep(const KeptRun& run, Instant ended);

  struct Told {
    std::vector<std::string> delivered;  // one line each
    std::vector<std::string> dropped;    // with why: the daemon refused it, it is too old, it is none
    std::size_t left = 0;                // for this socket, not told yet
    std::string why_left;                // none: there was no time for more
    bool elsewhere = false;              // another command is at it
  };
  // Tells the daemon at this socket of the runs that are kept for it, in the order of their ends; at most so many, and for
  // `within` (an answer that is waited for is waited for). `post` sends a body to /v1/ping: the status, and why it is refused.
  using Post = std::function<Result<std::pair<int, std::string>>(const std::string& body)>;
  Told deliver(const std::string& socket, const Post& post, Instant now, std::size_t at_most, Duration within);

 private:
  KeptRuns(std::string path, OwnedFile folder) : path_(std::move(path)), folder_(std::move(folder)) {}
  std::vector<std::string> entries() const;
  std::vector<std::string> names() const;  // of whole ones, sorted: the oldest first
  std::size_t make_room() const;
  void remove_unfinished() const;
  // None: it cannot be read just now, or is gone. Error: it is no kept run.
  Result<std::optional<KeptRun>> read(const std::string& name) const;
  void remove(const std::string& name) const;

  std::string path_;
  OwnedFile folder_;
};

}  // namespace yagura::cli
