// A connection to a D-Bus message bus, on the loop, through libsystemd: asks for properties of
// objects, and hears the answers. All probes that ask one bus share one connection, which is made
// when it is needed, lies still between runs, and is made anew once it is lost, or given up by a
// run that waited in vain. Nothing here waits: who asks has a deadline of its own. The runtime owns
// the connection, and so does who waits for an answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "result.hpp"

struct sd_bus;

namespace yagura {

namespace io {
class Runtime;
class SocketWatch;
}  // namespace io

// A value that is no basic one is left out.
using BusValue = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string>;
using BusProperties = std::map<std::string, BusValue, std::less<>>;

struct BusRefusal {
  std::string error;  // D-Bus' name of it; empty: the connection is lost
  std::string words;
};
using BusAnswer = tl::expected<BusProperties, BusRefusal>;

class BusLink : public std::enable_shared_from_this<BusLink> {
  struct Call;

 public:
  // Whose properties: of `interface` all, or the one that is named.
  struct Question {
    std::string service, path, interface, property;
  };

  // A question that waits for its answer; destroying it forgets the question.
  class Waiting {
   public:
    explicit Waiting(std::shared_ptr<Call> call) : call_(std::move(call)) {}
    ~Waiting();
    Waiting(Waiting&&) = default;
    Waiting& operator=(Waiting&&) = delete;
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    std::shared_ptr<Call> call_;
  };

  // The connection to the bus of that socket that is in use, or a new one. Error: nobody listens
  // there, or we may not.
  static Result<std::shared_ptr<BusLink>> to(io::Runtime& runtime, const std::string& socket);
  ~BusLink();
  BusLink(const BusLink&) = delete;
  BusLink& operator=(const BusLink&) = delete;

  // `told` is called at most once, from the loop, never before ask() returns; never where the bus
  // stays silent.
  Waiting ask(const Question& question, std::function<void(BusAnswer)> told);
  // Of who waited in vain: whoever asks next gets a new connection. Those who wait on this one
  // still do.
  void give_up(io::Runtime& runtime);

 private:
  struct Links;
  BusLink(io::Runtime& runtime, std::string socket);
  Result<void> open();
  bool still_open();
  void arm();
  void turn();
  void let_go();
  void rest();
  void break_off(const std::string& words);
  void deliver();

  io::Runtime& runtime_;
  std::string socket_;
  sd_bus* bus_ = nullptr;
  std::shared_ptr<io::SocketWatch> watch_;
  int watched_ = -1;
  bool broken_ = false;
  bool posted_ = false;
  std::set<Call*> calls_;
  std::vector<std::pair<std::shared_ptr<Call>, BusAnswer>> answered_;
};

}  // namespace yagura
