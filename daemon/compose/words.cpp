#include "words.hpp"

#include <fmt/format.h>

#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>

#include <algorithm>
#include <set>

#include "health.hpp"
#include "text.hpp"

namespace yagura {
namespace {

template <class E>
std::string key_of(std::string_view family, E value) {
  return fmt::format("{}.{}", family, boost::describe::enum_to_string(value, "?"));
}

template <class E>
void add_keys(std::vector<std::string>& keys, std::string_view family) {
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
      [&](auto described) { keys.push_back(key_of(family, described.value)); });
}

std::vector<std::string> make_keys() {
  std::vector<std::string> keys{
      "unknown",       "no-title",      "audience.unnamed", "audience.others", "audience.inquiry", "bank.unnamed", "services.unnamed",
      "services.more", "told.nothing",  "told.waiting",     "told.first",   "told.ended",
      "told.refused",  "told.removed",  "told.withdrawn",   "told.added",   "hold.lead",
      "hold.approval", "hold.second-word", "hold.brake",    "hold.clock",    "hold.window",      "hold.retry",   "hold.check",
      "hold.none",     "chain.at-once", "chain.banks",      "chain.sent",   "chain.this",
      "chain.waiting", "chain.dropped", "chain.planned"};
  add_keys<FailureClass>(keys, "class");
  add_keys<ClassRule>(keys, "rule");
  add_keys<Phase>(keys, "phase");
  add_keys<StepResult>(keys, "step");
  add_keys<Verdict>(keys, "verdict");
  for (Role role : all_roles)
    keys.push_back(fmt::format("role.{}", name_of(role)));
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<NoticeKind>>(
      [&](auto described) { keys.push_back("kind." + name_of(described.value)); });
  return keys;
}

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \r") - first + 1);
}

void read(const TemplateSource& source, std::map<std::string, std::string, std::less<>>& words,
          std::vector<std::string>& errors) {
  if (!is_utf8(source.text)) {
    errors.push_back(source.file + ": is not UTF-8: save it as UTF-8");
    return;
  }
  std::set<std::string> seen;
  std::string_view rest = source.text;
  for (int line = 1; !rest.empty(); ++line) {
    std::size_t newline = rest.find('\n');
    std::string_view text = trimmed(rest.substr(0, newline));
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    if (text.empty() || text.front() == '#') continue;
    std::size_t equals = text.find('=');
    std::string key(trimmed(text.substr(0, equals)));
    std::string_view word =
        equals == std::string_view::npos ? std::string_view{} : trimmed(text.substr(equals + 1));
    const auto error = [&](const std::string& message) {
      errors.push_back(fmt::format("{}:{}: {}", source.file, line, message));
    };
    const auto& keys = Words::keys();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      auto close = nearest(key, keys);
      error(fmt::format("\"{}\" is not a word that mails use{}", key,
                        close.empty() ? "" : fmt::format(": did you mean {}?", close)));
    } else if (word.empty()) {
      error(fmt::format("\"{}\" has no word: write {} = …", key, key));
    } else if (!seen.insert(key).second) {
      error(fmt::format("\"{}\" stands twice", key));
    } else {
      words[key] = one_line(word);
    }
  }
}

}  // namespace

const std::vector<std::string>& Words::keys() {
  static const std::vector<std::string> keys = make_keys();
  return keys;
}

Result<Words> Words::parse(const TemplateSource& base, const TemplateSource* own,
                           Language language) {
  Words made;
  made.language_ = language;
  std::vector<std::string> errors;
  read(base, made.words_, errors);
  if (own != nullptr) read(*own, made.words_, errors);
  for (const std::string& key : keys()) {
    if (!made.words_.contains(key))
      errors.push_back(fmt::format("{}: the word \"{}\" is missing", base.file, key));
  }
  if (!errors.empty()) return failure_of(fmt::format("{}", fmt::join(errors, "\n")));
  return made;
}

const std::string& Words::operator[](std::string_view key) const {
  return words_.find(key)->second;
}

std::string Words::counted(std::string_view key, std::size_t number) const {
  std::string word = (*this)[key];
  if (auto at = word.find('%'); at != std::string::npos)
    word.replace(at, 1, std::to_string(number));
  return word;
}

const std::string& Words::of(FailureClass value) const {
  return (*this)[key_of("class", value)];
}
const std::string& Words::of(ClassRule value) const {
  return (*this)[key_of("rule", value)];
}
const std::string& Words::of(Phase value) const {
  return (*this)[key_of("phase", value)];
}
const std::string& Words::of(StepResult value) const {
  return (*this)[key_of("step", value)];
}
const std::string& Words::of(Verdict value) const {
  return (*this)[key_of("verdict", value)];
}
const std::string& Words::of(NoticeKind value) const {
  return (*this)["kind." + name_of(value)];
}
const std::string& Words::of(Role role) const {
  return (*this)[fmt::format("role.{}", name_of(role))];
}

std::string Words::role_named(std::string_view name) const {
  auto role = yagura::role_named(name);
  return role ? of(*role) : std::string(name);
}

}  // namespace yagura
