// Every kind of mail as it is read, word for word: tests/data/mail. After a change of words, run
// with YAGURA_UPDATE_GOLDEN=1 and read the difference.
#include "sample.hpp"
#include "text.hpp"

using namespace sample;

namespace {

// A state in which the two banks' first notices wait for the morning.
State with_held_first(Failure failure, std::vector<std::string> told = {}) {
  Platform where = platform();
  State state = state_with({std::move(failure)});
  NoticeId id = 2;
  for (const std::string& role : told) {
    mark_sent(state, notice(where, NoticeKind::major_declared, role, {.id = id++}), "12-21 17:01");
  }
  id = 8;
  for (const char* audience : {"bank:aozora", "bank:midori"}) {
    Notice held = notice(where, NoticeKind::bank_first, audience, {.id = id});
    held.state = NoticeState::held;
    held.hold = "window bank_mail opens";
    held.not_before = at("12-21 10:00");
    state.notices[id++] = held;
  }
  return state;
}

State with_first_sent(Failure failure, BankThread thread) {
  State state = state_with({std::move(failure)});
  for (auto& [bank, one] : state.failures.at(12).banks)
    one = thread;
  mark_sent(state,
            notice(platform(), NoticeKind::bank_first, "bank:aozora", {.id = 3, .number = 1}),
            "12-21 17:00");
  mark_sent(state,
            notice(platform(), NoticeKind::bank_first, "bank:midori", {.id = 4, .number = 1}),
            "12-21 17:00");
  return state;
}

}  // namespace

TEST_CASE("mail to a bank: the first report, at once") {
  Platform where = platform();
  check_golden(
      "bank.first",
      compose(where, state_with({major()}),
              notice(where, NoticeKind::bank_first, "bank:aozora", {.number = 1}), "12-21 16:59"));
}

TEST_CASE("mail to a bank: a leak, in the lead's words") {
  Platform where = platform();
  check_golden("bank.security",
               compose(where, State{},
                       notice(where, NoticeKind::bank_security, "bank:midori",
                              {.failure = 0,
                               .details = {{"text", "会員企業サイトにおいて、一部の情報が外部から閲覧できる状態でした。\n"
                                                    "現在は閲覧できない状態です。対象となる情報を調査しております。"}}}),
                       "12-21 23:05"));
}

TEST_CASE("mail to a bank: the first report, the morning after") {
  Platform where = platform();
  check_golden("bank.first.late", compose(where, state_with({relayed()}),
                                          notice(where, NoticeKind::bank_first, "bank:midori",
                                                 {.number = 1, .reports = 1}),
                                          "2026-12-22 10:00"));
}

TEST_CASE("mail to a bank: the first report of what is well again but not confirmed") {
  Platform where = platform();
  check_golden("bank.first.recovered",
               compose(where, state_with({recovered()}),
                       notice(where, NoticeKind::bank_first, "bank:midori", {.number = 1}),
                       "2026-12-22 10:00"));
}

TEST_CASE("mail to a bank: progress") {
  Platform where = platform();
  check_golden("bank.progress", compose(where, with_first_sent(relayed(), told(1)),
                                        notice(where, NoticeKind::bank_progress, "bank:aozora",
                                               {.number = 2, .reports = 1}),
                                        "12-21 18:01"));
}

TEST_CASE("mail to a bank: a relapse") {
  Platform where = platform();
  Failure again = relayed();
  again.relapses = {at("12-21 18:30")};
  check_golden("bank.progress.relapsed",
               compose(where, with_first_sent(again, told(2, 1)),
                       notice(where, NoticeKind::bank_progress, "bank:aozora",
                              {.number = 3, .reports = 1, .relapse = at("12-21 18:30")}),
                       "12-21 18:31"));
}

TEST_CASE("mail to a bank: recovered, with a progress report folded in") {
  Platform where = platform();
  check_golden("bank.recovered", compose(where, with_first_sent(confirmed(), told(1)),
                                         notice(where, NoticeKind::bank_recovered, "bank:aozora",
                                                {.number = 2, .reports = 1}),
                                         "2026-12-22 10:00"));
}

TEST_CASE("mail to a bank: recovered, while another failure keeps the service down") {
  Platform where = platform();
  State state = with_first_sent(confirmed(), told(1));
  Failure other = major();
  other.id = 13;
  state.failures[13] = other;
  check_golden("bank.recovered.down_by_another",
               compose(where, state, notice(where, NoticeKind::bank_recovered, "bank:aozora", {.number = 2}),
                       "2026-12-22 10:00"));
}

TEST_CASE("mail to a bank: recovered, with nothing more to say") {
  Platform where = platform();
  Failure silent = confirmed();
  silent.reports.clear();
  check_golden("bank.recovered.plain",
               compose(where, with_first_sent(silent, told(1)),
                       notice(where, NoticeKind::bank_recovered, "bank:aozora", {.number = 2}),
                       "2026-12-22 10:00"));
}

TEST_CASE("mail to a bank and to operations: the cause lies outside the platform") {
  Platform where = platform();
  where.components.at("database").provider = true;
  check_golden("bank.first.outside",
               compose(where, state_with({major()}),
                       notice(where, NoticeKind::bank_first, "bank:aozora", {.number = 1}), "12-21 16:59"));
  Failure silent = confirmed();
  silent.reports.clear();
  check_golden("bank.recovered.outside",
               compose(where, with_first_sent(silent, told(1)),
                       notice(where, NoticeKind::bank_recovered, "bank:aozora", {.number = 2}),
                       "2026-12-22 10:00"));
  check_golden("failure.detected.outside",
               compose(where, state_with({detected()}),
                       notice(where, NoticeKind::failure_detected, "infra-ops"), "12-21 16:58"));
}

TEST_CASE("mail to a bank: occurred and recovered in one") {
  Platform where = platform();
  check_golden(
      "bank.occurred-and-recovered",
      compose(where, state_with({confirmed()}),
              notice(where, NoticeKind::bank_occurred_and_recovered, "bank:aozora", {.number = 1}),
              "2026-12-22 10:00"));
}

TEST_CASE("mail to a bank: corrected") {
  Platform where = platform();
  Failure lowered = major();
  lowered.classification = FailureClass::incident;
  lowered.class_rule = ClassRule::system_lead;
  lowered.class_by = "sato";
  lowered.class_detail = "誤検知";
  check_golden("bank.corrected",
               compose(where, with_first_sent(lowered, told(1)),
                       notice(where, NoticeKind::bank_corrected, "bank:aozora", {.number = 2}),
                       "12-21 17:30"));
}

TEST_CASE("mail to operations: detected") {
  Platform where = platform();
  check_golden("failure.detected",
               compose(where, state_with({detected()}),
                       notice(where, NoticeKind::failure_detected, "infra-ops"), "12-21 16:58"));
}

TEST_CASE("mail to operations: relapsed, with a manual step that waits") {
  Platform where = platform();
  Failure again = major();
  again.relapses = {at("12-21 18:30")};
  again.steps.push_back({"database",
                         2,
                         true,
                         "手順書 3.2 に従い手動で切り替える",
                         at("12-21 18:30"),
                         at("12-21 18:40"),
                         {},
                         StepResult::running,
                         "",
                         ""});
  check_golden("failure.detected.relapsed", compose(where, state_with({again}),
                                                    notice(where, NoticeKind::failure_detected,
                                                           "infra-ops", {.topic = "relapsed"}),
                                                    "12-21 18:31"));
}

TEST_CASE("mail to operations: relapsed so often that it is held open until it is steady") {
  Platform where = platform();
  Failure flaps = major();
  for (int i = 0; i < 5; ++i) flaps.relapses.push_back(at("12-21 18:00") + i * 10min);
  check_golden("failure.detected.flapping",
               compose(where, state_with({flaps}),
                       notice(where, NoticeKind::failure_detected, "infra-ops", {.topic = "relapsed"}), "12-21 18:40"));
}

TEST_CASE("mail to operations: a new owner") {
  Platform where = platform();
  check_golden("failure.detected.owner",
               compose(where, state_with({detected()}),
                       notice(where, NoticeKind::failure_detected, "infra-ops", {.topic = "owner"}),
                       "12-21 17:00"));
}

TEST_CASE("mail to the lead: an incident that nobody took") {
  Platform where = platform();
  check_golden("failure.escalated",
               compose(where, state_with({incident()}),
                       notice(where, NoticeKind::failure_escalated, "system-lead", {.failure = 13}),
                       "12-21 14:35"));
}

TEST_CASE("mail to the lead: a major failure, with the banks' mail held") {
  Platform where = platform();
  check_golden("major.declared.lead",
               compose(where, with_held_first(major(), {"inquiry-desk"}),
                       notice(where, NoticeKind::major_declared, "system-lead"), "12-21 17:01"));
}

TEST_CASE("mail to the desk and to operations: a major failure") {
  Platform where = platform();
  check_golden("major.declared.desk",
               compose(where, with_held_first(major(), {"system-lead"}),
                       notice(where, NoticeKind::major_declared, "inquiry-desk"), "12-21 17:01"));
  check_golden("major.declared.ops",
               compose(where, with_held_first(major(), {"system-lead", "inquiry-desk"}),
                       notice(where, NoticeKind::major_declared, "ap-ops"), "12-21 17:11"));
}

TEST_CASE("mail to the lead and the desk: acknowledged") {
  Platform where = platform();
  Failure by_phone = acknowledged();
  by_phone.from_desk = true;
  by_phone.reported_by = "kudo";
  by_phone.report_text = "管理者から電話。ログインできない";
  by_phone.reported_services = {"member-site"};
  check_golden(
      "failure.acknowledged.lead",
      compose(where, with_held_first(by_phone, {"system-lead", "inquiry-desk"}),
              notice(where, NoticeKind::failure_acknowledged, "system-lead"), "12-21 17:10"));
  check_golden(
      "failure.acknowledged.desk",
      compose(where, with_held_first(by_phone, {"system-lead", "inquiry-desk"}),
              notice(where, NoticeKind::failure_acknowledged, "inquiry-desk"), "12-21 17:10"));
}

TEST_CASE("mail to the lead: progress") {
  Platform where = platform();
  Notice progress = notice(where, NoticeKind::failure_progress, "system-lead");
  progress.created_at = at("12-21 17:30");
  check_golden("failure.progress",
               compose(where, with_held_first(acknowledged()), progress, "12-21 17:30"));
}

TEST_CASE("mail to the owner and the lead: recovered") {
  Platform where = platform();
  check_golden(
      "failure.recovered.ops",
      compose(where, with_first_sent(recovered(), told(1)),
              notice(where, NoticeKind::failure_recovered, "infra-ops"), "2026-12-22 03:00"));
  check_golden(
      "failure.recovered.lead",
      compose(where, with_first_sent(recovered(), told(1)),
              notice(where, NoticeKind::failure_recovered, "system-lead"), "2026-12-22 03:00"));
}

TEST_CASE("mail to the lead and the desk: confirmed") {
  Platform where = platform();
  check_golden(
      "failure.confirmed.lead",
      compose(where, with_first_sent(confirmed(), told(1)),
              notice(where, NoticeKind::failure_confirmed, "system-lead"), "2026-12-22 03:30"));
  check_golden(
      "failure.confirmed.desk",
      compose(where, with_first_sent(confirmed(), told(1)),
              notice(where, NoticeKind::failure_confirmed, "inquiry-desk"), "2026-12-22 03:30"));
}

TEST_CASE("mail: reminders") {
  Platform where = platform();
  check_golden("failure.reminder.two",
               compose(where, with_held_first(major()),
                       notice(where, NoticeKind::failure_reminder, "infra-ops",
                              {.topic = "unacknowledged,report_overdue"}),
                       "12-21 18:01"));
  check_golden("failure.reminder.report",
               compose(where, with_held_first(relayed()),
                       notice(where, NoticeKind::failure_reminder, "system-lead",
                              {.topic = "report_overdue"}),
                       "12-21 19:00"));
  check_golden(
      "failure.reminder.unconfirmed",
      compose(where, with_first_sent(recovered(), told(1)),
              notice(where, NoticeKind::failure_reminder, "system-lead", {.topic = "unconfirmed"}),
              "2026-12-22 10:00"));
}

TEST_CASE("mail to the owner: a probe that cannot look") {
  Platform where = platform();
  check_golden("monitoring.blind",
               compose(where, state_with({}),
                       notice(where, NoticeKind::monitoring_blind, "infra-ops",
                              {.failure = 0,
                               .details = {{"component", "database"},
                                           {"probe", "tcp"},
                                           {"since", "2026-12-21T09:00:00.000+09:00"},
                                           {"reason", "the resolver does not answer"}}}),
                       "12-21 09:15"));
}

TEST_CASE("mail to whoever keeps the monitoring's machine, and to the lead: probes run late") {
  Platform where = platform();
  const std::map<std::string, std::string> late{
      {"since", "2026-12-21T09:00:00.000+09:00"}, {"most", "2m10s"}, {"fell_out", "37"}};
  const std::map<std::string, std::string> on_time{{"since", "2026-12-21T09:00:00.000+09:00"},
                                                   {"until", "2026-12-21T09:31:00.000+09:00"}};
  check_golden("monitoring.blind.late",
               compose(where, state_with({}),
                       notice(where, NoticeKind::monitoring_blind, "infra-ops",
                              {.failure = 0, .topic = "late", .details = late}),
                       "12-21 09:06"));
  check_golden("monitoring.blind.on_time",
               compose(where, state_with({}),
                       notice(where, NoticeKind::monitoring_blind, "infra-ops",
                              {.failure = 0, .topic = "on_time", .details = on_time}),
                       "12-21 09:41"));
  check_golden("lead.attention.late",
               compose(where, state_with({}),
                       notice(where, NoticeKind::lead_attention, "system-lead",
                              {.failure = 0, .topic = "late", .details = late}),
                       "12-21 09:06"));
}

TEST_CASE("mail to whoever keeps the monitoring's machine, and to the lead: it is cut off") {
  Platform where = platform();
  const std::map<std::string, std::string> cut_off{{"since", "2026-12-21T09:00:00.000+09:00"}, {"self_check", "gateway, way-out"}};
  const std::map<std::string, std::string> connected{{"since", "2026-12-21T09:00:00.000+09:00"},
                                                     {"until", "2026-12-21T09:31:00.000+09:00"}};
  check_golden("monitoring.blind.cut_off",
               compose(where, state_with({}),
                       notice(where, NoticeKind::monitoring_blind, "infra-ops",
                              {.failure = 0, .topic = "cut_off", .details = cut_off}),
                       "12-21 09:01"));
  check_golden("monitoring.blind.connected",
               compose(where, state_with({}),
                       notice(where, NoticeKind::monitoring_blind, "infra-ops",
                              {.failure = 0, .topic = "connected", .details = connected}),
                       "12-21 09:31"));
  check_golden("lead.attention.cut_off",
               compose(where, state_with({}),
                       notice(where, NoticeKind::lead_attention, "system-lead",
                              {.failure = 0, .topic = "cut_off", .details = cut_off}),
                       "12-21 09:01"));
}

TEST_CASE("mail to the lead: undelivered mail") {
  Platform where = platform();
  State state = with_held_first(major());
  check_golden(
      "delivery.failed.refused",
      compose(where, state,
              notice(where, NoticeKind::delivery_failed, "system-lead",
                     {.details = {{"notice", "8"},
                                  {"kind", "bank.first"},
                                  {"audience", "bank:aozora"},
                                  {"refused", "yamada@aozora.example 550 5.1.1 no such user"},
                                  {"last_error", "550 5.1.1 no such user"}}}),
              "12-21 17:05"));
  check_golden("delivery.failed.sender",
               compose(where, state,
                       notice(where, NoticeKind::delivery_failed, "system-lead",
                              {.details = {{"notice", "8"},
                                           {"kind", "bank.first"},
                                           {"audience", "bank:aozora"},
                                           {"refused",
                                            "yamada@aozora.example the relay refuses the sender "
                                            "<kanshi@example.jp>: 550 5.7.1 not yours"},
                                           {"last_error", "550 5.7.1 not yours"}}}),
                       "12-21 17:05"));
  check_golden("delivery.failed.age",
               compose(where, state_with({}),
                       notice(where, NoticeKind::delivery_failed, "system-lead",
                              {.failure = 0,
                               .details = {{"notice", "99"},
                                           {"kind", "major.declared"},
                                           {"audience", "ap-ops"},
                                           {"age", "24h"},
                                           {"last_error", "connection refused"}}}),
                       "12-22 17:05"));
}

TEST_CASE("mail to the lead: each question") {
  Platform where = platform();
  State state = with_held_first(major());
  struct Question {
    const char* topic;
    FailureId failure;
    std::map<std::string, std::string> details;
  };
  const std::vector<Question> questions{
      {"brake",
       12,
       {{"notice", "8"},
        {"bank", "aozora"},
        {"count", "5"},
        {"until", "2026-12-21T17:31:00.000+09:00"}}},
      {"clock_jump", 0, {{"by", "+1h30m"}, {"until", "2026-12-21T17:11:00.000+09:00"}}},
      {"recipients", 12, {{"notice", "8, 9"}, {"joined", "mori@midori.example"}, {"left", ""}}},
      {"possibly_affected", 12, {{"banks", "aozora, midori"}, {"services", "member-site"}}},
      {"relapsed", 12, {}},
      {"undecided", 12, {{"services", "member-site"}, {"probes", "database/tcp"}}},
      {"failure_empty", 12, {{"components", "database, web-1"}}},
      {"calendar", 0, {{"year", "2100"}}},
      {"approval", 12, {{"notices", "8, 9"}}},
      {"edit_dropped", 12, {{"notice", "8"}}},
      {"stop_late", 0, {{"banks", "midori"}, {"from", "2027-01-24T01:00:00.000+09:00"}, {"last", "2027-01-15T16:59:50.000+09:00"}}},
      {"bank_waits", 12, {{"notice", "8"}, {"reason", "システム統括の承認待ち"}}},
      {"something_new", 0, {{"name", "value"}}},
  };
  for (const Question& question : questions) {
    Notice one = notice(where, NoticeKind::lead_attention, "system-lead",
                        {.failure = question.failure, .topic = question.topic, .details = question.details});
    if (one.topic == "stop_late") one.stop = 3;
    check_golden(std::string("lead.attention.") + question.topic, compose(where, state, one, "12-21 17:01"));
  }
}

TEST_CASE("mail: several notices in one") {
  Platform where = platform();
  State state = state_with({major(), incident()});
  Notice carrier = notice(where, NoticeKind::major_declared, "system-lead");
  Notice escalated =
      notice(where, NoticeKind::failure_escalated, "system-lead", {.id = 8, .failure = 13});
  Notice blind = notice(where, NoticeKind::lead_attention, "system-lead",
                        {.id = 9, .failure = 0, .topic = "clock_jump", .details = {{"by", "2m"}}});
  for (Notice* merged : {&escalated, &blind}) {
    merged->state = NoticeState::merged;
    merged->into = 7;
    carrier.carries.push_back(merged->id);
    state.notices[merged->id] = *merged;
  }
  check_golden("bundle", compose(where, state, carrier, "12-21 17:01"));
}
