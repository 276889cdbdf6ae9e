// Takes each span out of the engine's samples when it is over, and has it written beside the loop
// (sample_file.hpp). What cannot be written is dropped, and said once until it can again: samples
// are worth no wait, no memory and no trouble of anything else. Owned by the daemon; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine.hpp"
#include "surroundings.hpp"

namespace yagura {

struct SampleWrite;

class SampleKeeper {
 public:
  SampleKeeper(Surroundings& surroundings, Engine& engine);
  ~SampleKeeper();

  // To be called about once a second: what runs in between counts for the span before.
  void look();
  // Writes what the span under way has so far; `done` is called when that is over, or after
  // `at_most`.
  void end(Duration at_most, std::function<void()> done);

 private:
  void write();
  void written(const SampleWrite& result, std::uint64_t layout_number);
  void drop(const std::string& why);

  Surroundings& surroundings_;
  Engine& engine_;
  bool writing_ = false;  // one at a time, however long it hangs
  bool checked_ = false;
  bool dropping_ = false;            // and said so
  std::uint64_t layout_number_ = 0;  // that was written, 0: none, and in which row it stands
  std::int64_t layout_row_ = 0;
  std::unique_ptr<Alarm> alarm_;
  std::function<void()> ended_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
