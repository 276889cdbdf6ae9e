// The control socket's requests about the record itself: rows and exports, page by page, the walk along the chain, and what is
// taken out of it. All of
// it is read on threads beside the loop, as a long record takes its time. Owned by the control socket's handler; one thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "access_log.hpp"
#include "engine.hpp"
#include "record_upkeep.hpp"
#include "runtime.hpp"
#include "web_server.hpp"

namespace yagura {

class RecordApi {
 public:
  using Answer = std::function<void(WebResponse)>;
  RecordApi(io::Runtime& runtime, Engine& engine, Store& store, AccessLog& access);
  ~RecordApi();

  // Of a path that begins with "/v1/record". `person`: none for root.
  void handle(const WebRequest& request, const Person* person, const Caller& caller, Answer answer);

 private:
  void rows(const WebRequest& request, const Caller& caller, Answer answer);
  void verify(const Caller& caller, Answer answer);
  // Runs `work` beside the loop, which answers what it gives.
  void answer_aside(std::function<WebResponse()> work, Answer answer);

  io::Runtime& runtime_;
  Engine& engine_;
  Store& store_;
  AccessLog& access_;
  RecordUpkeep upkeep_;
  std::string file_;
  std::map<std::uint64_t, std::int64_t> pages_;  // of each user: where the page handed out last ended
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
