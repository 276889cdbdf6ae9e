// Orders and pings that come over the control socket.
#include "api.hpp"
#include "fuzz.hpp"
#include "ping_request.hpp"

namespace yagura::fuzz {
namespace {

void check_texts(const Order& order) {
  std::visit(
      [](const auto& given) {
        if constexpr (requires { given.text; }) require_safe(given.text, 10'000, Breaks::kept);
        if constexpr (requires { given.failure; }) require(given.failure > 0, "failures count from 1");
        if constexpr (requires { given.notice; }) require(given.notice > 0, "notices count from 1");
        if constexpr (requires { given.components; }) {
          for (const std::string& name : given.components)
            require_safe(name, 500);
        }
      },
      order);
}

void run(std::string_view bytes) {
  if (auto order = read_order(bytes)) {
    check_texts(*order);
  } else {
    require_safe(order.error().message, 1000);
  }
  auto ping = read_ping(bytes);
  if (!ping) return require_safe(ping.error().message, 1000);
  require_safe(ping->job.component, 200);
  require_safe(ping->job.probe, 200);
  require_safe(ping->ping.run_id, 64);
  require_safe(ping->ping.body, 10'000, Breaks::kept);
  require(!ping->ping.started_at || *ping->ping.started_at <= *ping->ping.ended_at, "no run ends before it starts");
  require(ping->ping.exit_status >= 0 && ping->ping.exit_status <= 255, "an exit status is a byte");
}
const Target target("control_request", run);

}  // namespace
}  // namespace yagura::fuzz
