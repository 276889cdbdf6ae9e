// Runs the commands of people (people.NAME.command): a program that rings a phone or posts to a messenger, beside the mail. One
// thread. Owns the programs that run; destroyed, it kills them, and what waits for them is not called.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "surroundings.hpp"

namespace yagura {

struct PersonCommand {
  std::string recipient;  // "command:sato"
  io::ChildCommand command;
};

class PersonCommands {
 public:
  explicit PersonCommands(Surroundings& surroundings) : surroundings_(surroundings) {}
  ~PersonCommands();
  PersonCommands(const PersonCommands&) = delete;
  PersonCommands& operator=(const PersonCommands&) = delete;
  // All of them at once. `done` is called once, from the loop, never within the call: accepted are those that ended with status 0,
  // deferred all others, each with how it ended and the last line that it wrote.
  void run(std::vector<PersonCommand> commands, std::function<void(Delivery)> done);

 private:
  struct Batch;
  void ended(std::int64_t number, const std::string& recipient, const io::ChildResult& result, const std::shared_ptr<Batch>& batch);

  Surroundings& surroundings_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::int64_t, std::unique_ptr<StartedProgram>> running_;
  std::int64_t last_ = 0;
};

}  // namespace yagura
