// The control socket's requests (docs/api.md): who asks, whether they may, what they get. Rules of failures are the decision
// code's; here is decided only who may read and reload.
//
//   GET  /v1/status  /v1/failures[?all=1]  /v1/failures/N  /v1/failures/N/why  /v1/stops/N/why  /v1/jobs  /v1/stops
//        /v1/notices[?which=unsent|held|failed|all]  /v1/notices/ID
//        /v1/record?since=T&until=T&failure=N&who=X&what=GLOB&after=ROW   rows as they stand, 500 at a time
//        /v1/record/verify   /v1/record/archive?until=YYYY-MM   the months that may be archived
//        /v1/record/raw?…                       the same with states, for exports
//        /v1/backup/ID?from=N                   a piece of a copy of the database, as bytes
//   GET  /v1/samples?component=C&probe=P&since=T&until=T   how its probes ran; T also as a duration before now
//   POST /v1/orders {"order":…}   /v1/probe {"component","probe"}   /v1/reload   /v1/backup
//        /v1/record/archive {"month","first","last","file","sha256"}   /v1/record/erase {"bank"}
//        /v1/ping {"component","probe","event","exit_status","run_id","body"}   by any local user
//        /v1/inquiries/spooled   by any local user: a mail to the inquiry desk was spooled
//   GET  /v1/inquiries[?which=all|aside]  /v1/inquiries/N
//
// 200 done; 400 cannot be read; 403 not allowed; 404 not there; 409 refused by the rules; every refusal is {"error": sentence}.
#pragma once

#include "access_log.hpp"
#include "alarm_intake.hpp"
#include "backups.hpp"
#include "engine.hpp"
#include "web_server.hpp"

namespace yagura {

// Reads {"order": "ack", …} as the command line sends it. Error: what is wrong with it.
Result<Order> read_order(std::string_view body);

// They borrow what they are given.
WebHandler control_handler(io::Runtime& runtime, Engine& engine, Store& store, Backups& backups, AccessLog& access,
                           std::function<void()> look_at_spool);
WebHandler web_handler(Engine& engine, Store& store, AccessLog& access, AlarmIntake& alarms);

}  // namespace yagura
