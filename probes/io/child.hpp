// Child processes: a program with its arguments, never a shell; its own process group, output kept
// within a limit, a hard deadline (TERM to the group, KILL two seconds later), no descriptor of
// ours but 0, 1 and 2.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "instant.hpp"
#include "spawn.hpp"

namespace yagura::io {

struct ChildCommand : Program {
  Duration timeout{};
  // Bytes of what it writes; the rest is read and dropped.
  std::size_t output_limit = 10'000;
  enum class Keep { end, beginning } keep = Keep::end;
  // Whether what is left of its group when it ends by itself may go on, as a service that it
  // started would.
  bool group_may_outlive = true;
};

struct ChildResult {
  enum class How { exited, signalled, timed_out, not_started } how = How::not_started;
  int status = 0;      // exit status, or the signal's number
  std::string output;  // raw bytes: the last or first ones, where over the limit
  std::string errors;  // where they are apart: the first ones, at most 4 KiB
  std::string
      reason;  // one sentence: "exited with status 3", "ran longer than 2m and was killed", …
  bool succeeded() const { return how == How::exited && status == 0; }
};

class Child {
 public:
  // Starts it; `done` is called exactly once, from the loop, never before the constructor returns.
  Child(boost::asio::io_context& loop, ChildCommand command, std::function<void(ChildResult)> done);
  // For a program that was started already, off the loop. The timeout runs from here.
  Child(boost::asio::io_context& loop, ChildCommand command, Spawned started,
        std::function<void(ChildResult)> done);
  // Kills the group at once where it still runs; `done` is then not called.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  int pid() const;  // 0: not running
  // What it has written so far, within the limit.
  std::string written();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace yagura::io
