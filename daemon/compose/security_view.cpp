#include "security_view.hpp"

#include "bank_parts.hpp"
#include "text.hpp"

namespace yagura {

const Vocabulary& security_vocabulary() {
  static const Vocabulary vocabulary{{"BANK", "NOTICE", "TEXT", "NOW"}, {{"CONTACT", {{"CONTACT_NAME"}, {}}},
                                      {"DESK", {{"DESK_TEXT"}, {}}},
                                      {"SIGNATURE", {{"SIGNATURE_TEXT"}, {}}}}};
  return vocabulary;
}

View security_view(const Platform& platform, const Notice& notice, const Words& words, Instant now) {
  static const Bank left;
  auto known = platform.banks.find(notice.bank());
  const Bank& bank = known == platform.banks.end() ? left : known->second;
  auto text = notice.details.find("text");
  View view{words["unknown"]};
  add_addressee(view, one_line(bank.name, 200), contact_names(bank, notice), words);
  view.set("NOTICE", std::to_string(notice.id));
  view.set("TEXT", text == notice.details.end() ? words["unknown"] : many_lines(text->second));
  view.set("NOW", words.phrases().time(now, platform.zone));
  return view;
}

}  // namespace yagura
