// The daemon's log: one line per thing that happened, a stable name and key=value fields. To standard error; under systemd that is the
// journal, which gets priorities instead of times.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "zone.hpp"

namespace yagura::log {

enum class Level { info, warning, error };
using Fields = std::map<std::string, std::string>;

void start();
// Times are this zone's from here on; UTC until it is known. Under systemd the journal has the time.
void set_zone(const Zone& zone);
// name key="value" …, values made safe for a terminal.
void line(Level level, std::string_view name, const Fields& fields = {});

}  // namespace yagura::log
