// The system lead's orders on notices that are not sent: hold, release, withdraw, edit
// (INTERFACE.md §4, §7).
#include <fmt/format.h>

#include <algorithm>

#include "edition.hpp"
#include "orders.hpp"

namespace yagura {

namespace {

std::optional<Reply> not_changeable(const Turn& turn, const Caller& who, NoticeId id) {
  if (!who.is_lead()) return refused(only_lead);
  auto found = turn.state().notices.find(id);
  if (found == turn.state().notices.end()) return refused(fmt::format("there is no notice {}", id));
  if (!found->second.is_unsent()) {
    return refused(fmt::format("notice {} is {} already", id,
                               boost::describe::enum_to_string(found->second.state, "")));
  }
  if (found->second.in_flight) {
    return refused(fmt::format("notice {} is being handed over at this moment; ask again", id));
  }
  return std::nullopt;
}

}  // namespace

Reply follow(Turn& turn, const Caller& who, const HoldNotice& order) {
  if (auto no = not_changeable(turn, who, order.notice)) return *no;
  Notice& notice = turn.edit_notice(order.notice);
  notice.lead_hold = true;
  notice.hold_told_at = turn.now;
  notice.released = false;
  turn.batch.facts.push_back(
      {turn.now, "notice.hold-ordered", notice.failure, notice.id, who.person.id, {}});
  return done(
      fmt::format("notice {} is held until `yagura notice release {}`", notice.id, notice.id));
}

Reply follow(Turn& turn, const Caller& who, const ReleaseNotice& order) {
  if (auto no = not_changeable(turn, who, order.notice)) return *no;
  Notice& notice = turn.edit_notice(order.notice);
  notice.lead_hold = false;
  notice.hold_told_at.reset();
  notice.released = true;
  notice.released_version = version_of(turn.state(), notice);
  turn.batch.facts.push_back(
      {turn.now, "notice.release-ordered", notice.failure, notice.id, who.person.id, {}});
  return done(fmt::format("notice {} is released; its window still holds for it", notice.id));
}

Reply follow(Turn& turn, const Caller& who, const WithdrawNotice& order) {
  if (auto no = not_changeable(turn, who, order.notice)) return *no;
  const Notice& notice = turn.notice(order.notice);
  if (!notice.carries.empty()) {
    return refused(fmt::format("notice {} carries others, which would be lost with it", notice.id));
  }
  if (is_bank(notice.kind) && notice.frozen) {
    return refused(fmt::format(
        "notice {} may have arrived already: its last attempt ended without an answer", notice.id));
  }
  if (is_bank(notice.kind) && notice.failure != 0) {
    Failure& failure = turn.edit(end_of_joins(turn, notice.failure));
    BankThread& thread = failure.banks[notice.bank()];
    if (is_bank_first(notice.kind)) {
      thread.withdrawn_by = who.person.id;
    } else if (notice.kind == NoticeKind::bank_progress) {
      if (!failure.relapses.empty()) thread.relapse_told = failure.relapses.back();
      thread.reports_told = static_cast<int>(
          std::count_if(failure.reports.begin(), failure.reports.end(),
                        [](const ProgressReport& report) { return report.to_banks; }));
    } else {
      thread.told = Told::ended;
    }
  }
  if (is_bank(notice.kind) && notice.stop != 0) withdrawn_stop_notice(turn, notice, who.person.id);
  std::string and_so;
  if (is_bank_first(notice.kind)) {
    and_so = fmt::format("; {} hears NOTHING of failure {} any more, not its end either: `yagura banks {} --add {} -m TEXT` takes "
                         "that back", notice.bank(), notice.failure, notice.failure, notice.bank());
  }
  turn.withdraw(order.notice, "withdrawn by " + who.person.id);
  return done(fmt::format("notice {} is withdrawn{}", order.notice, and_so));
}

Reply follow(Turn& turn, const Caller& who, const EditNotice& order) {
  if (auto no = not_changeable(turn, who, order.notice)) return *no;
  const Notice& seen = turn.notice(order.notice);
  if (!is_bank(seen.kind)) {
    return refused(
        fmt::format("notice {} is for colleagues: only mail to banks can be edited", seen.id));
  }
  if (seen.frozen) {
    return refused(fmt::format(
        "notice {} may have arrived already: its last attempt ended without an answer, and the "
        "same bytes go again",
        seen.id));
  }
  const std::string edition = edition_of(turn.state(), seen);
  if (!order.version.empty() && order.version != edition) {
    return refused(fmt::format(
        "notice {} has changed while you wrote: look at what it says now, and edit it again",
        seen.id));
  }
  if (is_blank(order.subject))
    return refused("the subject is empty: the text begins with `Subject: …` and an empty line");
  if (is_blank(order.body))
    return refused("the text is empty; to send nothing, withdraw the notice");
  Notice& notice = turn.edit_notice(order.notice);
  const int number = notice.edited ? notice.edited->number + 1 : 1;
  notice.edited = EditedText{
      order.subject, order.body, who.person.id, turn.now, version_of(turn.state(), notice), number};
  notice.rendered = false;  // An attempt that was surely not accepted may have written it already.
  // What was released is not what it says now.
  const bool again = notice.released && (notice.kind == NoticeKind::bank_security || turn.platform.bank_notices.approval);
  if (again) {
    notice.released = false;
    if (notice.kind == NoticeKind::bank_security) notice.lead_hold = true;
    notice.hold_told_at = turn.now;
  }
  turn.batch.facts.push_back({turn.now,
                              "notice.edited",
                              notice.failure,
                              notice.id,
                              who.person.id,
                              {{"subject", order.subject},
                               {"text", order.body},
                               {"subject_before", order.subject_before},
                               {"text_before", order.body_before}}});
  return done(fmt::format("notice {} says what you wrote{}", notice.id,
                          again || awaits_approval(turn, notice)
                              ? fmt::format("; it waits for `yagura notice release {}`", notice.id)
                              : ""));
}

Reply follow(Turn& turn, const Caller& who, const TellSecurity& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (is_blank(order.text)) return refused("say what the banks are to read: -m TEXT");
  std::set<BankName> banks = order.banks;
  if (order.all_banks) {
    for (const auto& [name, bank] : turn.platform.banks) banks.insert(name);
  }
  if (banks.empty()) return refused("name the banks: --bank B, or --bank all");
  for (const BankName& name : banks) {
    if (!turn.platform.banks.contains(name)) return refused(fmt::format("there is no bank {} in the configuration", name));
    if (turn.recipients("bank:" + name, NoticeKind::bank_security).empty()) {
      return refused(fmt::format("{} has no contact for failures: it cannot be mailed", name));
    }
  }
  std::string ids, names;
  for (const BankName& name : banks) {
    const NoticeId id = turn.queue({NoticeKind::bank_security, "bank:" + name, 0, "ordered by " + who.person.id, {},
                                    {{"text", order.text}}, order.at_once ? "" : "bank_mail"});
    Notice& notice = turn.edit_notice(id);
    notice.lead_hold = true;
    notice.hold_told_at = turn.now;
    ids += (ids.empty() ? "" : " ") + std::to_string(id);
    names += (names.empty() ? "" : ", ") + turn.platform.banks.at(name).name;
  }
  turn.fact("security.ordered", 0,
            {{"banks", join(banks)}, {"when", order.at_once ? "at once" : "in the window"}, {"text", order.text}},
            who.person.id);
  return done(fmt::format("prepared for {}, and NOT sent. Read it: `yagura notice preview {}`. To send it {}: `yagura notice "
                          "release {}`",
                          names, ids.substr(0, ids.find(' ')), order.at_once ? "at once" : "in the window for mail to banks",
                          ids));
}

}  // namespace yagura
