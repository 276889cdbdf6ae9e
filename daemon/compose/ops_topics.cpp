#include <fmt/format.h>

#include "ops_view.hpp"
#include "text.hpp"

namespace yagura::ops {
namespace {

constexpr std::size_t most_lines = 20;

// "unacknowledged,report_overdue" has both.
bool has_topic(const Notice& notice, std::string_view topic) {
  std::string_view rest = notice.topic;
  while (!rest.empty()) {
    auto comma = rest.find(',');
    std::string_view one = rest.substr(0, comma);
    while (one.starts_with(' '))
      one.remove_prefix(1);
    if (one == topic) return true;
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return false;
}

View with(const Source& source,
          std::initializer_list<std::pair<std::string_view, std::string>> values) {
  View view = source.view();
  for (const auto& [name, value] : values)
    view.set(name, value);
  return view;
}

void add_reminder(View& view, const Source& source) {
  const Notice& notice = source.notice;
  bool known = false;
  if (has_topic(notice, "unacknowledged")) {
    known = true;
    view.show("REMIND_UNACKNOWLEDGED");
  }
  if (has_topic(notice, "report_overdue")) {
    known = true;
    View overdue = with(
        source,
        {{"REPORT_DUE", source.words.phrases().length(source.platform.escalation.report_due)}});
    auto failure = source.state.failures.find(notice.failure);
    if (failure != source.state.failures.end() && !failure->second.reports.empty()) {
      overdue.add(
          "LAST_REPORT",
          with(source, {{"LAST_REPORT_AT", source.time(failure->second.reports.back().at)}}));
    }
    view.add("REMIND_REPORT_OVERDUE", std::move(overdue));
  }
  if (has_topic(notice, "unconfirmed")) {
    known = true;
    view.show("REMIND_UNCONFIRMED");
  }
  if (!known) view.add("REMIND_OTHER", with(source, {{"REMIND_REASON", one_line(notice.reason)}}));
}

View possibly_affected(const Source& source) {
  View view = with(source, {{"POSSIBLE_BANKS", source.detail_names("banks")},
                            {"POSSIBLE_SERVICES", source.detail_names("services")}});
  if (source.notice.details.contains("banks")) {
    std::size_t shown = 0;
    for (const auto& [id, bank] : source.platform.banks) {
      std::string listed = ", " + source.notice.details.at("banks") + ",";
      bool named = listed.find(" " + id + ",") != std::string::npos ||
                   listed.find("," + id + ",") != std::string::npos;
      if (named && ++shown <= most_lines)
        view.add("POSSIBLE_BANK", with(source, {{"POSSIBLE_BANK_ID", id}}));
    }
  }
  return view;
}

View recipients(const Source& source) {
  View view = with(source, {{"RECIPIENTS_NOTICE", source.detail_notices("notice")}});
  if (source.has_detail("joined")) {
    view.add("JOINED", with(source, {{"JOINED_NAMES", source.detail("joined")}}));
  }
  if (source.has_detail("left")) {
    view.add("LEFT", with(source, {{"LEFT_NAMES", source.detail("left")}}));
  }
  return view;
}

// One line for each bank, and one command to approve them all.
View approval(const Source& source) {
  const std::vector<std::string> ids = source.detail_list("notices");
  std::string all;
  for (const std::string& id : ids) all += (all.empty() ? "" : " ") + one_line(id);
  View view = with(source, {{"APPROVAL_COUNT", std::to_string(ids.size())},
                            {"APPROVAL_FIRST", ids.empty() ? std::string() : one_line(ids.front())},
                            {"APPROVAL_IDS", all}});
  for (const std::string& id : ids) {
    view.add("APPROVAL", with(source, {{"APPROVAL_NOTICE", source.notice_named(id)}}));
  }
  return view;
}

View undecided(const Source& source) {
  View view = with(source, {{"UNDECIDED_SERVICES", source.detail_names("services")}});
  if (source.has_detail("probes")) {
    view.add("UNSEEN", with(source, {{"UNSEEN_PROBES", source.detail("probes")}}));
  }
  return view;
}

View failure_empty(const Source& source) {
  View view = source.view();
  if (source.has_detail("components")) {
    view.add("GONE", with(source, {{"GONE_COMPONENTS", source.detail("components")}}));
  }
  return view;
}

std::string why_it_waits(const Source& source) {
  const std::string reason = source.detail("reason");
  return reason == "lead" || reason == "second-word" ? source.words["hold." + reason] : reason;
}

// Of the monitoring itself: to whoever keeps its machine, and to the lead.
bool add_monitoring(View& view, const Source& source) {
  if (source.notice.topic == "late") {
    view.add("LATE", with(source, {{"LATE_SINCE", source.detail_time("since")},
                                   {"LATE_MOST", source.detail_length("most")},
                                   {"LATE_FELL_OUT", source.detail("fell_out")}}));
  } else if (source.notice.topic == "on_time") {
    view.add("ON_TIME", with(source, {{"LATE_SINCE", source.detail_time("since")},
                                      {"LATE_UNTIL", source.detail_time("until")}}));
  } else if (source.notice.topic == "cut_off") {
    view.add("CUT_OFF", with(source, {{"CUT_OFF_SINCE", source.detail_time("since")},
                                      {"CUT_OFF_CHECK", source.detail_names("self_check")}}));
  } else if (source.notice.topic == "connected") {
    view.add("CONNECTED", with(source, {{"CUT_OFF_SINCE", source.detail_time("since")},
                                        {"CUT_OFF_UNTIL", source.detail_time("until")}}));
  } else {
    return false;
  }
  return true;
}

void add_question(View& view, const Source& source) {
  const std::string& topic = source.notice.topic;
  const auto add = [&](std::string_view section, View inside) {
    view.add(section, std::move(inside));
  };
  if (topic == "brake") {
    add("ASK_BRAKE", with(source, {{"BRAKE_BANK", source.detail_names("bank")},
                                   {"BRAKE_COUNT", source.detail("count")},
                                   {"BRAKE_UNTIL", source.detail_time("until")},
                                   {"BRAKE_NOTICE", source.detail("notice")}}));
  } else if (topic == "clock_jump") {
    add("ASK_CLOCK_JUMP", with(source, {{"JUMP_BY", source.detail_length("by")},
                                        {"JUMP_UNTIL", source.detail_time("until")}}));
  } else if (topic == "recipients") {
    add("ASK_RECIPIENTS", recipients(source));
  } else if (topic == "possibly_affected") {
    add("ASK_POSSIBLY_AFFECTED", possibly_affected(source));
  } else if (topic == "relapsed") {
    add("ASK_RELAPSED", source.view());
  } else if (topic == "undecided") {
    add("ASK_UNDECIDED", undecided(source));
  } else if (topic == "failure_empty") {
    add("ASK_FAILURE_EMPTY", failure_empty(source));
  } else if (topic == "calendar") {
    add("ASK_CALENDAR", with(source, {{"CALENDAR_YEAR", source.detail("year")}}));
  } else if (topic == "bank_waits") {
    add("ASK_BANK_WAITS", with(source, {{"WAITS_NOTICE", source.detail_notices("notice")},
                                        {"WAITS_ID", source.detail("notice")},
                                        {"WAITS_REASON", why_it_waits(source)}}));
  } else if (topic == "approval") {
    add("ASK_APPROVAL", approval(source));
  } else if (topic == "edit_dropped") {
    add("ASK_EDIT_DROPPED", with(source, {{"DROPPED_NOTICE", source.detail_notices("notice")},
                                          {"DROPPED_ID", source.detail("notice")}}));
  } else if (topic == "stop_late") {
    add("ASK_STOP_LATE", with(source, {{"STOP_LATE", std::to_string(source.notice.stop)},
                                       {"STOP_LATE_BANKS", source.detail_names("banks")},
                                       {"STOP_LATE_FROM", source.detail_time("from")},
                                       {"STOP_LATE_LAST", source.detail_time("last")}}));
  } else if (!add_monitoring(view, source)) {
    View other = with(source, {{"OTHER_REASON", one_line(source.notice.reason)}});
    std::size_t shown = 0;
    for (const auto& [name, value] : source.notice.details) {
      if (++shown > most_lines) break;
      other.add("OTHER_DETAIL",
                with(source, {{"OTHER_NAME", one_line(name)}, {"OTHER_VALUE", many_lines(value)}}));
    }
    add("ASK_OTHER", std::move(other));
  }
}

View blind(const Source& source) {
  View view = with(source, {{"BLIND_COMPONENT", source.detail("component")},
                            {"BLIND_PROBE", source.detail("probe")},
                            {"BLIND_SINCE", source.detail_time("since")},
                            {"BLIND_REASON", source.detail("reason")}});
  if (auto at = parse_instant(source.detail("since"))) {
    view.add("BLIND_TIME",
             with(source, {{"BLIND_LENGTH", source.words.phrases().length(source.now - *at)}}));
  }
  return view;
}

View delivery(const Source& source) {
  View view = with(source, {{"DELIVERY_NOTICE", source.detail_notices("notice")},
                            {"DELIVERY_ID", source.detail("notice")}});
  const auto& details = source.notice.details;
  if (auto refused = details.find("refused"); refused != details.end()) {
    View all = source.view();
    std::string_view rest = refused->second;
    // The relay's word about mail.from (transport.hpp), given for each address.
    const bool of_sender = rest.find(" the relay refuses the sender <") != std::string_view::npos;
    all.show(of_sender ? "BY_SENDER" : "BY_ADDRESS");
    for (std::size_t shown = 0; !rest.empty() && shown < most_lines; ++shown) {
      std::size_t newline = rest.find('\n');
      all.add("REFUSED", with(source, {{"REFUSED_LINE", one_line(rest.substr(0, newline))}}));
      rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    }
    view.add("REFUSALS", std::move(all));
  }
  if (details.contains("age"))
    view.add("UNDELIVERED", with(source, {{"UNDELIVERED_FOR", source.detail_length("age")}}));
  if (auto error = details.find("last_error"); error != details.end() && !error->second.empty()) {
    view.add("ANSWERED", with(source, {{"LAST_ANSWER", one_line(error->second)}}));
  }
  return view;
}

}  // namespace

void add_topics(View& view, const Source& source) {
  switch (source.notice.kind) {
    case NoticeKind::failure_detected: {
      const std::string& topic = source.notice.topic;
      view.show(topic == "owner" ? "NEW_OWNER" : topic == "relapsed" ? "RELAPSE" : "DETECTED");
      break;
    }
    case NoticeKind::failure_reminder:
      add_reminder(view, source);
      break;
    case NoticeKind::lead_attention:
      add_question(view, source);
      break;
    case NoticeKind::monitoring_blind:
      if (!add_monitoring(view, source)) view.add("BLIND", blind(source));
      break;
    case NoticeKind::delivery_failed:
      view.add("DELIVERY", delivery(source));
      break;
    case NoticeKind::major_declared:
    case NoticeKind::failure_escalated:
    case NoticeKind::failure_recovered:
    case NoticeKind::failure_confirmed:
    case NoticeKind::failure_progress:
    case NoticeKind::failure_acknowledged:
    case NoticeKind::bank_security:
    case NoticeKind::bank_first:
    case NoticeKind::bank_occurred_and_recovered:
    case NoticeKind::bank_recovered:
    case NoticeKind::bank_corrected:
    case NoticeKind::bank_progress:
    case NoticeKind::stop_emergency:
    case NoticeKind::stop_cancelled:
    case NoticeKind::stop_changed:
    case NoticeKind::stop_extended:
    case NoticeKind::stop_planned:
    case NoticeKind::stop_reminder:
    case NoticeKind::stop_completed:
    case NoticeKind::inquiry_reminder:
    case NoticeKind::inquiry_received:
    case NoticeKind::inquiry_update:
    case NoticeKind::inquiry_reply:
      break;
  }
}

const Vocabulary& topics_vocabulary() {
  static const Vocabulary vocabulary{
      {},
      {
          {"DETECTED", {}},
          {"NEW_OWNER", {}},
          {"RELAPSE", {}},
          {"REMIND_UNACKNOWLEDGED", {}},
          {"REMIND_REPORT_OVERDUE", {{"REPORT_DUE"}, {{"LAST_REPORT", {{"LAST_REPORT_AT"}, {}}}}}},
          {"REMIND_UNCONFIRMED", {}},
          {"REMIND_OTHER", {{"REMIND_REASON"}, {}}},
          {"ASK_BRAKE", {{"BRAKE_BANK", "BRAKE_COUNT", "BRAKE_UNTIL", "BRAKE_NOTICE"}, {}}},
          {"ASK_CLOCK_JUMP", {{"JUMP_BY", "JUMP_UNTIL"}, {}}},
          {"ASK_RECIPIENTS",
           {{"RECIPIENTS_NOTICE"},
            {{"JOINED", {{"JOINED_NAMES"}, {}}}, {"LEFT", {{"LEFT_NAMES"}, {}}}}}},
          {"ASK_POSSIBLY_AFFECTED",
           {{"POSSIBLE_BANKS", "POSSIBLE_SERVICES"},
            {{"POSSIBLE_BANK", {{"POSSIBLE_BANK_ID"}, {}}}}}},
          {"ASK_RELAPSED", {}},
          {"ASK_UNDECIDED", {{"UNDECIDED_SERVICES"}, {{"UNSEEN", {{"UNSEEN_PROBES"}, {}}}}}},
          {"ASK_FAILURE_EMPTY", {{}, {{"GONE", {{"GONE_COMPONENTS"}, {}}}}}},
          {"ASK_CALENDAR", {{"CALENDAR_YEAR"}, {}}},
          {"ASK_BANK_WAITS", {{"WAITS_NOTICE", "WAITS_ID", "WAITS_REASON"}, {}}},
          {"ASK_APPROVAL",
           {{"APPROVAL_COUNT", "APPROVAL_FIRST", "APPROVAL_IDS"}, {{"APPROVAL", {{"APPROVAL_NOTICE"}, {}}}}}},
          {"ASK_EDIT_DROPPED", {{"DROPPED_NOTICE", "DROPPED_ID"}, {}}},
          {"ASK_STOP_LATE",
           {{"STOP_LATE", "STOP_LATE_BANKS", "STOP_LATE_FROM", "STOP_LATE_LAST"}, {}}},
          {"ASK_OTHER",
           {{"OTHER_REASON"}, {{"OTHER_DETAIL", {{"OTHER_NAME", "OTHER_VALUE"}, {}}}}}},
          {"LATE", {{"LATE_SINCE", "LATE_MOST", "LATE_FELL_OUT"}, {}}},
          {"ON_TIME", {{"LATE_SINCE", "LATE_UNTIL"}, {}}},
          {"CUT_OFF", {{"CUT_OFF_SINCE", "CUT_OFF_CHECK"}, {}}},
          {"CONNECTED", {{"CUT_OFF_SINCE", "CUT_OFF_UNTIL"}, {}}},
          {"BLIND",
           {{"BLIND_COMPONENT", "BLIND_PROBE", "BLIND_SINCE", "BLIND_REASON"},
            {{"BLIND_TIME", {{"BLIND_LENGTH"}, {}}}}}},
          {"DELIVERY",
           {{"DELIVERY_NOTICE", "DELIVERY_ID"},
            {{"REFUSALS",
              {{}, {{"BY_SENDER", {}}, {"BY_ADDRESS", {}}, {"REFUSED", {{"REFUSED_LINE"}, {}}}}}},
             {"UNDELIVERED", {{"UNDELIVERED_FOR"}, {}}},
             {"ANSWERED", {{"LAST_ANSWER"}, {}}}}}},
      }};
  return vocabulary;
}

}  // namespace yagura::ops
