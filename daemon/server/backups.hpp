// Copies of the record for `yagura backup`: made in the state folder by a thread of their own, so that neither the loop nor the
// record's writer waits, and handed out piece by piece. The caller writes the file, with the caller's own rights: the daemon makes
// no file where somebody tells it to. A copy that is ready has no name any more, and is gone with the process. Owned by
// the daemon; borrows the runtime. One thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "backup.hpp"
#include "folder.hpp"
#include "runtime.hpp"

namespace yagura {

class Backups {
 public:
  Backups(io::Runtime& runtime, std::string state_folder);
  ~Backups();  // breaks off what is being made
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  struct Copy {
    std::string id;  // names it to piece()
    std::int64_t bytes = 0;
    Store::Head head;  // its last row
  };
  // `done` is called from the loop. Refused while another copy is made or fetched.
  void make(std::function<void(Result<Copy>)> done);
  // What stands from `from` on, at most 1 MiB, none after the end. The copy is forgotten when its last piece was given,
  // or when none was asked for over a minute.
  void piece(const std::string& id, std::int64_t from, std::function<void(Result<std::string>)> done);

 private:
  struct Kept {
    Copy copy;
    OwnedFile file;
  };
  void take(Result<Kept> made, const std::function<void(Result<Copy>)>& done);
  void forget_later();

  io::Runtime& runtime_;
  std::string folder_;
  boost::asio::steady_timer timer_;
  bool making_ = false;
  std::shared_ptr<Kept> kept_;
  // Outlives this with a thread that hangs in the disk.
  std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace yagura
