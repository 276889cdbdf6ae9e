// The bodies that other systems post to say how something is: Alertmanager's webhook (version 4), and events
// of whoever has something to say. Read without trust: bounded, and every text of them safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "outside/alarm_monitor.hpp"
#include "result.hpp"

namespace yagura {

struct AlarmBody {
  std::vector<AlarmReport> reports;
  // How many more there are that were not read: beyond max_alerts of Alertmanager's receiver, or beyond what is
  // taken here.
  std::size_t truncated = 0;
  std::size_t unreadable = 0;  // of what was there; why the first of them is
  std::string why_unreadable;
};

inline constexpr std::size_t most_alerts = 1'000;  // of one message; and of events 100

// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. An alert that cannot be read does not
// keep the others from being taken, as Alertmanager would not send them again. Error: it is no such message.
Result<AlarmBody> read_alertmanager(std::string_view body);

// {"key": "backup/web-1", "state": "failing"|"warning"|"ok"|"unknown", "text": …, "at": RFC 3339, "labels": {…}}, or a
// list of them. All but key and state may be missing. Error: what is wrong, and in which; none is taken then.
Result<AlarmBody> read_events(std::string_view body);

}  // namespace yagura
