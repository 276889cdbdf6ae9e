// escalation, bank_notices: who is told of a failure, when, and how many at a time.
#include <fmt/format.h>

#include <algorithm>

#include "draft.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_steps = 100;

struct ChainKind {
  std::string_view key;
  bool at_once = false;  // steps have no time of their own
  bool tells_banks = false;
};
constexpr ChainKind detected{"detected", true, false};
constexpr ChainKind incident{"incident", false, false};
constexpr ChainKind major{"major", false, true};
constexpr ChainKind security{"security", false, false};

ChainStep step_to(std::vector<Audience> to) {
  ChainStep step;
  step.to = std::move(to);
  return step;
}
Audience role_audience(Role role) {
  return {Audience::Kind::role, role};
}

// The chains of a configuration that says nothing: those of the example, less the roles that nobody
// has.
Escalation usual_escalation(const Draft& draft) {
  Escalation usual;
  const Audience owner{Audience::Kind::owner, {}};
  const Audience lead = role_audience(Role::system_lead);
  usual.detected = {step_to({owner})};
  usual.security = {step_to({owner}), step_to({lead})};

  ChainStep late = step_to({lead});
  late.after = 30min;
  late.unless_acknowledged = true;
  late.window = "response_hours";
  usual.incident = {late};

  usual.major = {step_to({lead})};
  if (draft.holders.contains(Role::inquiry_desk))
    usual.major.push_back(step_to({role_audience(Role::inquiry_desk)}));
  ChainStep ops;
  for (Role role : {Role::ap_ops, Role::infra_ops}) {
    if (draft.holders.contains(role)) ops.to.push_back(role_audience(role));
  }
  ops.after = 10min;
  ops.unless_acknowledged = true;
  if (!ops.to.empty()) usual.major.push_back(std::move(ops));
  ChainStep banks = step_to({{Audience::Kind::banks, {}}});
  banks.window = "bank_mail";
  usual.major.push_back(std::move(banks));
  return usual;
}

std::optional<Audience> read_audience(Draft& draft, Reader& reader, const Node& node,
                                      const ChainKind& chain) {
  if (node.scalar == "owner") return Audience{Audience::Kind::owner, {}};
  if (node.scalar == "banks") {
    if (chain.tells_banks) return Audience{Audience::Kind::banks, {}};
    reader.problem(
        node, fmt::format("banks are mailed of major failures only (N2): remove `banks` from {}",
                          chain.key));
    return std::nullopt;
  }
  if (const auto role = role_named(node.scalar)) {
    draft.mailed.emplace(*role, node.place);
    return role_audience(*role);
  }
  std::string roles;
  for (Role role : all_roles)
    roles += fmt::format(", {}", name_of(role));
  reader.problem(node,
                 fmt::format("`to` must be owner, {}or a role ({}), not `{}`",
                             chain.tells_banks ? "banks, " : "", roles.substr(2), node.scalar));
  return std::nullopt;
}

ChainStep read_step(Draft& draft, const Node& node, const ChainKind& chain) {
  ChainStep step;
  Reader reader(node, draft.problems, fmt::format("a step of escalation.{}", chain.key));
  if (!node.is_map()) return step;
  const Node* to = reader.required("to");
  const auto words = scalars_of(reader, "to", 20);
  if (to != nullptr && to->is_list() && to->items.empty())
    reader.problem(*to, "`to` is empty: write whom to mail");
  const Node* banks = nullptr;
  for (const Node* word : words) {
    if (auto audience = read_audience(draft, reader, *word, chain)) {
      step.to.push_back(*audience);
      if (audience->kind == Audience::Kind::banks) banks = word;
    }
  }

  if (const Node* after = reader.find("after"); after != nullptr && chain.at_once) {
    reader.problem(*after, fmt::format("steps of {} go at once: remove `after`", chain.key));
  } else {
    step.after = duration_within(reader, "after", 0s, 0s, 24h * 30);
  }
  step.unless_acknowledged =
      choice_of<bool>(reader, "unless", {{"acknowledged", true}}).value_or(false);
  if (banks != nullptr && reader.has("unless")) {
    reader.problem(*reader.find("unless"),
                   "an acknowledgement never drops what banks are owed: remove `unless`, or write "
                   "a step of its own for banks");
  }
  step.window = reader.text("window");
  if (step.window && !draft.windows.contains(*step.window)) {
    reader.problem(*reader.find("window"), draft.unknown("window", *step.window, draft.windows));
  }
  if (banks != nullptr && !reader.has("window")) {
    reader.problem(*banks, "mail to banks goes in a window only (N1): add window: bank_mail");
  }
  reader.finish();
  return step;
}

void read_chain(Draft& draft, Reader& reader, const ChainKind& kind,
                std::vector<ChainStep>& chain) {
  const auto* steps =
      list_of(reader, kind.key, "a list of steps (- {to: …, after: …})", most_steps);
  if (steps == nullptr) return;
  chain.clear();
  for (const Node& step : *steps)
    chain.push_back(read_step(draft, step, kind));
}

void read_remind(Draft& draft, Reader& reader, Escalation& escalation) {
  const Node* node = reader.find("remind");
  if (node == nullptr) return;
  if (node->is_scalar() && node->scalar == "none") {
    escalation.remind_every.reset();
    return;
  }
  if (!node->is_map()) {
    return reader.problem(*node, "`remind` must be {every: 30m, until: acknowledged}, or none");
  }
  Reader remind(*node, draft.problems, "escalation.remind");
  remind.required("every");
  escalation.remind_every = duration_within(remind, "every", 30min, 1min, 24h * 7);
  choice_of<bool>(remind, "until", {{"acknowledged", true}});
  remind.finish();
}

void read_flapping(Draft& draft, Reader& reader, Escalation& escalation) {
  const Node* node = reader.find("flapping");
  if (node == nullptr) return;
  if (node->is_scalar() && node->scalar == "none") {
    escalation.flapping.reset();
    return;
  }
  if (!node->is_map()) {
    return reader.problem(*node, "`flapping` must be {turns: 10, within: 1h}, or none");
  }
  Reader flapping(*node, draft.problems, "escalation.flapping");
  flapping.required("turns");
  flapping.required("within");
  const Flapping usual;
  escalation.flapping = Flapping{static_cast<int>(flapping.integer_or("turns", usual.turns, 2, 1000)),
                                 duration_within(flapping, "within", usual.within, 1min, 24h * 7)};
  flapping.finish();
}

void warn_of_untold_banks(Draft& draft, const Node& section) {
  if (draft.platform.banks.empty()) return;
  for (const ChainStep& step : draft.platform.escalation.major) {
    for (const Audience& audience : step.to) {
      if (audience.kind == Audience::Kind::banks) return;
    }
  }
  const Node* chain = section.find(major.key);
  draft.warning(
      chain == nullptr ? section : *chain,
      "no step of the major chain mails the banks: they will not hear of major failures (N1)");
}

void read_bank_notices(Draft& draft) {
  const Node* section = draft.root.find("bank_notices");
  if (section == nullptr) return;
  Reader reader(*section, draft.problems, "bank_notices");
  if (const Node* approval = reader.find("approval")) {
    draft.platform.bank_notices.approval = approval->is_scalar() && approval->scalar == "system-lead";
    if (!draft.platform.bank_notices.approval && !(approval->is_scalar() && approval->scalar == "none")) {
      reader.problem(*approval, "`approval` must be none or system-lead");
    }
  }
  draft.platform.bank_notices.first_per_hour = static_cast<int>(
      reader.integer_or("first_per_hour", draft.platform.bank_notices.first_per_hour, 1, 1000));
  draft.platform.bank_notices.stop_reminder =
      reader.boolean_or("stop_reminder", draft.platform.bank_notices.stop_reminder);
  reader.finish();
}

}  // namespace

void read_escalation(Draft& draft) {
  Escalation& escalation = draft.platform.escalation;
  escalation = usual_escalation(draft);
  if (const Node* section = draft.root.find("escalation")) {
    Reader reader(*section, draft.problems, "escalation");
    read_chain(draft, reader, detected, escalation.detected);
    read_chain(draft, reader, incident, escalation.incident);
    read_chain(draft, reader, major, escalation.major);
    read_chain(draft, reader, security, escalation.security);
    read_remind(draft, reader, escalation);
    escalation.report_due =
        duration_within(reader, "report_due", escalation.report_due, 1min, 24h * 7);
    escalation.undetermined_at_most =
        duration_within(reader, "undetermined_at_most", escalation.undetermined_at_most, 1s, 24h);
    escalation.correlate = duration_within(reader, "correlate", escalation.correlate, 0s, 1h);
    escalation.auto_close =
        duration_within(reader, "auto_close", escalation.auto_close, 1s, 24h * 30);
    read_flapping(draft, reader, escalation);
    escalation.blind_after =
        duration_within(reader, "blind_after", escalation.blind_after, 1s, 24h * 7);
    reader.finish();
    warn_of_untold_banks(draft, *section);
  }
  read_bank_notices(draft);
}

}  // namespace yagura
