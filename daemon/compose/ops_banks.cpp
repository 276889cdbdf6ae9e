#include <fmt/format.h>

#include <algorithm>

#include "ops_view.hpp"
#include "text.hpp"

namespace yagura::ops {
namespace {

// The bank notices that have not gone.
std::vector<const Notice*> unsent_to_banks(const Source& source) {
  std::vector<const Notice*> unsent;
  for (const Notice* notice : source.related) {
    if (is_bank(notice->kind) && notice->is_unsent()) unsent.push_back(notice);
  }
  return unsent;
}

struct Wait {
  std::string why;
  std::optional<Instant> until;
};

Wait wait_of(const Source& source, const Notice& notice) {
  const Words& words = source.words;
  if (notice.lead_hold) return {words["hold.lead"], {}};
  if (notice.hold.find("approval") != std::string::npos) return {words["hold.approval"], {}};
  auto window = source.platform.windows.find(notice.window);
  if (window != source.platform.windows.end()) {
    auto opens = window->second.next_open(source.now, source.platform.mail.attempt_timeout,
                                          source.platform.context());
    if (opens && *opens > source.now) return {words["hold.window"], opens};
  }
  const auto& clock = source.state.core.bank_hold_until;
  if (clock && *clock > source.now) return {words["hold.clock"], clock};
  if (notice.brake_until && *notice.brake_until > source.now && !notice.released) {
    return {words["hold.brake"], notice.brake_until};
  }
  if (notice.retry_at && *notice.retry_at > source.now)
    return {words["hold.retry"], notice.retry_at};
  if (!notice.hold.empty()) {
    return {words["hold.check"],
            notice.not_before > source.now ? std::optional(notice.not_before) : std::nullopt};
  }
  return {words["hold.none"], {}};
}

std::string state_of(const Source& source, const BankThread& thread, bool waiting) {
  const Words& words = source.words;
  std::string text;
  if (!thread.withdrawn_by.empty()) {
    text =
        source.words.phrases().aside(words["told.withdrawn"], source.person(thread.withdrawn_by));
  } else if (thread.undeliverable) {
    text = words["told.refused"];
  } else if (thread.told == Told::ended) {
    text = words.counted("told.ended", static_cast<std::size_t>(thread.mails));
  } else if (thread.told == Told::first) {
    text = words.counted("told.first", static_cast<std::size_t>(thread.mails));
  } else if (thread.removed) {
    text = words["told.removed"];
  } else {
    text = words[waiting ? "told.waiting" : "told.nothing"];
  }
  return thread.added ? source.words.phrases().aside(text, words["told.added"]) : text;
}

// Banks that the failure has a thread for, and those whose services it kept down though nothing was
// decided yet.
std::map<BankName, BankThread> concerned_banks(const Source& source, const Failure& failure) {
  std::map<BankName, BankThread> banks;
  for (const auto& [id, thread] : failure.banks) {
    if (thread.affected || thread.added || thread.removed || thread.told != Told::nothing)
      banks[id] = thread;
  }
  for (const auto& [id, bank] : source.platform.banks) {
    bool affected = std::any_of(
        failure.kept_down.begin(), failure.kept_down.end(),
        [&bank = bank](const auto& kept) { return bank.services.contains(kept.first); });
    if (affected) banks.try_emplace(id).first->second.affected = true;
  }
  return banks;
}

struct Chain {
  const std::vector<ChainStep>& steps;
  const ChainProgress& progress;
  NoticeKind kind;
};

// Whether the step's audience was told, from the notices themselves.
std::string step_state(const Source& source, const Failure& failure, const Chain& chain, int index,
                       Role role) {
  const Words& words = source.words;
  const ChainStep& step = chain.steps[static_cast<std::size_t>(index)];
  if (!chain.progress.done.contains(index)) {
    bool dropped = step.unless_acknowledged && failure.acknowledged;
    return words[dropped ? "chain.dropped" : "chain.planned"];
  }
  const Notice* latest = nullptr;
  for (const Notice* notice : source.related) {
    if (notice->failure == failure.id && notice->kind == chain.kind &&
        notice->audience == name_of(role)) {
      latest = notice;
    }
  }
  if (latest == nullptr) return words["chain.dropped"];
  const NoticeId mine = source.notice.id;
  if (latest->id == mine || (latest->into != 0 && latest->into == mine)) return words["chain.this"];
  switch (latest->state) {
    case NoticeState::held:
    case NoticeState::due:
      return words["chain.waiting"];
    case NoticeState::sent:
    case NoticeState::merged:
      return words["chain.sent"];
    case NoticeState::withdrawn:
      return words["chain.dropped"];
    case NoticeState::undeliverable:
      return words["told.refused"];
  }
  return words["unknown"];
}

// Sent only once every bank that is to hear of it has been told.
std::string banks_state(const Source& source, const Failure& failure, bool begun) {
  if (!begun) return source.words["chain.planned"];
  bool waits = !unsent_to_banks(source).empty();
  for (const auto& [id, thread] : concerned_banks(source, failure)) {
    waits = waits || (thread.told == Told::nothing && !thread.removed && !thread.undeliverable &&
                      thread.withdrawn_by.empty());
  }
  return source.words[waits ? "chain.waiting" : "chain.sent"];
}

void add_steps(View& view, const Source& source, const Failure& failure, const Chain& chain) {
  for (int index = 0; index < static_cast<int>(chain.steps.size()); ++index) {
    const ChainStep& step = chain.steps[static_cast<std::size_t>(index)];
    for (const Audience& audience : step.to) {
      View one = source.view();
      bool banks = audience.kind == Audience::Kind::banks;
      Role role = audience.kind == Audience::Kind::owner ? failure.owner : audience.role;
      one.set("CHAIN_TO", banks ? source.words["chain.banks"] : source.words.of(role));
      one.set("CHAIN_WHEN", step.after > Duration{0} ? source.time(chain.progress.base + step.after)
                                                     : source.words["chain.at-once"]);
      one.set("CHAIN_STATE", banks
                                 ? banks_state(source, failure, chain.progress.done.contains(index))
                                 : step_state(source, failure, chain, index, role));
      view.add("CHAIN", std::move(one));
    }
  }
}

}  // namespace

void add_chain(View& view, const Source& source, const Failure& failure) {
  const Escalation& rules = source.platform.escalation;
  switch (failure.classification) {
    case FailureClass::undetermined:
      break;
    case FailureClass::incident:
      add_steps(view, source, failure,
                {incident_chain_of(rules, failure).steps, failure.incident_chain, NoticeKind::failure_escalated});
      break;
    case FailureClass::major:
      add_steps(view, source, failure,
                {rules.major, failure.major_chain, NoticeKind::major_declared});
      break;
  }
}

void add_banks(View& view, const Source& source, const Failure& failure) {
  std::vector<const Notice*> unsent = unsent_to_banks(source);
  std::size_t shown = 0;
  std::map<BankName, BankThread> banks = concerned_banks(source, failure);
  for (const auto& [id, thread] : banks) {
    if (++shown > most_banks) continue;
    bool waiting = std::any_of(unsent.begin(), unsent.end(), [&name = id](const Notice* notice) {
      return notice->bank() == name;
    });
    View bank = source.view();
    bank.set("BANK_NAME", source.bank(id));
    bank.set("BANK_STATE", state_of(source, thread, waiting));
    view.add("BANK", std::move(bank));
  }
  if (banks.size() > most_banks) {
    View more = source.view();
    more.set("MORE_BANKS_COUNT", std::to_string(banks.size() - most_banks));
    view.add("MORE_BANKS", std::move(more));
  }
  if (!failure.proposed.empty()) {
    std::vector<std::string> names;
    for (const BankName& id : failure.proposed) {
      if (!banks.contains(id))
        names.push_back(source.words.phrases().aside(source.bank(id), one_line(id)));
    }
    View proposed = source.view();
    proposed.set("PROPOSED_BANKS", source.words.phrases().list(names));
    if (!names.empty()) view.add("PROPOSED", std::move(proposed));
  }
  view.show_if(!unsent.empty(), "ANY_HELD");
  for (std::size_t i = 0; i < unsent.size() && i < most_banks; ++i) {
    Wait wait = wait_of(source, *unsent[i]);
    View held = source.view();
    held.set("HELD_NOTICE", std::to_string(unsent[i]->id));
    held.set("HELD_WHAT", source.describe(*unsent[i]));
    held.set("HELD_WHY", wait.why);
    if (wait.until) {
      View until = source.view();
      until.set("HELD_UNTIL", source.time(*wait.until));
      held.add("HELD_TIME", std::move(until));
    }
    view.add("HELD", std::move(held));
  }
}

}  // namespace yagura::ops
