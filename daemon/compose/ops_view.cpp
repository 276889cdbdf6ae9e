#include "ops_view.hpp"

#include <fmt/format.h>

#include <charconv>

#include "mail_thread.hpp"
#include "text.hpp"

namespace yagura {
namespace ops {

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    auto comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    while (name.starts_with(' '))
      name.remove_prefix(1);
    while (name.ends_with(' '))
      name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return names;
}

std::string Source::time(Instant at) const {
  return words.phrases().time(at, platform.zone);
}

std::string Source::person(const PersonName& id) const {
  auto found = platform.people.find(id);
  return found == platform.people.end() || found->second.name.empty()
             ? one_line(id)
             : one_line(found->second.name);
}

std::string Source::bank(const BankName& id) const {
  auto found = platform.banks.find(id);
  return found == platform.banks.end() || found->second.name.empty() ? one_line(id)
                                                                     : one_line(found->second.name);
}

std::string Source::service(const ServiceName& id) const {
  auto found = platform.services.find(id);
  return found == platform.services.end() || found->second.name.empty()
             ? one_line(id)
             : one_line(found->second.name);
}

std::string Source::services(const std::set<ServiceName>& ids) const {
  std::vector<std::string> names;
  for (const ServiceName& id : ids)
    names.push_back(service(id));
  return words.phrases().list(names);
}

std::string Source::audience(const std::string& name) const {
  if (name.starts_with("bank:")) return bank(name.substr(5));
  if (std::size_t number = 0; name.starts_with("inquiry:")) {
    std::from_chars(name.data() + 8, name.data() + name.size(), number);
    return words.counted("audience.inquiry", number);
  }
  if (name.empty()) return words["audience.unnamed"];
  const std::string role = words.role_named(one_line(role_of_audience(name)));
  return name.ends_with(others_of_role) ? role + words["audience.others"] : role;
}

std::string Source::detail(const std::string& name) const {
  return has_detail(name) ? many_lines(notice.details.at(name)) : words["unknown"];
}

bool Source::has_detail(const std::string& name) const {
  auto found = notice.details.find(name);
  return found != notice.details.end() && !found->second.empty();
}

std::string Source::detail_time(const std::string& name) const {
  std::string text = detail(name);
  auto at = parse_instant(text);
  return at ? time(*at) : text;
}

std::string Source::detail_length(const std::string& name) const {
  std::string text = detail(name);
  bool has_sign = text.starts_with('-') || text.starts_with('+');
  auto length = parse_duration(has_sign ? text.substr(1) : text);
  if (!length) return text;
  return (has_sign ? text.substr(0, 1) : std::string()) + words.phrases().length(*length);
}

std::string Source::detail_names(const std::string& name) const {
  std::vector<std::string> names;
  for (const std::string& id : split_names(detail(name))) {
    names.push_back(platform.banks.contains(id) ? bank(id) : service(id));
  }
  return words.phrases().list(names);
}

std::vector<std::string> Source::detail_list(const std::string& name) const {
  return has_detail(name) ? split_names(notice.details.at(name)) : std::vector<std::string>{};
}

std::string Source::notice_named(const std::string& id) const {
  NoticeId number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  auto found = state.notices.find(number);
  if (found != state.notices.end()) return fmt::format("#{} {}", number, describe(found->second));
  std::string text = "#" + one_line(id);
  auto kind = notice.details.find("kind");
  auto to = notice.details.find("audience");
  if (kind != notice.details.end()) {
    auto known = notice_kind_named(kind->second);
    text += " " + (known ? words.of(*known) : one_line(kind->second));
  }
  if (to != notice.details.end()) text = words.phrases().aside(text, audience(to->second));
  return text;
}

std::string Source::detail_notices(const std::string& name) const {
  std::vector<std::string> described;
  for (const std::string& id : split_names(detail(name))) {
    if (described.size() == most_notices) {
      described.emplace_back("…");
      break;
    }
    described.push_back(notice_named(id));
  }
  return words.phrases().list(described);
}

std::string Source::describe(const Notice& one) const {
  return words.phrases().aside(words.of(one.kind), audience(one.audience));
}

}  // namespace ops

View ops_view(const Platform& platform, const State& state, const Notice& notice,
              const Words& words, Instant now) {
  ops::Source source{platform, state, notice, words, now};
  if (notice.failure != 0) {
    for (const Notice* one : notices_of(state, with_joined(state, notice.failure))) source.related.push_back(one);
  }
  View view = source.view();
  view.set("AUDIENCE", source.audience(notice.audience));
  view.set("NOTICE", std::to_string(notice.id));
  view.set("NOW", source.time(now));
  bool to_lead = role_of_audience(notice.audience) == name_of(Role::system_lead);
  bool to_desk = role_of_audience(notice.audience) == name_of(Role::inquiry_desk);
  view.show_if(to_lead, "FOR_LEAD");
  view.show_if(to_desk, "FOR_DESK");
  view.show_if(!to_lead && !to_desk, "FOR_OPS");
  if (auto failure = state.failures.find(notice.failure); failure != state.failures.end()) {
    view.add("FAILURE", ops::failure_view(source, failure->second));
  }
  if (auto inquiry = state.inquiries.find(notice.inquiry); inquiry != state.inquiries.end()) {
    view.add("INQUIRY", ops::inquiry_view(source, inquiry->second));
  }
  ops::add_topics(view, source);
  return view;
}

const Vocabulary& ops_vocabulary() {
  static const Vocabulary vocabulary = [] {
    Vocabulary made{{"AUDIENCE", "NOTICE", "NOW"},
                    {{"BUNDLED", {}},
                     {"FOR_LEAD", {}},
                     {"FOR_DESK", {}},
                     {"FOR_OPS", {}},
                     {"FAILURE", ops::failure_vocabulary()},
                     {"INQUIRY", ops::inquiry_vocabulary()}}};
    for (const auto& topic : ops::topics_vocabulary().sections)
      made.sections.push_back(topic);
    return made;
  }();
  return vocabulary;
}

}  // namespace yagura
