#include "bank_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_services_in_subject = 2;

}  // namespace

std::vector<std::string> contact_names(const Bank& bank, const Notice& notice) {
  std::vector<std::string> names;
  for (const Contact& contact : bank.contacts) {
    bool written_to = std::any_of(notice.to.begin(), notice.to.end(),
                                  [&](const Recipient& to) { return to.mail == contact.mail; });
    bool concerned = is_stop(notice.kind) ? contact.for_stops : contact.for_failures;
    bool counts = notice.to.empty() ? concerned : written_to;
    if (counts && !contact.name.empty()) names.push_back(one_line(contact.name, 200));
  }
  return names;
}

void add_addressee(View& view, const std::string& bank, const std::vector<std::string>& contacts,
                   const Words& words) {
  view.set("BANK", bank.empty() ? words["bank.unnamed"] : bank);
  for (const std::string& name : contacts) {
    View contact{words["unknown"]};
    contact.set("CONTACT_NAME", name);
    view.add("CONTACT", std::move(contact));
  }
}

std::string services_in_short(const std::vector<std::string>& names, const Words& words) {
  if (names.empty()) return words["services.unnamed"];
  if (names.size() <= most_services_in_subject) return words.phrases().list(names);
  return fmt::format("{} {}", names.front(), words.counted("services.more", names.size() - 1));
}

}  // namespace yagura
