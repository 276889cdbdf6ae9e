// GET /v1/samples?component=C[&probe=P][&since=…][&until=…]: how a component's probes ran. Read on
// threads beside the loop, a few at a time; what runs now is added. Owned by the control socket's
// handler; one thread.
#pragma once

#include <functional>
#include <memory>

#include "engine.hpp"
#include "runtime.hpp"
#include "web_server.hpp"

namespace yagura {

class SamplesApi {
 public:
  using Answer = std::function<void(WebResponse)>;
  SamplesApi(io::Runtime& runtime, Engine& engine) : runtime_(runtime), engine_(engine) {}
  ~SamplesApi() { *alive_ = false; }

  void handle(const WebRequest& request, Answer answer);

 private:
  io::Runtime& runtime_;
  Engine& engine_;
  int reading_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
