// Templates of mails, as somebody may write their own.
#include "mail_template.hpp"

#include "fuzz.hpp"
#include "wrap_lines.hpp"

namespace yagura::fuzz {
namespace {

Vocabulary vocabulary() {
  Vocabulary bank{{"BANK", "CONTACT"}, {}};
  Vocabulary held{{"RULE"}, {{"BANKS", bank}}};
  return {{"NUMBER", "SERVICE"}, {{"BANKS", bank}, {"HELD", held}}};
}

void run(std::string_view bytes) {
  static const Vocabulary known = vocabulary();
  static const TemplateSource part{"_end.txt", "{{NUMBER}}\n{{#BANKS}}{{BANK}}\n{{/BANKS}}"};
  static const TemplateSource endless{"_again.txt", "{{>again}}\n"};
  auto read = MailTemplate::parse(
      {"own.txt", std::string(bytes)},
      [&](std::string_view name) { return name == "end" ? &part : name == "again" ? &endless : nullptr; },
      known);
  if (!read) return require(!read.error().message.empty(), "a refusal has words");
  for (bool full : {true, false}) {
    std::vector<std::string> missing;
    const View view = View::sample(known, full);
    require(!read->subject(view, missing).empty(), "a template has a subject");
    wrap_lines(read->body(view, missing), 72);
    require(missing.empty(), "a template that was taken has no holes");
  }
}
const Target target("mail_template", run);

}  // namespace
}  // namespace yagura::fuzz
