// probe_defaults, and a probe of a component: the keys common to all kinds. What is a kind's own,
// the kind reads.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

#include "draft.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr Duration shortest_interval = 1s;
constexpr Duration longest_interval = 5min;  // M3
constexpr Duration longest_sustain = 24h;
constexpr std::array<std::string_view, 8> common_keys{"kind",  "name",    "interval", "timeout",
                                                      "retry", "confirm", "clear",    "impact"};
constexpr std::array<std::string_view, 5> run_keys{"interval", "timeout", "retry", "confirm",
                                                   "clear"};

Duration read_interval(Reader& reader, Duration otherwise) {
  const auto interval = reader.duration("interval");
  if (!interval) return otherwise;
  if (*interval > longest_interval) {
    reader.problem(*reader.find("interval"),
                   fmt::format("an interval of {} is too long: every probe runs at least every 5 "
                               "minutes (M3); write 5m "
                               "or less",
                               format_duration(*interval)));
  } else if (*interval < shortest_interval) {
    reader.problem(*reader.find("interval"),
                   fmt::format("an interval of {} is too short: write 1s or more",
                               format_duration(*interval)));
  } else {
    return *interval;
  }
  return otherwise;
}

// Where either of the two is written. False where they do not fit.
bool check_timeout(Reader& reader, Duration timeout, Duration interval) {
  if (timeout < interval) return true;
  const Node* written = reader.find("timeout");
  if (written == nullptr) written = reader.find("interval");
  if (written != nullptr) {
    reader.problem(
        *written,
        fmt::format("the timeout, {}, must be shorter than the interval, {}: write a shorter "
                    "timeout or a longer interval",
                    format_duration(timeout), format_duration(interval)));
  }
  return false;
}

Family family_of(ProbeFamily family) {
  switch (family) {
    case ProbeFamily::liveness:
      return Family::liveness;
    case ProbeFamily::resource:
      return Family::resource;
    case ProbeFamily::job:
      return Family::job;
    case ProbeFamily::security:
      return Family::security;
    case ProbeFamily::outside:
      return Family::resource;  // to the decision code the two are alike
  }
  return Family::liveness;
}

void describe(const Node& node, std::string& into);

void describe(std::vector<const NodeEntry*> entries, std::string& into) {
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->first.scalar < b->first.scalar; });
  into += '{';
  for (const auto* entry : entries) {
    describe(entry->first, into);
    describe(entry->second, into);
  }
  into += '}';
}

// One form for all spellings: keys in order, texts with their lengths.
void describe(const Node& node, std::string& into) {
  switch (node.kind) {
    case Node::Kind::null:
      into += '~';
      break;
    case Node::Kind::scalar:
      fmt::format_to(std::back_inserter(into), "{}:{}", node.scalar.size(), node.scalar);
      break;
    case Node::Kind::list:
      into += '[';
      for (const Node& item : node.items)
        describe(item, into);
      into += ']';
      break;
    case Node::Kind::map: {
      std::vector<const NodeEntry*> entries;
      for (const auto& entry : node.entries)
        entries.push_back(&entry);
      describe(std::move(entries), into);
      break;
    }
  }
}

// The probe's keys without the common ones, which are not the kind's.
std::string definition_of(const std::string& kind, const Node& node) {
  std::vector<const NodeEntry*> own;
  for (const NodeEntry& entry : node.entries) {
    if (std::find(common_keys.begin(), common_keys.end(), entry.first.scalar) == common_keys.end()) own.push_back(&entry);
  }
  std::string definition = kind;
  describe(std::move(own), definition);
  return definition;
}

// A header that lets in is a secret, and the file that it stands in holds one.
void guard_headers(Draft& draft, const Node& probe) {
  const Node* headers = probe.find("headers");
  if (headers == nullptr) return;
  for (const auto& [name, value] : headers->entries) {
    std::string word = name.scalar;
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    const bool secret = word == "authorization" || word == "proxy-authorization" ||
                        word == "cookie" || word.ends_with("-key") || word.ends_with("token");
    if (secret) draft.guard(value.place.file.text(), value, GuardedFile::Kind::secret);
  }
}

// The files that a probe is let in with, of `auth` and of a client's certificate.
void guard_secret_files(Draft& draft, const Node& probe) {
  const auto guard = [&](const Node* file) {
    if (file != nullptr && file->is_scalar() && file->scalar.starts_with('/'))
      draft.guard(file->scalar, *file, GuardedFile::Kind::secret);
  };
  guard(probe.find("client_key"));
  // Without a key of its own the certificate's file holds both.
  if (probe.find("client_key") == nullptr) guard(probe.find("client_certificate"));
  if (const Node* auth = probe.find("auth")) {
    guard(auth->find("basic"));
    guard(auth->find("bearer"));
  }
}

// Who may change the program that a probe runs, decides what the daemon runs.
void guard_program(Draft& draft, const Node& probe) {
  const Node* run = probe.find("run");
  if (run == nullptr || !run->is_list() || run->items.empty()) return;
  const Node& program = run->items.front();
  if (program.is_scalar() && program.scalar.starts_with('/'))
    draft.guard(program.scalar, program, GuardedFile::Kind::program);
}

std::string kind_words() {
  std::string words;
  for (const ProbeKind& kind : probe_kinds())
    words += fmt::format("{}{}", words.empty() ? "" : ", ", kind.name);
  return words;
}

const ProbeKind* read_kind(Reader& reader) {
  if (reader.required("kind") == nullptr) return nullptr;
  const auto name = reader.text("kind");
  if (!name) return nullptr;
  const ProbeKind* kind = probe_kind(*name);
  if (kind == nullptr) {
    reader.problem(*reader.find("kind"),
                   fmt::format("there is no probe of kind `{}`: write one of {}",
                               one_line(*name, 60), kind_words()));
  }
  return kind;
}

void read_runs(Reader& reader, const ProbeDefaults& defaults, ProbeSpec& spec) {
  const bool has_own = reader.has("interval") || reader.has("timeout");
  spec.interval = read_interval(reader, defaults.interval);
  spec.timeout = duration_within(reader, "timeout", defaults.timeout, 100ms, longest_interval);
  if (has_own || defaults.interval_fits) check_timeout(reader, spec.timeout, spec.interval);
  spec.retry = duration_within(reader, "retry", defaults.retry, 1s, longest_interval);
  spec.confirm = static_cast<int>(reader.integer_or("confirm", defaults.confirm, 1, 100));
  spec.clear =
      static_cast<int>(reader.integer_or("clear", defaults.clear.value_or(spec.confirm), 1, 100));
}

void read_job_keys(Reader& reader, ProbeSpec& spec) {
  for (std::string_view key : run_keys) {
    if (const Node* node = reader.find(key)) {
      reader.problem(
          *node,
          fmt::format("a job is judged by its pings, and by each at once: remove `{}`", key));
    }
  }
  spec.confirm = spec.clear = 1;
}

// How often what an alarm was told is looked at again by itself: that it is stale shows so much later.
constexpr Duration alarm_interval = 30s;

void read_alarm_keys(Reader& reader, ProbeSpec& spec) {
  for (std::string_view key : run_keys) {
    if (const Node* node = reader.find(key)) {
      reader.problem(*node, fmt::format("an alarm is judged as it arrives, and by each word at once: remove `{}`", key));
    }
  }
  spec.interval = alarm_interval;
}

// `failing: {when: …, for: 10m}` of whatever kind has levels, which reads the rest of it; wherever in the probe it stands.
void read_sustain(Draft& draft, const Node& node, ProbeSpec& spec) {
  for (const Node& item : node.items) read_sustain(draft, item, spec);
  for (const auto& [key, value] : node.entries) {
    const Node* written = key.scalar == "failing" && value.is_map() ? value.find("for") : nullptr;
    if (written == nullptr) {
      read_sustain(draft, value, spec);
      continue;
    }
    Reader reader(value, draft.problems, "`failing`");
    const Duration sustain = duration_within(reader, "for", Duration{0}, 1s, longest_sustain);
    if (spec.sustain != Duration{0} && spec.sustain != sustain) {
      reader.problem(*written, "a probe has one `for`: write the same one for all its levels, or make two probes of it");
    }
    spec.sustain = sustain;
  }
}

ProbeSetup read_own_keys(Reader& reader, const ProbeKind& kind) {
  const std::size_t before = reader.problems().size();
  ProbeSetup setup;
  setup.definition = std::hash<std::string>()(definition_of(std::string(kind.name), reader.node()));
  bool made = false;
  if (kind.make == nullptr) {
    setup.job = read_job(reader);
    made = setup.job.has_value();
  } else {
    made = kind.make(reader) != nullptr;
    setup.make = [make = kind.make, node = std::make_shared<const Node>(reader.node()),
                  what = reader.what()] {
      Problems none;
      Reader again(*node, none, what);
      return make(again);
    };
  }
  if (!made && reader.problems().size() == before) {
    reader.problem(fmt::format("{} cannot be set up as it is written", reader.what()));
  }
  return setup;
}

}  // namespace

Impact default_impact(ProbeFamily family) {
  return family == ProbeFamily::liveness ? Impact::down : Impact::degraded;
}

ProbeDefaults read_probe_defaults(Draft& draft) {
  ProbeDefaults defaults;
  const Node* section = draft.root.find("probe_defaults");
  if (section == nullptr) return defaults;
  Reader reader(*section, draft.problems, "probe_defaults");
  defaults.interval = read_interval(reader, defaults.interval);
  defaults.timeout = duration_within(reader, "timeout", defaults.timeout, 100ms, longest_interval);
  defaults.interval_fits = check_timeout(reader, defaults.timeout, defaults.interval);
  defaults.retry = duration_within(reader, "retry", defaults.retry, 1s, longest_interval);
  defaults.confirm = static_cast<int>(reader.integer_or("confirm", defaults.confirm, 1, 100));
  if (auto clear = reader.integer("clear", 1, 100)) defaults.clear = static_cast<int>(*clear);
  reader.finish();
  return defaults;
}

std::optional<ProbeSpec> read_probe(Draft& draft, const std::string& component, const Node& node,
                                    const ProbeDefaults& defaults) {
  const auto named = [&](std::string_view key) -> std::string {
    const Node* value = node.find(key);
    return value != nullptr && value->is_scalar() ? value->scalar : "";
  };
  ProbeSpec spec;
  spec.kind = named("kind");
  spec.name = named("name").empty() ? spec.kind : named("name");
  Reader reader(node, draft.problems,
                spec.name.empty() ? fmt::format("a probe of component {}", component)
                                  : fmt::format("probe {}/{}", component, one_line(spec.name, 80)));
  if (!node.is_map()) return std::nullopt;
  if (auto name = reader.text("name"); name && !is_identifier(*name)) {
    reader.problem(*reader.find("name"),
                   fmt::format("`{}` cannot be the name of a probe: write letters a-z, digits, "
                               "`-`, `_` and `.`, at most 64",
                               one_line(*name, 60)));
  }
  const ProbeKind* kind = read_kind(reader);
  if (kind == nullptr) return std::nullopt;  // which keys it may have is not known
  spec.family = family_of(kind->family);
  // What a program looks at only its writer knows. The kind itself says what is wrong with the key.
  Problems said_by_the_kind;
  spec.remote = spec.kind == "plugin" ? Reader(node, said_by_the_kind, "").boolean_or("remote", true) : kind->remote;
  spec.impact =
      choice_of<Impact>(reader, "impact", {{"down", Impact::down}, {"degraded", Impact::degraded}})
          .value_or(default_impact(kind->family));
  if (spec.is_job()) {
    read_job_keys(reader, spec);
  } else if (kind->family == ProbeFamily::outside) {
    read_alarm_keys(reader, spec);
    for (AlarmSource source : {AlarmSource::alertmanager, AlarmSource::event, AlarmSource::sns}) {
      if (named("source") == name_of(source)) draft.alarm_sources.emplace_back(source, reader.find("source")->place);
    }
  } else {
    read_runs(reader, defaults, spec);
    read_sustain(draft, node, spec);
  }
  guard_headers(draft, node);
  guard_secret_files(draft, node);
  guard_program(draft, node);
  draft.configuration.probes.insert_or_assign(ProbeId{component, spec.name},
                                              read_own_keys(reader, *kind));
  reader.finish();
  return spec;
}

}  // namespace yagura
