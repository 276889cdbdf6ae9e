#include "person_commands.hpp"

#include <utility>

#include "text.hpp"

namespace yagura {

namespace {

constexpr std::size_t most_said = 200;  // bytes of its last line

std::string last_line(const std::string& output) {
  const auto end = output.find_last_not_of("\r\n \t");
  if (end == std::string::npos) return {};
  const auto begin = output.find_last_of('\n', end);
  return one_line(output.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1) + 1),
                  most_said);
}

}  // namespace

struct PersonCommands::Batch {
  std::size_t open = 0;
  Delivery delivery;
  std::function<void(Delivery)> done;
};

PersonCommands::~PersonCommands() { *alive_ = false; }

void PersonCommands::run(std::vector<PersonCommand> commands, std::function<void(Delivery)> done) {
  auto batch = std::make_shared<Batch>();
  batch->open = commands.size();
  batch->done = std::move(done);
  for (PersonCommand& one : commands) {
    const std::int64_t number = ++last_;
    auto then = [this, number, recipient = one.recipient, batch](io::ChildResult result) {
      // The program may not be destroyed within its own callback.
      surroundings_.post([this, number, recipient, batch, result = std::move(result), alive = std::weak_ptr(alive_)] {
        if (auto still = alive.lock(); still && *still) ended(number, recipient, result, batch);
      });
    };
    running_[number] = surroundings_.start_program(std::move(one.command), std::move(then));
  }
}

void PersonCommands::ended(std::int64_t number, const std::string& recipient, const io::ChildResult& result,
                           const std::shared_ptr<Batch>& batch) {
  running_.erase(number);
  std::string said = last_line(result.output);
  std::string how = result.succeeded() ? "done" : result.reason;
  if (!said.empty()) how += ": " + said;
  Delivery& delivery = batch->delivery;
  if (result.succeeded()) {
    delivery.accepted.push_back(recipient);
  } else {
    delivery.deferred.push_back({recipient, how});
  }
  delivery.reply += (delivery.reply.empty() ? "" : "; ") + recipient + " " + how;
  if (--batch->open == 0) batch->done(std::move(delivery));
}

}  // namespace yagura
