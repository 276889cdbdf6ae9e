// What is taken out of the record, on an order only: whole months once they are exported and older than `retention.record`
// (archive.hpp), and the personal data of a bank that has left (erasure.hpp, R4). Both are prepared beside the loop, and
// committed in one transaction each with the row that says who ordered it. Owned by RecordApi; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "access_log.hpp"
#include "archive.hpp"
#include "engine.hpp"
#include "erasure.hpp"
#include "runtime.hpp"
#include "web_server.hpp"

namespace yagura {

class RecordUpkeep {
 public:
  using Answer = std::function<void(WebResponse)>;
  RecordUpkeep(io::Runtime& runtime, Engine& engine, Store& store);
  ~RecordUpkeep();

  // The months that may go: {"months":[…]}. `until`: the last of them, or empty.
  void plan(const std::string& until, Answer answer);
  // {"month","first","last","file","sha256"}: what plan() said first, and the archive that was written of it.
  void archive(const std::string& body, const Caller& caller, Answer answer);
  // {"bank"}
  void erase(const std::string& body, const Caller& caller, Answer answer);

 private:
  struct Archiving;
  struct Erasing;
  void remove(const std::shared_ptr<Archiving>& job);
  void find_rows(const std::shared_ptr<Erasing>& job);
  void empty_rows(const std::shared_ptr<Erasing>& job);
  std::string why_not_erased(const std::string& bank) const;
  // Beside the loop, then on it.
  void aside(std::function<void()> work, std::function<void()> then, const Answer& answer);
  // `then` on the loop, once it is durable.
  void commit(Transaction transaction, std::function<void()> then);
  void end(const Answer& answer, WebResponse response);

  io::Runtime& runtime_;
  Engine& engine_;
  Store& store_;
  std::string file_;
  bool busy_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
