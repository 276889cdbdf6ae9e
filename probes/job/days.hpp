// Which days a job runs on: `on` of its configuration, asked of the calendar.
#pragma once

#include "monitor.hpp"

namespace yagura {

// A filter for Cron; empty where every day will do. Refers to `calendar`, and must not outlive it.
std::function<bool(Date)> days_of(JobSpec::On on, const JobCalendar& calendar);

}  // namespace yagura
