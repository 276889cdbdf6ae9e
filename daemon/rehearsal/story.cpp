#include "story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "text.hpp"
#include "yaml.hpp"

namespace yagura {
namespace {

constexpr std::string_view no_words = "as the story says";
constexpr std::size_t most_entries = 10'000;
constexpr Duration longest_story = 24h * 366 * 20;

// One entry while it is read: its keys, its person, and the names that it uses.
class EntryReader {
 public:
  EntryReader(Reader& keys, Story& story, const std::string& file)
      : keys_(keys), story_(story), file_(file) {}

  Reader& keys() { return keys_; }
  const std::string& file() const { return file_; }
  void use(StoryName::Of of, std::string name, const Node& at) {
    story_.names.push_back({of, std::move(name), at.place});
  }
  // The text of `key`, remembered as a name to be checked.
  std::string named(Reader& reader, std::string_view key, StoryName::Of of) {
    const Node* node = reader.required(key);
    std::string name = reader.text_or(key, "");
    if (node != nullptr && node->is_scalar()) use(of, name, *node);
    return name;
  }
  std::vector<std::string> all_named(Reader& reader, std::string_view key, StoryName::Of of) {
    std::vector<std::string> names = reader.texts(key);
    for (const std::string& name : names)
      use(of, name, *reader.find(key));
    return names;
  }
  std::string person() { return named(keys_, "by", StoryName::Of::person); }
  std::string message(Reader& reader) { return many_lines(reader.text_or("message", "")); }
  std::string message() { return message(keys_); }
  // Of an order that cannot do without: a story may leave the words open.
  std::string some_message() {
    std::string text = message();
    return text.empty() ? std::string(no_words) : text;
  }
  FailureId number(std::string_view key) {
    return keys_.integer_or(key, 0, 1, std::int64_t{1'000'000'000'000});
  }
  bool success(Reader& reader) {
    const Node* node = reader.required("result");
    const std::string word = reader.text_or("result", "");
    if (node != nullptr && word != "success" && word != "failed") {
      reader.problem(*node, "`result` must be success or failed");
    }
    return word == "success";
  }
  // "database/tcp" or "database".
  std::pair<std::string, std::string> target(std::string_view key, StoryName::Of of) {
    const Node* node = keys_.find(key);
    const std::string text = keys_.text_or(key, "");
    if (node == nullptr || !node->is_scalar()) return {};
    const auto slash = text.find('/');
    if (slash == std::string::npos) {
      use(of, text, *node);
      return {text, ""};
    }
    use(StoryName::Of::probe, text, *node);
    return {text.substr(0, slash), text.substr(slash + 1)};
  }

 private:
  Reader& keys_;
  Story& story_;
  const std::string& file_;
};

StoryAction finding(EntryReader& entry, std::string_view key, Verdict verdict) {
  const auto [component, probe] = entry.target(key, StoryName::Of::component);
  const std::string_view otherwise = verdict == Verdict::ok ? "" : no_words;
  return FindingChange{verdict, component, probe,
                       one_line(entry.keys().text_or("reason", otherwise))};
}
StoryAction read_failing(EntryReader& entry) {
  return finding(entry, "failing", Verdict::failing);
}
StoryAction read_ok(EntryReader& entry) {
  return finding(entry, "ok", Verdict::ok);
}
StoryAction read_warning(EntryReader& entry) {
  return finding(entry, "warning", Verdict::warning);
}
StoryAction read_unknown(EntryReader& entry) {
  return finding(entry, "unknown", Verdict::unknown);
}

StoryAction read_response(EntryReader& entry) {
  Reader step(*entry.keys().find("response"), entry.keys().problems(), "`response`");
  StepExit exit;
  exit.component = entry.named(step, "component", StoryName::Of::component);
  step.required("step");
  exit.step = static_cast<int>(step.integer_or("step", 1, 1, 1000));
  exit.success = entry.success(step);
  step.finish();
  return exit;
}

StoryAction read_ack(EntryReader& entry) {
  return PersonActs{entry.person(), Acknowledge{entry.number("ack"), entry.message()}};
}
StoryAction read_report(EntryReader& entry) {
  return PersonActs{entry.person(), Report{entry.number("report"), entry.some_message(),
                                           entry.keys().boolean_or("to_banks", false)}};
}
StoryAction read_recover(EntryReader& entry) {
  return PersonActs{entry.person(), Recover{entry.number("recover"), entry.message()}};
}
StoryAction read_confirm(EntryReader& entry) {
  return PersonActs{entry.person(), Confirm{entry.number("confirm"), entry.some_message(),
                                            entry.keys().boolean_or("job_ok", false)}};
}
StoryAction read_respond(EntryReader& entry) {
  return PersonActs{entry.person(),
                    Respond{entry.number("respond"), entry.success(entry.keys()), entry.message()}};
}

std::optional<FailureClass> read_class(Reader& reader) {
  const Node* node = reader.find("class");
  if (node == nullptr) return std::nullopt;
  const std::string word = reader.text_or("class", "");
  if (word == "major") return FailureClass::major;
  if (word != "incident") reader.problem(*node, "`class` must be incident or major");
  return FailureClass::incident;
}
StoryAction read_classify(EntryReader& entry) {
  entry.keys().required("class");
  const FailureClass wanted = read_class(entry.keys()).value_or(FailureClass::incident);
  return PersonActs{entry.person(),
                    Classify{entry.number("classify"), wanted, entry.some_message()}};
}

StoryAction read_banks(EntryReader& entry) {
  Reader& keys = entry.keys();
  ChangeBanks change{entry.number("banks"), keys.has("add"), "", entry.some_message()};
  if (keys.has("add") == keys.has("remove")) {
    keys.problem(*keys.find("banks"), "`banks` takes either `add: BANK` or `remove: BANK`");
  } else {
    change.bank = entry.named(keys, change.add ? "add" : "remove", StoryName::Of::bank);
  }
  return PersonActs{entry.person(), change};
}

StoryAction read_open(EntryReader& entry) {
  Reader report(*entry.keys().find("open"), entry.keys().problems(), "`open`");
  Open open;
  open.components = entry.all_named(report, "components", StoryName::Of::component);
  open.services = entry.all_named(report, "services", StoryName::Of::service);
  const auto wanted = read_class(report);
  if (wanted == FailureClass::incident) {
    report.problem(*report.find("class"),
                   "`class` of what a person reports can only be major: "
                   "without it the rules decide");
  }
  open.major = wanted == FailureClass::major;
  open.inquiry = report.integer_or("inquiry", 0, 1, std::int64_t{1'000'000'000'000});
  open.from_desk = report.boolean_or("from_desk", open.inquiry != 0);
  open.text = report.has("message") ? entry.message(report) : entry.some_message();
  if (open.components.empty() && open.services.empty()) {
    report.problem("`open` needs `services` or `components`");
  }
  report.finish();
  return PersonActs{entry.person(), open};
}

Instant instant_of(Reader& reader, std::string_view key) {
  const Node* node = reader.required(key);
  if (node == nullptr) return {};
  auto instant = parse_instant(node->scalar);
  if (!node->is_scalar() || !instant) {
    reader.problem(*node,
                   fmt::format("`{}` must be a time such as 2026-12-28T16:58:00+09:00", key));
    return {};
  }
  return *instant;
}

// `services: all`, or a list of them.
void read_stopped_services(EntryReader& entry, Reader& plan, PlanStop& stop) {
  const Node* services = plan.required("services");
  stop.all_services = services != nullptr && services->is_scalar() && services->scalar == "all";
  if (stop.all_services) {
    plan.text_or("services", "");
    return;
  }
  for (ServiceName& name : entry.all_named(plan, "services", StoryName::Of::service))
    stop.services.insert(std::move(name));
}

StoryAction read_plan_stop(EntryReader& entry) {
  Reader plan(*entry.keys().find("plan_stop"), entry.keys().problems(), "`plan_stop`");
  PlanStop stop;
  read_stopped_services(entry, plan, stop);
  stop.from = instant_of(plan, "from");
  stop.until = instant_of(plan, "until");
  stop.text = plan.has("message") ? entry.message(plan) : entry.message();
  stop.emergency = plan.boolean_or("emergency", false);
  stop.after_the_fact = plan.boolean_or("after_the_fact", false);
  plan.finish();
  return PersonActs{entry.person(), stop};
}

// A number, or the name of a regular one.
template <class ForStop>
void name_stop(EntryReader& entry, const char* key, ForStop& order) {
  const std::string word = entry.keys().text_or(key, "");
  if (word.find_first_not_of("0123456789") == std::string::npos) {
    order.stop = entry.number(key);
  } else {
    order.regular = word;
  }
}

StoryAction read_change_stop(EntryReader& entry) {
  ChangeStop stop;
  name_stop(entry, "change_stop", stop);
  if (entry.keys().has("from")) stop.from = instant_of(entry.keys(), "from");
  if (entry.keys().has("until")) stop.until = instant_of(entry.keys(), "until");
  stop.emergency = entry.keys().boolean_or("emergency", false);
  stop.after_the_fact = entry.keys().boolean_or("after_the_fact", false);
  stop.text = entry.message();
  return PersonActs{entry.person(), stop};
}

StoryAction read_end_stop(EntryReader& entry) {
  EndStop stop{};
  name_stop(entry, "end_stop", stop);
  return PersonActs{entry.person(), stop};
}

StoryAction read_cancel_stop(EntryReader& entry) {
  CancelStop stop;
  name_stop(entry, "cancel_stop", stop);
  if (const Node* on = entry.keys().find("on")) {
    auto date = on->is_scalar() ? parse_date(on->scalar) : failure_of("");
    if (date) {
      stop.on = *date;
    } else {
      entry.keys().problem(*on, "`on` must be a date such as 2026-12-28");
    }
  }
  stop.text = entry.message();
  return PersonActs{entry.person(), stop};
}

// `inquiry: {open: …}`, `{reply: N}`, `{reply_about: FAILURE}`, `{close: N}`, `{link: N, failure: M}`.
StoryAction read_inquiry(EntryReader& entry) {
  Reader inquiry(*entry.keys().find("inquiry"), entry.keys().problems(), "`inquiry`");
  std::vector<Order> orders;
  const auto id = [&inquiry](std::string_view key) { return inquiry.integer(key, 1, 1'000'000'000'000); };
  const std::string text = many_lines(inquiry.text_or("message", ""));
  const std::string words = text.empty() ? std::string(no_words) : text;
  const bool again = inquiry.boolean_or("again", false);
  if (inquiry.has("bank") || inquiry.has("from")) {
    OpenInquiry open;
    if (inquiry.has("bank")) open.bank = entry.named(inquiry, "bank", StoryName::Of::bank);
    open.from = one_line(inquiry.text_or("from", ""));
    open.subject = one_line(inquiry.text_or("subject", ""));
    open.text = words;
    orders.emplace_back(std::move(open));
  }
  if (auto answered = id("reply")) orders.emplace_back(ReplyInquiry{*answered, 0, words, again});
  if (auto about = id("reply_about")) orders.emplace_back(ReplyInquiry{0, *about, words, again});
  if (auto closed = id("close")) orders.emplace_back(CloseInquiry{*closed, text});
  if (auto linked = id("link")) {
    inquiry.required("failure");
    orders.emplace_back(LinkInquiry{*linked, id("failure").value_or(0)});
  }
  inquiry.finish();
  if (orders.size() != 1) {
    inquiry.problem("`inquiry` takes one of bank or from (a new one), reply, reply_about, close, link");
    orders.assign(1, CloseInquiry{});
  }
  return PersonActs{entry.person(), orders.front()};
}

StoryAction read_mail(EntryReader& entry) {
  const std::string word = entry.keys().text_or("mail", "");
  if (word != "up" && word != "down") {
    entry.keys().problem(*entry.keys().find("mail"), "`mail` must be down or up");
  }
  return RelayChange{word == "up"};
}

StoryAction read_restart(EntryReader& entry) {
  return Outage{entry.keys().duration_or("restart", Duration{0})};
}

StoryAction read_job(EntryReader& entry) {
  static constexpr std::array<std::string_view, 4> words{"start", "success", "fail", "none"};
  const auto [component, probe] = entry.target("job", StoryName::Of::job);
  const Node* node = entry.keys().required("event");
  const std::string word = entry.keys().text_or("event", "");
  const auto found = std::find(words.begin(), words.end(), word);
  if (node != nullptr && found == words.end()) {
    entry.keys().problem(*node, "`event` must be start, success, fail or none");
  }
  const auto index = found == words.end() ? 3 : found - words.begin();
  return JobChange{component, probe, static_cast<JobChange::Event>(index)};
}

StoryAction read_reload(EntryReader& entry) {
  Reader reload(*entry.keys().find("reload"), entry.keys().problems(), "`reload`");
  reload.required("file");
  const std::filesystem::path file = reload.text_or("file", "");
  reload.finish();
  return ConfigurationChange{(std::filesystem::path(entry.file()).parent_path() / file).string()};
}

StoryAction read_notice(EntryReader& entry) {
  Reader notice(*entry.keys().find("notice"), entry.keys().problems(), "`notice`");
  std::vector<Order> orders;
  const auto id = [&notice](std::string_view key) {
    return notice.integer(key, 1, 1'000'000'000'000);
  };
  if (auto held = id("hold")) orders.emplace_back(HoldNotice{*held});
  if (auto released = id("release")) orders.emplace_back(ReleaseNotice{*released});
  if (auto withdrawn = id("withdraw")) orders.emplace_back(WithdrawNotice{*withdrawn});
  if (auto edited = id("edit")) {
    notice.required("subject");
    notice.required("text");
    orders.emplace_back(EditNotice{*edited, one_line(notice.text_or("subject", "")), many_lines(notice.text_or("text", ""))});
  }
  notice.finish();
  if (orders.size() != 1) {
    notice.problem("`notice` takes one of hold, release, withdraw, edit with the notice's number");
    orders.assign(1, HoldNotice{});
  }
  return PersonActs{entry.person(), orders.front()};
}

StoryAction read_swap_duty(EntryReader& entry) {
  Reader keys(*entry.keys().find("swap_duty"), entry.keys().problems(), "`swap_duty`");
  SwapDuty swap;
  keys.required("role");
  swap.role = keys.text_or("role", "");
  swap.person = entry.named(keys, "person", StoryName::Of::person);
  swap.from = instant_of(keys, "from");
  swap.until = instant_of(keys, "until");
  keys.finish();
  return PersonActs{entry.person(), swap};
}

StoryAction read_escalate(EntryReader& entry) {
  return PersonActs{entry.person(), Escalate{entry.number("escalate"), entry.message()}};
}

StoryAction read_tell_security(EntryReader& entry) {
  Reader keys(*entry.keys().find("tell_security"), entry.keys().problems(), "`tell_security`");
  TellSecurity tell;
  for (BankName& bank : entry.all_named(keys, "banks", StoryName::Of::bank)) tell.banks.insert(std::move(bank));
  tell.at_once = keys.boolean_or("at_once", false);
  tell.text = entry.message(keys);
  keys.finish();
  return PersonActs{entry.person(), tell};
}

struct Form {
  std::string_view key;
  StoryAction (*read)(EntryReader&);
};
constexpr std::array forms{Form{"failing", read_failing},     Form{"ok", read_ok},
                           Form{"warning", read_warning},     Form{"unknown", read_unknown},
                           Form{"response", read_response},   Form{"ack", read_ack},
                           Form{"report", read_report},       Form{"recover", read_recover},
                           Form{"confirm", read_confirm},     Form{"classify", read_classify},
                           Form{"open", read_open},           Form{"respond", read_respond},
                           Form{"banks", read_banks},         Form{"notice", read_notice},
                           Form{"plan_stop", read_plan_stop}, Form{"change_stop", read_change_stop},
                           Form{"end_stop", read_end_stop},   Form{"cancel_stop", read_cancel_stop},
                           Form{"tell_security", read_tell_security}, Form{"swap_duty", read_swap_duty},
                           Form{"escalate", read_escalate},
                           Form{"mail", read_mail},
                           Form{"restart", read_restart},     Form{"job", read_job},
                           Form{"reload", read_reload},
                           Form{"inquiry", read_inquiry}};

// The entry as one line: "failing database/tcp, reason connection refused".
std::string words_of(const Node& node) {
  if (node.is_scalar()) return node.scalar;
  std::string words;
  for (const Node& item : node.items)
    words += (words.empty() ? "" : ", ") + words_of(item);
  for (const auto& [key, value] : node.entries) {
    if (key.scalar == "at") continue;
    words += (words.empty() ? "" : ", ") + key.scalar + " " + words_of(value);
  }
  return words;
}

// `at` as an instant, or as `+20m` after the entry before.
std::optional<Instant> read_at(Reader& keys, Instant before) {
  const Node* node = keys.required("at");
  if (node == nullptr) return std::nullopt;
  if (node->is_scalar() && node->scalar.starts_with('+')) {
    auto duration = parse_duration(std::string_view(node->scalar).substr(1));
    if (duration) return before + *duration;
    keys.problem(*node, fmt::format("`at`: {}", duration.error().message));
    return std::nullopt;
  }
  auto instant = parse_instant(node->scalar);
  if (node->is_scalar() && instant) return *instant;
  keys.problem(
      *node,
      "`at` must be a time such as 2026-12-28T16:58:00+09:00, or +20m after the entry before");
  return std::nullopt;
}

void read_entry(const Node& node, Instant& before, Story& story, const std::string& file,
                Problems& problems) {
  Reader keys(node, problems, "this entry");
  if (!node.is_map()) return;
  const auto at = read_at(keys, before);
  const auto is_given = [&node](const Form& form) {
    const Node* value = node.find(form.key);
    return value != nullptr;
  };
  const auto form = std::find_if(forms.begin(), forms.end(), is_given);
  const auto given = std::count_if(forms.begin(), forms.end(), is_given);
  if (given != 1) {
    std::string all;
    for (const Form& each : forms) {
      keys.find(each.key);
      all += fmt::format("{}{}", all.empty() ? "" : ", ", each.key);
    }
    if (given > 1) {
      keys.problem(
          "an entry says one thing: write what happens at the same time as entries of `at: +0s`");
    } else {
      keys.problem(fmt::format("an entry needs one of {}", all));
      keys.finish();
    }
    return;
  }
  if (keys.find(form->key) == nullptr) {
    keys.problem(*node.find(form->key), fmt::format("`{}` needs a value", form->key));
    return;
  }
  EntryReader entry(keys, story, file);
  StoryEntry read{at.value_or(before), node.place, one_line(words_of(node), 200),
                  form->read(entry)};
  keys.finish();
  if (!at) return;
  if (*at < before) {
    keys.problem(*node.find("at"),
                 "this lies before the entry above: entries stand in order of time");
  }
  if (*at > story.until) keys.problem(*node.find("at"), "this lies after the story's `until`");
  before = *at;
  story.entries.push_back(std::move(read));
}

}  // namespace

Story read_story(const std::string& path, Problems& problems) {
  Story story;
  auto text = read_small_file(path, YamlLimits{}.bytes, true);
  if (!text) {
    problems.push_back({{path, 1, 1}, text.error().message, false});
    return story;
  }
  const YamlDocument document = parse_yaml(*text, path, problems);
  if (!document.complete) return story;
  Reader root(document.root, problems, "the story");
  if (!document.root.is_map()) return story;
  story.from = instant_of(root, "from");
  story.until = instant_of(root, "until");
  if (const Node* until = root.find("until"); until != nullptr && root.has("from")) {
    if (story.until < story.from) root.problem(*until, "`until` lies before `from`");
    if (story.until - story.from > longest_story)
      root.problem(*until, "a story lasts at most twenty years");
  }
  const Node* entries = root.required("story");
  if (entries != nullptr && !entries->is_list()) {
    root.problem(*entries, "`story` must be a list of entries (- {at: …, …})");
  } else if (entries != nullptr && entries->items.size() > most_entries) {
    root.problem(*entries, fmt::format("a story has at most {} entries", most_entries));
  } else if (entries != nullptr) {
    Instant before = story.from;
    for (const Node& node : entries->items)
      read_entry(node, before, story, path, problems);
  }
  root.finish();
  return story;
}

}  // namespace yagura
